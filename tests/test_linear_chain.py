"""Simulated networks of linear models against Theorems 1 to 3, and what a study may depend on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import xarray as xr

import autophage as ap
import judge
from autophage import linear_chains, provenance
from linear_networks import (
    GENERATIONS,
    NETWORKS,
    RECORDS,
    Floats,
    exact,
    fitted,
    network,
    simulated,
)

RUNS = 40_000


def accept_law(name: str, estimates: Floats) -> None:
    """Mean and covariance of every pair of entries, of all generations, entities and features."""
    mean, covariance = exact(*NETWORKS[name])
    found = estimates.reshape(len(estimates), -1)
    runs = len(found)
    variance = np.diag(covariance)
    rounding = 1e-12 * (1.0 + np.abs(mean).max())
    judge.accept_moments(
        f"mean, {name}", found.mean(axis=0), mean, np.sqrt(variance / runs), rounding=rounding
    )
    error = np.sqrt((np.outer(variance, variance) + covariance**2) / (runs - 1))
    rounding = 1e-12 * (1.0 + np.abs(covariance).max())
    judge.accept_moments(
        f"covariance, {name}", np.cov(found.T), covariance, error, rounding=rounding
    )


class TestLaw:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_of_the_estimates_is_that_of_the_theorems(self, name: str) -> None:
        accept_law(name, simulated(name, runs=RUNS, record=["estimate"]).estimate.values)

    @pytest.mark.parametrize("name", NETWORKS)
    def test_of_the_errors_is_that_of_the_exact_trajectory(self, name: str) -> None:
        net, regime = NETWORKS[name]
        path = net.trajectory(regime.alpha, regime.beta, GENERATIONS, regime.beta_0)
        found = simulated(name, runs=RUNS, record=RECORDS[1:], reduce="mean")
        for record, exactly in (("squared_error", "mse"), ("prediction_error", "mspe")):
            error = np.sqrt(found[f"{record}_variance"] / RUNS)
            size = 1e-12 * (1.0 + float(path[exactly].max()))
            judge.accept_moments(
                f"{record}, {name}", found[record], path[exactly], error, rounding=size
            )

    def test_is_normal(self) -> None:
        mean, covariance = exact(*NETWORKS["constant weights"])
        found = simulated("constant weights", runs=RUNS, record=["estimate"]).estimate.values
        from scipy import stats

        for entry in (0, 17, 35):
            z = found.reshape(RUNS, -1)[:, entry] - mean[entry]
            p = stats.kstest(z / np.sqrt(covariance[entry, entry]), "norm").pvalue
            assert judge.ALPHA <= p <= 1 - judge.ALPHA

    @pytest.mark.parametrize("name", ["constant weights", "first fits that are not unique"])
    def test_of_fitted_regressions_is_the_same(self, name: str) -> None:
        net, regime = NETWORKS[name]
        accept_law(name, fitted(net, regime, 10_000))


FAULTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "noise of the pool a tenth too large": lambda net: net["pool_root"].__imul__(1.1),
    "private data of one entity without noise": lambda net: net["private_root"][1].fill(0.0),
    "rows for columns": lambda net: net.update(feedback=net["feedback"].transpose(0, 2, 1).copy()),
    "a pool of half the models": lambda net: net["synthetic"].__imul__(0.5),
    "the weights of another generation": lambda net: net.update(choice=net["choice"][::-1].copy()),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net = import_module("autophage._core")
    run = net.run_linear_chains

    def faulty(prepared: dict[str, Any], *rest: Any) -> Any:
        wrong = {
            name: np.copy(x) if isinstance(x, np.ndarray) else x for name, x in prepared.items()
        }
        FAULTS[fault](wrong)
        return run(wrong, *rest)

    monkeypatch.setattr(net, "run_linear_chains", faulty)
    name = "synthetic data alone, at last"
    estimates = simulated(name, runs=RUNS, record=["estimate"]).estimate.values
    with pytest.raises(AssertionError, match="z ="):
        accept_law(name, estimates)


class TestRecords:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_of_errors_follow_from_the_estimates(self, name: str) -> None:
        net, found = NETWORKS[name][0], simulated(name)
        error = found.estimate.values - (0.0 if net.theta is None else net.theta)
        squared = (error**2).sum(axis=-1)
        np.testing.assert_allclose(found.squared_error, squared, rtol=1e-13, atol=1e-15)
        predictions = np.einsum("rtki,mij,rtkj->rtkm", error, net.private, error)
        np.testing.assert_allclose(found.prediction_error, predictions, rtol=1e-11, atol=1e-13)

    @pytest.mark.parametrize("name", ["constant weights", "synthetic data alone, at last"])
    def test_of_errors_do_not_depend_on_the_size_of_theta(self, name: str) -> None:
        net, regime = NETWORKS[name]
        study: dict[str, Any] = {"runs": 20, "generations": 3, "rng": 1, "record": RECORDS}
        found = []
        for size in (0.0, 1.0, 1e19, 1e200):
            theta = size * (np.arange(net.feature_count) == 0)
            moved = ap.InteractingLinear(net.private, net.public, net.synthetic, net.noise, theta)
            found.append(ap.simulate(moved, regime, **study))
        for other in found[1:]:
            for record in ("squared_error", "prediction_error"):
                assert other[record].values.tobytes() == found[0][record].values.tobytes()
        far = found[0].estimate.values + np.array([1.0, 0.0, 0.0][: net.feature_count])
        np.testing.assert_array_equal(found[1].estimate, far)

    def test_of_errors_have_the_units_of_the_data(self) -> None:
        net, regime = NETWORKS["constant weights"]
        study: dict[str, Any] = {"runs": 20, "generations": 3, "rng": 1}
        scale = 2.0**67
        theta = np.ones(net.feature_count)
        near, far = (
            ap.simulate(
                ap.InteractingLinear(
                    net.private * s, net.public * s, net.synthetic * s, net.noise, theta
                ),
                regime,
                **study,
            ).squared_error
            for s in (1.0, scale)
        )
        np.testing.assert_allclose(far * scale, near, rtol=1e-11)

    def test_have_the_promised_form(self) -> None:
        found = simulated("varying weights", runs=4, first_run=10)
        assert dict(found.sizes) == {
            "run": 4, "generation": 4, "entity": 3, "feature": 3, "task": 3, "column": 3,
        }  # fmt: skip
        assert found.estimate.dims == ("run", "generation", "entity", "feature")
        assert found.squared_error.dims == ("run", "generation", "entity")
        assert found.prediction_error.dims == ("run", "generation", "entity", "task")
        assert found.generation.values.tolist() == [0, 1, 2, 3]
        assert found.run.values.tolist() == [10, 11, 12, 13]
        assert found.alpha.values.tolist() == [0.0, 0.9, 0.1, 0.5]
        assert found.beta.values.tolist() == [1.0, 1 / 2, 1 / 3, 1 / 4]
        for name in RECORDS:
            assert found[name].dtype == np.float64
            assert found[name].attrs["long_name"] == linear_chains.RECORDS[name].description

    def test_default_to_the_error(self) -> None:
        found = simulated("constant weights", record=None)
        assert set(found.data_vars) & set(RECORDS) == {"squared_error"}

    @pytest.mark.parametrize("name", RECORDS)
    def test_do_not_depend_on_each_other(self, name: str) -> None:
        whole, alone = simulated("constant weights"), simulated("constant weights", record=[name])
        assert whole[name].values.tobytes() == alone[name].values.tobytes()


def same_bytes(found: xr.Dataset, expected: xr.Dataset) -> bool:
    names = list(found.variables)
    return names == list(expected.variables) and all(
        found[name].values.tobytes() == expected[name].values.tobytes() for name in names
    )


class TestRuns:
    @pytest.mark.parametrize("reduce", [None, "mean"])
    @pytest.mark.parametrize("chunk", [1, 1 << 40])
    @pytest.mark.parametrize("threads", [1, 2, 3, 8])
    def test_do_not_depend_on_threads_and_parts(
        self, reduce: str | None, chunk: int, threads: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = simulated("varying weights", runs=300, reduce=reduce, threads=1)
        module = import_module("autophage.simulate")
        monkeypatch.setattr(module, "FIRST_WORK", chunk)
        monkeypatch.setattr(module, "CHUNK_SECONDS", 1e-9 if chunk == 1 else 10.0)
        found = simulated("varying weights", runs=300, reduce=reduce, threads=threads)
        assert same_bytes(found, expected)

    @pytest.mark.parametrize("reduce", [None, "mean"])
    def test_of_shards_merge_to_the_whole(self, reduce: str | None) -> None:
        expected = simulated("varying weights", runs=97, reduce=reduce)
        cuts = itertools.pairwise((0, 1, 2, 40, 97))
        shards = [
            simulated("varying weights", runs=b - a, first_run=a, reduce=reduce) for a, b in cuts
        ]
        assert ap.merge(shards[::-1]).identical(expected)
        assert ap.merge([ap.merge(shards[2:]), ap.merge(shards[:2])]).identical(expected)

    def test_alone_are_those_of_a_batch(self) -> None:
        batch = simulated("constant weights")
        for run in (0, 17, 49):
            alone = simulated("constant weights", runs=1, first_run=run)
            assert alone.estimate.values.tobytes() == batch.estimate.values[run].tobytes()

    def test_go_on_where_shorter_ones_ended(self) -> None:
        short, long = (simulated("constant weights", generations=g) for g in (2, 6))
        assert short.estimate.values.tobytes() == long.estimate.values[:, :3].tobytes()

    def test_differ(self) -> None:
        estimates = simulated("constant weights", runs=1000).estimate.values
        judge.accept_distinct(estimates[:, 0].reshape(-1, 3), "first fits")
        judge.accept_distinct(estimates[:, 1:].reshape(3000, -1), "later generations")
        assert not same_bytes(simulated("constant weights", rng=1), simulated("constant weights"))

    def test_the_last_there_can_be(self) -> None:
        last = simulated("constant weights", runs=2, first_run=2**38 - 2)
        assert last.run.values.tolist() == [2**38 - 2, 2**38 - 1]

    @pytest.mark.parametrize("reduce", [None, "mean"])
    def test_show_their_progress(
        self, reduce: str | None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shown = simulated("constant weights", reduce=reduce, progress=True)
        assert "50.0/50.0" in capsys.readouterr().err
        assert shown.identical(simulated("constant weights", reduce=reduce))


class TestProvenance:
    @pytest.mark.parametrize("name", NETWORKS)
    @pytest.mark.parametrize("reduce", [None, "mean"])
    def test_a_result_runs_again(self, name: str, reduce: str | None) -> None:
        first = simulated(name, reduce=reduce)
        assert ap.rerun(first, threads=2).identical(first)
        assert provenance.read(first).model == NETWORKS[name][0]

    def test_also_from_a_file(self, tmp_path: Any) -> None:
        first = simulated("varying weights", reduce="mean")
        first.to_netcdf(tmp_path / "study.nc", engine="h5netcdf")
        back = xr.load_dataset(tmp_path / "study.nc", engine="h5netcdf")
        assert ap.rerun(back).identical(first)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda ds: ds.drop_vars("private"), "there must be a variable private"),
            (lambda ds: ds.drop_vars("theta"), "there must be a variable theta"),
            (lambda ds: ds.drop_vars("alpha"), "there must be a variable alpha"),
            (lambda ds: ds.drop_vars("beta"), "beta must be a finite number"),
            (lambda ds: ds.assign(beta=ds.beta / 2), "the variable beta must agree"),
            (lambda ds: ds.assign(alpha=ds.alpha + 0.1), "alpha must agree|alpha must be"),
            (lambda ds: ds.assign(mine=1), "must hold one study alone"),
            (lambda ds: ds.isel(run=slice(3)), "run must have length 50, got 3"),
            (lambda ds: ds.isel(generation=slice(3)), "generation"),
            (lambda ds: ds.isel(entity=slice(2)), "task must have length 2, got 3"),
        ],
    )
    def test_a_damaged_one_is_refused(self, change: Any, message: str) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            ap.merge([change(simulated("varying weights"))])

    def test_shards_of_other_networks_are_refused(self) -> None:
        first = simulated("constant weights")
        other = simulated("private data of rank 1", first_run=50)
        with pytest.raises(ValueError, match="got another model"):
            ap.merge([first, other])

    def test_a_change_of_the_model_is_seen(self) -> None:
        first, second = simulated("constant weights"), simulated("constant weights", first_run=50)
        moved = second.assign(theta=second.theta + 1.0)
        with pytest.raises(ValueError, match="inputs must be those that were simulated"):
            ap.merge([first, moved])
        content = json.loads(second.attrs["autophage"])
        content["model"]["noise"] = 7.0
        second.attrs["autophage"] = json.dumps(content)
        with pytest.raises(ValueError, match="got another model"):
            ap.merge([first, second])


NET = network()
REFUSED: list[tuple[Any, Any, dict[str, Any], str]] = [
    (NET, ap.Contaminated(5, 0.5), {}, "regime must be an autophage.Interacting, got Contam"),
    (NET, 0.5, {}, "regime must be an autophage.Interacting, got 0.5"),
    (NET, ap.Interacting(0.5, 0.5, 10), {}, "n must be None for InteractingLinear.* got 10"),
    (NET, ap.Interacting(0.5, 0.5, real=(5, 5)), {}, r"real must be None .* got \(5, 5\)"),
    (NET, ap.Interacting(0.5, 0.5, own_pools=True), {}, "own_pools must be False .* got True"),
    (NET, ap.Interacting([0.5], 0.5), {}, "alpha must cover all 3 generations"),
    (NET, ap.Interacting(0.5, 0.5), {"generations": None}, "generations must be given"),
    (NET, ap.Interacting(0.5, 0.5), {"reduce": "histogram"}, "reduce must be one of 'mean'"),
    (NET, ap.Interacting(0.5, 0.5), {"record": ["sigma"]}, "record must be .* 'sigma'"),
    (NET, ap.Interacting(0.5, 0.5), {"runs": 0}, "runs must be"),
    (NET, ap.Interacting(0.5, 0.5), {"generations": 0}, "generations must be"),
    (NET.private, ap.Interacting(0.5, 0.5), {}, "model must be an autophage.Categorical or an"),
]


class TestRefusals:
    @pytest.mark.parametrize(("net", "regime", "more", "message"), REFUSED)
    def test_name_what_is_wrong(self, net: Any, regime: Any, more: Any, message: str) -> None:
        study = {"runs": 2, "generations": 3, "rng": 1} | more
        with pytest.raises((TypeError, ValueError), match=message):
            ap.simulate(net, regime, **study)

    def test_where_theta_matters_it_must_be_given(self) -> None:
        net = network(2, 5, (1, 1, 8), theta=False)
        with pytest.raises(ValueError, match=r"theta must be given .* alpha=0.0, beta=0.5 for ent"):
            ap.simulate(net, ap.Interacting(0.5, 0.5), runs=1, generations=1, rng=1)

    @pytest.mark.parametrize(
        ("more", "ways"),
        [
            ({"runs": 2**38}, "fewer runs .*fewer records or generations"),
            ({"generations": 10**9, "reduce": "mean"}, "fewer entities, fewer records"),
        ],
    )
    def test_of_memory_name_the_way_out(self, more: Any, ways: str) -> None:
        with pytest.raises(MemoryError, match=ways):
            simulated("constant weights", **more)

    def test_of_many_weights_say_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from autophage import memory

        monkeypatch.setattr(memory, "available_memory", lambda: 2**27)
        net, regime = network(20, 40, (50, 50, 50)), ap.Interacting(lambda t: 1 / t, 0.5)
        with pytest.raises(MemoryError, match="fewer distinct alpha and beta"):
            ap.simulate(net, regime, runs=1, generations=1000, rng=1)
