"""What data of linear models determine: one rule, whichever way a result is computed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autophage as ap
from autophage.linear_data import Data
from autophage.theory import interactive2025 as theory
from judge import Z_LIMIT
from linear_networks import moments

Floats = npt.NDArray[np.float64]
EYE = np.eye(2)
FIRST, SECOND = np.diag([4.0, 0.0]), np.diag([0.0, 4.0])
EYE_3 = np.eye(3)
UNIT = np.diag([1.0, 0.0])
PAIR = np.stack([FIRST, SECOND])
PLAIN = ap.InteractingLinear(PAIR, EYE, PAIR, theta=[1, 2])
RUNS = 4000

# Networks and weights at which direct sums of weighted moments hide what the small ones determine.
UNEVEN: dict[str, tuple[ap.InteractingLinear, float, float, list[float]]] = {
    "private data of another unit": (
        ap.InteractingLinear([1e14 * UNIT], EYE, [EYE], theta=[1, 2]), 0.5, 0.5, [1.8],
    ),
    "private data of little weight": (
        ap.InteractingLinear([FIRST, FIRST], SECOND, [4 * EYE] * 2, theta=[1, 2]),
        0.0, 1e-13, [0.5, 0.5],
    ),
    "private data of least weight": (
        ap.InteractingLinear([FIRST, FIRST], SECOND, [4 * EYE] * 2, theta=[1, 2]),
        0.0, 1e-70, [0.5, 0.5],
    ),
    "a pool of little weight": (
        ap.InteractingLinear([SECOND], SECOND, [FIRST + SECOND], theta=[1, 2]),
        1e-13, 0.5, [],
    ),
}  # fmt: skip
LOST: dict[str, tuple[ap.InteractingLinear, float, float]] = {
    "squares of weights that underflow": (UNEVEN["private data of little weight"][0], 0.0, 1e-300),
    "data of one kind, of no weight": (
        ap.InteractingLinear([4 * EYE], np.zeros((2, 2)), [EYE], theta=[1, 2]), 0.0, 1e-300,
    ),
    "directions mixed by 14 orders": (
        ap.InteractingLinear([1e14 * np.outer([3, 4], [3, 4])], EYE, [EYE], theta=[1, 2]), 0.5, 0.5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in UNEVEN if UNEVEN[name][3]])
def test_all_ways_give_one_answer(name: str) -> None:
    net, a, b, expected = UNEVEN[name]
    point = net.limit(a, b).isel(alpha=0, beta=0)
    assert point.status.item() == 0
    np.testing.assert_allclose(point.mse, expected, rtol=1e-12)
    whole = net.covariance(a, b).values
    traces = [np.trace(whole[k, :, k]) for k in range(net.entity_count)]
    np.testing.assert_allclose(traces, expected, rtol=1e-12)
    last = net.trajectory(a, b, 60).isel(generation=-1)
    np.testing.assert_allclose(last.mse, expected, rtol=1e-12)
    assert (np.abs(last.bias) < 1e-12).all()
    study = ap.simulate(
        net, ap.Interacting(a, b), runs=RUNS, generations=60, rng=3, reduce="mean"
    ).isel(generation=-1)
    spread = np.sqrt(study.squared_error_variance / RUNS)
    assert (np.abs(study.squared_error - expected) <= Z_LIMIT * spread).all()


def test_variances_of_both_features_are_there() -> None:
    net, a, b, _ = UNEVEN["private data of another unit"]
    found = net.covariance(a, b).values.reshape(2, 2)
    np.testing.assert_allclose(found, [[1e-14, 0.0], [0.0, 1.8]], rtol=1e-12)
    assert net.limit(a, b).efficiency.item() == pytest.approx(1.0 / 1.8)


def test_a_pool_of_little_weight_is_no_missing_pool() -> None:
    net, a, b, _ = UNEVEN["a pool of little weight"]
    assert net.limit([0.0, a], b).status.values.ravel().tolist() == [2, 1]
    bias = net.trajectory(a, b, 2).bias.values[:, 0]
    np.testing.assert_allclose(bias, [[-1, 0]] * 3, atol=1e-12)  # the pool repeats the first fit


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_trusted_is_refused(name: str) -> None:
    net, a, b = LOST[name]
    grid = net.limit(a, b)
    assert grid.status.item() == 3
    assert np.isnan(grid.mse).all()
    assert np.isnan(grid.spectral_radius).all()
    with pytest.raises(ValueError, match=r"must have a limit, got .* ill condition"):
        net.covariance(a, b)
    message = r"alpha and beta must weigh data so that double precision suffices .* got .* entity 0"
    with pytest.raises(ValueError, match=message):
        net.trajectory(a, b, 2)
    with pytest.raises(ValueError, match=message):
        ap.simulate(net, ap.Interacting(a, b), runs=2, generations=2)


TURNED = np.linalg.qr(np.random.default_rng(8).normal(size=(3, 3)))[0]


def turned(*moments: float) -> Floats:
    """Second moments in axes that doubles cannot hold."""
    matrix = (TURNED * moments) @ TURNED.T
    return np.asarray(0.5 * (matrix + matrix.T))


def test_what_no_real_data_see_has_no_limit() -> None:
    """Rounding puts the spectral radius, which is 1, anywhere within the condition number of G."""
    public = turned(1e-3, 1e-3, 0.0)
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=(2, 2, 3))
        outputs = [1e4 * turned(1, 0, 0) + 1e-2 * x.T @ x for x in noise]
        net = ap.InteractingLinear([turned(1e3, 10, 1)] * 2, public, outputs)
        grid = net.limit(0.7, [0.0, 0.5])
        assert grid.status.values[0].tolist() == [1, 0]
        assert grid.spectral_radius.values[0, 0] >= 1.0
        assert np.isnan(grid.mse[0, 0]).all()
        assert np.isfinite(grid.mse[0, 1]).all()
        with pytest.raises(ValueError, match="the spectral radius of Q is at least 1"):
            net.covariance(0.7, 0.0)


def test_the_worst_entity_decides_what_needs_a_closer_look() -> None:
    private = [turned(1, 1e-6, 0), EYE_3]  # the last entity's data are as good as can be
    net = ap.InteractingLinear(private, turned(0, 0, 1), [EYE_3] * 2)
    grid = net.limit(0.0, [1e-7, 1e-3], record=("spectral_radius",))
    assert grid.status.values.ravel().tolist() == [3, 0]


def test_errors_are_never_below_the_best() -> None:
    """Of networks in uneven units, at uneven weights: whatever has a status of 0 is possible."""
    rng, refused = np.random.default_rng(9), 0
    for _ in range(300):
        d, count = int(rng.integers(2, 4)), int(rng.integers(1, 4))

        def some(entities: int, d: int = d) -> Floats:
            x = rng.normal(size=(entities, int(rng.integers(1, d + 1)), d))
            x *= 10.0 ** rng.uniform(-3, 3, size=d)
            return np.asarray(x.mT @ x)

        net = ap.InteractingLinear(some(count), some(1)[0], some(count))
        data = Data(net)
        alpha, beta = 10.0 ** rng.uniform(-12, 0, size=2)
        grid = net.limit(alpha, beta).isel(alpha=0, beta=0)
        refused += grid.status.item() == 3
        if grid.status.item():
            continue
        assert (grid.efficiency < 1.02).all()
        assert (grid.mse > 0.0).all()
        assert (grid.mspe >= 0.98 * data.pooled_prediction_errors()).all()
        # Rounded otherwise than the grid, the covariance may be refused where that holds.
        with contextlib.suppress(ValueError):
            whole = net.covariance(alpha, beta).values
            assert (np.einsum("kiki->k", whole) >= 0.98 * data.pooled_error()).all()
    assert refused > 10


def random_network(rng: np.random.Generator) -> ap.InteractingLinear:
    """Few rows in a space that some of them span, in rotated axes and in units of its own."""
    count, d = int(rng.integers(1, 4)), int(rng.integers(2, 7))
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0]
    span = rng.normal(size=(int(rng.integers(1, d + 1)), d)) @ axes

    def some(entities: int) -> Floats:
        rows = int(rng.integers(0, len(span) + 1))
        x = rng.normal(size=(entities, rows, len(span))) @ span
        return np.asarray(10.0 ** rng.integers(-3, 4) * np.einsum("kni,knj->kij", x, x))

    return ap.InteractingLinear(some(count), some(1)[0], some(count))


def test_missing_directions_are_found_in_any_axes() -> None:
    rng, missing = np.random.default_rng(5), 0
    for _ in range(400):
        net = random_network(rng)
        alpha, beta = rng.choice([0.0, 0.01, 0.5, 1.0], 2).tolist()
        G = theory.workflow(net, alpha, beta).G
        d = net.feature_count
        ranks = [
            np.linalg.matrix_rank(
                G[i : i + d, i : i + d], tol=1e-10 * np.abs(G).max(), hermitian=True
            )
            for i in range(0, len(G), d)
        ]
        found = net.limit(alpha, beta).status.item()
        assert (found == 2) == (min(ranks) < d), (net.private, alpha, beta)
        missing += found == 2
        assert found in (0, 1, 2)
    assert 100 < missing < 350


@pytest.mark.parametrize("size", [-290, -200, -30, 30, 200, 307])
def test_a_common_factor_changes_nothing_else(size: int) -> None:
    factor = 10.0**size
    net = ap.InteractingLinear(PAIR * factor, EYE * factor, PAIR * factor, theta=[1, 2])
    grids = [each.limit([0.0, 0.3, 0.8], [0.2, 1.0]) for each in (net, PLAIN)]
    assert grids[0].status.equals(grids[1].status)
    paths = [each.trajectory(0.5, 0.7, 5) for each in (net, PLAIN)]
    for found, expected in (grids, paths):
        for name in expected.data_vars:
            scale = {"mse": 1 / factor, "synthetic_variance": 1 / factor}.get(str(name), 1.0)
            zero = 1e-14 if name == "homogenisation" else 0.0
            np.testing.assert_allclose(found[name], scale * expected[name], 1e-12, zero)
    whole = [each.covariance(0.5, 0.7).values for each in (net, PLAIN)]
    np.testing.assert_allclose(whole[0], whole[1] / factor, rtol=1e-12)


def test_results_beyond_doubles_have_a_status() -> None:
    loud = ap.InteractingLinear(PAIR, EYE, PAIR, noise=1e308)
    grid = loud.limit([0.5, 0.999], 0.5)
    assert grid.status.values.ravel().tolist() == [0, 3]
    np.testing.assert_allclose(grid.mse[0], 1e308 * PLAIN.limit(0.5, 0.5).mse[0])
    with pytest.raises(ValueError, match="noise must leave"):
        loud.covariance(0.999, 0.5)
    with pytest.raises(ValueError, match=r"noise must leave .* got 1e\+308"):
        ap.simulate(loud, ap.Interacting(0.5, 0.5), runs=2, generations=2)


def test_moments_say_where_those_of_linear_models_are() -> None:
    net: Any = PLAIN
    with pytest.raises(TypeError, match=r"p must be .* InteractingLinear\.trajectory computes"):
        ap.moments(net, ap.Interacting(0.5, 0.5), 3)


class TestMemory:
    def test_of_a_grid_is_that_of_its_result(self) -> None:
        axis = np.linspace(0.0, 0.99, 1000)
        PLAIN.limit(0.5, 0.5)
        tracemalloc.start()
        try:
            grid = PLAIN.limit(axis, axis, record=("synthetic_variance",), threads=2)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        blocks = 4 * 2**23  # of points with their weights and statuses
        assert grid.nbytes < peak < grid.nbytes + blocks < 2.8 * grid.nbytes

    @pytest.mark.parametrize("generations", [2**28, 2**31])
    def test_of_long_trajectories_is_refused_first(self, generations: int) -> None:
        program = (
            "import resource, autophage as ap\n"
            "net = ap.InteractingLinear([[[1]]], [[1]], [[[1]]], theta=[1])\n"
            "net.trajectory(0.5, 0.5, 1)\n"
            "resource.setrlimit(resource.RLIMIT_AS, (4 * 10**9, resource.RLIM_INFINITY))\n"
            f"net.trajectory(0.5, 0.5, {generations})\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert "MemoryError: the trajectory would take about" in done.stderr


def test_blocks_of_a_grid_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from autophage import linear_limits

    net = ap.InteractingLinear(moments(3, 2, 4, 1), moments(1, 4, 4, 2)[0], moments(3, 4, 4, 3))
    alpha, beta = np.array([0.9, 0.1, 1.0, 0.5, 0.0]), np.linspace(0.0, 1.0, 23)
    whole = net.limit(alpha, beta)
    for size in (1, 2**12):
        monkeypatch.setattr(linear_limits, "_BLOCK_BYTES", size)
        assert whole.identical(net.limit(alpha, beta, threads=1))


def test_the_best_estimate_needs_data_that_determine_everything() -> None:
    rows = moments(3, 1, 4, 1)
    for public, missing in ((0.0, True), (1e-14, True), (1.0, False)):
        shared = public * moments(1, 1, 4, 2)[0] + rows[0]  # the fourth row, or hardly one
        data = Data(ap.InteractingLinear(rows, shared, rows))
        assert np.isnan(data.pooled_error()) == missing
    thin = ap.InteractingLinear([np.diag([1.0, 1e-13])], np.zeros((2, 2)), [EYE])
    assert np.isnan(Data(thin).pooled_error())  # one matrix's own rounding is no data
    for factor in (1.0, 1e14, 1e-60):  # whatever their units
        net = ap.InteractingLinear([np.diag([factor, 0.0])], np.diag([0.0, 4.0]), [EYE])
        scale = 2.0 ** -Data(net).exponent
        assert Data(net).pooled_error() == pytest.approx(1.0 / (factor * scale) + 0.25 / scale)
