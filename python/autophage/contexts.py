"""The exact law of collapse over many contexts: evaluated entry by entry, without shapes."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autophage import _core
from autophage.alias import AliasTable
from autophage.occupancy import (
    WHOLE_LAW_BYTES,
    Ancestry,
    Expectations,
    Floats,
    Integers,
    Progress,
    Tokens,
    whole_law_bytes,
)

Weight: TypeAlias = Literal["differ", "agree", "distinct"]
_BLOCK = 2**22  # entries of a weight, over contexts and draws, that are worked on at a time


class Group:
    """The contexts that have the same schedule of sample sizes and so share the work.

    Parameters
    ----------
    n : ndarray of int64, shape (L,)
        The schedule; its last value holds for ever after.
    tokens : list of Tokens
        The laws of the c contexts.

    Notes
    -----
    Methods take generations m >= 1 and contexts in arrays of one shape, and answer entry by entry.
    """

    def __init__(self, n: Integers, tokens: list[Tokens]) -> None:
        self.ancestry = Ancestry(n)
        self.tokens = tokens
        self._expectations: dict[Weight, Expectations] = {}
        self._samplers: dict[int, NDArray[np.uint64]] = {}

    @property
    def rows(self) -> int:
        """Rows of the occupancy law that `sum_up` goes through."""
        later = sum(self.ancestry.n[1:]) + self.ancestry.n[-1]
        return later * -(-len(self.tokens) // self._block())

    def sum_up(self, progress: Progress | None) -> tuple[Floats, Floats]:
        """Mean and variance of T in each context."""
        block = self._block()
        parts = []
        for start in range(0, len(self.tokens), block):
            tokens = self.tokens[start : start + block]
            differ = Expectations(self.ancestry, self._weight("differ", tokens), progress)
            parts.append(_mean_and_variance(differ, progress))
            if len(tokens) == len(self.tokens):
                self._expectations["differ"] = differ
        mean, variance = (np.concatenate(x) for x in zip(*parts, strict=True))
        return mean, variance

    def sf(self, m: Integers, context: Integers) -> Floats:
        """P(T > m)."""
        return self._expect("differ").at(m, context)

    def cdf(self, m: Integers, context: Integers) -> Floats:
        """P(T <= m), from the chances to agree where that is the smaller side."""
        result = 1.0 - self.sf(m, context)
        left = result < 0.5
        if left.any():
            result[left] = self._expect("agree").at(m[left], context[left])
        return result

    def pmf(self, m: Integers, context: Integers) -> Floats:
        """P(T = m), by differences on the smaller side."""
        result = self.cdf(m, context)
        later = m > 1
        m, context = m[later], context[later]
        before, now = self.sf(m - 1, context), self.sf(m, context)
        difference = before - now
        left = before > 0.5
        if left.any():
            difference[left] = result[later][left] - self.cdf(m[left] - 1, context[left])
        result[later] = difference
        return result

    def quantile(self, q: Floats, context: Integers) -> Integers:
        """Smallest m >= 1 with P(T <= m) >= q, for 0 <= q < 1."""
        ancestry = self.ancestry
        high = np.full(q.shape, ancestry.settled + 2 * ancestry.n[-1])
        while (beyond := self.sf(high, context) > 1.0 - q).any() and not ancestry.complete:
            high *= 4
        if ancestry.complete:
            high[:] = ancestry.end
            beyond = self.sf(high, context) > 1.0 - q
        low, end = np.zeros_like(high), int(high.flat[0])
        if beyond.any():
            gain = np.log(self.sf(high[beyond], context[beyond]) / (1.0 - q[beyond]))
            reach = np.ceil(gain / -np.log1p(-1.0 / ancestry.n[-1])).astype(np.int64)
            low[beyond] = end + np.maximum(reach - 2, 0)
            high[beyond] = end + reach + 1
        while (open_ := high - low > 1).any():
            middle = (low + high) // 2
            enough = self._reaches(q[open_], middle[open_], context[open_])
            high[open_] = np.where(enough, middle[open_], high[open_])
            low[open_] = np.where(enough, low[open_], middle[open_])
        return high

    def draw(self, context: int, key: int, number: int, times: Integers, column: int) -> None:
        """Draw T into a column of times: from a table up to the horizon, and beyond it by decay.

        Parameters
        ----------
        context : int
            Place of the context in the group.
        key, number : int
            Key of the random stream, and the context's number in it.
        times : ndarray of int64, shape (k, c)
            What to fill.
        column : int
            Which column of it.
        """
        horizon = self.ancestry.horizon
        if context not in self._samplers:
            m = np.arange(1, horizon + 1)
            here = np.full(horizon, context)
            beyond = self.sf(m[-1:], here[:1])
            table = AliasTable(np.concatenate([self.pmf(m, here), beyond]))
            self._samplers[context] = table.columns(1)
        n = self.ancestry.n[-1]
        goes_on = (1 << 64) * (n - 1) // n
        columns = self._samplers[context]
        _core.draw_times(columns, horizon, goes_on, key, number, times, column, None)

    def surviving(self, m: Integers, context: Integers) -> Floats:
        """Return the expected number of tokens that generation m has."""
        return 1.0 + self._expect("distinct").at(m, context)

    def keep_within(self, limit: float) -> None:
        """Let go of the laws of all generations where they take more than `limit` bytes."""
        kept = self.ancestry.table_bytes + sum(e.nbytes for e in self._expectations.values())
        if kept > limit:
            self.ancestry.forget()
            self._expectations.clear()
            self._samplers.clear()

    def require_memory(self) -> None:
        """Refuse laws of all generations that would not fit."""
        needed = whole_law_bytes(self.ancestry, len(self.tokens))
        if needed > WHOLE_LAW_BYTES:
            msg = (
                f"the law of every generation would take {needed / 1e6:,.0f} MB for "
                f"n = {max(self.ancestry.n)} and {len(self.tokens)} contexts, "
                f"more than the {WHOLE_LAW_BYTES / 1e6:,.0f} MB allowed; mean and variance "
                "are exact all the same, and fewer contexts at a time or a smaller n fit"
            )
            raise MemoryError(msg)

    def _block(self) -> int:
        return max(1, _BLOCK // (max(self.ancestry.n) + 1))

    def _weight(self, kind: Weight, tokens: list[Tokens]) -> Floats:
        draws = self.ancestry.n[0]
        weight = np.empty((len(tokens), draws + 1))
        for row, context in zip(weight, tokens, strict=True):
            if kind == "distinct":
                row[:] = context.distinct(draws) - 1.0
            else:
                row[:] = context.agreement(draws)[kind == "differ"]
        if kind == "distinct":
            weight[:, 1] = 0.0  # one draw has one token; rounding would spoil the tail
        return weight

    def _expect(self, kind: Weight) -> Expectations:
        self.require_memory()
        if kind not in self._expectations:
            self._expectations[kind] = Expectations(self.ancestry, self._weight(kind, self.tokens))
        return self._expectations[kind]

    def _reaches(self, q: Floats, m: Integers, context: Integers) -> np.ndarray:
        result = self.sf(m, context) <= 1.0 - q
        left = q < 0.5
        result[left] = self.cdf(m[left], context[left]) >= q[left]
        return result


def _mean_and_variance(differ: Expectations, progress: Progress | None) -> tuple[Floats, Floats]:
    """Add up P(T > m) over the generations before n is constant, and of the rest at once.

    The second moment is taken about a generation near the median, so that a collapse within few
    generations after a long time without one leaves no difference of large numbers.
    """
    late, moment = _core.collapse_sums(differ.ancestry.n[-1], differ.weight, progress)
    if progress is not None:
        progress.advance(differ.ancestry.n[-1])
    settled, before = differ.ancestry.settled, differ.before
    m = np.arange(1, settled)[:, None]
    about = 1 + (before >= 0.5).sum(axis=0)
    up = np.where(m >= about, before, 0.0)
    down = np.where(m < about, 1.0 - before, 0.0)
    offset = up.sum(axis=0) + late - down.sum(axis=0)
    square = ((2 * (m - about) + 1) * up + (2 * (about - m) - 1) * down).sum(axis=0)
    square += (2 * (settled - about) + 1) * late + 2.0 * moment
    return about + offset, square - offset**2
