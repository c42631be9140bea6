"""The cases of linear models: grids of limits, and batches of Lyapunov equations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

import autophage as ap
from autophage import _core
from bench import peers_linear as peers
from bench.cases import OURS, Case, Contender
from bench.contenders import Run
from bench.judge import Check, Floats, Outcome

SCIPY, NUMPY, TORCH = "scipy bilinear", "numpy doubling", "torch doubling"
HAS_TORCH = find_spec("torch") is not None
NO_TORCH = "" if HAS_TORCH else " (torch is not installed)"
AGREEMENT = 1e-8  # of results, relative to the largest; a point near rho = 1 costs SciPy digits


def _judge(_part: int, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    first, *others = outcomes.items()
    ours = first[1].values
    if ours is None:
        return
    for name, outcome in others:
        if outcome.values is None:
            continue
        same = ours[: len(outcome.values)]
        axes = tuple(range(1, same.ndim))
        gap = np.abs(outcome.values - same).max(axis=axes) / np.abs(same).max(axis=axes)
        yield Check.at_most(name, "worst difference from ours", float(gap.max()), AGREEMENT)


def _limits(entities: int, d: int, rank: int, threads: int = 1) -> Run:
    def run(_part: int, runs: int, _seed: int) -> Outcome:
        alpha, beta = (x[:runs].copy() for x in peers.grid())
        traces = np.empty((runs, entities))
        out: dict[str, Any] = {"synthetic_variance": traces, "status": np.empty(runs, np.int32)}
        net = peers.network(entities, d, rank)
        _core.linear_limits(*net, 1.0, alpha, beta, out, threads, None)
        return Outcome(runs, values=_where_alpha(alpha, traces))

    return run


def _traces(way: Callable[..., Floats], entities: int, d: int, rank: int) -> Run:
    def run(_part: int, runs: int, _seed: int) -> Outcome:
        alpha, beta = (x[:runs] for x in peers.grid())
        found = way(peers.network(entities, d, rank), alpha, beta)
        return Outcome(runs, values=_where_alpha(alpha, found))

    return run


def _where_alpha(alpha: Floats, values: Floats) -> Floats:
    """Put one where alpha, and with it every trace, is zero: what is compared is relative."""
    return np.where(alpha[:, None] > 0, values, 1.0)


def _grid(name: str, entities: int, d: int, rank: int, ratios: Mapping[str, float]) -> Case:
    shape = entities, d, rank
    few, many = (40, 2000) if d < 20 else (20, 400)
    others = [
        Contender(SCIPY, _traces(peers.scipy_traces, *shape), few),
        Contender(NUMPY, _traces(peers.numpy_traces, *shape), many),
    ]
    if HAS_TORCH:
        others.append(Contender(TORCH, _traces(peers.torch_traces, *shape), many))
    return Case(
        name,
        f"traces of C on a grid of 101 x 101 points, K = {entities}, d = {d}, rank {rank}; "
        f"{SCIPY} on Kd x Kd matrices, the others with the reduction to d x d{NO_TORCH}",
        (Contender(OURS, _limits(*shape), 101 * 101), *others),
        _judge,
        (0,),
        ratios,
    )


def _solve(n: int, items: int, threads: int = 1) -> Run:
    def run(_part: int, runs: int, _seed: int) -> Outcome:
        a, q = (x[:runs] for x in peers.equations(n, items))
        return Outcome(runs, values=ap.solve_discrete_lyapunov(a, q, threads=threads))

    return run


def _peer(way: Callable[[Floats, Floats], Floats], n: int, items: int) -> Run:
    def run(_part: int, runs: int, _seed: int) -> Outcome:
        a, q = (x[:runs] for x in peers.equations(n, items))
        return Outcome(runs, values=way(a, q))

    return run


def _batch(n: int, items: int) -> Case:
    others = [
        Contender(SCIPY, _peer(peers.scipy_equations, n, items), 200),
        Contender(NUMPY, _peer(peers.numpy_equations, n, items), items // 10),
    ]
    if HAS_TORCH:
        others.append(Contender(TORCH, _peer(peers.torch_equations, n, items), items // 10))
    return Case(
        f"lyapunov-{n}",
        f"{items:,} discrete Lyapunov equations of {n} x {n}, spectral radius .3 to .95{NO_TORCH}",
        (Contender(OURS, _solve(n, items), items), *others),
        _judge,
        (0,),
        {SCIPY: 10.0, NUMPY: 1.0, TORCH: 1.0},
    )


def _threads(name: str, title: str, run: Callable[[int], Run], runs: int) -> Case:
    contenders = (Contender("two threads", run(2), runs), Contender("one thread", run(1), runs))
    return Case(name, f"two threads against one: {title}", contenders, _judge, (0,),
                {"one thread": 1.8})  # fmt: skip


CASES = (
    _grid("grid-15", 4, 15, 5, {SCIPY: 150.0, NUMPY: 10.0, TORCH: 10.0}),
    _grid("grid-50", 2, 50, 30, {SCIPY: 25.0, NUMPY: 3.5, TORCH: 3.5}),
    _batch(8, 100_000),
    _batch(30, 10_000),
    _threads("lyapunov-threads", "10,000 equations of 30 x 30", lambda t: _solve(30, 10_000, t),
             10_000),
    _threads("grid-threads", "traces of C on the grid, K = 4, d = 15",
             lambda t: _limits(4, 15, 5, t), 101 * 101),
)  # fmt: skip
