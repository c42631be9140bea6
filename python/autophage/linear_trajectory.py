"""Interacting linear models generation by generation, from d x d matrices alone.

All that generation t takes over from the one before is the pool z_t = (1/K) sum_k S_k theta_(t-1),k
plus noise. Given the initial data, z_t has mean sum_j W_j S~_j theta~_j + W_* S_* theta_*, where
theta~_j and theta_* are the least-squares estimates, and variance Z; with c = (1-alpha_t) beta_t,
c* = (1-alpha_t)(1-beta_t), a = alpha_t and H_k the inverse of G_k

    theta_tk = H_k [c S~_k theta~_k + c* S_* theta_* + a z_t].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autophage import _check, memory
from autophage.interaction import Interacting
from autophage.linear_data import Data

if TYPE_CHECKING:
    import xarray as xr

    from autophage.linear import InteractingLinear

FloatArray = npt.NDArray[np.float64]

_NAMES = {
    "bias": "E theta_tk - theta",
    "mse": "mean squared error E |theta_tk - theta|^2 of each entity",
    "mspe": "mean squared prediction error E |X~_m (theta_tk - theta)|^2 of an entity on a task",
    "homogenisation": "mean over pairs of entities of |M_k - M_l|^2, rows of blocks of M_t",
    "synthetic_variance": "trace of the entity's covariance given the initial data",
}
_DIMS: dict[str, tuple[str, ...]] = {
    "bias": ("entity", "feature"),
    "mse": ("entity",),
    "mspe": ("entity", "task"),
    "homogenisation": (),
    "synthetic_variance": ("entity",),
}
_BIASED = ("bias", "mse", "mspe")  # what depends on theta where estimates are biased
_BLOCK_BYTES = 1 << 26  # of the covariances of entities at a time
_SCHEDULE_BYTES = 120  # a generation, of weights while they are spelled out


@dataclass
class _Generation:
    """What one generation takes from the initial data and from the pool.

    Attributes
    ----------
    own, common, pooled : float
        The weights c, c* and a.
    inverse : ndarray, shape (K, d, d)
        H_k.
    singular : ndarray of bool, shape (K,)
        Where H_k is a pseudo-inverse.
    private_gain, public_gain : ndarray, shapes (K, d, d) and (d, d)
        W_j and W_*.
    pool_variance : ndarray, shape (d, d)
        Z.
    bias : ndarray, shape (K, d)
        E theta_tk - theta; zero without theta.
    """

    own: float
    common: float
    pooled: float
    inverse: FloatArray
    singular: npt.NDArray[np.bool_]
    private_gain: FloatArray
    public_gain: FloatArray
    pool_variance: FloatArray
    bias: FloatArray


class _Path:
    """The generations of one network, one after the other."""

    def __init__(self, net: Data, beta_0: float) -> None:
        self.net = net
        self.mean = net.pooled
        zero = np.zeros_like(net.public)
        weights = (beta_0, 1.0 - beta_0, 0.0)
        gains = (np.zeros_like(net.private), zero, zero)
        self.now = _Generation(
            *weights, *net.inverses(0.0, beta_0), *gains, np.zeros(net.private.shape[:2])
        )
        self._weights = (0.0, beta_0)
        self._find_bias(np.zeros(net.feature_count))

    def advance(self, alpha: float, beta: float) -> None:
        """Go on to the next generation."""
        net, now = self.net, self.now
        fed = (net.synthetic @ now.inverse) / net.entity_count
        total = fed.sum(axis=0)
        mix = now.pooled * total
        fed *= now.own
        fed += mix @ now.private_gain
        now.private_gain = fed
        now.public_gain = now.common * total + mix @ now.public_gain
        fresh = net.noise / net.entity_count * self.mean
        now.pool_variance = mix @ now.pool_variance @ mix.T + fresh
        pool_bias = np.einsum("kij,kj->i", net.synthetic, now.bias) / net.entity_count
        kept = 1.0 - alpha
        now.own, now.common, now.pooled = kept * beta, kept * (1.0 - beta), alpha
        if (alpha, beta) != self._weights:
            now.inverse, now.singular = net.inverses(alpha, beta)
            self._weights = (alpha, beta)
        self._find_bias(pool_bias)

    def _find_bias(self, pool_bias: FloatArray) -> None:
        """E theta_tk - theta = a H_k (pool bias) - (I - H_k G_k) theta."""
        net, now = self.net, self.now
        now.bias = now.pooled * (now.inverse @ pool_bias)
        if net.theta is None:
            return
        for k in np.flatnonzero(now.singular):
            seen = now.own * (net.private[k] @ net.theta) + now.common * (net.public @ net.theta)
            seen += now.pooled * (self.mean @ net.theta)
            now.bias[k] += now.inverse[k] @ seen - net.theta

    def measure(self, wanted: Sequence[str]) -> dict[str, FloatArray]:
        """Compute the records of the generation at hand."""
        net, now = self.net, self.now
        result: dict[str, FloatArray] = {"bias": now.bias.copy()}
        if "homogenisation" in wanted:
            result["homogenisation"] = self._homogenisation()
        if "synthetic_variance" in wanted:
            squares = now.inverse @ now.inverse
            traces = np.einsum("kij,ij->k", squares, now.pool_variance)
            result["synthetic_variance"] = now.pooled**2 * traces
        if "mse" in wanted or "mspe" in wanted:
            result["mse"] = np.square(now.bias).sum(axis=1)
            if "mspe" in wanted:
                result["mspe"] = np.zeros((net.entity_count, net.entity_count))
            self._add_variances(result)
        return result

    def _add_variances(self, result: dict[str, FloatArray]) -> None:
        """Add what Cov theta_t brings to mse, which so far holds the bias, and fill mspe.

        <E (theta_tk - theta)(theta_tk - theta)^T, S~_m> for all k and m at once: one large product
        in place of many small ones, for which BLAS would wake its threads again and again.
        """
        net, now = self.net, self.now
        spread = (now.private_gain @ net.private @ now.private_gain.mT).sum(axis=0)
        spread += now.public_gain @ net.public @ now.public_gain.T
        cross = now.public_gain @ net.public
        middle = now.common**2 * net.public + now.common * now.pooled * (cross + cross.T)
        middle = net.noise * (middle + now.pooled**2 * spread) + now.pooled**2 * now.pool_variance
        tasks = net.private.reshape(net.entity_count, -1)
        step = max(1, _BLOCK_BYTES // (8 * tasks.shape[1]))
        for start in range(0, net.entity_count, step):
            part = slice(start, start + step)
            cross = now.private_gain[part] @ net.private[part]
            inner = now.own**2 * net.private[part] + now.own * now.pooled * (cross + cross.mT)
            covariance = now.inverse[part] @ (middle + net.noise * inner) @ now.inverse[part]
            result["mse"][part] += np.trace(covariance, axis1=1, axis2=2)
            if "mspe" in result:
                covariance += now.bias[part, :, None] * now.bias[part, None, :]
                result["mspe"][part] = covariance.reshape(len(covariance), -1) @ tasks.T

    def _homogenisation(self) -> FloatArray:
        """2/(K-1) sum_k |M_k - M|^2 with M the mean of the rows of blocks M_k.

        Block j of M_k - M is D_k a W_j S~_j + (delta_kj - 1/K) c H_j S~_j with D_k = H_k - H, H the
        mean, and D_k sum to zero: no difference of larger numbers is left but D_k.
        """
        net, now = self.net, self.now
        if net.entity_count == 1:
            return np.asarray(np.nan)
        apart = now.inverse - now.inverse.mean(axis=0)
        squares = (apart @ apart).sum(axis=0)
        shared = now.common * net.public + now.pooled * (now.public_gain @ net.public)
        gains = now.pooled * (now.private_gain @ net.private)
        kept = now.own * (now.inverse @ net.private)
        total = np.sum(squares * (shared @ shared.T + (gains @ gains.mT).sum(axis=0)))
        total += 2.0 * np.sum((apart @ gains) * kept)
        total += (1.0 - 1.0 / net.entity_count) * np.sum(kept * kept)
        return np.asarray(2.0 / (net.entity_count - 1.0) * max(float(total), 0.0))


def trajectory(
    net: InteractingLinear,
    alpha: Any,
    beta: Any,
    generations: int,
    beta_0: float | None,
    record: Sequence[str] | None,
) -> xr.Dataset:
    """Make the Dataset of `InteractingLinear.trajectory`."""
    import xarray as xr

    chosen = tuple(_DIMS) if record is None else _check.names("record", record, tuple(_DIMS))
    data = Data(net)
    if not 0.0 < data.noise < math.inf:
        msg = (
            "noise must be no more than 2^1000 times the second moments, or they times it, "
            f"got {net.noise!r} beside moments near 2^{data.exponent}"
        )
        raise ValueError(msg)
    regime = Interacting(alpha, beta, beta_0=beta_0)
    rows = _check.integer("generations", generations, 1, _check.GENERATION_LIMIT) + 1
    entities, features = net.entity_count, net.feature_count
    sizes = {"entity": entities, "task": entities, "feature": features}
    shapes = {name: (rows, *(sizes[dim] for dim in _DIMS[name])) for name in chosen}
    cells = sum(math.prod(shape) for shape in shapes.values()) + 8 * net.private.size
    wanted = 8 * cells + _SCHEDULE_BYTES * rows
    memory.refuse_memory("the trajectory", wanted, ["fewer records or generations"])
    values = {name: np.empty(shape) for name, shape in shapes.items()}
    schedule = regime.schedule(rows - 1)
    alphas, betas = schedule.alpha[:, 0], schedule.beta[:, 0]
    with np.errstate(over="ignore", invalid="ignore"):  # errors that grow end as inf
        _fill(values, data, schedule.beta_0, alphas, betas)
    variables: dict[str, Any] = {
        name: (("generation", *_DIMS[name]), array, {"long_name": _NAMES[name]})
        for name, array in values.items()
    }
    every = np.arange(rows)
    variables["alpha"] = ("generation", np.concatenate([[0.0], alphas]))
    variables["beta"] = ("generation", np.concatenate([[schedule.beta_0], betas]))
    return xr.Dataset(variables, coords={"generation": every})


def _fill(
    values: dict[str, FloatArray], data: Data, beta_0: float, alphas: FloatArray, betas: FloatArray
) -> None:
    """Compute the records of all generations."""
    path = _Path(data, beta_0)
    for t in range(len(alphas) + 1):
        if t:
            path.advance(float(alphas[t - 1]), float(betas[t - 1]))
        if data.theta is None and path.now.singular.any():
            _require_theta(tuple(values), t, path.now.singular)
        for name, value in path.measure(tuple(values)).items():
            if name in values:
                values[name][t] = np.ldexp(value, data.exponent) if name == "mspe" else value


def _require_theta(chosen: Sequence[str], t: int, singular: npt.NDArray[np.bool_]) -> None:
    needing = [name for name in chosen if name in _BIASED]
    if needing:
        msg = (
            f"theta must be given for {', '.join(needing)}, got None: the data of entity "
            f"{int(np.argmax(singular))} in generation {t} do not determine its estimate, which "
            "is therefore biased (record= takes names that do not need theta)"
        )
        raise ValueError(msg)
