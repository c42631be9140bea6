from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autophage as ap
import linear_networks
from autophage.theory import interactive2025 as paper
from judge import Z_LIMIT
from linear_networks import moments, network

Floats = npt.NDArray[np.float64]
RUNS = 40_000

NET = network()
UNEVEN = network(4, 3, (1, 4, 2))
PROPORTIONAL = ap.InteractingLinear(
    moments(4, 2, 5, 1), moments(1, 5, 5, 2)[0], 3.0 * moments(4, 2, 5, 1), 0.3
)


def z_of_means(sample: Floats, mean: Floats, variance: Floats) -> Floats:
    spread = np.sqrt(np.maximum(variance, 0.0) / len(sample))
    return np.asarray((sample.mean(axis=0) - mean) / np.maximum(spread, 1e-300))


def z_of_covariances(sample: Floats, mean: Floats, covariance: Floats) -> Floats:
    """Of all entries; for a normal law Var(x_i x_j) = C_ii C_jj + C_ij^2."""
    centred = sample - mean
    found = centred.T @ centred / len(sample)
    own = np.diag(covariance)
    variance = (np.outer(own, own) + covariance**2) / len(sample)
    return np.asarray((found - covariance) / np.sqrt(np.maximum(variance, 1e-300)))


class TestWorkflow:
    def test_q_and_p_take_everyone_to_everyone(self) -> None:
        # E.2: P (1 (x) I) + Q (1 (x) I) = G^+ G (1 (x) I).
        for net, a, b in itertools.product((NET, UNEVEN), (0.0, 0.4, 1.0), (0.0, 0.5, 1.0)):
            G, P, Q = paper.workflow(net, a, b)
            d, count = net.feature_count, net.entity_count
            everyone = np.kron(np.ones((count + 1, 1)), np.eye(d))
            seen = np.linalg.pinv(G, rcond=1e-12, hermitian=True) @ G @ everyone[d:]
            np.testing.assert_allclose(P @ everyone + Q @ everyone[d:], seen, atol=1e-9)

    def test_beta_weighs_the_private_data(self) -> None:
        # Section 4 says in words that it is the public data's share.
        private_only = paper.workflow(NET, 0.0, 1.0).P
        np.testing.assert_allclose(private_only[:, -NET.feature_count :], 0.0)
        np.testing.assert_allclose(private_only[:, : -NET.feature_count], np.eye(9), atol=1e-12)


