from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import autophage as ap
import enumeration
import reference
from autophage.moments import moments
from autophage.regimes import Regime

NAMES = ("sigma", "l2_to_truth", "l2_to_first")
SIZES, SHARES = [3, 1, 2, 3, 2], [0.9, 0.2, 0.0, 0.7, 0.5]
Z_LIMIT = 5.0

EXACT: list[Regime] = [
    ap.FullySynthetic(3),
    ap.FullySynthetic(SIZES),
    ap.PartiallySynthetic(2, real=3),
    ap.PartiallySynthetic([1, 2, 1, 2, 1], real=[1, 2, 2, 4, 5]),
    ap.PartiallySynthetic([1, 2, 1, 2, 1], real=[2, 2, 3, 3, 3]),
    ap.MostRecent(3, window=1),
    ap.MostRecent(3, window=2),
    ap.MostRecent(SIZES, window=2),
    ap.MostRecent([3, 2, 3, 4, 3], window=3),
    ap.MostRecent(3, window=9),
    ap.RandomlySampled(3),
    ap.RandomlySampled(SIZES),
    ap.Contaminated(3, alpha=0.4),
    ap.Contaminated(SIZES, alpha=SHARES),
    ap.Accumulate(2),
    ap.Accumulate(SIZES),
    ap.Accumulate(SIZES, alpha=SHARES),
    ap.AccumulateSubsample(2),
    ap.AccumulateSubsample(2, replace=True),
    ap.AccumulateSubsample(SIZES, alpha=SHARES),
    ap.AccumulateSubsample(SIZES, replace=True, alpha=SHARES),
    ap.AccumulateSubsample([1, 2, 1, 1, 2], alpha=[0.0, 0.5, 0.3, 0.1, 0.2]),
    ap.Filtered(ap.Contaminated(3, alpha=0.4), type1=0.3, type2=0.6),
    ap.Filtered(ap.Contaminated(SIZES, alpha=SHARES), type1=0.3, type2=0.6),
    ap.Filtered(ap.FullySynthetic(SIZES), type1=0.3, type2=0.6),
]
SIMULATED_ONLY: list[Regime] = [
    ap.Adaptive(3, constant=0.1),
    ap.Adaptive(SIZES, rule="exponential", constant=3.0),
    ap.Filtered(ap.Contaminated(3, alpha=0.4), test="likelihood_ratio"),
    ap.Filtered(ap.Contaminated(SIZES, alpha=0.3), test="likelihood_ratio", threshold=0.6),
    ap.Filtered(ap.Adaptive(3, constant=0.1), type1=0.3, type2=0.6),
]


def _values(dataset: Any) -> dict[str, Any]:
    return {name: dataset[name].values for name in NAMES}


@pytest.mark.parametrize("regime", EXACT, ids=repr)
@pytest.mark.parametrize(
    ("p", "generations"), [([0.3, 0.7], 4), ([0.5, 0.3, 0.2], 3)], ids=["two", "three"]
)
def test_moments_equal_complete_enumeration(
    regime: Regime, p: list[float], generations: int
) -> None:
    if isinstance(regime, ap.AccumulateSubsample):
        generations = 3
    expected = enumeration.second_moments(p, regime, generations)
    found = _values(moments(p, regime, generations))
    for name in NAMES:
        np.testing.assert_allclose(
            found[name], expected[name], rtol=1e-12, atol=1e-14, err_msg=name
        )


@pytest.mark.parametrize("regime", [r for r in EXACT if isinstance(r, ap.MostRecent)], ids=repr)
def test_a_window_that_has_moved_on(regime: Regime) -> None:
    expected = enumeration.second_moments([0.3, 0.7], regime, 5)
    found = _values(moments([0.3, 0.7], regime, 5))
    for name in NAMES:
        np.testing.assert_allclose(
            found[name], expected[name], rtol=1e-12, atol=1e-14, err_msg=name
        )


@pytest.mark.parametrize("regime", EXACT + SIMULATED_ONLY, ids=repr)
def test_enumeration_is_a_law_and_only_contamination_biases_it(regime: Regime) -> None:
    paths = enumeration.paths([0.3, 0.7], regime, 3)
    assert abs(sum(weight for weight, _ in paths) - 1.0) < 1e-13
    mean = enumeration.expectation(paths, lambda models: models)
    if not (isinstance(regime, ap.Filtered) and regime.test == "likelihood_ratio"):
        first_only = isinstance(regime, ap.Adaptive) or (
            isinstance(regime, ap.Filtered) and isinstance(regime.regime, ap.Adaptive)
        )
        unbiased = mean[:1] if first_only else mean
        np.testing.assert_allclose(
            unbiased, np.broadcast_to([0.3, 0.7], unbiased.shape), atol=1e-14
        )


