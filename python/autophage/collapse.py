"""What the exact law of collapse answers: times, surviving tokens, counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autophage import _check
from autophage.contexts import Group
from autophage.counts import COUNT_REACH, CountLaws, absence, absolute_deviations
from autophage.memory import refuse_memory
from autophage.models import Categorical
from autophage.occupancy import WHOLE_LAW_BYTES, Floats, Integers, Progress, Result, Tokens, shaped
from autophage.random import resolve_key
from autophage.schedules import distinct_columns

LARGEST_SAMPLE = 2**60 - 1  # draws whose bytes NumPy can count

Evaluation: TypeAlias = Callable[[Group, Integers, Integers], Floats]


class CollapseLaw:
    """The law of the collapse time T; `collapse_law` makes it.

    Generations m are integers of any shape, m >= 0; generation 0 is p itself. Results have the
    shape of m, followed by (c,) where p was given as (c, s), and are floats where that is ().
    Where m is not integral or negative, methods raise a TypeError or ValueError.

    Attributes
    ----------
    model : Categorical
        The true laws.
    mean, variance : float, or ndarray of shape (c,)
        Of T.
    """

    def __init__(self, model: Categorical, sizes: Integers, *, progress: bool = False) -> None:
        self.model = model
        columns, group = distinct_columns(sizes)
        self._members = [np.flatnonzero(group == g) for g in range(len(columns))]
        self._groups = [
            Group(sizes[:, column], [Tokens(law) for law in model.laws[members]])
            for column, members in zip(columns, self._members, strict=True)
        ]
        self._mean, self._variance = np.empty((2, model.context_count))
        rows = sum(part.rows for part in self._groups)
        with Progress(rows) if progress else nullcontext() as bar:
            for part, members in self._each():
                self._mean[members], self._variance[members] = part.sum_up(bar)

    @property
    def mean(self) -> Result:
        """E T."""
        return self._mean.copy() if self.model.has_contexts else float(self._mean[0])

    @property
    def variance(self) -> Result:
        """Variance of T."""
        return self._variance.copy() if self.model.has_contexts else float(self._variance[0])

    def sf(self, m: ArrayLike) -> Result:
        """P(T > m), with a relative error of about 1e-13 however small it is.

        Parameters
        ----------
        m : array_like of int
            Generations, m >= 0.

        Returns
        -------
        float or ndarray, shape of m (and (c,))
            Beyond some 18 n generations the tail is geometric with ratio 1 - 1/n to 1e-14, and
            continued so.

        Raises
        ------
        MemoryError
            If the laws of all generations would take more than 1 GiB (n above a million).

        Examples
        --------
        >>> import autophage as ap
        >>> ap.collapse_law([0.5, 0.5], 2).sf([0, 1, 2, 3])
        array([1.   , 0.5  , 0.25 , 0.125])
        """
        return self._evaluate(m, Group.sf, np.ones(self._shape))

    def cdf(self, m: ArrayLike) -> Result:
        """P(T <= m); relative error about 1e-13 down to 1e-9, absolute error 1e-22 below.

        Parameters
        ----------
        m : array_like of int
            Generations, m >= 0.

        Returns
        -------
        float or ndarray, shape of m (and (c,))
            rho_m of Seddik et al. (2024), equation (7).

        Raises
        ------
        MemoryError
            If the laws of all generations would take more than 1 GiB (n above a million).

        Examples
        --------
        >>> import autophage as ap
        >>> ap.collapse_law([0.5, 0.25, 0.25], 2).cdf(1)
        0.375
        """
        return self._evaluate(m, Group.cdf, np.zeros(self._shape))

    def pmf(self, m: ArrayLike) -> Result:
        """P(T = m), with a relative error of about n 1e-16.

        Parameters
        ----------
        m : array_like of int
            Generations, m >= 0.

        Returns
        -------
        float or ndarray, shape of m (and (c,))
            Differences of `sf`, or of `cdf` where that is smaller.

        Raises
        ------
        MemoryError
            If the laws of all generations would take more than 1 GiB (n above a million).

        Examples
        --------
        >>> import autophage as ap
        >>> ap.collapse_law([0.5, 0.5], 2).pmf([0, 1, 2, 3])
        array([0.   , 0.5  , 0.25 , 0.125])
        """
        return self._evaluate(m, Group.pmf, np.zeros(self._shape))

    def quantile(self, q: ArrayLike) -> Any:  # an int, or an ndarray of int64
        """Smallest generation m >= 1 with P(T <= m) >= q.

        Parameters
        ----------
        q : array_like
            Probabilities in [0, 1).

        Returns
        -------
        int or ndarray of int64, shape of q (and (c,))
            Quantiles.

        Raises
        ------
        ValueError
            If a probability is out of range; one is, because T has no upper end.
        MemoryError
            If the laws of all generations would take more than 1 GiB (n above a million).

        Examples
        --------
        >>> import autophage as ap
        >>> ap.collapse_law([0.5, 0.5], 2).quantile([0, 0.5, 0.51, 0.999])
        array([ 1,  1,  2, 10])
        """
        q = _check.numbers("q", q, 0.0, 1.0, ndim=None)
        if q.size and q.max() == 1.0:
            msg = "q must be below 1, because T has no upper end, got 1.0"
            raise ValueError(msg)
        flat = np.repeat(q.reshape(-1), self.model.context_count)
        context = np.tile(np.arange(self.model.context_count), q.size)
        result = np.empty(flat.shape, np.int64)
        for group, mask, place in self._parts(context):
            result[mask] = group.quantile(flat[mask], place)
        shape = q.shape + self._shape
        return result.reshape(shape) if shape else int(result[0])

    def sample(
        self,
        size: int | tuple[int, ...],
        rng: int | np.random.SeedSequence | np.random.Generator | None = None,
    ) -> Integers:
        """Draw collapse times from the law, through an alias table; contexts are independent.

        Parameters
        ----------
        size : int or tuple of int
            Shape of the sample.
        rng : int, SeedSequence, Generator or None
            As in `simulate`. Draw i of a context belongs to its own words under the key, so that a
            smaller sample is the beginning of a larger one.

        Returns
        -------
        ndarray of int64, shape size (and (c,))
            Draws of T, by a law within 1e-12 of the exact one in total variation: exact up to the
            horizon of the law, and with its geometric tail beyond.

        Raises
        ------
        TypeError
            If `size` is not made of integers, or `rng` is nothing to take a key from.
        ValueError
            If `size` is negative, or of an array larger than NumPy has.
        MemoryError
            If the draws would not fit in memory, or the laws of all generations would take more
            than 1 GiB (n above a million).

        Examples
        --------
        >>> import autophage as ap
        >>> bool((ap.collapse_law([0.5, 0.5], 1).sample(5, rng=1) == 1).all())
        True
        """
        sizes = (size,) if not isinstance(size, tuple) else size
        shape = tuple(_check.integer("size", k, 0, _check.COUNT_LIMIT) for k in sizes)
        width = self.model.context_count
        if math.prod(max(k, 1) for k in shape) * width > LARGEST_SAMPLE:
            msg = f"size must be of at most {LARGEST_SAMPLE} draws, got {size}"
            raise ValueError(msg)
        draws = math.prod(shape)
        refuse_memory(f"a sample of size {size}", 8 * draws * width, ("a smaller size",))
        key = resolve_key(rng)
        result = np.empty((draws, width), np.int64)
        for context in range(self.model.context_count):
            for group, _, place in self._parts(np.array([context])):
                group.draw(int(place[0]), key, context, result, context)
        return result.reshape(shape + self._shape)

    def surviving_tokens(self, m: ArrayLike) -> Result:
        """Count the tokens that generation m is expected to have.

        Parameters
        ----------
        m : array_like of int
            Generations, m >= 0.

        Returns
        -------
        float or ndarray, shape of m (and (c,))
            sum_i (1 - P(token i is absent)); the support of p at m = 0, one in the end.

        Raises
        ------
        MemoryError
            If the laws of all generations would take more than 1 GiB (n above a million).

        Examples
        --------
        >>> import autophage as ap
        >>> ap.collapse_law([0.5, 0.25, 0.25], 10).surviving_tokens([0, 1, 10, 100]).round(6)
        array([3.      , 2.886396, 1.60745 , 1.000044])
        """
        support = np.reshape(np.count_nonzero(self.model.laws, axis=1), self._shape)
        return self._evaluate(m, Group.surviving, support)

    def token_lost(self, m: ArrayLike) -> Floats:
        """P(token i is absent from generation m), for every token; once lost, it stays lost.

        Parameters
        ----------
        m : array_like of int
            Generations, m >= 0.

        Returns
        -------
        ndarray, shape of m, then that of p
            E (1 - p_i)^A with A the number of ancestors among the samples of generation 1.

        Raises
        ------
        MemoryError
            If the laws of all generations would take more than 1 GiB (n above a million).

        Examples
        --------
        >>> import autophage as ap
        >>> ap.collapse_law([0.75, 0.25], 2).token_lost([1, 2, 1000])
        array([[0.0625 , 0.5625 ],
               [0.15625, 0.65625],
               [0.25   , 0.75   ]])
        """
        m = _check.integers("m", m, 0, _check.COUNT_LIMIT, ndim=None)
        result = np.empty((m.size, *self.model.laws.shape))
        for group, members in self._each():
            group.require_memory()
            for row, generation in enumerate(m.reshape(-1).tolist()):
                p = self.model.laws[members]
                lost = absence(group.ancestry, p, generation) if generation else p == 0.0
                result[row, members] = lost
        return result.reshape(m.shape + self.model.p.shape)

    def marginal(self, token: int, m: int, *, context: int | None = None) -> Floats:
        """Exact law of one token's count in generation m, for n up to 2000.

        Parameters
        ----------
        token : int
            Index of the token.
        m : int
            Generation, m >= 1.
        context : int, optional
            Index of the context; needed where p has contexts.

        Returns
        -------
        ndarray, shape (n_m + 1,)
            P(n_m p_i^(m) = x) for x = 0 .. n_m, by the chain of binomial rows.

        Raises
        ------
        ValueError
            If an index is out of range, or an n is above 2000.

        Examples
        --------
        >>> import autophage as ap
        >>> ap.collapse_law([0.75, 0.25], 2).marginal(0, 2)
        array([0.15625, 0.1875 , 0.65625])
        """
        if context is None and self.model.has_contexts:
            msg = f"context must be given, as p has {self.model.context_count} contexts, got None"
            raise ValueError(msg)
        context = _check.integer("context", context or 0, 0, self.model.context_count - 1)
        token = _check.integer("token", token, 0, self.model.token_count - 1)
        m = _check.integer("m", m, 1, _check.COUNT_LIMIT)
        ((group, _, place),) = self._parts(np.array([context]))
        _require_small(group)
        tokens = group.tokens[place[0]]
        index = tokens.index[token]
        absent = index == len(tokens.values)
        p = np.zeros(1) if absent else tokens.values[[index]]
        misses = np.ones(1) if absent else tokens.misses[[index]]
        return np.asarray(CountLaws(group.ancestry, p, misses).at(m)[0])

    def expected_l1(self, m: ArrayLike) -> Result:
        """E ||p^(m) - p||_1, exactly, for n up to 2000.

        Parameters
        ----------
        m : array_like of int
            Generations, m >= 0.

        Returns
        -------
        float or ndarray, shape of m (and (c,))
            By the chain of binomial rows for tokens of p_i > 1 / n, and from the chance to be lost
            for the others. The time grows with n^2 for each distinct p_i > 1 / n and generation, or
            with n^3 log m where that is less.

        Raises
        ------
        ValueError
            If an n is above 2000.

        Examples
        --------
        >>> import autophage as ap
        >>> ap.collapse_law([0.75, 0.25], 2).expected_l1([0, 1, 2, 1000])
        array([0.     , 0.5625 , 0.65625, 0.75   ])
        """
        m = _check.integers("m", m, 0, _check.COUNT_LIMIT, ndim=None)
        later, where = np.unique(m, return_inverse=True)
        result = np.zeros((len(later), self.model.context_count))
        for group, members in self._each():
            _require_small(group)
            late = later > 0
            found = absolute_deviations(group.ancestry, group.tokens, later[late])
            result[np.ix_(late, members)] = found
        return shaped(result[where.reshape(-1)], m.shape + self._shape)

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.model.p.shape[:-1]

    def _parts(self, context: Integers) -> Iterator[tuple[Group, NDArray[np.bool_], Integers]]:
        """Each group, the entries that ask for its contexts, and their places in the group."""
        for group, members in self._each():
            mask = np.isin(context, members)
            if mask.any():
                yield group, mask, np.searchsorted(members, context[mask])

    def _each(self) -> Iterator[tuple[Group, Integers]]:
        """Each group and its contexts; after its turn it keeps no more than its share of memory."""
        share = WHOLE_LAW_BYTES / len(self._groups)
        for group, members in zip(self._groups, self._members, strict=True):
            yield group, members
            group.keep_within(share)

    def _evaluate(self, m: ArrayLike, evaluation: Evaluation, start: ArrayLike) -> Result:
        """Evaluate at every generation and context, with `start` at generation 0."""
        m = _check.integers("m", m, 0, _check.COUNT_LIMIT, ndim=None)
        flat = m.reshape(-1)
        result = np.empty((m.size, self.model.context_count))
        result[:] = start
        late = np.flatnonzero(flat)
        for group, members in self._each():
            generation, place = np.broadcast_arrays(flat[late, None], np.arange(len(members)))
            values = evaluation(group, generation.reshape(-1), place.reshape(-1))
            result[np.ix_(late, members)] = values.reshape(len(late), len(members))
        return shaped(result, m.shape + self._shape)


def _require_small(group: Group) -> None:
    largest = max(group.ancestry.n)
    if largest > COUNT_REACH:
        msg = f"n must be at most {COUNT_REACH} for the law of a token's count, got {largest}"
        raise ValueError(msg)
