"""A real text as input: read it, cut it into tokens, count what follows each context.

A language model with contexts of length L that is fitted to a text by maximum likelihood *is* its
table of next-token frequencies. This module makes that table; `Corpus.model` hands it to the exact
law and to the simulation.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from autophage.models import Categorical

Unit = Literal["chars", "bytes", "words"]
Integers = npt.NDArray[np.int64]

LARGEST_TABLE = 1 << 29  # bytes; a larger table of next-token laws is refused with its size

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")


class CorpusError(ValueError):
    """A text that cannot be used as asked; the message is one line that says why."""


@dataclass(frozen=True)
class Text:
    """A text and where it came from."""

    content: str
    source: str


@dataclass(frozen=True, eq=False)
class Corpus:
    r"""The contexts of a text and how often each token follows them.

    Parameters
    ----------
    counts : numpy.ndarray
        int64 (c, s): how often token j follows context i. Rows are sorted by their sums, largest
        first (ties in the order of the labels); every column has a count above zero.
    context_labels, token_labels : tuple of str
        c and s printable labels. Characters that cannot be printed are escaped (`\n`, `\x00`).
    source : str
        Where the text came from.
    tokens : {"chars", "bytes", "words"}
        What the text was cut into.
    context : int
        Context length L in tokens.
    min_count : int
        Contexts that are followed by a token less often are left out.
    text_tokens, vocabulary, all_contexts : int
        Length of the text in tokens, its distinct tokens, its distinct contexts before `min_count`.

    Examples
    --------
    >>> from autophage.corpus import Text, next_token_counts
    >>> corpus = next_token_counts(Text("abracadabra", "a word"), context=1, min_count=2)
    >>> corpus.context_labels, corpus.token_labels
    (('a', 'b', 'r'), ('a', 'b', 'c', 'd', 'r'))
    >>> corpus.counts.tolist()
    [[0, 2, 1, 1, 0], [0, 0, 0, 0, 2], [2, 0, 0, 0, 0]]
    """

    counts: Integers
    context_labels: tuple[str, ...]
    token_labels: tuple[str, ...]
    source: str
    tokens: Unit
    context: int
    min_count: int
    text_tokens: int
    vocabulary: int
    all_contexts: int

    @property
    def occurrences(self) -> Integers:
        """How often each context is followed by a token: int64 (c,)."""
        return np.asarray(self.counts.sum(axis=1), dtype=np.int64)

    @property
    def support(self) -> Integers:
        """How many different tokens follow each context: int64 (c,)."""
        return np.asarray(np.count_nonzero(self.counts, axis=1), dtype=np.int64)

    @property
    def coverage(self) -> float:
        """Share of the text's positions whose context is kept, in (0, 1]."""
        return float(self.counts.sum()) / (self.text_tokens - self.context)

    def model(self) -> Categorical:
        """Return the next-token laws, `counts` divided by the rows' sums, as a Categorical.

        Returns
        -------
        Categorical
            c contexts over s tokens, with both sets of labels.

        Examples
        --------
        >>> from autophage.corpus import Text, next_token_counts
        >>> next_token_counts(Text("aabab", "a word"), context=1, min_count=1).model().p
        array([[0.33333333, 0.66666667],
               [1.        , 0.        ]])
        """
        from autophage.models import Categorical

        laws = self.counts / self.occurrences[:, None]
        return Categorical(laws, token_labels=self.token_labels, context_labels=self.context_labels)


def read_text(path: str | None = None) -> Text:
    """Read a UTF-8 text; with no path, the language reference that every Python carries.

    Parameters
    ----------
    path : str or None
        A file, `-` for standard input, or None for `pydoc_data.topics` of the running Python: some
        465,000 characters of English, a little different in every Python version.

    Returns
    -------
    Text
        The content, without a byte order mark, and its source in words.

    Raises
    ------
    CorpusError
        The file is missing or cannot be read, is empty, holds a zero byte or is not UTF-8.

    Examples
    --------
    >>> from autophage.corpus import read_text
    >>> text = read_text()
    >>> text.source.startswith("Python 3"), len(text.content) > 400_000
    (True, True)
    """
    if path is None:
        return _language_reference()
    name = "standard input" if path == "-" else path
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        msg = f"cannot read {name}: {error.strerror or error}"
        raise CorpusError(msg) from error
    except ValueError as error:  # a path with a zero byte in it
        msg = f"cannot read {name!r}: {error}"
        raise CorpusError(msg) from error
    if not data:
        msg = f"{name} is empty: a text is needed"
        raise CorpusError(msg)
    zero = data.find(b"\0")
    if zero >= 0:
        msg = f"{name} is a binary file (zero byte at offset {zero}): a UTF-8 text is needed"
        raise CorpusError(msg)
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{name} is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise CorpusError(msg) from error
    return Text(content, name)


