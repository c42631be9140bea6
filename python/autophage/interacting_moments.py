"""Exact second moments of entities that train on private, public and each other's data.

Given what is kept for ever (the private samples u_k and the public one v), the model of entity k is

    p_k^(m) = A u_k + B ubar + C v + noise,      A + B + C = 1,   ubar = mean_k u_k,

where A, B and C follow from the weights alone and the noise, that of the pools, has mean zero. The
recursion carries the variance of that noise, never a difference of larger numbers; what the kept
samples add is a quadratic form in their first two moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autophage.memory import refuse_memory
from autophage.theory.contaminated2026 import total_variance

if TYPE_CHECKING:
    import xarray as xr

    from autophage.entities import Workflow
    from autophage.models import Categorical

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DESCRIPTIONS = {
    "sigma": "mean sum of squared probabilities of an entity",
    "l2_to_truth": "mean squared l2 distance of an entity to its own private law",
    "l2_to_first": "mean squared l2 distance of an entity to its generation 1",
    "inner": "mean inner product of the laws of two entities",
    "homogenisation": "mean squared l2 distance of two entities, over all pairs",
}


@dataclass(frozen=True)
class _Mean:
    """A, B and C of the mean given what is kept, and the pools' noise, each over generations.

    `noise` is its variance in one entity, `common` its covariance between two.
    """

    private: FloatArray
    pooled: FloatArray
    public: FloatArray
    noise: FloatArray
    common: FloatArray


def interacting_moments(model: Categorical, workflow: Workflow) -> xr.Dataset:
    """Compute the Dataset that `autophage.moments` gives for `Interacting`.

    Parameters
    ----------
    model : Categorical
        K private laws and a public one.
    workflow : Workflow
        The regime, spelled out over G generations.

    Returns
    -------
    xarray.Dataset
        `sigma`, `l2_to_truth` and `l2_to_first` over ("generation", "entity"), `inner` over
        ("generation", "entity", "other") and `homogenisation` over ("generation",).

    Raises
    ------
    MemoryError
        If they cannot fit; nothing has been taken then.
    """
    import xarray as xr

    assert model.public is not None
    laws, public = model.laws, model.public
    cells = len(workflow.n) * len(laws) * (3 * len(laws) + 12)  # three of the size of `inner`
    refuse_memory("these moments", 8 * cells, ["fewer generations or entities"])
    spread, public_spread = _kept_variance(laws, public, workflow.real)
    mean = _means(laws, public, spread, public_spread, workflow)
    inner = _inner(laws, public, spread, public_spread, mean)
    to_truth, to_first = _distances(laws, public, spread, public_spread, mean)
    entity, other = ("generation", "entity"), ("generation", "entity", "other")
    values = {
        "sigma": (entity, np.diagonal(inner, axis1=1, axis2=2).copy()),
        "l2_to_truth": (entity, to_truth),
        "l2_to_first": (entity, to_first),
        "inner": (other, inner),
        "homogenisation": (("generation",), _homogenisation(laws, spread, mean)),
    }
    coords: dict[str, object] = {"generation": np.arange(1, len(workflow.n) + 1)}
    if model.context_labels is not None:
        coords |= {dim: list(model.context_labels) for dim in ("entity", "other")}
    return xr.Dataset(
        {name: (*pair, {"long_name": DESCRIPTIONS[name]}) for name, pair in values.items()}, coords
    )


def _kept_variance(
    laws: FloatArray, public: FloatArray, real: IntArray | None
) -> tuple[FloatArray, float]:
    """Variances E |u_k - pi_k|^2 of the kept samples, and that of the public one."""
    if real is None:
        return np.zeros(len(laws)), 0.0
    return total_variance(laws) / real[:-1], float(total_variance(public[None])[0] / real[-1])


def _means(
    laws: FloatArray,
    public: FloatArray,
    spread: FloatArray,
    public_spread: float,
    workflow: Workflow,
) -> _Mean:
    generations, entities = len(workflow.n), len(laws)
    shares = np.zeros((5, generations))
    mean_law, mean_spread = laws.mean(axis=0), spread.sum() / entities**2
    within = total_variance(np.stack([mean_law, public]))
    between = float(np.square(mean_law - public).sum())
    private_share = 0.0  # of the mean over entities, given what is kept: the rest is public
    noise = missing = 0.0  # its variance then, and 1 - E |mean over entities|^2
    for m in range(generations):
        alpha = float(workflow.alpha[m]) if m > 0 else 0.0
        beta, n = float(workflow.beta[m]), float(workflow.n[m])
        drawn, common = noise + missing / n, noise + (0.0 if workflow.own_pools else missing / n)
        average = noise + missing / n / entities if workflow.own_pools else drawn
        shares[:, m] = (
            (1.0 - alpha) * beta,
            alpha * private_share,
            (1.0 - alpha) * (1.0 - beta) + alpha * (1.0 - private_share),
            alpha**2 * drawn,
            alpha**2 * common,
        )
        private_share = (1.0 - alpha) * beta + alpha * private_share
        noise = alpha**2 * average
        rest = 1.0 - private_share
        kept = private_share**2 * mean_spread + rest**2 * public_spread
        whole = private_share * within[0] + rest * within[1] + private_share * rest * between
        missing = max(0.0, float(whole) - kept - noise)
    return _Mean(*shares)


def _inner(
    laws: FloatArray,
    public: FloatArray,
    spread: FloatArray,
    public_spread: float,
    mean: _Mean,
) -> FloatArray:
    """E <p_j, p_k>, (generations, K, K), exactly symmetric."""
    entities = len(laws)
    centre = laws.mean(axis=0)
    own = laws @ laws.T
    own = 0.5 * (own + own.T) + np.diag(spread)
    with_mean = laws @ centre + spread / entities
    with_public = laws @ public
    a, b, c = (x[:, None] for x in (mean.private, mean.pooled, mean.public))
    side = a * (b * with_mean + c * with_public)
    rest = (
        mean.pooled**2 * (centre @ centre + spread.sum() / entities**2)
        + 2.0 * mean.pooled * mean.public * (centre @ public)
        + mean.public**2 * (public @ public + public_spread)
    )
    inner: FloatArray = (a**2)[..., None] * own + (side[:, :, None] + side[:, None, :])
    inner += (rest + mean.common)[:, None, None]
    every = np.arange(entities)
    inner[:, every, every] += (mean.noise - mean.common)[:, None]
    return inner


def _distances(
    laws: FloatArray,
    public: FloatArray,
    spread: FloatArray,
    public_spread: float,
    mean: _Mean,
) -> tuple[FloatArray, FloatArray]:
    """E |p_k - pi_k|^2 and E |p_k - p_k^(1)|^2: B (ubar - u_k) + (C - c) (v - u_k), and noise."""
    entities = len(laws)
    to_mean, to_public = laws.mean(axis=0) - laws, public - laws
    squares = [
        np.square(to_mean).sum(axis=1),
        np.einsum("ks,ks->k", to_mean, to_public),
        np.square(to_public).sum(axis=1),
    ]
    mean_spread = spread.sum() / entities**2
    kept = [
        spread * (1.0 - 2.0 / entities) + mean_spread,
        spread * (1.0 - 1.0 / entities),
        spread + public_spread,
    ]
    a, b, c = (x[:, None] for x in (mean.private, mean.pooled, mean.public))
    moved = c - mean.public[0]
    to_truth = b**2 * squares[0] + 2.0 * b * c * squares[1] + c**2 * squares[2]
    to_truth = np.maximum(to_truth, 0.0) + (
        a * (a + 2.0 * b / entities) * spread + b**2 * mean_spread + c**2 * public_spread
    )
    to_first = b**2 * (squares[0] + kept[0]) + 2.0 * b * moved * (squares[1] + kept[1])
    to_first = np.maximum(to_first + moved**2 * (squares[2] + kept[2]), 0.0)
    return to_truth + mean.noise[:, None], to_first + mean.noise[:, None]


def _homogenisation(laws: FloatArray, spread: FloatArray, mean: _Mean) -> FloatArray:
    """E |p_j - p_k|^2, the mean over pairs j < k; NaN where there is one entity alone."""
    entities = len(laws)
    if entities == 1:
        return np.full(len(mean.noise), np.nan)
    apart = 2.0 * np.square(laws - laws.mean(axis=0)).sum() / (entities - 1) + 2.0 * spread.mean()
    return np.asarray(mean.private**2 * apart + 2.0 * (mean.noise - mean.common))
