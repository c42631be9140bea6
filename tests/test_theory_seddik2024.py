from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autophage as ap
import enumeration
import reference
from autophage.theory import seddik2024 as paper

RNG = np.random.default_rng(2404)


def _random_law(rng: np.random.Generator, tokens: int) -> Any:
    law = rng.dirichlet(np.full(tokens, rng.choice([0.2, 1.0, 5.0])))
    return law / law.sum()


def _l1_from_first(p: list[float], n: int, real: int, generations: int) -> Any:
    """E ||p^(m) - p^(1)||_1 by complete enumeration, and E pi of each model."""
    paths = enumeration.paths(p, ap.PartiallySynthetic(n, real=real), generations)

    def deviations(models: tuple[enumeration.Law, ...]) -> list[float]:
        return [sum(map(abs, np.subtract(model, models[0]))) for model in models]

    def splits(models: tuple[enumeration.Law, ...]) -> list[float]:
        return [paper.even_split(model) for model in models]

    return enumeration.expectation(paths, deviations), enumeration.expectation(paths, splits)


def test_the_module_is_reached_from_the_package() -> None:
    assert ap.theory.seddik2024 is paper
    assert "seddik2024" in dir(ap.theory)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ap.theory.nonsense


class TestClassifier:
    """Equations (1) and (2)."""

    contexts, tokens = RNG.integers(0, 3, 200), RNG.integers(0, 4, 200)

    def test_the_empirical_laws_minimise_the_cross_entropy(self) -> None:
        laws = paper.empirical_laws(self.contexts, self.tokens, 3, 4)
        best = paper.cross_entropy(np.log(laws), self.contexts, self.tokens)
        for _ in range(50):
            nearby = np.log(laws) + RNG.normal(0.0, 0.1, laws.shape)
            assert paper.cross_entropy(nearby, self.contexts, self.tokens) > best

    def test_scores_are_determined_up_to_a_constant_per_context(self) -> None:
        laws = paper.empirical_laws(self.contexts, self.tokens, 3, 4)
        shifted = np.log(laws) + np.array([[700.0], [-800.0], [3.0]])
        best = paper.cross_entropy(np.log(laws), self.contexts, self.tokens)
        assert abs(paper.cross_entropy(shifted, self.contexts, self.tokens) / best - 1.0) < 1e-12

    def test_counting(self) -> None:
        laws = paper.empirical_laws([0, 0, 2], [1, 1, 0], 3, 2)
        np.testing.assert_array_equal(laws, [[0.0, 1.0], [np.nan, np.nan], [1.0, 0.0]])


