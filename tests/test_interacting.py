"""Interacting token chains: exact moments, whole paths, the slow reference, and one hash."""

from __future__ import annotations

import itertools
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

import autophage as ap
import interacting_reference as reference
import judge
import test_regimes_agree
from interacting_reference import Study

KEY = 0x1E7E_0001
Floats = npt.NDArray[np.float64]

ALPHA, BETA = [0.9, 0.25, 0.75, 1.0], [0.125, 0.875, 0.5, 0.25]
PAIR, PUBLIC = [[0.25, 0.75], [0.875, 0.125]], [0.5, 0.5]
WEIGHTS: dict[str, tuple[list[float], list[float]]] = {
    "constant": ([0.25] * 4, [0.625] * 4),
    "changing": (ALPHA, BETA),
    "pool alone": ([1.0] * 4, [1.0] * 4),
    "no pool at times": ([0.0, 0.0, 0.5, 0.0], [0.0, 1.0, 0.25, 0.75]),
}
KEPT: list[Any] = [None, ([1, 2], 1), ([2, 1], 2), ([2, 2], 1)]
SMALL = [
    Study(PAIR, PUBLIC, alpha[:g], beta[:g], [2, 1, 2, 2][:g], real, own)
    for (alpha, beta), real, own in itertools.product(WEIGHTS.values(), KEPT, (False, True))
    for g in ((3,) if own else (4,))
]


def model_of(study: Study) -> ap.Categorical:
    return ap.Categorical(study.private, public=study.public)


def regime_of(study: Study) -> ap.Interacting:
    real = None if study.real is None else (tuple(study.real[0]), study.real[1])
    return ap.Interacting(study.alpha, study.beta, study.n, real, study.own_pools)


def exact(study: Study) -> xr.Dataset:
    return ap.moments(model_of(study), regime_of(study), study.generations)


def simulated(study: Study, runs: int, **more: Any) -> xr.Dataset:
    arguments: dict[str, Any] = {"rng": KEY, "record": ["p"], "generations": study.generations}
    return ap.simulate(model_of(study), regime_of(study), runs=runs, **(arguments | more))


class TestMoments:
    @pytest.mark.parametrize("study", SMALL, ids=repr)
    def test_equal_complete_enumeration(self, study: Study) -> None:
        found = exact(study)
        for name, values in reference.second_moments(study).items():
            np.testing.assert_allclose(found[name].values, values, rtol=0, atol=1e-13, err_msg=name)
        assert found.inner.dims == ("generation", "entity", "other")
        np.testing.assert_array_equal(found.inner, found.inner.transpose("generation", ...).values)

    @pytest.mark.parametrize("real", [None, ((9, 4, 30), 12)])
    def test_reach_the_limits_of_constant_weights(self, real: Any) -> None:
        """c = [(1 - a^2) |rbar|^2 + a^2 / n] / [1 - a^2 (1 - 1/n)], and the pairs' distances."""
        laws, public = (
            np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.0, 1.0, 0.0]]),
            [0.2, 0.3, 0.5],
        )
        model, a, b, n = ap.Categorical(laws, public=public), 0.75, 0.6, 20
        for own in (False, True):
            found = ap.moments(model, ap.Interacting(a, b, n, real, own), 200)
            start = float(found.inner[0].mean())
            apart = float(np.mean([pair_gap(found.inner[0], j, k) for j, k in PAIRS_OF_THREE]))
            if own:
                draws = 3 * n
                pools = 2 * a**2 / n * (1 - float(found.inner[-1].mean()))
            else:
                draws, pools = n, 0.0
            limit = ((1 - a**2) * start + a**2 / draws) / (1 - a**2 * (1 - 1 / draws))
            assert abs(float(found.inner[-1].mean()) - limit) < 1e-14
            expected = (1 - a) ** 2 * apart + pools
            np.testing.assert_allclose(found.homogenisation[-1], expected, rtol=1e-13)

    def test_stay_exact_where_entities_hardly_differ(self) -> None:
        laws = np.array([[0.5, 0.5], [0.5 + 2.0**-30, 0.5 - 2.0**-30]])
        model = ap.Categorical(laws, public=[0.5, 0.5])
        found = ap.moments(model, ap.Interacting(0.5, 1.0, 10), 3).homogenisation.values
        np.testing.assert_allclose(found, [2.0**-59, 2.0**-61, 2.0**-61], rtol=1e-14)

    def test_of_one_entity_without_public_data_are_those_of_a_contaminated_source(self) -> None:
        model = ap.Categorical([[0.5, 0.3, 0.2]], public=[1.0, 0.0, 0.0])
        found = ap.moments(model, ap.Interacting(1.0, 1.0, 7), 6)
        sigma = ap.moments([0.5, 0.3, 0.2], ap.FullySynthetic(7), 5).sigma
        np.testing.assert_allclose(found.sigma[1:, 0], sigma, rtol=1e-14)
        assert np.isnan(found.homogenisation).all()

    def test_entities_bear_their_names(self) -> None:
        model = ap.Categorical(PAIR, public=PUBLIC, context_labels=("left", "right"))
        found = ap.moments(model, ap.Interacting(0.5, 0.5, 9), 2)
        assert found.entity.values.tolist() == found.other.values.tolist() == ["left", "right"]


