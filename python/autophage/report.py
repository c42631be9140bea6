"""What a study says: a short summary, tables, data and figures."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from autophage import plotting
from autophage.corpus import Corpus
from autophage.figures import draw
from autophage.outputs import write_netcdf
from autophage.regimes import Regime
from autophage.study import Curve, Study

_CURVE_TITLES = {
    "contexts_collapsed": "contexts collapsed",
    "tokens_left": "tokens left a context",
    "sum_of_squares": "sum of squares",
    "squared_distance": "squared distance",
}


def describe_corpus(corpus: Corpus) -> list[str]:
    """Return lines that say what a text holds.

    Parameters
    ----------
    corpus : Corpus
        Contexts and counts.

    Returns
    -------
    list of str
        Two lines after the source.

    Examples
    --------
    >>> from autophage.corpus import Text, next_token_counts
    >>> from autophage.report import describe_corpus
    >>> for line in describe_corpus(next_token_counts(Text("aabab" * 9, "a word"), context=1)):
    ...     print(line)
    a word
      45 chars, 2 different
      contexts of 1: 1 of 2 occur at least 20 times, 61.4% of the text
      next tokens a context: 2 at the median, 2 at most; only one in 0 contexts
    """
    support = corpus.support
    return [
        corpus.source,
        f"  {corpus.text_tokens:,} {corpus.tokens}, {corpus.vocabulary:,} different",
        f"  contexts of {corpus.context}: {len(support):,} of {corpus.all_contexts:,} occur at "
        f"least {corpus.min_count:,} times, {corpus.coverage:.1%} of the text",
        f"  next tokens a context: {np.median(support):.0f} at the median, {support.max():,} at "
        f"most; only one in {(support == 1).sum():,} contexts",
    ]


def describe_study(study: Study) -> list[str]:
    """Return the summary of a study: collapse times, and how much is left at chosen generations.

    Parameters
    ----------
    study : Study
        What `run_study` returns.

    Returns
    -------
    list of str
        Lines of at most 100 characters.
    """
    return [*_describe_times(study), "", *_describe_curves(study), "", _describe_seconds(study)]


def write(study: Study, directory: str | Path) -> list[Path]:
    """Write data (netCDF), tables (CSV) and figures (PNG and SVG).

    `contexts.csv` has a row for each context, `generations.csv` one for each quantity and
    generation; `collapse.nc` holds both tables (a column of contexts that has the name of a curve
    as NAME_of_text) and, in its groups "times" and "curves", the simulations with their provenance:
    what `autophage.rerun` takes.

    Parameters
    ----------
    study : Study
        What `run_study` returns.
    directory : str or Path
        An existing directory.

    Returns
    -------
    list of Path
        The files written.
    """
    directory = Path(directory)
    written = [directory / name for name in ("collapse.nc", "contexts.csv", "generations.csv")]
    _write_netcdf(study, written[0])
    with written[1].open("w", encoding="utf-8", newline="") as stream:
        rows = zip(*(column.tolist() for column in study.contexts.values()), strict=True)
        _write_csv(stream, list(study.contexts), rows)
    with written[2].open("w", encoding="utf-8", newline="") as stream:
        header = ["quantity", "generation", "exact", "simulated", "error"]
        _write_csv(stream, header, _curve_rows(study.curves))
    for name, figure in draw(study).items():
        written.extend(plotting.save(figure, directory, name))
    return written


def describe_regime(regime: Regime) -> str:
    """Return a regime in words: its name, and its parameters but for the samples.

    Parameters
    ----------
    regime : regime
        Of `autophage.regimes`.

    Returns
    -------
    str
        As on the command line.

    Examples
    --------
    >>> from autophage.regimes import Contaminated
    >>> from autophage.report import describe_regime
    >>> describe_regime(Contaminated(100, alpha=0.2))
    'contaminated (alpha 0.2)'
    """
    parts = []
    for name, value in regime.parameters().items():
        if isinstance(value, Regime):
            parts.append(f"of {describe_regime(value)}")
        elif name != "n" and isinstance(value, bool | int | float | str):
            parts.append(f"{name} {value}")
        elif name != "n" and isinstance(value, np.ndarray):
            parts.append(f"{name} {value.min():,} to {value.max():,}")
    name = regime.name.replace("_", "-")
    return f"{name} ({', '.join(parts)})" if parts else name


def _number(value: float, decimals: int = 1) -> str:
    """Return a number with thousands set off, or a dash for one that is not known."""
    return f"{value:,.{decimals}f}" if np.isfinite(value) else "-"


def _with_error(value: float, error: float, decimals: int = 1) -> str:
    """Return a mean with its standard error, digits to suit the error."""
    if not np.isfinite(error) or error <= 0.0:
        return _number(value, decimals)
    digits = int(np.clip(1 - np.floor(np.log10(error)), decimals, 6))
    return f"{value:,.{digits}f} +- {error:.{digits}f}"


def _describe_times(study: Study) -> list[str]:
    """Return the lines about collapse times."""
    summary, plan = study.summary, study.plan
    samples = study.contexts["samples"]
    spread = f"{samples.min():,}" + (f" to {samples.max():,}" if np.ptp(samples) else "")
    lines = [
        describe_regime(study.regime),
        f"  {spread} samples a generation and context, {plan.runs:,} runs, seed {plan.seed}",
        "",
    ]
    rows = (
        ("mean over contexts", _number(summary["exact_mean"], 2),
         _with_error(summary["mean"], summary["mean_error"])),
        ("median: half the contexts collapsed", _number(summary["exact_half"], 0),
         _number(summary["half"], 0)),
        ("90 percent of the contexts collapsed", _number(summary["exact_ninety"], 0),
         _number(summary["ninety"], 0)),
        ("mean over contexts, collapsed for good", "-",
         _with_error(summary.get("absorbed", np.nan), summary.get("absorbed_error", np.nan))),
    )  # fmt: skip
    known = [row for row in rows if row[1:] != ("-", "-")]
    if known:
        lines.append(f"  {'collapse time in generations':38}{'exact':>14}{'simulated':>24}")
        lines.extend(f"  {title:38}{exact:>14}{found:>24}" for title, exact, found in known)
    if summary["reached"] < 1.0:
        last = study.curves["contexts_collapsed"].generation[-1]
        lines.append(
            f"  within {last:,} generations {summary['reached']:.2%} of all contexts and runs "
            "were a point mass"
        )
    if np.isfinite(summary["largest_z"]):
        lines.append(
            "  simulated and exact means of single contexts differ by at most "
            f"{summary['largest_z']:.1f} standard errors"
        )
    return lines


def _describe_curves(study: Study) -> list[str]:
    """Return a table of the curves at chosen generations, exact beside simulated."""
    names = ["contexts_collapsed", "tokens_left"]
    if not np.isfinite(study.summary["exact_mean"]):
        names = ["tokens_left", "sum_of_squares", "squared_distance"]
        if study.summary["reached"] > 0.0:
            names.insert(0, "contexts_collapsed")
    titles = _CURVE_TITLES | (
        {} if study.absorbing else {"contexts_collapsed": "once a point mass"}
    )
    marks = plotting.nice_generations(int(study.curves["contexts_collapsed"].generation[-1]))
    lines = [
        f"  {'':>10}" + "".join(f"{titles[name]:>22}" for name in names),
        f"  {'generation':>10}" + f"{'exact':>11}{'simulated':>11}" * len(names),
    ]
    for mark in marks:
        cells = []
        for name in names:
            decimals = 2 if name in ("contexts_collapsed", "tokens_left") else 4
            curve = study.curves[name].at([mark])
            for values in (curve.exact, curve.simulated):
                cells.append(_number(values[0], decimals) if values.size else "-")
        lines.append(f"  {mark:>10,}" + "".join(f"{cell:>11}" for cell in cells))
    runs = int(study.summary["curve_runs"])
    curve = study.curves["tokens_left"]
    last = curve.generation[np.isfinite(curve.simulated)].max(initial=0)
    lines.append(f"  tokens left are simulated in {runs:,} runs of {last:,} generations")
    few = " (errors of so few runs are rough)" if runs < 200 else ""
    if np.isfinite(study.summary["largest_curve_z"]):
        lines.append(
            "  simulated and exact curves differ by at most "
            f"{study.summary['largest_curve_z']:.1f} standard errors{few}"
        )
    return lines


def _describe_seconds(study: Study) -> str:
    """Return how long it took."""
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in study.seconds.items())
    return f"  seconds: {parts}"


def _write_csv(stream: Any, header: list[str], rows: Any) -> None:
    """Write a table; numbers that are not known are empty."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(
            ["" if isinstance(cell, float) and np.isnan(cell) else cell for cell in row]
        )


