"""The regime of interacting entities checks, spells out, compares and prints its parameters."""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any

import numpy as np
import pytest

import autophage as ap
from autophage.interaction import InteractionSchedule

TOP = 2**62
ALL: list[ap.Interacting] = [
    ap.Interacting(0.5, 0.25),
    ap.Interacting([0.1, 1 / 3, 1.0], 0.25),
    ap.Interacting(0.5, [1.0, 0.0, 0.5], beta_0=0.75),
    ap.Interacting(0.5, 0.25, 10),
    ap.Interacting(0.5, 0.25, [10, 20, 30], real=(5, 6)),
    ap.Interacting(0.5, 0.25, 10, real=((5, 6, 7), 8)),
    ap.Interacting(0.5, 0.25, 10, own_pools=True),
]
EVERY = pytest.mark.parametrize("regime", ALL, ids=repr)


@EVERY
def test_repr_evaluates_back(regime: ap.Interacting) -> None:
    again = eval(repr(regime), {"Interacting": ap.Interacting})
    assert again == regime
    assert hash(again) == hash(regime)
    assert repr(again) == repr(regime)


@EVERY
def test_is_frozen_and_travels(regime: ap.Interacting) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        regime.alpha = 0.3  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(regime)) == regime


def test_differs_by_every_parameter() -> None:
    others: list[object] = [
        *ALL,
        ap.Interacting(0.5, 0.25, beta_0=0.25),
        ap.Interacting([0.5], 0.25),
        ap.Interacting(0.5, 0.25, 10, real=((5, 5), 6)),
        ap.Contaminated(10, 0.5),
    ]
    assert len(set(others)) == len(others)


def test_arrays_are_copies_that_cannot_be_written() -> None:
    alpha = np.array([0.1, 0.2])
    regime = ap.Interacting(alpha, 0.5)
    alpha[:] = 0.9
    assert isinstance(regime.alpha, np.ndarray)
    assert regime.alpha.tolist() == [0.1, 0.2]
    with pytest.raises(ValueError, match="read-only"):
        regime.alpha[0] = 0.7


def test_real_is_kept_in_one_form() -> None:
    for real in ([[5, 6], 7], (np.array([5, 6], dtype=np.uint8), np.int8(7)), ((5, 6), 7)):
        assert ap.Interacting(0.5, 0.5, 9, real=real).real == ((5, 6), 7)  # type: ignore[arg-type]


