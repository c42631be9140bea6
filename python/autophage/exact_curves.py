"""What is known exactly about the contexts of a study, under the regimes where something is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autophage.plotting import nice_generations

if TYPE_CHECKING:
    from autophage.law import CollapseLaw
    from autophage.models import Categorical
    from autophage.regimes import Regime

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LINEAGE_WORK = 3e9  # operations that the exact vocabulary of a contaminated source may take


def law_of_collapse(model: Categorical, regime: Regime) -> CollapseLaw | None:
    """Return the exact law of the collapse times, if the regime has one and n is within reach."""
    from autophage import regimes
    from autophage.law import collapse_law

    alone = isinstance(regime, regimes.MostRecent) and regime.window == 1
    if isinstance(regime, regimes.FullySynthetic) or alone:
        with suppress(ValueError, MemoryError):  # n beyond the reach of the exact law
            return collapse_law(model, regime.schedule(None, model.context_count).n)
    return None


def quantile_over_contexts(law: CollapseLaw | None, level: float) -> float:
    """Return the first generation by which that share of the contexts is expected to collapse."""
    if law is None:
        return np.nan
    try:
        low, high = 0, 1
        while np.mean(law.cdf(high)) < level:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if np.mean(law.cdf(middle)) >= level else (middle, high)
    except MemoryError:
        return np.nan
    return float(high)


def exact_curves(model: Categorical, regime: Regime, generations: int) -> dict[str, Floats]:
    """Return the exact curves that the regime has, but for what the law of collapse gives."""
    from autophage import regimes
    from autophage.law import contaminated_law
    from autophage.moments import moments

    exact: dict[str, Floats] = {}
    with suppress(ValueError):  # adaptive, and the likelihood-ratio filter, have none
        second = moments(model, regime, generations)
        exact["sum_of_squares"] = second["sigma"].values.mean(axis=1)
        exact["squared_distance"] = second["l2_to_truth"].values.mean(axis=1)
    if _keeps_first_tokens(model, regime, generations):
        exact["tokens_left"] = np.full(generations, _first_tokens(model, regime))
    if isinstance(regime, regimes.Contaminated) and _affordable(model, regime, generations):
        marks = np.array(nice_generations(generations))
        killed = contaminated_law(model, regime.n, regime.alpha, generations=generations)
        present = (model.laws > 0) * (1.0 - killed.token_absent(marks))
        exact["tokens_left"] = np.full(generations, np.nan)
        exact["tokens_left"][marks - 1] = present.sum(axis=2).mean(axis=1)
    return exact


def _keeps_first_tokens(model: Categorical, regime: Regime, generations: int) -> bool:
    """Return whether every generation has the tokens of generation 1 and no others."""
    from autophage import regimes

    schedule = regime.schedule(generations, model.context_count)
    if isinstance(regime, regimes.PartiallySynthetic):
        return bool((schedule.real == schedule.real[0]).all())
    return isinstance(regime, regimes.Accumulate) and not schedule.alpha[1:].any()


def _first_tokens(model: Categorical, regime: Regime) -> float:
    """Return the expected number of tokens in generation 1, the mean over contexts."""
    schedule = regime.schedule(1, model.context_count)
    draws = schedule.real[0] if schedule.real.any() else schedule.n[0]
    present = -np.expm1(draws[:, None] * np.log1p(-np.minimum(model.laws, 1.0 - 1e-16)))
    return float(present.sum(axis=1).mean())


def mean_over_contexts(
    curve: Callable[[Integers], Any], generation: Integers, contexts: int
) -> Floats:
    """Return the mean over contexts of an exact curve, some generations at a time."""
    step = max(1, 2_000_000 // contexts)
    parts = [generation[start : start + step] for start in range(0, generation.size, step)]
    return np.concatenate([np.asarray(curve(part)).mean(axis=1) for part in parts])


def _affordable(model: Categorical, regime: Regime, generations: int) -> bool:
    """Return whether the killed-lineage laws of the regime can be had in some seconds."""
    n = float(regime.schedule(generations, model.context_count).n.max())
    distinct = sum(np.unique(law).size for law in model.laws)
    return n <= 2000 and distinct * generations * n**2 <= LINEAGE_WORK
