"""What `simulate` returns: records by their definitions, dimensions, defaults, options, errors."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
import xarray as xr

import autophage as ap
from autophage.chains import RECORDS
from autophage.regimes import Regime

KEY = 0x51_0001
LAW = [0.0, 0.5, 0.25, 0.15, 0.0, 0.1]
LAWS = np.array([LAW, [0.2, 0.2, 0.2, 0.2, 0.1, 0.1], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]])
EVERY = list(RECORDS)
TIMES = ("collapse_time", "absorption_time", "final_token")
SIZES = [20, 3, 150, 7, 40, 40, 3000, 5]

REGIMES: list[Regime] = [
    ap.FullySynthetic(49),
    ap.FullySynthetic(SIZES),
    ap.FullySynthetic(2**33),
    ap.FullySynthetic([2**62, 10**12, 2**62, 50, 2**31, 2**31 - 1, 2**53 + 1, 9]),
    ap.PartiallySynthetic(5, real=4),
    ap.PartiallySynthetic(SIZES, real=[1, 1, 2, 5, 9, 200, 200, 5000]),
    ap.MostRecent(4, window=3),
    ap.MostRecent(SIZES, window=2),
    ap.RandomlySampled(4),
    ap.RandomlySampled(SIZES),
    ap.Contaminated(6, alpha=0.05),
    ap.Contaminated(6, alpha=[0.5, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0]),
    ap.Accumulate(SIZES, alpha=0.01),
    ap.AccumulateSubsample(3),
    ap.AccumulateSubsample(SIZES, replace=True),
    ap.Filtered(ap.Contaminated(6, alpha=0.05), type1=0.5, type2=0.5),
    ap.Filtered(ap.Contaminated(6, alpha=0.3), test="likelihood_ratio"),
    ap.Adaptive(5, constant=0.3),
    ap.Adaptive(5, rule="exponential", constant=0.5),
]


def one(regime: Regime, **more: Any) -> xr.Dataset:
    arguments: dict[str, Any] = {"runs": 60, "generations": 8, "rng": KEY, "record": EVERY}
    return ap.simulate(ap.Categorical(LAWS), regime, **(arguments | more))


def close(found: Any, expected: Any, name: str) -> None:
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=4e-15, err_msg=name)


@pytest.mark.parametrize("regime", REGIMES, ids=repr)
class TestRecords:
    """Each against the models themselves, recorded in the same run."""

    def test_are_laws(self, regime: Regime) -> None:
        found = one(regime)
        close(found.p.sum("token"), 1.0, "sum")
        assert (found.p.values >= 0.0).all()
        assert (found.p.values[..., LAWS == 0.0] == 0.0).all()
        plain = isinstance(regime, (ap.FullySynthetic, ap.MostRecent, ap.RandomlySampled))
        if plain and found["n"].values.max() < 2**50:
            counts = found.p.values * found["n"].values[:, :, None]
            np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)

    def test_follow_their_definitions(self, regime: Regime) -> None:
        found = one(regime)
        p, first = found.p.values, found.p.values[:, :1]
        np.testing.assert_array_equal(found.support, (p > 0.0).sum(axis=-1))
        close(found.sigma, np.square(p).sum(axis=-1), "sigma")
        np.testing.assert_array_equal(found.max_p, p.max(axis=-1))
        close(found.l1_to_truth, np.abs(p - LAWS).sum(axis=-1), "l1_to_truth")
        close(found.l2_to_truth, np.square(p - LAWS).sum(axis=-1), "l2_to_truth")
        close(found.l1_to_first, np.abs(p - first).sum(axis=-1), "l1_to_first")
        close(found.l2_to_first, np.square(p - first).sum(axis=-1), "l2_to_first")

    def test_of_time_follow_theirs(self, regime: Regime) -> None:
        found = one(regime)
        point = found.p.values.max(axis=-1) == 1.0
        first = np.where(point.any(axis=1), 1 + point.argmax(axis=1), -1)
        np.testing.assert_array_equal(found.collapse_time, first)
        absorbed, token = found.absorption_time.values, found.final_token.values
        assert ((absorbed == -1) == (token == -1)).all()
        assert ((absorbed == -1) | (absorbed >= first)).all()
        for run, context in zip(*np.nonzero(absorbed > 0), strict=True):
            later = found.p.values[run, absorbed[run, context] - 1 :, context]
            assert (later[:, token[run, context]] == 1.0).all(), "left after absorption"
        assert (absorbed[:, 2] == 1).all(), "a law of one token"
        assert (token[:, 2] == 3).all()


def test_distances_of_equal_models_are_zero() -> None:
    for regime in REGIMES:
        found = one(regime)
        assert not found.l1_to_first.values[:, 0].any(), f"l1_to_first at 1 under {regime}"
        assert not found.l2_to_first.values[:, 0].any(), f"l2_to_first at 1 under {regime}"
        for name in ("l1_to_truth", "l2_to_truth", "l1_to_first", "l2_to_first"):
            assert not found[name].values[..., 2].any(), f"{name} of one token under {regime}"


class TestTimes:
    def test_a_window_is_absorbed_once_all_its_models_agree(self) -> None:
        window, generations = 3, 400
        found = one(ap.MostRecent(5, window=window), generations=generations, runs=40)
        p = found.p.values[:, :, :2]
        for run, context in itertools.product(range(40), range(2)):
            models = p[run, :, context]
            token = np.where(models.max(axis=1) == 1.0, models.argmax(axis=1), -1)
            same = [
                t + 1
                for t in range(window - 1, generations)
                if token[t] >= 0 and (token[t - window + 1 : t + 1] == token[t]).all()
            ]
            assert found.absorption_time[run, context] == (same[0] if same else -1)
            assert not same or found.final_token[run, context] == token[-1]
        times = found.collapse_time.values, found.absorption_time.values
        assert (times[0] < times[1])[:, :2].any()

    def test_fresh_data_prevents_absorption(self) -> None:
        for regime in (
            ap.RandomlySampled(2),
            ap.Contaminated(2, alpha=0.1),
            ap.PartiallySynthetic(3, real=lambda t: t),
            ap.Filtered(ap.Contaminated(2, alpha=0.1), type1=0.1, type2=0.5),
            ap.Adaptive(2, constant=1e-6),
        ):
            found = one(regime, generations=60)
            assert (found.absorption_time.values[:, :2] == -1).all(), regime
            assert (found.collapse_time.values[:, :2] > 0).any(), regime
            left = found.p.values[:, :, :2].max(axis=-1) == 1.0
            assert (left[:, :-1] & ~left[:, 1:]).any(), "a point mass is never left"

    def test_absorption_waits_for_the_last_fresh_data(self) -> None:
        alpha = [0.0] * 4 + [0.2] + [0.0] * 15
        found = one(ap.Contaminated(2, alpha=alpha), generations=20)
        absorbed = found.absorption_time.values[:, :2]
        assert absorbed[absorbed > 0].min() == 5
        kept = one(ap.PartiallySynthetic(2, real=[1] * 6 + [2] * 14), generations=20)
        absorbed = kept.absorption_time.values[:, :2]
        assert absorbed[absorbed > 0].min() == 7
        lost = one(ap.Filtered(ap.Contaminated(2, alpha=0.2), type1=1.0, type2=0.5), generations=20)
        absorbed = lost.absorption_time.values[:, :2]
        assert absorbed[absorbed > 0].min() == 1, "real data that no filter keeps is no fresh data"

    def test_adaptive_runs_are_absorbed_where_nothing_real_is_wanted(self) -> None:
        found = one(ap.Adaptive(2, constant=3.0), generations=30)
        np.testing.assert_array_equal(found.absorption_time, found.collapse_time)

    def test_until_absorption_all_are_reached(self) -> None:
        for regime in (ap.FullySynthetic(7), ap.MostRecent(7, window=2), ap.FullySynthetic([9, 1])):
            found = one(regime, generations=None, record=["collapse_time", "absorption_time"])
            assert found.collapse_time.values.min() >= 1
            assert (found.absorption_time.values >= found.collapse_time.values).all()
        assert (found.collapse_time.values <= 2).all()


class TestShape:
    def test_of_every_variable(self) -> None:
        found = one(ap.Contaminated(SIZES, alpha=0.1))
        for name in EVERY:
            dims = ("run", "context") if name in TIMES else ("run", "generation", "context")
            assert found[name].dims == ((*dims, "token") if name == "p" else dims)
            kind = np.int64 if name in (*TIMES, "support") else np.float64
            assert found[name].dtype == kind
            assert found[name].attrs["long_name"] == RECORDS[name].description
        assert dict(found.sizes) == {"run": 60, "generation": 8, "context": 3, "token": 6}
        assert found["law"].dims == ("context", "token")
        assert found["n"].dims == found["alpha"].dims == ("generation", "context")
        assert "real" not in found
        np.testing.assert_array_equal(found["law"], LAWS)
        np.testing.assert_array_equal(found["n"].T, [SIZES] * 3)

    def test_of_one_law_has_no_context(self) -> None:
        many = one(ap.FullySynthetic(9), runs=5)
        arguments: dict[str, Any] = {"runs": 5, "generations": 8, "rng": KEY, "record": EVERY}
        found = ap.simulate(ap.Categorical(LAW), ap.FullySynthetic(9), **arguments)
        assert "context" not in found.dims
        assert found["law"].dims == ("token",)
        assert found["n"].dims == ("generation",)
        for name in EVERY:
            np.testing.assert_array_equal(found[name], many[name].isel(context=0))
        alone = ap.simulate(ap.Categorical([LAW]), ap.FullySynthetic(9), **arguments)
        assert alone.sizes["context"] == 1

    def test_coordinates_count_runs_and_generations(self) -> None:
        found = one(ap.FullySynthetic(9), runs=4, first_run=100)
        assert found.run.values.tolist() == [100, 101, 102, 103]
        assert found.generation.values.tolist() == list(range(1, 9))
        assert found.run.dtype == found.generation.dtype == np.int64

    def test_labels_are_coordinates(self) -> None:
        model = ap.Categorical(
            [[0.5, 0.5], [0.1, 0.9]], token_labels=["a", "b"], context_labels=["x", "y"]
        )
        found = ap.simulate(model, ap.FullySynthetic(5), runs=3, generations=2, rng=1, record=["p"])
        assert found.token.values.tolist() == ["a", "b"]
        assert found.context.values.tolist() == ["x", "y"]
        assert float(found.p.sel(token="a", context="y").max()) < 1.0

    def test_defaults(self) -> None:
        model, regime = ap.Categorical(LAW), ap.FullySynthetic(9)
        study: dict[str, Any] = {"runs": 3, "rng": 1}
        kept = {"law", "n"}
        assert set(ap.simulate(model, regime, **study).data_vars) - kept == {
            "collapse_time", "final_token",
        }  # fmt: skip
        assert set(ap.simulate(model, regime, generations=4, **study).data_vars) - kept == {
            "collapse_time", "final_token", "sigma", "support",
        }  # fmt: skip
        means = ap.simulate(model, regime, generations=4, reduce="mean", **study)
        assert {"sigma", "sigma_variance", "collapse_time_reached"} <= set(means.data_vars)
        assert "final_token" not in means
        counts = ap.simulate(model, regime, reduce="histogram", **study)
        assert set(counts.data_vars) - kept == {"collapse_time", "not_reached"}


class TestReductions:
    def test_means_and_variances(self) -> None:
        regime, kept = ap.MostRecent(6, window=2), [name for name in EVERY if name != "final_token"]
        runs, means = one(regime), one(regime, reduce="mean", record=kept)
        for name in kept:
            values = runs[name].where(runs[name] >= 0) if name in TIMES else runs[name]
            np.testing.assert_allclose(means[name], values.mean("run"), rtol=1e-13, atol=1e-15)
            variance = values.var("run", ddof=1)
            np.testing.assert_allclose(means[f"{name}_variance"], variance, rtol=1e-10, atol=1e-15)
            if name in TIMES:
                np.testing.assert_array_equal(means[f"{name}_reached"], values.notnull().sum("run"))

    def test_of_too_few_runs_are_nan(self) -> None:
        found = one(ap.FullySynthetic(2**40), runs=1, reduce="mean", record=["collapse_time", "p"])
        assert np.isnan(found.collapse_time.values[:2]).all()
        assert (found.collapse_time_reached.values == [0, 0, 1]).all()
        assert np.isnan(found.p_variance.values).all()
        assert not np.isnan(found.p.values).any()

    @pytest.mark.parametrize("generations", [None, 8])
    def test_histograms_count_times(self, generations: int | None) -> None:
        runs = one(ap.FullySynthetic(9), generations=generations, record=["collapse_time"])
        found = one(ap.FullySynthetic(9), generations=generations, record=None, reduce="histogram")
        times = runs.collapse_time.values
        length = generations or int(times.max())
        assert found.collapse_time.dims == ("generation", "context")
        assert found.generation.values.tolist() == list(range(1, length + 1))
        for context in range(3):
            reached = times[times[:, context] > 0, context]
            counts = np.bincount(reached, minlength=length + 1)[1:]
            np.testing.assert_array_equal(found.collapse_time.isel(context=context), counts)
        np.testing.assert_array_equal(found.not_reached, (times < 0).sum(axis=0))
        assert found.collapse_time.dtype == found.not_reached.dtype == np.int64


class TestSchedules:
    def test_of_each_context_and_generation(self) -> None:
        sizes = np.arange(2, 26).reshape(8, 3)
        found = one(ap.FullySynthetic(sizes))
        counts = found.p.values * sizes[:, :, None]
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)
        np.testing.assert_array_equal(found["n"], sizes)

    def test_callables_and_arrays_are_the_same(self) -> None:
        a = one(ap.Contaminated(lambda t: 5 * t, alpha=lambda t: 1 / t))
        sizes, shares = [5 * t for t in range(1, 9)], [1 / t for t in range(1, 9)]
        xr.testing.assert_equal(a, one(ap.Contaminated(sizes, alpha=shares)))
        assert a["alpha"].values[1, 0] == 0.5

    def test_the_last_value_holds_where_the_end_is_open(self) -> None:
        more: dict[str, Any] = {"record": ["collapse_time"], "generations": None}
        a = one(ap.FullySynthetic([30, 20, 10]), **more)
        assert a["n"].sizes["schedule_row"] == 3
        sizes = [30, 20] + [10] * 998
        b = one(ap.FullySynthetic(sizes), record=["collapse_time"], generations=1000)
        np.testing.assert_array_equal(a.collapse_time, b.collapse_time)


class TestRandomness:
    def test_an_integer_is_the_key(self) -> None:
        for key in (0, 1, 2**64 - 1):
            assert json.loads(one(REGIMES[0], rng=key).attrs["autophage"])["key"] == f"0x{key:016x}"
        assert not one(REGIMES[0], rng=1).equals(one(REGIMES[0], rng=2))

    def test_generators_and_seed_sequences_give_keys(self) -> None:
        for make in (np.random.default_rng, np.random.SeedSequence):
            xr.testing.assert_identical(one(REGIMES[0], rng=make(7)), one(REGIMES[0], rng=make(7)))
        generator = np.random.default_rng(7)
        assert not one(REGIMES[0], rng=generator).equals(one(REGIMES[0], rng=generator))

    def test_without_one_entropy_is_fresh_and_kept(self) -> None:
        a, b = one(REGIMES[0], rng=None), one(REGIMES[0], rng=None)
        assert not a.p.equals(b.p)
        xr.testing.assert_identical(ap.rerun(a), a)


class TestThreads:
    def test_come_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from importlib import import_module

        module: Any = import_module("autophage.simulate")
        asked: list[int] = []
        run = module._core.run_chains

        def spy(*arguments: Any) -> Any:
            asked.append(arguments[4]["threads"])
            return run(*arguments)

        monkeypatch.setattr(module._core, "run_chains", spy)
        monkeypatch.setenv("AUTOPHAGE_NUM_THREADS", "3")
        expected = one(REGIMES[0])
        assert set(asked) == {3}
        asked.clear()
        xr.testing.assert_identical(one(REGIMES[0], threads=5), expected)
        assert set(asked) == {5}
        monkeypatch.delenv("AUTOPHAGE_NUM_THREADS")
        xr.testing.assert_identical(one(REGIMES[0]), expected)

    @pytest.mark.parametrize("wrong", ["0", "-1", "many", "", "1.5", "99999"])
    def test_in_the_environment_are_checked(
        self, wrong: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AUTOPHAGE_NUM_THREADS", wrong)
        with pytest.raises((TypeError, ValueError), match="AUTOPHAGE_NUM_THREADS"):
            one(REGIMES[0])


class TestRefusals:
    @pytest.mark.parametrize(
        ("more", "error", "words"),
        [
            ({"runs": 0}, ValueError, "runs"),
            ({"runs": 2**38 + 1}, ValueError, "runs"),
            ({"runs": 2.0}, TypeError, "runs"),
            ({"generations": 0}, ValueError, "generations"),
            ({"generations": 2**32}, ValueError, "generations"),
            ({"first_run": -1}, ValueError, "first_run"),
            ({"first_run": 2**38 - 59}, ValueError, "first_run"),
            ({"threads": 0}, ValueError, "threads"),
            ({"device": "tpu"}, ValueError, "device"),
            ({"progress": 1}, TypeError, "progress"),
            ({"record": ["weights"]}, ValueError, "record.*weights"),
            ({"record": []}, ValueError, "record"),
            ({"reduce": "median"}, ValueError, "reduce.*median"),
            ({"reduce": "mean", "record": ["final_token"]}, ValueError, "mean.*final_token"),
            ({"reduce": "histogram", "record": ["sigma"]}, ValueError, "record.*sigma"),
            ({"generations": None}, ValueError, "record.*support"),
            ({"rng": -1}, ValueError, "rng"),
            ({"rng": 2**64}, ValueError, "rng"),
            ({"rng": True}, TypeError, "rng"),
        ],
    )
    def test_name_what_is_wrong(self, more: Any, error: type[Exception], words: str) -> None:
        with pytest.raises(error, match=words):
            one(REGIMES[0], **more)

    def test_open_ends_are_for_regimes_that_end(self) -> None:
        for regime in REGIMES[4:6] + REGIMES[8:]:
            with pytest.raises(ValueError, match="generations must be given"):
                one(regime, generations=None, record=None)

    @pytest.mark.parametrize("threads", [1, 4])
    def test_a_filter_that_can_keep_nothing_says_where(self, threads: int) -> None:
        regime = ap.Filtered(ap.FullySynthetic(4), test="likelihood_ratio", threshold=50.0)
        with pytest.raises(RuntimeError, match=r"no draw in generation 2 of run \d+, context 0"):
            ap.simulate(
                ap.Categorical([0.5, 0.5]), regime, runs=50, generations=9, rng=1, threads=threads
            )


@pytest.mark.parametrize("reduce", [None, "mean", "histogram"])
def test_a_progress_bar_changes_nothing(
    reduce: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    record = None if reduce == "histogram" else ["collapse_time"]
    quiet = one(REGIMES[0], reduce=reduce, record=record)
    assert capsys.readouterr().err == ""
    shown = one(REGIMES[0], reduce=reduce, record=record, progress=True)
    xr.testing.assert_identical(shown, quiet)
    assert "60.0/60.0" in capsys.readouterr().err
