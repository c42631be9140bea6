from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autophage as ap
from autophage import linear_trajectory
from autophage.theory import interactive2025 as theory
from linear_networks import moments, network

Floats = npt.NDArray[np.float64]

NETWORKS: dict[str, ap.InteractingLinear] = {
    "regular": network(3, 3),
    "private data of rank 1": network(4, 6, (1, 7, 8)),
    "private and public data of low rank": network(4, 6, (2, 3, 8)),
    "synthetic data like private": ap.InteractingLinear(
        moments(3, 2, 5, 1), moments(1, 5, 5, 2)[0], moments(3, 2, 5, 1), 0.3
    ),
    "synthetic data of rank 1": network(2, 3, (5, 5, 1)),
    "no public data": ap.InteractingLinear(
        moments(2, 6, 4, 5), np.zeros((4, 4)), moments(2, 6, 4, 6), 2.0
    ),
    "one entity": network(1, 4),
    "one feature": network(5, 1),
}
POINTS = [(0.0, 0.5), (0.3, 0.7), (0.5, 0.5), (0.9, 0.1), (0.75, 1.0), (0.99, 0.5)]
HAVE_LIMIT = [
    (name, a, b)
    for name, net in NETWORKS.items()
    for a, b in POINTS
    if np.linalg.eigvalsh(theory.workflow(net, a, b).G)[0] > 1e-9
    and theory.spectral_radius(net, a, b) < 1.0
]


def spread_of_rows(net: ap.InteractingLinear, gain: Floats) -> float:
    """Mean over pairs of |M_k - M_l|^2, pair by pair."""
    rows = gain.reshape(net.entity_count, net.feature_count, -1)
    pairs = [(k, j) for k in range(len(rows)) for j in range(k)]
    return float(np.mean([np.square(rows[k] - rows[j]).sum() for k, j in pairs]))


def agree(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    """Equal to `tolerance` of the largest entry."""
    scale = float(np.abs(expected).max()) or 1.0
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=tolerance * scale)


