"""Networks of mixtures for tests, and what theory says of their weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

import autophage as ap

Floats = npt.NDArray[np.float64]


def weights(models: int, components: int, seed: int = 1) -> Floats:
    """Weights of so many models, none of them zero."""
    return np.random.default_rng(seed).dirichlet(np.ones(components), size=models)


def network(
    models: int = 3,
    components: int = 3,
    features: int = 2,
    **more: Any,
) -> ap.MixtureNetwork:
    """A network whose components overlap."""
    rng = np.random.default_rng(2)
    means = 2.0 * rng.normal(size=(components, features))
    root = rng.normal(size=(features, features + 2))
    covariance = root @ root.T / features
    given: dict[str, Any] = {"rate": 0.1} | more
    return ap.MixtureNetwork(means, covariance, weights(models, components), **given)


def on_a_line(means: Any, start: Any, variance: float = 1.0, **more: Any) -> ap.MixtureNetwork:
    """A network in one dimension."""
    return ap.MixtureNetwork(means, variance, start, **({"rate": 0.1} | more))


PAIR = [[0.7, 0.3], [0.2, 0.8]]
NETWORKS: dict[str, ap.MixtureNetwork] = {
    "two components": on_a_line([-1.5, 1.5], [*PAIR, [0.5, 0.5]]),
    "components in the plane": network(4),
    "a prior": network(4, prior=0.08),
    "active components": network(4, prior=0.08, active_components=True),
    "shared reading": network(4, shared_reading=True, read=[0.1, 0.5, 0.3, 1.0]),
    "shared reading with a prior": network(3, 5, shared_reading=True, prior=0.05, read=1.0),
    "all of it varies": network(
        3,
        posts=[[2, 0, 1], [0, 0, 0], [5, 1, 0], [0, 3, 1], [1, 1, 1], [2, 2, 2]],
        read=lambda t: [0.29, 1 / t, 0.0],
        rate=lambda t: 1 / (t + 4),
        prior=0.02,
    ),
    "first posts alone": network(
        3, posts=0, first_posts=np.random.default_rng(3).normal(size=(40, 2))
    ),
    "posts far away": network(
        3, first_posts=[[1e3, 0.0], [-1e3, 1e2], [0.0, -1e4], [1e8, 1e8]], prior=0.01
    ),
    "posts far from what lives": on_a_line(
        [0.0, 1.0, 300.0],
        [[0.6, 0.4, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
        prior=0.01,
    ),
    "the same with active components": on_a_line(
        [0.0, 1.0, 300.0],
        [[0.6, 0.4, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
        active_components=True,
        prior=0.01,
    ),
    "many components": network(3, 50, 8, read=0.3),
    "many components and a prior": network(5, 40, 6, read=0.3, prior=0.004),
    "many active components": network(3, 33, 3, prior=0.01, active_components=True),
    "more components than directions": network(3, 17, 1, prior=0.001),
    "one component": network(2, 1, 3),
    "one model": network(1, 4, 2, prior=0.05),
    "no difference at all": on_a_line([2.0, 2.0], PAIR),
    "nothing is read": network(3, read=0.0),
    "all is read": network(3, read=1.0, rate=0.02),
    "many models": network(40, 3, 2, read=0.1),
}
GENERATIONS = 6


def any_network(seed: int) -> ap.MixtureNetwork:
    """A network of random sizes, scales and switches, for GENERATIONS; some weights are zero."""
    rng = np.random.default_rng(seed)
    models, features = (int(rng.integers(1, 6)) for _ in range(2))
    components = int(rng.integers(1, 24 if seed % 2 else 4))
    root = rng.normal(size=(features, features + 2))
    start = rng.dirichlet(np.full(components, 0.5), size=models)
    start[rng.random(start.shape) < 0.2] = 0.0
    start[start.sum(axis=1) == 0.0, 0] = 1.0
    table = (GENERATIONS, models)
    return ap.MixtureNetwork(
        rng.normal(size=(components, features)) * 10.0 ** rng.uniform(-2, 3),
        root @ root.T,
        start / start.sum(axis=1, keepdims=True),
        rate=rng.uniform(0.001, 0.6, size=table),
        prior=rng.choice([0.0, rng.uniform(0.0, 0.99) / components]),
        posts=rng.integers(0, 4, size=table),
        read=rng.random(table),
        first_posts=rng.normal(size=(rng.integers(1, 20), features)) * 10.0 ** rng.uniform(-1, 6),
        active_components=bool(rng.random() < 0.4),
        shared_reading=bool(rng.random() < 0.4),
    )


def mean_after(w: Floats, pool: Floats, a: float, c: float, reads: int) -> Floats:
    """E of the weights after `reads` posts of a pool, where every post tells its component."""
    kept = (1.0 - a) ** reads
    return np.asarray(kept * w + (1.0 - kept) * (pool - c) / (1.0 - w.size * c))


def squared_gap_after(gap: float, q: float, size: int, a: float, c: float, reads: int) -> float:
    """E (w_i - w_j)^2 of the first of two components, both models reading one pool by themselves.

    A share q of its `size` posts is of the first component; nothing is pruned.
    """
    learnt = 1.0 - (1.0 - a) ** reads
    noise = a / (2.0 - a) * (1.0 - (1.0 - a) ** (2 * reads))
    spread = (noise - learnt**2 / size) * size / (size - 1)
    return (1.0 - a) ** (2 * reads) * gap**2 + 2.0 * spread * q * (1.0 - q) / (1.0 - 2.0 * c) ** 2


def mean_share(author: Floats, reader: Floats, half_distance: float, power: int = 1) -> float:
    """E o_1^power of one post, two components being so many standard deviations off the middle."""
    from scipy import integrate, stats

    def integrand(x: float) -> float:
        first, second = (stats.norm.pdf(x, m) for m in (-half_distance, half_distance))
        share = reader[0] * first / (reader[0] * first + reader[1] * second)
        return float(share**power * (author[0] * first + author[1] * second))

    reach = half_distance + 9.0
    value, _ = integrate.quad(integrand, -reach, reach, epsabs=1e-12, limit=400)
    assert math.isfinite(value)
    return float(value)
