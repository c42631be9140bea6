"""Numbers of ancestors: the laws behind the exact law of collapse.

Trace the samples of generation m back: each picks its parent uniformly among the samples of the
generation before, so j of them have as many distinct parents as j balls hit boxes when thrown into
as many boxes as that generation has samples. `A_m`, the number of distinct samples of generation 1
that the samples of generation m descend from, does not depend on the law p, and given `A_m = j`
these are j independent draws from p. Everything exact about the chain is an expectation of a
function of `A_m`.
"""

from __future__ import annotations

import math
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autophage import _core

if TYPE_CHECKING:
    from tqdm import tqdm

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

Result: TypeAlias = Any
"""A float, or an ndarray of float64: it depends on the shapes of what is given."""
Table: TypeAlias = tuple[Integers, NDArray[np.int32], Floats]

_EVER = 2**62
REACH = 4_000_000
"""Largest n of the exact law: its mean takes half a minute there and grows as n^1.5."""
WHOLE_LAW_BYTES = 2**30
"""What the laws of all generations may take; the mean and the variance need no such memory."""
TABLE_BYTES = 1040
"""What the laws of all generations take for each of the n samples, measured from n = 1e3 to 1e6."""


class Progress:
    """A bar over all rows of the occupancy law that a computation goes through.

    Kernels call it with the rows of their own that are done; `advance` closes a kernel's account.
    """

    def __init__(self, rows: int) -> None:
        from tqdm import tqdm

        self._bar: tqdm[NoReturn] = tqdm(total=rows, unit="row", unit_scale=True)
        self._done = 0

    def __call__(self, rows: int) -> None:
        """Show that the kernel at work has done so many rows."""
        self._bar.update(self._done + rows - self._bar.n)

    def advance(self, rows: int) -> None:
        """Count the rows of a kernel that has finished."""
        self._done += rows
        self(0)

    def __enter__(self) -> Self:
        """Show the bar."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it is."""
        self._bar.close()


class Tokens:
    """The tokens of one law: distinct probabilities in descending order, each with its copies.

    Parameters
    ----------
    p : ndarray, shape (s,)
        The law.

    Attributes
    ----------
    values, copies : ndarray of float64, shape (d,)
        The d distinct positive probabilities and how many tokens have each.
    index : ndarray of int64, shape (s,)
        Which of the d each token has; d for a token of probability zero.
    misses : ndarray of float64, shape (d,)
        1 - values; for a token likelier than all others together, the sum of the others.
    """

    def __init__(self, p: Floats) -> None:
        values, inverse, copies = np.unique(-p, return_inverse=True, return_counts=True)
        self.index = inverse.astype(np.int64)
        if values[-1] == 0.0:
            values, copies = values[:-1], copies[:-1]
        self.values, self.copies = -values, copies.astype(np.float64)
        self.misses = 1.0 - self.values
        if self.values[0] > 0.5:
            self.misses[0] = math.fsum(p[self.index > 0])

    def agreement(self, draws: int) -> tuple[Floats, Floats]:
        """Return the chances that 0 .. draws draws all agree, and that they do not."""
        return _core.agreement(self.values, self.copies, float(self.misses[0]), draws)

    def distinct(self, draws: int) -> Floats:
        """Return the expected number of distinct tokens among 0 .. draws draws."""
        return _core.distinct_tokens(self.values, self.copies, draws, None)


