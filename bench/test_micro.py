"""Small timings, one kernel each, to see what a change does: `pytest bench/test_micro.py`.

They need pytest-benchmark; `--benchmark-compare` sets two commits side by side. Each result gets a
light check, for a fast wrong answer is worth nothing; the laws are tested elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autophage as ap
from bench.contenders import geometric

SEED = 20_000

REGIMES = [
    ap.FullySynthetic(100),
    ap.PartiallySynthetic(100, real=100),
    ap.MostRecent(100, window=5),
    ap.RandomlySampled(100),
    ap.Contaminated(100, 0.1),
    ap.Accumulate(100),
    ap.AccumulateSubsample(100),
    ap.AccumulateSubsample(100, replace=True),
    ap.Filtered(ap.Contaminated(100, 0.1), type1=0.1, type2=0.2),
    ap.Filtered(ap.Contaminated(100, 0.1), test="likelihood_ratio"),
    ap.Adaptive(100, constant=0.01),
]
RECORDS = (
    "collapse_time",
    "absorption_time",
    "support",
    "sigma",
    "max_p",
    "l1_to_truth",
    "l1_to_first",
    "l2_to_truth",
    "l2_to_first",
)


def test_philox(benchmark: Any) -> None:
    """Time 65,536 blocks of random words."""
    counter = np.zeros((65_536, 4), np.uint32)
    counter[:, 0] = np.arange(65_536)
    key = np.zeros((65_536, 2), np.uint32)
    blocks = benchmark(ap.random.philox4x32, counter, key)
    assert blocks[0, 0] == 0x6627E8D5


def test_overhead(benchmark: Any) -> None:
    """Time a call with next to nothing to do."""
    model, regime = ap.Categorical([0.5, 0.5]), ap.FullySynthetic(1)
    ds = benchmark(ap.simulate, model, regime, runs=1, rng=SEED, threads=1)
    assert int(ds["collapse_time"][0]) == 1


@pytest.mark.parametrize("n", [2, 10, 100, 128, 129, 1000, 10**6, 10**12])
@pytest.mark.parametrize("support", [2, 29])
def test_step(benchmark: Any, support: int, n: int) -> None:
    """Time twenty generations of 200 runs: tokens die off at small n, all live on at large."""
    p = np.full(support, 1.0 / support)
    ds = benchmark(
        ap.simulate,
        ap.Categorical(p),
        ap.FullySynthetic(n),
        runs=200,
        generations=20,
        rng=SEED,
        record=("support",),
        reduce="mean",
        threads=1,
    )
    assert 1 <= float(ds["support"][-1]) <= support


@pytest.mark.parametrize("n", [10, 100, 400])
def test_two_tokens(benchmark: Any, n: int) -> None:
    """Time the long end of every run: two tokens until one is left."""
    regime = ap.FullySynthetic(n)
    ds = benchmark(ap.simulate, ap.Categorical([0.5, 0.5]), regime, runs=1000, rng=SEED, threads=1)
    assert int(ds["collapse_time"].min()) >= 1


@pytest.mark.parametrize("regime", REGIMES, ids=repr)
def test_regime(benchmark: Any, regime: Any) -> None:
    """Time fifty generations of 200 runs of each regime."""
    ds = benchmark(
        ap.simulate,
        ap.Categorical(geometric(52)),
        regime,
        runs=200,
        generations=50,
        rng=SEED,
        record=("sigma",),
        reduce="mean",
        threads=1,
    )
    assert 0.1 < float(ds["sigma"][-1]) <= 1


@pytest.mark.parametrize("record", RECORDS)
def test_record(benchmark: Any, record: str) -> None:
    """Time one record at a time, all else equal."""
    ds = benchmark(
        ap.simulate,
        ap.Categorical(geometric(52)),
        ap.Contaminated(100, 0.1),
        runs=200,
        generations=50,
        rng=SEED,
        record=(record,),
        reduce="mean",
        threads=1,
    )
    assert record in ds


def test_contexts(benchmark: Any) -> None:
    """Time many contexts with their own law, ten runs each."""
    laws = np.random.default_rng(SEED).dirichlet(np.ones(60), size=500)
    regime = ap.FullySynthetic(100)
    ds = benchmark(ap.simulate, ap.Categorical(laws), regime, runs=10, rng=SEED, threads=1)
    assert ds["collapse_time"].shape == (10, 500)


@pytest.mark.parametrize("n", [100, 1000, 10_000])
def test_mean_of_the_law(benchmark: Any, n: int) -> None:
    """Time the exact E T."""
    mean = benchmark(lambda: ap.collapse_law(geometric(29), n).mean)
    assert n < mean < 2 * n


@pytest.mark.parametrize("regime", [*REGIMES[:5], *REGIMES[6:9]], ids=repr)
def test_moments(benchmark: Any, regime: Any) -> None:
    """Time the exact second moments of 200 generations."""
    ds = benchmark(ap.moments, geometric(52), regime, 200)
    assert ds["sigma"].size == 200
