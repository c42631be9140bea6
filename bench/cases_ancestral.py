"""The cases of collapse times without trajectories: paths of ancestors, and the exact law itself.

W3 again: support 29 of 600 tokens, n = 100, a histogram of the collapse time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

import autophage as ap
from bench import contenders as by
from bench import judge, peers_msprime
from bench.cases import BINOMIAL, OURS, Case, Contender
from bench.judge import Check, Outcome

MSPRIME, FORWARD = "msprime dtwf", "autophage forward"
HAS_MSPRIME = find_spec("msprime") is not None
NO_MSPRIME = "" if HAS_MSPRIME else " (msprime is not installed)"


@cache
def _law(n: int) -> Any:
    return ap.collapse_law(by.geometric(29), n)


def _judge(n: int, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    for name, outcome in outcomes.items():
        assert outcome.times is not None
        yield from judge.law_checks(name, outcome.times, _law(n))


def paths(n: int, runs: int, seed: int) -> Outcome:
    """Paths of ancestors, tables included."""
    ds = ap.simulate(
        ap.Categorical(by.geometric(29)),
        ap.FullySynthetic(n),
        runs=runs,
        rng=seed,
        record=("collapse_time",),
        reduce="histogram",
        method="ancestral",
        threads=1,
    )
    return Outcome(runs, times=np.insert(ds["collapse_time"].values, 0, 0))


def draws(n: int, runs: int, seed: int) -> Outcome:
    """Draws from the exact law, which is computed first."""
    times = ap.collapse_law(by.geometric(29), n).sample(runs, rng=seed)
    return Outcome(runs, times=np.bincount(times))


def trees(n: int, runs: int, seed: int) -> Outcome:
    """Trees of msprime."""
    return Outcome(runs, times=np.bincount(peers_msprime.times(by.geometric(29), n, runs, seed)))


def _peers() -> tuple[Contender, ...]:
    always = (
        Contender(BINOMIAL, by.times_of(by.binomial_times), 10_000),
        Contender(FORWARD, by.ours_times(reduce="histogram"), 20_000),
    )
    return (*always, Contender(MSPRIME, trees, 1000)) if HAS_MSPRIME else always


CASES = (
    Case(
        "W3-ancestral",
        f"W3 by paths of ancestors, 1,000,000 runs{NO_MSPRIME}",
        (Contender(OURS, paths, 1_000_000), *_peers()),
        _judge,
        (100,),
        {BINOMIAL: 300.0, MSPRIME: 2500.0},
    ),
    Case(
        "W3-law",
        f"W3 drawn from the exact law, 10,000,000 runs{NO_MSPRIME}",
        (Contender(OURS, draws, 10_000_000), *_peers()),
        _judge,
        (100,),
        {BINOMIAL: 3000.0},
    ),
)