@pytest.mark.parametrize("regime", EXACT + SIMULATED_ONLY, ids=repr)
def test_the_reference_simulation_follows_the_enumerated_law(regime: Regime) -> None:
    p, generations, runs = [0.3, 0.7], 3, 20_000
    rng = np.random.default_rng(20240508)
    models = reference.simulate(p, regime, generations, runs, rng)
    assert models.shape == (runs, generations, 2)
    expected = enumeration.second_moments(p, regime, generations)
    paths = enumeration.paths(p, regime, generations)
    observed = enumeration.squares(p, models)
    observed["first token"], expected["first token"] = models[:, :, 0], _mean_of_first_token(paths)
    observed["product"] = models[:, :1, 0] * models[:, :, 0]
    expected["product"] = np.array(
        [sum(w * m[0][0] * m[t][0] for w, m in paths) for t in range(generations)]
    )
    for name, values in observed.items():
        error = values.std(axis=0, ddof=1) / np.sqrt(runs)
        gap = np.abs(values.mean(axis=0) - expected[name])
        assert (gap <= Z_LIMIT * error + 1e-12).all(), f"{name}: gaps {gap}, errors {error}"


def _mean_of_first_token(paths: list[enumeration.Path]) -> Any:
    return np.array([sum(w * m[t][0] for w, m in paths) for t in range(len(paths[0][1]))])


def test_a_wrong_regime_is_noticed_by_the_same_comparison() -> None:
    rng = np.random.default_rng(1)
    models = reference.simulate([0.3, 0.7], ap.MostRecent(3, window=2), 3, 20_000, rng)
    expected = enumeration.second_moments([0.3, 0.7], ap.MostRecent(3, window=3), 3)["sigma"]
    sigma = enumeration.squares([0.3, 0.7], models)["sigma"]
    z = (sigma.mean(axis=0) - expected) / (sigma.std(axis=0) / np.sqrt(20_000))
    assert abs(z[-1]) > Z_LIMIT


def _rational_window(
    p: list[Fraction], sizes: list[int], window: int
) -> list[tuple[Fraction, Fraction, Fraction]]:
    """MostRecent from the Gram matrix C_ab = E <p^(a), p^(b)> in exact arithmetic."""
    square = sum((x * x for x in p), Fraction(0))
    gram = {(0, 0): square}
    rows = []
    for m, n in enumerate(sizes, start=1):
        known = range(max(0, m - window), m)
        each, extra = divmod(n, len(known))
        weight = {t: Fraction(each + (t >= m - extra), n) for t in known}
        for b in range(m):
            gram[m, b] = gram[b, m] = sum((w * gram[t, b] for t, w in weight.items()), Fraction(0))
        mixed = sum((w * gram[m, t] for t, w in weight.items()), Fraction(0))
        noise = sum((w * (1 - gram[t, t]) / n for t, w in weight.items()), Fraction(0))
        gram[m, m] = mixed + noise
        moved = gram[m, m] - 2 * gram[1, m] + gram[1, 1]
        rows.append((gram[m, m], gram[m, m] - square, moved))
    return rows


@pytest.mark.parametrize("window", [1, 3, 7, 30])
def test_windows_against_the_gram_matrix_in_exact_arithmetic(window: int) -> None:
    sizes = [10 + 7 * (t % 4) for t in range(30)]
    p = [Fraction(1, 2), Fraction(3, 8), Fraction(1, 8)]
    expected = np.array(_rational_window(p, sizes, window), dtype=float).T
    found = _values(moments([0.5, 0.375, 0.125], ap.MostRecent(sizes, window=window), 30))
    for name, values in zip(NAMES, expected, strict=True):
        np.testing.assert_allclose(found[name], values, rtol=1e-13, err_msg=name)


def test_tiny_distances_keep_their_digits() -> None:
    sizes = [2**60, 2**58 + 1, 2**61, 2**60]
    expected = np.array(_rational_window([Fraction(1, 2)] * 2, sizes, 3), dtype=float).T
    found = _values(moments([0.5, 0.5], ap.MostRecent(sizes, window=3), 4))
    for name, values in zip(NAMES, expected, strict=True):
        np.testing.assert_allclose(found[name], values, rtol=1e-14, err_msg=name)


def test_a_little_synthetic_data_beside_much_real_data_keeps_its_digits() -> None:
    n, real, generations = 3, 2**50, 20
    kept = Fraction(n, n + real)
    d, moved = Fraction(1, real), Fraction(0)  # of E |p^(m) - p|^2 and E |p^(m) - p^(1)|^2, over v
    expected = []
    for _ in range(2, generations + 1):
        d_new = (1 - kept**2) * Fraction(1, real) + kept**2 * (d + (1 - d) / n)
        moved, d = kept**2 * (moved + (1 - d) / n), d_new
        expected.append((float(d), float(moved)))
    found = moments([0.5, 0.5], ap.PartiallySynthetic(n, real=real), generations)
    want = np.array(expected).T
    np.testing.assert_allclose(2 * found.l2_to_truth.values[1:], want[0], rtol=1e-14)
    np.testing.assert_allclose(2 * found.l2_to_first.values[1:], want[1], rtol=1e-14)


