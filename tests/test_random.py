"""Keys and the raw block of Philox4x32-10, against published vectors and a slow second writing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autophage as ap
from autophage.random import philox4x32, resolve_key

ONES = 0xFFFFFFFF
PUBLISHED = [  # counter, key, words: the known-answer tests of Salmon et al. (2011)
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([ONES] * 4, [ONES] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]
WORD = st.integers(0, ONES)


def rounds(counter: list[int], key: list[int]) -> list[int]:
    """Ten rounds in Python's integers."""
    a, b, c, d = counter
    k, m = key
    for _ in range(10):
        x, y = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (y >> 32) ^ b ^ k, y & ONES, (x >> 32) ^ d ^ m, x & ONES
        k, m = (k + 0x9E3779B9) & ONES, (m + 0xBB67AE85) & ONES
    return [a, b, c, d]


class TestPhilox:
    @pytest.mark.parametrize(("counter", "key", "words"), PUBLISHED)
    def test_gives_the_published_words(
        self, counter: list[int], key: list[int], words: list[int]
    ) -> None:
        assert philox4x32(counter, key).tolist() == words
        assert rounds(counter, key) == words

    def test_gives_the_published_words_in_a_batch(self) -> None:
        counters, keys, words = (
            np.array(column, dtype=np.uint32) for column in zip(*PUBLISHED, strict=True)
        )
        assert philox4x32(counters, keys).tolist() == words.tolist()

    @given(st.lists(WORD, min_size=4, max_size=4), st.lists(WORD, min_size=2, max_size=2))
    def test_agrees_with_the_slow_writing(self, counter: list[int], key: list[int]) -> None:
        assert philox4x32(counter, key).tolist() == rounds(counter, key)

    def test_leading_axes_broadcast(self) -> None:
        counters = np.arange(24, dtype=np.int64).reshape(2, 3, 4)
        keys = np.arange(4, dtype=np.uint8).reshape(2, 1, 2)
        words = philox4x32(counters, keys)
        assert words.shape == (2, 3, 4)
        assert words.dtype == np.uint32
        for i in range(2):
            for j in range(3):
                assert words[i, j].tolist() == rounds(counters[i, j].tolist(), keys[i, 0].tolist())

    @pytest.mark.parametrize(
        "change", [np.asfortranarray, lambda a: a[::-1], lambda a: a.astype(">u4")]
    )
    def test_any_layout_gives_the_same_words(self, change: Any) -> None:
        counters = np.random.default_rng(1).integers(0, 2**32, (8, 4), dtype=np.uint32)
        odd = change(counters)
        assert (
            philox4x32(odd, [1, 2]).tolist() == philox4x32(np.array(odd.tolist()), [1, 2]).tolist()
        )

    @pytest.mark.parametrize(
        ("counter", "key", "message"),
        [
            ([0, 0, 0], [0, 0], r"counter must have 4 words .* got shape \(3,\)"),
            ([0] * 4, [0], r"key must have 2 words .* got shape \(1,\)"),
            (0, [0, 0], r"counter must have 4 words .* got shape \(\)"),
            (np.zeros((2, 4), int), np.zeros((3, 2), int), "key must broadcast against counter"),
            ([0, 0, 0, 2**32], [0, 0], r"counter must be .* got 4294967296 at index \[3\]"),
            ([0, 0, -1, 0], [0, 0], r"counter must be .* got -1 at index \[2\]"),
            ([0, 0.5, 0, 0], [0, 0], r"counter must be .* got 0.5 .float. at index \[1\]"),
            ([0] * 4, [True, 0], r"key must be .* got True .bool. at index \[0\]"),
        ],
    )
    def test_wrong_words_are_refused(self, counter: Any, key: Any, message: str) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            philox4x32(counter, key)


def blocks(key: int, count: int) -> npt.NDArray[np.uint64]:
    """The first blocks under a key, each as its first 64 bits."""
    counters = np.zeros((count, 4), dtype=np.uint32)
    counters[:, 0] = np.arange(count)
    words = philox4x32(counters, [key & ONES, key >> 32]).astype(np.uint64)
    return words[:, 0] | words[:, 1] << np.uint64(32)


class TestSeparation:
    def test_adjacent_keys_share_no_block(self) -> None:
        # 4 million values of 64 bits: a chance collision has probability 4e-7.
        keys = [0, 1, 2, 2**32 - 1, 2**32, 2**63, 2**64 - 2, 2**64 - 1]
        every = np.sort(np.concatenate([blocks(key, 500_000) for key in keys]))
        assert (every[1:] != every[:-1]).all()

    def test_adjacent_keys_share_no_run(self) -> None:
        # Programs that use seed + i must not repeat runs of each other.
        model = ap.Categorical(np.full(1000, 1e-3))
        rows = [
            ap.simulate(
                model, ap.FullySynthetic(500), runs=40, generations=1, rng=key, record=["p"]
            )
            for key in range(100, 125)
        ]
        laws = np.concatenate([row["p"].values[:, 0] for row in rows])
        assert len(np.unique(laws, axis=0)) == 25 * 40


class TestKeys:
    @pytest.mark.parametrize("key", [0, 1, 2**32, 2**63, 2**64 - 1])
    def test_an_integer_is_the_key(self, key: int) -> None:
        assert resolve_key(key) == key
        odd_kind: Any = np.uint64(key)
        assert resolve_key(odd_kind) == key

    def test_a_seed_sequence_gives_its_first_bits_each_time(self) -> None:
        sequence = np.random.SeedSequence(2024)
        expected = int(np.random.SeedSequence(2024).generate_state(1, np.uint64)[0])
        assert [resolve_key(sequence), resolve_key(sequence)] == [expected, expected]
        assert len({resolve_key(child) for child in sequence.spawn(100)}) == 100

    def test_a_generator_advances(self) -> None:
        rng = np.random.default_rng(5)
        drawn = [resolve_key(rng) for _ in range(200)]
        again = np.random.default_rng(5)
        assert drawn == [resolve_key(again) for _ in range(200)]
        assert len(set(drawn)) == 200
        assert max(drawn) > 2**63 > min(drawn)

    def test_none_is_fresh(self) -> None:
        keys = {resolve_key(None) for _ in range(100)}
        assert len(keys) == 100
        assert all(0 <= key < 2**64 for key in keys)

    @pytest.mark.parametrize("rng", [-1, 2**64, 2**80])
    def test_integers_out_of_range_are_refused(self, rng: int) -> None:
        with pytest.raises(ValueError, match=f"rng must be .* got {rng}"):
            resolve_key(rng)

    @pytest.mark.parametrize(
        "rng",
        [
            True,
            np.True_,
            1.0,
            "1",
            b"1",
            1j,
            [1],
            np.array([1]),
            np.random.RandomState(1),
            np.random.PCG64(1),
        ],
    )
    def test_anything_else_is_refused(self, rng: Any) -> None:
        with pytest.raises(TypeError, match="rng must be None, an integer"):
            resolve_key(rng)
