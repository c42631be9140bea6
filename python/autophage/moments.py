"""Exact second moments of the regimes whose mean, given the past, is linear in the past models.

All regimes are unbiased, `E p^(m) = p`, and `E <p^(a), p^(b)>` is affine in `S_0 = sum_i p_i^2`
with value 1 at `S_0 = 1`. So with `v = 1 - S_0`

    E <p^(a) - p, p^(b) - p> = v d_ab,      E <p^(a) - p^(1), p^(b) - p^(1)> = v g_ab,

where `d` and `g` depend on the regime and its schedule alone. The recursions below carry `d_mm` and
`g_mm` themselves, never differences of larger numbers: every term they add is positive. A model is
`q + noise`, where `q` is a mixture of what came before and the noise, given the past, has mean zero
and variance `(1 - |q|^2) / n`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autophage import _check
from autophage.entities import workflow
from autophage.interacting_moments import interacting_moments
from autophage.interaction import Interacting
from autophage.memory import refuse_memory
from autophage.models import Categorical, of_contexts
from autophage.regimes import (
    Accumulate,
    AccumulateSubsample,
    Adaptive,
    Contaminated,
    Filtered,
    FullySynthetic,
    MostRecent,
    PartiallySynthetic,
    RandomlySampled,
    Regime,
)
from autophage.schedules import distinct_columns
from autophage.theory.contaminated2026 import (
    filtered_real_share,
    kept_share,
    mean_inverse_kept,
    total_variance,
)

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Pair = tuple[FloatArray, FloatArray]

_BLOCK_BYTES = 1 << 26  # of the window of MostRecent at a time, unless one column needs more


def moments(p: npt.ArrayLike | Categorical, regime: Regime, generations: int) -> xr.Dataset:
    """Exact second moments of the chain under `regime`, generation by generation.

    Parameters
    ----------
    p : array_like (s,) or (c, s), or Categorical
        The true law of one context, or of `c` contexts; for `Interacting` a Categorical with the
        private laws of K entities and `public`.
    regime : regime
        Any regime but `Adaptive` and `Filtered` with `test="likelihood_ratio"`.
    generations : int
        G >= 1.

    Returns
    -------
    xarray.Dataset
        Variables over ("generation",), or ("generation", "context") for a 2-D `p`; generation is
        1..G. `sigma` is E sum_i (p_i^(m))^2, `l2_to_truth` is E ||p^(m) - p||_2^2 and `l2_to_first`
        is E ||p^(m) - p^(1)||_2^2. They are exact up to rounding: the last two keep a relative
        error of about 1e-15 times the number of generations, however small they are.

        For `Interacting` "entity" takes the place of "context", `l2_to_truth` is the distance of an
        entity to its own private law, and there are two more: `inner` over ("generation", "entity",
        "other") is E <p_j^(m), p_k^(m)>, and `homogenisation` over ("generation",) the mean of E
        ||p_j^(m) - p_k^(m)||_2^2 over all pairs of entities, NaN where there is one alone.

    Raises
    ------
    TypeError
        If `p` holds no laws, or `regime` is not a regime.
    ValueError
        If the regime has no closed recursion of second moments, or if one of `Interacting` and
        `public` comes without the other.
    MemoryError
        If `inner`, of G K^2 numbers, or the window of `MostRecent`, of 2 K^2, cannot fit; nothing
        has been taken then.

    Notes
    -----
    Fully and partially synthetic: `seddik2024`, (6) and (9). Contaminated, accumulating and
    filtered: `contaminated2026`, theorems 3.1, A.1 and D.2. The rest is in neither paper. The cost
    is O(G) per distinct schedule, O(G K) for a window of K models, O(G K^2) for K entities.

    Examples
    --------
    >>> import autophage as ap
    >>> ap.moments([0.5, 0.25, 0.25], ap.FullySynthetic(10), 3).sigma.values.round(6)
    array([0.4375  , 0.49375 , 0.544375])
    >>> ap.moments([0.5, 0.25, 0.25], ap.Contaminated(10, alpha=0.5), 2).l2_to_truth.values
    array([0.0625   , 0.0765625])
    >>> model = ap.Categorical([[0.9, 0.1], [0.2, 0.8]], public=[0.5, 0.5])
    >>> ap.moments(model, ap.Interacting(0.5, 0.8, n=10), 3).homogenisation.values.round(6)
    array([0.6272, 0.1568, 0.1568])
    """
    if hasattr(p, "trajectory"):  # the module of linear models reaches the kernels
        kind = type(p).__name__
        msg = (
            f"p must be a law, laws or a Categorical, got an {kind}, whose exact moments "
            f"{kind}.trajectory computes"
        )
        raise TypeError(msg)
    generations = _check.integer("generations", generations, 1, _check.GENERATION_LIMIT)
    if isinstance(regime, Interacting):
        entities = p if isinstance(p, Categorical) else Categorical(p)
        return interacting_moments(entities, workflow(entities, regime, generations))
    model = of_contexts(p)
    spread, first = _spreads(regime, generations, model.context_count)
    square, variance = np.square(model.laws).sum(axis=1), total_variance(model.laws)
    return _dataset(model, square + variance * spread, variance * spread, variance * first)


def _dataset(
    model: Categorical, sigma: FloatArray, to_truth: FloatArray, to_first: FloatArray
) -> xr.Dataset:
    import xarray as xr

    values = {"sigma": sigma, "l2_to_truth": to_truth, "l2_to_first": to_first}
    coords: dict[str, object] = {"generation": np.arange(1, len(sigma) + 1)}
    if not model.has_contexts:
        return xr.Dataset({k: ("generation", x[:, 0]) for k, x in values.items()}, coords)
    if model.context_labels is not None:
        coords["context"] = list(model.context_labels)
    return xr.Dataset({k: (("generation", "context"), x) for k, x in values.items()}, coords)


def _spreads(regime: Regime, generations: int, contexts: int) -> Pair:
    """d_mm and g_mm, each (generations, contexts), computed once per distinct schedule."""
    compute = _recursion(regime)
    schedule = regime.schedule(generations, contexts)
    stacked = np.concatenate([schedule.n, schedule.real, schedule.alpha.view(np.int64)])
    chosen, inverse = distinct_columns(stacked)
    n, real = schedule.n[:, chosen], schedule.real[:, chosen]
    spread, first = compute(n, schedule.alpha[:, chosen], real)
    return spread[:, inverse], first[:, inverse]


def _recursion(regime: Regime) -> Callable[[IntArray, FloatArray, IntArray], Pair]:
    """Pick the function of (n, alpha, real) that computes `_spreads` for this regime."""
    inner = regime.regime if isinstance(regime, Filtered) else regime
    if isinstance(inner, Adaptive):
        msg = (
            f"regime has no exact second moments: {regime!r} takes the real share from each run's "
            "own distance to p, so the mean of the next model is not linear in the last one; use "
            "autophage.simulate"
        )
        raise ValueError(msg)
    if isinstance(regime, Filtered):
        return _filtered(regime)
    match regime:
        case FullySynthetic() | Contaminated():
            return lambda n, alpha, _: _mixture(alpha, 1.0 - alpha, 1.0 / n)
        case Accumulate():
            return lambda n, alpha, _: _accumulate(n, alpha)
        case PartiallySynthetic():
            return lambda n, _, real: _partially_synthetic(n, real)
        case MostRecent():
            return lambda n, _alpha, _real: _most_recent(n, regime.window)
        case RandomlySampled():
            return lambda n, _alpha, _real: _randomly_sampled(n)
        case AccumulateSubsample():
            return lambda n, alpha, _: _accumulate_subsample(n, alpha, replace=regime.replace)
    msg = f"regime must be a regime of the token chain, got {regime!r}"
    raise TypeError(msg)


def _filtered(regime: Filtered) -> Callable[[IntArray, FloatArray, IntArray], Pair]:
    if regime.test != "agnostic" or regime.type1 is None or regime.type2 is None:
        msg = (
            f"regime has no exact second moments: {regime!r} decides from the token itself, so the "
            "law it keeps is not linear in the last model; use autophage.simulate"
        )
        raise ValueError(msg)
    type1, type2 = regime.type1, regime.type2

    def compute(n: IntArray, alpha: FloatArray, _real: IntArray) -> Pair:
        share, noise = np.ones(n.shape), 1.0 / n  # generation 1 is real and passes no filter
        if len(n) > 1:
            share[1:] = filtered_real_share(alpha[1:], type1, type2)
            noise[1:] = mean_inverse_kept(n[1:], kept_share(alpha[1:], type1, type2))
        return _mixture(share, 1.0 - share, noise)

    return compute


def _mixture(anchor: FloatArray, carried: FloatArray, noise: FloatArray) -> Pair:
    """p^(m) = A p + (1 - A) p^(m-1) + noise of variance v E (1 - B^2 d_(m-1)).

    `anchor`, `carried` and `noise` are A, B and E over (generations, columns).
    """
    spread, first = np.empty(noise.shape), np.zeros(noise.shape)
    d = spread[0] = noise[0]
    f = np.zeros_like(d)
    to_truth = np.zeros_like(d)  # E <p - p^(1), p^(m) - p^(1)> / v
    for m in range(1, len(noise)):
        a, kept, added = anchor[m], 1.0 - anchor[m], noise[m] * (1.0 - carried[m] ** 2 * d)
        f = a**2 * spread[0] + 2.0 * a * kept * to_truth + kept**2 * f + added
        to_truth = a * spread[0] + kept * to_truth
        d = kept**2 * d + added
        spread[m], first[m] = d, f
    return spread, first


def _accumulate(n: IntArray, alpha: FloatArray) -> Pair:
    """p^(m) = (1 - w) p^(m-1) + w (law of the new batch), w the batch's share of everything."""
    weight = n / np.cumsum(n, axis=0)
    return _mixture(weight * alpha, 1.0 - alpha, weight**2 / n)


