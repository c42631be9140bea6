"""Everybody who takes part, in one form: `run(part, runs, seed)` gives an Outcome."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import autophage as ap
from bench import peers_memory, peers_numba, peers_numpy
from bench.judge import Floats, Integers, Outcome, Series
from bench.numba_random import Source, xoshiro

TOKENS = 600

Run = Callable[[int, int, int], Outcome]
Kernel = Callable[[int, int, int, Floats], Integers | None]
"""A peer's trajectories: part, runs, seed and the sums to add to; may give collapse times."""


@cache
def geometric(support: int) -> Floats:
    """Give a law over 600 tokens with this support and a sum of squares of 0.1."""
    return ap.law_with(support, 0.1, tokens=TOKENS)


@cache
def zipf() -> Floats:
    """Give Zipf's law over 32,000 tokens."""
    weights = 1.0 / np.arange(1, 32_001)
    return np.asarray(weights / weights.sum())


@cache
def _cdf(support: int) -> Floats:
    """Cumulative sums over the tokens that have any mass; support 0 stands for Zipf's law."""
    p = geometric(support)[:support] if support else zipf()
    return np.cumsum(p)


def ours_times(*, reduce: str | None = None, threads: int = 1) -> Run:
    """Fully synthetic collapse times by `simulate`."""

    def run(n: int, runs: int, seed: int) -> Outcome:
        ds = ap.simulate(
            ap.Categorical(geometric(29)),
            ap.FullySynthetic(n),
            runs=runs,
            rng=seed,
            record=("collapse_time",),
            reduce=reduce,
            threads=threads,
        )
        found = ds["collapse_time"].values
        return Outcome(runs, times=np.insert(found, 0, 0) if reduce else np.bincount(found))

    return run


def ours_means(
    p: Callable[[], Floats],
    regime: Callable[[int], Any],
    generations: int,
    record: tuple[str, ...],
) -> Run:
    """Means and variances over runs by `simulate`."""

    def run(part: int, runs: int, seed: int) -> Outcome:
        ds = ap.simulate(
            ap.Categorical(p()),
            regime(part),
            runs=runs,
            generations=generations,
            rng=seed,
            record=record,
            reduce="mean",
            threads=1,
        )
        series = {}
        for name in record:
            count = int(ds[f"{name}_reached"]) if f"{name}_reached" in ds else runs
            series[name] = Series(ds[name].values, ds[f"{name}_variance"].values, count)
        return Outcome(runs, series=series)

    return run


def times_of(draw: Callable[[int, int, int], Integers]) -> Run:
    """Make a contender of a function that gives collapse times."""
    return lambda n, runs, seed: Outcome(runs, times=np.bincount(draw(n, runs, seed)))


def means_of(kernel: Kernel, generations: int, record: tuple[str, ...]) -> Run:
    """Make a contender of a function that adds to sums; `record` names the sums in order."""

    def run(part: int, runs: int, seed: int) -> Outcome:
        sums = np.zeros((len(record), 2, generations))
        times = kernel(part, runs, seed, sums)
        series = {name: Series.of_sums(sums[i], runs) for i, name in enumerate(record)}
        if times is not None:
            series["collapse_time"] = Series.of_times(times)
        return Outcome(runs, series=series)

    return run


def in_batches(
    kernel: Callable[[int, int, np.random.Generator, Floats], Integers | None], size: int
) -> Kernel:
    """Let a NumPy peer do its runs in batches that stay in the cache."""

    def run(part: int, runs: int, seed: int, sums: Floats) -> Integers | None:
        rng = np.random.default_rng(seed)
        batches = [min(size, runs - first) for first in range(0, runs, size)]
        times = [kernel(part, batch, rng, sums) for batch in batches]
        found = [part for part in times if part is not None]
        return np.concatenate(found) if found else None

    return run


# Fully synthetic, support 29: collapse times.


def binomial_times(n: int, runs: int, seed: int) -> Integers:
    """Conditional binomials in numba."""
    peers_numba.seed_numba(seed)
    return peers_numba.times_binomial(geometric(29)[:29], n, runs)


def label_times(n: int, runs: int, seed: int) -> Integers:
    """Labels in numba, with xoshiro."""
    return peers_numba.times_labels(_cdf(29), n, runs, xoshiro(seed))


def numpy_times(n: int, runs: int, seed: int) -> Integers:
    """Batched multinomials in NumPy."""
    return peers_numpy.times(geometric(29), n, runs, np.random.default_rng(seed))


# Fully synthetic, Zipf over 32,000 tokens: sigma of every generation.


def binomial_sigma(n: int, runs: int, seed: int, sums: Floats) -> None:
    """Conditional binomials in numba."""
    peers_numba.seed_numba(seed)
    peers_numba.sigma_binomial(_cdf(0), n, runs, xoshiro(seed), sums)


