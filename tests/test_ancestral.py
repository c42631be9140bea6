"""`method="ancestral"`: the joint law of collapse time and last token, options, refusals, bits."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import xarray as xr

import autophage as ap
import enumeration
import judge
from autophage import ancestral

core: Any = import_module("autophage.simulate")._core
KEY = 0xA2CE_0001
RUNS = 1_000_000

CASES: dict[str, tuple[list[float], int]] = {
    "n 1": ([0.3, 0.7], 1),
    "n 2": ([0.3, 0.7], 2),
    "n 3, three tokens": ([0.5, 0.3, 0.2], 3),
    "n 4": ([0.1, 0.9], 4),
    "n 5, zeros": ([0.0, 0.6, 0.0, 0.3, 0.1], 5),
    "n 6, equal": ([1 / 3, 1 / 3, 1 / 3], 6),
    "n 8, skew": ([0.98, 0.02], 8),
    "n 20": ([0.25, 0.75], 20),
    "n 60, skew": ([0.01, 0.99], 60),
    "n 60, equal": ([0.5, 0.5], 60),
}


@cache
def joint_law(p: tuple[float, ...], n: int) -> Any:
    """P(T = m, I = i), m = 1 .. 40 n, by the chain of all count vectors; what is left comes last.

    Tokens are those of positive probability.
    """
    states = [counts for counts, _ in enumeration.outcomes((0.5,) * len(p), n)]
    place = {counts: index for index, counts in enumerate(states)}
    step = np.zeros((len(states), len(states)))
    for counts, index in place.items():
        law = tuple(c / n for c in counts)
        for after, chance in enumeration.outcomes(law, n):
            step[index, place[after]] += chance
    ends = [place[tuple(n * (i == k) for i in range(len(p)))] for k in range(len(p))]
    now = np.zeros(len(states))
    for counts, chance in enumeration.outcomes(p, n):
        now[place[counts]] += chance
    rows = []
    for _ in range(40 * n):
        rows.append(now[ends])
        now[ends] = 0.0
        now = now @ step
    return np.append(np.array(rows).T.reshape(-1), now.sum())


def ends(p: Any, n: Any, runs: int = RUNS, **more: Any) -> xr.Dataset:
    arguments: dict[str, Any] = {"runs": runs, "rng": KEY, "method": "ancestral"} | more
    return ap.simulate(ap.Categorical(p), ap.FullySynthetic(n), **arguments)


def fit(name: str, found: xr.Dataset) -> judge.Fit:
    """The chi-square test of the joint law."""
    p, n = CASES[name]
    living = np.flatnonzero(p)
    expected = joint_law(tuple(np.array(p)[living]), n) * found.sizes["run"]
    rank = np.searchsorted(living, found.final_token.values)
    assert (living[rank] == found.final_token).all(), "a token of probability zero"
    late = found.collapse_time.values > 40 * n
    cell = np.where(late, len(expected) - 1, 40 * n * rank + found.collapse_time.values - 1)
    return judge.chi_square(name, np.bincount(cell, minlength=len(expected)), expected)


class TestLaw:
    def test_ancestors_explain_the_chain(self) -> None:
        # P(T <= m, I = i) = E p_i^A, A the ancestors in generation 1 of a whole generation m.
        for p, n in CASES.values():
            living = np.array(p)[np.flatnonzero(p)]
            rows = enumeration.occupancy(n, n)
            law, found = np.eye(n + 1)[n], []
            for _ in range(40 * n):
                found.append(np.power.outer(living, np.arange(n + 1)) @ law)
                law = law @ rows
            exact = joint_law(tuple(living), n)[:-1].reshape(len(living), -1).cumsum(axis=1)
            np.testing.assert_allclose(np.array(found).T, exact, rtol=0, atol=1e-12)

    def test_of_time_and_token_together(self) -> None:
        judge.accept_family([fit(name, ends(*CASES[name])) for name in CASES])

    def test_that_forward_runs_have_too(self) -> None:
        some = ("n 3, three tokens", "n 8, skew", "n 20")
        found = {name: ends(*CASES[name], runs=200_000, method="forward") for name in some}
        judge.accept_family([fit(name, found[name]) for name in some])

    @pytest.mark.parametrize("n", [100, 1000, 20_000])
    def test_of_time_for_larger_n(self, n: int) -> None:
        p = ap.law_with(29, 0.1)
        law = ap.collapse_law(p, n)
        found = ends(p, n, runs=500_000, rng=KEY + n)
        time, token = found.collapse_time.values, found.final_token.values
        edges = law.quantile(np.arange(1, 200) / 200)
        cells = np.bincount(np.searchsorted(edges, time), minlength=200)
        cdf = np.concatenate([[0.0], law.cdf(edges), [1.0]])
        judge.accept(judge.chi_square(f"n {n}", cells, np.diff(cdf) * time.size))
        error = np.sqrt(law.variance / time.size)
        judge.accept_moments("mean", time.mean(), law.mean, error)
        share = np.bincount(token, minlength=29) / time.size
        judge.accept_moments("last token", share, p, np.sqrt(p * (1 - p) / time.size))

    def test_of_contexts_with_their_own_n(self) -> None:
        laws = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [0.9, 0.0, 0.1]])
        n = np.array([[3, 40, 7, 40]])
        found = ends(laws, n, runs=200_000)
        assert (found.collapse_time[:, 2] == 1).all()
        assert (found.final_token[:, 2] == 1).all()
        law = ap.collapse_law(laws, n)
        error = np.sqrt(law.variance / 200_000)
        judge.accept_moments("mean", found.collapse_time.mean("run"), law.mean, error)
        judge.accept_distinct(found.collapse_time.values.T[[1, 3]], "contexts")


def wait_too_long(table: tuple[Any, ...]) -> tuple[Any, ...]:
    row, column, *rest = table
    column = column.reshape(-1, 2).copy()
    first, size = divmod(int(row[2]), 1 << 32)
    column[first : first + size, 1] += np.uint64(16 | 16 << 32)
    return (row, column.reshape(-1), *rest)


def passed_late(table: tuple[Any, ...]) -> tuple[Any, ...]:
    row, column, start, level, above = table
    later = np.concatenate([start[:1], start + (start[1] if len(start) > 1 else 0)])
    return (row, column, later, np.append(level[:1], level), np.append(above[: later[1]], above))


class TestFaults:
    """Faults planted in the tables or in what the kernel gives."""

    @pytest.mark.parametrize("fault", [wait_too_long, passed_late], ids=lambda f: f.__name__)
    def test_in_tables_are_caught(
        self, fault: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = core.ancestral_table
        monkeypatch.setattr(core, "ancestral_table", lambda n, poll: fault(made(n, poll)))
        with pytest.raises(AssertionError):
            judge.accept_family([fit(name, ends(*CASES[name])) for name in CASES])

    def test_of_a_token_drawn_apart_is_caught_by_the_joint_law_alone(self) -> None:
        found = ends(*CASES["n 20"])
        apart = found.assign(final_token=found.final_token.roll(run=1))
        with pytest.raises(AssertionError):
            judge.accept(fit("n 20", apart))
        share = [float((data.final_token == 1).mean()) for data in (found, apart)]
        assert share[0] == share[1]


class TestOptions:
    def test_a_horizon_leaves_out_what_comes_later(self) -> None:
        whole = ends([0.5, 0.5], 30, runs=5000)
        part = ends([0.5, 0.5], 30, runs=5000, generations=40)
        early = whole.collapse_time <= 40
        assert 0 < early.mean() < 1
        for name in ("collapse_time", "final_token"):
            np.testing.assert_array_equal(part[name], whole[name].where(early, -1))

    def test_records_are_the_same_alone_and_together(self) -> None:
        names = ("collapse_time", "absorption_time", "final_token")
        both = ends([0.5, 0.5], 30, runs=3000, record=names)
        np.testing.assert_array_equal(both.collapse_time, both.absorption_time)
        for name in names:
            alone = ends([0.5, 0.5], 30, runs=3000, record=(name,))
            np.testing.assert_array_equal(alone[name], both[name])

    def test_reductions_are_those_of_the_runs(self) -> None:
        for generations in (None, 50):
            more: dict[str, Any] = {
                "generations": generations,
                "runs": 4000,
                "record": ("collapse_time",),
            }
            time = ends([0.4, 0.6], 30, **more).collapse_time.values
            reached = time[time > 0]
            mean = ends([0.4, 0.6], 30, **more, reduce="mean")
            assert int(mean.collapse_time_reached) == reached.size
            np.testing.assert_allclose(mean.collapse_time, reached.mean(), rtol=1e-15)
            np.testing.assert_allclose(mean.collapse_time_variance, reached.var(ddof=1), rtol=1e-12)
            counts = ends([0.4, 0.6], 30, **more, reduce="histogram")
            bins = np.bincount(reached, minlength=counts.sizes["generation"] + 1)[1:]
            np.testing.assert_array_equal(counts.collapse_time, bins)
            assert int(counts.not_reached) == time.size - reached.size

    def test_the_default_records_the_end(self) -> None:
        for generations in (None, 9):
            found = ends([0.5, 0.5], 3, runs=5, generations=generations)
            assert {"collapse_time", "final_token"} == set(found) - {"law", "n"}

    def test_is_not_the_default(self) -> None:
        usual = ends([0.5, 0.5], 30, runs=50, method="forward")
        again = ap.simulate(ap.Categorical([0.5, 0.5]), ap.FullySynthetic(30), runs=50, rng=KEY)
        assert usual.identical(again)
        assert "method" not in json.loads(usual.attrs["autophage"])
        assert (ends([0.5, 0.5], 30, runs=50).collapse_time != usual.collapse_time).any()


class TestProvenance:
    def test_rerun_and_merge_know_the_method(self) -> None:
        whole = ends([[0.5, 0.5], [0.1, 0.9]], [[30, 9]], runs=3000)
        assert json.loads(whole.attrs["autophage"])["method"] == "ancestral"
        assert ap.rerun(whole, threads=3).identical(whole)
        parts = [ends([[0.5, 0.5], [0.1, 0.9]], [[30, 9]], runs=1000, first_run=1000 * k)
                 for k in (2, 0, 1)]  # fmt: skip
        assert ap.merge(parts).identical(whole)

    def test_shards_of_different_methods_are_strangers(self) -> None:
        first = ends([0.5, 0.5], 30, runs=10)
        second = ends([0.5, 0.5], 30, runs=10, first_run=10, method="forward")
        with pytest.raises(ValueError, match="another method, forward against ancestral"):
            ap.merge([first, second])

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"method": "forward"}, "method must be one of 'ancestral', got 'forward'"),
            ({"method": 3}, "method must be one of 'ancestral'"),
            ({"record": ["sigma"]}, "record must be a list or tuple of names out of"),
        ],
    )
    def test_a_header_that_cannot_be_is_refused(self, change: Any, message: str) -> None:
        found = ends([0.5, 0.5], 30, runs=10)
        header = json.loads(found.attrs["autophage"]) | change
        forged = found.assign_attrs(autophage=json.dumps(header))
        with pytest.raises(ValueError, match=message):
            ap.rerun(forged)


REFUSED: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (ap.FullySynthetic(9), {"method": "dual"}, ValueError, "method must be one of 'forward'"),
    (ap.FullySynthetic(9), {"method": None}, TypeError, "method must be one of 'forward'"),
    (ap.FullySynthetic(9), {"record": ("sigma",)}, ValueError, "'final_token' .with method="),
    (ap.FullySynthetic(9), {"generations": 3, "record": ("p",)}, ValueError, "got 'p' at index"),
    (ap.FullySynthetic([9, 9, 8]), {}, ValueError, "got 9 in generation 1 and 8 in generation 3"),
    (ap.FullySynthetic(ancestral.REACH + 1), {}, ValueError, "n must be at most 250000 .*250001"),
    (ap.MostRecent(9, window=1), {}, ValueError, "regime must be a FullySynthetic .*MostRecent"),
    (ap.Contaminated(9, 0.0), {"generations": 3}, ValueError, "regime must be .*Contaminated"),
]


@pytest.mark.parametrize(("regime", "more", "kind", "message"), REFUSED)
def test_the_rest_is_refused(
    regime: Any, more: dict[str, Any], kind: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {"runs": 5, "method": "ancestral"} | more
    with pytest.raises(kind, match=message):
        ap.simulate(ap.Categorical([0.5, 0.5]), regime, **arguments)


def test_other_models_have_no_other_method() -> None:
    net = ap.MixtureNetwork([-3, 3], 1.0, [[0.9, 0.1], [0.2, 0.8]], rate=0.05)
    with pytest.raises(ValueError, match="method must be one of 'forward', got 'ancestral'"):
        ap.simulate(net, runs=2, generations=2, method="ancestral")


def test_the_largest_n_is_drawn_in_the_memory_that_is_asked_for() -> None:
    table = core.ancestral_table(100_000, None)
    assert sum(part.nbytes for part in table) <= ancestral.TABLE_BYTES * 100_000
    found = ends([0.5, 0.5], 100_000, runs=20_000)
    law = ap.collapse_law([0.5, 0.5], 100_000)
    error = np.sqrt(law.variance / 20_000)
    judge.accept_moments("mean", found.collapse_time.mean(), law.mean, error)


def test_tables_that_cannot_fit_are_refused() -> None:
    laws = np.full((20_000, 2), 0.5)
    with pytest.raises(MemoryError, match="fewer different or smaller n"):
        ends(laws, np.arange(200_000, 220_000)[None], runs=1)


INSTRUCTIONS = ("baseline", "avx2", "avx512")
HASH = "c3c9a4ea304f3374"


class TestBits:
    def test_are_the_same_however_they_are_computed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        laws = np.array([[0.5, 0.0, 0.3, 0.2], [0.001, 0.999, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
        hashes = set()
        for instructions, threads, cuts in itertools.product(
            INSTRUCTIONS, (1, 2, 5), ((0, 3000), (0, 1, 1030, 3000))
        ):
            monkeypatch.setenv("AUTOPHAGE_INSTRUCTIONS", instructions)
            shards = [
                ends(laws, [[4, 300, 20]], runs=b - a, first_run=a, threads=threads)
                for a, b in itertools.pairwise(cuts)
            ]
            data = ap.merge(shards)
            names = ("collapse_time", "final_token")
            hashes.add(judge.digest((name, data[name].values) for name in names))
        assert hashes == {HASH}

    def test_of_draws_from_the_law_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def new() -> Any:  # a law keeps the columns of its first sample
            return ap.collapse_law([[0.5, 0.3, 0.2], [0.9, 0.0, 0.1]], 30)

        law = new()
        whole = law.sample(3000, rng=KEY)
        for instructions in INSTRUCTIONS:
            monkeypatch.setenv("AUTOPHAGE_INSTRUCTIONS", instructions)
            law = new()
            np.testing.assert_array_equal(law.sample(3000, rng=KEY), whole)
            np.testing.assert_array_equal(law.sample((7, 11), rng=KEY).reshape(77, 2), whole[:77])
        judge.accept_distinct(whole.T, "contexts")
        assert (law.sample(3000, rng=KEY + 1) != whole).any()
