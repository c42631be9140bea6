"""Regimes check, spell out, compare and print their parameters."""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autophage as ap
from autophage import regimes
from autophage.regimes import Regime

TOP = 2**62
ANYTHING: Any = ap.FullySynthetic  # takes arguments that the types forbid
ALL: dict[str, Regime] = {
    "fully_synthetic": ap.FullySynthetic(10),
    "partially_synthetic": ap.PartiallySynthetic(10, real=[5, 6, 6]),
    "most_recent": ap.MostRecent([10, 20, 30], window=5),
    "randomly_sampled": ap.RandomlySampled([[1, 2], [3, 4], [5, 6]]),
    "contaminated": ap.Contaminated(10, alpha=[0.1, 1 / 3, 1.0]),
    "accumulate": ap.Accumulate(10, alpha=0.25),
    "accumulate_subsample": ap.AccumulateSubsample(10, replace=True),
    "filtered": ap.Filtered(ap.Contaminated(10, 0.1), type1=0.2, type2=0.3),
    "adaptive": ap.Adaptive(10, rule="exponential", constant=0.1),
}
EVERY = pytest.mark.parametrize("regime", ALL.values(), ids=ALL.keys())


@EVERY
def test_names_are_those_of_the_classes(regime: Regime) -> None:
    assert ALL[regime.name] is regime


@EVERY
def test_repr_evaluates_back(regime: Regime) -> None:
    again = eval(repr(regime), dict(vars(regimes)))
    assert again == regime
    assert hash(again) == hash(regime)
    assert repr(again) == repr(regime)


@EVERY
def test_regimes_are_frozen_and_travel(regime: Regime) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        regime.n = 3  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(regime)) == regime


def test_regimes_differ_by_class_and_by_every_parameter() -> None:
    others: list[Regime] = [
        *ALL.values(),
        ap.FullySynthetic(11),
        ap.FullySynthetic([10]),
        ap.FullySynthetic([[10]]),
        ap.RandomlySampled(10),
        ap.AccumulateSubsample(10, replace=False),
        ap.AccumulateSubsample(10, replace=True, alpha=0.5),
        ap.Filtered(ap.Contaminated(11, 0.1), type1=0.2, type2=0.3),
        ap.Filtered(ap.Contaminated(10, 0.1), test="likelihood_ratio"),
        ap.Filtered(ap.Contaminated(10, 0.1), test="likelihood_ratio", threshold=2.0),
        ap.Adaptive(10, constant=0.1),
    ]
    assert len(set(others)) == len(others)
    assert ap.FullySynthetic(10) != 10


def test_arrays_are_copies_that_cannot_be_written() -> None:
    n = np.array([3, 4])
    regime = ap.FullySynthetic(n)
    n[:] = 7
    assert isinstance(regime.n, np.ndarray)
    assert regime.n.tolist() == [3, 4]
    with pytest.raises(ValueError, match="read-only"):
        regime.n[0] = 1