def label_sigma(n: int, runs: int, seed: int, sums: Floats) -> None:
    """Labels in numba, with xoshiro."""
    peers_numba.sigma_labels(_cdf(0), n, runs, xoshiro(seed), sums)


def numpy_sigma(n: int, runs: int, rng: np.random.Generator, sums: Floats) -> None:
    """Batched multinomials in NumPy."""
    peers_numpy.sigma(zipf(), n, runs, rng, sums)


# Partially synthetic, support 52, 100 real samples: sigma and l1 to the first model.

REAL = 100


def binomial_partial(n: int, runs: int, seed: int, sums: Floats) -> None:
    """Conditional binomials in numba."""
    peers_numba.seed_numba(seed)
    peers_numba.partial_binomial(_cdf(52), REAL, n, runs, xoshiro(seed), sums)


def label_partial(n: int, runs: int, seed: int, sums: Floats) -> None:
    """Labels in numba, with xoshiro."""
    peers_numba.partial_labels(_cdf(52), REAL, n, runs, xoshiro(seed), sums)


def plain_label_partial(n: int, runs: int, seed: int, sums: Floats) -> None:
    """Labels in numba, with NumPy's generator."""
    rng = np.random.default_rng(seed)
    peers_numba.partial_labels(_cdf(52), REAL, n, runs, rng, sums)


def numpy_partial(n: int, runs: int, rng: np.random.Generator, sums: Floats) -> None:
    """Batched multinomials in NumPy."""
    peers_numpy.partial(geometric(52)[:52], REAL, n, runs, rng, sums)


# Windows and all past models, support 52, ten samples: sigma and the first collapse. Window 0: all.

FEW = 10


def _labels_with_memory(window: int, runs: int, source: Source, sums: Floats) -> Integers:
    if window == 0:
        return peers_memory.everything_labels(_cdf(52), FEW, runs, source, sums)
    back = peers_memory.steps_back(FEW, window)
    return peers_memory.window_labels(_cdf(52), FEW, back, runs, source, sums)


def label_memory(window: int, runs: int, seed: int, sums: Floats) -> Integers:
    """Labels in numba, with xoshiro."""
    return _labels_with_memory(window, runs, xoshiro(seed), sums)


def plain_label_memory(window: int, runs: int, seed: int, sums: Floats) -> Integers:
    """Labels in numba, with NumPy's generator."""
    return _labels_with_memory(window, runs, np.random.default_rng(seed), sums)


def binomial_memory(window: int, runs: int, seed: int, sums: Floats) -> Integers:
    """Conditional binomials in numba."""
    peers_numba.seed_numba(seed)
    if window == 0:
        return peers_memory.everything_binomial(_cdf(52), FEW, runs, xoshiro(seed), sums)
    back = peers_memory.steps_back(FEW, window)
    draws = np.stack([np.bincount(row, minlength=window + 1) for row in back])
    return peers_memory.window_binomial(_cdf(52), FEW, draws, runs, xoshiro(seed), sums)


def numpy_memory(window: int, runs: int, rng: np.random.Generator, sums: Floats) -> Integers:
    """Gathered labels in NumPy."""
    p = geometric(52)[:52]
    if window == 0:
        return peers_numpy.everything(p, FEW, runs, rng, sums)
    return peers_numpy.window(p, FEW, window, runs, rng, sums)


# Four entities that interact, support 52, 100 real samples each: sigma of every entity.

ENTITIES = 4
EACH = tuple(f"sigma of entity {k}" for k in range(ENTITIES))


@cache
def entities() -> tuple[Floats, Floats]:
    """Give the private laws, one law moved on from entity to entity, and the public one."""
    p = geometric(52)[:52]
    return np.stack([np.roll(p, 5 * k) for k in range(ENTITIES)]), p


def interacting(n: int) -> ap.Interacting:
    """Give the regime."""
    return ap.Interacting(0.5, 0.5, n, real=(REAL, REAL))


def ours_interacting(n: int, runs: int, seed: int) -> Outcome:
    """Means and variances of every entity by `simulate`."""
    laws, public = entities()
    ds = ap.simulate(
        ap.Categorical(laws, public=public),
        interacting(n),
        runs=runs,
        generations=50,
        rng=seed,
        record=("sigma",),
        reduce="mean",
        threads=1,
    )
    mean, variance = ds["sigma"].values, ds["sigma_variance"].values
    series = {name: Series(mean[:, k], variance[:, k], runs) for k, name in enumerate(EACH)}
    return Outcome(runs, series=series)


def numpy_interacting(n: int, runs: int, rng: np.random.Generator, sums: Floats) -> None:
    """Batched multinomials in NumPy."""
    peers_numpy.interacting(*entities(), REAL, n, runs, rng, sums)