class TestFullySynthetic:
    """Theorem 1 and proposition 1."""

    @pytest.mark.parametrize("sizes", [[3, 3, 3, 3], [4, 1, 2, 3], [2, 5, 3, 2]])
    def test_equation_6(self, sizes: list[int]) -> None:
        p = [0.5, 0.3, 0.2]
        exact = enumeration.second_moments(p, ap.FullySynthetic(sizes[:3]), 3)["sigma"]
        found = paper.expected_sigma(float(paper.sigma(p)), sizes, [1, 2, 3])
        np.testing.assert_allclose(found, exact, rtol=1e-14)
        assert paper.expected_sigma(0.38, sizes, 0) == 0.38

    def test_equation_6_in_the_far_future(self) -> None:
        later = paper.expected_sigma(0.5, [7, 1000], [10**4, 1])
        np.testing.assert_allclose(
            later, [1.0 - 0.5 * (6 / 7) * 0.999**9999, 1.0 - 0.5 * 6 / 7], rtol=1e-13
        )
        np.testing.assert_allclose(1.0 - paper.expected_sigma(0.5, 10**9, 10**9), 0.5 / np.e)

    def test_equation_7_and_its_sharper_upper_side(self) -> None:
        rng = np.random.default_rng(7)
        sharper = 0
        for _ in range(1500):
            p = _random_law(rng, int(rng.integers(2, 9)))
            fixed = rng.random() < 0.5
            first = int(rng.integers(2, 9))
            sizes = [first] * 8 if fixed else rng.integers(2, 9, 8).tolist()
            exact = enumeration.collapse_probabilities(p, sizes)
            sigma_0, m = float(paper.sigma(p)), np.arange(1, 9)
            lower, upper = paper.collapse_probability_bounds(sigma_0, p.size, sizes, m)
            sharp = paper.collapse_probability_upper_sharp(sigma_0, p.size, sizes, m)
            assert (lower <= exact + 1e-12).all()
            assert (exact <= sharp + 1e-12).all()
            assert (sharp <= upper + 1e-12).all()
            sharper += bool((sharp < upper - 1e-6).any())
        assert sharper > 300

    def test_equation_8_and_its_sharper_lower_side(self) -> None:
        rng = np.random.default_rng(8)
        for _ in range(300):
            p, n = _random_law(rng, int(rng.integers(2, 12))), int(rng.integers(2, 25))
            exact, sigma_0 = enumeration.collapse_time(p, n), float(paper.sigma(p))
            lower, upper = paper.collapse_time_bounds(sigma_0, p.size, n)
            sharp = paper.collapse_time_lower_sharp(sigma_0, p.size, n)
            assert lower - 1e-9 <= sharp <= exact + 1e-9
            assert exact <= upper + 1e-9
            np.testing.assert_allclose(upper, 1.0 + (1.0 - sigma_0) * n * (n - 1))
            np.testing.assert_allclose(lower, 1.0 + (1.0 - sigma_0) * (n - 1) / (1 - 1 / p.size))

    def test_the_smallest_sample_so_far_bounds_the_support(self) -> None:
        found = paper.collapse_probability_upper_sharp(0.1, 10, [2, 9], [1, 2, 3])
        missing = 0.9 * 0.5 * (8 / 9) ** np.arange(3)
        np.testing.assert_allclose(found, 1.0 - 2.0 * missing, rtol=1e-14)

    def test_equation_8_with_varying_sizes_is_the_sum_of_equation_7(self) -> None:
        sizes, later = [4, 9, 2, 6, 5], [4, 9, 2, 6, *[5] * 400]
        m = np.arange(1, len(later) + 1)
        lower, upper = paper.collapse_probability_bounds(0.3, 7, later, m)
        sums = 1.0 + np.sum(1.0 - upper), 1.0 + np.sum(1.0 - lower)
        np.testing.assert_allclose(paper.collapse_time_bounds(0.3, 7, sizes), sums, rtol=1e-12)
        sharp = paper.collapse_probability_upper_sharp(0.3, 7, later, m)
        np.testing.assert_allclose(
            paper.collapse_time_lower_sharp(0.3, 7, sizes), 1.0 + np.sum(1.0 - sharp), rtol=1e-12
        )

    @pytest.mark.parametrize(
        ("tokens", "n", "mean"),
        [(2, 10, 12.5905181977), (3, 50, 79.1994372648), (10, 100, 187.4257379533)],
    )
    def test_known_mean_times_lie_within_equation_8(self, tokens: int, n: int, mean: float) -> None:
        assert abs(enumeration.collapse_time(np.full(tokens, 1.0 / tokens), n) - mean) < 1e-9
        lower, upper = paper.collapse_time_bounds(1.0 / tokens, tokens, n)
        assert lower < mean < upper

    def test_a_sample_of_one_collapses_at_once(self) -> None:
        assert paper.expected_sigma(0.3, [1, 5], [1, 9]).tolist() == [1.0, 1.0]
        assert paper.collapse_time_bounds(0.3, 5, 1) == (1.0, 1.0)
        assert paper.collapse_time_lower_sharp(0.3, 5, 1) == 1.0

    def test_proposition_1(self) -> None:
        n, p = 6, 0.3
        shares = np.arange(n + 1) / n
        ways = np.array([math.comb(n, k) for k in range(n + 1)])
        k = np.arange(n + 1)
        step = ways * shares[:, None] ** k * (1.0 - shares[:, None]) ** (n - k)
        start = ways * p**k * (1.0 - p) ** (n - k)
        ends = start @ np.linalg.matrix_power(step, 2000)
        np.testing.assert_allclose(paper.final_token_law([p, 1.0 - p]), ends[[n, 0]], atol=1e-12)


