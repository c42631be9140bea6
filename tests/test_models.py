"""Categorical keeps laws as they were meant; law_with meets its two wishes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autophage as ap

LAW = [0.5, 0.3, 0.2, 0.0]
WANTED = [  # (support, sum of squares): those of seddik2024's figures, then the corners
    (181, 0.01), (29, 0.1), (10, 0.5), (9, 0.7), (484, 0.01), (52, 0.1), (22, 0.5), (16, 0.7),
    (2, 0.5), (2, 0.75), (2, 1 - 1e-12), (3, 1 / 3), (7, 1 / 7), (29, 1 / 29 + 1e-14),
    (5, 1 - 2**-53), (1000, 1 - 1e-13), (32_000, 0.1), (32_000, 1 / 32_000), (1_000_000, 0.01),
]  # fmt: skip


class TestCategorical:
    def test_shapes_counts_and_labels(self) -> None:
        one = ap.Categorical(LAW)
        many = ap.Categorical(
            [LAW, LAW[::-1]], token_labels=list("abcd"), context_labels=["x", "y"]
        )
        assert (one.context_count, one.token_count, one.has_contexts) == (1, 4, False)
        assert (many.context_count, many.token_count, many.has_contexts) == (2, 4, True)
        assert (one.p.shape, one.laws.shape, many.laws.shape) == ((4,), (1, 4), (2, 4))
        assert (one.token_labels, one.context_labels) == (None, None)
        assert (many.token_labels, many.context_labels) == (("a", "b", "c", "d"), ("x", "y"))
        assert ap.Categorical([LAW]).has_contexts

    def test_a_law_that_sums_to_one_keeps_its_bits(self) -> None:
        for law in (LAW, [0.1] * 10, [1.0], [0.0, 1.0], [5e-324, 1.0], [2.0**-1074] * 8 + [1.0]):
            assert ap.Categorical(law).p.tobytes() == np.array(law).tobytes()

    def test_minus_zero_becomes_zero(self) -> None:
        assert not np.signbit(ap.Categorical([-0.0, 1.0]).p).any()

    def test_arrays_are_copies_that_cannot_be_written(self) -> None:
        given_law = np.array(LAW)
        model = ap.Categorical(given_law)
        given_law[:] = 0.25
        assert model.p.tolist() == LAW
        for array in (model.p, model.laws):
            assert array.flags.c_contiguous
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0.0

    def test_nothing_can_be_set(self) -> None:
        model = ap.Categorical(LAW)
        for name in ("p", "laws", "token_labels", "other"):
            with pytest.raises(AttributeError):
                setattr(model, name, None)

    def test_equality_and_hash_follow_values_shape_and_labels(self) -> None:
        model = ap.Categorical(LAW)
        same = ap.Categorical(np.array(LAW))
        assert model == same
        assert hash(model) == hash(same)
        others: list[Any] = [
            ap.Categorical([LAW]),
            ap.Categorical(LAW[::-1]),
            ap.Categorical(LAW, token_labels=list("abcd")),
            LAW,
        ]
        assert all(model != other for other in others)
        assert repr(model) == "<Categorical: 4 tokens>"
        assert repr(ap.Categorical([LAW])) == "<Categorical: 1 contexts, 4 tokens>"

    @pytest.mark.parametrize("error", [0.9e-9, -0.9e-9, 1e-12, 2**-52, -(2**-53)])
    def test_float64_laws_are_renormalised(self, error: float) -> None:
        law = np.array(LAW) * (1.0 + error)
        model = ap.Categorical(law)
        assert math.fsum(model.p.tolist()) == 1.0
        np.testing.assert_allclose(model.p, LAW, rtol=2**-51, atol=0)

    @pytest.mark.parametrize("error", [0.9e-5, -0.9e-5])
    def test_float32_laws_are_renormalised(self, error: float) -> None:
        model = ap.Categorical((np.array(LAW) * (1.0 + error)).astype(np.float32))
        assert model.p.dtype == np.float64
        assert math.fsum(model.p.tolist()) == 1.0
        np.testing.assert_allclose(model.p, LAW, rtol=1e-6, atol=0)

    @given(
        st.lists(st.floats(0, 1), min_size=1, max_size=60).filter(lambda w: sum(w) > 1e-3),
        st.floats(-0.9e-9, 0.9e-9),
    )
    def test_renormalising_twice_changes_no_bit(self, weights: list[float], error: float) -> None:
        once = ap.Categorical(np.array(weights) / math.fsum(weights) * (1.0 + error)).p
        assert math.fsum(once.tolist()) == 1.0
        assert ap.Categorical(once).p.tobytes() == once.tobytes()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"token_labels": "abcd"}, "token_labels .* 4 strings, got 'abcd' .str."),
            ({"token_labels": ["a"]}, "token_labels .* 4 strings, got 1"),
            ({"token_labels": ["a", "b", 3, "d"]}, r"token_labels .* got 3 .int. at index \[2\]"),
            ({"context_labels": ["x"]}, r"context_labels .* got p of shape \(4,\)"),
        ],
    )
    def test_wrong_labels_are_refused(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            ap.Categorical(LAW, **arguments)


class TestLawWith:
    @pytest.mark.parametrize(("support", "wanted"), WANTED)
    def test_meets_both_wishes(self, support: int, wanted: float) -> None:
        law = ap.law_with(support, wanted, tokens=support + 3)
        assert law.shape == (support + 3,)
        assert np.count_nonzero(law) == support
        assert (np.diff(law) <= 0).all()
        assert abs(math.fsum(law.tolist()) - 1.0) <= 1e-12
        assert abs(math.fsum(np.square(law).tolist()) - wanted) <= 1e-12
        assert ap.Categorical(law).p.tobytes() == law.tobytes()

    @given(st.integers(2, 200), st.floats(0.0, 1.0, exclude_max=True))
    def test_meets_any_wish(self, support: int, share: float) -> None:
        wanted = min(1.0 / support + share * (1.0 - 1.0 / support), 1.0 - 2**-53)
        law = ap.law_with(support, wanted)
        assert np.count_nonzero(law) == len(law) == support
        assert abs(math.fsum(np.square(law).tolist()) - wanted) <= 1e-12

    def test_without_tokens_it_is_as_long_as_its_support(self) -> None:
        assert ap.law_with(4, 0.25).tolist() == [0.25] * 4

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((0, 0.5), "support must be"),
            ((1, 1.0), r"sum_of_squares must lie in .*got 1.0"),
            ((4, 0.2), r"sum_of_squares must lie in .*got 0.2"),
            ((4, 1.0), r"sum_of_squares must lie in .*got 1.0"),
            ((4, math.nan), "sum_of_squares must be a finite number, got nan"),
            ((4.0, 0.5), "support must be an integer"),
            ((4, "0.5"), "sum_of_squares must be a finite number, got '0.5'"),
        ],
    )
    def test_what_no_law_can_meet_is_refused(self, arguments: Any, message: str) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            ap.law_with(*arguments)

    def test_the_support_must_fit(self) -> None:
        with pytest.raises(ValueError, match=r"tokens must be an integer in \[29, .*got 28"):
            ap.law_with(29, 0.1, tokens=28)