class TestSchedule:
    @EVERY
    @pytest.mark.parametrize("contexts", [1, 2])
    def test_arrays_have_the_promised_form(self, regime: ap.Interacting, contexts: int) -> None:
        schedule = regime.schedule(3, contexts)
        assert isinstance(schedule, InteractionSchedule)
        types = {"n": np.int64, "alpha": np.float64, "real": np.int64, "beta": np.float64}
        for name, dtype in types.items():
            array = getattr(schedule, name)
            assert array.dtype == dtype
            assert array.shape == (3, contexts)
            assert array.flags.c_contiguous
            assert not array.flags.writeable

    def test_values(self) -> None:
        schedule = ap.Interacting(lambda t: 1 / t, [0.5, 0.25, 0.125, 0.0], 7).schedule(3)
        assert schedule.alpha[:, 0].tolist() == [1.0, 0.5, 1 / 3]
        assert schedule.beta[:, 0].tolist() == [0.5, 0.25, 0.125]
        assert schedule.n[:, 0].tolist() == [7, 7, 7]
        assert schedule.real[:, 0].tolist() == [0, 0, 0]
        assert ap.Interacting(0.5, 0.5).schedule(2).n[:, 0].tolist() == [0, 0]

    def test_generation_0_has_a_beta_of_its_own(self) -> None:
        assert ap.Interacting(0.5, [0.75, 0.25]).schedule(2).beta_0 == 0.75
        assert ap.Interacting(0.5, lambda t: t / 4).schedule(2).beta_0 == 0.25
        assert ap.Interacting(0.5, 0.5, beta_0=0.0).schedule(2).beta_0 == 0.0

    def test_an_open_one_has_as_many_rows_as_the_longest_array(self) -> None:
        assert ap.Interacting([0.1, 0.2], 0.5).schedule(None).beta[:, 0].tolist() == [0.5, 0.5]

    @EVERY
    def test_spelled_out_it_is_the_same(self, regime: ap.Interacting) -> None:
        plain = regime.spelled_out(2).schedule(2)
        for name, values in vars(regime.schedule(2)).items():
            np.testing.assert_array_equal(getattr(plain, name), values)

    def test_spelled_out_it_holds_no_callable(self) -> None:
        regime = ap.Interacting(lambda t: 1 / t, lambda t: t / 4, lambda t: 10 * t)
        assert regime.spelled_out(2) == ap.Interacting([1.0, 0.5], [0.25, 0.5], [10, 20])

    @pytest.mark.parametrize(
        ("regime", "generations", "message"),
        [
            (ap.Interacting([0.1, 0.2], 0.5), 3, "alpha must cover all 3 generations, got .* 2"),
            (ap.Interacting(0.5, [0.1]), 3, "beta must cover all 3 generations, got .* over 1"),
            (ap.Interacting(0.5, lambda t: t), 3, r"beta at generation 2 .*\[0, 1\], got 2"),
            (ap.Interacting(0.5, 0.5, lambda _: 0), 3, "n at generation 1 must be .*got 0"),
            (ap.Interacting(lambda _: 0.5, 0.5), None, "alpha must be .* generations is None"),
            (ap.Interacting(0.5, 0.5), 0, "generations must be .*got 0"),
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, regime: ap.Interacting, generations: int | None, message: str
    ) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            regime.schedule(generations)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"alpha": -0.1}, "alpha must be .* got -0.1"),
    ({"alpha": 1 + 2**-52}, "alpha must be .* got 1.0000000000000002"),
    ({"alpha": math.nan}, "alpha must be .* got nan"),
    ({"alpha": True}, "alpha must be .* got True"),
    ({"alpha": "0.5"}, "alpha must be .* got '0.5'"),
    ({"alpha": [0.5, 2.0]}, r"alpha must be .* got 2.0 at index \[1\]"),
    ({"alpha": [[0.5, 0.5]]}, r"alpha must be a 1-D array, got shape \(1, 2\)"),
    ({"beta": math.inf}, "beta must be .* got inf"),
    ({"beta": None}, "beta must be .* got None"),
    ({"beta": []}, r"beta must be .* got an empty array of shape \(0,\)"),
    ({"n": 0}, "n must be .* got 0"),
    ({"n": 2.5}, "n must be .* got 2.5"),
    ({"n": [[5]]}, r"n must be a 1-D array, got shape \(1, 1\)"),
    ({"n": TOP + 1}, "n must be .* got 4611686018427387905"),
    ({"real": 5}, "real must be None or a pair .* got int"),
    ({"real": (5,)}, "real must be None or a pair .* got 1 entries"),
    ({"real": (0, 5)}, r"real\[0\] must be .* got 0"),
    ({"real": ([5, 0], 5)}, r"real\[0\] must be .* got 0 at index \[1\]"),
    ({"real": (5, [5])}, r"real\[1\] must be .* got \[5\]"),
    ({"own_pools": 1}, "own_pools must be True or False, got 1"),
    ({"beta_0": 1.1}, "beta_0 must be .* got 1.1"),
    ({"beta_0": [0.5]}, r"beta_0 must be .* got \[0.5\]"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=[message for _, message in WRONG])
def test_wrong_parameters_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        ap.Interacting(**({"alpha": 0.5, "beta": 0.5} | wrong))


@pytest.mark.parametrize("regime", [ap.Interacting(0.5, 0.5), ap.Interacting(0.5, 0.5, 10)])
def test_one_law_alone_has_nobody_to_interact_with(regime: ap.Interacting) -> None:
    with pytest.raises(TypeError, match=r"regime must be a regime of token chains.* Interacting"):
        ap.simulate(ap.Categorical([0.5, 0.5]), regime, runs=1, generations=2)