class TestLimits:
    def test_there_are_enough(self) -> None:
        assert len(HAVE_LIMIT) >= 30
        assert {name for name, _, _ in HAVE_LIMIT} == set(NETWORKS)

    @pytest.mark.parametrize(("name", "a", "b"), HAVE_LIMIT)
    def test_equal_those_of_the_full_size(self, name: str, a: float, b: float) -> None:
        net = NETWORKS[name]
        gain, synthetic = theory.limit_matrices(net, a, b)
        full = theory.limit_covariance(net, a, b)
        grid = net.limit(a, b, record=[*theory_names(), "synthetic_variance"])
        point = grid.isel(alpha=0, beta=0)
        assert point.status.item() == 0
        # Near the circle a rounding of F moves the limit by 1 / (1 - rho) times as much.
        tolerance = 1e-12 / (1.0 - theory.spectral_radius(net, a, b))
        agree(point.mse, theory.squared_errors(net, full), tolerance)
        agree(point.mspe, theory.prediction_errors(net, full), tolerance)
        agree(point.synthetic_variance, theory.squared_errors(net, synthetic), tolerance)
        agree(point.spectral_radius, theory.spectral_radius(net, a, b), 1e-10)
        best = theory.pooled_error(net)
        agree(point.efficiency, best / theory.squared_errors(net, full), tolerance)
        assert (point.efficiency <= 1.0 + tolerance).all()
        assert (point.bias == 0.0).all()
        if net.entity_count > 1:
            agree(point.homogenisation, spread_of_rows(net, gain), tolerance)
        else:
            assert np.isnan(point.homogenisation)
        size = full.shape
        whole = net.covariance(a, b)
        assert whole.dims == ("entity", "feature", "entity_other", "feature_other")
        agree(whole.values.reshape(size), full, tolerance)
        assert (whole.values.reshape(size) == whole.values.reshape(size).T).all()
        part = net.covariance(a, b, part="synthetic").values.reshape(size)
        agree(part, synthetic, tolerance)

    def test_are_an_outer_grid(self) -> None:
        net = NETWORKS["regular"]
        alphas, betas = [0.1, 0.6, 1.0], [0.2, 0.9]
        grid = net.limit(alphas, betas)
        assert grid.mspe.dims == ("alpha", "beta", "entity", "task")
        assert dict(grid.sizes) == {"alpha": 3, "beta": 2, "entity": 3, "task": 3}
        for a in alphas:
            for b in betas:
                alone = net.limit(a, b)
                assert dict(alone.sizes) == {"alpha": 1, "beta": 1, "entity": 3, "task": 3}
                for name in alone.data_vars:
                    pair = alone[name].values, grid[name].sel(alpha=[a], beta=[b]).values
                    np.testing.assert_array_equal(*pair)

    @pytest.mark.parametrize("options", [{"threads": 3}, {"progress": True}])
    def test_do_not_depend_on_threads_and_parts(self, options: Any) -> None:
        net, axis = NETWORKS["private data of rank 1"], np.linspace(0.0, 1.0, 17)
        plain = net.limit(axis, axis, threads=1)
        assert plain.identical(net.limit(axis, axis, **options))

    def test_that_do_not_exist_say_so(self) -> None:
        net = NETWORKS["private and public data of low rank"]
        grid = net.limit([0.0, 0.5, 1.0], [0.0, 0.5, 1.0])
        # Without a pool data are missing; without public data this one does not settle either.
        assert theory.spectral_radius(net, 0.5, 1.0) > 1.0
        assert grid.status.values.tolist() == [[2, 2, 2], [1, 0, 1], [1, 1, 1]]
        assert grid.status.attrs["flag_meanings"].split()[1] == "spectral_radius_at_least_1"
        none = grid.status.values != 0
        for name in set(theory_names()) - {"spectral_radius"}:
            missing = np.isnan(grid[name].values).reshape(3, 3, -1)
            assert (missing == none[..., None]).all()
        radius = grid.spectral_radius.values
        assert (np.isnan(radius) == (grid.status.values == 2)).all()
        np.testing.assert_allclose(radius[2], 1.0, atol=1e-10)
        np.testing.assert_allclose(radius[1, 2], theory.spectral_radius(net, 0.5, 1.0), rtol=1e-9)
        with pytest.raises(ValueError, match=r"0\.5 and 0\.0, where the spectral radius"):
            net.covariance(0.5, 0.0)
        with pytest.raises(ValueError, match=r"0\.0 and 0\.5, where the data of some entity do"):
            net.covariance(0.0, 0.5)

    @pytest.mark.parametrize("entities", [2, 3, 4, 9])
    def test_need_not_exist_for_any_weights_below_one(self, entities: int) -> None:
        net = ap.InteractingLinear(*theory.divergent_moments(entities, 1e6))
        grid = net.limit([0.1, 0.5, 0.9], 1.0)
        assert (grid.status == 1).all()
        highest = 0.5 + 0.5 * np.sqrt(entities)
        assert (np.abs(grid.spectral_radius - highest) < 1e-3).all()
        assert theory.lemma_1_share(net) is None

    def test_of_data_with_other_units(self) -> None:
        net = NETWORKS["regular"]
        scaled = ap.InteractingLinear(
            4e20 * net.private, 4e20 * net.public, 4e20 * net.synthetic, 3e5 * net.noise
        )
        one, other = net.limit(0.4, 0.6), scaled.limit(0.4, 0.6)
        agree(other.mse, one.mse * 3e5 / 4e20)
        agree(other.mspe, one.mspe * 3e5)
        agree(other.efficiency, one.efficiency)

    def test_of_many_entities_and_of_many_features(self) -> None:
        few = ap.InteractingLinear(moments(2, 3, 3, 1), np.eye(3), moments(2, 4, 3, 3))
        copies = ap.InteractingLinear(
            np.tile(few.private, (500, 1, 1)), few.public, np.tile(few.synthetic, (500, 1, 1))
        )
        found = copies.limit(0.6, 0.5, record=("synthetic_variance", "spectral_radius"))
        alike = few.limit(0.6, 0.5, record=("synthetic_variance", "spectral_radius"))
        agree(500.0 * found.synthetic_variance[..., :2], alike.synthetic_variance, 1e-11)
        agree(found.spectral_radius, alike.spectral_radius, 1e-11)
        path = copies.trajectory(0.6, 0.5, 4, record=("mse", "homogenisation"))
        assert dict(path.sizes) == {"generation": 5, "entity": 1000}
        wide = ap.InteractingLinear(
            moments(2, 100, 500, 1), 1e3 * np.eye(500), moments(2, 600, 500, 3)
        )
        found = wide.limit(0.2, 0.2, record=("mse",))
        late = wide.trajectory(0.2, 0.2, 25, record=("mse",)).mse[-1]  # rho is about 0.2
        np.testing.assert_allclose(found.mse.values[0, 0], late, rtol=1e-10)


def theory_names() -> list[str]:
    return ["mse", "mspe", "efficiency", "spectral_radius", "homogenisation", "bias"]


