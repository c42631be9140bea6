from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autophage as ap
from autophage.theory import webdynamics2025 as paper
from judge import Z_LIMIT
from mixture_samples import accept_means, separated, simulated, squares, z

Floats = npt.NDArray[np.float64]

WIDE = np.array([[0.5, 0.3, 0.2], [0.3, 0.4, 0.3], [0.35, 0.3, 0.35]])
RATES = np.array([[0.1], [0.08], [0.06], [0.05], [0.04], [0.03]])
POSTS = np.array([[1, 0, 2]] * 6)


# Small networks of which no weight reaches zero: by their schedules, priors and first posts.
NETWORKS = {
    "plain": separated(WIDE, rate=0.1),
    "two components": separated([[0.7, 0.3], [0.4, 0.6]], rate=0.1),
    "shared": separated(WIDE, rate=0.1, shared_reading=True),
    "shared, as far as each goes": separated(
        WIDE, rate=[0.1, 0.05, 0.2], read=[0.3, 1.0, 0.6], shared_reading=True
    ),
    "all read": separated(WIDE, rate=0.05, posts=2, read=1.0),
    "first posts": separated(
        WIDE, rate=0.05, read=0.7, first_posts=[-1.0, 0.5, 39.0, 41.0, 80.0, 81.0, 79.0]
    ),
    "schedules": separated(WIDE, rate=RATES, posts=POSTS, read=[0.2, 0.9, 0.5]),
    "a prior": separated(WIDE, rate=0.03, prior=0.04),
    "a prior, shared": separated(WIDE, rate=0.03, prior=0.04, read=0.4, shared_reading=True),
}
GENERATIONS = 6


@pytest.fixture(scope="module", params=NETWORKS)
def study(request: pytest.FixtureRequest) -> tuple[str, ap.MixtureNetwork, Floats]:
    net = NETWORKS[request.param]
    weights = simulated(net, 20_000, GENERATIONS, 11)
    assert (weights > 0.0).all()  # nothing is clipped
    return request.param, net, weights


class TestSeparated:
    """Means and second moments against simulation: the formulas claim to be exact."""

    def test_means(self, study: tuple[str, ap.MixtureNetwork, Floats]) -> None:
        name, net, weights = study
        accept_means(name, weights, paper.mean_dynamics(net, GENERATIONS))

    def test_squared_distances(self, study: tuple[str, ap.MixtureNetwork, Floats]) -> None:
        name, net, weights = study
        exact = paper.squared_distances(net, GENERATIONS)
        accept_means(name, squares(weights), exact)
        accept_means(name, squares(weights).sum(axis=(2, 3)), exact.sum(axis=(1, 2)))

    def test_one_generation_is_the_closed_form(self) -> None:
        net = NETWORKS["first posts"]
        schedule = net.schedule(1)
        share = (np.array([2.0, 2.0, 3.0]) + WIDE.sum(axis=0)) / int(schedule.pool[0])
        reads, found = int(schedule.reads[0, 0]), paper.mean_dynamics(net, 1)[1]
        for w, after in zip(WIDE, found, strict=True):
            closed = paper.separated_mean(w, share, reads, rate=0.05)
            np.testing.assert_allclose(closed, after, rtol=0, atol=1e-15)
            step = w
            for _ in range(reads):
                step = step + paper.weight_drift(step, share, rate=0.05)
            np.testing.assert_allclose(closed, step, rtol=0, atol=1e-15)

    def test_nothing_random_leaves_the_squares_of_the_means(self) -> None:
        # Posts of one component only; models of one rate and share would hide terms in c.
        net = separated(
            WIDE, rate=[0.05, 0.1, 0.2], prior=0.05, posts=0, read=[0.3, 1.0, 0.6],
            first_posts=np.zeros(4),
        )  # fmt: skip
        means = paper.mean_dynamics(net, 3)
        run = simulated(net, 1, 3, 1)[0]
        np.testing.assert_allclose(run, means, rtol=0, atol=1e-14)
        assert (run > 0.0).all()
        exact = squares(means[None])[0]
        np.testing.assert_allclose(paper.squared_distances(net, 3), exact, rtol=0, atol=1e-14)

    def test_faults_are_seen(self) -> None:
        # Of the same sample that the right forms pass.
        net = NETWORKS["all read"]
        sample = squares(simulated(net, 20_000, GENERATIONS, 11)).sum(axis=(2, 3))[:, -1]
        other = {
            "one order for all": separated(WIDE, rate=0.05, posts=2, read=1.0, shared_reading=True),
            "a rate off by 2 percent": separated(WIDE, rate=0.051, posts=2, read=1.0),
            "one post too few": separated(WIDE, rate=0.05, posts=2, read=0.99),
        }
        for wrong in other.values():
            faulty = float(paper.squared_distances(wrong, GENERATIONS)[-1].sum())
            assert z(sample, faulty) > Z_LIMIT