PAIRS_OF_THREE = [(0, 1), (0, 2), (1, 2)]


def pair_gap(inner: Any, j: int, k: int) -> float:
    return float(inner[j, j] + inner[k, k] - 2 * inner[j, k])


def fit_of_paths(study: Study, models: Floats) -> judge.Fit:
    """Chi-square of whole paths (run, generation, entity, token) against complete enumeration."""
    weights, paths = zip(*reference.paths(study), strict=True)
    known, place = np.unique(test_regimes_agree.path_keys(np.array(paths)), return_inverse=True)
    expected = len(models) * np.bincount(place, weights=np.array(weights))
    keys, counts = np.unique(test_regimes_agree.path_keys(models), return_counts=True)
    strange = np.setdiff1d(keys, known)
    assert strange.size == 0, f"{study}: {strange.size} paths that cannot be"
    observed = np.zeros(len(known))
    observed[np.searchsorted(known, keys)] = counts
    return judge.chi_square(str(study), observed, expected, ordered=False)


def test_whole_paths_follow_complete_enumeration() -> None:
    fits = []
    for i, study in enumerate(SMALL):
        fits.append(fit_of_paths(study, simulated(study, 60_000, rng=KEY + i).p.values))
    judge.accept_family(fits)


# Sizes on both sides of every change of algorithm; 12 tokens, of which no law has all.
LAWS = (
    np.array(
        [
            [8, 4, 4, 16, 0, 2, 6, 8, 1, 1, 10, 4],
            [32, 16, 8, 4, 2, 1, 1, 0, 0, 0, 0, 0],
            [0, 0, 1, 1, 2, 4, 8, 16, 32, 0, 0, 0],
            [5, 6, 7, 8, 0, 0, 0, 10, 10, 9, 9, 0],
        ]
    )
    / 64
)
MANY = np.arange(1.0, 301.0) / np.arange(1.0, 301.0).sum()
SIZES = [[5] * 5, [60] * 5, [100] * 5, [300, 60, 20, 3000, 100], [70_000] * 5, [10**9] * 5]
LARGE = [
    Study(LAWS[1:].tolist(), LAWS[0].tolist(), alpha, [0.25, 0.5, 1.0, 0.0, 0.5], n, real, own)
    for n, real, own, alpha in itertools.product(
        SIZES,
        (None, ([3, 3, 3], 2), ([50, 5, 500], 100), ([10**6] * 3, 10**7)),
        (False, True),
        ([0.5, 0.875, 0.0, 0.75, 0.5],),
    )
] + [
    Study([MANY.tolist(), MANY[::-1].tolist()], MANY.tolist(), [0.75] * 5, [0.5] * 5, n, real, own)
    for n, real, own in itertools.product(
        ([2000] * 5, [40_000] * 5), (None, ([100, 5000], 200)), (False, True)
    )
]


def brief(study: Study) -> str:
    return f"{len(study.public)} tokens, n {study.n[0]}, real {study.real}, own {study.own_pools}"


def judge_moments(study: Study, models: Floats, wanted: xr.Dataset) -> float:
    """Every moment of models (run, generation, entity, token); the largest z."""
    worst = 0.0
    for name, values in reference.squares(study, models).items():
        error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
        z = judge.accept_moments(
            f"{name}, {brief(study)}", values.mean(axis=0), wanted[name].values, error,
            rounding=1e-13,
        )  # fmt: skip
        worst = max(worst, z)
    return worst


