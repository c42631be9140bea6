"""Where the search for the best weights starts, on criteria made for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autophage as ap
from autophage import linear_optimum

Floats = npt.NDArray[np.float64]
NET = ap.InteractingLinear([[[1]]], [[1]], [[[1]]])


def dip(
    a: Floats, b: Floats, at: tuple[float, float], depth: float, width: tuple[float, float]
) -> Floats:
    distance = ((a - at[0]) / width[0]) ** 2 + ((b - at[1]) / width[1]) ** 2
    return np.asarray(-depth * np.exp(-distance))


def search(
    monkeypatch: pytest.MonkeyPatch, criterion: Callable[[Floats, Floats], Floats]
) -> linear_optimum.Optimum:
    def evaluate(_: Any, alpha: Floats, beta: Floats, *rest: Any) -> Any:
        del rest
        return {"mse": criterion(alpha, beta)[:, None]}, np.zeros(alpha.size, np.int32)

    monkeypatch.setattr(linear_optimum, "evaluate", evaluate)
    return NET.optimal("mse")


def test_second_best_points_are_starts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    # The dip between points of the grid is the deepest, and not the lowest point of the grid.
    best = search(
        monkeypatch,
        lambda a, b: (
            dip(a, b, (0.3, 0.3), 1.0, (0.2, 0.2)) + dip(a, b, (0.625, 0.725), 2.0, (0.04, 0.04))
        ),
    )
    assert (best.alpha, best.beta) == pytest.approx((0.625, 0.725), abs=1e-5)


@pytest.mark.parametrize("edge", [(0.0, 0.525), (0.525, 0.0), (0.525, 1.0)])
def test_every_edge_is_a_start(monkeypatch: pytest.MonkeyPatch, edge: tuple[float, float]) -> None:
    # Three dips inside take all the starts there; that on the edge is deeper between two points.
    inside = [(0.25, 0.25), (0.25, 0.75), (0.75, 0.25)]
    best = search(
        monkeypatch,
        lambda a, b: (
            sum(dip(a, b, at, 1.0, (0.1, 0.1)) for at in inside)
            + dip(a, b, edge, 2.0, (0.02, 0.02))
        ),
    )
    assert (best.alpha, best.beta) == pytest.approx(edge, abs=1e-5)


def test_points_on_slopes_are_no_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    # A broad dip has many points below the narrow one's; one start is enough for it.
    best = search(
        monkeypatch,
        lambda a, b: (
            dip(a, b, (0.5, 0.5), 1.0, (0.4, 0.4)) + dip(a, b, (0.925, 0.125), 2.0, (0.03, 0.03))
        ),
    )
    assert (best.alpha, best.beta) == pytest.approx((0.925, 0.125), abs=1e-3)


@pytest.mark.parametrize("at", [(0.012, 0.55), (0.988, 0.5), (0.45, 0.012), (0.55, 0.988)])
def test_an_optimum_close_to_an_edge_is_found(
    monkeypatch: pytest.MonkeyPatch, at: tuple[float, float]
) -> None:
    best = search(monkeypatch, lambda a, b: dip(a, b, at, 1.0, (0.1, 0.1)))
    assert (best.alpha, best.beta) == pytest.approx(at, abs=1e-5)


def test_a_small_pool_is_better_than_none() -> None:
    net = ap.InteractingLinear(
        [[[0.26, 0.15], [0.15, 0.09]], [[1.13, -0.1], [-0.1, 0.01]]],
        [[4.56, 0.17], [0.17, 0.9]],
        [[[16.76, -6.44], [-6.44, 5.21]], [[4.87, -5.49], [-5.49, 9.73]]],
    )
    grid = net.limit(np.linspace(0.0, 0.1, 41), np.linspace(0.2, 0.8, 61), record=("mse",))
    assert net.optimal("mse").value <= grid.mse.mean("entity").min()
