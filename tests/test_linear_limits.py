"""Limits of interacting linear models against the full Kd x Kd formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autophage import _core
from interaction_reference import Floats, limit, network, reduced_limit

NAMES = ("synthetic_variance", "mse", "mspe", "spectral_radius", "homogenisation")
Network = tuple[Floats, Floats, Floats]


def limits(
    net: Network, alpha: Floats, beta: Floats, names: tuple[str, ...] = NAMES, threads: int = 1
) -> dict[str, Any]:
    entities, points = len(net[0]), len(alpha)
    shapes = {"synthetic_variance": (entities,), "mse": (entities,), "mspe": (entities, entities)}
    out: dict[str, Any] = {name: np.full((points, *shapes.get(name, ())), 7.0) for name in names}
    out["status"] = np.full(points, -1, np.int32)
    _core.linear_limits(*net, 1.7, alpha, beta, out, threads, None)
    return out


ALPHA = np.array([0.0, 0.1, 0.5, 0.9, 0.97, 0.7, 0.3, 0.2, 0.6, 0.45, 1.0])
BETA = np.array([0.5, 0.2, 0.9, 0.99, 0.3, 0.1, 0.4, 0.6, 0.95, 1e-3, 0.5])


@pytest.mark.parametrize(
    ("entities", "d", "rank", "same"),
    [(4, 6, 3, False), (1, 3, 3, False), (2, 5, 2, True), (7, 3, 1, False), (6, 4, 2, True)],
)
def test_the_full_matrices_agree(entities: int, d: int, rank: int, same: bool) -> None:
    net = network(np.random.default_rng(d), entities, d, rank, same=same)
    out = limits(net, ALPHA[:-1], BETA[:-1])
    for point, (alpha, beta) in enumerate(zip(ALPHA[:-1], BETA[:-1], strict=True)):
        exact = limit(*net, 1.7, alpha, beta)
        assert out["status"][point] == (exact["spectral_radius"] >= 1)
        for name, expected in exact.items():
            found = out[name][point]
            assert np.allclose(found, expected, rtol=1e-9, atol=1e-13, equal_nan=True), (
                name,
                point,
            )
            if name == "spectral_radius":
                assert abs(found - expected) <= 1e-12


def test_points_without_a_limit() -> None:
    net = network(np.random.default_rng(1), 3, 5, 2, same=True)
    singular = np.zeros_like(net[1])
    out = limits((net[0], singular, net[2]), np.array([0.5, 0.5, 1.0]), np.array([0.5, 1.0, 0.5]))
    assert out["status"].tolist() == [0, 0, 1]  # 0.53, 0.36 and 1: lemma 1
    np.testing.assert_allclose(
        out["spectral_radius"],
        [
            limit(net[0], singular, net[2], 1.7, a, b)["spectral_radius"]
            for a, b in ((0.5, 0.5), (0.5, 1.0), (1.0, 0.5))
        ],
        rtol=1e-12,
    )
    whole = network(np.random.default_rng(1), 3, 5, 5)
    out = limits(whole, np.array([1.0, 0.5]), np.array([0.5, 0.5]))
    assert out["status"].tolist() == [1, 0]
    assert abs(out["spectral_radius"][0] - 1.0) <= 1e-12
    out = limits(net, np.array([0.0, 0.0]), np.array([1.0, 0.5]))
    assert out["status"].tolist() == [2, 0]
    for name in NAMES:
        assert np.isnan(out[name][0]).all(), name
        assert np.isfinite(out[name][1]).all(), name


def test_radii_of_complex_pairs() -> None:
    """Their traces never settle: the radius is then the root of the norm of a high power."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(200):
        roots = rng.standard_normal((5, 3, 3)) * 10.0 ** rng.uniform(-1, 1, (5, 1, 1))
        moments = roots @ roots.mT
        private, public, synthetic = moments[:2], 1e-2 * moments[4] + 1e-3 * np.eye(3), moments[2:4]
        alpha, beta = rng.uniform(0.5, 1.0), rng.uniform()
        own = (1 - alpha) * (beta * private + (1 - beta) * public)
        feedback = alpha / 2 * synthetic @ np.linalg.inv(own + alpha * synthetic.mean(0))
        values = np.linalg.eigvals(feedback.sum(0))
        largest = values[np.abs(values).argmax()]
        if abs(largest.imag) < 1e-3:
            continue
        found += 1
        net = private, public, synthetic
        out = limits(net, np.array([alpha]), np.array([beta]), ("spectral_radius",))
        assert out["status"].tolist() == [0]
        assert abs(out["spectral_radius"][0] - abs(largest)) <= 1e-11
    assert found >= 5


