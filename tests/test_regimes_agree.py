"""Every regime's simulation: whole paths of small chains, second moments, and the slow reference.

Sizes are chosen to meet every algorithm: labels up to 128 and 2048 draws, pools up to 65,536,
binomials above, draws one by one or token by token, and each change from one to another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autophage as ap
import enumeration
import judge
import reference
from autophage.regimes import Regime

KEY = 0x5EED_0006
Floats = npt.NDArray[np.float64]

SIZES, SHARES = [3, 1, 2, 3], [0.9, 0.2, 0.0, 0.7]
SMALL: list[Regime] = [
    ap.FullySynthetic(3),
    ap.FullySynthetic(SIZES),
    ap.PartiallySynthetic(2, real=3),
    ap.PartiallySynthetic([1, 2, 1, 2], real=[1, 2, 2, 4]),
    ap.MostRecent(3, window=2),
    ap.MostRecent([3, 2, 3, 4], window=3),
    ap.RandomlySampled(3),
    ap.RandomlySampled(SIZES),
    ap.Contaminated(3, alpha=0.4),
    ap.Contaminated(SIZES, alpha=SHARES),
    ap.Accumulate(2),
    ap.Accumulate(SIZES, alpha=SHARES),
    ap.AccumulateSubsample(2),
    ap.AccumulateSubsample(2, replace=True),
    ap.AccumulateSubsample([2, 1, 3], alpha=SHARES),
    ap.AccumulateSubsample([2, 1, 3], replace=True, alpha=SHARES),
    ap.Filtered(ap.Contaminated(3, alpha=0.4), type1=0.3, type2=0.6),
    ap.Filtered(ap.FullySynthetic(SIZES), type1=0.3, type2=0.2),
    ap.Filtered(ap.Contaminated(SIZES, alpha=0.3), type1=0.9, type2=0.05),
    ap.Filtered(ap.Contaminated(3, alpha=0.4), test="likelihood_ratio"),
    ap.Filtered(ap.Contaminated(SIZES, alpha=0.3), test="likelihood_ratio", threshold=0.6),
    ap.Adaptive(3, constant=0.1),
    ap.Adaptive(SIZES, rule="exponential", constant=3.0),
    ap.Filtered(ap.Adaptive(3, constant=0.1), type1=0.3, type2=0.6),
    ap.Filtered(ap.Adaptive(3, constant=0.1), test="likelihood_ratio", threshold=0.7),
]


def fit_of_paths(p: list[float], models: Floats, regime: Regime) -> judge.Fit:
    """Chi-square of whole paths (run, generation, token) against complete enumeration."""
    runs, generations, _ = models.shape
    weights, paths = zip(*enumeration.paths(p, regime, generations), strict=True)
    known, place = np.unique(path_keys(np.array(paths)), return_inverse=True)
    expected = runs * np.bincount(place, weights=np.array(weights))
    keys, counts = np.unique(path_keys(models), return_counts=True)
    strange = np.setdiff1d(keys, known)
    assert strange.size == 0, f"{regime!r}: {strange.size} paths that cannot be"
    observed = np.zeros(len(known))
    observed[np.searchsorted(known, keys)] = counts
    return judge.chi_square(repr(regime), observed, expected, ordered=False)


def path_keys(paths: Floats) -> npt.NDArray[np.uint64]:
    """One number a path (path, generation, token): a random linear form of its counts."""
    rounded = np.rint(paths * 1e9).astype(np.uint64).reshape(len(paths), -1)
    form = np.random.default_rng(1).integers(0, 2**64, rounded.shape[1], dtype=np.uint64)
    return np.asarray((rounded * form).sum(axis=1))


@pytest.mark.parametrize("p", [[0.3, 0.7], [0.5, 0.3, 0.2]], ids=["two", "three"])
def test_whole_paths_follow_complete_enumeration(p: list[float]) -> None:
    fits = []
    for i, regime in enumerate(SMALL):
        heavy = len(p) == 3 or isinstance(regime, ap.AccumulateSubsample)
        generations, runs = (3, 500_000) if heavy else (4, 400_000)
        found = ap.simulate(
            ap.Categorical(p), regime, runs=runs, generations=generations, rng=KEY + i, record=["p"]
        )
        fits.append(fit_of_paths(p, found.p.values, regime))
    judge.accept_family(fits)


LARGE: list[Regime] = [
    ap.FullySynthetic(100),
    ap.FullySynthetic(400),
    ap.FullySynthetic([300, 60, 1024, 1024, 1500, 130, 100, 3000]),
    ap.FullySynthetic([10**6, 10**5, 10**7, 2**33, 10**6, 10**6, 10**6, 10**6]),
    ap.PartiallySynthetic(20, real=100),
    ap.PartiallySynthetic(
        [10, 40, 200, 9, 9, 3000, 50, 50], real=[5, 9, 9, 50, 150, 2500, 2500, 9000]
    ),
    ap.PartiallySynthetic(10**6, real=[10, 10**4, 10**4, 10**6, 10**6, 10**7, 10**7, 10**7]),
    ap.MostRecent(10, window=3),
    ap.MostRecent(101, window=4),
    ap.MostRecent([200, 20, 3000, 40, 40, 40, 1000, 1000], window=3),
    ap.MostRecent(10**6 + 1, window=2),
    ap.MostRecent(700, window=5),
    ap.RandomlySampled(10),
    ap.RandomlySampled(2048),
    ap.RandomlySampled(10_000),
    ap.RandomlySampled([200, 200, 20, 200, 3000, 40, 40, 40]),
    ap.Contaminated(20, alpha=0.1),
    ap.Contaminated([8, 300, 8, 3000, 20, 20, 10**6, 50], alpha=[1, 0.3, 0, 0.5, 0.1, 0.9, 0.2, 0]),
    ap.Accumulate(50),
    ap.Accumulate([20, 300, 5, 3000, 70_000, 9, 9, 10**6], alpha=[0, 0.1, 0.3, 0, 0.2, 1.0, 0, 0]),
    ap.Accumulate(10_000, alpha=0.05),
    ap.AccumulateSubsample(50),
    ap.AccumulateSubsample(50, replace=True, alpha=0.1),
    ap.AccumulateSubsample([20, 300, 5, 3000, 70_000, 9, 9, 10**6], alpha=0.1),
    ap.AccumulateSubsample([20, 300, 5, 3000, 70_000, 9, 9, 10**6], replace=True),
    ap.AccumulateSubsample([10**6, 30, 30, 3000, 30, 10**5, 130, 9]),
    ap.Filtered(ap.Contaminated(20, alpha=0.3), type1=0.2, type2=0.3),
    ap.Filtered(ap.Contaminated(20, alpha=0.1), type1=0.4, type2=0.05),
    ap.Filtered(
        ap.Contaminated([8, 300, 8, 3000, 20, 20, 10**6, 50], alpha=0.3), type1=0.2, type2=0.5
    ),
    ap.Filtered(ap.FullySynthetic(10**6), type1=0.2, type2=3e-5),
]  # fmt: skip
LAWS = {
    "skew": [0.0, 0.6, 0.25, 0.1, 0.0, 0.05],
    "many": (np.arange(1, 301) / np.arange(1, 301).sum()).tolist(),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("regime", LARGE, ids=repr)
def test_second_moments_are_the_exact_ones(regime: Regime, law: str) -> None:
    p, generations = LAWS[law], 8
    runs = 20_000 if law == "skew" else 2_000
    found = simulated_moments(p, regime, runs, generations)
    judge_moments(found, ap.moments(p, regime, generations), runs, f"{regime!r}, {law}")


MOMENTS = ("sigma", "l2_to_truth", "l2_to_first")


def simulated_moments(p: Any, regime: Regime, runs: int, generations: int) -> Any:
    return ap.simulate(
        ap.Categorical(p), regime, runs=runs, generations=generations, rng=KEY,
        record=MOMENTS, reduce="mean",
    )  # fmt: skip


def judge_moments(found: Any, exact: Any, runs: int, name: str) -> None:
    for record in MOMENTS:
        error = np.sqrt(found[f"{record}_variance"].values / runs)
        judge.accept_moments(
            f"{record}, {name}", found[record].values, exact[record].values, error, rounding=1e-15
        )


COMPARED: list[Regime] = [
    *(regime for regime in LARGE if "real=[10, 10000" not in repr(regime)),
    ap.Filtered(ap.Contaminated(30, alpha=0.3), test="likelihood_ratio"),
    ap.Filtered(
        ap.Contaminated([50, 300, 8, 3000, 20, 20, 10**6, 50], alpha=0.3),
        test="likelihood_ratio",
        threshold=0.9,
    ),
    ap.Adaptive(30, constant=0.005),
    ap.Adaptive([300, 30, 8, 3000, 20, 20, 10**6, 50], rule="exponential", constant=40.0),
    ap.Filtered(ap.Adaptive(30, constant=0.005), type1=0.2, type2=0.5),
    ap.Filtered(
        ap.Adaptive([50, 300, 8, 3000], rule="exponential", constant=40.0), test="likelihood_ratio"
    ),
]


def features(models: Floats, p: Floats) -> dict[str, Floats]:
    """Numbers (run, generation) that between them feel every part of the law of a path."""
    before = np.concatenate([models[:, :1], models[:, :-1]], axis=1)
    return {
        "first token": models[:, :, 1],
        "last token": models[:, :, -1],
        "support": (models > 0).sum(axis=2).astype(float),
        "sigma": np.square(models).sum(axis=2),
        "step": np.square(models - before).sum(axis=2),
        "from generation 1": np.square(models - models[:, :1]).sum(axis=2),
        "from the truth": np.abs(models - p).sum(axis=2),
    }


def compare(name: str, first: Floats, second: Floats) -> judge.Fit:
    """Two samples of one number, in cells of its quantiles."""
    both = np.concatenate([first, second]).round(12)
    edges = np.unique(np.quantile(both, np.linspace(0.0, 1.0, 41), method="lower"))
    cells = [
        np.bincount(np.searchsorted(edges, x.round(12), side="right"), minlength=len(edges) + 1)
        for x in (first, second)
    ]
    return judge.two_samples(name, *cells)


@pytest.mark.parametrize("regime", COMPARED, ids=repr)
def test_distributions_are_those_of_the_reference(regime: Regime) -> None:
    p, runs, generations = LAWS["skew"], 20_000, 8
    if isinstance(regime, ap.Filtered) and getattr(regime.regime, "rule", "") == "exponential":
        generations = 4
    slow = 400 if "replace=False" in repr(regime) else 4000  # those are drawn run by run
    rng = np.random.default_rng(KEY)
    expected = features(reference.simulate(p, regime, generations, slow, rng), np.array(p))
    found = ap.simulate(
        ap.Categorical(p), regime, runs=runs, generations=generations, rng=KEY, record=["p"]
    )
    observed = features(found.p.values, np.array(p))
    judge.accept_family(
        [
            compare(f"{name}, generation {t + 1}", observed[name][:, t], expected[name][:, t])
            for name in observed
            for t in range(generations)
        ]
    )


def test_the_judges_refuse_a_neighbouring_regime() -> None:
    p = [0.5, 0.3, 0.2]
    study: dict[str, Any] = {"runs": 20_000, "generations": 3, "rng": KEY, "record": ["p"]}
    found = ap.simulate(ap.Categorical(p), ap.MostRecent(3, window=2), **study).p.values
    judge.accept(fit_of_paths(p, found, ap.MostRecent(3, window=2)))
    with pytest.raises(AssertionError, match="degrees of freedom"):
        judge.accept(fit_of_paths(p, found, ap.MostRecent(3, window=3)))
    skew, right, wrong = LAWS["skew"], ap.AccumulateSubsample(50), ap.AccumulateSubsample(50, True)
    moments = simulated_moments(skew, right, 20_000, 8)
    with pytest.raises(AssertionError, match=r"z = .*expected"):
        judge_moments(moments, ap.moments(skew, wrong, 8), 20_000, "wrong")
