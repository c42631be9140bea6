"""The exact law of one token's count, for n up to a few thousand.

Under the fully synthetic regime the count of a token is a chain of its own: given that x of the n
samples of one generation carry the token, the next count is binomial(n', x / n').
"""

from __future__ import annotations

import numpy as np

from autophage import _core
from autophage.occupancy import Ancestry, Floats, Integers, Tokens

COUNT_REACH = 2000
"""Largest n: a dense matrix of 2001 x 2001 chances is squared in half a second."""

_ROWS = 256  # multiplied at a time


def transition(given: int, trials: int) -> Floats:
    """Chances of the next count (columns, 0 .. trials) given this one (rows, 0 .. given)."""
    hit = np.arange(given + 1, dtype=np.float64)
    return _core.binomial_laws(trials, hit, given - hit)


class CountLaws:
    """Laws of the counts of several tokens, carried forward through the generations.

    Parameters
    ----------
    ancestry : Ancestry
        The schedule of sample sizes.
    p, misses : ndarray, shape (d,)
        Probabilities of the tokens, and one minus them.
    """

    def __init__(self, ancestry: Ancestry, p: Floats, misses: Floats) -> None:
        self.ancestry = ancestry
        self.generation = 1
        self.laws = _core.binomial_laws(ancestry.size(1), p, misses)

    def at(self, m: int) -> Floats:
        """Laws (d, n_m + 1) at generation m, not before the one of the last call."""
        while self.generation < m:
            varies = self.generation < self.ancestry.settled
            steps = 1 if varies else m - self.generation
            self.laws = advance(self.laws, self.ancestry.size(self.generation + 1), steps)
            self.generation += steps
        return self.laws


def advance(laws: Floats, trials: int, steps: int) -> Floats:
    """Laws after some generations, step by step or by squaring, whichever costs less.

    A row of chances has about 10 sqrt(n) entries, and an entry of a matrix product takes a quarter
    of the time. More than one step needs the same n all along.
    """
    rows, states = laws.shape
    squarings = steps.bit_length()
    if steps == 1 or 40.0 * steps * rows <= squarings * states**1.5:
        return _core.step_counts(trials, steps, laws, None)
    matrix = transition(trials, trials)
    while steps:
        if steps & 1:
            laws = product(laws, matrix)
        steps >>= 1
        if steps:
            matrix = product(matrix, matrix)
    return laws


def product(laws: Floats, matrix: Floats) -> Floats:
    """Multiply in blocks of rows, so that an interrupt is heard between them."""
    parts = [laws[i : i + _ROWS] @ matrix for i in range(0, len(laws), _ROWS)]
    return np.concatenate(parts)


def absence(ancestry: Ancestry, p: Floats, m: int) -> Floats:
    """Chance that each token is absent from generation m: E (1 - p)^A over the ancestors A."""
    first, law = ancestry.law(m)
    there = 1.0 - p
    result = np.full(p.shape, law[-1])
    for chance in law[-2::-1]:
        result *= there
        result += chance
    with np.errstate(divide="ignore"):
        return np.asarray(result * np.exp(first * np.log1p(-p)))


def absolute_deviations(ancestry: Ancestry, tokens: list[Tokens], m: Integers) -> Floats:
    """E ||p^(m) - p||_1 for each m >= 1, in ascending order, and each context: shape (k, c).

    Notes
    -----
    E p_i^(m) = p_i, so E |p_i^(m) - p_i| is twice the mean of (p_i - p_i^(m))^+. For a token with
    p_i <= 1 / n_m only a count of zero adds to that, p_i times the chance that it is absent.
    """
    p, misses, copies = (
        np.concatenate(x)
        for x in zip(*((t.values, t.misses, t.copies) for t in tokens), strict=True)
    )
    context = np.repeat(np.arange(len(tokens)), [len(t.values) for t in tokens])
    heavy = p * max(ancestry.n) > 1.0
    counts = CountLaws(ancestry, p[heavy], misses[heavy]) if heavy.any() else None
    result = np.empty((len(m), len(tokens)))
    for row, generation in enumerate(m.tolist()):
        size = ancestry.size(generation)
        each = 2.0 * p * absence(ancestry, p, generation)
        if counts is not None:
            below = np.maximum(p[heavy, None] - np.arange(size + 1) / size, 0.0)
            each[heavy] = 2.0 * (counts.at(generation) * below).sum(axis=1)
        result[row] = np.bincount(context, each * copies, len(tokens))
    return result
