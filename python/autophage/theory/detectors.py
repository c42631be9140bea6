"""Detectors of synthetic data: their errors, what they keep, and how well any detector can do.

The null hypothesis is "this token is real, drawn from p". The type-I error e1 is the share of real
tokens thrown away, the type-II error e2 the share of synthetic tokens kept. Source: "From Collapse
to Improvement", section 3 ("Using a classifier before training") and appendix D.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autophage import _check
from autophage.theory.arguments import require

__all__ = [
    "filtered_real_share",
    "kept_share",
    "likelihood_ratio_errors",
    "likelihood_ratio_kept_law",
    "mean_inverse_kept",
    "neyman_pearson_curve",
    "neyman_pearson_type2",
    "oracle_real_share",
    "total_variation",
]

FloatArray = npt.NDArray[np.float64]

_SERIES_FROM = 60.0  # mean number kept from which the series is used: its 40th term is below 1e-23


def kept_share(alpha: npt.ArrayLike, type1: npt.ArrayLike, type2: npt.ArrayLike) -> FloatArray:
    """Probability that a draw survives the filter, alpha (1 - e1) + (1 - alpha) e2 (appendix D).

    Parameters
    ----------
    alpha, type1, type2 : array_like
        Real share of the source and the two errors, each in [0, 1]; broadcast.

    Examples
    --------
    >>> float(kept_share(0.5, 0.2, 0.1))
    0.45
    """
    a, e1, e2 = _shares("alpha", alpha), _shares("type1", type1), _shares("type2", type2)
    return a * (1.0 - e1) + (1.0 - a) * e2


def filtered_real_share(
    alpha: npt.ArrayLike, type1: npt.ArrayLike, type2: npt.ArrayLike
) -> FloatArray:
    """Real share of what a label-agnostic filter keeps, alpha (1 - e1) / k (section 3).

    k is the share kept.

    Parameters
    ----------
    alpha, type1, type2 : array_like
        Real share of the source and the two errors, each in [0, 1]; broadcast.

    Raises
    ------
    ValueError
        If nothing is ever kept (k = 0).

    Examples
    --------
    >>> float(filtered_real_share(0.3, 0.3, 0.5))  # type-I and type-II error
    0.375
    """
    kept = kept_share(alpha, type1, type2)
    _refuse_nothing_kept(kept)
    return np.asarray(alpha, dtype=float) * (1.0 - np.asarray(type1, dtype=float)) / kept


def mean_inverse_kept(n: npt.ArrayLike, k: npt.ArrayLike) -> FloatArray:
    """E[1/M | M > 0] for M ~ Binomial(n, k): the mean of one over the number kept (theorem D.2).

    Parameters
    ----------
    n : array_like of int
        Number of draws, 1 <= n <= 2^62.
    k : array_like
        Probability of being kept, in (0, 1]; broadcast against n.

    Returns
    -------
    ndarray
        Relative error below 1e-14 everywhere (against 50 digits it was below 1e-15).

    Raises
    ------
    ValueError
        If n < 1 or k lies outside (0, 1].

    Notes
    -----
    Below n k = 60 the sum over the law, as weights relative to the mode, all terms positive. From
    there on the inverse factorial series sum_r r! / (k^(r+1) (n+1) .. (n+r+1)): 1/m = sum_r r! /
    ((m+1) .. (m+r+1)), and the mean of the last fraction is 1 / (k^(r+1) (n+1) .. (n+r+1)) up to
    the chance of M <= r, which is negligible here.

    Examples
    --------
    >>> mean_inverse_kept(2, [1.0, 0.5]).round(6)
    array([0.5     , 0.833333])
    """
    sizes = _check.numbers("n", n, 1, _check.COUNT_LIMIT, ndim=None)
    trials, kept = np.broadcast_arrays(sizes, _shares("k", k))
    _refuse_nothing_kept(kept)
    pairs = np.stack([trials.ravel(), kept.ravel()])
    pairs, inverse = np.unique(pairs, axis=1, return_inverse=True)
    few = pairs[0] * pairs[1] < _SERIES_FROM
    values = np.empty(pairs.shape[1])
    values[few] = [_by_summation(int(a), float(b)) for a, b in pairs[:, few].T]
    values[~few] = _by_series(*pairs[:, ~few])
    return values[inverse].reshape(trials.shape)


def _by_series(n: FloatArray, k: FloatArray) -> FloatArray:
    order = np.arange(1, 40)[:, None]
    ratios = order / (k * (n + order + 1.0))
    return np.asarray((1.0 + np.cumprod(ratios, axis=0).sum(axis=0)) / (k * (n + 1.0)))


def _by_summation(n: int, k: float) -> float:
    mode = min(max(int((n + 1) * k), 1), n)
    above = np.arange(mode, min(n, mode + 400), dtype=float)  # 400 > 30 deviations of a mean of 60
    below = np.arange(mode, 1, -1, dtype=float)
    with np.errstate(divide="ignore", under="ignore"):
        up = np.cumprod((n - above) / (above + 1.0) * (k / np.float64(1.0 - k)))
        down = np.cumprod(below / (n - below + 1.0) * ((1.0 - k) / k))
    count = np.concatenate([below - 1.0, [mode], above + 1.0])
    weight = np.concatenate([down, [1.0], up])
    return min(1.0, float((weight / count).sum() / weight.sum()))


def total_variation(p: npt.ArrayLike, q: npt.ArrayLike) -> float:
    """Total variation between two laws over the same tokens, half their l1 distance.

    Examples
    --------
    >>> round(total_variation([0.4, 0.3, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25]), 12)
    0.2
    """
    real, made = _pair(p, q)
    return float(np.abs(real - made).sum() / 2.0)


def likelihood_ratio_errors(
    p: npt.ArrayLike, q: npt.ArrayLike, threshold: float = 1.0
) -> tuple[float, float]:
    """Errors (e1, e2) of the test that keeps token i if and only if p_i >= threshold * q_i.

    Parameters
    ----------
    p, q : array_like (s,)
        The real law and the model's.
    threshold : float
        Positive. At 1, e1 = P_p(p < q) and e2 = 1 - e1 - TV(p, q): e1 is not free there.

    Examples
    --------
    >>> e1, e2 = likelihood_ratio_errors([0.4, 0.3, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25])
    >>> round(e1, 12), round(e2, 12)
    (0.3, 0.5)
    """
    require(threshold=threshold)
    real, made = _pair(p, q)
    kept = real >= threshold * made
    return float(real[~kept].sum()), float(made[kept].sum())


def likelihood_ratio_kept_law(
    p: npt.ArrayLike, q: npt.ArrayLike, alpha: float, threshold: float = 1.0
) -> FloatArray:
    """Law of the tokens that the likelihood-ratio test keeps of the source alpha p + (1 - alpha) q.

    Unlike what a label-agnostic filter keeps it is no mixture of p and q: the test decides from the
    token itself.

    Raises
    ------
    ValueError
        If no token of positive probability is kept.

    Examples
    --------
    >>> likelihood_ratio_kept_law([0.4, 0.3, 0.2, 0.1], [0.25] * 4, alpha=0.3).round(4)
    array([0.5268, 0.4732, 0.    , 0.    ])
    """
    require(alpha=alpha, threshold=threshold)
    real, made = _pair(p, q)
    mixed = np.where(real >= threshold * made, alpha * real + (1.0 - alpha) * made, 0.0)
    _refuse_nothing_kept(mixed.sum())
    return np.asarray(mixed / mixed.sum())


def neyman_pearson_curve(p: npt.ArrayLike, q: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Corners (e1, e2) of the lower bound on all detectors, e1 ascending and e2 descending.

    The tokens with the smallest p_i / q_i are thrown away first; between two corners the best test
    is random on one token, so the curve is the straight line. Every detector that sees one token
    has (e1, e2) on or above it.

    Examples
    --------
    >>> e1, e2 = neyman_pearson_curve([0.5, 0.5], [0.2, 0.8])
    >>> e1, e2.round(12)
    (array([0. , 0.5, 1. ]), array([1. , 0.2, 0. ]))
    """
    real, made = _pair(p, q)
    seen = (real > 0) | (made > 0)
    real, made = real[seen], made[seen]
    order = np.argsort(real / (real + made), kind="stable")
    tails = np.cumsum(made[order][::-1])[::-1]
    e1 = np.concatenate([[0.0], np.cumsum(real[order])])
    e1[-1] = 1.0
    return e1, np.concatenate([[1.0], tails[1:], [0.0]])


