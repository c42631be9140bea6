"""What "How Bad is Training on Synthetic Data?" states about language model collapse, by number.

Notation: s tokens, p the true law, `sigma_0` = S_0 = sum_i p_i^2, `support` the number of tokens
with p_i > 0, n draws a generation, `real` = N real draws that are kept (partially synthetic), p^(m)
the model of generation m, T the first generation whose model is a point mass, rho_m = P(T <= m).
Where `n` may be an array over generations its last value holds for ever after; the paper has
constant n only. The l1 bounds (lemma 1, theorems 3 and 4, equations (10) to (13) and (19)) are
written in `autophage.theory.deviation` and can be reached from here.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from autophage import _check
from autophage.theory.arguments import over_generations, require
from autophage.theory.deviation import (
    C0,
    C1,
    concentration_bound,
    concentration_factor,
    concentration_factor_printed,
    deviation_bound,
    deviation_bound_elementary,
    deviation_bound_refined,
    deviation_bound_summed,
    even_split,
    even_split_of_counts,
    expected_balance,
    largest_synthetic_sample,
    largest_synthetic_sample_elementary,
    phi,
    weissman_factor,
    zeta,
)

__all__ = [
    "C0",
    "C1",
    "collapse_probability_bounds",
    "collapse_probability_upper_sharp",
    "collapse_time_bounds",
    "collapse_time_lower_sharp",
    "concentration_bound",
    "concentration_factor",
    "concentration_factor_printed",
    "cross_entropy",
    "deviation_bound",
    "deviation_bound_elementary",
    "deviation_bound_refined",
    "deviation_bound_summed",
    "empirical_laws",
    "even_split",
    "even_split_of_counts",
    "expected_balance",
    "expected_sigma",
    "final_token_law",
    "largest_synthetic_sample",
    "largest_synthetic_sample_elementary",
    "many_synthetic_limit",
    "many_synthetic_limit_printed",
    "partially_synthetic_sigma",
    "partially_synthetic_sigma_limit",
    "partially_synthetic_sigma_printed",
    "partially_synthetic_token_squares",
    "phi",
    "sigma",
    "weissman_factor",
    "zeta",
]

FloatArray = npt.NDArray[np.float64]


def cross_entropy(weights: npt.ArrayLike, contexts: npt.ArrayLike, tokens: npt.ArrayLike) -> float:
    """Mean cross-entropy of the softmax classifier with one-hot contexts (equation (1)).

    Parameters
    ----------
    weights : array_like (c, s)
        W; row j holds the scores of the tokens after context j.
    contexts, tokens : array_like (M,) of int
        The samples, contexts in 0..c-1 and tokens in 0..s-1.

    Examples
    --------
    >>> round(cross_entropy([[0.0, 0.0]], [0, 0], [0, 1]), 6)
    0.693147
    """
    scores = _check.numbers("weights", weights, ndim=(2,))
    j = _check.integers("contexts", contexts, 0, scores.shape[0] - 1)
    k = _check.integers("tokens", tokens, 0, scores.shape[1] - 1)
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_laws = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_laws[j, k].mean())


def empirical_laws(
    contexts: npt.ArrayLike, tokens: npt.ArrayLike, context_count: int, token_count: int
) -> FloatArray:
    """Minimiser of equation (1): the share of each token after each context (equation (2)).

    Returns
    -------
    ndarray (context_count, token_count)
        Rows of contexts without samples are NaN: the loss does not determine them.

    Examples
    --------
    >>> empirical_laws([0, 0, 0, 1], [0, 1, 1, 0], 2, 2).round(4)
    array([[0.3333, 0.6667],
           [1.    , 0.    ]])
    """
    counts = np.zeros((context_count, token_count))
    j = _check.integers("contexts", contexts, 0, context_count - 1)
    k = _check.integers("tokens", tokens, 0, token_count - 1)
    np.add.at(counts, (j, k), 1.0)
    with np.errstate(invalid="ignore"):
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def sigma(p: npt.ArrayLike) -> FloatArray:
    """Squared norm sigma = sum_i p_i^2 (section 3), for one law or one a row; 1 at a point mass.

    Examples
    --------
    >>> float(sigma([0.5, 0.25, 0.25]))
    0.375
    """
    return np.asarray(np.square(_check.laws("p", p)).sum(axis=-1))


def expected_sigma(sigma_0: float, n: npt.ArrayLike, generation: npt.ArrayLike) -> FloatArray:
    """S_m = E sigma_m = 1 - prod_{k<=m} (1 - 1/n_k) (1 - S_0) (equations (6) and (14)).

    Fully synthetic.

    Parameters
    ----------
    sigma_0 : float
        S_0, in (0, 1].
    n : int or array_like
        Draws per generation, at least 1.
    generation : array_like of int
        Any m >= 0.

    Examples
    --------
    >>> expected_sigma(0.375, 10, [0, 1, 2])
    array([0.375  , 0.4375 , 0.49375])
    """
    require(sigma_0=sigma_0)
    return 1.0 - (1.0 - sigma_0) * _survival(n, generation)


def collapse_probability_bounds(
    sigma_0: float, support: int, n: npt.ArrayLike, generation: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Bounds on rho_m = P(T <= m), m >= 1 (equation (7)).

    Lower: 1 - n_m (1 - S_m); upper: 1 - (1 - S_m) / (1 - 1/support), which needs a support of two
    tokens or more. The lower one may be negative.

    Examples
    --------
    >>> [x.round(4) for x in collapse_probability_bounds(0.5, 2, 10, [1, 20])]
    [array([-3.5   ,  0.3921]), array([0.1   , 0.8784])]
    """
    require(sigma_0=sigma_0, support=support)
    missing = (1.0 - sigma_0) * _survival(n, generation)
    return 1.0 - _size_at(n, generation) * missing, 1.0 - missing / (1.0 - 1.0 / support)


