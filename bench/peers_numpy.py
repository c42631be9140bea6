"""What an expert would write in NumPy: all runs of a batch at once, one generation at a time.

Dead tokens and finished runs are dropped as they appear. Large n goes through
`Generator.multinomial`; with few samples, gathering labels is quicker.

Trajectories are added to `sums`, float64 of shape (records, 2, generations): the sum and the sum of
squares over runs, which is what a mean and a variance need.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from bench.peers_memory import steps_back

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def _without_dead(counts: Integers) -> Integers:
    """Sort each run's counts in falling order and cut the columns that are zero in every run."""
    counts = np.sort(counts, axis=1)
    living = counts.shape[1] - int(np.argmax(counts.any(axis=0)))
    return np.ascontiguousarray(counts[:, : -living - 1 : -1])


def _add(sums: Floats, record: int, at: int, values: Floats) -> None:
    sums[record, :, at] += values.sum(), values @ values


def times(p: Floats, n: int, runs: int, rng: np.random.Generator, batch: int = 5000) -> Integers:
    """Draw collapse times, fully synthetic."""
    found = np.empty(runs, np.int64)
    living = p[p > 0]
    for first in range(0, runs, batch):
        going = np.arange(first, min(first + batch, runs))
        counts = rng.multinomial(n, living, size=going.size)
        generation = 1
        while going.size:
            alive = functools.reduce(np.maximum, counts.T) < n
            if not alive.all():
                found[going[~alive]] = generation
                going, counts = going[alive], counts[alive]
                if not going.size:
                    break
            if generation % 4 == 0 and counts.shape[1] > 2:
                counts = _without_dead(counts)
            counts = rng.multinomial(n, counts / n)
            generation += 1
    return found


def sigma(p: Floats, n: int, runs: int, rng: np.random.Generator, sums: Floats) -> None:
    """Record the sum of squares of every generation, fully synthetic.

    The first generation is drawn as labels, for with many tokens most would get no sample.
    """
    tokens = np.sort(np.searchsorted(np.cumsum(p), rng.random((runs, n))), axis=1)
    rank = np.zeros((runs, n), np.int64)
    np.cumsum(tokens[:, 1:] != tokens[:, :-1], axis=1, out=rank[:, 1:])
    width = int(rank.max()) + 1
    cells = (rank + np.arange(runs)[:, None] * width).ravel()
    counts = _without_dead(np.bincount(cells, minlength=runs * width).reshape(runs, width))
    for generation in range(sums.shape[2]):
        if generation > 0:
            counts = rng.multinomial(n, counts / n)
        squares = np.einsum("rk,rk->r", counts, counts) / n**2
        _add(sums, 0, generation, squares)
        sums[0, :, generation] += runs - counts.shape[0]
        counts = counts[squares < 1]
        if not counts.size:
            sums[0, :, generation + 1 :] += runs
            return
        if generation < 8 or generation % 8 == 0:
            counts = _without_dead(counts)


def partial(
    p: Floats, of_real: int, n: int, runs: int, rng: np.random.Generator, sums: Floats
) -> None:
    """Record sigma and l1 to the first model, partially synthetic."""
    real = _without_dead(rng.multinomial(of_real, p, size=runs))
    first = real / of_real
    model = first
    for generation in range(sums.shape[2]):
        if generation > 0:
            model = (real + rng.multinomial(n, model)) / (of_real + n)
        _add(sums, 0, generation, np.einsum("rk,rk->r", model, model))
        _add(sums, 1, generation, np.abs(model - first).sum(axis=1))


def interacting(
    laws: Floats, public: Floats, kept: int, n: int, runs: int, rng: np.random.Generator,
    sums: Floats,
) -> None:  # fmt: skip
    """Record sigma of every entity; alpha and beta are one half, and all have one pool."""
    own = np.stack([rng.multinomial(kept, law, size=runs) for law in laws], axis=1)
    shared = rng.multinomial(kept, public, size=runs)
    real = (own + shared[:, None]) / (2 * kept)
    mean_real = np.ascontiguousarray(real.mean(axis=1))
    models, mean = real, mean_real
    for generation in range(sums.shape[2]):
        if generation > 0:
            pool = rng.multinomial(n, mean) / n
            models = 0.5 * (real + pool[:, None])
            mean = 0.5 * (mean_real + pool)
        squares = np.einsum("rks,rks->kr", models, models)
        for entity, values in enumerate(squares):
            _add(sums, entity, generation, values)


def _squares(labels: NDArray[np.uint16], tokens: int) -> Floats:
    """Give sum p_i^2 of every column of labels (n, runs)."""
    n, runs = labels.shape
    cells = (labels + tokens * np.arange(runs)).ravel()
    counts = np.bincount(cells, minlength=tokens * runs).reshape(runs, tokens)
    return np.asarray(np.einsum("rk,rk->r", counts, counts) / n**2)


def window(
    p: Floats, n: int, width: int, runs: int, rng: np.random.Generator, sums: Floats
) -> Integers:
    """Record sigma and give the first collapse (-1: never) with windows, stopped at absorption."""
    back, cdf = steps_back(n, width), np.cumsum(p)
    cdf[-1] = 1.0
    ring = np.zeros((width, n, runs), np.uint16)  # Generation m lies at m % width
    found, going, alone = np.full(runs, -1), np.arange(runs), np.zeros(runs, np.int64)
    for m in range(1, sums.shape[2] + 1):
        steps = back[min(m, width)]
        rows = rng.integers(0, n, size=(n, going.size))
        rows += n * ((m - steps) % width)[:, None]
        labels = ring.take(rows * going.size + np.arange(going.size))
        fresh = int(np.count_nonzero(steps == m))
        labels[:fresh] = np.searchsorted(cdf, rng.random((fresh, going.size)), side="right")
        squares = _squares(labels, p.size)
        _add(sums, 0, m - 1, squares)
        sums[0, :, m - 1] += runs - going.size
        hit = squares == 1
        found[going[hit & (found[going] < 0)]] = m
        same = labels[0] == ring[(m - 1) % width, 0]
        alone = np.where(hit, np.where((alone > 0) & same, alone + 1, 1), 0)
        ring[m % width] = labels
        absorbed = alone >= width
        if np.count_nonzero(absorbed) > going.size // 16:
            keep = ~absorbed
            going, alone, ring = going[keep], alone[keep], ring[:, :, keep].copy()
            if not going.size:
                sums[0, :, m:] += runs
                break
    return found


def everything(p: Floats, n: int, runs: int, rng: np.random.Generator, sums: Floats) -> Integers:
    """Record sigma and give the first collapse (-1: never) when every past model is drawn from."""
    generations, cdf = sums.shape[2], np.cumsum(p)
    cdf[-1] = 1.0
    pool = np.zeros((generations + 1) * n * runs, np.uint16)  # (sample, run)
    found, column = np.full(runs, -1), np.arange(runs)
    for m in range(1, generations + 1):
        picks = rng.integers(0, m * n, size=(n, runs))
        labels = pool.take(picks * runs + column)
        fresh = np.flatnonzero(picks < n)
        labels.ravel()[fresh] = np.searchsorted(cdf, rng.random(fresh.size), side="right")
        pool[m * n * runs : (m + 1) * n * runs] = labels.ravel()
        squares = _squares(labels, p.size)
        _add(sums, 0, m - 1, squares)
        found[(squares == 1) & (found < 0)] = m
    return found
