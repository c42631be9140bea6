from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, Literal

import mpmath
import numpy as np
import pytest

import autophage as ap
import enumeration
import reference
from autophage.theory import contaminated2026 as paper

P = [0.4, 0.3, 0.2, 0.1]
V = 0.7
UNIFORM = [0.25] * 4
SIZES, SHARES = [3, 1, 2, 3], [0.9, 0.2, 0.0, 0.7]
Rule = Literal["reciprocal", "exponential"]


def _enumerated(regime: Any, generations: int = 4) -> Any:
    """The risk by complete enumeration, over v."""
    p = [0.3, 0.7]
    return enumeration.second_moments(p, regime, generations)["l2_to_truth"] / 0.42


class TestRisk:
    """Theorem 3.1, remark 3.3, corollary 3.2, proposition 3.4 and corollary 3.6."""

    def test_total_variance(self) -> None:
        assert abs(float(paper.total_variance(P)) - V) < 1e-15
        np.testing.assert_allclose(paper.total_variance([P, UNIFORM]), [V, 0.75], rtol=1e-15)
        assert float(paper.total_variance([0.0, 1.0])) == 0.0

    @pytest.mark.parametrize(("n", "alpha"), [(3, 0.4), (SIZES, SHARES), (2, 1.0), (SIZES, 0.0)])
    def test_theorem_3_1(self, n: Any, alpha: Any) -> None:
        exact = _enumerated(ap.Contaminated(n, alpha=alpha))
        np.testing.assert_allclose(paper.risk(1.0, n, alpha, 4), exact, rtol=1e-13)

    def test_remark_3_3(self) -> None:
        for n, alpha in itertools.product([1, 2, 20], [0.0, 0.1, 0.5, 1.0]):
            reached = paper.risk(V, n, alpha, 5000)[-1]
            assert abs(paper.risk_limit(V, n, alpha) / reached - 1.0) < 1e-12
            right = V / (n - (n - 1) * (1.0 - alpha) ** 2)
            assert abs(paper.risk_limit(V, n, alpha) / right - 1.0) < 1e-13

    def test_corollary_3_2(self) -> None:
        rng = np.random.default_rng(32)
        shares = rng.uniform(0.2, 1.0, 300)
        assert paper.risk(V, 20, shares, 300)[200:].max() < paper.risk_limit(V, 20, 0.2)
        slowly = np.ceil(np.log(np.arange(2, 30_002))) ** 2
        late = paper.risk(V, slowly, 0.2, 30_000)[[100, -1]]
        assert late[1] < late[0] / 4.0
        assert paper.risk(V, 10.0 * np.arange(1, 10_001), 0.2, 10_000)[-1] < 1e-4

    def test_proposition_3_4_part_1_is_sharp(self) -> None:
        rng = np.random.default_rng(34)
        for _ in range(200):
            n, alpha = int(rng.integers(2, 50)), float(rng.uniform(0.05, 1.0))
            previous = float(rng.uniform(0.001, V))
            border = paper.improving_sample_size(V, previous, alpha)
            if n == border:
                continue
            new = (1.0 - alpha) ** 2 * (1.0 - 1.0 / n) * previous + V / n
            assert (new < previous) == (n > border)
        with pytest.raises(ValueError, match="without fresh data"):
            paper.improving_sample_size(V, 0.1, 0.0)

    @pytest.mark.parametrize(("growth", "share"), [(10.0, 0.5), (3.0, 1.0), (50.0, 0.2)])
    def test_the_border_of_proposition_3_4_part_2(self, growth: float, share: float) -> None:
        t = np.arange(1, 400_001)
        late = paper.risk(V, growth * t, share / t, t.size)[-1]
        assert abs(late / paper.decaying_share_limit(V, growth, share) - 1.0) < 0.01
        beyond = paper.risk(V, growth * t**1.5, share / t, t.size)[-1]
        assert beyond < late / 10.0

    def test_corollary_3_6(self) -> None:
        exact = _enumerated(ap.FullySynthetic(SIZES))
        np.testing.assert_allclose(paper.synthetic_risk(1.0, SIZES, 4), exact, rtol=1e-13)
        assert paper.synthetic_risk(V, [5, 1, 9], 9)[-1] == V
        small = paper.synthetic_risk(V, 2.0**60, 3)
        np.testing.assert_allclose(small, V * np.array([1, 2, 3]) / 2.0**60, rtol=1e-15)
        t = np.arange(1, 200_001)
        assert paper.synthetic_risk(V, 2.0 * t, t.size)[-1] > 0.99 * V  # linear growth collapses
        for n in (1, 2, 10, 1000):
            limit = paper.synthetic_risk_limit_quadratic(V, n)
            assert abs(paper.synthetic_risk(V, n * t**2, t.size)[-1] / limit - 1.0) < 1e-5

    def test_the_product_limit_keeps_its_digits(self) -> None:
        with mpmath.workdps(40):
            for n in (1, 2, 9, 10, 11, 1e3, 1e8, 4e18):
                x = mpmath.pi / mpmath.sqrt(n)
                exact = float(1 - mpmath.sin(x) / x)
                assert abs(paper.accumulated_risk_limit(1.0, n) / exact - 1.0) < 1e-14