class TestTheorems:
    """Theorems 1 and 2 against fitted regressions: |z| <= 5 on every entry."""

    @pytest.mark.parametrize("name", linear_networks.NETWORKS)
    def test_agree_with_fitted_regressions(self, name: str) -> None:
        net, regime = linear_networks.NETWORKS[name]
        last = linear_networks.GENERATIONS
        schedule = regime.schedule(last)
        weights = schedule.alpha[:, 0], schedule.beta[:, 0], last, schedule.beta_0
        gain, conditional = paper.conditional_matrices(net, *weights)
        covariance = paper.estimate_covariance(net, gain, conditional)
        truth = np.zeros(net.feature_count) if net.theta is None else net.theta
        data = [*net.private, net.public]
        seen = [np.linalg.pinv(s, rcond=1e-10, hermitian=True) @ s @ truth for s in data]
        mean = gain @ np.concatenate(seen)
        sample = linear_networks.fitted(net, regime, RUNS).reshape(RUNS, last + 1, -1)
        for t in range(last + 1):
            z = z_of_means(sample[:, t], mean[t], np.diag(covariance[t]))
            assert np.abs(z).max() <= Z_LIMIT
            z = z_of_covariances(sample[:, t], mean[t], covariance[t])
            assert np.abs(z).max() <= Z_LIMIT

    def test_1_agrees_with_regressions_on_given_data(self) -> None:
        # Responses of the initial data are the same in all runs: what varies is C_t.
        net, d = UNEVEN, UNEVEN.feature_count
        rng, (a, b) = np.random.default_rng(17), (0.6, 0.8)
        gain, conditional = paper.conditional_matrices(net, a, b, 2)
        estimates = rng.normal(size=(net.entity_count + 1, d))  # of private and public data
        data = [*net.private, net.public]
        seen = [
            np.linalg.pinv(s, hermitian=True) @ s @ e for s, e in zip(data, estimates, strict=True)
        ]
        mean = gain @ np.concatenate(seen)
        theta = np.broadcast_to(mean[0].reshape(-1, d), (RUNS, net.entity_count, d))
        for t in (1, 2):
            G = paper.workflow(net, a, b).G.reshape(net.entity_count, d, net.entity_count, d)
            noise = [
                rng.multivariate_normal(np.zeros(d), net.noise * s, RUNS) for s in net.synthetic
            ]
            answers = np.einsum("kij,nkj->nki", net.synthetic, theta) + np.stack(noise, axis=1)
            pool = a * answers.mean(axis=1)
            theta = np.stack([
                np.linalg.solve(G[k, :, k], ((1 - a) * b * net.private[k] @ estimates[k]
                + (1 - a) * (1 - b) * net.public @ estimates[-1])[:, None] + pool.T).T
                for k in range(net.entity_count)
            ], axis=1)  # fmt: skip
            sample = theta.reshape(RUNS, -1)
            z = z_of_means(sample, mean[t], np.diag(conditional[t]))
            assert np.abs(z).max() <= Z_LIMIT
            assert np.abs(z_of_covariances(sample, mean[t], conditional[t])).max() <= Z_LIMIT

    def test_2_needs_regular_data_after_the_start(self) -> None:
        net = network(2, 5, (1, 1, 8))
        mean = paper.expected_estimates(net, 0.5, 0.5, 4)
        assert net.theta is not None
        assert np.linalg.norm(mean[0] - net.theta) > 0.5
        with pytest.raises(ValueError, match="G_2 must have full rank"):
            paper.expected_estimates(net, [0.5, 0.0], 0.5, 4)
        with pytest.raises(ValueError, match="network must have a theta"):
            paper.expected_estimates(network(theta=False), 0.5, 0.5, 4)

    def test_2_follows_from_theorem_1(self) -> None:
        # The mean of M_t (..) over the initial data; what the first fits miss fades by Q_t.
        net, d = network(2, 5, (1, 1, 8)), 5
        gain, _ = paper.conditional_matrices(net, [0.5, 0.9], [0.5, 0.2], 4, 0.3)
        data = [*net.private, net.public]
        seen = [np.linalg.pinv(s, rcond=1e-10, hermitian=True) @ s @ net.theta for s in data]
        expected = (gain @ np.concatenate(seen)).reshape(5, 2, d)
        mean = paper.expected_estimates(net, [0.5, 0.9], [0.5, 0.2], 4, 0.3)
        np.testing.assert_allclose(mean, expected, rtol=0, atol=1e-9)
        assert np.abs(mean[2] - net.theta).max() > 0.1  # it has not faded yet

    @pytest.mark.parametrize("net", [NET, UNEVEN, PROPORTIONAL])
    @pytest.mark.parametrize(("a", "b", "beta_0"), [(0.4, 0.7, None), (0.8, 0.5, 0.2)])
    def test_equations_1_and_2(
        self, net: ap.InteractingLinear, a: float, b: float, beta_0: float | None
    ) -> None:
        gain, conditional = paper.conditional_matrices(net, a, b, 7, beta_0)
        for t in (1, 2, 7):
            M, C = paper.explicit_matrices(net, a, b, t, beta_0)
            np.testing.assert_allclose(M, gain[t], rtol=0, atol=1e-11 * np.abs(gain[t]).max())
            np.testing.assert_allclose(C, conditional[t], rtol=0, atol=1e-11 * np.abs(C).max())
        late = int(-36.0 / np.log(paper.spectral_radius(net, a, b)))
        gain, conditional = paper.conditional_matrices(net, a, b, late, beta_0)
        M, C = paper.limit_matrices(net, a, b)
        np.testing.assert_allclose(gain[-1], M, rtol=0, atol=1e-9 * np.abs(M).max())
        np.testing.assert_allclose(conditional[-1], C, rtol=0, atol=1e-9 * np.abs(C).max())
        step = paper.workflow(net, a, b)
        np.testing.assert_allclose(step.P + step.Q @ M, M, rtol=0, atol=1e-10 * np.abs(M).max())
        found = paper.limit_covariance(net, a, b)
        whole = paper.estimate_covariance(net, gain[-1], conditional[-1])
        np.testing.assert_allclose(found, whole, rtol=0, atol=1e-8 * np.abs(found).max())

    def test_3_refuses_what_does_not_settle(self) -> None:
        with pytest.raises(ValueError, match="spectral radius below 1"):
            paper.limit_matrices(NET, 1.0, 0.5)
        with pytest.raises(ValueError, match="G must have full rank"):
            paper.limit_covariance(network(2, 5, (1, 1, 8)), 0.0, 0.5)