def collapse_probability_upper_sharp(
    sigma_0: float, support: int, n: npt.ArrayLike, generation: npt.ArrayLike
) -> FloatArray:
    """Upper bound of (7) with min(support, n_1, .., n_m) for the support.

    Not in the paper: p^(m) has no more tokens than that.

    Examples
    --------
    >>> collapse_probability_upper_sharp(0.01, 500, 3, [1, 10]).round(4)
    array([0.01  , 0.9742])
    """
    require(sigma_0=sigma_0, support=support)
    missing = (1.0 - sigma_0) * _survival(n, generation)
    return 1.0 - missing * _support_factor(support, n, generation)


def collapse_time_bounds(sigma_0: float, support: int, n: npt.ArrayLike) -> tuple[float, float]:
    """Bounds on E T (equation (8)): sums of (7), E T = 1 + sum_{m>=1} (1 - rho_m).

    For constant n: 1 + (1-S_0)/(1-1/support) (n-1) and 1 + (1-S_0) n (n-1).

    Examples
    --------
    >>> collapse_time_bounds(0.5, 2, 10)
    (10.0, 46.0)
    """
    require(sigma_0=sigma_0, support=support)
    weights, sizes = _visits(n)
    missing = 1.0 - sigma_0
    lower = 1.0 + missing / (1.0 - 1.0 / support) * float(weights.sum())
    return lower, 1.0 + missing * float((weights * sizes).sum())


def collapse_time_lower_sharp(sigma_0: float, support: int, n: npt.ArrayLike) -> float:
    """Lower bound of (8) with min(support, n_1, .., n_m) for the support, generation by generation.

    Examples
    --------
    >>> round(collapse_time_lower_sharp(0.01, 500, 3), 4)
    3.97
    >>> round(collapse_time_bounds(0.01, 500, 3)[0], 4)
    2.984
    """
    require(sigma_0=sigma_0, support=support)
    weights, sizes = _visits(n)
    factor = _support_factor(support, n, np.arange(1, sizes.size + 1))
    return 1.0 + (1.0 - sigma_0) * float((weights * factor).sum())


def final_token_law(p: npt.ArrayLike) -> FloatArray:
    """P(p^(m) tends to the point mass at i) = p_i, fully synthetic (proposition 1).

    Examples
    --------
    >>> final_token_law([0.5, 0.25, 0.25])
    array([0.5 , 0.25, 0.25])
    """
    return _check.laws("p", p)


def partially_synthetic_sigma(
    sigma_0: float, n: int, real: int, generation: npt.ArrayLike
) -> FloatArray:
    """S_m, m >= 1, when every generation keeps the same N real draws (theorem 2, (9) repaired).

    With a = n/(N+n) and b = a [(1+1/N) a - 1/N]: S_m = { [1 + 2a - (1-1/N) a b^(m-1)] / N + (1-1/N)
    S_0 [1 + a + a b^(m-1) / N] } / [1 + (1+1/N) a]. The print has a minus before the last a.

    Examples
    --------
    >>> partially_synthetic_sigma(0.82, 20, 2, [1, 2]).round(5)
    array([0.91   , 0.91372])
    """
    return _theorem_2(sigma_0, n, real, generation, sign=1.0)


def partially_synthetic_sigma_printed(
    sigma_0: float, n: int, real: int, generation: npt.ArrayLike
) -> FloatArray:
    """Equation (9) as printed, with the wrong sign in its last bracket.

    Examples
    --------
    >>> partially_synthetic_sigma_printed(0.82, 20, 2, 2).round(5)
    np.float64(0.78991)
    """
    return _theorem_2(sigma_0, n, real, generation, sign=-1.0)


def partially_synthetic_sigma_limit(sigma_0: float, n: int, real: int) -> float:
    """Limit of S_m, which is also the bound for every m in the proof of theorem 2 (appendix B.3).

    [(1 + 2a)/N + (1-1/N)(1+a) S_0] / [1 + (1+1/N) a], a = n/(N+n).

    Examples
    --------
    >>> round(partially_synthetic_sigma_limit(0.82, 20, 2), 5)
    0.92731
    """
    require(sigma_0=sigma_0, n=n, real=real)
    a, small = n / (n + real), 1.0 / real
    top = small * (1.0 + 2.0 * a) + (1.0 - small) * (1.0 + a) * sigma_0
    return top / (1.0 + (1.0 + small) * a)