class TestSchedule:
    def test_numbers_fill_every_generation_and_context(self) -> None:
        schedule = ap.PartiallySynthetic(10, real=5).schedule(3, 2)
        assert schedule.n.tolist() == [[10, 10]] * 3
        assert schedule.real.tolist() == [[5, 5]] * 3
        assert schedule.alpha.tolist() == [[0.0, 0.0]] * 3

    @EVERY
    def test_arrays_have_the_promised_form(self, regime: Regime) -> None:
        schedule = regime.schedule(3, 2)
        for array, dtype in zip(
            vars(schedule).values(), (np.int64, np.float64, np.int64), strict=True
        ):
            assert array.dtype == dtype
            assert array.shape == (3, 2)
            assert array.flags.c_contiguous
            assert not array.flags.writeable

    def test_arrays_are_cut_to_the_study(self) -> None:
        schedule = ap.Contaminated([1, 2, 3, 4], alpha=[0.1, 0.2, 0.3]).schedule(2, 1)
        assert schedule.n.tolist() == [[1], [2]]
        assert schedule.alpha.tolist() == [[0.1], [0.2]]

    def test_contexts_may_have_their_own_columns(self) -> None:
        schedule = ap.Contaminated([[1, 2], [3, 4]], alpha=[0.1, 0.2]).schedule(2, 2)
        assert schedule.n.tolist() == [[1, 2], [3, 4]]
        assert schedule.alpha.tolist() == [[0.1, 0.1], [0.2, 0.2]]

    def test_callables_see_generations_from_one(self) -> None:
        schedule = ap.Contaminated(lambda t: 10 * t, alpha=lambda t: 1 / t).schedule(3, 1)
        assert schedule.n[:, 0].tolist() == [10, 20, 30]
        assert schedule.alpha[:, 0].tolist() == [1.0, 0.5, 1 / 3]

    def test_an_open_study_has_as_many_rows_as_the_longest_array(self) -> None:
        assert ap.FullySynthetic(7).schedule(None, 2).n.tolist() == [[7, 7]]
        assert ap.FullySynthetic([7, 8, 9]).schedule(None, 1).n[:, 0].tolist() == [7, 8, 9]
        schedule = ap.Contaminated([7, 8, 9], alpha=[0.5, 0.25]).schedule(None, 1)
        assert schedule.alpha[:, 0].tolist() == [0.5, 0.25, 0.25]

    def test_extreme_counts_survive_to_the_bit(self) -> None:
        for n in (2**31 - 1, 2**31, 2**53 + 1, TOP):
            assert ap.FullySynthetic(n).schedule(1, 1).n[0, 0] == n
            assert ap.FullySynthetic([n]).schedule(1, 1).n[0, 0] == n

    @pytest.mark.parametrize(
        ("regime", "generations", "contexts", "message"),
        [
            (ap.FullySynthetic([1, 2]), 3, 1, "n must cover all 3 generations, got .* over 2"),
            (ap.Contaminated(1, [0.5]), 3, 1, "alpha must cover all 3 generations, got .* over 1"),
            (ap.FullySynthetic([[1, 2]]), 1, 3, r"n must have one column .* 3 .*shape \(1, 2\)"),
            (ap.FullySynthetic(lambda t: t), None, 1, "n must be .* where generations is None"),
            (ap.FullySynthetic(lambda t: 2 - t), 3, 1, "n at generation 2 must be .*got 0"),
            (ANYTHING(lambda t: t / 1), 3, 1, "n at generation 1 must be an int.*1.0"),
            (ANYTHING(lambda _: True), 3, 1, "n at generation 1 must be .*got True"),
            (ANYTHING(lambda _: [1]), 3, 1, "n must return a number, got list"),
            (ap.Contaminated(1, lambda t: t), 3, 1, r"alpha at generation 2 .*\[0, 1\], got 2"),
            (ap.PartiallySynthetic(1, lambda t: 4 - t), 3, 1, r"real must never .* 2 at index \[1"),
            (ap.PartiallySynthetic(TOP, 1), 1, 1, r"n \+ real must be at most 2\^62"),
            (ap.Accumulate(TOP // 2), 3, 1, r"n must add up to at most 2\^62 .* in context 0"),
            (ap.AccumulateSubsample([[1, TOP], [1, 1]]), 2, 2, r"n must add up .* in context 1"),
            (ap.FullySynthetic(1), 0, 1, "generations must be .*got 0"),
            (ap.FullySynthetic(1), 2**32, 1, "generations must be .*got 4294967296"),
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, regime: Regime, generations: int | None, contexts: int, message: str
    ) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            regime.schedule(generations, contexts)

    def test_draws_that_are_kept_may_reach_the_bound(self) -> None:
        assert ap.Accumulate(TOP // 2).schedule(2, 1).n.sum() == TOP
        assert ap.PartiallySynthetic(TOP - 1, 1).schedule(1, 1).real[0, 0] == 1

    @EVERY
    def test_spelled_out_regimes_have_the_same_schedule(self, regime: Regime) -> None:
        plain = regime.spelled_out(3, 2)
        for a, b in zip(
            vars(plain.schedule(3, 2)).values(), vars(regime.schedule(3, 2)).values(), strict=True
        ):
            assert a.tobytes() == b.tobytes()

    def test_spelled_out_regimes_hold_no_callable(self) -> None:
        regime = ap.Filtered(ap.Contaminated(lambda t: 10 * t, lambda t: 1 / t), 0.1, 0.2)
        expected = ap.Filtered(ap.Contaminated([10, 20], [1.0, 0.5]), 0.1, 0.2)
        assert regime.spelled_out(2) == expected

    @given(st.lists(st.integers(1, TOP), min_size=1, max_size=20), st.data())
    def test_any_counts_come_through(self, n: list[int], data: st.DataObject) -> None:
        generations = data.draw(st.integers(1, len(n)))
        assert ap.FullySynthetic(n).schedule(generations, 1).n[:, 0].tolist() == n[:generations]


class TestFilteredAndAdaptive:
    @pytest.mark.parametrize(
        ("regime", "errors", "kept"),
        [
            (ap.Contaminated(9, 0.25), (0.5, 0.1), True),
            (ap.Contaminated(9, 0.0), (1.0, 0.1), True),
            (ap.Contaminated(9, 1.0), (0.5, 0.0), True),
            (ap.Contaminated(9, 0.5), (1.0, 0.0), False),
            (ap.Contaminated(9, 0.0), (0.0, 0.0), False),
            (ap.Contaminated(9, 1.0), (1.0, 1.0), False),
            (ap.Contaminated(9, [0.0, 0.5, 0.5]), (0.0, 0.0), True),  # generation 1 is unfiltered
            (ap.Contaminated(9, [0.5, 0.5, 0.0]), (0.0, 0.0), False),
            (ap.FullySynthetic(9), (0.0, 0.1), True),
            (ap.FullySynthetic(9), (0.0, 0.0), False),
            (ap.Adaptive(9, constant=1.0), (0.9, 0.1), True),
            (ap.Adaptive(9, constant=1.0), (0.0, 0.0), False),
            (ap.Adaptive(9, constant=1.0), (1.0, 0.5), False),
        ],
    )
    def test_a_filter_must_keep_something(self, regime: Any, errors: Any, kept: bool) -> None:
        if kept:
            filtered = ap.Filtered(regime, *errors)
            assert filtered.schedule(3, 1).n.tolist() == regime.schedule(3, 1).n.tolist()
        else:
            with pytest.raises(ValueError, match="type1 and type2 must keep something"):
                ap.Filtered(regime, *errors)

    def test_callables_are_judged_when_the_length_is_known(self) -> None:
        regime = ap.Filtered(ap.Contaminated(9, lambda t: float(t < 3)), 0.0, 0.0)
        assert len(regime.schedule(2, 1).n) == 2
        with pytest.raises(ValueError, match="must keep something"):
            regime.schedule(3, 1)

    def test_a_number_that_holds_for_ever_is_judged_too(self) -> None:
        regime = ap.Filtered(ap.Contaminated(9, [0.0]), 0.0, 0.0)
        with pytest.raises(ValueError, match="must keep something"):
            regime.schedule(None, 1)

    def test_the_share_kept(self) -> None:
        regime = ap.Filtered(ap.Contaminated(9, 0.3), type1=0.2, type2=0.3)
        np.testing.assert_allclose(regime.kept_share(np.array([0.0, 0.3, 1.0])), [0.3, 0.45, 0.8])
        with pytest.raises(ValueError, match="kept_share needs test='agnostic'"):
            ap.Filtered(ap.Contaminated(9, 0.3), test="likelihood_ratio").kept_share(0.3)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"type1": 0.1}, "type2 must be a finite number .*got None"),
            ({"type1": 0.1, "type2": 1.1}, "type2 must be .* got 1.1"),
            ({"type1": math.nan, "type2": 0.1}, "type1 must be .* got nan"),
            (
                {"test": "oracle"},
                "test must be one of 'agnostic', 'likelihood_ratio', got 'oracle'",
            ),
            ({"test": "likelihood_ratio", "type1": 0.1}, "type1 must be None .* got 0.1"),
            ({"test": "likelihood_ratio", "threshold": 0.0}, "threshold must be .* got 0.0"),
            ({"test": "likelihood_ratio", "threshold": math.inf}, "threshold must be .* got inf"),
        ],
    )
    def test_wrong_filters_are_refused(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            ap.Filtered(ap.Contaminated(9, 0.3), **arguments)

    @pytest.mark.parametrize(
        "inner", [ap.Accumulate(3), ap.MostRecent(3, 2), 3, None, ap.Contaminated]
    )
    def test_only_some_regimes_can_be_filtered(self, inner: Any) -> None:
        with pytest.raises(TypeError, match="regime must be Contaminated, FullySynthetic or Adap"):
            ap.Filtered(inner, 0.1, 0.1)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"constant": 0.0}, "constant must be a finite number above 0, got 0.0"),
            ({"constant": -1}, "constant must be .* got -1"),
            ({"constant": "1"}, "constant must be .* got '1' .str."),
            ({"constant": 1.0, "rule": "linear"}, "rule must be one of .* got 'linear'"),
            ({}, "constant"),
        ],
    )
    def test_wrong_rules_are_refused(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            ap.Adaptive(9, **arguments)