def _partially_synthetic(n: IntArray, real: IntArray) -> Pair:
    """Keep the first N_m of one sequence of real draws: E <u_a - p, u_b - p> = v / max(N_a, N_b).

    u_m is the law of the real draws of generation m.

    Given the real draws up to N_b and all that was drawn from models up to b, the mean of u_m (m >
    b) is (N_b u_b + (N_m - N_b) p) / N_m; and E <u_b - p, p^(b) - p> = v / N_b for every b, by
    induction.
    """
    spread, first = np.empty(n.shape), np.zeros(n.shape)
    d = spread[0] = 1.0 / real[0]
    f, own, to_truth = np.zeros_like(d), np.zeros_like(d), np.zeros_like(d)
    for m in range(1, len(n)):
        total = n[m].astype(float) + real[m]  # as floats: the sum may exceed 2^63 - 1
        fixed, drawn = real[m] / total, n[m] / total
        gained = (real[m] - real[0]) / real[0] / real[m]  # |u_m - u_1|^2 / v
        grown = (real[m] - real[m - 1]) / real[m]
        # <u_m - u_1, p^(m-1) - u_1>; own is that product for u_(m-1), to_truth the one for p - u_1
        cross = (1.0 - grown) * own + grown * to_truth
        noise = (1.0 - d) / n[m]
        f = fixed**2 * gained + 2.0 * fixed * drawn * cross + drawn**2 * (f + noise)
        own, to_truth = fixed * gained + drawn * cross, fixed * gained + drawn * to_truth
        d = fixed * (1.0 + drawn) / real[m] + drawn**2 * (d + noise)
        spread[m], first[m] = d, f
    return spread, first