class TestAccumulation:
    """Theorem A.1, propositions 3.7 and 3.8."""

    @pytest.mark.parametrize(("n", "alpha"), [(2, 0.0), (SIZES, 0.0), (SIZES, SHARES), (2, 1.0)])
    def test_theorem_a_1(self, n: Any, alpha: Any) -> None:
        exact = _enumerated(ap.Accumulate(n, alpha=alpha))
        np.testing.assert_allclose(paper.accumulated_risk(1.0, n, alpha, 4), exact, rtol=1e-13)

    @pytest.mark.parametrize("n", [2, 5, 10, 100])
    def test_proposition_3_7(self, n: int) -> None:
        path = paper.accumulated_risk(V, n, 0.0, 100_000)
        limit = paper.accumulated_risk_limit(V, n)
        assert abs(path[-1] / limit - 1.0) < 2e-5
        lower, upper = paper.accumulated_risk_limit_bounds(V, n)
        assert lower < limit < upper
        assert (np.diff(path[:1000]) > 0.0).all()  # from the first step on, not "eventually"

    def test_proposition_3_8(self) -> None:
        rng = np.random.default_rng(38)
        t = np.arange(1, 20_001)
        growths = [
            t,
            t**2,
            2.0 ** np.minimum(t, 60),
            np.ones(t.size),
            rng.integers(1, 99, t.size),
        ]
        for sizes in growths:
            sizes = sizes.astype(float)
            sizes[0] = rng.integers(2, 9)
            path = paper.accumulated_risk(V, sizes, 0.0, t.size)
            assert (np.diff(path) >= 0.0).all()
            assert (np.diff(path[:20]) > 0.0).all()
            assert path[0] < path[-1] < min(V, 2.0 * path[0])
            for known in (1, 2, 10):
                lower, upper = paper.accumulated_limit_bracket(V, sizes[:known])
                assert lower == path[known - 1]
                assert path[-1] <= upper * (1.0 + 1e-12)

    def test_the_bracket_is_nearly_reached_by_single_draws(self) -> None:
        path = paper.accumulated_risk(V, [1000, *[1] * 200_000], 0.0, 200_001)
        assert path[-1] > 0.99 * paper.accumulated_limit_bracket(V, 1000)[1]


