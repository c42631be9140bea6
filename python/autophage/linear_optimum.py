"""The weights alpha and beta of interacting linear models whose limit is best."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from autophage import _check
from autophage.linear_data import Data
from autophage.linear_limits import evaluate

if TYPE_CHECKING:
    from autophage.linear import InteractingLinear

FloatArray = npt.NDArray[np.float64]

CRITERIA = ("mse", "mspe", "efficiency")
_COARSE = np.linspace(0.0, 1.0, 21)
_STARTS = 3
_FIRST_STEP = 0.005  # a large simplex that starts on an edge is flattened onto it
_LATEST = 1.0 - 2.0**-20  # alpha = 1 has no limit


class Optimum(NamedTuple):
    """The best weights that were found.

    Attributes
    ----------
    alpha, beta : float
        Weights of the synthetic pool and of the private data.
    value : float
        The criterion there.
    evaluations : int
        Points at which the criterion was computed.
    """

    alpha: float
    beta: float
    value: float
    evaluations: int


class _Loss:
    """The criterion as something to be made small; infinite where there is no limit."""

    def __init__(
        self, net: InteractingLinear, name: str, reduce: Callable[[FloatArray], FloatArray]
    ) -> None:
        self._data, self._name, self._reduce = Data(net), name, reduce
        self.evaluations = 0
        self.threads = 1
        self.best = (np.inf, np.nan, np.nan)

    def at(self, alpha: FloatArray, beta: FloatArray) -> FloatArray:
        """Return the loss at many points."""
        values, status = evaluate(self._data, alpha, beta, (self._name,), self.threads)
        loss = self._reduce(values[self._name])
        loss = np.where((status == 0) & np.isfinite(loss), loss, np.inf)
        self.evaluations += alpha.size
        least = int(np.argmin(loss))
        self.best = min(self.best, (float(loss[least]), float(alpha[least]), float(beta[least])))
        return loss

    def __call__(self, alpha: float, beta: float) -> float:
        """Return the loss at one point; what cannot be reached is finite for the optimiser."""
        loss = float(self.at(np.array([alpha]), np.array([beta]))[0])
        return min(loss, 1e300)


def optimal(
    net: InteractingLinear,
    criterion: str,
    entity: int | None,
    task: int | None,
    worst: bool,
    threads: int | None,
) -> Optimum:
    """Find the optimum of `InteractingLinear.optimal`."""
    name = _check.choice("criterion", criterion, CRITERIA)
    loss = _Loss(net, name, _reduction(net, name, entity, task, _check.flag("worst", worst)))
    loss.threads = _check.threads(threads)
    alpha, beta = np.meshgrid(np.minimum(_COARSE, _LATEST), _COARSE, indexing="ij")
    coarse = loss.at(alpha.ravel(), beta.ravel()).reshape(alpha.shape)
    if not np.isfinite(coarse).any():
        msg = "this network must have a limit somewhere, got none on a grid of 21 x 21 weights"
        raise ValueError(msg)
    _search_inside(loss, coarse)
    _search_edges(loss, coarse)
    least, best_alpha, best_beta = loss.best
    value = -least if name == "efficiency" else least
    return Optimum(best_alpha, best_beta, value, loss.evaluations)


def _reduction(
    net: InteractingLinear, name: str, entity: int | None, task: int | None, worst: bool
) -> Callable[[FloatArray], FloatArray]:
    """Return how one loss a point comes from the records of all entities (and tasks)."""
    chosen: list[slice] = []
    for label, index in (("entity", entity), ("task", task)):
        if label == "task" and name != "mspe":
            if index is not None:
                msg = f"task must be None for criterion={name!r}, got {index!r}"
                raise ValueError(msg)
            continue
        if index is None:
            chosen.append(slice(None))
        else:
            position = _check.integer(label, index, 0, net.entity_count - 1)
            chosen.append(slice(position, position + 1))
    sign = -1.0 if name == "efficiency" else 1.0

    def reduce(values: FloatArray) -> FloatArray:
        picked = sign * values[(slice(None), *chosen)].reshape(len(values), -1)
        return np.asarray(picked.max(axis=1) if worst else picked.mean(axis=1))

    return reduce


def _search_inside(loss: _Loss, coarse: FloatArray) -> None:
    """Go down from the best points of the grid that are no worse than their neighbours."""
    from scipy.optimize import minimize

    padded = np.pad(coarse, 1, constant_values=np.inf)
    around = [np.roll(padded, shift, axis)[1:-1, 1:-1] for axis in (0, 1) for shift in (-1, 1)]
    lowest = np.isfinite(coarse) & (coarse <= np.min(around, axis=0))
    spots = sorted(np.argwhere(lowest).tolist(), key=lambda spot: float(coarse[tuple(spot)]))
    bounds = [(0.0, _LATEST), (0.0, 1.0)]
    for row, column in spots[:_STARTS]:
        start = np.array([min(_COARSE[row], _LATEST), _COARSE[column]])
        steps = np.diag(np.where(start > 0.5, -_FIRST_STEP, _FIRST_STEP))
        simplex = np.stack([start, *(start + steps)])
        minimize(
            lambda x: loss(*x), start, method="Nelder-Mead", bounds=bounds,
            options={"initial_simplex": simplex, "xatol": 1e-7, "fatol": np.inf, "maxiter": 400},
        )  # fmt: skip


def _search_edges(loss: _Loss, coarse: FloatArray) -> None:
    """Go down along alpha = 0, beta = 0 and beta = 1, where an optimum may lie."""
    from scipy.optimize import minimize_scalar

    edges: list[tuple[FloatArray, Callable[[float], float]]] = [
        (coarse[0], lambda beta: loss(0.0, beta)),
        (coarse[:, 0], lambda alpha: loss(alpha, 0.0)),
        (coarse[:, -1], lambda alpha: loss(alpha, 1.0)),
    ]
    for values, along in edges:
        if not np.isfinite(values).any():
            continue
        spot = int(np.argmin(values))
        low, high = _COARSE[max(spot - 1, 0)], _COARSE[min(spot + 1, len(_COARSE) - 1)]
        bounds = (float(low), min(float(high), _LATEST))
        minimize_scalar(along, bounds=bounds, method="bounded", options={"xatol": 1e-8})
