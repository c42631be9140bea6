"""What an expert would write by hand in numba: single thread, no parallel overhead.

Two ways of drawing a generation, each with living tokens only and an early exit. *Binomial*:
conditional binomials from numba's own `numpy.random.binomial`. *Labels*: every sample picks its
parent, by one of the two sources of `numba_random`.

Trajectories are added to `sums`, float64 of shape (records, 2, generations): the sum and the sum of
squares over runs, which is what a mean and a variance need.
"""
# Inside numba `numpy.random` is numba's own generator, whose binomial is the quickest there.
# ruff: noqa: NPY002

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.numba_random import Floats, Source, compiled, pair, token_from

Integers = NDArray[np.int64]
Counts = NDArray[np.int32] | NDArray[np.int64]


@compiled
def seed_numba(seed: int) -> None:
    """Seed numba's own generator, from which the binomials come."""
    np.random.seed(seed)  # noqa: TID251


@compiled
def _first_counts(
    cdf: Floats, n: int, source: Source, seen: Integers, tokens: Integers, counts: Counts
) -> tuple[Source, int]:
    """Draw n tokens; leave the counts of the distinct ones in `counts`, and count these."""
    living = 0
    for _ in range(n):
        source, token = token_from(cdf, source)
        if seen[token] == 0:
            tokens[living] = token
            living += 1
        seen[token] += 1
    for i in range(living):
        counts[i] = seen[tokens[i]]
        seen[tokens[i]] = 0
    return source, living


@compiled
def add(sums: Floats, record: int, generation: int, value: float) -> None:
    """Add a value of one run to the sums of its record and generation."""
    sums[record, 0, generation] += value
    sums[record, 1, generation] += value * value


@compiled
def _binomial_step(counts: Integers, living: int, n: int) -> int:
    """Replace the counts of the living tokens by a generation drawn from them; count the living."""
    left, mass, kept = n, n, 0
    for i in range(living - 1):
        count = counts[i]
        drawn = np.random.binomial(left, count / mass)
        mass -= count
        left -= drawn
        if drawn > 0:
            counts[kept] = drawn
            kept += 1
        if left == 0:
            return kept
    counts[kept] = left
    return kept + 1


@compiled
def times_binomial(p: Floats, n: int, runs: int) -> Integers:
    """Draw collapse times, fully synthetic, by conditional binomials."""
    times = np.empty(runs, np.int64)
    counts = np.empty(p.size + 1, np.int64)
    for run in range(runs):
        left, mass, living = n, 1.0, 0
        for i in range(p.size):
            last = i == p.size - 1 or p[i] >= mass
            drawn = left if last else np.random.binomial(left, p[i] / mass)
            mass -= p[i]
            left -= drawn
            if drawn > 0:
                counts[living] = drawn
                living += 1
            if left == 0:
                break
        generation = 1
        while living > 1:
            living = _binomial_step(counts, living, n)
            generation += 1
        times[run] = generation
    return times


@compiled
def times_labels(cdf: Floats, n: int, runs: int, source: Source) -> Integers:
    """Draw collapse times, fully synthetic, by labels."""
    times = np.empty(runs, np.int64)
    old, new = np.empty(n + 1, np.uint16), np.empty(n + 1, np.uint16)
    for run in range(runs):
        for i in range(n):
            source, token = token_from(cdf, source)
            old[i] = token
        generation = 1
        while True:
            same = 1
            while same < n and old[same] == old[0]:
                same += 1
            if same == n:
                break
            for i in range(0, n, 2):
                source, j, k = pair(source, n)
                new[i] = old[j]
                new[i + 1] = old[k]
            old, new = new, old
            generation += 1
        times[run] = generation
    return times


@compiled
def sigma_binomial(cdf: Floats, n: int, runs: int, source: Source, sums: Floats) -> None:
    """Record the sum of squares of every generation, fully synthetic, by conditional binomials."""
    generations = sums.shape[2]
    seen, tokens = np.zeros(cdf.size, np.int64), np.empty(n, np.int64)
    counts = np.empty(n + 1, np.int64)
    for _ in range(runs):
        source, living = _first_counts(cdf, n, source, seen, tokens, counts)
        for generation in range(generations):
            if living > 1 and generation > 0:
                living = _binomial_step(counts, living, n)
            squares = 0
            for i in range(living):
                squares += counts[i] * counts[i]
            add(sums, 0, generation, squares / n**2)