class Ancestry:
    """The laws of `A_m` under one schedule of sample sizes.

    Parameters
    ----------
    n : ndarray of int64, shape (L,)
        Sample sizes of generations 1 .. L; the last one holds for ever after.

    Attributes
    ----------
    n : list of int
        The sizes, without repeats at the end.
    table : tuple of ndarray
        From the generation on where n is constant, the laws of the ancestors among the samples of
        that generation: where each law starts, its first number of ancestors, and all chances. It
        grows when a later generation is asked for.
    complete : bool
        Whether the table has all there is: beyond it the laws follow from its last.
    """

    def __init__(self, n: Integers) -> None:
        varies = np.flatnonzero(n != n[-1])
        self.n: list[int] = n[: varies[-1] + 2 if varies.size else 1].tolist()
        self.table: Table = _no_table()
        self.complete = False

    @property
    def settled(self) -> int:
        """The first generation from which n is constant."""
        return len(self.n)

    def size(self, m: int) -> int:
        """Sample size of generation m."""
        return self.n[min(m, self.settled) - 1]

    @property
    def horizon(self) -> int:
        """Generation from which, given two ancestors or more, there are two but for 1e-14."""
        self.reach(_EVER)
        return self.end

    @property
    def end(self) -> int:
        """Last generation in the table."""
        return self.settled + len(self.table[1]) - 1

    @property
    def table_bytes(self) -> int:
        """What the table takes now."""
        return sum(part.nbytes for part in self.table)

    def reach(self, m: int) -> None:
        """Make sure that the table has generation m, or is complete."""
        if not self.complete and self.end < m:
            generations = max(m - self.settled, 4 * len(self.table[1]))
            start, first, chance, self.complete = _core.ancestor_table(
                self.n[-1], generations, None
            )
            self.table = (start, first, chance)

    def forget(self) -> None:
        """Let go of the table."""
        self.table, self.complete = _no_table(), False

    def decay(self, generations: Integers) -> Floats:
        """Factor by which the chance of two ancestors or more falls beyond the horizon."""
        if self.n[-1] == 1:
            return np.where(generations == 0, 1.0, 0.0)
        return np.asarray(np.exp(generations * np.log1p(-1.0 / self.n[-1])))

    def law(self, m: int) -> tuple[int, Floats]:
        """Law of `A_m`: the first value, and the chances of it and of those that follow."""
        if m < self.settled:
            first, law = self.size(m), np.ones(1)
        else:
            self.reach(m)
            start, firsts, chances = self.table
            row = min(m, self.end) - self.settled
            first, law = int(firsts[row]), chances[start[row] : start[row + 1]].copy()
            if m > self.end:
                first, law = 1, np.concatenate([np.zeros(first - 1), law])
                law[1:] *= self.decay(np.array(m - self.end))
                law[0] = 1.0 - law[1:].sum()
        for boxes in self.n[min(m, self.settled) - 2 :: -1] if min(m, self.settled) > 1 else ():
            dense = np.concatenate([np.zeros(first), law])
            law = _core.occupied_law(boxes, dense, None)
            first = int(np.flatnonzero(law)[0])
            law = law[first:]
        return first, law


class Expectations:
    """`E w(A_m)` for every m and several weights w with w(1) = 0.

    Parameters
    ----------
    ancestry : Ancestry
        The schedule.
    weight : ndarray, shape (c, n_1 + 1)
        w(0), w(1), .. of each of c contexts.
    progress : Progress, optional
        Told of the rows that are done.

    Notes
    -----
    With `w_1 = w` and `w_(m+1)(j)` the expectation of `w_m` at the number of boxes hit by j balls
    thrown into n_m boxes, `E w(A_m) = w_m(n_m)`. From the generation on where n is constant the
    laws of the ancestors are in a table that serves every w.
    """

    def __init__(
        self, ancestry: Ancestry, weight: Floats, progress: Progress | None = None
    ) -> None:
        self.ancestry = ancestry
        self.before = np.empty((ancestry.settled - 1, len(weight)))
        for m in range(1, ancestry.settled):
            self.before[m - 1] = weight[:, ancestry.size(m)]
            weight = _core.expect_occupied(ancestry.size(m), ancestry.size(m + 1), weight, progress)
            if progress is not None:
                progress.advance(ancestry.size(m + 1))
        self.weight = weight

    @property
    def nbytes(self) -> int:
        """What the expectations take."""
        return self.before.nbytes + self.weight.nbytes

    def at(self, m: Integers, context: Integers) -> Floats:
        """Evaluate at generations m >= 1, entry by entry in the given contexts."""
        ancestry = self.ancestry
        result = np.empty(m.shape)
        early = m < ancestry.settled
        result[early] = self.before[m[early] - 1, context[early]]
        late = ~early
        if late.any():
            ancestry.reach(int(m.max()))
            within = np.minimum(m[late], ancestry.end)
            result[late] = _core.expect_ancestors(
                *ancestry.table, self.weight, within - ancestry.settled, context[late]
            )
            result[late] *= ancestry.decay(m[late] - within)
        return result


def whole_law_bytes(ancestry: Ancestry, contexts: int) -> int:
    """Estimate the memory of the whole law: the complete table and two weights per context."""
    return TABLE_BYTES * ancestry.n[-1] + 16 * contexts * (max(ancestry.n) + 1)


def _no_table() -> Table:
    return np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0)


def shaped(values: Floats, shape: tuple[int, ...]) -> Result:
    """Give results their shape; one that has none is a float."""
    return values.reshape(shape) if shape else float(values.reshape(-1)[0])
