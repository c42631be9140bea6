"""Faults that such kernels have had: each planted, each caught by a judge of the real tests.

Every judge here first passes the package's own kernel, compiled the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import xarray as xr

import autophage as ap
import interacting_reference
import judge
import planted
import test_backends
import test_interacting
import test_laws
import test_lyapunov
import test_lyapunov_status
import test_mixture
import test_mixture_law
import test_regimes_agree
from autophage.records import Study

KEY = 0xFA17_0001
core: Any = import_module("autophage.simulate")._core


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> planted.Kernel:
    if planted.compiler() is None or not planted.SOURCES.is_dir():
        pytest.skip("needs a C++ compiler and the sources")
    return planted.Kernel(tmp_path_factory.mktemp("planted"))


@pytest.fixture
def kernel(compiled: planted.Kernel, monkeypatch: pytest.MonkeyPatch) -> Iterator[planted.Kernel]:
    monkeypatch.setattr(core, "run_chains", compiled.run_chains)
    monkeypatch.setattr(core, "run_interacting", compiled.run_interacting)
    monkeypatch.setattr(core, "solve_lyapunov", compiled.solve_lyapunov)
    monkeypatch.setattr(core, "run_mixtures", compiled.run_mixtures)
    yield compiled
    compiled.fault = None


def times_of_many_runs() -> None:
    """The pooled z of mean times (test_laws), over runs enough for a bias of 1e-3."""
    p, runs = test_laws.uniform(2), 8_000_000
    law = ap.collapse_law(p, 10)
    means = [test_laws.sample(p, 10, runs, KEY + i).mean for i in range(4)]
    errors = np.full(4, np.sqrt(float(law.variance) / runs))
    judge.accept_relative_bias(means, np.full(4, law.mean), errors)


def times() -> None:
    """The chi-square test of collapse times (test_laws)."""
    for p, n in test_laws.CASES["n 10, skew"], test_laws.CASES["n 129, three tokens"]:
        found = test_laws.sample(p, n, 50_000, KEY)
        judge.accept(test_laws.fit_of_times(f"n {n}", found.times, ap.collapse_law(p, n)))


def first_generations() -> None:
    """Moments of draws from p alone (test_laws), up to n = 2^53 + 1."""
    tests = test_laws.TestFirstGenerations()
    for n in (1000, 2**33, 2**53 + 1):
        tests.test_have_the_moments_of_a_multinomial(n, 200)


def rare_tokens() -> None:
    """Tokens of probability 1e-17 among 2^62 draws (test_laws)."""
    test_laws.TestFirstGenerations().test_rare_tokens_come_as_often_as_they_should(2**62, 1e-17)


def paths() -> None:
    """Whole paths of small chains against complete enumeration (test_regimes_agree)."""
    p, regime = [0.5, 0.3, 0.2], ap.FullySynthetic(3)
    found = ap.simulate(
        ap.Categorical(p), regime, runs=2_000_000, generations=3, rng=KEY, record=["p"]
    )
    judge.accept(test_regimes_agree.fit_of_paths(p, found.p.values, regime))


def second_moments() -> None:
    """Second moments of a contaminated source against the recursion (test_regimes_agree)."""
    moments_of(test_regimes_agree.LAWS["skew"], ap.Contaminated(1000, alpha=0.5))


def moments_of_counts() -> None:
    """Second moments of chains whose counts are drawn from the middle on (test_regimes_agree)."""
    for p in (test_regimes_agree.LAWS["skew"], test_laws.uniform(9)):
        moments_of(p, ap.FullySynthetic(300))


def moments_of(p: Any, regime: Any) -> None:
    runs, records = 50_000, test_regimes_agree.MOMENTS
    found = ap.simulate(
        ap.Categorical(p), regime, runs=runs, generations=4, rng=KEY, record=records
    )
    means = {name: found[name].mean("run") for name in records}
    means |= {f"{name}_variance": found[name].var("run", ddof=1) for name in records}
    test_regimes_agree.judge_moments(means, ap.moments(p, regime, 4), runs, repr(regime))


def entities() -> None:
    """Second moments within and between entities, weights changing (test_interacting)."""
    laws, public = test_interacting.LAWS[1:].tolist(), test_interacting.LAWS[0].tolist()
    weights = ([0.5, 0.875, 0.5, 0.75], [1.0, 0.125, 0.875, 0.25])
    for real, own in ((None, False), (([9, 9, 30], 20), True)):
        study = interacting_reference.Study(laws, public, *weights, [40] * 4, real, own)
        found = test_interacting.simulated(study, 20_000).p.values
        test_interacting.judge_moments(study, found, test_interacting.exact(study))


def pools() -> None:
    """No two pools share their draws (test_interacting)."""
    test_interacting.TestOneHash().test_no_two_entities_runs_or_pools_share_their_draws()


def absorption() -> None:
    """Entities with pools alone are absorbed together, and for ever (test_interacting)."""
    test_interacting.TestAbsorption().test_of_a_pool_alone_is_that_of_all_entities()


def distinct_draws() -> None:
    """No two runs, contexts or shards share their draws (test_backends)."""
    test_backends.TestPrefixes().test_runs_contexts_and_keys_have_their_own_draws()


def stored_hash() -> None:
    """The hash of integer results (test_backends)."""
    hashes = {
        name: test_backends.digest([test_backends.study(name, threads=1)])
        for name in test_backends.REGIMES
    }
    test_backends.TestOneHash().test_is_the_stored_one(hashes)


def real_records() -> None:
    """The hash of records that are rounded more than once (test_backends)."""
    test_backends.TestOneHash().test_of_real_records()


def small_equations() -> None:
    """Forward errors of 16 x 16 equations up to a radius of .999999 (test_lyapunov)."""
    test_lyapunov.TestAccuracy().test_random(16)


def large_equations() -> None:
    """Forward errors of unrefined equations in packs (test_lyapunov)."""
    test_lyapunov.TestAccuracy().test_large(20, 0.5, triangular=False)


def rows_of_equations() -> None:
    """Forward errors of an equation that has all lanes to itself (test_lyapunov)."""
    test_lyapunov.TestAccuracy().test_large(50, 0.5, triangular=False)


def hard_equations() -> None:
    """A Jordan block whose powers no double can hold (test_lyapunov)."""
    test_lyapunov.TestAccuracy().test_dtlex_42(10, 0.9)


def refined_equations() -> None:
    """Refined solutions are right to the last digit (test_lyapunov)."""
    test_lyapunov.TestAccuracy().test_refined_to_the_rounding_of_x(8)


def refined_at_any_size() -> None:
    """So are large ones that needed many doublings (test_lyapunov_status)."""
    for n in (32, 50):
        test_lyapunov_status.test_refined_at_any_size(n, triangular=False)


def lone_equations() -> None:
    """Items have the same bits alone and in a batch (test_lyapunov)."""
    test_lyapunov.TestItems().test_bits_do_not_depend_on_the_batch()


def replayed_mixtures() -> None:
    """Mixtures that prune, step by step (test_mixture)."""
    for name in ("a prior", "active components"):
        test_mixture.TestKernel().test_does_what_the_reference_does(name)


CAUGHT: dict[str, Callable[[], None]] = {
    "bias of 1e-3": times_of_many_runs,
    "mirror of a pair dropped": paths,
    "steps too long": moments_of_counts,
    "large share not flipped": moments_of_counts,
    "time off by one": times,
    "last category dropped": first_generations,
    "two purposes, one stream": second_moments,
    "float32 cumulative sum": first_generations,
    "residual of nothing": rare_tokens,
    "swapped streams": stored_hash,
    "contexts share draws": distinct_draws,
    "repeated shard": distinct_draws,
    "missing shard": stored_hash,
    "32-bit count": first_generations,
    "fused multiply-add": real_records,
    "zero mapped wrongly": stored_hash,
    "weights of the wrong generation": entities,
    "entities keep the same words": pools,
    "absorbed alone": absorption,
    "pools share draws": pools,
    "doubling dropped": large_equations,
    "neighbours go on": lone_equations,
    "residual in plain precision": refined_equations,
    "conjugate forgotten": hard_equations,
    "a transposed": small_equations,
    "diagonal tile dropped": rows_of_equations,
    "large ones never refined": refined_at_any_size,
    "posts read twice": test_mixture_law.every_gap,
    "last post never read": test_mixture_law.given_pool,
    "a component picked too often": test_mixture_law.authors,
    "narrow posts": test_mixture_law.overlap,
    "the dead are counted": replayed_mixtures,
    "prior once": test_mixture_law.given_pool,
    "sum not carried": replayed_mixtures,
}


def test_every_planted_fault_has_its_judge() -> None:
    assert set(CAUGHT) == set(planted.NAMES)
    assert len(CAUGHT) + 2 >= 12  # those of merging are below


# The longest judge passes the kernel without a fault in test_laws.
JUDGES = [f for f in dict.fromkeys(CAUGHT.values()) if f is not times_of_many_runs]


@pytest.mark.parametrize("judged", JUDGES, ids=lambda f: f.__name__)
def test_the_kernel_without_a_fault_passes(
    judged: Callable[[], None], kernel: planted.Kernel
) -> None:
    assert kernel.fault is None
    judged()


@pytest.mark.parametrize("fault", CAUGHT)
def test_a_fault_is_caught(fault: str, kernel: planted.Kernel) -> None:
    kernel.fault = fault
    with pytest.raises(AssertionError):
        CAUGHT[fault]()


class TestMergingWrongly:
    """Faults of joining shards, in what `merge` is made of."""

    def merged(self) -> tuple[xr.Dataset, xr.Dataset]:
        more: dict[str, Any] = {"reduce": "mean", "record": ["sigma"]}
        parts = [
            test_backends.study("labels", runs, first, **more)
            for first, runs in test_backends.cuts(test_backends.RUNS, 3)
        ]
        return ap.merge(parts), test_backends.study("labels", **more)

    def test_the_right_way_passes(self) -> None:
        test_backends.accept_same_bytes(*self.merged())

    def test_wrong_weights_are_caught(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every shard the same weight, whatever its number of runs."""
        module = import_module("autophage.provenance")

        def join(study: Study, parts: list[dict[str, Any]]) -> Any:
            dims = study.dims("sigma")
            names = ("sigma", "sigma_variance")
            exact = module.reductions.mean_variables(
                study, module.sums_of(study, parts[0]), study.runs
            )
            means = {name: np.mean([part[name] for part in parts], axis=0) for name in names}
            return exact | {name: (dims, mean) for name, mean in means.items()}

        monkeypatch.setattr(module, "_join_means", join)
        with pytest.raises(AssertionError):
            test_backends.accept_same_bytes(*self.merged())

    @pytest.mark.parametrize("fault", ["a shard twice", "no carry"])
    def test_wrong_sums_are_caught(self, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
        add = core.add_sums

        def wrong(total: Any, part: Any) -> None:
            if fault == "no carry":
                total += part
                return
            add(total, part)
            add(total, part)

        module = import_module("autophage.provenance")
        monkeypatch.setattr(module._core, "add_sums", wrong)
        with pytest.raises(AssertionError):
            test_backends.accept_same_bytes(*self.merged())

    def test_a_missing_or_repeated_shard_is_refused(self) -> None:
        parts = [
            test_backends.study("labels", runs, first, reduce="mean", record=["sigma"])
            for first, runs in test_backends.cuts(test_backends.RUNS, 3)
        ]
        with pytest.raises(ValueError, match="leave a gap"):
            ap.merge([parts[0], parts[2]])
        with pytest.raises(ValueError, match="overlap"):
            ap.merge([parts[0], parts[1], parts[1], parts[2]])