class TestFilter:
    """Theorem D.2, remark D.3 and the detectors of section 3."""

    @pytest.mark.parametrize(("n", "alpha"), [(3, 0.4), (SIZES, SHARES), (4, 0.0)])
    @pytest.mark.parametrize(("type1", "type2"), [(0.3, 0.6), (0.0, 1.0), (0.9, 0.05)])
    def test_theorem_d_2(self, n: Any, alpha: Any, type1: float, type2: float) -> None:
        regime = ap.Filtered(ap.Contaminated(n, alpha=alpha), type1=type1, type2=type2)
        found = paper.filtered_risk(1.0, n, alpha, type1, type2, 4)
        np.testing.assert_allclose(found, _enumerated(regime), rtol=1e-12)

    def test_a_filter_that_keeps_all_is_no_filter(self) -> None:
        found = paper.filtered_risk(V, 20, SHARES, 0.0, 1.0, 9)
        np.testing.assert_allclose(found, paper.risk(V, 20, SHARES, 9), rtol=1e-14)

    def test_the_mean_field_form_is_off(self) -> None:
        arguments = (V, 20, 0.1, 0.4, 0.05)
        right, printed = (
            paper.filtered_risk_limit(*arguments),
            paper.filtered_risk_limit_mean_field(*arguments),
        )
        assert (round(right, 4), round(printed, 4)) == (0.4263, 0.3688)
        assert abs(paper.filtered_risk(*arguments, 2000)[-1] / right - 1.0) < 1e-12
        assert abs(paper.filtered_risk_mean_field(*arguments, 2000)[-1] / printed - 1.0) < 1e-12
        near = paper.filtered_risk(V, 10**6, *arguments[2:], 50)
        np.testing.assert_allclose(
            paper.filtered_risk_mean_field(V, 10**6, *arguments[2:], 50), near, rtol=1e-3
        )

    def test_simulation_decides_between_them(self) -> None:
        regime = ap.Filtered(ap.Contaminated(20, alpha=0.1), type1=0.4, type2=0.05)
        models = reference.simulate(P, regime, 25, 4000, np.random.default_rng(2))
        last = np.square(models[:, -1] - P).sum(axis=1)
        error = last.std() / math.sqrt(last.size)
        assert abs(last.mean() - paper.filtered_risk(V, 20, 0.1, 0.4, 0.05, 25)[-1]) < 5.0 * error
        mean_field = paper.filtered_risk_mean_field(V, 20, 0.1, 0.4, 0.05, 25)[-1]
        assert abs(last.mean() - mean_field) > 5.0 * error

    def test_filtering_can_hurt(self) -> None:
        assert round(paper.filtered_risk_limit(V, 20, 0.3, 0.2, 0.3), 4) == 0.1035
        assert round(paper.risk_limit(V, 20, 0.3), 4) == 0.0655

    def test_the_two_detectors_differ(self) -> None:
        type1, type2 = paper.likelihood_ratio_errors(P, UNIFORM)
        share = float(paper.filtered_real_share(0.3, type1, type2))
        agnostic = share * np.array(P) + (1.0 - share) * np.array(UNIFORM)
        real_test = paper.likelihood_ratio_kept_law(P, UNIFORM, 0.3)
        assert round(float(np.square(agnostic - P).sum()), 4) == 0.0195
        assert round(float(np.square(real_test - P).sum()), 4) == 0.0961
        kept = float(paper.kept_share(0.3, type1, type2))
        assert abs(kept - 0.56) < 1e-15  # the same share kept by both
        assert (
            abs(paper.oracle_real_share(0.3, type1, paper.total_variation(P, UNIFORM)) - share)
            < 1e-14
        )

    @pytest.mark.parametrize(
        ("n", "k"),
        [
            (1, 0.3), (2, 0.5), (5, 1e-9), (5, 1.0), (59, 1.0), (60, 1.0), (60, 0.999999),
            (61, 0.98), (100, 0.6), (100, 0.599), (1000, 0.0599), (10**6, 59e-6), (10**6, 61e-6),
            (2**53 + 1, 1e-15), (2**62, 1.2e-17), (2**62, 1.4e-17), (2**62, 0.5), (2**62, 5e-324),
        ],
    )  # fmt: skip
    def test_mean_inverse_kept_to_forty_digits(self, n: int, k: float) -> None:
        with mpmath.workdps(40):
            q = 1 - mpmath.mpf(k)
            mean = n * mpmath.mpf(k)
            if mean > 1e6:  # E[1/M] = 1/m (1 + q/m + ..)
                exact = (1 + q / mean) / mean
            else:
                spread = 60 * int(mpmath.sqrt(mean) + 1)
                m = max(1, int(mean) - spread)
                weight, total, inverse = mpmath.mpf(1), mpmath.mpf(0), mpmath.mpf(0)
                while m <= min(n, int(mean) + spread) and weight > 0:
                    total, inverse = total + weight, inverse + weight / m
                    weight *= mpmath.mpf(n - m) * k / (q * (m + 1)) if q else 0
                    m += 1
                exact = inverse / total if q else 1 / mpmath.mpf(n)
            assert abs(float(paper.mean_inverse_kept(n, k)) / exact - 1) < 1e-14

    def test_mean_inverse_kept_is_smooth_where_the_method_changes(self) -> None:
        shares = np.linspace(0.0599, 0.0601, 401)
        values = paper.mean_inverse_kept(1000, shares)
        assert np.abs(np.diff(values, 3)).max() < 1e-12
        assert (np.diff(values) < 0.0).all()

    def test_nothing_kept_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="nothing is ever kept"):
            paper.filtered_risk(V, 20, 0.0, 0.2, 0.0, 5)
        with pytest.raises(ValueError, match="nothing is ever kept"):
            paper.likelihood_ratio_kept_law([0.5, 0.5], [0.0, 1.0], 0.0, threshold=1.5)


