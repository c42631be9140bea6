"""Exact laws of contaminated sources, by lineages that stop at fresh real draws."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from autophage import _check, _core
from autophage.models import Categorical, of_contexts
from autophage.occupancy import Floats, Integers, Result, Tokens, shaped
from autophage.regimes import Contaminated
from autophage.schedules import Counts, Shares

Event: TypeAlias = Literal["point_mass", "absent"]

LINEAGE_REACH = 2000
"""Largest n: a generation then takes some milliseconds for each distinct probability."""
_BLOCK = 2**22  # entries worked on at a time


def contaminated_law(
    p: ArrayLike | Categorical, n: Counts, alpha: Shares, *, generations: int | None = None
) -> ContaminatedLaw:
    """Compute exact laws of a contaminated source (the regime of `Contaminated`).

    Each of the n_t draws of generation t is real with probability alpha_t, else from the model of
    generation t - 1, and generation 1 is real (`contaminated2026`, section 3).

    Parameters
    ----------
    p : array_like, shape (s,) or (c, s), or Categorical
        The true law of one context, or one a row.
    n : int, array_like of int, or callable
        Draws of each generation, 1 to 2000.
    alpha : float, array_like of float, or callable
        The *real* share, in [0, 1].
    generations : int, optional
        The last generation asked for; needed where n or alpha is a callable. Without it the last
        value of an array holds for ever after.

    Returns
    -------
    ContaminatedLaw
        Laws, computed when asked for.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, out of range or of the wrong shape.

    Notes
    -----
    Every lineage of a sample of generation m stops with probability alpha_m at a fresh real draw.
    The chance that all real draws in which the lineages of j distinct samples end lie in a set of
    probability x is `V_1(j) = x^j` and

        V_m(j) = sum_k Bin(k; j, alpha_m) x^k sum_l q(j - k, l) V_{m-1}(l),      V_m(0) = 1,

    with q the occupancy law of n_{m-1} boxes. A generation costs O(n^2) for each distinct
    probability of p.

    Examples
    --------
    >>> import autophage as ap
    >>> law = ap.contaminated_law([0.5, 0.5], 2, alpha=0.5)
    >>> law.point_mass([1, 2, 3])
    array([0.5      , 0.5625   , 0.5703125])
    >>> law.token_absent(1)
    array([0.25, 0.25])
    """
    model = of_contexts(p)
    schedule = Contaminated(n, alpha).schedule(generations, model.context_count)
    if schedule.n.max() > LINEAGE_REACH:
        t, c = (int(i) for i in np.argwhere(schedule.n > LINEAGE_REACH)[0])
        msg = (
            f"n must be at most {LINEAGE_REACH} for the exact laws of a contaminated source, "
            f"got {schedule.n[t, c]} in generation {t + 1}; use simulate"
        )
        raise ValueError(msg)
    return ContaminatedLaw(model, schedule.n, schedule.alpha, generations)


class ContaminatedLaw:
    """Exact laws of a contaminated source; `contaminated_law` makes it.

    Generations m are integers of any shape, m >= 1. Asking for generation m computes all before it.

    Attributes
    ----------
    model : Categorical
        The true laws.
    """

    def __init__(
        self, model: Categorical, n: Integers, alpha: Floats, generations: int | None
    ) -> None:
        self.model = model
        self._last = generations or _check.GENERATION_LIMIT
        self._tokens = [Tokens(law) for law in model.laws]
        self._ends = np.cumsum([0, *(len(t.values) for t in self._tokens)])
        stacked = np.concatenate([n, alpha.view(np.int64)])
        _, columns, group = np.unique(stacked, axis=1, return_index=True, return_inverse=True)
        self._schedules = [(n[:, c], alpha[:, c]) for c in columns]
        self._group = np.repeat(group.reshape(-1), np.diff(self._ends))
        self._known: dict[Event, Floats] = {}

    def point_mass(self, m: ArrayLike) -> Result:
        """P(p^(m) is a point mass), which fresh data can undo: this is not P(T <= m).

        Parameters
        ----------
        m : array_like of int
            Generations, m >= 1, and at most `generations` where that was given.

        Returns
        -------
        float or ndarray, shape of m (and (c,))
            The sum over tokens of V_m(n_m) at x = p_i.

        Examples
        --------
        >>> import autophage as ap
        >>> ap.contaminated_law([0.2, 0.8], 1, alpha=0.1).point_mass(5)
        1.0
        """
        m = _check.integers("m", m, 1, self._last, ndim=None)
        values = self._values("point_mass", m)
        result = np.empty((m.size, self.model.context_count))
        for c, tokens in enumerate(self._tokens):
            result[:, c] = values[:, self._ends[c] : self._ends[c + 1]] @ tokens.copies
        return shaped(result, m.shape + self.model.p.shape[:-1])

    def token_absent(self, m: ArrayLike) -> Floats:
        """P(token i is absent from generation m), for every token.

        Parameters
        ----------
        m : array_like of int
            Generations, m >= 1, and at most `generations` where that was given.

        Returns
        -------
        ndarray, shape of m, then that of p
            V_m(n_m) at x = 1 - p_i.

        Examples
        --------
        >>> import autophage as ap
        >>> ap.contaminated_law([0.2, 0.8], 1, alpha=0.1).token_absent(5)
        array([0.8, 0.2])
        """
        m = _check.integers("m", m, 1, self._last, ndim=None)
        values = self._values("absent", m)
        result = np.ones((m.size, *self.model.laws.shape))
        for c, tokens in enumerate(self._tokens):
            alive = np.flatnonzero(tokens.index < len(tokens.values))
            result[:, c, alive] = values[:, self._ends[c] + tokens.index[alive]]
        return result.reshape(m.shape + self.model.p.shape)

    def _values(self, event: Event, m: Integers) -> Floats:
        """V_m(n_m) over (generations of m, flat; distinct probabilities of all contexts)."""
        last = int(m.max())
        if event not in self._known or len(self._known[event]) < last:
            self._known[event] = self._compute(event, last)
        return self._known[event][m.reshape(-1) - 1]

    def _compute(self, event: Event, last: int) -> Floats:
        chances = (t.values if event == "point_mass" else t.misses for t in self._tokens)
        x = np.concatenate(list(chances))
        result = np.empty((last, len(x)))
        for group, (n, alpha) in enumerate(self._schedules):
            rows = np.flatnonzero(self._group == group)
            block = max(1, _BLOCK // int(n.max() + 1))
            for start in range(0, len(rows), block):
                part = rows[start : start + block]
                result[:, part] = meeting(n, alpha, x[part], last)
        return result


def meeting(n: Integers, alpha: Floats, x: Floats, last: int) -> Floats:
    """Chance that all samples of generation m descend from real draws in a set of probability x.

    Parameters
    ----------
    n, alpha : ndarray, shape (L,)
        The schedule; its last values hold for ever after.
    x : ndarray, shape (d,)
        Probabilities of d sets.
    last : int
        Number of generations.

    Returns
    -------
    ndarray, shape (last, d)
        V_m(n_m).
    """
    result = np.empty((last, len(x)))
    value = x[:, None] ** np.arange(n[0] + 1)
    result[0] = value[:, -1]
    for m in range(2, last + 1):
        now, before = min(m, len(n)) - 1, min(m - 1, len(n)) - 1
        value = _core.expect_occupied(int(n[before]), int(n[now]), value, None)
        value = _core.stop_lineages(float(alpha[now]), x, value, None)
        result[m - 1] = value[:, -1]
    return result
