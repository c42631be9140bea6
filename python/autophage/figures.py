"""The figures of a study of a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autophage import plotting
from autophage.study import ENOUGH, Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]


def draw(study: Study) -> dict[str, Figure]:
    """Draw the figures of a study.

    Parameters
    ----------
    study : Study
        What `run_study` returns.

    Returns
    -------
    dict
        Name to Figure: "collapse" (contexts collapsed against generation) and "contexts" (collapse
        time against diversity) where models collapse, "concentration" and "distance" where they
        need not, and always "vocabulary".
    """
    drawn = {"vocabulary": _vocabulary_figure(study)}
    if np.isfinite(study.summary["exact_mean"]):
        drawn["contexts"] = _contexts_figure(study)
    else:
        drawn["concentration"] = _moment_figure(
            study,
            "sum_of_squares",
            "How concentrated the next-token laws are",
            r"E$\,\Sigma_i\,(p_i^{(m)})^2$, mean over contexts",
        )
        drawn["distance"] = _moment_figure(
            study,
            "squared_distance",
            "How far the model is from the text",
            r"E$\,||p^{(m)}-p\,||_2^2$, mean over contexts",
        )
    if study.absorbing and study.summary["reached"] > 0.0:
        drawn["collapse"] = _collapse_figure(study)
    return drawn


def _corner_note(figure: Figure, study: Study) -> None:
    """Say below a figure what was studied."""
    corpus, samples = study.corpus, study.contexts["samples"]
    draws = f"{samples.min():,}" + (f" to {samples.max():,}" if np.ptp(samples) else "")
    source = corpus.source if "(" in corpus.source else Path(corpus.source).name
    note = (
        f"{len(corpus.context_labels):,} contexts of {corpus.context} {corpus.tokens}, "
        f"{draws} samples a generation, {study.regime.name.replace('_', '-')}. "
        f"Text: {source if len(source) <= 60 else source[:57] + '...'}"
    )
    figure.supxlabel(note, fontsize=11, color="#666666", x=0.01, ha="left")


def _generation_axis(axes: Axes, last: int) -> None:
    """Set the axis of generations, in logarithms with plain numbers."""
    axes.set_xscale("log")
    axes.set_xlim(0.9, 1.1 * last)
    ticks = [10**power for power in range(len(str(last))) if 10**power <= last]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set_xlabel("generation")


def _collapse_figure(study: Study) -> Figure:
    """Draw the share of contexts that have collapsed."""
    curve, total = study.curves["contexts_collapsed"], len(study.corpus.context_labels)
    figure, axes = plotting.panels(width=10.5, height=6.4)
    with plotting.style():
        panel, last = axes[0, 0], int(curve.generation[-1])
        known = np.isfinite(curve.exact)
        if known.any():
            plotting.draw_exact(
                panel,
                curve.generation[known],
                100.0 * curve.exact[known] / total,
                label="exact law",
            )
        else:
            line = {"color": plotting.COLOURS[1], "linewidth": 1.2, "alpha": 0.7}
            panel.plot(curve.generation, 100.0 * curve.simulated / total, **line)
        marks = curve.at(plotting.nice_generations(last))
        runs = f"simulated, {study.plan.runs:,} runs"
        share, error = 100.0 * marks.simulated / total, 100.0 * marks.error / total
        plotting.draw_simulated(panel, marks.generation, share, error, label=runs)
        half = study.summary["exact_half"]
        half = half if np.isfinite(half) else study.summary["half"]
        if np.isfinite(half) and half > 1:
            panel.plot([half, half, 0.9], [0, 50, 50], color=plotting.INK, ls=(0, (4, 3)), lw=1.5)
            late = half > np.sqrt(last)  # then there is room on the left, above the line
            panel.annotate(
                f"half by generation {half:,.0f}",
                (half, 50),
                (-10, 6) if late else (14, -6),
                textcoords="offset points",
                ha="right" if late else "left",
                va="bottom" if late else "top",
            )
        _generation_axis(panel, last)
        panel.set_ylim(0, 103)
        panel.set_ylabel("contexts down to one next token (%)")
        panel.set_title("A language model that trains on its own text collapses", loc="left")
        panel.legend(loc="upper left")
        _corner_note(figure, study)
    return figure


def _vocabulary_figure(study: Study) -> Figure:
    """Draw the mean number of tokens that a context has left."""
    curve = study.curves["tokens_left"]
    figure, axes = plotting.panels(width=10.5, height=6.4)
    with plotting.style():
        panel, last = axes[0, 0], int(curve.generation[-1])
        known = np.isfinite(curve.exact)
        if known.any():
            x, y = curve.generation[known], curve.exact[known]
            plotting.draw_exact(panel, x, y, label="exact law")
        marks = curve.at(plotting.nice_generations(last))
        runs = f"simulated, {study.summary['curve_runs']:,.0f} runs"
        plotting.draw_simulated(panel, marks.generation, marks.simulated, marks.error, label=runs)
        start = float(study.contexts["next_tokens"].mean())
        plotting.draw_reference(panel, [0.9, 1.1 * last], [start, start], label="_")
        panel.text(1.05 * last, 0.96 * start, f"in the text: {start:.1f}", ha="right", va="top")
        _generation_axis(panel, last)
        panel.set_yscale("log")
        panel.set_ylim(0.9, 1.15 * start)
        ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 50, 100, 200, 500) if tick < 1.15 * start]
        panel.set_yticks(ticks, [str(tick) for tick in ticks])
        panel.minorticks_off()
        panel.set_ylabel("next tokens left, mean over contexts")
        panel.set_title("The rare next tokens go first", loc="left")
        panel.legend(loc="lower left")
        _corner_note(figure, study)
    return figure


def _moment_figure(study: Study, name: str, title: str, label: str) -> Figure:
    """Draw a second moment against generation."""
    curve = study.curves[name]
    figure, axes = plotting.panels(width=10.5, height=6.4)
    with plotting.style():
        panel, last = axes[0, 0], int(curve.generation[-1])
        if np.isfinite(curve.exact).all():
            plotting.draw_exact(panel, curve.generation, curve.exact)
        marks = curve.at(plotting.nice_generations(last))
        runs = f"simulated, {study.summary['curve_runs']:,.0f} runs"
        plotting.draw_simulated(panel, marks.generation, marks.simulated, marks.error, label=runs)
        _generation_axis(panel, last)
        panel.set_ylim(bottom=0.0)
        panel.set_ylabel(label)
        panel.set_title(title, loc="left")
        panel.legend(loc="best")
        _corner_note(figure, study)
    return figure


def _contexts_figure(study: Study) -> Figure:
    """Draw each context's collapse time against its diversity, and exact against simulated."""
    columns = study.contexts
    figure, axes = plotting.panels(1, 2, width=15, height=6.6, width_ratios=[2.1, 1])
    with plotting.style():
        _draw_diversity(axes[0, 0], study)
        panel = axes[0, 1]
        error = columns["exact_sd"] / np.sqrt(study.plan.runs)
        moving = columns["exact_survival"] * study.plan.runs >= ENOUGH
        moving &= columns["simulated_runs"] == study.plan.runs
        if moving.any():
            difference = columns["simulated_mean"] - columns["exact_mean"]
            z = difference[moving] / error[moving]
            panel.hist(z, bins=np.arange(-4.5, 4.6, 0.5), density=True, color=plotting.COLOURS[1],
                       alpha=0.55, label=f"{moving.sum():,} contexts")  # fmt: skip
        x = np.linspace(-4.5, 4.5, 181)
        normal = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        plotting.draw_exact(panel, x, normal, label="normal law")
        panel.set_ylim(0, 0.62)
        panel.set_xlabel("(simulated - exact) / standard error")
        panel.set_ylabel("density")
        panel.set_title("Simulation against exact law", loc="left")
        panel.legend(loc="upper left")
        _corner_note(figure, study)
    return figure