class TestPartiallySynthetic:
    """Theorem 2."""

    @pytest.mark.parametrize(("n", "real"), [(1, 1), (2, 3), (3, 2), (4, 1)])
    def test_equation_9_repaired_and_the_recursion_of_equation_15(self, n: int, real: int) -> None:
        p = [0.5, 0.3, 0.2]
        paths = enumeration.paths(p, ap.PartiallySynthetic(n, real=real), 3)
        squares = enumeration.expectation(paths, np.square)
        found = paper.partially_synthetic_sigma(0.38, n, real, [1, 2, 3])
        np.testing.assert_allclose(found, squares.sum(axis=1), rtol=1e-13)
        for m in (1, 2, 3):
            tokens = paper.partially_synthetic_token_squares(p, n, real, m)
            np.testing.assert_allclose(tokens, squares[m - 1], rtol=1e-13)

    def test_equation_9_is_wrong_in_print(self) -> None:
        exact = enumeration.second_moments([0.9, 0.1], ap.PartiallySynthetic(20, real=2), 2)
        found = float(paper.partially_synthetic_sigma(0.82, 20, 2, 2))
        assert abs(found - exact["sigma"][1]) < 1e-14
        assert round(found, 5) == 0.91372
        assert round(float(paper.partially_synthetic_sigma_printed(0.82, 20, 2, 2)), 5) == 0.78991

    def test_equation_9_in_large_cases(self) -> None:
        rng = np.random.default_rng(9)
        for _ in range(50):
            n, real = int(rng.integers(1, 10**6)), int(rng.integers(1, 10**6))
            p = _random_law(rng, 5)
            exact = ap.moments(p, ap.PartiallySynthetic(n, real=real), 60).sigma.values
            found = paper.partially_synthetic_sigma(float(paper.sigma(p)), n, real, range(1, 61))
            np.testing.assert_allclose(found, exact, rtol=1e-12)
            limit = paper.partially_synthetic_sigma_limit(float(paper.sigma(p)), n, real)
            assert (found <= limit * (1.0 + 1e-13)).all()

    def test_the_limit_is_reached(self) -> None:
        last = float(paper.partially_synthetic_sigma(0.3, 50, 7, 1000))
        assert abs(last - paper.partially_synthetic_sigma_limit(0.3, 50, 7)) < 1e-15

    @pytest.mark.parametrize("real", [1, 2, 10])
    def test_the_limits_of_many_synthetic_draws(self, real: int) -> None:
        huge = 10**15
        fixed = float(paper.partially_synthetic_sigma(0.3, huge, real, 5))
        assert abs(fixed - paper.many_synthetic_limit(0.3, real)) < 1e-12
        late = paper.partially_synthetic_sigma_limit(0.3, huge, real)
        assert abs(late - paper.many_synthetic_limit(0.3, real, first="generations")) < 1e-12
        if real > 1:  # at N = 1 the wrong term vanishes
            assert abs(fixed - paper.many_synthetic_limit_printed(0.3, real)) > 0.01
            assert abs(late - paper.many_synthetic_limit_printed(0.3, real)) > 0.01


