from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autophage as ap
from autophage.theory import webdynamics2025 as paper
from autophage.theory.separated import first_owned
from judge import Z_LIMIT
from mixture_samples import accept_means, simulated, z

# Weights of a reader and an author, means, covariance.
CASES: dict[str, tuple[list[float], list[float], Any, Any]] = {
    "a line": ([0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [-1.0, 0.5, 1.0], 0.7),
    "a line in a plane": (
        [0.2, 0.8],
        [0.7, 0.3],
        [[0.0, 1.0], [1.5, 2.0]],
        [[1.0, 0.6], [0.6, 2.0]],
    ),
    "a plane": (
        [0.2, 0.5, 0.3],
        [0.6, 0.1, 0.3],
        [[0.0, 0.0, 1.0], [1.5, 1.0, 1.0], [-1.0, 1.0, 0.0]],
        np.eye(3) + 0.5,
    ),
    "a space": (
        [0.2, 0.3, 0.1, 0.4],
        [0.6, 0.1, 0.2, 0.1],
        [[0.0, 0.0, 0.0], [1.5, 0.0, 0.0], [0.0, 2.0, 0.0], [0.5, 0.0, 1.0]],
        np.diag([1.0, 0.8, 1.2]),
    ),
}


class TestOverlap:
    READER, AUTHOR = np.array([0.2, 0.8]), np.array([0.7, 0.3])

    @pytest.mark.parametrize(("h", "owned"), [(0.5, 0.277), (1, 0.445), (2, 0.659), (3, 0.697)])
    def test_known_values(self, h: float, owned: float) -> None:
        found = paper.one_step_mean(self.READER, self.AUTHOR, [-h, h], rate=0.1, prior=0.02)
        assert found.ownership[0] == pytest.approx(owned, abs=5e-4)
        step = 0.9 * 0.2 + 0.1 * (found.ownership[0] - 0.02) / 0.96
        assert found.weights[0] == pytest.approx(step, abs=1e-14)

    @pytest.mark.parametrize("name", CASES)
    @pytest.mark.parametrize("prior", [0.0, 0.2])
    def test_quadrature_against_drawn_posts(self, name: str, prior: float) -> None:
        # A prior of .2 clips the smallest weights.
        w, q, means, covariance = CASES[name]
        rng, draws, rate = np.random.default_rng(3), 200_000, 0.5
        mu = np.asarray(means, dtype=float).reshape(len(w), -1)
        root = np.linalg.cholesky(np.atleast_2d(np.asarray(covariance, dtype=float)))
        x = mu[rng.choice(len(w), draws, p=q)] + rng.normal(size=(draws, mu.shape[1])) @ root.T
        gaps = np.linalg.solve(root, (x[:, None] - mu).reshape(-1, mu.shape[1]).T).T
        heights = np.exp(-0.5 * np.square(gaps).sum(axis=1)).reshape(draws, -1)
        owned = w * heights / (heights @ w)[:, None]
        after = np.asarray(w) + rate * (owned / (1 - len(w) * prior) - w)
        after = np.maximum(after - rate * prior / (1 - len(w) * prior), 0.0)
        after /= after.sum(axis=1, keepdims=True)
        found = paper.one_step_mean(w, q, means, covariance, rate=rate, prior=prior)
        accept_means(name, owned, found.ownership)
        accept_means(name, after, found.weights)
        assert found.ownership.sum() == pytest.approx(1.0, abs=1e-12)
        assert z(owned, np.asarray(q)) > Z_LIMIT  # as if the components were separated
        if prior:
            linear = (1 - rate) * np.asarray(w) + rate * (found.ownership - prior) / (
                1 - len(w) * prior
            )
            assert z(after, linear) > Z_LIMIT

    @pytest.mark.parametrize("name", CASES)
    def test_consensus_owns_its_weights(self, name: str) -> None:
        w, _, means, covariance = CASES[name]
        found = paper.one_step_mean(w, w, means, covariance, rate=0.5).ownership
        np.testing.assert_allclose(found, w, rtol=0, atol=1e-8)

    def test_far_components_and_dead_ones(self) -> None:
        for h in (20.0, 1e3, 1e6):
            found = paper.one_step_mean(self.READER, self.AUTHOR, [-h, h], rate=0.1).ownership
            np.testing.assert_allclose(found, self.AUTHOR, rtol=0, atol=1e-14)
        found = paper.one_step_mean([0.0, 1.0], self.AUTHOR, [-30, 30], rate=0.1).ownership
        assert found[0] == 0.0
        assert found[1] == pytest.approx(1.0, abs=1e-14)

    @pytest.mark.parametrize("h", [40.0, 1e3, 1e9, 1e15, 1e18, 1e60])
    def test_distances_without_end(self, h: float) -> None:
        half = np.array([0.5, 0.5])
        owned = paper.one_step_mean(self.READER, half, [-h, h], rate=0.1).ownership
        np.testing.assert_allclose(owned, half, rtol=0, atol=1e-14)
        rates = paper.approach_rates(self.READER, [-h, h])
        np.testing.assert_allclose(rates, 1.0, rtol=0, atol=1e-14)
        net = ap.MixtureNetwork([-h, h], 1.0, [[0.9, 0.1], [0.2, 0.8]], rate=0.1)
        exact = paper.mean_dynamics(net, 3)
        np.testing.assert_allclose(paper.mean_field(net, 3), exact, rtol=0, atol=1e-14)
        # Posts of a component that the reader lacks belong to the nearer side.
        found = paper.one_step_mean([0.2, 0.0, 0.8], [0, 1, 0], [-h, 0, h], rate=0.1).ownership
        np.testing.assert_allclose(found, [0.5, 0.0, 0.5], rtol=0, atol=2e-3 + 0.3 / h)

    @pytest.mark.parametrize("far", [[1.0, 0.0], [0.0, 1.0], [-0.6, 0.8]])
    def test_near_means_stay_near_beside_far_ones(self, far: list[float]) -> None:
        w, q = np.array([0.2, 0.3, 0.5]), np.array([0.35, 0.25, 0.4])
        pair = paper.one_step_mean([0.4, 0.6], [7 / 12, 5 / 12], [0.0, 1.0], rate=0.1).ownership
        for h in (1e3, 1e9, 1e15, 1e18, 1e60):
            means = np.array([[0.0, 0.0], [1.0, 0.0], np.multiply(h, far)])
            owned = paper.one_step_mean(w, q, means, np.eye(2), rate=0.1).ownership
            np.testing.assert_allclose(owned, [*(0.6 * pair), 0.4], rtol=0, atol=1e-8)

    def test_means_beyond_double_are_refused(self) -> None:
        for means in ([0.0, 2e100], [-1e308, 1e308]):
            with pytest.raises(ValueError, match=r"means must lie within 1e\+100 standard dev"):
                paper.one_step_mean([0.5, 0.5], [0.5, 0.5], means, rate=0.1)

    def test_more_than_three_dimensions_are_refused(self) -> None:
        law = np.full(5, 0.2)
        with pytest.raises(ValueError, match="means must span at most 3 dimensions, got 4"):
            paper.one_step_mean(law, law, np.eye(5)[:, :4], np.eye(4), rate=0.1)

    def test_rates_of_approach_are_slopes(self) -> None:
        for w, _, means, covariance in CASES.values():
            q = np.asarray(w)
            rates = paper.approach_rates(q, means, covariance)
            slopes = []
            for k in range(1, q.size):
                toward = 1e-4 * (np.eye(q.size)[k] - np.eye(q.size)[0])
                ends = [
                    paper.one_step_mean(q + s * toward, q, means, covariance, rate=0.5).ownership
                    for s in (1.0, -1.0)
                ]
                slopes.append((ends[0] - ends[1])[1:] / 2e-4)
            found = np.sort(1.0 - np.linalg.eigvals(np.array(slopes)).real)
            np.testing.assert_allclose(found, rates, atol=1e-6)

    def test_the_floor_is_that_of_separated_components(self) -> None:
        # To first order in the rate; by the speed of approach alone it would be .55 of that.
        q, h, rate, readers = np.array([0.6, 0.4]), 1.0, 0.01, 8000
        speed = float(paper.approach_rates(q, [-h, h])[0])
        assert speed == pytest.approx(0.545, abs=1e-3)
        rng, w = np.random.default_rng(1), np.full(readers, q[0])
        for _ in range(int(6.0 / (rate * speed))):
            x = np.where(rng.random(readers) < q[0], -h, h) + rng.standard_normal(readers)
            w += rate * (w / (w + (1.0 - w) * np.exp(2.0 * h * x)) - w)
        floor = paper.distance_floor(2, q, rate=rate) / 8  # two orders of a pair, E |.|^2 = 4 Var
        ratio = float(w.var(ddof=1)) / floor
        assert ratio == pytest.approx(1.0, abs=5.0 * np.sqrt(2.0 / readers) + 2.0 * rate)


class TestMeanField:
    START = np.array([[0.9, 0.1], [0.2, 0.8]])

    def network(self, h: float, rate: float, **options: Any) -> ap.MixtureNetwork:
        return ap.MixtureNetwork([-h, h], 1.0, self.START, rate=rate, **options)

    @pytest.mark.parametrize("options", [{}, {"first_posts": [-9.0, 10.0, 8.0], "prior": 0.01}])
    def test_separated_components(self, options: dict[str, Any]) -> None:
        net = self.network(9.0, 0.02, **options)
        exact = paper.mean_dynamics(net, 20)
        np.testing.assert_allclose(paper.mean_field(net, 20), exact, rtol=0, atol=1e-12)

    def test_correlated_features_place_first_posts(self) -> None:
        # By Euclidean distance the first two, by a transposed factor the last, would belong to the
        # first.
        net = ap.MixtureNetwork(
            [[0, 0], [4, 0]], [[1, 0.95], [0.95, 1]], self.START, rate=0.1, posts=0, read=1.0,
            first_posts=[[1, -3], [1, -2], [3, 3], [4, 1]],
        )  # fmt: skip
        np.testing.assert_array_equal(first_owned(net), [1, 3])
        exact = paper.mean_dynamics(net, 4)
        np.testing.assert_allclose(paper.mean_field(net, 4), exact, rtol=0, atol=1e-12)

    def test_negative_weights_become_zero(self) -> None:
        # .5 * .01 + .5 * (0 - .2) / .6 is negative.
        net = ap.MixtureNetwork(
            [-9, 9], 1.0, [[0.01, 0.99]], rate=0.5, prior=0.2, posts=0, read=1.0, first_posts=[9.0]
        )
        np.testing.assert_array_equal(paper.mean_field(net, 1)[1], [[0.0, 1.0]])

    def test_follows_the_rate(self) -> None:
        gaps = []
        for rate in (0.1, 0.025):
            net = self.network(1.0, rate, first_posts=[0.3, -1.2], read=1.0)
            found = simulated(net, 4000, 20, 7).mean(axis=0)
            gaps.append(np.abs(found - paper.mean_field(net, 20)).max())
            assert np.abs(found - paper.mean_dynamics(net, 20)).max() > 0.08
        assert gaps[0] < 0.03
        assert gaps[1] < 0.012
