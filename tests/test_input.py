"""Bad arguments are met with a sentence, odd but right ones with the bits of their plain copies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import autophage as ap
from malformed import CASES, MODEL, REGIME, TARGETS, Case, bytes_of

LEAST_CASES = 400
LEAST_KINDS = 16

# Reproducible, and without a clock: a slow machine is no failure.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
CI = settings.get_profile("ci")


def label(case: Case) -> str:
    return f"{case.target}-{case.kind}"


class TestTable:
    def test_is_large_and_varied(self) -> None:
        assert len(CASES) >= LEAST_CASES
        assert len({case.kind for case in CASES}) >= LEAST_KINDS
        assert {case.target for case in CASES} == set(TARGETS)

    @pytest.mark.parametrize("case", [c for c in CASES if c.says is not None], ids=label)
    def test_refused(self, case: Case) -> None:
        target = TARGETS[case.target]
        with pytest.raises((TypeError, ValueError)) as caught:
            target.call(case.value)
        said = str(caught.value)
        assert case.says is not None
        missing = [part for part in (target.parameter, *case.says) if part not in said]
        assert not missing, f"the message lacks {missing}: {said}"

    @pytest.mark.parametrize("case", [c for c in CASES if c.says is None], ids=label)
    def test_accepted(self, case: Case) -> None:
        call = TARGETS[case.target].call
        assert call(case.value) == call(case.plain)


# Anything at all, but for integers that would be right and take for ever.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 6),
    st.integers(min_value=2**64),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.sampled_from([np.float32(0.5), np.int8(3), np.True_, object(), Exception, NotImplemented]),
)
ANYTHING = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=4),
    st.lists(st.lists(SCALARS, max_size=3), max_size=3),
    st.tuples(SCALARS, SCALARS),
    st.dictionaries(st.text(max_size=3), SCALARS, max_size=2),
    st.lists(st.floats(0, 1), min_size=1, max_size=5).map(np.array),
)
PARAMETERS: dict[str, Callable[[Any], object]] = {
    **{name: target.call for name, target in TARGETS.items()},
    "Categorical(token_labels)": lambda x: ap.Categorical([0.5, 0.5], token_labels=x),
    "Categorical(context_labels)": lambda x: ap.Categorical([[0.5, 0.5]], context_labels=x),
    "law_with(support)": lambda x: ap.law_with(x, 0.5),
    "law_with(sum_of_squares)": lambda x: ap.law_with(5, x),
    "law_with(tokens)": lambda x: ap.law_with(3, 0.5, tokens=x),
    "AccumulateSubsample(replace)": lambda x: ap.AccumulateSubsample(5, replace=x),
    "Filtered(regime)": lambda x: ap.Filtered(x, 0.5, 0.5),
    "Filtered(test)": lambda x: ap.Filtered(REGIME, 0.5, 0.5, test=x),
    "Adaptive(rule)": lambda x: ap.Adaptive(5, rule=x, constant=1.0),
    "Interacting(n)": lambda x: ap.Interacting(0.5, 0.5, x),
    "Interacting(real)": lambda x: ap.Interacting(0.5, 0.5, 9, real=x),
    "Interacting(own_pools)": lambda x: ap.Interacting(0.5, 0.5, 9, own_pools=x),
    "moments(regime)": lambda x: ap.moments([0.5, 0.5], x, 3),
    "schedule(generations)": lambda x: REGIME.schedule(x),
    "schedule(contexts)": lambda x: REGIME.schedule(3, x),
    "rerun": ap.rerun,
    "merge": ap.merge,
    "philox4x32(counter)": lambda x: ap.random.philox4x32(x, [1, 2]),
    "philox4x32(key)": lambda x: ap.random.philox4x32([1, 2, 3, 4], x),
    "cdf(m)": lambda x: ap.collapse_law([0.5, 0.5], 5).cdf(x),
    "sf(m)": lambda x: ap.collapse_law([0.5, 0.5], 5).sf(x),
    "pmf(m)": lambda x: ap.collapse_law([0.5, 0.5], 5).pmf(x),
    "quantile(q)": lambda x: ap.collapse_law([0.5, 0.5], 5).quantile(x),
    "sample(size)": lambda x: ap.collapse_law([0.5, 0.5], 5).sample(x, 1),
    "sample(rng)": lambda x: ap.collapse_law([0.5, 0.5], 5).sample(3, x),
    "surviving_tokens(m)": lambda x: ap.collapse_law([0.5, 0.5], 5).surviving_tokens(x),
    "token_lost(m)": lambda x: ap.collapse_law([0.5, 0.5], 5).token_lost(x),
    "marginal(token)": lambda x: ap.collapse_law([0.5, 0.5], 5).marginal(x, 2),
    "marginal(m)": lambda x: ap.collapse_law([0.5, 0.5], 5).marginal(0, x),
    "expected_l1(m)": lambda x: ap.collapse_law([0.5, 0.5], 5).expected_l1(x),
    "point_mass(m)": lambda x: ap.contaminated_law([0.5, 0.5], 5, 0.5).point_mass(x),
    "token_absent(m)": lambda x: ap.contaminated_law([0.5, 0.5], 5, 0.5).token_absent(x),
}


@pytest.mark.parametrize("name", sorted(PARAMETERS))
@settings(CI, max_examples=220)
@given(value=ANYTHING)
def test_anything_is_used_or_refused(name: str, value: Any) -> None:
    try:
        PARAMETERS[name](value)
    except (TypeError, ValueError, MemoryError) as error:
        said = str(error)
    else:
        said = "used"
    assert said, "an error without a word"


def a_law(size: int) -> st.SearchStrategy[np.ndarray[Any, np.dtype[np.float64]]]:
    weights = st.lists(st.floats(0, 1), min_size=size, max_size=size)
    return weights.filter(lambda w: sum(w) > 1e-3).map(lambda w: np.array(w) / math.fsum(w))


LAWS = st.integers(1, 6).flatmap(a_law)
SHARES = st.floats(0, 1)
COUNTS = st.one_of(
    st.integers(1, 40),
    st.lists(st.integers(1, 40), min_size=4, max_size=6),
    st.just(lambda t: 3 * t),
)
CONTAMINATED = st.builds(ap.Contaminated, COUNTS, SHARES)
REGIMES = st.one_of(
    st.builds(ap.FullySynthetic, COUNTS),
    st.builds(ap.PartiallySynthetic, COUNTS, st.integers(1, 40)),
    st.builds(ap.MostRecent, COUNTS, st.integers(1, 6)),
    st.builds(ap.RandomlySampled, COUNTS),
    CONTAMINATED,
    st.builds(ap.Accumulate, COUNTS, SHARES),
    st.builds(ap.AccumulateSubsample, COUNTS, st.booleans(), SHARES),
    st.builds(ap.Adaptive, COUNTS, constant=st.floats(1e-3, 10)),
    st.builds(ap.Filtered, CONTAMINATED, st.floats(0, 0.5), st.floats(0.25, 1)),
)
RECORDS = ("collapse_time", "absorption_time", "final_token", "support", "sigma", "max_p",
           "l1_to_truth", "l1_to_first", "l2_to_truth", "l2_to_first", "p")  # fmt: skip


@settings(CI, max_examples=1000)
@given(p=LAWS, regime=REGIMES, key=st.integers(0, 2**64 - 1), first=st.integers(0, 2**38 - 3))
def test_simulated_laws_are_laws(p: Any, regime: Any, key: int, first: int) -> None:
    ds = ap.simulate(
        ap.Categorical(p), regime, runs=3, generations=4, rng=key, first_run=first,
        record=RECORDS, threads=1,
    )  # fmt: skip
    laws = ds["p"].values
    assert (laws >= 0).all()
    np.testing.assert_allclose(laws.sum(axis=-1), 1.0, atol=1e-12)
    assert not laws[..., p == 0].any(), "a token of probability zero was drawn"
    np.testing.assert_allclose(ds["sigma"], np.square(laws).sum(axis=-1), atol=1e-12)
    np.testing.assert_allclose(ds["max_p"], laws.max(axis=-1), atol=1e-12)
    assert (ds["support"].values == np.count_nonzero(laws, axis=-1)).all()
    mass = laws.max(axis=-1) == 1.0
    expected = np.where(mass.any(axis=1), mass.argmax(axis=1) + 1, -1)
    assert (ds["collapse_time"].values == expected).all()
    assert ds["run"].values.tolist() == [first, first + 1, first + 2]


@settings(CI, max_examples=300)
@given(
    p=LAWS,
    regime=REGIMES,
    key=st.integers(0, 2**64 - 1),
    cut=st.integers(1, 8),
    reduce=st.sampled_from([None, "mean", "histogram"]),
)
def test_shards_merge_and_rerun_to_the_same_bytes(
    p: Any, regime: Any, key: int, cut: int, reduce: str | None
) -> None:
    def run(first: int, count: int) -> Any:
        study: dict[str, Any] = {"generations": 4, "rng": key, "reduce": reduce, "threads": 1}
        return ap.simulate(
            ap.Categorical(p), regime.spelled_out(4), runs=count, first_run=first, **study
        )

    whole = run(0, 9)
    assert bytes_of(ap.merge([run(cut, 9 - cut), run(0, cut)])) == bytes_of(whole)
    assert bytes_of(ap.rerun(whole)) == bytes_of(whole)


@settings(CI, max_examples=1000)
@given(p=LAWS, n=st.integers(1, 60))
def test_the_exact_law_keeps_the_papers_bounds(p: Any, n: int) -> None:
    # seddik2024 (7) and (8), with min(support, n) for the support.
    law = ap.collapse_law(p, n)
    rest = 1.0 - math.fsum(np.square(p).tolist())
    support = min(int(np.count_nonzero(p)), n)
    assume(rest > 1e-12)
    assert float(law.mean) <= 1.0 + rest * n * (n - 1) + 1e-9
    if support > 1:
        assert float(law.mean) >= 1.0 + rest / (1.0 - 1.0 / support) * (n - 1) - 1e-9
    m = np.arange(1, 30)
    cdf = np.asarray(law.cdf(m))
    assert (np.diff(cdf) >= -1e-12).all()
    assert (cdf >= 1.0 - n * rest * (1.0 - 1.0 / n) ** m - 1e-9).all()


@settings(CI, max_examples=500)
@given(p=LAWS, regime=REGIMES.filter(lambda r: not isinstance(r, ap.Adaptive)))
def test_exact_moments_stay_in_range(p: Any, regime: Any) -> None:
    ds = ap.moments(p, regime, 4)
    assert ((ds["sigma"] >= 1.0 / len(p) - 1e-12) & (ds["sigma"] <= 1.0 + 1e-12)).all()
    assert (ds["l2_to_truth"] >= -1e-12).all()
    assert (ds["l2_to_first"] >= -1e-12).all()


@settings(CI, max_examples=1000)
@given(model=st.just(MODEL), regime=REGIMES, generations=st.integers(1, 4))
def test_schedules_agree_with_their_spelled_out_forms(
    model: Any, regime: Any, generations: int
) -> None:
    plain = regime.spelled_out(generations, model.context_count)
    again = plain.spelled_out(generations)
    assert again == plain
    for name, rows in vars(regime.schedule(generations, 1)).items():
        assert rows.tobytes() == getattr(plain.schedule(generations, 1), name).tobytes()
