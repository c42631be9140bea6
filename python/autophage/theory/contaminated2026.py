"""What "From Collapse to Improvement" states about contaminated sources, by its own numbers.

Generation 1 is n_1 draws from p. Generation t is n_t draws, each real with probability alpha_t,
else from the model p^(t-1). The risk is R_t = E ||p^(t) - p||_2^2; every formula is linear in
v = 1 - sum_i p_i^2, the argument `variance`. `n` and `alpha` are numbers, or arrays over
generations whose last value holds for ever after. Here alpha is the share of *real* data. The
classifiers of section 3 and appendix D are in `autophage.theory.detectors` and can be reached from
here.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from autophage import _check
from autophage.theory.arguments import over_generations, require
from autophage.theory.detectors import (
    filtered_real_share,
    kept_share,
    likelihood_ratio_errors,
    likelihood_ratio_kept_law,
    mean_inverse_kept,
    neyman_pearson_curve,
    neyman_pearson_type2,
    oracle_real_share,
    total_variation,
)

__all__ = [
    "accumulated_limit_bracket",
    "accumulated_risk",
    "accumulated_risk_limit",
    "accumulated_risk_limit_bounds",
    "adaptive_constant",
    "adaptive_real_share",
    "adaptive_risk",
    "adaptive_risk_bound",
    "decaying_share_limit",
    "filtered_real_share",
    "filtered_risk",
    "filtered_risk_limit",
    "filtered_risk_limit_mean_field",
    "filtered_risk_mean_field",
    "improving_sample_size",
    "kept_share",
    "likelihood_ratio_errors",
    "likelihood_ratio_kept_law",
    "mean_inverse_kept",
    "neyman_pearson_curve",
    "neyman_pearson_type2",
    "oracle_real_share",
    "risk",
    "risk_limit",
    "synthetic_risk",
    "synthetic_risk_limit_quadratic",
    "total_variance",
    "total_variation",
]

FloatArray = npt.NDArray[np.float64]
Rule = Literal["reciprocal", "exponential"]


def total_variance(p: npt.ArrayLike) -> FloatArray:
    """Total variance v = 1 - sum_i p_i^2 of one draw from p (theorem 3.1).

    Parameters
    ----------
    p : array_like (s,) or (c, s)
        One law, or one a row.

    Returns
    -------
    ndarray () or (c,)
        Computed as 2 sum_{i<j} p_i p_j: a few ulp of relative error even where p is nearly a point
        mass.

    Examples
    --------
    >>> float(total_variance([0.5, 0.25, 0.25])), float(total_variance([1.0, 1e-30]))
    (0.625, 2e-30)
    """
    ordered = -np.sort(-_check.laws("p", p), axis=-1)
    tails = np.cumsum(ordered[..., ::-1], axis=-1)[..., ::-1]
    return np.asarray(2.0 * (ordered[..., :-1] * tails[..., 1:]).sum(axis=-1))


def risk(variance: float, n: npt.ArrayLike, alpha: npt.ArrayLike, generations: int) -> FloatArray:
    """Risk of generations 1..G (theorem 3.1).

    R_t = (1-alpha_t)^2 (1 - 1/n_t) R_(t-1) + v/n_t, R_1 = v/n_1.

    Examples
    --------
    >>> risk(0.7, 20, 0.3, 3).round(5)
    array([0.035  , 0.05129, 0.05888])
    """
    require(variance=variance)
    sizes = over_generations("n", n, generations, 1)
    shares = over_generations("alpha", alpha, generations, 0, 1)
    return _recurrence((1.0 - shares) ** 2 * (1.0 - 1.0 / sizes), variance / sizes)


def risk_limit(variance: float, n: float, alpha: float) -> float:
    """Limit of the risk for fixed n and alpha, v / (n - (n-1)(1-alpha)^2) (remark 3.3).

    It bounds the limit superior whenever alpha_t >= alpha with that fixed n (corollary 3.2, part
    1). As n grows it falls to 0 for every alpha > 0 (part 2, which needs only n_t -> infinity and
    alpha_t >= alpha > 0).

    Examples
    --------
    >>> round(risk_limit(0.7, 20, 0.3), 4), risk_limit(0.7, 20, 0.0), risk_limit(0.5, 2, 1.0)
    (0.0655, 0.7, 0.25)
    """
    require(variance=variance, n=n, alpha=alpha)
    return variance / (1.0 + (n - 1.0) * alpha * (2.0 - alpha))


def improving_sample_size(variance: float, previous_risk: float, alpha: float) -> float:
    """R_t < R_(t-1) if and only if n_t exceeds this number (proposition 3.4, part 1).

    (v / R_(t-1) - (1-alpha)^2) / (alpha (2-alpha)), for a real share 0 < alpha <= 1. Sharp: the
    paper has it as a sufficient size, and equality gives R_t = R_(t-1).

    Examples
    --------
    >>> round(improving_sample_size(0.7, 0.035, 0.5), 12)
    26.333333333333
    """
    require(variance=variance, previous_risk=previous_risk, alpha=alpha)
    if alpha == 0.0:
        msg = f"alpha must be positive, got {alpha}: without fresh data no size improves the risk"
        raise ValueError(msg)
    return (variance / previous_risk - (1.0 - alpha) ** 2) / (alpha * (2.0 - alpha))


def decaying_share_limit(variance: float, growth: float, share: float) -> float:
    """Limit of the risk for n_t = growth t and alpha_t = share / t: v / (2 growth share + 1).

    The border of proposition 3.4, part 2: the risk tends to 0 when sum alpha_t diverges and n_t
    alpha_t grows without bound; here n_t alpha_t stays constant and the risk does not vanish.

    Examples
    --------
    >>> decaying_share_limit(0.7, 10, 0.5)
    0.06363636363636363
    """
    require(variance=variance, growth=growth, share=share)
    return variance / (2.0 * growth * share + 1.0)


def synthetic_risk(variance: float, n: npt.ArrayLike, generations: int) -> FloatArray:
    """Risk without fresh data, v (1 - prod_{s<=t} (1 - 1/n_s)) (corollary 3.6).

    It tends to v, total collapse, if and only if sum 1/n_t diverges (or some n_t = 1).

    Examples
    --------
    >>> synthetic_risk(1.0, [2, 4, 8], 3)
    array([0.5     , 0.625   , 0.671875])
    """
    require(variance=variance)
    sizes = over_generations("n", n, generations, 1)
    return -variance * _expm1_of_sum(-1.0 / sizes)


def synthetic_risk_limit_quadratic(variance: float, n: float) -> float:
    """Limit of `synthetic_risk` for n_t = n t^2 (after corollary 3.6).

    v (1 - sin(x)/x) with x = pi/sqrt(n).

    Examples
    --------
    >>> round(synthetic_risk_limit_quadratic(0.7, 10), 6)
    0.109595
    """
    return accumulated_risk_limit(variance, n)


def accumulated_risk(
    variance: float, n: npt.ArrayLike, alpha: npt.ArrayLike, generations: int
) -> FloatArray:
    """Risk when all data are kept (theorem A.1; alpha = 0 is the paper's).

    With N_t = n_1 + .. + n_t and w = n_t / N_t,
    R_t = (1 - w alpha_t)^2 R_(t-1) + (w^2 / n_t) (v - (1-alpha_t)^2 R_(t-1)), R_1 = v/n_1.

    Examples
    --------
    >>> accumulated_risk(0.7, 10, 0.0, 3).round(6)
    array([0.07    , 0.08575 , 0.092575])
    """
    require(variance=variance)
    sizes = over_generations("n", n, generations, 1)
    shares = over_generations("alpha", alpha, generations, 0, 1)
    weights = sizes / np.cumsum(sizes)
    noise = weights**2 / sizes
    kept = (1.0 - weights * shares) ** 2 - noise * (1.0 - shares) ** 2
    return _recurrence(kept, variance * noise)


def accumulated_risk_limit(variance: float, n: float) -> float:
    """Limit of the accumulated risk for fixed n and alpha = 0 (proposition 3.7).

    v (1 - sin(x)/x) with x = pi/sqrt(n). The paper has bounds only; the product
    prod_t (1 - 1/(n t^2)) is Euler's.

    Examples
    --------
    >>> round(accumulated_risk_limit(0.7, 10), 6)
    0.109595
    """
    require(variance=variance, n=n)
    return variance * _one_minus_sinc(math.pi / math.sqrt(n))


def accumulated_risk_limit_bounds(variance: float, n: float) -> tuple[float, float]:
    """Bounds on that limit, v (1 - exp(-pi^2/(6n))) and (v/n) pi^2/6 (proposition 3.7).

    Examples
    --------
    >>> [round(x, 6) for x in accumulated_risk_limit_bounds(0.7, 10)]
    [0.106174, 0.115145]
    """
    require(variance=variance, n=n)
    sum_of_shares = math.pi**2 / (6.0 * n)
    return -variance * math.expm1(-sum_of_shares), variance * sum_of_shares


def accumulated_limit_bracket(variance: float, n: npt.ArrayLike) -> tuple[float, float]:
    """Bounds on the limit of the accumulated risk, alpha = 0, whatever follows (proposition 3.8).

    Parameters
    ----------
    variance : float
        v = 1 - sum_i p_i^2.
    n : int or array_like (L,)
        The sizes of generations 1..L; L = 1 for a number. Later sizes are free.

    Returns
    -------
    tuple of float
        R_L and v - (v - R_L)(1 - 1/N_L), because v - R_t = v prod (1 - n_s/N_s^2) and the rest of
        sum n_s/N_s^2 telescopes to at most 1/N_L. So R_1 < limit < 2 R_1 (n_1 >= 2): keeping all
        data at most doubles the first risk.

    Examples
    --------
    >>> [round(x, 6) for x in accumulated_limit_bracket(0.7, 10)]
    [0.07, 0.133]
    """
    length = np.size(n)
    sizes = over_generations("n", n, length, 1)
    reached = float(accumulated_risk(variance, sizes, 0.0, length)[-1])
    return reached, reached + (variance - reached) / float(sizes.sum())


def filtered_risk(
    variance: float,
    n: npt.ArrayLike,
    alpha: npt.ArrayLike,
    type1: float,
    type2: float,
    generations: int,
) -> FloatArray:
    """Risk under a label-agnostic filter with errors e1, e2 (theorem D.2).

    R_t = (1-alpha'_t)^2 (1 - e_t) R_(t-1) + v e_t with alpha' from `filtered_real_share` and e_t =
    E[1/M | M > 0] from `mean_inverse_kept`, M the number kept of n_t: theorem 3.1 for 1/e_t draws
    with share alpha'. Generation 1 is real and unfiltered: R_1 = v/n_1.

    Raises
    ------
    ValueError
        If nothing is ever kept.

    Examples
    --------
    >>> filtered_risk(0.7, 20, 0.3, 0.2, 0.3, 50)[[0, 1, -1]].round(6)
    array([0.035   , 0.090387, 0.103527])
    """
    sizes, source = _filtered_schedule(n, alpha, generations)
    effective = 1.0 / mean_inverse_kept(sizes, kept_share(source, type1, type2))
    effective[0] = sizes[0]
    return risk(variance, effective, filtered_real_share(source, type1, type2), generations)


def filtered_risk_mean_field(
    variance: float,
    n: npt.ArrayLike,
    alpha: npt.ArrayLike,
    type1: float,
    type2: float,
    generations: int,
) -> FloatArray:
    """Risk with e_t replaced by 1/(n_t k_t), one over the mean number kept (remark D.3).

    By Jensen's inequality it is too low for n k well above 1; n k < 1, where it has no meaning, is
    refused.

    Examples
    --------
    >>> filtered_risk_mean_field(0.7, 20, 0.3, 0.2, 0.3, 50)[[0, 1, -1]].round(6)
    array([0.035   , 0.084553, 0.096448])
    """
    sizes, source = _filtered_schedule(n, alpha, generations)
    effective = sizes * kept_share(source, type1, type2)
    effective[0] = sizes[0]
    return risk(variance, effective, filtered_real_share(source, type1, type2), generations)


def filtered_risk_limit(variance: float, n: int, alpha: float, type1: float, type2: float) -> float:
    """Limit of `filtered_risk` for fixed n and alpha, v e / (1 - (1-alpha')^2 (1-e)).

    Examples
    --------
    >>> round(filtered_risk_limit(0.7, 20, 0.1, 0.4, 0.05), 4)
    0.4263
    """
    effective = 1.0 / float(mean_inverse_kept(n, kept_share(alpha, type1, type2)))
    return risk_limit(variance, effective, float(filtered_real_share(alpha, type1, type2)))


def filtered_risk_limit_mean_field(
    variance: float, n: int, alpha: float, type1: float, type2: float
) -> float:
    """Limit of `filtered_risk_mean_field` for fixed n and alpha (remark D.3).

    Examples
    --------
    >>> round(filtered_risk_limit_mean_field(0.7, 20, 0.1, 0.4, 0.05), 4)
    0.3688
    """
    effective = n * float(kept_share(alpha, type1, type2))
    return risk_limit(variance, effective, float(filtered_real_share(alpha, type1, type2)))


def adaptive_constant(rule: Rule, constant: float) -> float:
    """Bound c on x h(x) (proposition E.1): c for h = c/R, 1/(e lambda) for h = exp(-lambda R).

    Examples
    --------
    >>> adaptive_constant("reciprocal", 0.05), round(adaptive_constant("exponential", 10.0), 6)
    (0.05, 0.036788)
    """
    require(constant=constant)
    return constant if rule == "reciprocal" else 1.0 / (math.e * constant)


def adaptive_real_share(previous_risk: npt.ArrayLike, rule: Rule, constant: float) -> FloatArray:
    """Real share alpha with (1-alpha)^2 = min(1, h(R)), R the previous risk (appendix E, i and ii).

    Parameters
    ----------
    previous_risk : array_like
        R_(t-1) >= 0.
    rule : {"reciprocal", "exponential"}
        1 - min(1, sqrt(constant/R)), or 1 - exp(-constant R / 2).
    constant : float
        c or lambda, positive.

    Examples
    --------
    >>> adaptive_real_share([0.01, 0.2], "reciprocal", 0.05).round(6)
    array([0. , 0.5])
    """
    require(constant=constant)
    r = np.asarray(previous_risk, dtype=float)
    if rule == "exponential":
        return np.asarray(-np.expm1(-constant * r / 2.0))
    return np.asarray(1.0 - np.sqrt(constant / np.maximum(r, constant)))


def adaptive_risk(
    variance: float, n: npt.ArrayLike, rule: Rule, constant: float, generations: int
) -> FloatArray:
    """Risk when alpha_t is that function of the *expected* previous risk (theorem 3.1, exact).

    A chain whose share follows its own run's squared distance has another risk, without a closed
    form (lower with the reciprocal rule, because min(R, c) is concave).

    Examples
    --------
    >>> adaptive_risk(0.7, 10, "reciprocal", 0.02, 4).round(6)
    array([0.07 , 0.088, 0.088, 0.088])
    """
    require(variance=variance)
    sizes = over_generations("n", n, generations, 1)
    values = np.empty(generations)
    values[0] = variance / sizes[0]
    for t in range(1, generations):
        share = float(adaptive_real_share(values[t - 1], rule, constant))
        kept = (1.0 - share) ** 2 * (1.0 - 1.0 / sizes[t])
        values[t] = kept * values[t - 1] + variance / sizes[t]
    return values


def adaptive_risk_bound(variance: float, n: float, c: float) -> float:
    """Bound v/n + (1 - 1/n) c on the limit superior of the risk (proposition E.1).

    Part 2, n_t -> infinity: `n=numpy.inf` gives c alone.

    Examples
    --------
    >>> round(adaptive_risk_bound(0.7, 10, 0.02), 12), adaptive_risk_bound(0.7, float("inf"), 0.02)
    (0.088, 0.02)
    """
    require(variance=variance, c=c)
    return variance / n + (1.0 - 1.0 / n) * c


def _recurrence(factor: FloatArray, added: FloatArray) -> FloatArray:
    """R_t = factor_t R_(t-1) + added_t from R_0 = 0."""
    values, current = np.empty(len(added)), 0.0
    for t, (scale, term) in enumerate(zip(factor, added, strict=True)):
        current = scale * current + term
        values[t] = current
    return values


def _filtered_schedule(
    n: npt.ArrayLike, alpha: npt.ArrayLike, generations: int
) -> tuple[FloatArray, FloatArray]:
    """Sizes and shares; generation 1 passes no filter, so its share only must not matter."""
    shares = over_generations("alpha", alpha, generations, 0, 1)
    shares[0] = shares[-1]
    return over_generations("n", n, generations, 1), shares


def _expm1_of_sum(terms: FloatArray) -> FloatArray:
    """prod_{s<=t} (1 + terms_s) - 1 without cancellation."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.expm1(np.cumsum(np.log1p(terms))))


def _one_minus_sinc(x: float) -> float:
    """1 - sin(x)/x, by its series where the difference would cancel."""
    if x > 1.0:
        return 1.0 - math.sin(x) / x
    value = 0.0
    for k in range(9, 0, -1):
        value = x * x / (2 * k * (2 * k + 1)) * (1.0 - value)
    return value
