"""Simulated networks of mixtures against the slow reference, and what a study may depend on."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import xarray as xr

import autophage as ap
import judge
import mixture_reference as reference
from autophage import _core, mixtures, provenance
from mixture_networks import GENERATIONS, NETWORKS, PAIR, any_network, network, on_a_line

KEY = 0x0A17_0004_0000_0001
RECORDS = list(mixtures.RECORDS)
VARIED = "all of it varies"


def simulated(name: str, **more: Any) -> xr.Dataset:
    study: dict[str, Any] = {"runs": 30, "generations": GENERATIONS, "rng": KEY, "record": RECORDS}
    return ap.simulate(NETWORKS[name], **(study | more))


class TestKernel:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_does_what_the_reference_does(self, name: str) -> None:
        """The same words, so the same draws: what differs is rounding."""
        found = simulated(name, first_run=2**32 - 1, runs=5).weights.values
        for i in (0, 1, 4):
            run = reference.simulate(NETWORKS[name], GENERATIONS, KEY, 2**32 - 1 + i)
            np.testing.assert_allclose(found[i], run.weights, rtol=1e-10, atol=1e-13)
            assert (found[i] == 0).tolist() == (run.weights == 0).tolist()

    @pytest.mark.parametrize("name", ["a prior", "active components", "many components"])
    def test_does_so_for_long(self, name: str) -> None:
        net = NETWORKS[name]
        found = ap.simulate(net, runs=1, generations=40, rng=KEY, record=["weights"])
        run = reference.simulate(net, 40, KEY, 0)
        np.testing.assert_allclose(found.weights[0], run.weights, rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("seed", range(60))
    def test_does_so_for_any_network(self, seed: int) -> None:
        net = any_network(seed)
        expected = reference.simulate(net, GENERATIONS, seed, 0).weights
        for runs in (1, 18):  # components or runs side by side
            found = ap.simulate(net, runs=runs, generations=GENERATIONS, rng=seed, threads=1)
            np.testing.assert_allclose(found.weights[0], expected, rtol=1e-8, atol=1e-11)

    def test_prunes_in_two_ways(self) -> None:
        """Each way is another, so that the reference judges both."""
        usual, active = simulated("a prior").weights, simulated("active components").weights
        assert (usual == 0).any()
        assert (active == 0).any()
        assert abs(usual - active).max() > 1e-3

    def test_prunes_in_one_way_where_nothing_is_pruned(self) -> None:
        usual, active = network(4, prior=1e-3), network(4, prior=1e-3, active_components=True)
        study: dict[str, Any] = {"runs": 20, "generations": 3, "rng": 1}
        first, second = (ap.simulate(net, **study).weights for net in (usual, active))
        assert (first > 0).all()
        np.testing.assert_allclose(first, second, rtol=1e-12)

    @pytest.mark.parametrize("name", NETWORKS)
    def test_keeps_weights_on_the_simplex(self, name: str) -> None:
        found = simulated(name).weights.values
        assert (found >= 0).all()
        np.testing.assert_allclose(found.sum(axis=-1), 1.0, rtol=1e-15)
        later = found[:, 1:]
        assert not later[found[:, :-1] == 0].any(), "a weight of zero stays zero"

    @pytest.mark.parametrize("scale", [1e-140, 1e-5, 1.0, 1e7, 1e140])
    def test_does_not_depend_on_units(self, scale: float) -> None:
        net = NETWORKS["a prior"]
        scaled = ap.MixtureNetwork(
            scale * net.means, scale**2 * net.covariance, net.weights, rate=net.rate, prior=0.08
        )
        study: dict[str, Any] = {"runs": 10, "generations": 4, "rng": KEY}
        expected, found = (ap.simulate(each, **study).weights for each in (net, scaled))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


class TestCoordinates:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_keep_what_likelihoods_depend_on(self, name: str) -> None:
        net = NETWORKS[name]
        points = np.random.default_rng(4).normal(size=(7, net.feature_count))
        means, moved = _core.mixture_coordinates(net.means, net.covariance, points)
        directions = np.linalg.matrix_rank(net.means - net.means[0])
        assert means.shape[1] == max(1, directions)
        assert directions <= min(net.feature_count, net.component_count - 1)
        inverse = np.linalg.inv(net.covariance)

        def heights(points: Any, means: Any, inverse: Any) -> Any:
            gap = points[:, None] - means
            height = np.einsum("pki,ij,pkj->pk", gap, inverse, gap)
            return height - height[:, :1]

        expected = heights(points, net.means, inverse)
        found = heights(moved, means, np.eye(means.shape[1]))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)

    def test_refuse_what_is_not_definite(self) -> None:
        matrix = np.array([[1.0, 2.0], [2.0, 1.0]])
        with pytest.raises(ValueError, match="covariance must be positive definite"):
            _core.mixture_coordinates(np.eye(2), matrix, np.empty((0, 2)))


class TestRecords:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_of_distances_follow_from_the_weights(self, name: str) -> None:
        found = simulated(name)
        expected = reference.distances(found.weights.values)
        np.testing.assert_allclose(found.distances, expected, rtol=1e-13, atol=1e-16)
        norm = np.sqrt((expected**2).sum(axis=(-1, -2)))
        np.testing.assert_allclose(found.distance, norm, rtol=1e-13)
        assert (found.distances.values == found.distances.values.swapaxes(-1, -2)).all()

    def test_have_the_promised_form(self) -> None:
        found = simulated(VARIED, runs=4, first_run=10)
        assert dict(found.sizes) == {
            "run": 4, "generation": 7, "model": 3, "other": 3, "component": 3, "feature": 2,
            "column": 2,
        }  # fmt: skip
        assert found.distance.dims == ("run", "generation")
        assert found.distances.dims == ("run", "generation", "model", "other")
        assert found.weights.dims == ("run", "generation", "model", "component")
        assert found.generation.values.tolist() == list(range(7))
        assert found.run.values.tolist() == [10, 11, 12, 13]
        for name in RECORDS:
            assert found[name].dtype == np.float64
            assert found[name].attrs["long_name"] == mixtures.RECORDS[name].description

    def test_come_with_all_that_went_in(self) -> None:
        net, found = NETWORKS[VARIED], simulated(VARIED)
        for name in ("means", "covariance"):
            assert found[name].values.tolist() == getattr(net, name).tolist()
        assert found.first_weights.values.tolist() == net.weights.tolist()
        assert found.posts[:3].values.tolist() == [[0, 0, 0], [2, 0, 1], [0, 0, 0]]
        assert found.posts.dtype == np.int64
        assert found["read"][:3].values.tolist() == [[0, 0, 0], [0.29, 1, 0], [0.29, 0.5, 0]]
        assert found.rate[:3, 2].values.tolist() == [0, 1 / 5, 1 / 6]
        assert "first_posts" not in found
        given = simulated("first posts alone").first_posts
        assert given.dims == ("post", "feature")
        assert given.shape == (40, 2)

    def test_start_with_the_given_weights(self) -> None:
        found = simulated("a prior")
        np.testing.assert_allclose(found.weights[:, 0], found.first_weights.expand_dims(run=30))

    def test_default_to_distance_and_weights(self) -> None:
        found = simulated("a prior", record=None)
        assert set(found.data_vars) & set(RECORDS) == {"distance", "weights"}

    @pytest.mark.parametrize("name", RECORDS)
    def test_do_not_depend_on_each_other(self, name: str) -> None:
        whole, alone = simulated("a prior"), simulated("a prior", record=[name])
        assert whole[name].values.tobytes() == alone[name].values.tobytes()


def same_bytes(found: xr.Dataset, expected: xr.Dataset) -> bool:
    names = list(found.variables)
    return names == list(expected.variables) and all(
        found[name].values.tobytes() == expected[name].values.tobytes() for name in names
    )


LAYOUTS = ("two components", "many components", "active components", VARIED)


class TestRuns:
    @pytest.mark.parametrize("name", LAYOUTS)
    @pytest.mark.parametrize("reduce", [None, "mean"])
    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_do_not_depend_on_threads_and_parts(
        self, name: str, reduce: str | None, dtype: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        more: dict[str, Any] = {"runs": 75, "reduce": reduce, "dtype": dtype}
        expected = simulated(name, threads=1, **more)
        module = import_module("autophage.simulate")
        for chunk, seconds, threads in ((1, 1e-9, 3), (1, 1e-9, 1), (1 << 40, 10.0, 8)):
            monkeypatch.setattr(module, "FIRST_WORK", chunk)
            monkeypatch.setattr(module, "CHUNK_SECONDS", seconds)
            assert same_bytes(simulated(name, threads=threads, **more), expected)

    @pytest.mark.parametrize("reduce", [None, "mean"])
    @pytest.mark.parametrize("name", LAYOUTS)
    def test_of_shards_merge_to_the_whole(self, reduce: str | None, name: str) -> None:
        expected = simulated(name, runs=97, reduce=reduce)
        cuts = itertools.pairwise((0, 1, 2, 40, 97))
        shards = [simulated(name, runs=b - a, first_run=a, reduce=reduce) for a, b in cuts]
        assert ap.merge(shards[::-1]).identical(expected)
        assert ap.merge([ap.merge(shards[2:]), ap.merge(shards[:2])]).identical(expected)

    @pytest.mark.parametrize("name", NETWORKS)
    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_alone_are_those_of_a_batch(self, name: str, dtype: str) -> None:
        batch = simulated(name, dtype=dtype)
        for run in (0, 17, 29):
            alone = simulated(name, runs=1, first_run=run, dtype=dtype)
            assert alone.weights.values.tobytes() == batch.weights.values[run].tobytes()

    @pytest.mark.parametrize("name", NETWORKS)
    def test_do_not_depend_on_the_instruction_set(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nor on whether lanes are runs or components, which their number decides."""
        results = []
        for instructions in ("avx512", "avx2", "baseline"):
            monkeypatch.setenv("AUTOPHAGE_INSTRUCTIONS", instructions)
            for runs in (19, 1):
                both = [simulated(name, runs=runs, dtype=d) for d in ("float64", "float32")]
                results.append([one.weights.values[0].tobytes() for one in both])
        assert all(result == results[0] for result in results)

    def test_go_on_where_shorter_ones_ended(self) -> None:
        short, long = (simulated("a prior", generations=g) for g in (2, 6))
        assert short.weights.values.tobytes() == long.weights.values[:, :3].tobytes()

    def test_differ(self) -> None:
        last = simulated("components in the plane", runs=2000).weights.values[:, -1]
        judge.accept_distinct(last.reshape(2000, -1), "runs")
        judge.accept_distinct(last.reshape(8000, -1), "models")
        other = simulated("components in the plane", rng=1)
        assert not same_bytes(other, simulated("components in the plane"))

    def test_the_last_there_can_be(self) -> None:
        last = simulated("a prior", runs=2, first_run=2**38 - 2)
        assert last.run.values.tolist() == [2**38 - 2, 2**38 - 1]

    @pytest.mark.parametrize("reduce", [None, "mean"])
    def test_show_their_progress(
        self, reduce: str | None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shown = simulated("a prior", reduce=reduce, progress=True)
        assert "30.0/30.0" in capsys.readouterr().err
        assert shown.identical(simulated("a prior", reduce=reduce))


class TestMeans:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_are_those_of_the_runs(self, name: str) -> None:
        runs, means = simulated(name, runs=200), simulated(name, runs=200, reduce="mean")
        for record in RECORDS:
            mean, variance = runs[record].mean("run"), runs[record].var("run", ddof=1)
            np.testing.assert_allclose(means[record], mean, rtol=1e-13, atol=1e-15)
            found = means[f"{record}_variance"]
            np.testing.assert_allclose(found, variance, rtol=1e-9, atol=1e-15)

    def test_are_exact(self) -> None:
        """The sums are those of Python's integers."""
        found = simulated("many models", runs=7, generations=3)
        means = simulated("many models", runs=7, generations=3, reduce="mean")
        for record, bits, cell in (
            ("distance", 124, (2,)), ("distances", 60, (2, 7, 1)), ("weights", 60, (2, 7, 1)),
        ):  # fmt: skip
            values = found[record].values[(slice(None), *cell)].tolist()
            assert record != "distance" or max(values) > 2.0
            whole = [int(Fraction(x) * 2**bits + Fraction(1, 2)) for x in values]
            for name, total in (("sum", sum(whole)), ("squares", sum(v**2 for v in whole))):
                limbs = means[f"{record}_{name}"].values[cell].tolist()
                expected = [(total >> 64 * i) & (2**64 - 1) for i in range(len(limbs))]
                if bits == 124 or name == "sum":
                    assert limbs == expected
                assert limbs[-1] == expected[-1]

    def test_of_one_run_have_no_variance(self) -> None:
        found = simulated("a prior", runs=1, reduce="mean")
        assert np.isnan(found.distance_variance.values).all()
        assert not np.isnan(found.distance.values).any()


def test_arrays_without_axes_are_numbers() -> None:
    mine: dict[str, Any] = {"rate": 0.1, "posts": 2, "read": 0.25}
    arrays: dict[str, Any] = {name: np.array(value) for name, value in mine.items()}
    one = ap.MixtureNetwork([-3, 3], 2.0, PAIR, **mine)
    other = ap.MixtureNetwork([-3, 3], np.array(2.0), PAIR, **arrays)
    assert one == other
    called = ap.MixtureNetwork([-3, 3], 2.0, PAIR, rate=lambda t: np.array(0.1 * t))
    assert called.schedule(2).rate[:, 0].tolist() == [0.1, 0.2]


class TestProvenance:
    @pytest.mark.parametrize("name", NETWORKS)
    @pytest.mark.parametrize("reduce", [None, "mean"])
    def test_a_result_runs_again(self, name: str, reduce: str | None) -> None:
        first = simulated(name, reduce=reduce)
        assert ap.rerun(first, threads=2).identical(first)
        header = provenance.read(first)
        assert header.model == NETWORKS[name].spelled_out(GENERATIONS)
        assert header.regime is None

    def test_also_from_a_file(self, tmp_path: Any) -> None:
        first = simulated(VARIED, reduce="mean")
        first.to_netcdf(tmp_path / "study.nc", engine="h5netcdf")
        back = xr.load_dataset(tmp_path / "study.nc", engine="h5netcdf")
        assert ap.rerun(back).identical(first)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda ds: ds.drop_vars("means"), "there must be a variable means"),
            (lambda ds: ds.drop_vars("first_weights"), "there must be a variable first_weights"),
            (lambda ds: ds.drop_vars("rate"), "there must be a variable rate"),
            (lambda ds: ds.assign(rate=ds.rate.where(ds.rate > 0, 0.5)), "rate must agree"),
            (lambda ds: ds.assign(posts=ds.posts + 1), "the variable posts must agree"),
            (lambda ds: ds.assign(means=2 * ds.means / 0), "means must be finite numbers"),
            (lambda ds: ds.assign(first_weights=ds.first_weights / 2), "weights must be a law"),
            (lambda ds: ds.assign(covariance=-ds.covariance), "covariance must be positive"),
            (lambda ds: ds.assign(mine=1), "must hold one study alone"),
            (lambda ds: ds.isel(run=slice(3)), "run must have length 30, got 3"),
            (lambda ds: ds.isel(generation=slice(3)), "generation"),
            (lambda ds: ds.isel(other=slice(2)), "other must have length 3, got 2"),
        ],
    )
    def test_a_damaged_one_is_refused(self, change: Any, message: str) -> None:
        found = simulated(VARIED)
        with np.errstate(divide="ignore"), pytest.raises((TypeError, ValueError), match=message):
            ap.merge([change(found)])

    def test_a_number_is_the_same_everywhere(self) -> None:
        found = simulated("a prior")
        with pytest.raises(ValueError, match="the variable rate must agree with the regime, None"):
            ap.rerun(found.assign(rate=found.rate / 2))

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("regime", {"kind": "fully_synthetic", "n": 9}, "regime must be None"),
            ("dtype", "float16", "dtype must be one of 'float64', 'float32', got 'float16'"),
            ("dtype", None, "dtype must be one of"),
            ("reduce", "histogram", "reduce must be one of 'mean'"),
            ("generations", None, "generations must be an integer in .* got None"),
            ("generations", 5, "generations must be the length of the schedule, 6, got 5"),
        ],
    )
    def test_a_wrong_header_is_refused(self, field: str, value: Any, message: str) -> None:
        found = simulated(VARIED)
        content = json.loads(found.attrs["autophage"]) | {field: value}
        found.attrs["autophage"] = json.dumps(content)
        with pytest.raises(ValueError, match=message):
            ap.rerun(found)

    def test_shards_of_other_networks_are_refused(self) -> None:
        first = on_a_line([-3, 3], PAIR)
        study: dict[str, Any] = {"runs": 2, "generations": 2, "rng": 1}
        for more in ({"prior": 0.1}, {"rate": 0.2}, {"active_components": True}, {"posts": 2}):
            other = on_a_line([-3, 3], PAIR, **more)
            shards = [ap.simulate(first, **study), ap.simulate(other, first_run=2, **study)]
            with pytest.raises(ValueError, match="got another model"):
                ap.merge(shards)