def test_bits_do_not_depend_on_the_grid_or_the_threads() -> None:
    net = network(np.random.default_rng(2), 5, 7, 3)
    rng = np.random.default_rng(3)
    alpha, beta = rng.uniform(0, 0.99, 37), rng.uniform(0, 1, 37)
    whole = limits(net, alpha, beta)
    shared = limits(net, alpha, beta, threads=3)
    for name in (*NAMES, "status"):
        assert np.array_equal(whole[name], shared[name]), name
        one = limits(net, alpha[20:21], beta[20:21])
        assert np.array_equal(one[name][0], whole[name][20]), name
    few = limits(net, alpha, beta, ("synthetic_variance",))
    assert np.array_equal(few["synthetic_variance"], whole["synthetic_variance"])


def moments_of(entities: int, d: int) -> Network:
    """Second moments of full rank but for the private ones, for features by the hundred."""
    rng = np.random.default_rng(d)

    def moment(rank: int) -> Floats:
        x = rng.standard_normal((rank, d)) / np.sqrt(d)
        return np.asarray(x.T @ x)

    private = np.array([moment(d // 2) for _ in range(entities)])
    return private, moment(2 * d), np.array([moment(2 * d) for _ in range(entities)])


@pytest.mark.parametrize("d", [63, 64, 65, 100, 136])
def test_points_of_many_features(d: int) -> None:
    """From 64 features on a point has all lanes of a pack; both sides of that agree with NumPy."""
    net = moments_of(3, d)
    alpha, beta = np.array([0.0, 0.4, 0.8, 1.0]), np.array([0.5, 0.9, 0.3, 0.5])
    out = limits(net, alpha, beta)
    assert out["status"].tolist() == [0, 0, 0, 1]
    for point in range(3):
        for name, expected in reduced_limit(net, 1.7, alpha[point], beta[point]).items():
            size = np.abs(expected).max()
            assert np.allclose(out[name][point], expected, rtol=0, atol=1e-11 * size), name
        alone = limits(net, alpha[point : point + 1], beta[point : point + 1])
        few = limits(net, alpha, beta, ("mse", "mspe"), threads=2)
        for name in NAMES:
            assert np.array_equal(alone[name][0], out[name][point]), name
        for name in ("mse", "mspe"):
            assert np.array_equal(few[name], out[name], equal_nan=True), name


def test_of_many_features_that_data_do_not_determine() -> None:
    private, public, synthetic = moments_of(2, 90)
    net = private, np.zeros_like(public), synthetic
    out = limits(net, np.array([0.0, 0.5]), np.array([1.0, 1.0]), ("mse", "spectral_radius"))
    assert out["status"].tolist()[0] == 2
    assert np.isnan(out["mse"][0]).all()
    assert np.isnan(out["spectral_radius"][0])


def test_many_entities_and_many_features() -> None:
    rng = np.random.default_rng(4)
    points = np.array([0.3]), np.array([0.5])
    many = network(rng, 300, 3, 2)
    out = limits(many, *points, ("synthetic_variance", "mse", "spectral_radius"))
    assert out["status"].tolist() == [0]
    alpha, beta = 0.3, 0.5
    h = np.linalg.inv(
        (1 - alpha) * (beta * many[0] + (1 - beta) * many[1]) + alpha * many[2].mean(0)
    )
    f = alpha / 300 * (many[2] @ h).sum(0)
    assert abs(np.abs(np.linalg.eigvals(f)).max() - out["spectral_radius"][0]) <= 1e-12
    wide = network(rng, 2, 120, 30)
    assert limits(wide, *points, ("synthetic_variance",))["status"].tolist() == [0]
