"""A corpus under a regime, exactly and by simulation: the study behind `autophage collapse`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autophage.corpus import Corpus
from autophage.exact_curves import (
    exact_curves,
    law_of_collapse,
    mean_over_contexts,
    quantile_over_contexts,
)
from autophage.plotting import nice_generations

if TYPE_CHECKING:
    import xarray as xr

    from autophage.law import CollapseLaw
    from autophage.models import Categorical
    from autophage.regimes import Regime

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]
RegimeOf = Callable[[int], "Regime"]

DEFAULT_GENERATIONS = 100  # of regimes that need not collapse
CURVE_CELLS = 400_000  # generations x contexts of the curves, unless the user asks for more
_EXACT_COLUMNS = ("mean", "sd", "median", "ninety", "survival")
ENOUGH = 20.0  # expected runs that a comparison in standard errors needs


@dataclass(frozen=True)
class Plan:
    """What to compute.

    Parameters
    ----------
    runs : int
        Simulated runs of every context, at least 1.
    generations : int or None
        How many generations to follow. None: fully synthetic and most recent until every run has
        collapsed, with curves until nine in ten have; others 100.
    seed : int
        In [0, 2**64).
    threads : int or None
        Passed to `simulate`.
    progress : bool
        Show progress bars.
    """

    runs: int
    generations: int | None = None
    seed: int = 0
    threads: int | None = None
    progress: bool = False


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity over generations, exactly and by simulation: arrays (k,), NaN for not known."""

    generation: Integers
    exact: Floats
    simulated: Floats
    error: Floats

    def at(self, generations: list[int]) -> Curve:
        """Return the curve at those of the generations that it has."""
        chosen = np.flatnonzero(np.isin(self.generation, generations))
        return Curve(
            self.generation[chosen],
            self.exact[chosen],
            self.simulated[chosen],
            self.error[chosen],
        )


@dataclass(frozen=True, eq=False)
class Study:
    """What was found.

    Parameters
    ----------
    corpus, regime, plan
        What was studied, and how.
    contexts : dict
        One array a column, one entry a context: what the text says, and its times of collapse.
    curves : dict
        `contexts_collapsed` (their number), and means over contexts: `tokens_left`,
        `sum_of_squares` and `squared_distance` (to the law of the text).
    summary : dict
        Single numbers over all contexts and runs: `exact_mean`, `mean`, `mean_error`, `exact_half`,
        `half`, `exact_ninety`, `ninety`, `reached` (share), `largest_z` (of the contexts' means),
        `largest_curve_z`, `curve_runs`; with a window `absorbed` and `absorbed_error`.
    data : dict
        The Datasets of the simulations: "times" and "curves".
    seconds : dict
        Time spent on each part.
    """

    corpus: Corpus
    regime: Regime
    plan: Plan
    contexts: Columns
    curves: dict[str, Curve]
    summary: dict[str, float]
    data: dict[str, xr.Dataset]
    seconds: dict[str, float]

    @property
    def absorbing(self) -> bool:
        """Whether the regime ends in a point mass for ever."""
        return self.regime.name in ("fully_synthetic", "most_recent")


class StudyError(ValueError):
    """A study that cannot be made as asked; the message is one line."""