@pytest.mark.parametrize("study", LARGE, ids=brief)
def test_second_moments_are_the_exact_ones(study: Study) -> None:
    runs = 4000 if len(study.public) < 100 else 400
    found = simulated(study, runs).p.values
    np.testing.assert_allclose(found.sum(axis=-1), 1.0, rtol=1e-14)
    judge_moments(study, found, exact(study))


REALS = ("sigma", "max_p", "l1_to_truth", "l1_to_first", "l2_to_truth", "l2_to_first")
TIMES = ("collapse_time", "absorption_time", "final_token")


@pytest.mark.parametrize("study", LARGE[::3], ids=brief)
def test_records_are_those_of_the_laws(study: Study) -> None:
    found = simulated(study, 50, record=[*REALS, *TIMES, "support", "p"])
    p = found.p.values
    truth = p - np.array(study.private)
    first = p - p[:, :1]
    wanted = {
        "sigma": np.square(p).sum(axis=-1),
        "max_p": p.max(axis=-1),
        "l1_to_truth": np.abs(truth).sum(axis=-1),
        "l1_to_first": np.abs(first).sum(axis=-1),
        "l2_to_truth": np.square(truth).sum(axis=-1),
        "l2_to_first": np.square(first).sum(axis=-1),
    }
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name].values, values, rtol=1e-12, atol=2e-15, err_msg=name)
    np.testing.assert_array_equal(found.support, (p > 0).sum(axis=-1))
    mean = simulated(study, 50, record=[*REALS, "support", "p"], reduce="mean")
    for name in (*REALS, "support", "p"):
        np.testing.assert_allclose(mean[name], found[name].mean("run"), rtol=1e-14, atol=1e-17)


def features(study: Study, models: Floats) -> dict[str, Floats]:
    """Numbers (run, generation) that between them feel every part of the law of a path."""
    apart = models[:, :, 0] - models[:, :, -1]
    return {
        "first entity, first token": models[:, :, 0, 0],
        "last entity, last token": models[:, :, -1, -1],
        "support": (models > 0).sum(axis=(2, 3)).astype(float),
        "sigma": np.square(models[:, :, 0]).sum(axis=-1),
        "between": np.square(apart).sum(axis=-1),
        "from generation 1": np.square(models - models[:, :1]).sum(axis=(2, 3)),
        "from the truth": np.abs(models - np.array(study.private)).sum(axis=(2, 3)),
    }


@pytest.mark.parametrize("study", LARGE[:32:5] + LARGE[-4::3], ids=brief)
def test_distributions_are_those_of_the_reference(study: Study) -> None:
    rng = np.random.default_rng(KEY)
    expected = features(study, reference.simulate(study, 2000, rng))
    observed = features(study, simulated(study, 6000).p.values)
    compare = test_regimes_agree.compare
    judge.accept_family(
        [
            compare(f"{name}, generation {t + 1}", observed[name][:, t], expected[name][:, t])
            for name in observed
            for t in range(study.generations)
        ]
    )


class TestAbsorption:
    def test_of_a_pool_alone_is_that_of_all_entities(self) -> None:
        for own in (False, True):
            study = Study(PAIR, PUBLIC, [1.0] * 60, [0.5] * 60, [4] * 60, None, own)
            found = simulated(study, 300, record=[*TIMES, "p"])
            time, token = found.absorption_time.values, found.final_token.values
            assert (time == time[:, :1]).all()
            assert (time > 0).mean() > 0.9
            assert (found.collapse_time <= found.absorption_time).where(time > 0, True).all()
            for run in np.flatnonzero(time[:, 0] > 0):
                after = found.p.values[run, time[run, 0] - 1 :, :, token[run, 0]]
                assert (after == 1.0).all()

    def test_needs_what_is_kept_to_agree(self) -> None:
        def times(alpha: Any, beta: Any, real: Any, laws: Any = PAIR) -> Any:
            model = ap.Categorical(laws, public=PUBLIC)
            found = ap.simulate(
                model, ap.Interacting(alpha, beta, 3, real), runs=400, generations=4, rng=KEY,
                record=[*TIMES, "p"],
            )  # fmt: skip
            return found.absorption_time.values, found.final_token.values, found.p.values

        time, token, p = times(0.5, 1.0, (1, 1))  # point masses for ever, where they are the same
        same = (p[:, 0, 0] == p[:, 0, 1]).all(axis=-1)
        assert 0.2 < same.mean() < 0.8
        assert (time == np.where(same, 1, -1)[:, None]).all()
        assert (token == np.where(same, p[:, 0, 0].argmax(axis=-1), -1)[:, None]).all()
        time, token, p = times(0.0, 1.0, (1, 1))  # nobody listens to anybody
        assert (time == 1).all()
        assert (token == p[:, -1].argmax(axis=-1)).all()
        time, _, p = times(0.0, 0.5, (1, 1))
        assert ((time == 1) == (p[:, 0].max(axis=-1) == 1)).all()
        time, _, _ = times([0.0, 0.0, 0.0, 0.5], 1.0, (1, 1), [[1.0, 0.0], [0.0, 1.0]])
        assert (time == -1).all()  # the last pool comes yet

    def test_needs_what_others_have_kept_while_pools_come(self) -> None:
        # In generations 1 and 2 all have the one token; entity 1 then goes back to its other one.
        model = ap.Categorical([[1.0, 0.0], [0.0, 1.0]], public=[1.0, 0.0])
        regime = ap.Interacting([0.0, 1.0, 0.5, 0.5], [0.0, 1.0, 1.0, 1.0], n=2)
        found = ap.simulate(
            model, regime, runs=200, generations=4, rng=KEY, record=["absorption_time", "p"]
        )
        assert (found.p[:, :2, :, 0] == 1.0).all()
        assert (found.p[:, 3, 0, 0] < 1.0).any()
        assert (found.absorption_time == -1).all()