class TestOnePool:
    """One reading of one pool that is given: E ||w_i - w_j||^2 and what its parts are for."""

    RUNS, POOL = 20_000, 600

    def reading(self, rate: float, prior: float = 0.0) -> Floats:
        posts = np.repeat([0.0, 40.0], [240, 360])
        net = separated(
            [[0.5, 0.5], [0.3, 0.7]], rate=rate, prior=prior, posts=0, read=1.0, first_posts=posts
        )
        return squares(simulated(net, self.RUNS, 1, 5)[:, 1])[:, 0, 1]

    @pytest.mark.parametrize(("rate", "prior"), [(1 / 150, 0.0), (0.02, 0.0), (0.02, 0.05)])
    def test_agrees(self, rate: float, prior: float) -> None:
        sample, start = self.reading(rate, prior), 0.08
        share, size = [0.4, 0.6], self.POOL
        exact = paper.expected_squared_distance(start, share, size, size, rate=rate, prior=prior)
        accept_means("one reading", sample, exact)
        left, kept = (1 - rate) ** size, rate / (2 - rate)
        spread = 2 * 0.48 / (1 - 2 * prior) ** 2
        pool = size / (size - 1)
        b1, b2 = 1 - left, kept * (1 - left**2)
        assert exact == pytest.approx(left**2 * start + (b2 - b1**2 / size) * pool * spread)
        faults = {
            "b2 without 1 / (2 - a)": (rate * (1 - left**2) - b1**2 / size) * pool * spread,
            "no finite pool": b2 * spread,
            "the prior twice": (b2 - b1**2 / size) * pool * spread / (1 - 0.1) ** 2,
            "one model's noise": (b2 - b1**2 / size) * pool * spread / 2,
        }
        for name, wrong in faults.items():
            assert z(sample, wrong) > Z_LIMIT, name

    def test_the_factor_of_a_finite_pool(self) -> None:
        # Of the floor of a large pool; .519 and .835 are the first factor, without L/(L-1).
        for rate, factor in ((1 / 150, 0.5192), (0.02, 0.8350)):
            share, size = [0.5, 0.5], self.POOL
            found = paper.expected_squared_distance(0.0, share, size, size, rate=rate)
            floor = paper.distance_floor(2, share, rate=rate) / 2
            assert found / floor == pytest.approx(factor * 600 / 599, abs=1e-4)

    def test_large_pools(self) -> None:
        share, rate = [0.2, 0.3, 0.5], 0.05
        for prior in (0.0, 0.1):
            floor = paper.distance_floor(4, share, rate=rate, prior=prior) / 12
            endless = paper.expected_squared_distance(
                1.0, share, float("inf"), 2000, rate=rate, prior=prior
            )
            assert endless == pytest.approx(floor, rel=1e-12)
        two = paper.distance_floor(3, [0.3, 0.7], rate=rate, prior=0.1)
        assert two == pytest.approx(4 * 3 * 2 * rate / (2 - rate) * 0.21 / 0.8**2)
        assert paper.expected_squared_distance(0.3, [0, 0, 1], 1, 1, rate=rate) == pytest.approx(
            0.3 * 0.95**2
        )


