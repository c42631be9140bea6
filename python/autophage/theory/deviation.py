"""How far an empirical law, or a model that keeps real data, strays: the l1 bounds of seddik2024.

"How Bad is Training on Synthetic Data?", appendix A (lemma 1, after Weissman et al. (2003) and
Mardia et al. (2020)), theorems 3 and 4, and the elementary bounds that are sharper in every case of
the paper's figures. s is the number of tokens, n the number of synthetic draws a generation, `real`
= N the number of real draws that are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from autophage import _check
from autophage.theory.arguments import require

FloatArray = npt.NDArray[np.float64]

C0 = math.e**3 / (2.0 * math.pi)
"""C_0 of equation (10), about 3.1967."""
C1 = 6.0 * math.e / math.pi**1.5
"""C_1 of equation (10), about 2.9290."""

_BALANCE_LAWS = 200_000  # empirical laws that `expected_balance` is ready to enumerate
_SPLIT_SUPPORT = 40  # two halves of 2^20 sums each: a quarter of a second


def even_split(p: npt.ArrayLike) -> float:
    """pi_p = max over sets A of tokens of min(p(A), 1 - p(A)) (equation (12)).

    Parameters
    ----------
    p : array_like (s,)
        A law with at most 40 tokens of positive probability: the best split is found among all of
        them.

    Returns
    -------
    float
        At most 1/2.

    Raises
    ------
    ValueError
        If more than 40 tokens have positive probability (finding the split is a partition problem).
        For a law of counts use `even_split_of_counts`, which has no such limit; 1/2 is always a
        valid, weaker, value.

    Examples
    --------
    >>> even_split([0.5, 0.3, 0.2]), round(even_split([0.6, 0.3, 0.1]), 12)
    (0.5, 0.4)
    """
    law = _check.laws("p", p)
    _require_one_law(law)
    positive = law[law > 0.0]
    if positive.size > _SPLIT_SUPPORT:
        found = positive.size
        msg = f"p must have at most {_SPLIT_SUPPORT} tokens of positive probability, got {found}"
        raise ValueError(msg)
    first, second = _subset_sums(positive[::2]), np.sort(_subset_sums(positive[1::2]))
    above = np.minimum(np.searchsorted(second, 0.5 - first), second.size - 1)
    sums = first + second[[np.maximum(above - 1, 0), above]]  # the nearest to 1/2 on either side
    return min(float(np.minimum(sums, 1.0 - sums).max()), 0.5)


def even_split_of_counts(counts: npt.ArrayLike) -> float:
    """Even split pi of a law of integer counts, exactly, whatever their number (equation (12)).

    Parameters
    ----------
    counts : array_like (s,)
        Counts of the tokens, of sum N >= 1. The cost is O(s N / 64) word operations.

    Examples
    --------
    >>> even_split_of_counts([5, 3, 2]), even_split_of_counts([7, 0, 1])
    (0.5, 0.125)
    """
    given = _check.integers("counts", counts, 0, 2**40).tolist()
    total = int(sum(given))
    if total == 0:
        msg = "counts must have a positive sum, got 0"
        raise ValueError(msg)
    reachable = 1  # bit k: some set of tokens has k draws
    for count in given:
        reachable |= reachable << count
    half = reachable & ((1 << (total // 2 + 1)) - 1)
    return (half.bit_length() - 1) / total


def phi(x: npt.ArrayLike) -> FloatArray:
    """Exponent phi(x) = log((1-x)/x) / (1-2x) on [0, 1/2] (before lemma 1).

    Decreasing from phi(0) = inf to phi(1/2) = 2.

    Examples
    --------
    >>> phi([0.5, 0.1]).round(6)
    array([2.      , 2.746531])
    """
    u = 1.0 - 2.0 * _check.numbers("x", x, 0.0, 0.5, ndim=None)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(u == 0.0, 2.0, 2.0 * np.arctanh(u) / u)


def concentration_factor(n: int, tokens: int) -> float:
    """G_n(s) = min(2^s - 2, the case of equation (10)) (equations (10) and (13), repaired).

    The paper takes the case alone, although 2^s - 2 holds for all s and n (Weissman et al.) and may
    be far smaller.

    Parameters
    ----------
    n, tokens : int
        Sample size and vocabulary size s, both at least 1.

    Returns
    -------
    float
        `inf` beyond the range of float64.

    Examples
    --------
    >>> concentration_factor(10, 10), round(concentration_factor_printed(10, 10))
    (1022.0, 9778)
    """
    return min(weissman_factor(tokens), concentration_factor_printed(n, tokens))


def concentration_factor_printed(n: int, tokens: int) -> float:
    """G_n(s) by cases as printed in equations (10) and (13): valid, but not the best known.

    Examples
    --------
    >>> round(concentration_factor_printed(1, 10), 4)  # C_1 s exp(C_0 n / (2e))
    52.7336
    """
    size = _check.integer("n", n, 1, _check.COUNT_LIMIT)
    everything = weissman_factor(tokens)
    if C0 / math.e * size + 2.0 <= tokens:
        return _exp(math.log(C1 * tokens) + C0 * size / (2.0 * math.e))
    if C0 / 4.0 * size + 2.0 <= tokens:
        return _exp(math.log(C1 * tokens) + tokens / 2.0 * math.log(C0 * size / tokens))
    return everything


def weissman_factor(tokens: int) -> float:
    """2^s - 2, which holds for every sample size (after lemma 1); `inf` beyond float64.

    Examples
    --------
    >>> weissman_factor(10)
    1022.0
    """
    count = _check.integer("tokens", tokens, 1, _check.COUNT_LIMIT)
    return 2.0**count - 2.0 if count < 1024 else math.inf


def concentration_bound(p: npt.ArrayLike, n: int, epsilon: float) -> float:
    """Bound on P(||p^ - p||_1 >= epsilon) for the law p^ of n draws from p (lemma 1), not cut at 1.

    exp(-n phi(pi_p) epsilon^2 / 4) G_n(s), with s the number of tokens of positive probability.

    Examples
    --------
    >>> round(concentration_bound([0.9, 0.1], 100, 0.2), 6)
    0.1283
    """
    law = _check.laws("p", p)
    split = even_split(law)
    require(epsilon=epsilon, n=n)
    if split == 0.0:
        return 0.0
    factor = concentration_factor(n, int(np.count_nonzero(law)))
    return float(factor * math.exp(-n * float(phi(split)) * epsilon**2 / 4.0))


def deviation_bound(n: int, real: int, tokens: int) -> float:
    """Bound on E ||p^(m) - p^(1)||_1 for every m (theorem 3, with the repaired G_n).

    sqrt(pi n / 2) G_n(s) / N. Correct but vacuous (above 2) unless n is a few draws: see
    `deviation_bound_elementary`.

    Examples
    --------
    >>> round(deviation_bound(1, 10**6, 600), 4)
    0.004
    """
    return deviation_bound_refined(n, real, tokens, 0.5)


def deviation_bound_refined(n: int, real: int, tokens: int, split: float) -> float:
    """Bound of theorem 3 with phi(zeta) for 2: sqrt(pi n / phi(zeta)) G_n(s) / N (theorem 4).

    `split` is zeta, in [0, 1/2]: from `zeta`.

    Examples
    --------
    >>> round(deviation_bound_refined(1, 10**6, 600, 0.3), 4)
    0.0039
    """
    require(n=n, real=real, split=split)
    factor = concentration_factor(n, tokens)
    return float(math.sqrt(math.pi * n / phi(split)) * factor / real)


def zeta(balance: float, n: int, real: int) -> float:
    """Mean split zeta = 1/2 - (1/2 - 2 balance) (N/(N+n))^2 (theorem 4).

    At least E pi of every later generation's model.

    `balance` is E max_A p^(1)(A) p^(1)(not A), from `expected_balance`; 1/4 at most, which gives
    theorem 3.

    Examples
    --------
    >>> zeta(0.25, 10, 100), round(zeta(0.09, 10, 100), 6)
    (0.5, 0.235537)
    """
    require(balance=balance, n=n, real=real)
    share = real / (real + n)
    return 0.5 - (0.5 - 2.0 * balance) * share**2


def expected_balance(p: npt.ArrayLike, real: int) -> float:
    """E max_A p^(1)(A) p^(1)(not A), p^(1) the law of N draws, by enumeration (theorem 4).

    The maximum is x (1-x) at x = pi of the law.

    Raises
    ------
    ValueError
        If there are more than 200,000 empirical laws; average `even_split_of_counts` over simulated
        ones instead.

    Examples
    --------
    >>> round(expected_balance([0.9, 0.1], 2), 6)  # 0.18 times 1/4
    0.045
    """
    require(real=real)
    law = _check.laws("p", p)
    positive = law[law > 0.0]
    laws = math.comb(real + positive.size - 1, real)
    if laws > _BALANCE_LAWS:
        msg = f"p and real must give at most {_BALANCE_LAWS} empirical laws, got {laws}"
        raise ValueError(msg)
    total = 0.0
    for counts, probability in _multinomial(positive.tolist(), real):
        x = even_split_of_counts(counts)
        total += probability * x * (1.0 - x)
    return total


def deviation_bound_summed(n: int, real: int, tokens: int, splits: npt.ArrayLike) -> FloatArray:
    """Bound on E ||p^(m) - p^(1)||_1 for m = 2 .. k+1 from E pi of models 1..k (equation (19)).

    sqrt(pi/n) G_n(s) sum_{j<m} a^(m-j) / sqrt(phi(E pi_j)), a = n/(N+n). With zeta for every split
    it stays below theorem 4.

    Examples
    --------
    >>> deviation_bound_summed(1, 10, 2, [0.5, 0.5]).round(6)
    array([0.227875, 0.248591])
    """
    require(n=n, real=real)
    inverse_roots = 1.0 / np.sqrt(phi(splits))
    a, total, values = n / (n + real), 0.0, np.empty(len(inverse_roots))
    for j, term in enumerate(inverse_roots):
        total = a * (total + term)
        values[j] = total
    return math.sqrt(math.pi / n) * concentration_factor(n, tokens) * values


def deviation_bound_elementary(n: int, real: int, tokens: int) -> float:
    """Bound on E ||p^(m) - p^(1)||_1 for every m: min(sqrt(n (s-1)) / N, sqrt(s / (2N))).

    Not in the paper. The first sums E ||p^ - p||_1 <= sqrt((s-1)/n) over the generations; the
    second is sqrt(s E ||p^(m) - p^(1)||_2^2), where the mean square is below n / (N (N + 2n)) < 1 /
    (2N) for every n.

    Examples
    --------
    >>> round(deviation_bound_elementary(10**9, 10**6, 600), 4)
    0.0173
    """
    require(n=n, real=real, tokens=tokens)
    return min(math.sqrt(n * (tokens - 1.0)) / real, math.sqrt(tokens / (2.0 * real)))


def largest_synthetic_sample(epsilon: float, real: int, tokens: int) -> int:
    """Largest n that equation (11) allows for E ||p^(m) - p^(1)||_1 < epsilon; 0 if it allows none.

    floor of 2 pi e^-2 min(s - 2, log(sqrt(2) pi N epsilon / (6 e s))).

    Examples
    --------
    >>> largest_synthetic_sample(0.1, 10**6, 600)
    3
    """
    require(epsilon=epsilon, real=real, tokens=tokens)
    ratio = math.sqrt(2.0) * math.pi * real * epsilon / (6.0 * math.e * tokens)
    largest = min(tokens - 2.0, math.log(ratio)) if ratio > 0.0 else 0.0
    return max(0, math.floor(2.0 * math.pi * math.exp(-2.0) * largest))


def largest_synthetic_sample_elementary(epsilon: float, real: int, tokens: int) -> float:
    """Largest n that `deviation_bound_elementary` allows; `inf` if every n.

    Examples
    --------
    >>> largest_synthetic_sample_elementary(0.1, 10**6, 600)
    inf
    >>> largest_synthetic_sample_elementary(0.01, 10**6, 600)
    166944
    """
    require(epsilon=epsilon, real=real, tokens=tokens)
    if tokens == 1 or epsilon**2 >= tokens / (2.0 * real):
        return math.inf
    return math.floor((epsilon * real) ** 2 / (tokens - 1.0))


def _multinomial(law: list[float], draws: int) -> Iterator[tuple[list[int], float]]:
    """Every count vector of `draws` draws with its probability."""
    if len(law) == 1:
        yield [draws], law[0] ** draws
        return
    for first in range(draws + 1):
        ways = math.comb(draws, first) * law[0] ** first
        for rest, probability in _multinomial(law[1:], draws - first):
            yield [first, *rest], ways * probability


def _subset_sums(values: FloatArray) -> FloatArray:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums, sums + value])
    return sums


def _exp(x: float) -> float:
    return math.exp(x) if x < 709.0 else math.inf


def _require_one_law(law: FloatArray) -> None:
    if law.ndim != 1:
        msg = f"p must be one law of shape (s,), got shape {law.shape}"
        raise ValueError(msg)