def neyman_pearson_type2(p: npt.ArrayLike, q: npt.ArrayLike, type1: npt.ArrayLike) -> FloatArray:
    """Smallest type-II error that any detector of one token can have at type-I error `type1`.

    At e1 = 0 it is the synthetic mass on the tokens of positive real probability.

    Examples
    --------
    >>> neyman_pearson_type2([0.5, 0.5], [0.2, 0.8], [0.0, 0.25, 0.5]).round(12)
    array([1. , 0.6, 0.2])
    """
    e1, e2 = neyman_pearson_curve(p, q)
    start = int(np.flatnonzero(e1 == 0.0)[-1])
    return np.interp(_shares("type1", type1), e1[start:], e2[start:])


def oracle_real_share(alpha: float, type1: float, variation: float) -> float:
    """Real share kept by an oracle with e1 + e2 = 1 - TV(p, q) (section 3, "Oracle classifier").

    Parameters
    ----------
    alpha : float
        Real share of the source.
    type1 : float
        The oracle's type-I error. The bound e2 >= 1 - e1 - TV is met only on the part of the
        Neyman-Pearson curve of slope -1, P_p(p < q) <= e1 <= P_p(p <= q); elsewhere use
        `neyman_pearson_type2`.
    variation : float
        TV(p, q), at most 1 - type1.

    Examples
    --------
    >>> round(oracle_real_share(0.3, 0.3, 0.2), 12)
    0.375
    """
    require(type1=type1, variation=variation)
    return float(filtered_real_share(alpha, type1, 1.0 - type1 - variation))


def _pair(p: npt.ArrayLike, q: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    real, made = _check.laws("p", p), _check.laws("q", q)
    if real.ndim != 1 or real.shape != made.shape:
        shapes = f"{real.shape} and {made.shape}"
        msg = f"p and q must be two laws over the same tokens, got shapes {shapes}"
        raise ValueError(msg)
    return real, made


def _shares(name: str, values: npt.ArrayLike) -> FloatArray:
    return _check.numbers(name, values, 0.0, 1.0, ndim=None)


def _refuse_nothing_kept(kept: npt.ArrayLike) -> None:
    if not np.all(np.asarray(kept) > 0.0):
        msg = "the share that the filter keeps must be positive, got 0: nothing is ever kept"
        raise ValueError(msg)