def many_synthetic_limit(
    sigma_0: float, real: int, first: Literal["n", "generations"] = "n"
) -> float:
    """Limit of S_m as n grows (after theorem 2, repaired).

    first="n": n to infinity at fixed m, 1/N + (1-1/N) S_0. first="generations": m to infinity
    first, then n, (3/N + 2 (1-1/N) S_0) / (2 + 1/N).

    Examples
    --------
    >>> many_synthetic_limit(0.5, 2), many_synthetic_limit(0.5, 2, first="generations")
    (0.75, 0.8)
    """
    require(sigma_0=sigma_0, real=real)
    small = 1.0 / real
    if _check.choice("first", first, ("n", "generations")) == "n":
        return small + (1.0 - small) * sigma_0
    return (3.0 * small + 2.0 * (1.0 - small) * sigma_0) / (2.0 + small)


def many_synthetic_limit_printed(sigma_0: float, real: int) -> float:
    """Limit for n much larger than N as printed, with the wrong sign of (9) (after theorem 2).

    Examples
    --------
    >>> many_synthetic_limit_printed(0.5, 2)
    0.65
    """
    require(sigma_0=sigma_0, real=real)
    small = 1.0 / real
    return small + (1.0 - small) * (2.0 - small) / (2.0 + small) * sigma_0


def partially_synthetic_token_squares(
    p: npt.ArrayLike, n: int, real: int, generation: int
) -> FloatArray:
    """nu_i^(m) = E (p_i^(m))^2 of every token, m >= 1 (the recursion after equation (15)).

    nu^(1) = p_i/N + (1-1/N) p_i^2 and nu^(m) = (1-a)(1+2a)/N p_i + (1-1/N)(1-a^2) p_i^2 + b
    nu^(m-1), with a and b of theorem 2.

    Examples
    --------
    >>> partially_synthetic_token_squares([0.9, 0.1], 20, 2, 2).round(5)
    array([0.85686, 0.05686])
    """
    require(n=n, real=real)
    law, small = _check.laws("p", p), 1.0 / real
    a = n / (n + real)
    b = a * ((1.0 + small) * a - small)
    added = (1.0 - a) * ((1.0 + 2.0 * a) * small * law + (1.0 - small) * (1.0 + a) * law**2)
    squares = small * law + (1.0 - small) * law**2
    limit = added / (1.0 - b)
    return np.asarray(limit + b ** (generation - 1) * (squares - limit))


def _theorem_2(
    sigma_0: float, n: int, real: int, generation: npt.ArrayLike, sign: float
) -> FloatArray:
    require(sigma_0=sigma_0, n=n, real=real)
    m = _check.integers("generation", generation, 1, _check.GENERATION_LIMIT, ndim=None)
    a, small = n / (n + real), 1.0 / real
    faded = a * (a * ((1.0 + small) * a - small)) ** (m - 1)
    first = small * (1.0 + 2.0 * a - (1.0 - small) * faded)
    last = (1.0 - small) * sigma_0 * (1.0 + a + sign * small * faded)
    return np.asarray((first + last) / (1.0 + (1.0 + small) * a))


def _survival(n: npt.ArrayLike, generation: npt.ArrayLike) -> FloatArray:
    """prod_{k<=m} (1 - 1/n_k) for each m >= 0."""
    m = _check.integers("generation", generation, 0, _check.GENERATION_LIMIT, ndim=None)
    given = over_generations("n", n, np.size(n), 1)
    beyond = np.maximum(m - given.size, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log1p(-1.0 / given)
        total = np.concatenate([[0.0], np.cumsum(logs)])[np.minimum(m, given.size)]
        return np.asarray(np.exp(total + np.where(beyond > 0, beyond * logs[-1], 0.0)))


def _size_at(n: npt.ArrayLike, generation: npt.ArrayLike) -> FloatArray:
    m = _check.integers("generation", generation, 1, _check.GENERATION_LIMIT, ndim=None)
    given = over_generations("n", n, np.size(n), 1)
    return np.asarray(given[np.minimum(m, given.size) - 1])


def _support_factor(support: int, n: npt.ArrayLike, generation: npt.ArrayLike) -> FloatArray:
    """1 / (1 - 1/min(support, n_1, .., n_m)); 1 where that is one token: nothing is missing."""
    smallest = np.minimum.accumulate(over_generations("n", n, np.size(n), 1))
    tokens = np.minimum(_size_at(smallest, generation), support)
    return np.where(tokens > 1, tokens / np.maximum(tokens - 1.0, 1.0), 1.0)


def _visits(n: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Weights and sizes, m = 1..L, of sum_{m>=1} f(n_m) prod_{k<=m} (1 - 1/n_k) = sum w_m f(n_m).

    The last size holds for ever: its generations are a geometric sum.
    """
    sizes = over_generations("n", n, np.size(n), 1)
    weights = _survival(n, np.arange(1, sizes.size + 1))
    weights[-1] *= sizes[-1]
    return weights, sizes