class TestPrintedForms:
    """What is wrong in print, by how far from simulation it is (the right form is within 5)."""

    def sample(self, t: int) -> Floats:
        fits = linear_networks.fitted(NET, ap.Interacting(0.4, 0.7), RUNS)
        return fits.reshape(RUNS, fits.shape[1], -1)[:, t]

    def test_theorem_1_lacks_a_transpose(self) -> None:
        printed = paper.conditional_covariance_printed(NET, 0.4, 0.7, 3)[3]
        assert np.abs(printed - printed.T).max() > 0.05 * np.abs(printed).max()  # no covariance
        gain, right = paper.conditional_matrices(NET, 0.4, 0.7, 3)
        sample, mean = self.sample(3), np.tile(NET.theta, 3)  # type: ignore[arg-type]
        wrong = paper.estimate_covariance(NET, gain[3], printed)
        assert np.abs(z_of_covariances(sample, mean, wrong)).max() > 2 * Z_LIMIT
        whole = paper.estimate_covariance(NET, gain[3], right[3])
        assert np.abs(z_of_covariances(sample, mean, whole)).max() <= Z_LIMIT

    def test_equation_2_lacks_a_transpose(self) -> None:
        printed = paper.limit_covariance_printed(NET, 0.4, 0.7)
        _, right = paper.limit_matrices(NET, 0.4, 0.7)
        assert np.abs(printed - right).max() > 0.05 * np.abs(right).max()
        _, Q = paper.workflow(NET, 0.4, 0.7)[1:]
        fresh = NET.noise * np.linalg.inv(linear_networks.block_diagonal(NET.synthetic))
        np.testing.assert_allclose(Q @ (right + fresh) @ Q.T, right, atol=1e-12)

    def test_theorem_2_lacks_the_variance_of_the_noise(self) -> None:
        gain, conditional = paper.conditional_matrices(NET, 0.4, 0.7, 3)
        printed = paper.estimate_covariance_printed(NET, gain[3], conditional[3])
        mean = np.tile(NET.theta, 3)  # type: ignore[arg-type]
        assert np.abs(z_of_covariances(self.sample(3), mean, printed)).max() > 10 * Z_LIMIT
        unit = ap.InteractingLinear(NET.private, NET.public, NET.synthetic, 1.0)
        same = paper.estimate_covariance(unit, gain[3], conditional[3])
        np.testing.assert_array_equal(
            paper.estimate_covariance_printed(unit, gain[3], conditional[3]), same
        )

    def test_sizes_of_the_fixed_point_in_e_3_do_not_fit(self) -> None:
        M, _ = paper.limit_matrices(NET, 0.4, 0.7)
        with pytest.raises(ValueError, match="size"):
            M @ paper.workflow(NET, 0.4, 0.7).Q


def random_network(rng: np.random.Generator, proportional: bool) -> ap.InteractingLinear:
    count, d = int(rng.integers(1, 4)), int(rng.integers(1, 5))

    def some(entities: int) -> Any:
        rows = int(rng.integers(0, d + 2))
        x = rng.normal(size=(entities, rows, d)) * rng.choice([0.01, 1.0, 10.0], (entities, 1, 1))
        return np.einsum("kni,knj->kij", x, x)

    private, public = some(count), some(1)[0]
    share = rng.uniform(0.1, 1.0)
    synthetic = share * private + (1 - share) * public if proportional else some(count)
    return ap.InteractingLinear(private, public, synthetic)