def _draw_diversity(panel: Axes, study: Study) -> None:
    """Draw collapse times against the effective number of next tokens, and name some contexts."""
    from matplotlib.patheffects import withStroke

    from autophage.law import collapse_law

    columns = study.contexts
    diversity = 1.0 / columns["sum_of_squares"]
    samples = columns["samples"]
    scale = 1.0 if np.ptp(samples) == 0 else samples
    time = columns["exact_mean"] / scale
    panel.scatter(
        diversity, time, s=26, color=plotting.COLOURS[2], alpha=0.35, linewidth=0,
        label="contexts of the text, exact", zorder=2,
    )  # fmt: skip
    if np.ptp(samples) == 0:
        n = int(samples[0])
        effective = np.geomspace(1.0, max(2.0, 1.3 * diversity.max()), 120)
        mean = np.asarray(collapse_law(_most_even_laws(effective), n).mean)
        plotting.draw_exact(panel, effective, mean, label="most even laws, exact")
        floor = 1.0 + (1.0 - 1.0 / effective) * (n - 1.0)
        plotting.draw_reference(panel, effective, floor, label="lower bound (8) of Seddik et al.")
    spelled = [any(mark.isalpha() for mark in label) for label in columns["context"]]
    weight = columns["occurrences"] * np.where(spelled, 1, 1e-9)
    for index in _named_contexts(diversity, weight):
        label = "\u2018" + str(columns["context"][index]).replace(" ", "\u2423") + "\u2019"
        spot = (diversity[index], time[index])
        panel.scatter(*spot, s=46, facecolor="none", edgecolor=plotting.INK, zorder=4)
        text = panel.annotate(
            label, spot, (9, -9), textcoords="offset points", va="top", fontsize=14, zorder=5
        )
        text.set_path_effects([withStroke(linewidth=3.0, foreground="white")])
    panel.set_xscale("log")
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500) if tick <= 1.3 * diversity.max()]
    panel.set_xticks(ticks, [str(tick) for tick in ticks])
    panel.minorticks_off()
    panel.set_ylim(bottom=0.0)
    panel.set_xlabel(r"effective number of next tokens  $1\,/\,\Sigma_i\,p_i^2$")
    unit = "generations" if np.ptp(samples) == 0 else "generations per sample"
    panel.set_ylabel(f"mean collapse time ({unit})")
    panel.set_title("The more choice, the later the collapse", loc="left")
    panel.legend(loc="lower right")


