"""One hash: integer results depend on the key and the study alone, never on how it was computed.

Threads, shards, parts handed to the kernel and the order in which shards are done must not change a
bit. The hashes below were made once and are compared on every machine, compiler and instruction
set. They change only with the version of the random stream; the failing message shows the new one.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import xarray as xr

import autophage as ap
import judge
from autophage.regimes import Regime

KEY = 0xB175_0000_0000_0001
RUNS, GENERATIONS = 130, 8
LAWS = np.array([[0.5, 0.0, 0.3, 0.2, 0.0], [0.1, 0.2, 0.3, 0.0, 0.4], [0.0, 0.0, 0.0, 1.0, 0.0]])
MIXED_SIZES = [300, 60, 60, 1500, 130, 100, 3000, 20]

REGIMES: dict[str, Regime] = {
    "labels": ap.FullySynthetic(40),
    "counts": ap.FullySynthetic(400),
    "binomials": ap.FullySynthetic(5000),
    "sizes": ap.FullySynthetic(MIXED_SIZES),
    "kept": ap.PartiallySynthetic(20, real=50),
    "growing": ap.PartiallySynthetic(MIXED_SIZES, real=[5, 9, 9, 50, 150, 2500, 2500, 9000]),
    "window": ap.MostRecent(11, window=3),
    "wide window": ap.MostRecent(1500, window=3),
    "window of sizes": ap.MostRecent(MIXED_SIZES, window=3),
    "all": ap.RandomlySampled(30),
    "all of many": ap.RandomlySampled(1500),
    "all sizes": ap.RandomlySampled(MIXED_SIZES),
    "contaminated": ap.Contaminated(MIXED_SIZES, alpha=0.2),
    "accumulate": ap.Accumulate([20, 300, 5, 3000, 70_000, 9, 9, 9], alpha=0.1),
    "subsample": ap.AccumulateSubsample(MIXED_SIZES),
    "bootstrap": ap.AccumulateSubsample(MIXED_SIZES, replace=True, alpha=0.1),
    "filtered": ap.Filtered(ap.Contaminated(MIXED_SIZES, alpha=0.3), type1=0.2, type2=0.4),
    "ratio": ap.Filtered(ap.Contaminated(MIXED_SIZES, alpha=0.3), test="likelihood_ratio"),
    "adaptive": ap.Adaptive(MIXED_SIZES, rule="exponential", constant=40.0),
    "reciprocal": ap.Filtered(ap.Adaptive(40, constant=0.01), type1=0.2, type2=0.5),
}
INTEGERS = ("collapse_time", "absorption_time", "final_token", "support")

# Of RUNS runs of each regime; of p (counts over their total, rounded once) beside the integers.
HASHES: dict[str, str] = {
    "labels": "eae8abcf55c3a080",
    "counts": "77e4577eca2ac894",
    "binomials": "638353e1fe620ea7",
    "sizes": "7a640f9cbc9a4fee",
    "kept": "97bf1c91fc0d9f94",
    "growing": "073eff0a118160ec",
    "window": "c9906c3a22bc4195",
    "wide window": "126e2995e89c314b",
    "window of sizes": "ac5c2bb37b19a146",
    "all": "dc8b91e940eb699c",
    "all of many": "12259c7fa556b3fc",
    "all sizes": "e5db1f564a5f992b",
    "contaminated": "54c6f15ffa830bad",
    "accumulate": "4c6da459a2be3efc",
    "subsample": "dc8d03f275fe2f39",
    "bootstrap": "a6cfcb185be0f598",
    "filtered": "d988ff433153aa65",
    "ratio": "f2b153b22ceb5b93",
    "adaptive": "ea23f59b2b22d97d",
    "reciprocal": "01281552c53c2274",
}
HUNDRED_THOUSAND = "19e0bce9c94e9e89"
# Of real records, in plain IEEE arithmetic in the order of the core: no fused multiply-adds.
REALS = "0b0f68a9679be3db"


def study(name: str, runs: int = RUNS, first: int = 0, **more: Any) -> xr.Dataset:
    arguments: dict[str, Any] = {
        "generations": GENERATIONS,
        "record": (*INTEGERS, "p"),
        "rng": KEY,
    } | more
    return ap.simulate(ap.Categorical(LAWS), REGIMES[name], runs=runs, first_run=first, **arguments)


def digest(shards: list[xr.Dataset]) -> str:
    """Hash of the integer results and models of shards in the order of their runs."""
    names = (*INTEGERS, "p")
    return judge.digest((n, np.concatenate([s[n].values for s in shards])) for n in names)


def cuts(runs: int, shards: int) -> list[tuple[int, int]]:
    """First run and number of runs of each of `shards` shards of uneven size."""
    edges = np.unique(np.rint(runs * np.linspace(0.0, 1.0, shards + 1) ** 1.1).astype(int))
    assert len(edges) == shards + 1
    return [(int(a), int(b - a)) for a, b in itertools.pairwise(edges)]


def in_order(name: str, shards: int, order: str, threads: int) -> list[xr.Dataset]:
    """Shards of a study, done first to last, in a random order, or several at a time."""
    todo = cuts(RUNS, shards)
    if order == "shuffled":
        np.random.default_rng(shards).shuffle(todo)

    def one(cut: tuple[int, int]) -> xr.Dataset:
        return study(name, cut[1], cut[0], threads=threads)

    if order == "at once":
        with ThreadPoolExecutor(3) as pool:
            return list(pool.map(one, todo))
    return sorted(map(one, todo), key=lambda shard: int(shard.run[0]))


THREADS, SHARDS = (1, 2, 3, 4, 8, 16), (1, 2, 7, 64)
PARTS: tuple[dict[str, float], ...] = (
    {},
    {"CHUNK_SECONDS": 1e-9, "HISTOGRAM_CELLS": 1},
    {"CHUNK_SECONDS": 1e9},
)
ORDERS = ("first to last", "shuffled", "at once")
COMBINATIONS = [
    (threads, shards, parts, order)
    for threads, shards, parts, order in itertools.product(THREADS, SHARDS, range(3), ORDERS)
    if shards > 1 or order == "first to last"
]
REGIMES_AT_ONCE = {1: len(REGIMES), 2: len(REGIMES), 7: 6, 64: 1}  # in turn, so that all come


@pytest.fixture(scope="module")
def hashes() -> dict[str, str]:
    return {name: digest([study(name, threads=1)]) for name in REGIMES}


class TestOneHash:
    def test_is_the_stored_one(self, hashes: dict[str, str]) -> None:
        assert hashes == HASHES, f"another stream, or another arithmetic: {hashes}"

    def test_for_threads_shards_parts_and_orders(
        self, hashes: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert len(COMBINATIONS) >= 150
        turn, compared = itertools.cycle(REGIMES), set()
        for threads, shards, parts, order in COMBINATIONS:
            with monkeypatch.context() as patch:
                for name, value in PARTS[parts].items():
                    patch.setattr(import_module("autophage.simulate"), name, value)
                for name in itertools.islice(turn, REGIMES_AT_ONCE[shards]):
                    found = digest(in_order(name, shards, order, threads))
                    how = f"{threads} threads, {shards} shards {order}, parts {PARTS[parts]}"
                    assert found == hashes[name], f"{name}: {how}"
                    compared.add((name, shards))
        assert compared == set(itertools.product(REGIMES, SHARDS))

    @pytest.mark.parametrize("name", REGIMES)
    def test_for_any_set_of_records(self, name: str, hashes: dict[str, str]) -> None:
        everything = [*INTEGERS, "p", "sigma", "max_p", "l1_to_first", "l2_to_truth"]
        whole = study(name, record=everything)
        assert digest([whole]) == hashes[name]
        for record in everything:
            alone = study(name, record=[record])[record]
            assert alone.values.tobytes() == whole[record].values.tobytes(), record
        counts = study(name, record=["collapse_time"], reduce="histogram")
        np.testing.assert_array_equal(counts.not_reached, (whole.collapse_time < 0).sum("run"))

    @pytest.mark.parametrize("name", ["labels", "binomials", "window", "wide window"])
    def test_with_a_horizon_or_without(self, name: str) -> None:
        more: dict[str, Any] = {"runs": 12, "record": INTEGERS[:3]}
        more["generations"] = 400 if name != "binomials" else 60_000
        if name == "wide window":
            more["generations"] = 40_000
        known = study(name, **more)
        for record in ([*INTEGERS[:3]], ["collapse_time"], ["final_token"]):
            found = study(name, **(more | {"generations": None, "record": record}))
            for each in record:
                times, reached = known[each].values, known[each].values >= 0
                assert reached.any()
                np.testing.assert_array_equal(found[each].values[reached], times[reached])

    def test_of_a_hundred_thousand_runs(self) -> None:
        found = ap.simulate(
            ap.Categorical([0.5, 0.2, 0.2, 0.1]), ap.FullySynthetic([40, 140, 60, 25]),
            runs=100_000, rng=KEY, record=INTEGERS[:3],
        )  # fmt: skip
        value = judge.digest((name, found[name].values) for name in INTEGERS[:3])
        assert value == HUNDRED_THOUSAND, f"another stream, or another arithmetic: {value}"

    def test_of_real_records(self) -> None:
        value = real_digest()
        assert value == REALS, f"sums in another order, or fused multiply-adds: {value}"


def real_digest() -> str:
    """Hash of the records that are rounded more than once."""
    records = ("sigma", "max_p", "l1_to_truth", "l1_to_first", "l2_to_truth", "l2_to_first")
    found = {name: study(name, record=records) for name in ("labels", "growing", "adaptive")}
    return judge.digest((r, shard[r].values) for shard in found.values() for r in records)


class TestPrefixes:
    @pytest.mark.parametrize("name", REGIMES)
    def test_a_short_study_is_the_start_of_a_long_one(self, name: str) -> None:
        regime = REGIMES[name]
        more: dict[str, Any] = {"runs": 20, "rng": KEY, "record": ["p", "support", "l1_to_first"]}
        long = ap.simulate(ap.Categorical(LAWS), regime, generations=GENERATIONS, **more)
        for generations in (1, 5):
            short = ap.simulate(ap.Categorical(LAWS), regime, generations=generations, **more)
            for record in more["record"]:
                first = long[record].isel(generation=slice(generations))
                np.testing.assert_array_equal(short[record], first, err_msg=record)

    def test_fifty_generations_are_the_first_fifty_of_a_hundred(self) -> None:
        for regime in (ap.FullySynthetic(200), ap.Accumulate(900), ap.RandomlySampled(1000)):
            more: dict[str, Any] = {"runs": 50, "rng": KEY, "record": ["p", "collapse_time"]}
            long = ap.simulate(ap.Categorical(LAWS[0]), regime, generations=100, **more)
            short = ap.simulate(ap.Categorical(LAWS[0]), regime, generations=50, **more)
            np.testing.assert_array_equal(short.p, long.p[:, :50])
            times = long.collapse_time.values
            np.testing.assert_array_equal(short.collapse_time, np.where(times <= 50, times, -1))

    @pytest.mark.parametrize("name", REGIMES)
    def test_one_run_alone_is_that_run_of_a_batch(self, name: str) -> None:
        batch, alone = study(name), study(name, 1, 17)
        for record in (*INTEGERS, "p"):
            np.testing.assert_array_equal(alone[record].values, batch[record].values[17:18])

    def test_contexts_do_not_depend_on_later_ones(self) -> None:
        many = ap.Categorical(np.tile(LAWS[:2], (50, 1)))
        more: dict[str, Any] = {"runs": 5, "rng": KEY, "generations": 6, "record": ["p"]}
        found = ap.simulate(many, ap.FullySynthetic(30), **more).p.values
        few = ap.simulate(ap.Categorical(LAWS[:2]), ap.FullySynthetic(30), **more).p.values
        np.testing.assert_array_equal(found[:, :, :2], few)

    def test_runs_contexts_and_keys_have_their_own_draws(self) -> None:
        model = ap.Categorical(np.full((6, 50), 0.02))
        rows, keys = [], (KEY, KEY + 1, KEY ^ 2**63)
        for key, first in itertools.product(keys, (0, 2**32, 2**38 - 6)):
            found = ap.simulate(
                model, ap.FullySynthetic(60), runs=6, first_run=first, generations=5, rng=key,
                record=["p"],
            )  # fmt: skip
            rows.append(found.p.values.transpose(0, 2, 1, 3).reshape(36, -1))
        judge.accept_distinct(np.concatenate(rows), "runs, contexts and keys")


def accept_same_bytes(found: xr.Dataset, expected: xr.Dataset) -> None:
    """Pass a Dataset of which nothing differs from another, to the last bit."""
    assert found.identical(expected)
    for name, variable in expected.variables.items():
        assert found[name].values.tobytes() == variable.values.tobytes(), name


class TestMerging:
    @pytest.mark.parametrize("name", REGIMES)
    @pytest.mark.parametrize("reduce", ["mean", "histogram"])
    def test_any_sharding_gives_the_same_bytes(self, name: str, reduce: str) -> None:
        record = ["collapse_time"] if reduce == "histogram" else ["absorption_time", "sigma", "p"]
        whole = study(name, reduce=reduce, record=record, threads=3)
        for shards in (2, 7):
            parts = [
                study(name, runs, first, reduce=reduce, record=record, threads=1 + first % 3)
                for first, runs in cuts(RUNS, shards)
            ]
            np.random.default_rng(shards).shuffle(parts)
            accept_same_bytes(ap.merge(parts), whole)

    @pytest.mark.parametrize("reduce", [None, "mean", "histogram"])
    def test_sixty_four_shards_in_two_steps(self, reduce: str | None) -> None:
        more: dict[str, Any] = {"reduce": reduce, "record": ["collapse_time"]}
        parts = [study("labels", runs, first, **more) for first, runs in cuts(RUNS, 64)]
        halves = [ap.merge(parts[32:][::-1]), ap.merge(parts[:32])]
        accept_same_bytes(ap.merge(halves), study("labels", **more))

    def test_means_are_those_of_the_runs(self) -> None:
        record = ["collapse_time", "sigma", "support", "l1_to_truth", "p"]
        runs, means = study("labels", record=record), study("labels", record=record, reduce="mean")
        reached = runs.collapse_time.where(runs.collapse_time > 0)
        runs = runs.assign(collapse_time=reached)
        for name in record:
            np.testing.assert_allclose(means[name], runs[name].mean("run"), rtol=1e-14, atol=1e-16)
            np.testing.assert_allclose(
                means[f"{name}_variance"], runs[name].var("run", ddof=1), rtol=1e-11, atol=1e-16
            )
        assert (means.collapse_time_reached == reached.notnull().sum("run")).all()