def _curve_rows(curves: dict[str, Curve]) -> list[list[Any]]:
    """Return the curves as rows of quantity, generation, exact, simulated, error."""
    return [
        [name, *row]
        for name, curve in curves.items()
        for row in zip(
            curve.generation.tolist(),
            curve.exact.tolist(),
            curve.simulated.tolist(),
            curve.error.tolist(),
            strict=True,
        )
    ]


def _write_netcdf(study: Study, path: Path) -> None:
    """Write the tables at the root, and the simulations in groups."""
    import xarray as xr

    corpus = study.corpus
    table: dict[str, Any] = {
        f"{name}_of_text" if name in study.curves else name: ("context", column)
        for name, column in study.contexts.items()
        if name != "context"
    }
    generation = np.unique(np.concatenate([c.generation for c in study.curves.values()]))
    for name, curve in study.curves.items():
        place = np.searchsorted(generation, curve.generation)
        parts = {"": curve.simulated, "_error": curve.error, "_exact": curve.exact}
        for suffix, values in parts.items():
            column = np.full(generation.size, np.nan)
            column[place] = values
            table[name + suffix] = ("generation", column)
    facts = {
        "source": corpus.source,
        "tokens": corpus.tokens,
        "context": corpus.context,
        "min_count": corpus.min_count,
        "regime": study.regime.name,
        "seed": study.plan.seed,
        "runs": study.plan.runs,
        "curve_runs": int(study.summary["curve_runs"]),
    }
    root = xr.Dataset(
        table,
        coords={
            "context": study.contexts["context"].astype(str),
            "generation": generation,
        },
        attrs={"corpus": json.dumps(facts)},
    )
    write_netcdf(path, [(None, root), *study.data.items()])