class TestLemma1:
    def test_holds(self) -> None:
        rng, seen = np.random.default_rng(1), 0
        for _ in range(600):
            net = random_network(rng, proportional=True)
            share = paper.lemma_1_share(net)
            assert share is not None
            if not net.private.any() and net.public.any():
                assert share == np.nextafter(1.0, 0.0)
                continue
            for a, b in ((0.0, share), (0.5, share), (0.9, 0.3 * share), (0.9, share)):
                assert paper.spectral_radius(net, a, b) < 1.0 - 1e-9
                seen += 1
        assert seen > 1600

    def test_finds_the_share(self) -> None:
        private, public = moments(3, 2, 4, 1), moments(1, 2, 4, 2)[0]
        for share, factor in ((0.25, 1.0), (0.9, 7.0), (1.0, 0.1)):
            mixed = factor * (share * private + (1.0 - share) * public)
            found = paper.lemma_1_share(ap.InteractingLinear(private, public, mixed))
            assert found == pytest.approx(share, abs=1e-9)
        assert paper.lemma_1_share(PROPORTIONAL) == 1.0
        zero = np.zeros_like(private)
        assert paper.lemma_1_share(ap.InteractingLinear(private, public, zero)) == 1.0
        alone = ap.InteractingLinear(private, public, np.tile(public, (3, 1, 1)))
        assert paper.lemma_1_share(alone) is None

    def test_the_share_is_the_largest_to_rounding(self) -> None:
        own, public = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
        for share in (1 / 3, 2 / 3, 0.1, 1e-5):
            for factor in (1.0, 1e13, 1e-200):
                mixed = share * own + (1 - share) * public
                net = ap.InteractingLinear([factor * own], factor * public, [mixed])
                found = paper.lemma_1_share(net)
                assert found == pytest.approx(share, rel=1e-14, abs=0.0)
        net = ap.InteractingLinear([1e13 * own], public, [own + public])
        assert paper.lemma_1_share(net) == pytest.approx(1e-13, rel=1e-12, abs=0.0)

    def test_beta_zero_needs_regular_public_data(self) -> None:
        # The text before the lemma allows beta = 0 when S is proportional to S~.
        rng, regular = np.random.default_rng(2), 0
        for _ in range(600):
            net = random_network(rng, proportional=bool(rng.integers(2)))
            G = np.linalg.eigvalsh(paper.workflow(net, 0.5, 0.0).G)
            if G[0] <= 1e-9 * G[-1]:
                continue
            values = np.linalg.eigvalsh(net.public)
            radius = paper.spectral_radius(net, 0.5, 0.0)
            if values[0] > 1e-9 * values[-1]:
                regular += 1
                assert radius < 1.0
            else:
                assert radius == pytest.approx(1.0, abs=1e-6)
        assert regular > 50

    @pytest.mark.parametrize("entities", [2, 3, 9, 25])
    def test_other_networks_have_no_bound(self, entities: int) -> None:
        net = ap.InteractingLinear(*paper.divergent_moments(entities, 1e7))
        highest = 0.5 + 0.5 * np.sqrt(entities)  # 1.207 for two
        for alpha in (0.05, 0.5, 0.95):
            radius = paper.spectral_radius(net, alpha, 1.0)
            assert radius == pytest.approx(highest, abs=1e-3)
        if entities > 3:  # the matrices of the full size are of order 625
            return
        _, conditional = paper.conditional_matrices(net, 0.5, 1.0, 60)
        sizes = np.trace(conditional, axis1=1, axis2=2)
        assert sizes[60] > 100.0 * sizes[30]


def test_errors_and_efficiency_are_those_of_the_definition() -> None:
    d, count = NET.feature_count, NET.entity_count
    covariance = paper.limit_covariance(NET, 0.3, 0.6)
    for k, block in enumerate(
        covariance.reshape(count, d, count, d)[range(count), :, range(count)]
    ):
        assert paper.squared_errors(NET, covariance)[k] == pytest.approx(np.trace(block))
        found = paper.prediction_errors(NET, covariance)[k]
        np.testing.assert_allclose(found, [np.trace(s @ block) for s in NET.private])
    assert (paper.squared_errors(NET, covariance) > paper.pooled_error(NET)).all()
    with pytest.raises(ValueError, match="sum of private and public must have full rank"):
        paper.pooled_error(network(2, 5, (1, 1, 8)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: paper.explicit_matrices(NET, 0.5, 0.5, -1), ValueError, "generations must .* -1"),
        (
            lambda: paper.explicit_matrices(NET, 0.5, 0.5, 2.5),  # type: ignore[arg-type]
            TypeError,
            r"generations .* 2\.5",
        ),
        (lambda: paper.squared_errors(NET, np.eye(3)), ValueError, r"covariance .* \(9, 9\)"),
        (lambda: paper.prediction_errors(NET, "C"), TypeError, "covariance must be finite numbers"),
        (
            lambda: paper.estimate_covariance(NET, np.eye(3), 0),
            ValueError,
            r"gain must have .* shape \(9, 12\) .* got shape \(3, 3\)",
        ),
        (
            lambda: paper.estimate_covariance_printed(NET, np.ones((9, 12)), 0),
            ValueError,
            r"conditional must have .* \(9, 9\) .* got shape \(\)",
        ),
        (
            lambda: paper.conditional_matrices(NET, 0.5, 0.5, 2, beta_0=3),
            ValueError,
            r"beta_0 must be a finite number in \[0, 1\], got 3",
        ),
    ],
)
def test_wrong_arguments_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