class TestTheClaim:
    """Claim (5), that ||D_t||_F goes to zero in probability, is false for a fixed rate."""

    RUNS, LAST, RATE = 2000, 240, 0.05

    def squared_norms(self, **options: Any) -> Floats:
        net = separated(
            [[0.8, 0.2], [0.5, 0.5], [0.3, 0.7]], **({"rate": self.RATE, "read": 0.1} | options)
        )
        weights = simulated(net, self.RUNS, self.LAST, 3)
        self.exact = paper.squared_distances(net, self.LAST).sum(axis=(1, 2))
        self.reads = int(net.schedule(self.LAST).reads[:, 0].sum())
        return np.asarray(squares(weights).sum(axis=(2, 3)))

    def test_the_distance_stays_at_its_floor(self) -> None:
        found = self.squared_norms()
        late = [60, 120, self.LAST]
        accept_means("E ||D||^2", found[:, late], self.exact[late])
        floor = paper.distance_floor(3, [0.5, 0.5], rate=self.RATE)
        assert (self.exact[late] > 0.6 * floor).all()
        assert self.exact[late[2]] > 0.97 * self.exact[late[0]]
        printed = float(paper.expected_distance_printed(1.2, self.reads, rate=self.RATE))
        assert printed < 1e-100
        assert z(np.sqrt(found[:, -1]), printed) > 30.0
        # In probability: a quarter of the floor is exceeded as often as the bound says, and more.
        bound = (self.exact[-1] - floor / 16) / 12
        share = float((found[:, -1] > floor / 16).mean())
        assert share > max(bound, 0.8)

    def test_means_do_what_the_proof_says_of_distances(self) -> None:
        # Equation (10): E (w_i - w_j) does go to zero.
        net = separated([[0.8, 0.2], [0.3, 0.7]], rate=self.RATE)
        gap = np.ptp(paper.mean_dynamics(net, self.LAST)[:, :, 0], axis=1)
        reads = net.schedule(self.LAST).reads[:, 0].cumsum()
        np.testing.assert_allclose(gap[1:], 0.5 * 0.95**reads, rtol=1e-9, atol=1e-15)

    def test_shared_reading_has_no_floor(self) -> None:
        found = self.squared_norms(shared_reading=True)
        assert found[:, -1].max() < 1e-20
        assert found[:, 40].max() < 1e-3 * found[0, 0]
        start = np.sqrt(found[0, 0])
        reads = separated(WIDE, rate=0.05, read=0.1).schedule(40).reads[:, 0].sum()
        printed = paper.expected_distance_printed(start, int(reads), rate=self.RATE)
        np.testing.assert_allclose(np.sqrt(found[:, 40]), printed, rtol=1e-6)

    def test_a_decaying_rate_has_none(self) -> None:
        found = self.squared_norms(rate=lambda t: 1 / (t + 10))
        late = [60, 120, self.LAST]
        accept_means("E ||D||^2", found[:, late], self.exact[late])
        assert self.exact[late[2]] < 0.6 * self.exact[late[1]] < 0.4 * self.exact[late[0]]

    def test_rates_of_their_own(self) -> None:
        rates = [0.02, 0.05, 0.1]
        posts = np.repeat([0.0, 40.0], 10_000)
        net = separated([[0.5, 0.5]] * 3, rate=rates, posts=0, read=0.05, first_posts=posts)
        floor = paper.distance_floor(3, [0.5, 0.5], rate=rates)
        found = squares(simulated(net, 4000, 1, 8)[:, 1]).sum(axis=(1, 2))
        assert paper.squared_distances(net, 1)[1].sum() == pytest.approx(floor, rel=2e-3)
        accept_means("floor", found, paper.squared_distances(net, 1)[1].sum())
        assert z(found, paper.distance_floor(3, [0.5, 0.5], rate=0.05)) > Z_LIMIT


class TestExtinction:
    def test_drift(self) -> None:
        w = np.array([0.2, 0.3, 0.5])
        for c in (0.0, 0.1):
            own = paper.weight_drift(w, w, rate=0.1, prior=c)
            np.testing.assert_allclose(paper.consensus_drift(w, rate=0.1, prior=c), own, atol=1e-16)
            fixed = paper.fixed_weights(w, prior=c)
            assert fixed.sum() == pytest.approx(1.0)
            rest = paper.weight_drift(np.clip(fixed, 0, 1), w, rate=0.1, prior=c)
            np.testing.assert_allclose(rest, 0.0, atol=1e-16)
        below = paper.consensus_drift(w, rate=0.1, prior=0.1) < 0
        np.testing.assert_array_equal(below, w < 1 / 3)

    def test_growth_is_that_of_the_mean(self) -> None:
        options: dict[str, Any] = {"rate": [0.02, 0.1], "prior": 0.1, "posts": [1, 3]}
        net = separated([[0.3, 0.3, 0.4]] * 2, **options)
        gap = paper.mean_dynamics(net, 30)[:, :, 2] - 1 / 3
        growth = paper.consensus_growth(net, 30)
        np.testing.assert_allclose(growth, gap / gap[0], rtol=1e-12)
        assert (np.diff(growth[1:], axis=0) > 0).all()

    @pytest.mark.parametrize("weight", [0.004, 0.03, 0.5])
    def test_a_weight_dies_when_the_posts_say(self, weight: float) -> None:
        # All posts are of the other component: nothing is random.
        rate, prior = 0.05, 0.02
        posts = paper.posts_to_extinction(weight, rate=rate, prior=prior, components=2)
        for count, dead in ((int(posts) - 1, False), (int(posts), True)):
            net = separated(
                [[weight, 1 - weight]], rate=rate, prior=prior, posts=0, read=1.0,
                first_posts=np.full(count, 40.0),
            )  # fmt: skip
            last = simulated(net, 1, 1, 1)[0, 1, 0]
            assert (last[0] == 0.0) == dead
        for c, start, never in ((0.0, weight, np.inf), (0.0, 0.0, 0.0), (0.02, 0.0, 0.0)):
            assert paper.posts_to_extinction(start, rate=rate, prior=c, components=2) == never

    def test_the_share_at_a_vertex(self) -> None:
        # a = .02, 600 rounds: from near 0 without a prior to near 1 at .2.
        shares = []
        for prior in (0.0, 0.05, 0.2):
            net = separated([[0.5, 0.5]] * 3, rate=0.02, prior=prior, read=0.1)
            last = simulated(net, 60, 600, 2)[:, -1]
            shares.append(float(((last > 0).sum(axis=2) == 1).all(axis=1).mean()))
        assert shares[0] == 0.0
        assert shares[1] < 0.5
        assert shares[2] > 0.8