class Clock:
    """Seconds by part, added up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + spent


def run_study(corpus: Corpus, regime_of: RegimeOf, plan: Plan) -> Study:
    """Compute the exact law where there is one, simulate, and set both side by side.

    Parameters
    ----------
    corpus : Corpus
        Contexts and counts.
    regime_of : callable
        Gives the regime whose arrays cover that many generations; 1 means arrays of one row.
    plan : Plan
        Runs, generations, seed, threads.

    Returns
    -------
    Study
        Tables, summary and data.

    Raises
    ------
    StudyError
        The samples of all generations add up to too many, or a filter keeps nothing.
    MemoryError
        The results would not fit.

    Examples
    --------
    >>> from autophage import regimes
    >>> from autophage.corpus import Text, next_token_counts
    >>> from autophage.study import Plan, run_study
    >>> corpus = next_token_counts(Text("to be or not to be " * 20, "a line"), context=1)
    >>> study = run_study(corpus, lambda rows: regimes.FullySynthetic(10), Plan(runs=200, seed=1))
    >>> difference = study.summary["mean"] - study.summary["exact_mean"]
    >>> abs(difference) < 5 * study.summary["mean_error"]
    True
    """
    from autophage import regimes

    clock = Clock()
    model = corpus.model()
    absorbing = isinstance(regime_of(1), (regimes.FullySynthetic, regimes.MostRecent))
    horizon = plan.generations or (None if absorbing else DEFAULT_GENERATIONS)
    regime = _checked(regime_of, horizon, model.context_count)
    with clock.part("exact law"):
        law = law_of_collapse(model, regime_of(1))
    with clock.part("simulation"):
        times = _simulate(model, regime, plan, plan.runs, horizon, _times_of(regime))
    reached = times["collapse_time"].values
    with clock.part("exact law"):
        contexts = _context_columns(corpus, times, law)
        summary = _summary(reached, law, contexts) | _absorbed(times)
        collapsed = _collapsed(reached, law, horizon)

    last = int(collapsed.generation[-1])
    follow = horizon or max(20, min(last, CURVE_CELLS // model.context_count))
    regime = _checked(regime_of, follow, model.context_count)
    runs = max(2, min(plan.runs, max(50, plan.runs // 10)))
    with clock.part("simulation"):
        records = ("support", "sigma", "l2_to_truth")
        means = _simulate(model, regime, plan, runs, follow, records, reduce="mean")
    with clock.part("exact law"):
        curves = _curves(model, regime, means, runs)
        if law is not None:
            curves["tokens_left"] = _with_law(curves["tokens_left"], law, last)
    curves = {"contexts_collapsed": collapsed} | curves
    summary["curve_runs"] = runs
    summary["largest_curve_z"] = _largest_curve_z(curves, model.context_count, plan.runs, runs)
    data = {"times": times, "curves": means}
    return Study(corpus, regime, plan, contexts, curves, summary, data, clock.seconds)


def _simulate(
    model: Categorical,
    regime: Regime,
    plan: Plan,
    runs: int,
    generations: int | None,
    record: tuple[str, ...],
    reduce: str | None = None,
) -> xr.Dataset:
    """Simulate with the seed, threads and progress of the plan."""
    from autophage.simulate import simulate

    try:
        return simulate(
            model,
            regime,
            runs=runs,
            generations=generations,
            rng=plan.seed,
            record=record,
            reduce=reduce,
            threads=plan.threads,
            progress=plan.progress,
        )
    except RuntimeError as error:  # a filter that keeps nothing
        raise StudyError(str(error)) from error


def _checked(regime_of: RegimeOf, generations: int | None, contexts: int) -> Regime:
    """Return the regime for that many generations, once its schedule is known to be in range."""
    regime = regime_of(generations or 1)
    try:
        regime.schedule(generations, contexts)
    except ValueError as error:
        raise StudyError(str(error)) from error
    return regime


def _times_of(regime: Regime) -> tuple[str, ...]:
    """Return the times to record; with a window a first point mass need not be the end."""
    later = getattr(regime, "window", 1) > 1
    return ("collapse_time", "absorption_time") if later else ("collapse_time",)


def _absorbed(times: xr.Dataset) -> dict[str, float]:
    """Return mean and standard error of the time of absorption, if it was recorded."""
    if "absorption_time" not in times:
        return {}
    values = times["absorption_time"].values
    per_run = values.mean(axis=1) if (values > 0).all() else np.full(values.shape[0], np.nan)
    error = per_run.std(ddof=1) / np.sqrt(per_run.size) if per_run.size > 1 else np.nan
    return {"absorbed": float(per_run.mean()), "absorbed_error": float(error)}


def _context_columns(corpus: Corpus, times: xr.Dataset, law: CollapseLaw | None) -> Columns:
    """Return the table with a row for each context."""
    contexts = len(corpus.context_labels)
    reached = times["collapse_time"].values
    inside = reached > 0
    count = inside.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(inside, reached, 0).sum(axis=0) / count
        squares = np.where(inside, (reached - mean) ** 2, 0.0).sum(axis=0)
        error = np.sqrt(squares / (count - 1.0) / count)
    columns: Columns = {
        "context": np.array(corpus.context_labels, dtype=object),
        "occurrences": corpus.occurrences,
        "next_tokens": corpus.support,
        "sum_of_squares": ((corpus.counts / corpus.occurrences[:, None]) ** 2).sum(axis=1),
        "samples": times["n"].values[0],
    }
    columns |= {f"exact_{name}": np.full(contexts, np.nan) for name in _EXACT_COLUMNS}
    columns |= {"simulated_mean": mean, "simulated_error": np.where(count > 1, error, np.nan)}
    columns["simulated_runs"] = count
    if law is not None:
        columns["exact_mean"] = np.asarray(law.mean)
        columns["exact_sd"] = np.sqrt(np.asarray(law.variance))
        with suppress(MemoryError):
            quantiles = np.asarray(law.quantile([0.5, 0.9]), dtype=np.float64)
            columns["exact_median"], columns["exact_ninety"] = quantiles
            columns["exact_survival"] = np.asarray(law.sf(1))
    return columns


def _summary(reached: Integers, law: CollapseLaw | None, contexts: Columns) -> dict[str, float]:
    """Return mean, half and nine tenths of the collapse times over all contexts and runs."""
    runs = reached.shape[0]
    complete = bool((reached > 0).all())
    per_run = reached.mean(axis=1) if complete else np.full(runs, np.nan)
    summary = {
        "reached": float((reached > 0).mean()),
        "mean": float(per_run.mean()),
        "mean_error": float(per_run.std(ddof=1) / np.sqrt(runs)) if runs > 1 else np.nan,
        "half": _quantile(reached, 0.5),
        "ninety": _quantile(reached, 0.9),
        "exact_mean": float(np.mean(contexts["exact_mean"])),
        "exact_half": quantile_over_contexts(law, 0.5),
        "exact_ninety": quantile_over_contexts(law, 0.9),
        "largest_z": np.nan,
    }
    if complete and law is not None:
        # contexts of which enough runs outlive generation 1 for their mean to be nearly normal
        enough = runs * contexts["exact_survival"] >= ENOUGH
        spread = contexts["exact_sd"][enough] / np.sqrt(runs)
        difference = contexts["simulated_mean"][enough] - contexts["exact_mean"][enough]
        summary["largest_z"] = float(np.max(np.abs(difference) / spread, initial=0.0))
    return summary


def _largest_curve_z(curves: dict[str, Curve], contexts: int, runs: int, curve_runs: int) -> float:
    """Return the largest difference in standard errors where enough is left, NaN if nowhere."""
    sums, total = curves["sum_of_squares"], contexts * curve_runs
    expected = {
        "contexts_collapsed": runs
        * np.minimum(
            curves["contexts_collapsed"].exact, contexts - curves["contexts_collapsed"].exact
        ),
        "tokens_left": total * (curves["tokens_left"].exact - 1.0),
        "sum_of_squares": total * (1.0 - sums.exact),
        "squared_distance": total * (1.0 - sums.exact),
    }
    largest = np.nan
    for name, curve in curves.items():
        with np.errstate(invalid="ignore", divide="ignore"):
            z = np.abs(curve.simulated - curve.exact) / curve.error
            usable = np.isfinite(z) & (expected[name] >= ENOUGH)
        if usable.any():
            largest = float(np.nanmax([largest, np.max(z[usable])]))
    return largest


def _quantile(reached: Integers, level: float) -> float:
    """Return the first generation by which that share of contexts and runs has collapsed."""
    never = np.iinfo(np.int64).max
    times = np.where(reached > 0, reached, never).ravel()
    place = int(np.ceil(level * times.size)) - 1
    value = np.partition(times, place)[place]
    return float(value) if value < never else np.nan


def _collapsed(reached: Integers, law: CollapseLaw | None, horizon: int | None) -> Curve:
    """Return the number of contexts that have collapsed, up to all but one in a thousand."""
    runs = reached.shape[0]
    last = horizon or int(max(20.0, _quantile(reached, 0.999)))
    marks = nice_generations(last)
    grid = np.unique(np.rint(np.geomspace(1, last, 200)).astype(np.int64))
    generation = np.unique(np.concatenate([grid, marks]))
    total, squares = np.zeros(generation.size), np.zeros(generation.size)
    for run in reached:
        times = np.sort(run[run > 0])
        count = np.searchsorted(times, generation, side="right").astype(np.float64)
        total += count
        squares += count**2
    mean = total / runs
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.maximum(squares / runs - mean**2, 0.0) / np.float64(runs - 1)
    exact = np.full(generation.size, np.nan)
    if law is not None:
        with suppress(MemoryError):
            exact = reached.shape[1] * mean_over_contexts(law.cdf, generation, reached.shape[1])
    return Curve(generation, exact, mean, np.sqrt(variance))


def _with_law(curve: Curve, law: CollapseLaw, last: int) -> Curve:
    """Return the tokens left with their exact mean, beyond what was simulated too."""
    later = [m for m in nice_generations(last) if m > curve.generation[-1]]
    generation = np.concatenate([curve.generation, np.array(later, dtype=np.int64)])
    unknown = np.full(len(later), np.nan)
    exact = np.full(generation.size, np.nan)
    with suppress(MemoryError):
        exact = mean_over_contexts(law.surviving_tokens, generation, law.model.context_count)
    simulated, error = (np.append(values, unknown) for values in (curve.simulated, curve.error))
    return Curve(generation, exact, simulated, error)


def _curves(model: Categorical, regime: Regime, means: xr.Dataset, runs: int) -> dict[str, Curve]:
    """Return the means over contexts of what was recorded a generation, and their exact values."""
    generations = means.sizes["generation"]
    generation = np.arange(1, generations + 1)
    contexts = model.context_count
    exact = exact_curves(model, regime, generations)
    names = {
        "tokens_left": "support",
        "sum_of_squares": "sigma",
        "squared_distance": "l2_to_truth",
    }
    curves = {}
    for name, record in names.items():
        variance = means[f"{record}_variance"].values.sum(axis=1) / runs
        curves[name] = Curve(
            generation,
            exact.get(name, np.full(generations, np.nan)),
            means[record].values.mean(axis=1),
            np.sqrt(variance) / contexts,
        )
    return curves
