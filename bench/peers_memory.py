"""What an expert would write in numba for regimes that read older models: windows, and all models.

By labels and by conditional binomials, as in `peers_numba`.
"""
# Inside numba `numpy.random` is numba's own generator, whose binomial is the quickest there.
# ruff: noqa: NPY002

from __future__ import annotations

import numpy as np

from bench.numba_random import Floats, Source, compiled, pair, token_from
from bench.peers_numba import Integers, add


def steps_back(n: int, window: int) -> Integers:
    """Tell how many generations back each of n draws looks, in a row for every generation m.

    An even split over the models that exist; what is left over goes one each to the newest models.
    The last row, that of m = window, holds for every later generation.
    """
    table = np.zeros((window + 1, n), np.int64)
    for models in range(1, window + 1):
        share, extra = divmod(n, models)
        back = np.arange(1, models + 1)
        table[models] = np.repeat(back, share + (back <= extra))[::-1]
    return table


@compiled
def window_labels(
    cdf: Floats, n: int, back: Integers, runs: int, source: Source, sums: Floats
) -> Integers:
    """Record sigma and give the first collapse (-1: never) with windows, stopped at absorption.

    `back` is the table of `steps_back`.
    """
    window, generations = back.shape[0] - 1, sums.shape[2]
    labels = np.empty((generations + 1) * n, np.uint16)
    counts, absorbed = np.zeros(cdf.size, np.int64), np.zeros(generations, np.int64)
    times = np.full(runs, -1)
    for run in range(runs):
        alone = 0
        for m in range(1, generations + 1):
            squares, start = 0, m * n
            steps = back[min(m, window)]
            for i in range(n):
                source, j, _ = pair(source, n)
                model = m - steps[i]
                if model > 0:
                    token = labels[model * n + j]
                else:
                    source, token = token_from(cdf, source)
                labels[start + i] = token
                squares += 2 * counts[token] + 1
                counts[token] += 1
            for i in range(start, start + n):
                counts[labels[i]] = 0
            add(sums, 0, m - 1, squares / n**2)
            if squares < n * n:
                alone = 0
                continue
            if times[run] < 0:
                times[run] = m
            alone = alone + 1 if alone > 0 and labels[start] == labels[start - n] else 1
            if alone == window:
                absorbed[m - 1] += 1
                break
    ended = 0
    for g in range(generations):
        sums[0, :, g] += ended
        ended += absorbed[g]
    return times


@compiled
def everything_labels(cdf: Floats, n: int, runs: int, source: Source, sums: Floats) -> Integers:
    """Record sigma and give the first collapse (-1: never) when every past model is drawn from."""
    generations = sums.shape[2]
    labels = np.empty((generations + 1) * n, np.uint16)
    counts, times = np.zeros(cdf.size, np.int64), np.full(runs, -1)
    for run in range(runs):
        for m in range(1, generations + 1):
            squares, start = 0, m * n
            for i in range(n):
                source, j, _ = pair(source, start)
                if j >= n:
                    token = labels[j]
                else:
                    source, token = token_from(cdf, source)
                labels[start + i] = token
                squares += 2 * counts[token] + 1
                counts[token] += 1
            for i in range(start, start + n):
                counts[labels[i]] = 0
            add(sums, 0, m - 1, squares / n**2)
            if times[run] < 0 and squares == n * n:
                times[run] = m
    return times


@compiled
def _draw_counts(
    tokens: Integers, counts: Integers, living: int, whole: int, draws: int, into: Integers
) -> None:
    """Add `draws` draws from a model of `whole` samples to `into`, by conditional binomials."""
    for i in range(living):
        if draws == 0:
            return
        drawn = np.random.binomial(draws, counts[i] / whole) if counts[i] < whole else draws
        into[tokens[i]] += drawn
        whole -= counts[i]
        draws -= drawn


@compiled
def window_binomial(
    cdf: Floats, n: int, back: Integers, runs: int, source: Source, sums: Floats
) -> Integers:
    """Do what `window_labels` does, by conditional binomials; `back` holds the draws per model.

    Row m, column k of `back`: how many draws of generation m fall on the model k generations back.
    """
    window, generations = back.shape[0] - 1, sums.shape[2]
    tokens = np.empty((window, n), np.int64)
    counts, living = np.empty((window, n), np.int64), np.zeros(window, np.int64)
    drawn, absorbed = np.zeros(cdf.size, np.int64), np.zeros(generations, np.int64)
    times = np.full(runs, -1)
    for run in range(runs):
        alone = 0
        for m in range(1, generations + 1):
            row = back[min(m, window)]
            for k in range(1, min(m, window) + 1):
                if k < m:
                    at = (m - k) % window
                    _draw_counts(tokens[at], counts[at], living[at], n, row[k], drawn)
                else:
                    for _ in range(row[k]):
                        source, token = token_from(cdf, source)
                        drawn[token] += 1
            at, size, squares = m % window, 0, 0
            for token in range(cdf.size):
                if drawn[token] > 0:
                    tokens[at, size], counts[at, size] = token, drawn[token]
                    squares += drawn[token] ** 2
                    drawn[token] = 0
                    size += 1
            before = tokens[(m - 1) % window, 0]
            living[at] = size
            add(sums, 0, m - 1, squares / n**2)
            if size > 1:
                alone = 0
                continue
            if times[run] < 0:
                times[run] = m
            alone = alone + 1 if alone > 0 and tokens[at, 0] == before else 1
            if alone == window:
                absorbed[m - 1] += 1
                break
    ended = 0
    for g in range(generations):
        sums[0, :, g] += ended
        ended += absorbed[g]
    return times


@compiled
def everything_binomial(cdf: Floats, n: int, runs: int, source: Source, sums: Floats) -> Integers:
    """Do what `everything_labels` does, by conditional binomials over all draws so far."""
    generations = sums.shape[2]
    seen, drawn = np.zeros(cdf.size, np.int64), np.zeros(cdf.size, np.int64)
    times = np.full(runs, -1)
    for run in range(runs):
        seen[:] = 0
        for m in range(1, generations + 1):
            real = np.random.binomial(n, 1.0 / m)
            draws, whole = n - real, (m - 1) * n
            for token in range(cdf.size):
                if draws == 0:
                    break
                if seen[token] > 0:
                    share = seen[token] / whole
                    drawn[token] = np.random.binomial(draws, share) if share < 1.0 else draws
                    draws -= drawn[token]
                    whole -= seen[token]
            for _ in range(real):
                source, token = token_from(cdf, source)
                drawn[token] += 1
            squares = 0
            for token in range(cdf.size):
                squares += drawn[token] ** 2
                seen[token] += drawn[token]
                drawn[token] = 0
            add(sums, 0, m - 1, squares / n**2)
            if times[run] < 0 and squares == n * n:
                times[run] = m
    return times