def next_token_counts(
    text: Text, *, tokens: Unit = "chars", context: int = 2, min_count: int = 20
) -> Corpus:
    """Cut a text into tokens and count what follows each context.

    Parameters
    ----------
    text : Text
        What `read_text` gives.
    tokens : {"chars", "bytes", "words"}
        Unicode characters; UTF-8 bytes; or words, where a word is a run of letters and digits (with
        apostrophes inside) and every other mark that is not white space is a word of its own.
        Line ends count as one newline, except among bytes.
    context : int
        Number of tokens L in a context, at least 1 and below the number of tokens in the text.
    min_count : int
        Least number of occurrences of a context that is kept, at least 1.

    Returns
    -------
    Corpus
        Counts and labels.

    Raises
    ------
    CorpusError
        An argument is out of range, the text is shorter than a context and its next token, no
        context occurs `min_count` times, or the table would not fit in memory.

    Examples
    --------
    >>> from autophage.corpus import Text, next_token_counts
    >>> sea = Text("by the sea, by the beautiful sea", "a song")
    >>> corpus = next_token_counts(sea, tokens="words", context=2, min_count=2)
    >>> corpus.context_labels, corpus.token_labels, corpus.counts.tolist()
    (('by the',), ('beautiful', 'sea'), [[1, 1]])
    """
    if tokens not in get_args(Unit):
        msg = f"tokens must be one of {', '.join(get_args(Unit))}, got {tokens!r}"
        raise CorpusError(msg)
    for name, value in (("context", context), ("min_count", min_count)):
        if value < 1:
            msg = f"{name} must be at least 1, got {value}"
            raise CorpusError(msg)
    codes, vocabulary = _encode(text.content, tokens)
    if codes.size <= context:
        msg = (
            f"context must be shorter than the text, got {context} {tokens} of context for the "
            f"{codes.size} {tokens} of {text.source}"
        )
        raise CorpusError(msg)
    ids, first = _contexts(codes, context, len(vocabulary))
    occurrences = np.bincount(ids)
    kept = np.flatnonzero(occurrences >= min_count)
    if not kept.size:
        msg = (
            f"min_count must be at most {occurrences.max()}, the occurrences of the most frequent "
            f"context of {context} {tokens} in {text.source}, got {min_count}"
        )
        raise CorpusError(msg)
    kept = kept[np.argsort(-occurrences[kept], kind="stable")]
    counts, columns = _table(ids, codes[context:], kept, occurrences.size)
    joint = " " if tokens == "words" else ""
    labels = [
        joint.join(vocabulary[code] for code in codes[start : start + context])
        for start in first[kept]
    ]
    return Corpus(
        counts=counts,
        context_labels=tuple(labels),
        token_labels=tuple(vocabulary[column] for column in columns),
        source=text.source,
        tokens=tokens,
        context=context,
        min_count=min_count,
        text_tokens=int(codes.size),
        vocabulary=len(vocabulary),
        all_contexts=int(occurrences.size),
    )


def _language_reference() -> Text:
    """Return the language reference of the running Python, topics in the order of their names."""
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        msg = "this Python comes without pydoc_data.topics: name a text file"
        raise CorpusError(msg) from error
    reference: dict[str, str] = topics
    version = ".".join(map(str, sys.version_info[:3]))
    content = "\n".join(reference[name] for name in sorted(reference))
    return Text(content, f"Python {version} language reference (pydoc_data.topics)")


def _encode(content: str, tokens: Unit) -> tuple[Integers, list[str]]:
    """Return the text as int64 codes, and the printable label of each code in their order."""
    if tokens != "bytes":
        content = content.replace("\r\n", "\n").replace("\r", "\n")
    if tokens == "words":
        words = _WORD.findall(content)
        names = sorted(set(words))
        index = {name: code for code, name in enumerate(names)}
        codes = np.fromiter((index[word] for word in words), dtype=np.int64, count=len(words))
        return codes, [_printable(name) for name in names]
    encoding, kind = ("utf-8", np.uint8) if tokens == "bytes" else ("utf-32-le", np.uint32)
    points = np.frombuffer(content.encode(encoding), dtype=kind)
    values, inverse = np.unique(points, return_inverse=True)
    return inverse.astype(np.int64), [
        rf"\x{value:02x}" if tokens == "bytes" and value > 127 else _printable(chr(value))
        for value in values.tolist()
    ]


def _printable(label: str) -> str:
    """Escape what cannot be printed, and the backslash, so that joined labels stay distinct."""
    return "".join(
        mark if mark.isprintable() and mark != "\\" else mark.encode("unicode_escape").decode()
        for mark in label
    )


def _contexts(codes: Integers, length: int, vocabulary: int) -> tuple[Integers, Integers]:
    """Return the number of the context of each position, and where each context begins first.

    Contexts are numbered in the order of their codes. Numbering after each added token keeps the
    keys below (positions x vocabulary), whatever the length of a context.
    """
    positions = codes.size - length
    ids = codes[:positions]
    for shift in range(1, length):
        key = ids * vocabulary + codes[shift : shift + positions]
        ids = np.unique(key, return_inverse=True)[1]
    _, first, ids = np.unique(ids, return_index=True, return_inverse=True)
    return ids.astype(np.int64), first.astype(np.int64)


def _table(
    ids: Integers, following: Integers, kept: Integers, contexts: int
) -> tuple[Integers, list[Any]]:
    """Count the tokens after the kept contexts; return also which tokens have a column."""
    row = np.full(contexts, -1, dtype=np.int64)
    row[kept] = np.arange(kept.size)
    rows = row[ids]
    inside = rows >= 0
    rows, tokens = rows[inside], following[inside]
    columns, tokens = np.unique(tokens, return_inverse=True)
    needed = kept.size * columns.size * 8
    if needed > LARGEST_TABLE:
        msg = (
            f"the table of {kept.size} contexts x {columns.size} tokens needs "
            f"{needed / 1e6:.0f} MB, more than {LARGEST_TABLE / 1e6:.0f}: raise min_count"
        )
        raise CorpusError(msg)
    flat = np.bincount(rows * columns.size + tokens, minlength=kept.size * columns.size)
    return flat.reshape(kept.size, columns.size).astype(np.int64), columns.tolist()
