"""What a contender hands back, and how it is judged before anything is timed.

Laws of collapse times face the exact law, second moments the exact moments, and whatever has no
exact form (an l1 distance, the first collapse of a window) must agree between contenders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Z_LIMIT = 5.0
P_LIMIT = 1e-6
CELL = 20  # Expected runs in a cell of the chi-square test
LEAST_VARIATION = 0.05  # Judge sigma while 1 - E sigma is above it: later means are far from normal
GENERATIONS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True)
class Series:
    """Mean and variance over `count` runs of a recorded number, at each generation or once."""

    mean: Floats
    variance: Floats
    count: int

    @classmethod
    def of_sums(cls, sums: Floats, runs: int) -> Series:
        """Make it from the sum and the sum of squares over runs, (2, generations)."""
        mean = sums[0] / runs
        return cls(mean, (sums[1] - runs * mean**2) / (runs - 1), runs)

    @classmethod
    def of_times(cls, times: Integers) -> Series:
        """Make it from times, -1 where a run did not get there."""
        reached = times[times > 0]
        count = reached.size
        variance = reached.var(ddof=1) if count > 1 else np.nan
        return cls(np.asarray(reached.mean() if count else np.nan), np.asarray(variance), count)

    def error(self) -> Floats:
        """Give the standard error of the mean."""
        return np.sqrt(np.maximum(self.variance, 0.0) / max(self.count, 1))


@dataclass(frozen=True)
class Outcome:
    """What one contender found.

    `times[m]` counts the runs that first collapsed in generation m. `values` are results that need
    no statistics to compare. `seconds` replaces the measured time where a child process timed
    itself; `figures` are other numbers worth keeping.
    """

    runs: int
    times: Integers | None = None
    series: Mapping[str, Series] = field(default_factory=dict)
    values: Floats | None = None
    seconds: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One test of an outcome, with the figure it went by."""

    contender: str
    what: str
    value: float
    passed: bool

    @classmethod
    def at_most(cls, contender: str, what: str, value: float, limit: float) -> Check:
        """Pass when abs(value) <= limit; a NaN does not pass."""
        return cls(contender, what, float(value), bool(abs(value) <= limit))


class Law(Protocol):
    """The part of an exact law of collapse that the judge needs."""

    mean: float
    variance: float

    def cdf(self, m: Integers) -> Floats:
        """Give P(T <= m)."""


def law_checks(contender: str, times: Integers, law: Law) -> Iterator[Check]:
    """Hold a histogram of collapse times against the exact law: mean, then chi-square."""
    runs = int(times.sum())
    mean = float(times @ np.arange(times.size)) / runs
    z = (mean - law.mean) / np.sqrt(law.variance / runs)
    yield Check.at_most(contender, "z of mean T", z, Z_LIMIT)
    p_value = _chi_square(times, np.asarray(law.cdf(np.arange(1, times.size, dtype=np.int64))))
    yield Check(contender, "p of chi-square of T", p_value, p_value >= P_LIMIT)


def _chi_square(times: Integers, cdf: Floats) -> float:
    """Give the p-value of times[m], m = 1, 2, ..., in cells of at least `CELL` expected runs."""
    from scipy.stats import chi2

    runs = int(times.sum())
    expected, found, cells = 0.0, 0, []
    for probability, count in zip(np.diff(cdf, prepend=0.0), times[1:], strict=True):
        expected += runs * float(probability)
        found += int(count)
        if expected >= CELL:
            cells.append((expected, found))
            expected, found = 0.0, 0
    tail = expected + runs * (1.0 - float(cdf[-1]))
    last_expected, last_found = cells.pop()
    cells.append((last_expected + tail, last_found + found))
    statistic = sum((seen - mean) ** 2 / mean for mean, seen in cells)
    return float(chi2.sf(statistic, max(len(cells) - 1, 1)))


def moment_checks(contender: str, name: str, found: Series, exact: Floats) -> Iterator[Check]:
    """Hold a mean against its exact value at a few generations."""
    judged = [
        g - 1 for g in GENERATIONS if g <= exact.size and 1.0 - exact[g - 1] > LEAST_VARIATION
    ]
    z = (found.mean[judged] - exact[judged]) / found.error()[judged]
    yield Check.at_most(contender, f"worst z of {name}", float(z[np.argmax(np.abs(z))]), Z_LIMIT)


def agreement_checks(name: str, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    """Hold the mean of every contender against the first one's."""
    (_, first), *others = outcomes.items()
    one = first.series[name]
    for contender, outcome in others:
        other = outcome.series[name]
        gap = np.atleast_1d(other.mean - one.mean)
        error = np.atleast_1d(np.hypot(other.error(), one.error()))
        judged = [0] if gap.size == 1 else [g - 1 for g in GENERATIONS if g <= gap.size]
        kept = [i for i in judged if error[i] > 0 or gap[i] != 0]
        z = gap[kept] / error[kept]
        worst = float(z[np.argmax(np.abs(z))])
        yield Check.at_most(contender, f"worst z of {name} against ours", worst, Z_LIMIT)


def share_checks(name: str, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    """Hold the share of runs that got there against the first contender's."""
    (_, first), *others = outcomes.items()
    for contender, outcome in others:
        counts = np.array([first.series[name].count, outcome.series[name].count], float)
        runs = np.array([first.runs, outcome.runs], float)
        pooled = counts.sum() / runs.sum()
        error = np.sqrt(pooled * (1 - pooled) * (1 / runs).sum())
        gap = float(np.diff(counts / runs)[0])
        z = gap / error if error > 0 else 0.0
        yield Check.at_most(contender, f"z of share with a {name} against ours", z, Z_LIMIT)
