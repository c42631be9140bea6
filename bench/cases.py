"""The table of cases: what is run, by whom, how it is judged and what is to be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

import autophage as ap
from bench import contenders as by
from bench import judge, system
from bench.judge import Check, Floats, Outcome

OURS = "autophage"
BINOMIAL, LABELS, XOSHIRO = "numba binomial", "numba labels", "numba labels xoshiro"
NUMPY = "numpy batched"

Judge = Callable[[int, Mapping[str, Outcome]], Iterator[Check]]


@dataclass(frozen=True)
class Contender:
    """One way of doing a case, and how many runs it does: `run(part, runs, seed)`."""

    name: str
    run: by.Run
    runs: int = 1


@dataclass(frozen=True)
class Case:
    """One comparison. The first contender is ours; the others are timed against it.

    Attributes
    ----------
    name, title : str
        What to call it on the command line, and in a sentence.
    contenders : tuple of Contender
        They are interleaved: A B C A B C.
    judge : callable
        Gives the checks of one part from the outcomes by contender.
    parts : tuple of int
        Values, mostly of n, that make up one timing: the times of all parts are added.
    ratios : mapping
        How many times as fast as this contender ours is to be.
    seconds : mapping
        How long ours may take for this part.
    figures : mapping
        How large these figures of ours may be.
    """

    name: str
    title: str
    contenders: tuple[Contender, ...]
    judge: Judge
    parts: tuple[int, ...]
    ratios: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[int, float] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)


@cache
def _law(n: int) -> Any:
    return ap.collapse_law(by.geometric(29), n)


def _sigma(p: Floats, regime: Any, generations: int) -> Floats:
    return np.asarray(ap.moments(p, regime, generations)["sigma"].values, float)


# Judges


def _judge_times(n: int, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    for name, outcome in outcomes.items():
        if outcome.times is not None:
            yield from judge.law_checks(name, outcome.times, _law(n))


def _judge_sigma(
    exact: Callable[[int], Floats], agreeing: tuple[str, ...] = (), reached: tuple[str, ...] = ()
) -> Judge:
    def run(part: int, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
        truth = exact(part)
        for name, outcome in outcomes.items():
            yield from judge.moment_checks(name, "sigma", outcome.series["sigma"], truth)
        for series in agreeing:
            yield from judge.agreement_checks(series, outcomes)
        for series in reached:
            yield from judge.share_checks(series, outcomes)

    return run


def _judge_threads(n: int, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    yield from _judge_times(n, outcomes)
    first, second = (np.asarray(outcome.times) for outcome in outcomes.values())
    yield Check("both", "threads change nothing", 0.0, np.array_equal(first, second))


def _judge_mean(n: int, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    """Hold E T against its closed form, from which it differs by -(1/3) ln n + c, c below 2."""
    closed = float(ap.collapse_time_asymptotic(by.geometric(29), n))
    gap = outcomes[OURS].figures["mean"] - closed + np.log(n) / 3
    yield Check.at_most(OURS, "E T minus its closed form, plus ln(n)/3", gap, 2.0)


def _judge_whole(_n: int, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    figures = outcomes[OURS].figures
    gap = figures["mean of cdf"] / figures["mean"] - 1
    yield Check.at_most(OURS, "mean of the whole law over E T, minus 1", gap, 1e-9)


def _judge_nothing(_part: int, _outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    yield from ()


# The exact law


def _mean(n: int, _runs: int, _seed: int) -> Outcome:
    return Outcome(1, figures={"mean": float(ap.collapse_law(by.geometric(29), n).mean)})


def _whole(n: int, _runs: int, _seed: int) -> Outcome:
    law = ap.collapse_law(by.zipf(), n)
    survival = law.sf(np.arange(30 * n))
    mean = float(survival.sum())
    return Outcome(1, figures={"mean": float(law.mean), "mean of cdf": mean})


# The table


def _forward(
    name: str,
    parts: tuple[int, ...],
    runs: int,
    peer_runs: int,
    reduce: str | None,
    ratios: Mapping[str, float],
) -> Case:
    return Case(
        name,
        f"collapse times, fully synthetic, support 29 of 600, {runs:,} runs, n = "
        + ", ".join(map(str, parts)),
        (
            Contender(OURS, by.ours_times(reduce=reduce), runs),
            Contender(BINOMIAL, by.times_of(by.binomial_times), peer_runs),
            Contender(XOSHIRO, by.times_of(by.label_times), peer_runs),
            Contender(NUMPY, by.times_of(by.numpy_times), peer_runs),
        ),
        _judge_times,
        parts,
        ratios,
    )


def _wide() -> Case:
    means = (200, ("sigma",))
    return Case(
        "W2",
        "sigma of 200 generations, fully synthetic, Zipf's law over 32,000 tokens, 1,000 runs",
        (
            Contender(OURS, by.ours_means(by.zipf, lambda n: ap.FullySynthetic(n), *means), 1000),
            Contender(BINOMIAL, by.means_of(by.binomial_sigma, *means), 1000),
            Contender(XOSHIRO, by.means_of(by.label_sigma, *means), 1000),
            Contender(NUMPY, by.means_of(by.in_batches(by.numpy_sigma, 1000), *means), 1000),
        ),
        _judge_sigma(lambda n: _sigma(by.zipf(), ap.FullySynthetic(n), 200)),
        (1000,),
        {BINOMIAL: 4.0, NUMPY: 20.0},
    )


def _partial(n: int, runs: int, goal: float) -> Case:
    def regime(n: int) -> Any:
        return ap.PartiallySynthetic(n, real=by.REAL)

    means = (50, ("sigma", "l1_to_first"))
    return Case(
        f"W4-{n}",
        f"sigma and l1 of 50 generations, partially synthetic, 100 real and {n} drawn, "
        f"support 52 of 600, {runs:,} runs",
        (
            Contender(OURS, by.ours_means(lambda: by.geometric(52), regime, *means), runs),
            Contender(BINOMIAL, by.means_of(by.binomial_partial, *means), runs),
            Contender(LABELS, by.means_of(by.plain_label_partial, *means), runs),
            Contender(XOSHIRO, by.means_of(by.label_partial, *means), runs),
            Contender(NUMPY, by.means_of(by.in_batches(by.numpy_partial, 1000), *means), runs),
        ),
        _judge_sigma(lambda n: _sigma(by.geometric(52), regime(n), 50), ("l1_to_first",)),
        (n,),
        {BINOMIAL: goal, LABELS: goal, NUMPY: goal},
    )


def _memory(window: int) -> Case:
    def regime(window: int) -> Any:
        return ap.MostRecent(by.FEW, window) if window else ap.RandomlySampled(by.FEW)

    runs, means = 5000, (500, ("sigma",))
    times = ("sigma", "collapse_time")
    return Case(
        f"W5-{window or 'all'}",
        f"sigma and first collapse in 500 generations, n = 10 drawn from "
        f"{f'the {window} newest models' if window else 'all models before'}, "
        f"support 52 of 600, {runs:,} runs",
        (
            Contender(OURS, by.ours_means(lambda: by.geometric(52), regime, 500, times), runs),
            Contender(BINOMIAL, by.means_of(by.binomial_memory, *means), runs),
            Contender(LABELS, by.means_of(by.plain_label_memory, *means), runs),
            Contender(XOSHIRO, by.means_of(by.label_memory, *means), runs),
            Contender(NUMPY, by.means_of(by.in_batches(by.numpy_memory, 1000), *means), runs),
        ),
        _judge_sigma(
            lambda window: _sigma(by.geometric(52), regime(window), 500),
            ("collapse_time",),
            ("collapse_time",),
        ),
        (window,),
        {BINOMIAL: 4.0, LABELS: 4.0},
    )


def _judge_entities(n: int, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    laws, public = by.entities()
    exact = ap.moments(ap.Categorical(laws, public=public), by.interacting(n), 50)["sigma"].values
    for name, outcome in outcomes.items():
        for k, series in enumerate(by.EACH):
            yield from judge.moment_checks(name, series, outcome.series[series], exact[:, k])


def _interacting(n: int, runs: int) -> Case:
    numpy = by.means_of(by.in_batches(by.numpy_interacting, 200), 50, by.EACH)
    return Case(
        f"interacting-{n}",
        f"sigma of four entities over 50 generations, 100 real each, one pool of {n}, "
        f"support 52, {runs:,} runs",
        (Contender(OURS, by.ours_interacting, runs), Contender(NUMPY, numpy, runs)),
        _judge_entities,
        (n,),
    )


def _threads() -> Case:
    return Case(
        "threads",
        "two threads against one: collapse times, support 29 of 600, n = 100, 200,000 runs",
        (
            Contender("two threads", by.ours_times(reduce="histogram", threads=2), 200_000),
            Contender("one thread", by.ours_times(reduce="histogram"), 200_000),
        ),
        _judge_threads,
        (100,),
        {"one thread": 1.8},
    )


def _alone(
    name: str, title: str, run: by.Run, judged: Judge, seconds: Mapping[int, float], **more: Any
) -> Case:
    runs = more.pop("runs", 1)
    contenders = (Contender(OURS, run, runs),)
    return Case(name, title, contenders, judged, tuple(seconds), seconds=seconds, **more)


SWEEP = (10, 50, 100, 150, 200, 250, 300, 350, 400)

CASES = (
    _forward("W1-100", SWEEP, 100, 100, None, {BINOMIAL: 4.0}),
    _forward("W1-5000", SWEEP, 5000, 5000, None, {BINOMIAL: 6.0}),
    _wide(),
    _forward("W3", (100,), 1_000_000, 50_000, "histogram", {BINOMIAL: 12.0, NUMPY: 18.0}),
    _partial(1, 20_000, 3.5),
    _partial(10, 20_000, 4.0),
    _partial(100, 10_000, 6.0),
    _partial(500, 4000, 3.0),
    *(_memory(window) for window in (5, 10, 0)),
    *(_interacting(n, runs) for n, runs in ((100, 5000), (10_000, 2000))),
    _threads(),
    _alone(
        "law-mean",
        "exact E T, support 29 of 600, n = 1e5 and 1e6",
        _mean,
        _judge_mean,
        {100_000: 0.5, 1_000_000: 15.0},
    ),
    _alone(
        "law-whole",
        "whole exact law, Zipf's law over 32,000 tokens, n = 1e3 and 1e4",
        _whole,
        _judge_whole,
        {1000: 0.010, 10_000: 0.3},
    ),
    _alone(
        "W3-memory",
        "memory of W3 with a histogram of 10,000,000 collapse times, two threads, over that of an "
        "idle process and over that of 100,000 runs",
        system.histogram_memory,
        _judge_nothing,
        {0: 600.0},
        runs=10_000_000,
        figures={"megabytes": 100.0, "more than 1e5": 20.0},
    ),
    _alone(
        "import",
        "import autophage and find simulate, in a fresh interpreter",
        system.import_time,
        _judge_nothing,
        {0: 0.3},
    ),
    _alone(
        "collapse",
        "autophage collapse on a million characters, context 2, 100 samples, 1,000 runs a context, "
        "two threads",
        system.command_line,
        _judge_nothing,
        {0: 60.0},
        runs=1000,
        figures={"megabytes": 500.0},
    ),
)