CASES = {
    "labels": Study(LAWS[1:].tolist(), LAWS[0].tolist(), [1.0] * 5, [0.5] * 5, [40] * 5),
    "kept": Study(
        LAWS[1:].tolist(), LAWS[0].tolist(), [1.0] * 5, [0.5] * 5, [300] * 5, ([9, 60, 900], 30)
    ),
    "own pools": Study(
        LAWS[1:].tolist(), LAWS[0].tolist(), [1.0, 1.0, 0.5, 1.0, 1.0], [0.5] * 5,
        [40, 70_000, 5, 3000, 300], ([3000, 6, 9], 5), True,
    ),
}  # fmt: skip
# Of 60 runs of each case: times, supports and laws, of which those with alpha = 1 are counts.
HASHES = {
    "labels": "0ded18a7458c583f",
    "kept": "547826d93fb2e1b2",
    "own pools": "04d5a7547ab44f37",
}


def digest(shards: list[xr.Dataset]) -> str:
    names = (*TIMES, "support", "p")
    return judge.digest((n, np.concatenate([s[n].values for s in shards])) for n in names)


def shard(case: str, runs: int, first: int = 0, **more: Any) -> xr.Dataset:
    record = [*TIMES, "support", *REALS, "p"]
    return simulated(CASES[case], runs, first_run=first, **({"record": record} | more))


class TestOneHash:
    @pytest.mark.parametrize("case", CASES)
    def test_for_threads_shards_and_parts(self, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = shard(case, 60, threads=1)
        assert digest([whole]) == HASHES[case], "another stream, or another arithmetic"
        for threads in (2, 3, 8):
            assert shard(case, 60, threads=threads).identical(whole)
        monkeypatch.setattr(import_module("autophage.simulate"), "CHUNK_SECONDS", 1e-9)
        assert shard(case, 60).identical(whole)
        parts = [shard(case, runs, first) for runs, first in ((43, 17), (17, 0))]
        assert ap.merge(parts).identical(whole)
        assert ap.rerun(whole).identical(whole)

    def test_of_means(self) -> None:
        def means(runs: int, first: int = 0, threads: int = 1) -> xr.Dataset:
            record = ["sigma", "p", "collapse_time", "l1_to_truth"]
            more = {"reduce": "mean", "record": record, "threads": threads}
            return shard("own pools", runs, first, **more)

        whole = means(200)
        assert means(200, threads=3).identical(whole)
        assert ap.merge([means(150, 50), means(50)]).identical(whole)

    def test_a_longer_horizon_repeats_a_shorter_one(self) -> None:
        long = shard("kept", 20).p.values
        np.testing.assert_array_equal(shard("kept", 20, generations=3).p.values, long[:, :3])

    def test_no_two_entities_runs_or_pools_share_their_draws(self) -> None:
        study = Study([MANY.tolist()] * 6, MANY.tolist(), [1.0] * 3, [1.0] * 3, [5000] * 3,
                      ([5000] * 6, 5000), True)  # fmt: skip
        p = simulated(study, 10).p.values
        judge.accept_distinct(p.reshape(-1, p.shape[-1]), "runs, generations and entities")