@compiled
def sigma_labels(cdf: Floats, n: int, runs: int, source: Source, sums: Floats) -> None:
    """Record the sum of squares of every generation, fully synthetic, by labels."""
    generations = sums.shape[2]
    seen, tokens = np.zeros(cdf.size, np.int64), np.empty(n, np.int64)
    counts, labels = np.empty(n, np.int64), np.empty(n, np.uint16)
    for _ in range(runs):
        source, living = _first_counts(cdf, n, source, seen, tokens, counts)
        for generation in range(generations):
            if living > 1 and generation > 0:
                end = 0
                for i in range(living):
                    for _ in range(counts[i]):
                        labels[end] = i
                        end += 1
                    counts[i] = 0
                for _ in range(n // 2):
                    source, j, k = pair(source, n)
                    counts[labels[j]] += 1
                    counts[labels[k]] += 1
                if n % 2:
                    source, j, k = pair(source, n)
                    counts[labels[j]] += 1
                kept = 0
                for i in range(living):
                    counts[kept] = counts[i]
                    kept += counts[i] > 0
                living = kept
            squares = 0
            for i in range(living):
                squares += counts[i] * counts[i]
            add(sums, 0, generation, squares / n**2)


@compiled
def _add_partial(
    counts: Counts, real: Counts, living: int, total: int, of_real: int, at: int, sums: Floats
) -> None:
    """Record sigma and the l1 distance to the first model of generation `at`."""
    squares, distance = np.int32(0), np.int32(0)
    for i in range(living):
        squares += np.int32(counts[i] * counts[i])
        distance += np.int32(abs(counts[i] * np.int32(of_real) - real[i] * np.int32(total)))
    add(sums, 0, at, squares / total**2)
    add(sums, 1, at, distance / (of_real * total))


@compiled
def partial_labels(
    cdf: Floats, of_real: int, n: int, runs: int, source: Source, sums: Floats
) -> None:
    """Record sigma and l1 to the first model, partially synthetic, by labels (n below 2^14)."""
    seen, tokens = np.zeros(cdf.size, np.int64), np.empty(of_real, np.int64)
    real, counts = np.zeros(of_real, np.int32), np.empty(of_real, np.int32)
    labels, new = np.empty(of_real + n + 1, np.uint16), np.empty(n + 1, np.uint16)
    for _ in range(runs):
        source, living = _first_counts(cdf, of_real, source, seen, tokens, real)
        end = 0
        for i in range(living):
            for _ in range(real[i]):
                labels[end] = i
                end += 1
        _add_partial(real, real, living, end, of_real, 0, sums)
        for generation in range(1, sums.shape[2]):
            for i in range(living):
                counts[i] = real[i]
            for i in range(0, n, 2):
                source, j, k = pair(source, end)
                new[i] = labels[j]
                new[i + 1] = labels[k]
            for i in range(n):
                labels[of_real + i] = new[i]
                counts[new[i]] += 1
            end = of_real + n
            _add_partial(counts, real, living, end, of_real, generation, sums)


@compiled
def partial_binomial(
    cdf: Floats, of_real: int, n: int, runs: int, source: Source, sums: Floats
) -> None:
    """Record sigma and l1 to the first model, partially synthetic, by conditional binomials."""
    seen, tokens = np.zeros(cdf.size, np.int64), np.empty(of_real, np.int64)
    real, counts = np.zeros(of_real, np.int32), np.empty(of_real, np.int32)
    for _ in range(runs):
        source, living = _first_counts(cdf, of_real, source, seen, tokens, real)
        _add_partial(real, real, living, of_real, of_real, 0, sums)
        for i in range(living):
            counts[i] = real[i]
        total = of_real
        for generation in range(1, sums.shape[2]):
            left, mass = n, total
            for i in range(living):
                count, drawn = counts[i], left
                if left > 0 and count < mass:
                    drawn = np.random.binomial(left, count / mass)
                mass -= count
                left -= drawn
                counts[i] = real[i] + drawn
            total = of_real + n
            _add_partial(counts, real, living, total, of_real, generation, sums)
