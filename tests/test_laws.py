"""The simulated chain against its exact law: collapse times, final tokens, means, dead tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autophage as ap
import judge
from autophage.law import CollapseLaw
from autophage.regimes import Regime

RUNS = 1_000_000
KEY = 0x5EED_0001
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def uniform(tokens: int) -> Floats:
    return np.full(tokens, 1.0 / tokens)


def zipf(tokens: int) -> Floats:
    weights = 1.0 / np.arange(1, tokens + 1)
    return np.asarray(weights / weights.sum())


# Every algorithm of the fully synthetic chain has cases: labels up to n = 128, binomials above, the
# table of two tokens, and schedules that change between them.
CASES: dict[str, tuple[Any, Any]] = {
    "n 1, uniform over 5": (uniform(5), 1),
    "n 2, uniform over 2": (uniform(2), 2),
    "n 2, skew": ([0.9, 0.1], 2),
    "n 2, zeros at both ends": ([0.0, 0.25, 0.75, 0.0], 2),
    "n 5, uniform over 10": (uniform(10), 5),
    "n 5, skew": ([0.97, 0.02, 0.01], 5),
    "n 5, 2, 9, 3, 3, ...": (uniform(3), [5, 2, 9, 3]),
    "n 10, uniform over 2": (uniform(2), 10),
    "n 10, uniform over 50": (uniform(50), 10),
    "n 10, skew": ([0.7, 0.2, 0.1], 10),
    "n 10, zeros between": ([0.0, 0.5, 0.0, 0.3, 0.2, 0.0], 10),
    "n 10, collapsed": ([0.0, 1.0, 0.0], 10),
    "n 20, Zipf over 100": (zipf(100), 20),
    "n 20, three tokens": ([0.5, 0.3, 0.2], 20),
    "n 40, 7, 20, 20, ...": ([0.6, 0.4], [40, 7, 20]),
    "n 30, uniform over 30": (uniform(30), 30),
    "n 30, skew": ([0.9, 0.06, 0.04], 30),
    "n 50, two tokens": ([0.3, 0.7], 50),
    "n 100, 10, 150, 50, 50, ...": ([0.5, 0.25, 0.25], [100, 10, 150, 50]),
    "n 100, uniform over 4": (uniform(4), 100),
    "n 100, two tokens": ([0.8, 0.2], 100),
    "n 128, three tokens": ([0.7, 0.2, 0.1], 128),
    "n 129, three tokens": ([0.7, 0.2, 0.1], 129),
    "n 300, skew": ([0.9, 0.07, 0.03], 300),
}


@dataclass(frozen=True)
class Sample:
    """Runs of one case: how often each collapse time and each final token came."""

    times: Counts
    tokens: Counts
    mean: float


def sample(p: Any, n: Any, runs: int, key: int) -> Sample:
    """Simulate one case until every run is absorbed."""
    found = ap.simulate(ap.Categorical(p), ap.FullySynthetic(n), runs=runs, rng=key)
    times, tokens = found.collapse_time.values, found.final_token.values
    assert times.min() >= 1
    assert tokens.min() >= 0
    return Sample(np.bincount(times), np.bincount(tokens, minlength=len(p)), times.mean())


def fit_of_times(name: str, times: Counts, law: CollapseLaw) -> judge.Fit:
    """The chi-square test of counts of times 0, 1, 2, ... against an exact law."""
    runs = int(times.sum())
    expected = runs * np.append(law.pmf(np.arange(len(times))), law.sf(len(times) - 1))
    return judge.chi_square(name, np.append(times, 0), expected)


@pytest.fixture(scope="module")
def samples() -> dict[str, Sample]:
    """The set that S1 is about; a minute or two on two cores."""
    return {name: sample(p, n, RUNS, KEY + i) for i, (name, (p, n)) in enumerate(CASES.items())}


class TestCollapseTimes:
    def test_follow_the_exact_law(self, samples: dict[str, Sample]) -> None:
        assert len(CASES) >= 24
        judge.accept_family(
            [
                fit_of_times(name, samples[name].times, ap.collapse_law(p, n))
                for name, (p, n) in CASES.items()
            ]
        )

    def test_have_no_common_bias(self, samples: dict[str, Sample]) -> None:
        laws = [ap.collapse_law(p, n) for p, n in CASES.values()]
        errors = np.sqrt([float(law.variance) / RUNS for law in laws])
        errors[errors < 1e-12] = 0.0
        exact = np.array([float(law.mean) for law in laws])
        exact[errors == 0.0] = np.round(exact[errors == 0.0], 9)
        judge.accept_relative_bias([samples[name].mean for name in CASES], exact, errors)
        # What this sum can see: a relative bias of 1e-3 would stand at z = 6 or more.
        assert abs(judge.relative_bias_z(exact * 1.001, exact, errors)) >= 6.0

    def test_by_context_and_by_histogram_are_the_same_times(self) -> None:
        p = np.array([[0.5, 0.3, 0.2], [0.2, 0.0, 0.8]])
        n = [[20, 30], [10, 30]]
        study: dict[str, Any] = {"runs": 200_000, "rng": KEY}
        found = ap.simulate(ap.Categorical(p), ap.FullySynthetic(n), reduce="histogram", **study)
        law = ap.collapse_law(p, n)
        later = np.arange(1, found.sizes["generation"] + 1)
        for c in range(2):
            expected = 200_000 * np.append(law.pmf(later)[:, c], law.sf(later[-1])[c])
            observed = np.append(found.collapse_time.values[:, c], found.not_reached.values[c])
            judge.accept(judge.chi_square(f"context {c}", observed, expected))

    def test_with_a_horizon_stop_there(self) -> None:
        model, regime = ap.Categorical([0.5, 0.3, 0.2]), ap.FullySynthetic(20)
        found = ap.simulate(
            model, regime, runs=200_000, generations=25, rng=KEY, reduce="histogram"
        )
        law = ap.collapse_law(model, 20)
        expected = 200_000 * np.append(law.pmf(np.arange(1, 26)), law.sf(25))
        observed = np.append(found.collapse_time.values, found.not_reached.values)
        judge.accept(judge.chi_square("25 generations", observed, expected))


class TestFinalTokens:
    def test_follow_p(self, samples: dict[str, Sample]) -> None:
        fits = []
        for name, (p, _) in CASES.items():
            law = np.asarray(p, dtype=float)
            fits.append(judge.chi_square(name, samples[name].tokens, RUNS * law, ordered=False))
            share, error = samples[name].tokens / RUNS, np.sqrt(law * (1.0 - law) / RUNS)
            judge.accept_moments(name, share, law, error)
        judge.accept_family(fits)


UNBIASED: list[Regime] = [
    ap.FullySynthetic(7),
    ap.FullySynthetic([300, 20, 2500, 40, 1500, 130]),
    ap.PartiallySynthetic([10, 40, 200, 9, 9, 3000], real=[5, 9, 9, 50, 150, 2500]),
    ap.MostRecent(11, window=3),
    ap.MostRecent([200, 20, 3000, 40, 40, 40], window=2),
    ap.RandomlySampled(9),
    ap.RandomlySampled([200, 20, 3000, 40, 40, 40]),
    ap.Contaminated([8, 300, 8, 3000, 20, 20], alpha=[1.0, 0.3, 0.0, 0.5, 0.1, 0.9]),
    ap.Accumulate([20, 300, 5, 3000, 70_000, 9], alpha=[0.0, 0.1, 0.3, 0.0, 0.2, 1.0]),
    ap.AccumulateSubsample([20, 300, 5, 3000, 70_000, 9], alpha=0.1),
    ap.AccumulateSubsample([20, 300, 5, 3000, 70_000, 9], replace=True),
    ap.Filtered(ap.Contaminated([8, 300, 8, 3000, 20, 20], alpha=0.3), type1=0.2, type2=0.5),
]


@pytest.mark.parametrize("regime", UNBIASED, ids=repr)
def test_every_model_is_p_in_the_mean(regime: Regime) -> None:
    p, runs = np.array([0.0, 0.6, 0.25, 0.1, 0.0, 0.05]), 20_000
    found = ap.simulate(
        ap.Categorical(p), regime, runs=runs, generations=6, rng=KEY, record=["p"], reduce="mean"
    )
    error = np.sqrt(found.p_variance.values / runs)
    judge.accept_moments(repr(regime), found.p.values, np.broadcast_to(p, (6, 6)), error)
    assert (found.p_variance.values[:, p > 0] > 0).all()


NEUTRAL = ap.FullySynthetic([300, 20, 2500, 40, 1500, 130])
DRAWN: list[Regime] = [*UNBIASED, ap.Adaptive([30, 300, 2500, 9, 9, 9], constant=0.01)]
DRAWN.append(ap.Filtered(ap.Contaminated(100, alpha=0.4), test="likelihood_ratio", threshold=0.8))
DEAD = {
    "first": [0.0, 0.0, 0.5, 0.3, 0.2],
    "last": [0.5, 0.3, 0.2, 0.0, 0.0],
    "all but one": [0.0, 0.0, 1.0, 0.0, 0.0],
    "beside the smallest": [0.0, 5e-324, 1.0, 1e-300, 0.0],
}


class TestDeadTokens:
    def drawn(self, p: Any, regime: Regime, runs: int, generations: int) -> int:
        """Draw and return how many draws that were, once no dead token has been seen."""
        study: dict[str, Any] = {"runs": runs, "generations": generations, "rng": KEY}
        found = ap.simulate(
            ap.Categorical(p), regime, record=["p", "support"], reduce="mean", **study
        )
        dead = np.asarray(p) < 1e-200
        assert not found.p_sum.values[:, dead].any(), f"dead tokens drawn: {found.p.values}"
        assert (found.support.values <= np.count_nonzero(~dead)).all()
        return runs * int(found["n"].values.sum())

    @pytest.mark.parametrize("where", DEAD)
    def test_never_come(self, where: str) -> None:
        # Small n are drawn one by one from a table, larger ones by binomials: some of each.
        total = self.drawn(DEAD[where], ap.FullySynthetic(100), 100_000, 2)
        total += self.drawn(DEAD[where], ap.FullySynthetic(128), 40_000, 3)
        total += sum(self.drawn(DEAD[where], regime, 200, 6) for regime in DRAWN)
        assert total >= 25_000_000  # four places: 1e8

    def test_never_come_in_a_large_vocabulary(self) -> None:
        p = np.zeros(5000)
        p[1::7] = zipf(len(p[1::7]))
        found = ap.simulate(
            ap.Categorical(p), ap.FullySynthetic(1000), runs=2000, generations=2, rng=KEY,
            record=["p"], reduce="mean",
        )  # fmt: skip
        assert not found.p_sum.values[:, p == 0.0].any()


class TestFirstGenerations:
    """Draws from p alone: tables for few draws, binomials over the support for many."""

    @pytest.mark.parametrize("n", [1, 10, 128, 129, 1000, 10**5, 10**9, 2**31 + 1, 2**53 + 1])
    @pytest.mark.parametrize("tokens", [2, 5, 200])
    def test_have_the_moments_of_a_multinomial(self, n: int, tokens: int) -> None:
        p, runs = zipf(tokens)[::-1], 4000
        found = ap.simulate(
            ap.Categorical(p), ap.FullySynthetic(n), runs=runs, generations=1, rng=KEY,
            record=["p", "l2_to_truth"],
        )  # fmt: skip
        models = found.p.values[:, 0]
        variance = p * (1.0 - p) / n
        name = f"n = {n}, {tokens} tokens"
        judge.accept_moments(name, models.mean(axis=0), p, np.sqrt(variance / runs))
        often = n * p * runs >= 1000  # else the errors estimated below say little
        pairs = (models - p)[:, -1:] * (models - p)
        error = pairs.std(axis=0, ddof=1) / np.sqrt(runs)
        expected = -p[-1] * p / n + np.where(np.arange(tokens) == tokens - 1, p[-1] / n, 0.0)
        judge.accept_moments(
            f"covariances, {name}", pairs.mean(axis=0)[often], expected[often], error[often]
        )
        risk = found.l2_to_truth.values[:, 0]
        error = risk.std(ddof=1) / np.sqrt(runs)
        judge.accept_moments(f"risk, {name}", risk.mean(), variance.sum(), error)

    @pytest.mark.parametrize(("n", "rare"), [(10**9, 1e-9), (2**62, 1e-17), (2**40, 1e-13)])
    def test_rare_tokens_come_as_often_as_they_should(self, n: int, rare: float) -> None:
        from scipy import stats

        p = np.concatenate([[0.6 - 100 * rare, 0.4], np.full(100, rare)])
        found = ap.simulate(
            ap.Categorical(p), ap.FullySynthetic(n), runs=2000, generations=1, rng=KEY, record=["p"]
        )
        counts = np.rint(found.p.values[:, 0, 2:] * n).astype(int)
        assert (np.abs(counts / n - found.p.values[:, 0, 2:]) <= 1e-15 * counts / n).all()
        cells = np.bincount(counts.ravel())
        law = stats.poisson(n * rare) if n > 2**53 else stats.binom(n, rare)
        chance = np.append(law.pmf(np.arange(len(cells))), law.sf(len(cells) - 1))
        judge.accept(judge.chi_square(f"{n}", np.append(cells, 0), counts.size * chance))


def test_the_judge_refuses_a_wrong_law_and_a_law_too_good() -> None:
    law = ap.collapse_law([0.5, 0.3, 0.2], 20)
    times = np.bincount(law.sample(200_000, rng=1))
    judge.accept(fit_of_times("right", times, law))
    with pytest.raises(AssertionError, match="observed"):
        judge.accept(fit_of_times("wrong n", times, ap.collapse_law([0.5, 0.3, 0.2], 21)))
    with pytest.raises(AssertionError, match="impossible cells"):
        judge.accept(judge.chi_square("lost", [5, 5, 1], [5.0, 6.0, 0.0]))
    exact = 200_000 * np.append(law.pmf(np.arange(len(times))), 0.0)
    exact[-1] = 200_000 - exact.sum()
    with pytest.raises(AssertionError, match="too good"):
        judge.accept(fit_of_times("too good", np.rint(exact[:-1]).astype(int), law))