def _randomly_sampled(n: IntArray) -> Pair:
    """n_m independent draws from the mean A_m of models 0 .. m-1, itself updated in O(1)."""
    spread, first = 1.0 / n, np.zeros(n.shape)
    mean_spread = spread[0] / 4.0  # |A_2 - p|^2 / v, A_2 = (p + p^(1)) / 2
    mean_first = mean_spread.copy()
    for m in range(2, len(n) + 1):
        noise = (1.0 - mean_spread) / n[m - 1]
        spread[m - 1], first[m - 1] = mean_spread + noise, mean_first + noise
        kept, new = m * (m + 2) / (m + 1) ** 2, 1.0 / (m + 1) ** 2
        mean_spread = kept * mean_spread + new * spread[m - 1]
        mean_first = kept * mean_first + new * first[m - 1]
    return spread, first


def _accumulate_subsample(n: IntArray, alpha: FloatArray, *, replace: bool) -> Pair:
    """Pool z_m = (1 - w) z_(m-1) + w (law of the new batch); given it, E p^(m) = z_m."""
    size = np.cumsum(n, axis=0)
    left = (size - n) / np.maximum(size - 1, 1)
    thinning = 1.0 / n if replace else left / n  # variance of p^(m) given z_m, over 1 - |z_m|^2
    weight = n / size
    spread, first = np.empty(n.shape), np.zeros(n.shape)
    pool = 1.0 / n[0]  # |z_m - p|^2 / v
    d = spread[0] = pool + thinning[0] * (1.0 - pool)
    # The same seen from p^(1): |z_m|^2, <p, z_m>, <p, p^(m)>, <z_m, p^(m)>, |p^(m)|^2
    gap = to_truth = thinning[0] * (1.0 - pool)
    model_truth = model_pool = f = np.zeros_like(d)
    for m in range(1, len(n)):
        w, a = weight[m], alpha[m]
        old, real, made = 1.0 - w, w * a, w * (1.0 - a)
        noise = w**2 / n[m] * (1.0 - (1.0 - a) ** 2 * d)
        cross = old * (real * to_truth + made * model_pool) + real * made * model_truth
        gap = old**2 * gap + real**2 * spread[0] + made**2 * f + 2.0 * cross + noise
        model_truth = to_truth = old * to_truth + real * spread[0] + made * model_truth
        pool = old * (old + 2.0 * made) * pool + made**2 * d + noise
        model_pool, added = gap, thinning[m] * (1.0 - pool)
        d, f = pool + added, gap + added
        spread[m], first[m] = d, f
    return spread, first