PATHS: dict[str, tuple[ap.InteractingLinear, Any, Any, float | None]] = {
    "constant weights": (network(), 0.4, 0.7, None),
    "varying weights": (network(), [0.9, 0.0, 0.5, 1.0], lambda t: 1 / (1 + t), 1.0),
    "private data of rank 1": (network(4, 6, (1, 7, 8)), 0.5, 0.8, 0.3),
    "first fits that are not unique": (network(2, 5, (1, 1, 8)), 0.5, [0.5, 0.9, 0.1, 1.0], None),
    "fits that are never unique": (network(3, 6, (1, 1, 1)), 0.5, 0.5, None),
    "synthetic data alone": (network(3, 4, (2, 1, 3)), 1.0, 1.0, None),
    "synthetic data of rank 1 alone": (network(2, 3, (5, 5, 1)), [0.2, 1.0, 1.0, 0.3], 0.5, None),
    "one entity": (network(1, 4, (2, 1, 5)), 0.6, 1.0, None),
}
LENGTH = 4


@functools.cache
def full_path(name: str) -> tuple[Floats, Floats, Floats, Floats]:
    """Gain, C_t, Cov theta_t and bias, in matrices of the full size."""
    net, alpha, beta, beta_0 = PATHS[name]
    shares = [beta(t) for t in range(1, LENGTH + 1)] if callable(beta) else beta
    gain, synthetic = theory.conditional_matrices(net, alpha, shares, LENGTH, beta_0)
    whole = theory.estimate_covariance(net, gain, synthetic)
    assert net.theta is not None
    data = [*net.private, net.public]
    seen = [np.linalg.pinv(s, rcond=1e-12, hermitian=True) @ s @ net.theta for s in data]
    bias = gain @ np.concatenate(seen) - np.tile(net.theta, net.entity_count)
    return gain, synthetic, whole, bias.reshape(LENGTH + 1, net.entity_count, -1)


