"""The chain of models as a dense Markov chain, and the exact law in 60 digits: slow and obvious.

The dense chain works on all vectors of counts and knows nothing of ancestors. The 60-digit law uses
integers scaled by 10^75, keeps every entry of every row and forms `f_j` from exact fractions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Counts = tuple[int, ...]
ONE = 10**75


@cache
def compositions(n: int, s: int) -> list[Counts]:
    """All vectors of s counts that sum to n."""
    if s == 1:
        return [(n,)]
    return [(k, *rest) for k in range(n + 1) for rest in compositions(n - k, s - 1)]


def multinomial(p: npt.ArrayLike, n: int) -> Array:
    """Law of n draws from p over `compositions(n, s)`."""
    law = np.asarray(p, dtype=float)
    return np.array(
        [
            math.factorial(n)
            / math.prod(map(math.factorial, counts))
            * float(np.prod(law ** np.array(counts)))
            for counts in compositions(n, len(law))
        ]
    )


class DenseChain:
    """Laws of the counts of generations 1 .. G; `alpha[t-1]` is the real share of generation t."""

    def __init__(self, p: Sequence[float], n: Sequence[int], alpha: Sequence[float] = ()) -> None:
        self.p, self.n = np.array(p), list(n)
        shares = list(alpha) or [0.0] * len(self.n)
        laws = [multinomial(p, self.n[0])]
        step: dict[tuple[int, int, float], Array] = {}
        for before, now, share in zip(self.n[:-1], self.n[1:], shares[1:], strict=True):
            key = (before, now, share)
            if key not in step:
                step[key] = self.transition(*key)
            laws.append(laws[-1] @ step[key])
        self.laws = laws

    def transition(self, before: int, now: int, share: float = 0.0) -> Array:
        states = np.array(compositions(before, len(self.p)))
        return np.array(
            [multinomial(share * self.p + (1.0 - share) * x / before, now) for x in states]
        )

    def mean_over(self, m: int, value: npt.ArrayLike) -> Array:
        """Mean of values per state, (states, ...), in generation m."""
        return np.tensordot(self.laws[m - 1], np.asarray(value, dtype=float), 1)

    def counts(self, m: int) -> npt.NDArray[np.int64]:
        return np.array(compositions(self.n[m - 1], len(self.p)))

    def point_mass(self, m: int) -> float:
        return float(self.mean_over(m, (self.counts(m) > 0).sum(axis=1) == 1))

    def absent(self, m: int) -> Array:
        return self.mean_over(m, self.counts(m) == 0)

    def surviving(self, m: int) -> float:
        return float(self.mean_over(m, (self.counts(m) > 0).sum(axis=1)))

    def l1(self, m: int) -> float:
        gap = np.abs(self.counts(m) / self.n[m - 1] - self.p).sum(axis=1)
        return float(self.mean_over(m, gap))

    def count_law(self, token: int, m: int) -> Array:
        law = np.bincount(self.counts(m)[:, token], self.laws[m - 1], self.n[m - 1] + 1)
        return np.asarray(law, dtype=float)

    def mean_and_variance(self) -> tuple[float, float]:
        """Of T; the last n holds for ever, so the time left solves a linear system."""
        last = len(self.n)
        many = (self.counts(last) > 0).sum(axis=1) > 1
        stay = self.transition(self.n[-1], self.n[-1])[np.ix_(many, many)]
        system = np.eye(len(stay)) - stay
        left = np.linalg.solve(system, np.ones(len(stay)))  # generations still to come
        square = np.linalg.solve(system, np.ones(len(stay)) + 2.0 * stay @ left)
        start = self.laws[-1][many]
        cdf = np.array([0.0, *(self.point_mass(m) for m in range(1, last + 1))])
        mean = np.diff(cdf) @ np.arange(1, last + 1) + start @ (last + left)
        second = np.diff(cdf) @ np.arange(1, last + 1) ** 2
        second += start @ (last**2 + 2.0 * last * left + square)
        return float(mean), float(second - mean**2)


def disagreement(p: Sequence[float], draws: int) -> list[int]:
    """1 - f_j for j = 0 .. draws, scaled by ONE; p must sum to one exactly."""
    law = [Fraction(x) for x in p]
    assert sum(law) == 1, "take probabilities that are sums of few powers of two"
    scaled = [int(x * ONE) for x in law]
    powers, result = [ONE] * len(law), [0]
    for _ in range(draws):
        powers = [w * x // ONE for w, x in zip(powers, scaled, strict=True)]
        result.append(ONE - sum(powers))
    return result


def occupancy_rows(boxes: int, balls: int) -> Iterator[list[int]]:
    """q(j, k) scaled by ONE, rows j = 0 .. balls in full."""
    row = [ONE]
    yield row
    for _ in range(balls):
        old = [*row, 0]
        new = [(old[k] * k + old[k - 1] * (boxes - k + 1)) // boxes for k in range(1, len(old))]
        row = [0, *new][: boxes + 1]
        yield row


def precise_mean_and_variance(p: Sequence[float], n: int) -> tuple[float, float]:
    """E T and its variance for constant n, (D2) and its second-moment form."""
    differ = disagreement(p, n)
    first, second = [0, 0], [0, 0]
    for j, row in enumerate(occupancy_rows(n, n)):
        if j < 2:
            continue
        leave, stay = ONE - row[j], row[j]
        later = sum(q * h for q, h in zip(row[:j], first, strict=True)) // ONE
        first.append((differ[j] + later) * ONE // leave)
        again = sum(q * h for q, h in zip(row[:j], second, strict=True)) // ONE
        second.append((stay * first[j] // ONE + later + again) * ONE // leave)
    h, g = Fraction(first[n], ONE), Fraction(second[n], ONE)
    return float(1 + h), float(h + 2 * g - h * h)


def precise_sf(p: Sequence[float], n: int, generations: Sequence[int]) -> list[float]:
    """P(T > m) at ascending generations, by the law of the number of ancestors."""
    differ, rows = disagreement(p, n), list(occupancy_rows(n, n))
    law, result, m = {n: ONE}, [], 1
    for target in generations:
        while m < target:
            new: dict[int, int] = {}
            for j, chance in law.items():
                for k, q in enumerate(rows[j]):
                    if q * chance > ONE:
                        new[k] = new.get(k, 0) + q * chance
            law = {k: x // ONE for k, x in new.items()}
            m += 1
        result.append(float(Fraction(sum(x * differ[j] for j, x in law.items()), ONE * ONE)))
    return result