class TestConcentration:
    """Lemma 1 and equations (10), (12), (13)."""

    def test_even_split_against_every_set(self) -> None:
        rng = np.random.default_rng(12)
        for tokens in [1, 2, 3, 5, 8, 9] * 5:
            p = _random_law(rng, tokens)
            sets = itertools.product([0.0, 1.0], repeat=tokens)
            best = max(min(np.dot(a, p), 1.0 - np.dot(a, p)) for a in sets)
            assert abs(paper.even_split(p) - best) < 1e-14

    def test_even_split_of_counts(self) -> None:
        rng = np.random.default_rng(13)
        for _ in range(50):
            counts = rng.integers(0, 30, 7)
            expected = paper.even_split(counts / counts.sum())
            assert abs(paper.even_split_of_counts(counts) - expected) < 1e-14
        assert paper.even_split_of_counts(np.ones(600, dtype=int)) == 0.5
        with pytest.raises(ValueError, match="at most 40 tokens"):
            paper.even_split(np.full(41, 1.0 / 41))

    def test_phi(self) -> None:
        x = np.array([0.01, 0.1, 0.25, 0.4, 0.49])
        np.testing.assert_allclose(paper.phi(x), np.log((1 - x) / x) / (1 - 2 * x), rtol=1e-13)
        assert float(paper.phi(0.5)) == 2.0
        assert abs(float(paper.phi(0.5 - 1e-9)) - 2.0) < 1e-12
        assert (np.diff(paper.phi(np.linspace(0.0, 0.5, 99))) < 0.0).all()

    def test_the_factor_is_not_the_best_known_in_print(self) -> None:
        assert paper.concentration_factor(10, 10) == 1022.0
        assert round(paper.concentration_factor_printed(10, 10)) == 9778

    @pytest.mark.parametrize(
        ("n", "tokens", "case"),
        [
            (10, 600, lambda n, s: paper.C1 * s * math.exp(paper.C0 * n / (2.0 * math.e))),
            (100, 100, lambda n, s: paper.C1 * s * (paper.C0 * n / s) ** (s / 2.0)),
            (100, 10, lambda _, s: 2.0**s - 2.0),
        ],
    )
    def test_the_three_cases(self, n: int, tokens: int, case: Callable[[int, int], float]) -> None:
        expected = case(n, tokens)
        found = paper.concentration_factor_printed(n, tokens)
        assert abs(found / expected - 1.0) < 1e-12
        assert paper.concentration_factor(n, tokens) == min(found, 2.0**tokens - 2.0)

    def test_the_constants(self) -> None:
        assert round(paper.C0, 2) == 3.20  # the paper's "about 3.19" is cut, not rounded
        assert round(paper.C1, 2) == 2.93
        assert paper.concentration_factor(10**6, 10**6) == math.inf

    def test_lemma_1_bounds_exact_probabilities(self) -> None:
        rng = np.random.default_rng(14)
        for _ in range(60):
            p, n = _random_law(rng, int(rng.integers(2, 4))), int(rng.integers(1, 15))
            cases = enumeration.outcomes(tuple(p), n)
            distances = np.array([np.abs(np.array(c) / n - p).sum() for c, _ in cases])
            chances = np.array([chance for _, chance in cases])
            for epsilon in distances[distances > 0.0]:
                exact = chances[distances >= epsilon].sum()
                assert exact <= paper.concentration_bound(p, n, float(epsilon)) + 1e-12