def test_nearly_collapsed_laws_keep_their_digits() -> None:
    rare = 2.0**-40
    found = moments([1.0 - rare, rare], ap.FullySynthetic(8), 2)
    variance = 2 * Fraction(rare) * (1 - Fraction(rare))
    np.testing.assert_allclose(
        found.l2_to_truth.values, [float(variance / 8), float(variance * 15 / 64)], rtol=1e-15
    )


@pytest.mark.parametrize("regime", EXACT, ids=repr)
def test_a_short_study_is_the_start_of_a_long_one(regime: Regime) -> None:
    long = moments([0.3, 0.7], regime, 5)
    for generations in (1, 2):
        short = moments([0.3, 0.7], regime, generations)
        for name in NAMES:
            np.testing.assert_array_equal(short[name].values, long[name].values[:generations])


@pytest.mark.parametrize("regime", EXACT, ids=repr)
def test_a_point_mass_stays(regime: Regime) -> None:
    found = moments([0.0, 1.0, 0.0], regime, 5)
    assert (found.sigma.values == 1.0).all()
    assert not found.l2_to_truth.values.any()
    assert not found.l2_to_first.values.any()


def test_long_studies_tend_to_their_limits() -> None:
    p, v, generations = [0.4, 0.3, 0.2, 0.1], 0.7, 500
    assert abs(moments(p, ap.FullySynthetic(5), generations).sigma.values[-1] - 1.0) < 1e-14
    limit = v / (20 - 19 * 0.49)
    found = moments(p, ap.Contaminated(20, alpha=0.3), generations).l2_to_truth.values[-1]
    assert abs(found / limit - 1.0) < 1e-12
    apart = moments(p, ap.MostRecent(10, window=1), generations)
    np.testing.assert_allclose(
        apart.sigma, moments(p, ap.FullySynthetic(10), generations).sigma, rtol=1e-13
    )
    wide = moments(p, ap.MostRecent(10, window=500), generations).sigma.values
    assert wide[-1] < apart.sigma.values[-1]


def test_contexts_have_their_own_law_and_schedule() -> None:
    p = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    n = np.array([[3, 5, 2, 3], [4, 5, 2, 1], [7, 5, 2, 3]])
    alpha = np.array([[0.0, 0.1, 0.2, 0.3]] * 3)
    together = moments(p, ap.Contaminated(n, alpha=alpha), 3)
    assert together.sigma.dims == ("generation", "context")
    assert together.generation.values.tolist() == [1, 2, 3]
    for c in range(4):
        alone = moments(p[c], ap.Contaminated(n[:, c], alpha=alpha[:, c]), 3)
        assert alone.sigma.dims == ("generation",)
        for name in NAMES:
            np.testing.assert_array_equal(together[name].values[:, c], alone[name].values)


def test_blocks_of_columns_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    p = np.random.default_rng(3).dirichlet(np.ones(5), size=7)
    n = np.arange(2, 9) * np.ones((12, 1), dtype=np.int64)
    whole = moments(p, ap.MostRecent(n, window=4), 12)
    monkeypatch.setattr(sys.modules["autophage.moments"], "_BLOCK_BYTES", 1)
    for name in NAMES:
        blocks = moments(p, ap.MostRecent(n, window=4), 12)[name].values
        np.testing.assert_array_equal(blocks, whole[name].values)


def test_models_with_labels_and_callables_are_understood() -> None:
    model = ap.Categorical([[0.5, 0.5], [0.1, 0.9]], context_labels=["a", "b"])
    found = moments(model, ap.FullySynthetic(lambda t: 2 * t), 3)
    assert found.context.values.tolist() == ["a", "b"]
    expected = moments([0.1, 0.9], ap.FullySynthetic([2, 4, 6]), 3)
    np.testing.assert_array_equal(found.sigma.sel(context="b"), expected.sigma)


@pytest.mark.parametrize(
    ("regime", "words"),
    [
        (ap.Adaptive(3, constant=0.1), "run's own distance"),
        (ap.Filtered(ap.Adaptive(3, constant=0.1), type1=0.3, type2=0.6), "run's own distance"),
        (ap.Filtered(ap.Contaminated(3, alpha=0.4), test="likelihood_ratio"), "token itself"),
    ],
)
def test_regimes_without_a_recursion_say_why(regime: Regime, words: str) -> None:
    with pytest.raises(ValueError, match=f"no exact second moments.*{words}"):
        moments([0.5, 0.5], regime, 3)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(TypeError, match="regime must be"):
        moments([0.5, 0.5], 10, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="generations must be"):
        moments([0.5, 0.5], ap.FullySynthetic(3), 0)
    with pytest.raises(ValueError, match="p must be a law"):
        moments([0.5, 0.6], ap.FullySynthetic(3), 3)