class TestNeymanPearson:
    @pytest.mark.parametrize("seed", range(20))
    def test_no_detector_is_below_the_curve(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        p, q = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
        p[0] = 0.0
        p /= p.sum()
        for kept in itertools.product([False, True], repeat=6):
            mask = np.array(kept)
            type1, type2 = p[~mask].sum(), q[mask].sum()
            assert type2 >= paper.neyman_pearson_type2(p, q, min(type1, 1.0)) - 1e-12

    def test_likelihood_ratio_tests_lie_on_the_curve(self) -> None:
        rng = np.random.default_rng(5)
        for threshold in (0.3, 1.0, 2.0):
            p, q = rng.dirichlet(np.ones(8)), rng.dirichlet(np.ones(8))
            type1, type2 = paper.likelihood_ratio_errors(p, q, threshold)
            assert abs(float(paper.neyman_pearson_type2(p, q, type1)) - type2) < 1e-12
            if threshold == 1.0:
                assert abs(type1 + type2 - 1.0 + paper.total_variation(p, q)) < 1e-12

    def test_the_oracle_is_not_free_to_choose_its_error(self) -> None:
        corner, _ = paper.likelihood_ratio_errors(P, UNIFORM)
        variation = paper.total_variation(P, UNIFORM)
        for type1, free in [(corner, True), (0.1, False), (0.6, False)]:
            best = float(paper.neyman_pearson_type2(P, UNIFORM, type1))
            assert (abs(best - (1.0 - type1 - variation)) < 1e-12) == free
            assert best >= 1.0 - type1 - variation - 1e-12

    def test_ends_of_the_curve(self) -> None:
        type1, type2 = paper.neyman_pearson_curve([0.5, 0.5, 0.0], [0.0, 0.2, 0.8])
        assert (type1[0], type2[0], type1[-1], type2[-1]) == (0.0, 1.0, 1.0, 0.0)
        assert (np.diff(type1) >= 0.0).all()
        assert (np.diff(type2) <= 0.0).all()
        assert (
            abs(float(paper.neyman_pearson_type2([0.5, 0.5, 0.0], [0.0, 0.2, 0.8], 0.0)) - 0.2)
            < 1e-15
        )


class TestAdaptive:
    """Proposition E.1."""

    @pytest.mark.parametrize(("rule", "constant"), [("reciprocal", 0.02), ("exponential", 20.0)])
    def test_the_bound_holds_from_anywhere(self, rule: Rule, constant: float) -> None:
        c = paper.adaptive_constant(rule, constant)
        for n in (2, 10, 1000):
            late = paper.adaptive_risk(V, n, rule, constant, 2000)[-100:]
            assert late.max() <= paper.adaptive_risk_bound(V, n, c) * (1.0 + 1e-12)
        growing = paper.adaptive_risk(V, np.arange(1, 5001), rule, constant, 5000)
        assert growing[-1] <= paper.adaptive_risk_bound(V, math.inf, c) + V / 5000
        x = np.linspace(1e-6, 2.0, 10_000)
        kept = x * (1.0 - paper.adaptive_real_share(x, rule, constant)) ** 2
        assert kept.max() <= c * (1.0 + 1e-12)
        assert kept.max() > 0.999 * c  # the constant is the least one

    def test_the_run_itself_follows_another_law(self) -> None:
        regime = ap.Adaptive(10, constant=0.02)
        models = reference.simulate(P, regime, 12, 40_000, np.random.default_rng(6))
        last = np.square(models[:, -1] - P).sum(axis=1)
        error = last.std() / math.sqrt(last.size)
        expected = paper.adaptive_risk(V, 10, "reciprocal", 0.02, 12)[-1]
        assert round(float(expected), 4) == 0.088
        assert abs(last.mean() - 0.0873) < 5.0 * error
        assert (expected - last.mean()) > 2.0 * error

    def test_a_model_on_target_needs_no_fresh_data(self) -> None:
        assert float(paper.adaptive_real_share(0.0, "reciprocal", 0.1)) == 0.0
        assert float(paper.adaptive_real_share(0.0, "exponential", 0.1)) == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: paper.risk(1.5, 3, 0.5, 2), "variance must be"),
        (lambda: paper.risk(V, [3, 0], 0.5, 2), "n must be"),
        (lambda: paper.risk(V, 3, [0.5, math.nan], 2), "alpha must be"),
        (lambda: paper.risk(V, 3, 0.5, 0), "generations must be"),
        (lambda: paper.risk_limit(V, 0.5, 0.5), "n must be"),
        (lambda: paper.kept_share(0.5, 1.5, 0.0), "type1 must be"),
        (lambda: paper.mean_inverse_kept(0, 0.5), "n must be"),
        (lambda: paper.total_variation([0.5, 0.5], [1.0]), "same tokens"),
        (lambda: paper.likelihood_ratio_errors(P, UNIFORM, 0.0), "threshold must be"),
        (lambda: paper.adaptive_risk_bound(V, 3, -1.0), "c must be"),
        (lambda: paper.adaptive_real_share(0.1, "reciprocal", 0.0), "constant must be"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