def _most_even_laws(effective: Floats) -> Floats:
    """Return laws of that many effective tokens: all equally likely but for one that is less so."""
    tokens = np.ceil(effective - 1e-12)
    others = np.maximum(tokens - 1.0, 1.0)
    # with k tokens, k - 1 of them at a and one at 1 - (k-1) a: the larger root for a
    root = np.sqrt(np.maximum((tokens / effective - 1.0) / others, 0.0))
    usual = np.where(tokens > 1.0, (1.0 + root) / tokens, 1.0)
    place = np.arange(int(tokens.max()))
    last = np.maximum(1.0 - (tokens - 1.0) * usual, 0.0)
    laws = np.where(place < tokens[:, None] - 1.0, usual[:, None], 0.0)
    laws[np.arange(tokens.size), tokens.astype(np.int64) - 1] = last
    total: Floats = laws.sum(axis=1, keepdims=True)
    return laws / total


def _named_contexts(diversity: Floats, weight: Floats, most: int = 7) -> list[int]:
    """Return the context of most weight in each of some bins of diversity."""
    logs = np.log(diversity)
    bins = np.linspace(logs.min(), logs.max() + 1e-9, most + 1)
    inside = np.digitize(logs, bins)
    return [
        int(chosen[np.argmax(weight[chosen])])
        for place in range(1, most + 1)
        if (chosen := np.flatnonzero(inside == place)).size
    ]
