"""The cases of networks of mixtures: norms of the distances between models over the generations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from autophage import _core
from bench import judge, peers_mixture
from bench.cases import OURS, Case, Contender
from bench.contenders import Run
from bench.judge import Check, Floats, Outcome, Series
from bench.numba_random import xoshiro

NUMBA, NUMPY = "numba", "numpy batched"
RATE = 1 / 150
NORM = "norm of the distances"


@dataclass(frozen=True)
class Shape:
    """K models of M components in d dimensions, some four sigma apart; one post each a round."""

    models: int
    components: int
    features: int
    generations: int
    read: float

    def means(self) -> Floats:
        """Give the components' means; the covariance is 1."""
        if self.components == 2:
            return np.array([[-2.0], [2.0]]) @ np.eye(1, self.features)
        rng = np.random.default_rng(1)
        spread = 4 / np.sqrt(2 * self.features)
        return np.asarray(rng.standard_normal((self.components, self.features)) * spread)

    def weights(self) -> Floats:
        """Give the models' weights at the start."""
        return np.random.default_rng(2).dirichlet(np.ones(self.components), self.models)

    def peer(self) -> tuple[Floats, Floats, float, float, float, int]:
        """Give what the peers take."""
        return self.means(), self.weights(), RATE, 0.0, self.read, self.generations


@cache
def _network(shape: Shape, single: bool) -> dict[str, Any]:
    rounds = shape.generations, shape.models
    pool = shape.models * np.arange(1, shape.generations + 1)
    reads = np.floor(shape.read * pool + 1e-9).astype(np.int64)
    means, posts = _core.mixture_coordinates(
        shape.means(), np.eye(shape.features), np.empty((0, shape.features))
    )
    return {
        "models": shape.models, "components": shape.components, "features": means.shape[1],
        "means": means, "first_posts": posts, "weights": shape.weights(),
        "posts": np.ones(rounds, np.int64), "reads": np.repeat(reads[:, None], shape.models, 1),
        "rate": np.full(rounds, RATE), "prior": 0.0, "active": False, "shared": False,
        "single": single,
    }  # fmt: skip


def _ours(shape: Shape, *, single: bool = False, threads: int = 1) -> Run:
    def run(_part: int, runs: int, seed: int) -> Outcome:
        norms = np.empty((runs, shape.generations + 1))
        study = {
            "seed": seed, "first_run": 0, "runs": runs, "generations": shape.generations,
            "threads": threads,
        }  # fmt: skip
        _core.run_mixtures(_network(shape, single), study, {"distance": norms}, False, None)
        return _outcome(norms)

    return run


def _numba(shape: Shape) -> Run:
    def run(_part: int, runs: int, seed: int) -> Outcome:
        source = np.random.default_rng(seed), xoshiro(seed)
        return _outcome(peers_mixture.in_numba(*shape.peer(), runs, *source))

    return run


def _numpy(shape: Shape) -> Run:
    def run(_part: int, runs: int, seed: int) -> Outcome:
        rng = np.random.default_rng(seed)
        return _outcome(peers_mixture.in_numpy(*shape.peer(), runs, rng))

    return run


def _outcome(norms: Floats) -> Outcome:
    later = norms[:, 1:]
    series = Series(later.mean(axis=0), later.var(axis=0, ddof=1), len(norms))
    return Outcome(len(norms), series={NORM: series})


def _judge(_part: int, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    yield from judge.agreement_checks(NORM, outcomes)


def _case(
    name: str, title: str, shape: Shape, runs: int, single: bool, ratios: Mapping[str, float]
) -> Case:
    kind = "float32" if single else "float64"
    return Case(
        f"{name}-{kind}",
        f"{title}; our weights in {kind}, the peers' in float64",
        (
            Contender(OURS, _ours(shape, single=single), runs),
            Contender(NUMBA, _numba(shape), runs),
            Contender(NUMPY, _numpy(shape), runs),
        ),
        _judge,
        (0,),
        ratios,
    )


def _threads(name: str, title: str, shape: Shape, runs: int) -> Case:
    contenders = (
        Contender("two threads", _ours(shape, threads=2), runs),
        Contender("one thread", _ours(shape), runs),
    )
    return Case(name, f"two threads against one: {title}", contenders, _judge, (0,),
                {"one thread": 1.8})  # fmt: skip


A = Shape(models=3, components=2, features=2, generations=60, read=0.5)
B = Shape(models=10, components=50, features=8, generations=200, read=0.1)
TITLES = {
    A: "3 models of 2 components in 2 dimensions, 60 rounds of one post each, half the pool read",
    B: "10 models of 50 components in 8 dimensions, 200 rounds, a tenth of the pool read",
}
CASES = (
    _case("mixture-A", TITLES[A], A, 1000, False, {NUMBA: 6.0, NUMPY: 30.0}),
    _case("mixture-A", TITLES[A], A, 1000, True, {NUMBA: 8.0, NUMPY: 30.0}),
    _case("mixture-B", TITLES[B], B, 200, False, {NUMBA: 2.7, NUMPY: 20.0}),
    _case("mixture-B", TITLES[B], B, 200, True, {NUMBA: 4.0, NUMPY: 20.0}),
    _threads("mixture-threads", TITLES[B], B, 200),
)