class TestDeviation:
    """Theorems 3 and 4, equations (11) and (19), and the elementary bounds."""

    @pytest.mark.parametrize(("n", "real"), [(1, 1), (2, 3), (3, 2), (1, 6)])
    @pytest.mark.parametrize("p", [[0.4, 0.6], [0.85, 0.1, 0.05]])
    def test_every_bound_holds_and_they_are_ordered(
        self, p: list[float], n: int, real: int
    ) -> None:
        exact, splits = _l1_from_first(p, n, real, 3)
        balance = paper.expected_balance(p, real)
        zeta = paper.zeta(balance, n, real)
        refined = paper.deviation_bound_refined(n, real, len(p), zeta)
        summed = paper.deviation_bound_summed(n, real, len(p), splits[:2])
        assert (splits <= zeta + 1e-12).all()
        assert (exact[1:] <= summed + 1e-12).all()
        assert (summed <= refined + 1e-12).all()
        assert refined <= paper.deviation_bound(n, real, len(p)) + 1e-12
        assert exact.max() <= paper.deviation_bound_elementary(n, real, len(p)) + 1e-12

    def test_expected_balance_by_its_definition(self) -> None:
        p, real = [0.5, 0.3, 0.2], 4
        expected = 0.0
        for counts, chance in enumeration.outcomes(tuple(p), real):
            laws = [sum(counts[i] for i in a) / real for k in range(4) for a in _sets(k)]
            expected += chance * max(x * (1.0 - x) for x in laws)
        assert abs(paper.expected_balance(p, real) - expected) < 1e-14
        with pytest.raises(ValueError, match="at most 200000 empirical laws"):
            paper.expected_balance(np.full(20, 0.05), 100)

    def test_theorem_3_by_hand(self) -> None:
        expected = math.sqrt(math.pi * 10 / 2) / 100 * paper.concentration_factor(10, 600)
        assert abs(paper.deviation_bound(10, 100, 600) / expected - 1.0) < 1e-14
        assert paper.zeta(0.25, 3, 8) == 0.5

    def test_theorem_3_says_nothing_about_its_own_figure(self) -> None:
        p = ap.law_with(52, 0.1)
        models = reference.simulate(
            p, ap.PartiallySynthetic(10, real=100), 30, 200, np.random.default_rng(4)
        )
        truth = np.abs(models[:, -1] - models[:, 0]).sum(axis=1).mean()
        assert 0.05 < truth < 0.15
        assert round(paper.deviation_bound(10, 100, 600), -3) == 25_000.0
        assert truth < paper.deviation_bound_elementary(10, 100, 52) < 0.3

    def test_equation_11_is_sufficient_and_needless(self) -> None:
        allowed = paper.largest_synthetic_sample(0.1, 10**6, 600)
        assert allowed == 3
        assert paper.deviation_bound(allowed, 10**6, 600) < 0.1
        assert paper.largest_synthetic_sample_elementary(0.1, 10**6, 600) == math.inf
        assert round(paper.deviation_bound_elementary(10**18, 10**6, 600), 4) == 0.0173
        assert paper.largest_synthetic_sample(1e-9, 10, 600) == 0

    def test_the_elementary_sample_is_the_largest(self) -> None:
        n = int(paper.largest_synthetic_sample_elementary(0.01, 10**6, 600))
        assert paper.deviation_bound_elementary(n, 10**6, 600) <= 0.01
        assert paper.deviation_bound_elementary(n + 1, 10**6, 600) > 0.01

    def test_the_elementary_bound_rests_on_this_second_moment(self) -> None:
        rng = np.random.default_rng(15)
        for _ in range(100):
            n, real = int(rng.integers(1, 10**5)), int(rng.integers(1, 10**5))
            regime = ap.PartiallySynthetic(n, real=real)
            found = ap.moments(_random_law(rng, 4), regime, 50).l2_to_first.values.max()
            assert found < n / (real * (real + 2.0 * n))


def _sets(size: int) -> list[tuple[int, ...]]:
    return list(itertools.combinations(range(3), size))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: paper.expected_sigma(0.5, 0, 1), "n must be"),
        (lambda: paper.expected_sigma(0.5, 3, -1), "generation must be"),
        (lambda: paper.expected_sigma(1.5, 3, 1), "sigma_0 must be"),
        (lambda: paper.collapse_time_bounds(0.5, 1, 3), "support must be"),
        (lambda: paper.partially_synthetic_sigma(0.5, 3, 0, 1), "real must be"),
        (lambda: paper.phi(0.6), "x must be"),
        (lambda: paper.many_synthetic_limit(0.5, 3, first="m"), "first must be"),  # type: ignore[arg-type]
        (lambda: paper.even_split_of_counts([0, 0]), "counts must"),
        (lambda: paper.largest_synthetic_sample(-0.1, 10, 5), "epsilon must be"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
