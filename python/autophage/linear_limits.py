"""Limits of interacting linear models over grids of weights, from d x d matrices alone.

With c = (1-alpha) beta, c* = (1-alpha)(1-beta), H_k the inverse of G_k = c S~_k + c* S_* + alpha
mean_j S_j, A_k = (alpha/K) S_k H_k, F = sum_k A_k and R = (I - F)^-1, the spectral radius of Q is
that of F, and with X = F X F^T + sigma^2 (alpha^2/K) mean_j S_j

    Cov_kl = H_k {sigma^2 [delta_kl c^2 S~_k + c^2 (V_k^T + V_l) + R Y R^T] + X} H_l,

V_k = R A_k S~_k, Y = c^2 sum_j A_j S~_j A_j^T + c*^2 S_*. The part H_k X H_l is C.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autophage import _check, _core, memory
from autophage.linear_data import DIVERGES, LOST, SINGULAR, Data
from autophage.lyapunov import solve_discrete_lyapunov

if TYPE_CHECKING:
    import xarray as xr

    from autophage.linear import InteractingLinear

FloatArray = npt.NDArray[np.float64]

STATUS = ("converges", "spectral_radius_at_least_1", "singular", "not_computed")
"""Meaning of the status of a point, by its number."""
_REASONS = {
    1: "the spectral radius of Q is at least 1, so that estimates do not settle",
    2: "the data of some entity do not determine its estimate (G is singular)",
    3: "the equation for the limit is too ill conditioned for double precision",
}
_NAMES = {
    "mse": "mean squared error E |theta_k - theta|^2 of each entity",
    "mspe": "mean squared prediction error E |X~_m (theta_k - theta)|^2 of an entity on a task",
    "efficiency": "squared error of the best unbiased estimate from all real data, over mse",
    "spectral_radius": "spectral radius of Q",
    "homogenisation": "mean over pairs of entities of |M_k - M_l|^2, rows of blocks of the gain M",
    "bias": "squared norm of the bias: zero wherever there is a limit",
    "synthetic_variance": "trace of the entity's covariance given the initial data, C_kk",
}
_DIMS: dict[str, tuple[str, ...]] = {
    "mse": ("entity",),
    "mspe": ("entity", "task"),
    "efficiency": ("entity",),
    "spectral_radius": (),
    "homogenisation": (),
    "bias": ("entity",),
    "synthetic_variance": ("entity",),
}
DEFAULT = ("mse", "mspe", "efficiency", "spectral_radius", "homogenisation", "bias")
_PARTS = 40  # of a grid, where a bar is shown
_BLOCK_BYTES = 1 << 23  # of points that are computed at a time
_SOUND = 0.99  # of the error of the best estimate: what is below that is rounding
_UNITS = {"mse": (1, -1), "mspe": (1, 0), "synthetic_variance": (1, -1)}
"""Powers of the noise and of the second moments in a record."""


def limit(
    net: InteractingLinear,
    alpha: npt.ArrayLike,
    beta: npt.ArrayLike,
    record: Sequence[str] | None,
    threads: int | None,
    progress: bool,
) -> xr.Dataset:
    """Make the Dataset of `InteractingLinear.limit`."""
    import xarray as xr

    axes = {
        "alpha": np.atleast_1d(_check.numbers("alpha", alpha, 0.0, 1.0, ndim=(0, 1))),
        "beta": np.atleast_1d(_check.numbers("beta", beta, 0.0, 1.0, ndim=(0, 1))),
    }
    chosen = DEFAULT if record is None else _check.names("record", record, tuple(_DIMS))
    workers, shown = _check.threads(threads), _check.flag("progress", progress)
    lead = (axes["alpha"].size, axes["beta"].size)
    sizes = {"entity": net.entity_count, "task": net.entity_count}
    shapes = {name: tuple(sizes[dim] for dim in _DIMS[name]) for name in chosen}
    cells = sum(math.prod(shapes[name]) for name in chosen)
    points = lead[0] * lead[1]
    _refuse_memory(points * (8 * cells + 4), "fewer records or points")
    values: dict[str, FloatArray] = {name: np.empty((*lead, *shapes[name])) for name in chosen}
    status = np.empty(lead, np.int32)
    most = max(8 * workers, _BLOCK_BYTES // (16 * cells + 200))
    data, advance = Data(net), _advance(shown, points)
    for rows, columns in _blocks(axes, min(most, -(-points // _PARTS)) if shown else most):
        block = (axes["alpha"][rows, None], axes["beta"][columns])
        a, b = (np.ascontiguousarray(axis).ravel() for axis in np.broadcast_arrays(*block))
        found, judged = evaluate(data, a, b, chosen, workers)
        shape = (rows.size, block[1].size)
        for name, array in values.items():
            array[rows, columns] = found[name].reshape(*shape, *shapes[name])
        status[rows, columns] = judged.reshape(shape)
        advance(a.size)
    grid = ("alpha", "beta")
    variables: dict[str, Any] = {
        name: ((*grid, *_DIMS[name]), values[name], {
            "long_name": _NAMES[name]
        })
        for name in chosen
    }  # fmt: skip
    variables["status"] = (grid, status, {
        "long_name": "whether there is a limit; where it is not 0, other variables are NaN",
        "flag_values": np.arange(len(STATUS), dtype=np.int32),
        "flag_meanings": " ".join(STATUS),
    })  # fmt: skip
    return xr.Dataset(variables, coords=axes)


def _blocks(
    axes: dict[str, FloatArray], points: int
) -> Iterator[tuple[npt.NDArray[np.intp], slice]]:
    """Cut a grid into blocks of about so many points, of alphas near each other.

    Those need about as many doublings.
    """
    order = np.argsort(axes["alpha"], kind="stable")
    width = min(points, axes["beta"].size)
    height = max(1, points // width)
    for top in range(0, order.size, height):
        for left in range(0, axes["beta"].size, width):
            yield order[top : top + height], slice(left, left + width)


def evaluate(
    data: Data, alpha: FloatArray, beta: FloatArray, names: Sequence[str], threads: int
) -> tuple[dict[str, FloatArray], npt.NDArray[np.int32]]:
    """Compute records, over (point, entity, task) as each has them, at (alpha[i], beta[i])."""
    points, count = alpha.size, data.entity_count
    shapes = {"mspe": (count, count), "spectral_radius": (), "homogenisation": ()}
    wanted = {{"efficiency": "mse"}.get(name, name) for name in names} - {"bias"}
    out: dict[str, Any] = {name: np.empty((points, *shapes.get(name, (count,)))) for name in wanted}
    status = out["status"] = np.empty(points, np.int32)
    mantissa, exponent = data.noise_parts
    given = (data.private, data.public, data.synthetic, mantissa)
    _core.linear_limits(*given, alpha, beta, out, threads, None)
    judged = data.judge(alpha, beta)
    status[status == SINGULAR] = LOST  # which data determine an estimate is judged by one rule
    status[judged != 0] = judged[judged != 0]
    if "spectral_radius" in out:  # of 1, were it not for rounding
        radius = out["spectral_radius"]
        radius[judged == DIVERGES] = np.fmax(radius[judged == DIVERGES], 1.0)
    if "mse" in out or "mspe" in out:
        status[_too_small(data, out) & (status == 0)] = LOST
    del out["status"]
    if "efficiency" in names:
        with np.errstate(divide="ignore", invalid="ignore"):  # where there is no limit
            out["efficiency"] = mantissa * data.pooled_error() / out["mse"]
    for name, (of_noise, of_moments) in _UNITS.items():
        if name in out:
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                scale = of_noise * exponent + of_moments * data.exponent
                np.ldexp(out[name], scale, out=out[name])
            beyond = ~np.isfinite(out[name]).reshape(points, -1).all(axis=1)
            status[beyond & (status == 0)] = LOST
    for name, array in out.items():
        array[status >= (SINGULAR if name == "spectral_radius" else 1)] = np.nan
    if "homogenisation" in names:
        np.maximum(out["homogenisation"], 0.0, out=out["homogenisation"])  # not -1e-17
    if "bias" in names:
        out["bias"] = np.where(status[:, None] == 0, 0.0, np.nan) * np.ones(count)
    return out, status


def _too_small(data: Data, out: dict[str, Any]) -> npt.NDArray[np.bool_]:
    """Tell points with squared errors below those of the best estimate, which none can be.

    Weights so uneven that they amplify the rounding of the data's moments show here, or not at all.
    """
    least = {"mse": np.array(data.pooled_error())}
    if "mspe" in out:
        least["mspe"] = data.pooled_prediction_errors()
    found = np.zeros(len(out["status"]), dtype=bool)
    for name, best in least.items():
        if name in out:
            bound = _SOUND * data.noise_parts[0] * np.nan_to_num(best)
            with np.errstate(invalid="ignore"):
                found |= (out[name] < bound).reshape(found.size, -1).any(axis=1)
    return found


def covariance(net: InteractingLinear, alpha: float, beta: float, *, part: str) -> xr.DataArray:
    """Make the DataArray of `InteractingLinear.covariance`."""
    import xarray as xr

    a, b = _check.probability("alpha", alpha), _check.probability("beta", beta)
    _check.choice("part", part, ("total", "synthetic"))
    count, d = net.entity_count, net.feature_count
    _refuse_memory(8 * d * d * (count * count + 6 * count), "limit(), which gives the traces")
    data = Data(net)
    _, status = evaluate(data, np.array([a]), np.array([b]), (), 1)
    if status[0]:
        raise _no_limit(a, b, status[0])
    c, open_share = (1.0 - a) * b, (1.0 - a) * (1.0 - b)
    inverse = data.inverses(a, b)[0]
    feedback = (a / count) * data.synthetic @ inverse
    mix = feedback.sum(axis=0)
    middle = solve_discrete_lyapunov(mix, a * a / count * data.pooled, errors="nan")
    if np.isnan(middle).any():  # the same sums as in the kernel, rounded otherwise
        raise _no_limit(a, b, LOST)
    own = np.zeros_like(data.private)
    transfer = np.zeros_like(data.private)
    if part == "total":
        resolvent = np.linalg.inv(np.eye(d) - mix)
        moved = feedback @ data.private
        spread = c * c * (moved @ feedback.mT).sum(axis=0) + open_share**2 * data.public
        middle = middle + resolvent @ spread @ resolvent.T
        own = c * c * data.private
        transfer = c * c * (resolvent @ moved)
    result = np.empty((count, d, count, d))
    for k in range(count):
        inner = middle + transfer[k].T + transfer[k:]
        inner[0] += own[k]
        blocks = inverse[k] @ inner @ inverse[k:]
        blocks[0] = 0.5 * (blocks[0] + blocks[0].T)
        result[k, :, k:] = blocks.swapaxes(0, 1)
        result[k:, :, k] = blocks.mT
    traces = np.einsum("kiki->k", result)
    if part == "total" and (traces < _SOUND * np.nan_to_num(data.pooled_error())).any():
        raise _no_limit(a, b, LOST)
    mantissa, exponent = data.noise_parts
    with np.errstate(over="ignore", under="ignore"):
        np.ldexp(mantissa * result, exponent - data.exponent, out=result)
    if not np.isfinite(result).all():
        msg = f"noise must leave a covariance that doubles can hold, got {net.noise!r}"
        raise ValueError(msg)
    dims = ("entity", "feature", "entity_other", "feature_other")
    return xr.DataArray(result, dims=dims, coords={"alpha": a, "beta": b}, name="covariance")


def _no_limit(a: float, b: float, status: int) -> ValueError:
    msg = f"alpha and beta must have a limit, got {a!r} and {b!r}, where {_REASONS[status]}"
    return ValueError(msg)


def _refuse_memory(wanted: int, way: str) -> None:
    memory.refuse_memory("the result", wanted, [way])


def _advance(shown: bool, points: int) -> Callable[[int], object]:
    if not shown:
        return lambda _: None
    from tqdm import tqdm

    return tqdm(total=points, unit="point", unit_scale=True).update
