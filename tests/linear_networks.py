"""Networks of linear models for tests: their exact law in Kd x Kd matrices, and real fits."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

import autophage as ap
from autophage import linear_chains
from autophage.interaction import Interacting

Floats = npt.NDArray[np.float64]


def moments(count: int, rank: int, features: int, seed: int) -> Floats:
    """Second moments of `rank` rows of inputs, for so many entities."""
    inputs = np.random.default_rng(seed).normal(size=(count, rank, features))
    return np.asarray(np.einsum("kni,knj->kij", inputs, inputs))


def network(
    entities: int = 3,
    features: int = 3,
    ranks: tuple[int, int, int] = (6, 6, 6),
    *,
    noise: float = 0.5,
    theta: bool = True,
) -> ap.InteractingLinear:
    """A network whose private, public and synthetic inputs have so many rows."""
    private, public, synthetic = (
        moments(count, rank, features, seed)
        for count, rank, seed in zip((entities, 1, entities), ranks, (1, 2, 3), strict=True)
    )
    coefficients = np.random.default_rng(4).normal(size=features) if theta else None
    return ap.InteractingLinear(private, public[0], synthetic, noise, coefficients)


NETWORKS: dict[str, tuple[ap.InteractingLinear, Interacting]] = {
    "constant weights": (network(), ap.Interacting(0.4, 0.7)),
    "varying weights": (
        network(),
        ap.Interacting([0.9, 0.1, 0.5], lambda t: 1 / (1 + t), beta_0=1.0),
    ),
    "private data of rank 1": (network(ranks=(1, 4, 2)), ap.Interacting(0.5, 0.8)),
    "first fits that are not unique": (network(2, 5, (1, 1, 8)), ap.Interacting(0.5, 0.5)),
    "synthetic data of rank 1": (network(2, 3, (5, 5, 1)), ap.Interacting(0.8, 0.5)),
    "private data alone": (network(ranks=(3, 3, 9)), ap.Interacting(0.3, 1.0)),
    "one entity, without public data": (network(1, 4, (6, 1, 6)), ap.Interacting(0.6, 1.0)),
    "unknown coefficients": (network(theta=False), ap.Interacting(0.4, 0.7)),
    "many features": (network(2, 12, (14, 14, 14)), ap.Interacting(0.9, 0.5)),
    "real data alone": (network(), ap.Interacting([0.0, 0.0, 0.5], 0.5)),
    "synthetic data alone, at last": (network(), ap.Interacting([0.1, 1.0, 0.5], 0.5)),
}
GENERATIONS = 3
KEY = 0x51_0003
RECORDS = list(linear_chains.RECORDS)


def block_diagonal(blocks: Any) -> Floats:
    from scipy import linalg

    return np.asarray(linalg.block_diag(*blocks))


def exact(net: ap.InteractingLinear, regime: Interacting) -> tuple[Floats, Floats]:
    """Mean and covariance of the estimates of all generations at once, in Kd x Kd matrices.

    theta_t = P_t w + Q_t (theta_{t-1} + e_t), where w stacks the least-squares estimates from the
    private and the public data, and e_t ~ N(0, sigma^2 S^+).
    """
    count, d = net.entity_count, net.feature_count
    truth = np.zeros(d) if net.theta is None else net.theta
    schedule = regime.schedule(GENERATIONS)
    private, synthetic = block_diagonal(net.private), block_diagonal(net.synthetic)
    repeat = functools.partial(np.kron, np.eye(count))
    share = np.kron(np.full((count, count), 1 / count), np.eye(d))
    data = block_diagonal([*net.private, net.public])
    inverse = np.linalg.pinv(data, hermitian=True)
    first = inverse @ data @ np.tile(truth, count + 1)  # E w
    spread = net.noise * inverse  # Cov w
    noise = net.noise * np.linalg.pinv(synthetic, hermitian=True)
    from_data = [np.zeros((count * d, (count + 1) * d))]  # M_t
    from_noise: list[list[Floats]] = []  # of e_1, e_2, ...
    for t in range(GENERATIONS + 1):
        a = schedule.alpha[t - 1, 0] if t else 0.0
        b = schedule.beta[t - 1, 0] if t else schedule.beta_0
        gram = (1 - a) * b * private + repeat((1 - a) * (1 - b) * net.public)
        gram += repeat(a * net.synthetic.mean(axis=0))
        g = np.linalg.pinv(gram, hermitian=True)
        shared = np.kron(np.ones((count, 1)), (1 - b) * net.public)
        p = (1 - a) * g @ np.hstack([b * private, shared])
        q = a * g @ share @ synthetic
        from_data.append(p + q @ from_data[-1])
        from_noise.append([q @ part for part in (from_noise[-1] if t else [])] + [q] * (t > 0))
    m = np.vstack(from_data[1:])
    covariance = m @ spread @ m.T
    for s in range(GENERATIONS):
        zeros = np.zeros((count * d, count * d))
        part = np.vstack([row[s] if s < len(row) else zeros for row in from_noise])
        covariance += part @ noise @ part.T
    return m @ first, covariance


def fitted(net: ap.InteractingLinear, regime: Interacting, runs: int) -> Floats:
    """The slow and obvious way: data are drawn and regressions fitted, run by run at once."""
    rng = np.random.default_rng(8)
    count, d = net.entity_count, net.feature_count
    truth = np.zeros(d) if net.theta is None else net.theta
    schedule = regime.schedule(GENERATIONS)

    def inputs(moment: Floats) -> Floats:
        values, vectors = np.linalg.eigh(moment)
        kept = values > 1e-10 * values[-1]
        return np.asarray((vectors[:, kept] * np.sqrt(values[kept])).T)

    def outputs(x: Floats, coefficients: Floats) -> Floats:
        noise = np.sqrt(net.noise) * rng.normal(size=(runs, len(x)))
        return np.asarray(coefficients @ x.T + noise)

    x_public, x_private = inputs(net.public), [inputs(moment) for moment in net.private]
    x_synthetic = [inputs(moment) for moment in net.synthetic]
    everywhere = np.tile(truth, (runs, 1))
    y_public = outputs(x_public, everywhere)
    y_private = [outputs(x, everywhere) for x in x_private]
    models: list[list[Floats]] = []
    for t in range(GENERATIONS + 1):
        a = schedule.alpha[t - 1, 0] if t else 0.0
        b = schedule.beta[t - 1, 0] if t else schedule.beta_0
        pool = [outputs(x, m) for x, m in zip(x_synthetic, models[-1], strict=True)] if t else []
        models.append([])
        for k in range(count):
            parts = [
                (x_private[k], y_private[k], (1 - a) * b),
                (x_public, y_public, (1 - a) * (1 - b)),
            ]
            parts += [(x, y, a / count) for x, y in zip(x_synthetic, pool, strict=bool(t))]
            x_all = np.vstack([np.sqrt(weight) * x for x, _, weight in parts])
            y_all = np.hstack([np.sqrt(weight) * y for _, y, weight in parts])
            models[-1].append(np.linalg.lstsq(x_all, y_all.T, rcond=1e-10)[0].T)
    return np.stack([np.stack(each, axis=1) for each in models], axis=1)


def simulated(name: str, **more: Any) -> xr.Dataset:
    net, regime = NETWORKS[name]
    study: dict[str, Any] = {"runs": 50, "generations": GENERATIONS, "rng": KEY, "record": RECORDS}
    return ap.simulate(net, regime, **(study | more))
