"""What is learned: validated descriptions of the truth, without algorithms."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autophage import _check


class Categorical:
    """The next-token laws of a language model, one for each context.

    The model of generation m is the empirical law of the tokens that generation m trained on
    (`seddik2024`, section 2, where each context has a softmax unit of its own; `contaminated2026`
    calls it the multinomial family).

    Parameters
    ----------
    p : array_like, shape (s,) or (c, s)
        The true law of one context, or one law a row for c contexts, over s tokens. float64 or
        integer rows must sum to one within 1e-9, float32 rows within 1e-5; they are then
        renormalised. Entries lie in [0, 1].
    token_labels : sequence of str, optional
        A name for each of the s tokens.
    context_labels : sequence of str, optional
        A name for each of the c contexts, or entities; needs a 2-D p.
    public : array_like, shape (s,), optional
        The law of public data. With it, the rows of p are the private laws of entities that train
        on private data, public data and each other's output: the regime `Interacting`, and no
        other, is for these (`interactive2025`).

    Raises
    ------
    TypeError
        If p holds anything but floats or integers, or a label is not a string.
    ValueError
        If an entry is negative, above one or not finite, a row does not sum to one, p is empty or
        neither 1-D nor 2-D, the number of labels is wrong, or public does not fit p.

    Notes
    -----
    A row whose sum is already one keeps its bits; -0.0 becomes 0.0.

    Examples
    --------
    >>> from autophage.models import Categorical
    >>> model = Categorical([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]], token_labels=("a", "b", "c"))
    >>> model.context_count, model.token_count, model.has_contexts
    (2, 3, True)
    >>> Categorical([[0.9, 0.1], [0.2, 0.8]], public=[0.5, 0.5])
    <Categorical: 2 entities, 2 tokens>
    >>> Categorical([0.5, 0.4])
    Traceback (most recent call last):
    ...
    ValueError: p must be a law: it must sum to one within 1e-09, got a sum of 0.9
    """

    __slots__ = ("_context_labels", "_p", "_public", "_token_labels")

    def __init__(
        self,
        p: ArrayLike,
        *,
        token_labels: Sequence[str] | None = None,
        context_labels: Sequence[str] | None = None,
        public: ArrayLike | None = None,
    ) -> None:
        self._p = _check.laws("p", p)
        self._public = None if public is None else self._checked_public(public)
        self._token_labels = (
            None
            if token_labels is None
            else _check.labels("token_labels", token_labels, self.token_count)
        )
        if context_labels is not None and not self.has_contexts:
            msg = f"context_labels needs a p with a row per context, got p of shape {self._p.shape}"
            raise ValueError(msg)
        self._context_labels = (
            None
            if context_labels is None
            else _check.labels("context_labels", context_labels, self.context_count)
        )

    def _checked_public(self, public: ArrayLike) -> NDArray[np.float64]:
        law = _check.laws("public", public)
        if self._p.ndim != 2:
            msg = f"p must have a row per entity where public is given, got shape {self._p.shape}"
            raise ValueError(msg)
        if law.shape != (self.token_count,):
            msg = (
                f"public must be one law over the {self.token_count} tokens of p, "
                f"got shape {law.shape}"
            )
            raise ValueError(msg)
        return law

    @property
    def p(self) -> NDArray[np.float64]:
        """The laws in the shape given, (s,) or (c, s); read-only and C-contiguous."""
        return self._p

    @property
    def laws(self) -> NDArray[np.float64]:
        """The laws as rows, always (c, s); a read-only view of `p`."""
        return self._p.reshape(-1, self._p.shape[-1])

    @property
    def public(self) -> NDArray[np.float64] | None:
        """The law of public data (s,), read-only; None where rows of p are contexts."""
        return self._public

    @property
    def has_contexts(self) -> bool:
        """Whether p was given 2-D; if not, results have no context dimension."""
        return self._p.ndim == 2

    @property
    def has_entities(self) -> bool:
        """Whether the rows of p are entities, with a public law, and no contexts."""
        return self._public is not None

    @property
    def context_count(self) -> int:
        """Number of rows of p: contexts, or entities; 1 for a 1-D p."""
        return int(self.laws.shape[0])

    @property
    def token_count(self) -> int:
        """Number of tokens s."""
        return int(self._p.shape[-1])

    @property
    def token_labels(self) -> tuple[str, ...] | None:
        """The names of the tokens, or None."""
        return self._token_labels

    @property
    def context_labels(self) -> tuple[str, ...] | None:
        """The names of the contexts, or of the entities, or None."""
        return self._context_labels

    def __eq__(self, other: object) -> bool:
        """Equal where shape, laws (bit for bit) and labels are."""
        if not isinstance(other, Categorical):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        """Hash in agreement with equality."""
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        public = None if self._public is None else self._public.tobytes()
        labels = (self._token_labels, self._context_labels)
        return (self._p.shape, self._p.tobytes(), public, *labels)

    def __repr__(self) -> str:
        """One line with the sizes; the laws themselves are in `p`."""
        rows = "entities" if self.has_entities else "contexts"
        contexts = f"{self.context_count} {rows}, " if self.has_contexts else ""
        return f"<Categorical: {contexts}{self.token_count} tokens>"


def of_contexts(p: ArrayLike | Categorical) -> Categorical:
    """Return p as a model of independent contexts, for what is known of those alone."""
    model = p if isinstance(p, Categorical) else Categorical(p)
    if model.has_entities:
        msg = (
            f"p must be without public, got {model!r}: its rows are entities that interact, for "
            "which there are autophage.moments and autophage.simulate with autophage.Interacting"
        )
        raise ValueError(msg)
    return model


def law_with(
    support: int, sum_of_squares: float, *, tokens: int | None = None
) -> NDArray[np.float64]:
    """Make a law with a wanted support size and a wanted sum of squares.

    The experiments of `seddik2024` name a law only by its support size and by S_0 = sum p_i^2. Here
    p_i is proportional to r^i, with r found from S_0 = (1 - r)(1 + r^k) / ((1 + r)(1 - r^k)), k =
    support. Where the last of these would fall below 1e-290, one token is heavy instead and the
    others share the rest equally.

    Parameters
    ----------
    support : int
        Number of tokens with positive probability, at least 2 and at most 2^31.
    sum_of_squares : float
        S_0, with 1/support <= S_0 < 1.
    tokens : int, optional
        Length of the result; `support` when left out. Tokens beyond the support have probability
        zero.

    Returns
    -------
    ndarray of float64, shape (tokens,) or (support,)
        A law in descending order that meets both wishes to 1e-12.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If no law can have this support and this sum of squares, or tokens < support.

    Examples
    --------
    >>> from autophage.models import law_with
    >>> p = law_with(29, 0.1, tokens=600)
    >>> p.shape, int((p > 0).sum()), round(float((p**2).sum()), 12)
    ((600,), 29, 0.1)
    """
    support = _check.integer("support", support, 1, 2**31)
    target = _check.number("sum_of_squares", sum_of_squares)
    if not 1.0 / support <= target < 1.0:
        msg = f"sum_of_squares must lie in [1/support, 1) = [{1.0 / support!r}, 1), got {target!r}"
        raise ValueError(msg)
    length = support if tokens is None else _check.integer("tokens", tokens, support, 2**31)
    weights = np.exp(-_geometric_rate(support, target) * np.arange(support))
    if weights[-1] < 1e-290:
        lost = 1.0 - target
        rest = lost / (1.0 + math.sqrt(max(0.0, 1.0 - lost * support / (support - 1))))
        weights = np.full(support, rest / (support - 1))
        weights[0] = 1.0 - rest
    p = np.zeros(length)
    p[:support] = weights / math.fsum(weights.tolist())
    return _check.laws("law_with", p).copy()


def _geometric_rate(support: int, target: float) -> float:
    """Solve tanh(x/2) / tanh(support x/2) = target, the sum of squares, which grows with x >= 0."""
    low, high = 0.0, 80.0  # tanh(40) is 1 to the last bit
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        reached = math.tanh(0.5 * middle) / math.tanh(0.5 * support * middle)
        low, high = (middle, high) if reached < target else (low, middle)
    return low if target > 1.0 / support else 0.0
