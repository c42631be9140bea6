from __future__ import annotations

import io
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autophage import corpus as corpus_module
from autophage.corpus import CorpusError, Text, Unit, next_token_counts, read_text

SONG = (
    "by the sea, by the sea,\nby the beautiful sea; \u2018you and I\u2019, caf\u00e9 \U0001f30a!\n"
    * 3
)


def tokens_of(content: str, unit: str) -> list[str]:
    """The slow and obvious way to cut a text."""
    if unit == "chars":
        return list(content)
    if unit == "bytes":
        return [bytes([value]).decode("latin-1") for value in content.encode()]
    return re.findall(r"\w+(?:['\u2019]\w+)*|[^\w\s]", content)


def counted(content: str, unit: str, length: int) -> Counter[tuple[tuple[str, ...], str]]:
    tokens = tokens_of(content, unit)
    return Counter(
        (tuple(tokens[start : start + length]), tokens[start + length])
        for start in range(len(tokens) - length)
    )


@pytest.mark.parametrize("unit", ["chars", "bytes", "words"])
@pytest.mark.parametrize("length", [1, 2, 3, 7])
@pytest.mark.parametrize("least", [1, 2, 3])
def test_counts_are_those_of_a_dictionary(unit: str, length: int, least: int) -> None:
    expected: dict[tuple[str, ...], Counter[str]] = {}
    for (context, token), count in counted(SONG, unit, length).items():
        expected.setdefault(context, Counter())[token] += count
    kept = [law for law in expected.values() if law.total() >= least]
    corpus = next_token_counts(Text(SONG, "a song"), tokens=unit, context=length, min_count=least)  # type: ignore[arg-type]
    assert sorted(map(sorted, (row[row > 0].tolist() for row in corpus.counts))) == sorted(
        sorted(law.values()) for law in kept
    )
    assert corpus.all_contexts == len(expected)
    assert corpus.vocabulary == len(set(tokens_of(SONG, unit)))
    assert corpus.text_tokens == len(tokens_of(SONG, unit))
    assert len(set(corpus.context_labels)) == len(corpus.context_labels) == len(kept)
    assert len(set(corpus.token_labels)) == len(corpus.token_labels) == corpus.counts.shape[1]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab \n\\\u00e9\u2423\x1b", min_size=2, max_size=60), st.integers(1, 4))
def test_rows_carry_the_right_labels(content: str, length: int) -> None:
    if len(content) <= length:
        return
    corpus = next_token_counts(Text(content, "random"), context=length, min_count=1)
    escaped = [
        mark if mark.isprintable() and mark != "\\" else mark.encode("unicode_escape").decode()
        for mark in content
    ]
    for (context, token), count in counted(content, "chars", length).items():
        place = dict(zip(content, escaped, strict=True))
        row = corpus.context_labels.index("".join(place[mark] for mark in context))
        column = corpus.token_labels.index(place[token])
        assert corpus.counts[row, column] == count
    assert corpus.counts.sum() == len(content) - length
    assert corpus.coverage == 1.0


def test_contexts_come_most_frequent_first_and_columns_are_used() -> None:
    corpus = next_token_counts(Text(SONG, "a song"), context=2, min_count=4)
    assert (np.diff(corpus.occurrences) <= 0).all()
    assert (corpus.counts.sum(axis=0) > 0).all()
    assert 0.0 < corpus.coverage < 1.0
    assert (corpus.support == (corpus.counts > 0).sum(axis=1)).all()


def test_laws_are_the_shares_of_the_counts() -> None:
    corpus = next_token_counts(Text(SONG, "a song"), context=2, min_count=2)
    model = corpus.model()
    np.testing.assert_allclose(
        model.laws, corpus.counts / corpus.counts.sum(axis=1, keepdims=True), rtol=1e-15
    )
    assert model.context_labels == corpus.context_labels
    assert model.token_labels == corpus.token_labels


def test_line_ends_count_once_except_among_bytes() -> None:
    dos, unix = Text("a\r\nb\r\n" * 9, "dos"), Text("a\nb\n" * 9, "unix")
    units: tuple[Unit, ...] = ("chars", "words")
    for unit in units:
        left = next_token_counts(dos, tokens=unit, context=1, min_count=1)
        right = next_token_counts(unix, tokens=unit, context=1, min_count=1)
        assert left.counts.tolist() == right.counts.tolist()
        assert left.token_labels == right.token_labels
    assert "\\r" in next_token_counts(dos, tokens="bytes", context=1, min_count=1).token_labels


def test_labels_can_be_printed() -> None:
    corpus = next_token_counts(Text("\x00\x07\u00a0\\n\n" * 5, "odd"), context=1, min_count=1)
    assert corpus.token_labels == ("\\x00", "\\x07", "\\n", "\\\\", "n", "\\xa0")
    assert all(label.isprintable() for label in corpus.context_labels)


def test_default_text_is_the_language_reference() -> None:
    text = read_text()
    version = ".".join(map(str, sys.version_info[:3]))
    assert text.source == f"Python {version} language reference (pydoc_data.topics)"
    corpus = next_token_counts(text)
    assert corpus.text_tokens > 400_000
    assert len(corpus.context_labels) > 500


def test_files_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text"
    file.write_bytes(b"\xef\xbb\xbf" + SONG.encode())
    assert read_text(str(file)) == Text(SONG, str(file))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SONG.encode())))
    assert read_text("-") == Text(SONG, "standard input")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"caf\xe9", "is not UTF-8: byte 0xe9 at offset 3"),
        (b"ab\xff", "is not UTF-8: byte 0xff at offset 2"),
        (b"\x7fELF\0\1", "binary file (zero byte at offset 4)"),
        (b"\xed\xa0\x80", "is not UTF-8"),
    ],
)
def test_unusable_files_are_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "text"
    file.write_bytes(content)
    with pytest.raises(CorpusError, match=re.escape(words)) as caught:
        read_text(str(file))
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("name", ["missing", ".", "missing/deeper", "zero\0byte"])
def test_unreadable_paths_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match="cannot read"):
        read_text(f"{tmp_path}/{name}")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"context": 0}, "context must be at least 1, got 0"),
        ({"context": -2}, "context must be at least 1, got -2"),
        ({"min_count": 0}, "min_count must be at least 1, got 0"),
        ({"context": 11}, "context must be shorter than the text, got 11 chars"),
        ({"context": 2, "tokens": "words"}, "for the 1 words of a word"),
        ({"context": 1, "min_count": 6}, "min_count must be at most 4"),
        ({"tokens": "letters"}, "tokens must be one of chars, bytes, words, got 'letters'"),
    ],
)
def test_arguments_out_of_range_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(CorpusError, match=re.escape(words)):
        next_token_counts(Text("abracadabra", "a word"), **options)  # type: ignore[arg-type]


def test_text_of_white_space_has_no_words() -> None:
    with pytest.raises(CorpusError, match="0 words"):
        next_token_counts(Text(" \n\t ", "blank"), tokens="words", context=1, min_count=1)


def test_tables_beyond_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module, "LARGEST_TABLE", 100)
    with pytest.raises(CorpusError, match="raise min_count"):
        next_token_counts(Text(SONG, "a song"), context=2, min_count=1)