def _most_recent(n: IntArray, window: int) -> Pair:
    """Blocks of columns of the schedule, so that their windows stay within `_BLOCK_BYTES`."""
    size = min(window, len(n)) + 1
    block = max(1, _BLOCK_BYTES // (16 * size * size))
    wanted = 16 * size * size * min(block, n.shape[1])
    refuse_memory("the window of these moments", wanted, ["a smaller window or fewer generations"])
    parts = [_window(n[:, c : c + block], window, size) for c in range(0, n.shape[1], block)]
    spread, first = ([part[i] for part in parts] for i in (0, 1))
    return np.concatenate(spread, axis=1), np.concatenate(first, axis=1)


def _window(n: IntArray, window: int, size: int) -> Pair:
    """Products of the models in the window, as running sums: O(window) a generation and column.

    `sums[0, t, b]` is the sum of d_ub over the models u <= t kept in b's column, `sums[1, t, b]`
    that of g_ub; models t and b sit at t % size and b % size. Row -1 is empty, and no row is read
    later than `size` generations on.
    """
    generations, columns = n.shape
    sums = np.zeros((2, size, size, columns))
    spread, first = np.zeros((generations + 1, columns)), np.zeros(n.shape)  # spread[0] is p's
    spread[1] = 1.0 / n[0]
    sums[0, 1, 1] = sums[1, 0, 0] = sums[1, 1, 0] = spread[1]
    every = np.arange(columns)
    for m in range(2, generations + 1):
        count = min(window, m)
        each, extra = np.divmod(n[m - 1], count)
        models = np.arange(m - count, m)
        slots, last, here = models % size, (m - 1) % size, m % size
        whole = sums[:, last, slots] - sums[:, (m - 1 - count) % size, slots]
        newest = sums[:, last, slots] - sums[:, (m - 1 - extra) % size, slots[:, None], every]
        products = (each * whole + newest) / n[m - 1]  # of the new model with each in the window
        weights = (each + (models[:, None] >= m - extra)) / n[m - 1]
        noise = (weights * (1.0 - spread[models])).sum(axis=0) / n[m - 1]
        square = (weights * products).sum(axis=1) + noise
        sums[:, here, slots] = sums[:, last, slots] + products
        sums[:, :, here] = 0.0
        sums[:, slots, here] = np.cumsum(products, axis=1)
        sums[:, here, here] = sums[:, last, here] + square
        spread[m], first[m - 1] = square
    return spread[1:], first