class TestTrajectories:
    @pytest.mark.parametrize("name", PATHS)
    def test_equal_those_of_the_full_size(self, name: str) -> None:
        net, alpha, beta, beta_0 = PATHS[name]
        path = net.trajectory(alpha, beta, LENGTH, beta_0)
        gain, synthetic, whole, bias = full_path(name)
        assert path.generation.values.tolist() == list(range(LENGTH + 1))
        assert net.theta is not None
        agree(path.bias + net.theta, bias + net.theta, 1e-11)
        for t in range(LENGTH + 1):
            variances = theory.squared_errors(net, whole[t])
            agree(path.mse[t], variances + np.square(bias[t]).sum(axis=1), 1e-11)
            tasks = np.einsum("ki,mij,kj->km", bias[t], net.private, bias[t])
            agree(path.mspe[t], theory.prediction_errors(net, whole[t]) + tasks, 1e-11)
            given = theory.squared_errors(net, synthetic[t])
            agree(path.synthetic_variance[t], given, 1e-11)
            if net.entity_count > 1:
                expected = spread_of_rows(net, gain[t])
                np.testing.assert_allclose(path.homogenisation[t], expected, 1e-11, 1e-28)

    @pytest.mark.parametrize("name", ["private data of rank 1", "first fits that are not unique"])
    def test_have_the_mean_of_theorem_2(self, name: str) -> None:
        net, alpha, beta, beta_0 = PATHS[name]
        assert net.theta is not None
        mean = theory.expected_estimates(net, alpha, beta, LENGTH, beta_0)
        agree(net.trajectory(alpha, beta, LENGTH, beta_0).bias + net.theta, mean, 1e-11)

    def test_tend_to_the_limits(self) -> None:
        net = NETWORKS["private data of rank 1"]
        limit = net.limit(0.5, 0.6).isel(alpha=0, beta=0)
        generations = int(-30.0 / np.log(limit.spectral_radius.item()))
        path = net.trajectory(0.5, 0.6, generations).isel(generation=-1)
        for name in ("mse", "mspe", "homogenisation"):
            agree(path[name], limit[name], 1e-10)
        assert np.abs(path.bias).max() < 1e-10

    def test_of_the_synthetic_data_alone_grow_linearly(self) -> None:
        path = network().trajectory(1.0, 0.5, 60, record=("synthetic_variance",))
        steps = np.diff(path.synthetic_variance.values, axis=0)
        np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), rtol=1e-9)

    def test_keep_the_digits_of_a_small_homogenisation(self) -> None:
        net = network(4, 3)
        for alpha in (1.0 - 2.0**-20, 1.0 - 2.0**-21):
            path = net.trajectory(alpha, 0.5, 1, record=("homogenisation",)).homogenisation
            limit = net.limit(alpha, 0.5, record=("homogenisation",)).homogenisation
            if alpha < 1.0 - 2.0**-21:
                before = path[1].item(), limit.item()
        # It is of second order in 1 - alpha while M itself stays as large as it is.
        np.testing.assert_allclose(before[0] / path[1].item(), 4.0, rtol=1e-5)
        assert before[0] < 1e-10

    @pytest.mark.parametrize("name", ["varying weights", "fits that are never unique"])
    def test_do_not_depend_on_how_covariances_are_cut(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        net, alpha, beta, beta_0 = PATHS[name]
        whole = net.trajectory(alpha, beta, LENGTH, beta_0)
        monkeypatch.setattr(linear_trajectory, "_BLOCK_BYTES", 1)
        xr_equal = net.trajectory(alpha, beta, LENGTH, beta_0)
        for variable in whole.data_vars:
            agree(xr_equal[variable], whole[variable], 1e-15)

    def test_without_theta(self) -> None:
        unbiased = network(theta=False).trajectory(0.4, 0.7, 3)
        assert (unbiased.bias == 0.0).all()
        agree(unbiased.mse, network().trajectory(0.4, 0.7, 3).mse)
        biased = network(2, 5, (1, 1, 8), theta=False)
        with pytest.raises(ValueError, match=r"theta must be given for mse, got None: .* in gener"):
            biased.trajectory(0.5, 0.5, 3, record=("homogenisation", "mse"))
        path = biased.trajectory(0.5, 0.5, 3, record=("homogenisation", "synthetic_variance"))
        known = network(2, 5, (1, 1, 8)).trajectory(0.5, 0.5, 3)
        agree(path.homogenisation, known.homogenisation)


class TestOptimum:
    @pytest.mark.parametrize(
        ("criterion", "options"),
        [
            ("mse", {}),
            ("mse", {"worst": True}),
            ("mse", {"entity": 1}),
            ("mspe", {"entity": 0, "task": 2}),
            ("mspe", {"worst": True}),
            ("efficiency", {}),
        ],
    )
    def test_is_not_beaten_by_a_fine_grid(self, criterion: str, options: Any) -> None:
        net = NETWORKS["private data of rank 1"]
        best = net.optimal(criterion, **options)
        chosen = {"entity": options.get("entity"), "task": options.get("task")}

        def value(alpha: Any, beta: Any) -> Floats:
            table = net.limit(alpha, beta, record=(criterion,))[criterion]
            table = table.isel({k: v for k, v in chosen.items() if v is not None})
            over = [dim for dim in table.dims if dim not in ("alpha", "beta")]
            lost = {"mse": "max", "mspe": "max", "efficiency": "min"}[criterion]
            kind = lost if options.get("worst") else "mean"
            return np.asarray(getattr(table, kind)(over, skipna=False))

        np.testing.assert_allclose(best.value, value(best.alpha, best.beta).item(), rtol=1e-13)
        axis = np.linspace(0.0, 1.0, 101)
        grid = value(axis, axis)
        if criterion == "efficiency":
            assert best.value >= np.nanmax(grid)
        else:
            assert best.value <= np.nanmin(grid)

    def test_on_the_edge(self) -> None:
        # One entity has nothing to learn from its own output.
        private = moments(1, 5, 3, 1)
        best = ap.InteractingLinear(private, np.zeros((3, 3)), private).optimal()
        assert best.alpha == 0.0
        np.testing.assert_allclose(best.value, np.trace(np.linalg.inv(private[0])), rtol=1e-10)
        best = ap.InteractingLinear(private, private[0], private).optimal("efficiency", entity=0)
        assert best.alpha == 0.0
        assert abs(best.beta - 0.5) < 1e-4
        assert abs(best.value - 1.0) < 1e-8

    def test_that_does_not_exist(self) -> None:
        nothing = np.zeros((2, 3, 3))
        net = ap.InteractingLinear(nothing, np.diag([1.0, 1.0, 0.0]), nothing)
        with pytest.raises(ValueError, match="must have a limit somewhere"):
            net.optimal()


EYE = np.eye(2)
PAIR = np.stack([EYE, 2.0 * EYE])
BENT = np.array([[1.0, 0.5], [0.4, 1.0]])


class TestDescription:
    def test_is_what_was_given(self) -> None:
        net = ap.InteractingLinear(PAIR, EYE, PAIR, 2, [1, 2])
        assert (net.entity_count, net.feature_count, net.noise) == (2, 2, 2.0)
        assert repr(net) == "<InteractingLinear: 2 entities, 2 features>"
        for array in (net.private, net.public, net.synthetic, net.theta):
            assert array is not None
            assert not array.flags.writeable
        source = PAIR.copy()
        copied = ap.InteractingLinear(source, EYE, source)
        source[0] = 9.0
        assert copied == ap.InteractingLinear(PAIR, EYE, PAIR)

    def test_compares_by_value(self) -> None:
        net = ap.InteractingLinear(PAIR, EYE, PAIR, 2.0, [1.0, 2.0])
        same = ap.InteractingLinear(PAIR.tolist(), EYE.astype(np.float32), PAIR, 2, [1, 2])
        assert net == same
        assert hash(net) == hash(same)
        others = [
            ap.InteractingLinear(2 * PAIR, EYE, PAIR, 2.0, [1.0, 2.0]),
            ap.InteractingLinear(PAIR, 2 * EYE, PAIR, 2.0, [1.0, 2.0]),
            ap.InteractingLinear(PAIR, EYE, 2 * PAIR, 2.0, [1.0, 2.0]),
            ap.InteractingLinear(PAIR, EYE, PAIR, 1.0, [1.0, 2.0]),
            ap.InteractingLinear(PAIR, EYE, PAIR, 2.0, [1.0, 3.0]),
            ap.InteractingLinear(PAIR, EYE, PAIR, 2.0),
        ]
        assert all(net != other for other in others)
        assert net != "net"

    def test_takes_rounding_errors(self) -> None:
        x = np.random.default_rng(1).normal(size=(3, 40))  # 3 rows: x^T x is of rank 3
        rounded = x.T @ x
        tilted = rounded * (1.0 + 1e-13 * np.triu(np.ones((40, 40))))
        net = ap.InteractingLinear(tilted[None], rounded, rounded[None])
        assert (net.private[0] == net.private[0].T).all()
        np.testing.assert_allclose(net.private[0], rounded, rtol=1e-12)
        assert (ap.InteractingLinear(net.private, EYE_40, net.private).private == net.private).all()

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ((EYE, EYE, PAIR), ValueError, r"private must be a 3-D array, got shape \(2, 2\)"),
            ((PAIR, PAIR, PAIR), ValueError, r"public must be a 2-D array"),
            ((PAIR[:, :1], EYE, PAIR), ValueError, r"private must be square .* \(2, 1, 2\)"),
            ((PAIR, np.eye(3), PAIR), ValueError, r"public must have shape \(2, 2\) .* \(3, 3\)"),
            ((PAIR, EYE, PAIR[:1]), ValueError, r"synthetic must have shape \(2, 2, 2\)"),
            (([BENT, EYE], EYE, PAIR), ValueError, r"private must be symmetric .* 0\.5 and 0\.4"),
            ((PAIR, EYE - 2 * np.ones((2, 2)), PAIR), ValueError, "public must be positive semid"),
            ((PAIR, EYE, [EYE, -1e-6 * EYE]), ValueError, r"synthetic .* -1e-06 at index \[1\]"),
            ((PAIR * np.nan, EYE, PAIR), ValueError, r"private must be finite .* nan"),
            ((PAIR, EYE + np.inf, PAIR), ValueError, r"public must be finite"),
            ((PAIR > 0, EYE, PAIR), TypeError, r"private must be finite numbers, got dtype bool"),
            ((PAIR, EYE * 1j, PAIR), TypeError, r"public must be .* complex"),
            ((PAIR, EYE, PAIR, 0.0), ValueError, r"noise must be a finite number above 0, got 0.0"),
            ((PAIR, EYE, PAIR, -1), ValueError, r"noise must be .* got -1"),
            ((PAIR, EYE, PAIR, "1"), TypeError, r"noise must be .* '1'"),
            ((PAIR, EYE, PAIR, 1, [1.0]), ValueError, r"theta must have shape \(2,\) .* \(1,\)"),
            ((PAIR, EYE, PAIR, 1, 1.0), ValueError, r"theta must be a 1-D array"),
            ((PAIR, EYE, PAIR, 1, [1.0, np.nan]), ValueError, r"theta .* nan at index \[1\]"),
            ((np.zeros((0, 2, 2)), EYE, PAIR), ValueError, r"private .* empty"),
        ],
    )
    def test_refuses(self, arguments: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            ap.InteractingLinear(*arguments)


EYE_40 = np.eye(40)