def refused() -> dict[str, tuple[Any, str]]:
    law = [0.5, 0.5]
    return {
        "off the simplex": (
            lambda: paper.separated_mean([0.5, 0.6], law, 1, rate=0.1),
            "weights must be a law",
        ),
        "two laws": (lambda: paper.fixed_weights([law, law]), "share must be one law"),
        "sizes": (
            lambda: paper.weight_drift(law, [0.2, 0.3, 0.5], rate=0.1),
            "share must have 2 entries, as weights has, got 3",
        ),
        "sizes of laws": (
            lambda: paper.one_step_mean(law, [1.0], [0, 1], rate=0.1),
            "posting must have 2 entries",
        ),
        "means": (
            lambda: paper.one_step_mean(law, law, [0, 1, 2], rate=0.1),
            "means must have 2 rows, one a component, got 3",
        ),
        "covariance": (
            lambda: paper.one_step_mean(law, law, [0, 1], -1.0, rate=0.1),
            "covariance must be positive definite, got -1",
        ),
        "its size": (
            lambda: paper.one_step_mean(law, law, [0, 1], np.eye(2), rate=0.1),
            "covariance must have 1 rows",
        ),
        "rate": (lambda: paper.consensus_drift(law, rate=1.0), r"rate must be .* in \(0, 1\)"),
        "rates": (
            lambda: paper.distance_floor(3, law, rate=[0.1, 0.2]),
            "rate must be a number, or one for each of 3 models, got 2",
        ),
        "prior": (
            lambda: paper.fixed_weights(law, prior=0.5),
            "prior must be below 1/2 for 2 components, got 0.5",
        ),
        "reads": (
            lambda: paper.expected_squared_distance(0.0, law, 10, 11, rate=0.1),
            r"reads must be an integer in \[0, 10\], got 11",
        ),
        "zeros": (lambda: paper.approach_rates([0.0, 1.0], [0, 1]), "share must be"),
    }


def refused_of_counts() -> dict[str, tuple[Any, str]]:
    law = [0.5, 0.5]
    return {
        "half a post": (
            lambda: paper.expected_squared_distance(0.0, law, 1.5, 1, rate=0.1),
            "pool must be a whole number of posts, or infinity, got 1.5",
        ),
        "posts split": (
            lambda: paper.expected_squared_distance(0.0, [0.3, 0.7], 2, 1, rate=0.1),
            r"share times pool must be whole numbers of posts, got 0.3 at index \[0\] times 2",
        ),
        "no components": (
            lambda: paper.posts_to_extinction(0.1, rate=0.1, prior=0.1, components=0),
            r"components must be an integer in \[1, .*\], got 0",
        ),
    }


REFUSED = refused() | refused_of_counts()


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_arguments_are_refused(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        call()


NO_NETWORK: list[Any] = [3, None, ap.Categorical([0.5, 0.5])]


@pytest.mark.parametrize("value", NO_NETWORK, ids=repr)
@pytest.mark.parametrize(
    "formula",
    [
        paper.squared_distances,
        paper.mean_field,
        paper.mean_dynamics,
        paper.consensus_growth,
    ],
)
def test_what_is_no_network_is_named(formula: Any, value: Any) -> None:
    with pytest.raises(TypeError, match="network must be a MixtureNetwork, got"):
        formula(value, 4)


def test_wrong_kinds_are_named() -> None:
    pools: Any = np.array([1.0, 2.0])
    with pytest.raises(TypeError, match=r"pool must be .*, got an array of shape \(2,\)"):
        paper.expected_squared_distance(0.1, [0.5, 0.5], pools, 1, rate=0.1)
    half: Any = 2.5
    with pytest.raises(TypeError, match=r"components must be an integer in .*, got 2\.5"):
        paper.posts_to_extinction(0.1, rate=0.1, prior=0.1, components=half)
