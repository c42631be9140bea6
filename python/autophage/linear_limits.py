"""Limits of interacting linear models over grids of weights, from d x d matrices alone.

With c = (1-alpha) beta, c* = (1-alpha)(1-beta), H_k the inverse of G_k = c S~_k + c* S_* + alpha
mean_j S_j, A_k = (alpha/K) S_k H_k, F = sum_k A_k and R = (I - F)^-1, the spectral radius of Q is
that of F, and with X = F X F^T + sigma^2 (alpha^2/K) mean_j S_j

    Cov_kl = H_k {sigma^2 [delta_kl c^2 S~_k + c^2 (V_k^T + V_l) + R Y R^T] + X} H_l,

V_k = R A_k S~_k, Y = c^2 sum_j A_j S~_j A_j^T + c*^2 S_*. The part H_k X H_l is C.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autophage import _check, _core, memory
from autophage.linear_trajectory import inverses
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
    shapes = {name: tuple(sizes[dim] for dim in _DIMS[name]) for name in (*chosen, "mse")}
    cells = sum(int(np.prod(shape)) for shape in shapes.values())
    _refuse_memory(lead[0] * lead[1] * (8 * cells + 20), "fewer records or points")
    a, b = (grid.ravel() for grid in np.meshgrid(*axes.values(), indexing="ij"))
    values, status = evaluate(net, a, b, chosen, workers, _advance(shown, a.size))
    grid = ("alpha", "beta")
    variables: dict[str, Any] = {
        name: ((*grid, *_DIMS[name]), values[name].reshape(*lead, *shapes[name]), {
            "long_name": _NAMES[name]
        })
        for name in chosen
    }  # fmt: skip
    variables["status"] = (grid, status.reshape(lead), {
        "long_name": "whether there is a limit; where it is not 0, other variables are NaN",
        "flag_values": np.arange(len(STATUS), dtype=np.int32),
        "flag_meanings": " ".join(STATUS),
    })  # fmt: skip
    return xr.Dataset(variables, coords=axes)


def evaluate(
    net: InteractingLinear,
    alpha: FloatArray,
    beta: FloatArray,
    names: Sequence[str],
    threads: int,
    advance: Callable[[int], object] | None = None,
) -> tuple[dict[str, FloatArray], npt.NDArray[np.int32]]:
    """Compute records at points (alpha[i], beta[i]), over (point, entity, task) as each has them.

    `advance` is told of points that are done, which then come in parts.
    """
    points, count = alpha.size, net.entity_count
    shapes = {"mspe": (count, count), "spectral_radius": (), "homogenisation": ()}
    wanted = {{"efficiency": "mse"}.get(name, name) for name in names} - {"bias"}
    out: dict[str, Any] = {name: np.empty((points, *shapes.get(name, (count,)))) for name in wanted}
    out["status"] = np.empty(points, np.int32)
    given = (net.private, net.public, net.synthetic, net.noise)
    order = np.argsort(alpha, kind="stable")  # points of one part need about as much work
    for part in [slice(None)] if advance is None else np.array_split(order, min(points, _PARTS)):
        piece = {name: np.ascontiguousarray(array[part]) for name, array in out.items()}
        weights = (np.ascontiguousarray(alpha[part]), np.ascontiguousarray(beta[part]))
        _core.linear_limits(*given, *weights, piece, threads, None)
        for name, array in piece.items():
            out[name][part] = array
        if advance is not None:
            advance(weights[0].size)
    status: npt.NDArray[np.int32] = out.pop("status")
    status[_undetermined(net, alpha, beta)] = 2
    for name, array in out.items():
        array[status >= (2 if name == "spectral_radius" else 1)] = np.nan
    if "bias" in names:
        out["bias"] = np.where(status[:, None] == 0, 0.0, np.nan) * np.ones(count)
    if "efficiency" in names:
        out["efficiency"] = _pooled_error(net) / out["mse"]
    return out, status


def covariance(net: InteractingLinear, alpha: float, beta: float, *, part: str) -> xr.DataArray:
    """Make the DataArray of `InteractingLinear.covariance`."""
    import xarray as xr

    a, b = _check.probability("alpha", alpha), _check.probability("beta", beta)
    _check.choice("part", part, ("total", "synthetic"))
    count, d = net.entity_count, net.feature_count
    _refuse_memory(8 * d * d * (count * count + 6 * count), "limit(), which gives the traces")
    _, status = evaluate(net, np.array([a]), np.array([b]), (), 1)
    if status[0]:
        msg = f"alpha and beta must have a limit, got {a!r} and {b!r}, where {_REASONS[status[0]]}"
        raise ValueError(msg)
    c, open_share = (1.0 - a) * b, (1.0 - a) * (1.0 - b)
    inverse = inverses(net, a, b)[0]
    feedback = (a / count) * net.synthetic @ inverse
    mix = feedback.sum(axis=0)
    pool = net.noise * a * a / count * net.synthetic.mean(axis=0)
    middle = solve_discrete_lyapunov(mix, pool)
    own = np.zeros_like(net.private)
    transfer = np.zeros_like(net.private)
    if part == "total":
        resolvent = np.linalg.inv(np.eye(d) - mix)
        moved = feedback @ net.private
        spread = c * c * (moved @ feedback.mT).sum(axis=0) + open_share**2 * net.public
        middle = middle + net.noise * (resolvent @ spread @ resolvent.T)
        own = net.noise * c * c * net.private
        transfer = net.noise * c * c * (resolvent @ moved)
    result = np.empty((count, d, count, d))
    for k in range(count):
        inner = middle + transfer[k].T + transfer[k:]
        inner[0] += own[k]
        blocks = inverse[k] @ inner @ inverse[k:]
        blocks[0] = 0.5 * (blocks[0] + blocks[0].T)
        result[k, :, k:] = blocks.swapaxes(0, 1)
        result[k:, :, k] = blocks.mT
    dims = ("entity", "feature", "entity_other", "feature_other")
    return xr.DataArray(result, dims=dims, coords={"alpha": a, "beta": b}, name="covariance")


def _pooled_error(net: InteractingLinear) -> float:
    """Squared error from all real data at once; NaN where even these do not determine theta."""
    total = net.private.sum(axis=0) + net.public
    values = np.linalg.eigvalsh(total)
    if values[0] <= _check.MATRIX_TOLERANCE * values[-1]:
        return float("nan")
    return net.noise * float((1.0 / values).sum())


def _undetermined(
    net: InteractingLinear, alpha: FloatArray, beta: FloatArray
) -> npt.NDArray[np.bool_]:
    """Tell where some G_k is singular whatever the weights, from which of them are not zero.

    Sums of rounded products of singular matrices have eigenvalues of 1e-16 in place of zero.
    """
    weights = np.stack([(1.0 - alpha) * beta, (1.0 - alpha) * (1.0 - beta), alpha]) > 0.0
    found = np.zeros(alpha.size, dtype=bool)
    for kinds in itertools.product((False, True), repeat=3):
        here = (weights == np.array(kinds)[:, None]).all(axis=0)
        if here.any():
            found[here] = any(_is_singular(matrix) for matrix in _sums(net, kinds))
    return found


def _sums(net: InteractingLinear, kinds: tuple[bool, ...]) -> Iterator[FloatArray]:
    """Yield sums over the kinds of data, each scaled to a largest entry of one."""
    common = np.zeros_like(net.public)
    for present, matrix in zip(kinds[1:], (net.public, net.synthetic.mean(axis=0)), strict=True):
        if present:
            common += _scaled(matrix)
    if not kinds[0]:
        yield common
        return
    for matrix in net.private:
        yield common + _scaled(matrix)


def _scaled(matrix: FloatArray) -> FloatArray:
    return matrix / (float(np.abs(matrix).max()) or 1.0)


def _is_singular(matrix: FloatArray) -> bool:
    values = np.linalg.eigvalsh(matrix)
    return bool(values[0] <= _check.MATRIX_TOLERANCE * values[-1])


def _refuse_memory(wanted: int, way: str) -> None:
    memory.refuse_memory("the result", wanted, [way])


def _advance(shown: bool, points: int) -> Callable[[int], object] | None:
    if not shown:
        return None
    from tqdm import tqdm

    return tqdm(total=points, unit="point", unit_scale=True).update
