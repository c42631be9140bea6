"""The drawings of `autophage.reproduce.seddik2024`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autophage import plotting

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

_SIGMA = r"$\sigma_m$"
_DEVIATION = r"$||p^{(m)}-p^{(1)}||_1$"


def fig1(simplex: xr.Dataset, collapsed: xr.Dataset) -> Figure:
    """Draw five triangles above the number of contexts at a corner."""
    laws = simplex["p"].values
    contexts = laws.shape[1]
    figure, axes = plotting.panels(2, 5, width=15, height=8.2, height_ratios=[1, 1.3])
    with plotting.style():
        for panel, law, m in zip(axes[0], laws, simplex["generation"].values, strict=True):
            count = int((law.max(axis=1) == 1.0).sum())
            plotting.draw_simplex(panel, law)
            panel.set_title(f"$p^{{({m})}}$: {count} of {contexts}\nat a corner")
        grid = axes[1, 0].get_gridspec()
        for panel in axes[1]:
            panel.remove()
        below = figure.add_subplot(grid[1, :])
        below.set_xlabel("generation m")
        below.set_ylabel("contexts at a corner")
        below.set_ylim(0, contexts)
        plotting.draw_exact(below, collapsed["generation"], collapsed["collapsed_exact"])
        some = collapsed.isel(generation=slice(1, None, 3))
        plotting.draw_simulated(below, some["generation"], some["collapsed"], some["error"])
        below.legend(loc="lower right")
    return figure


def fig2(table: xr.Dataset, laws: Floats, titles: list[str]) -> Figure:
    """Draw four laws above their mean collapse times."""
    figure, axes = plotting.panels(2, 4, width=18, height=9.4, sharey="row")
    n = table["n"].values
    with plotting.style():
        for column, (law, title) in enumerate(zip(laws, titles, strict=True)):
            _draw_law(axes[0, column], law, title)
            panel, curve = axes[1, column], table.isel(law=column)
            plotting.draw_exact(panel, n, curve["mean_exact"], label="exact E T")
            error = curve["sd_exact"] / 10.0  # of the mean of 100 runs
            plotting.draw_simulated(panel, n, curve["mean_100_runs"], error, label="100 runs")
            plotting.draw_reference(panel, n, curve["lower_bound"], label="lower bound (8)")
            panel.set_xlabel("samples a generation n")
        axes[1, 0].set_ylim(bottom=0.0)
        axes[0, 0].set_ylabel("probability $p_i$")
        axes[1, 0].set_ylabel("collapse time T\n(generations)")
        plotting.legend_below(figure, axes[1, 0])
    return figure


def partial(table: xr.Dataset, runs: xr.Dataset, laws: list[Floats]) -> Figure:
    """Draw sigma and the deviation from the first model; above them the laws, where they differ."""
    top = 1 if laws else 0
    rows = top + 2
    figure, axes = plotting.panels(rows, 4, width=18, height=4.2 * rows + 0.8, sharey="row")
    some = np.array([1, 2, 5, 10, 20, 30, 40, 50]) - 1
    with plotting.style():
        for column, title in enumerate(table["panel"].values):
            curve, single = table.isel(panel=column), runs.isel(panel=column)
            if laws:
                _draw_law(axes[0, column], laws[column], str(title))
            else:
                axes[0, column].set_title(str(title))
            _draw_means(axes[top, column], curve, single, "sigma", some)
            _draw_means(axes[top + 1, column], curve, single, "deviation", some)
            axes[-1, column].set_xlabel("generation m")
        axes[-1, 0].set_ylim(bottom=0.0)
        if laws:
            axes[0, 0].set_ylabel("probability $p_i$")
        axes[top, 0].set_ylabel(_SIGMA)
        axes[top + 1, 0].set_ylabel(_DEVIATION)
        plotting.legend_below(figure, axes[top, 0])
    return figure


def fig6(table: xr.Dataset, runs: xr.Dataset, times: npt.NDArray[np.int64]) -> Figure:
    """Draw sigma, the deviation from the first model and the times, one column a window."""
    figure, axes = plotting.panels(3, 4, width=18, height=12.8, sharex=True, sharey="row")
    some = np.array([1, 20, 50, 100, 200, 300, 400, 500]) - 1
    with plotting.style():
        for column, name in enumerate(table["window"].values):
            curve, single = table.isel(window=column), runs.isel(window=column)
            top, middle, below = axes[:, column]
            top.set_title(str(name))
            _draw_means(top, curve, single, "sigma", some, drawn=12)
            _draw_means(middle, curve, single, "deviation", some, drawn=12)
            _draw_times(below, times[column])
            below.set_xlabel("generation m")
        axes[0, 0].set_ylabel(_SIGMA)
        axes[1, 0].set_ylabel(_DEVIATION)
        axes[2, 0].set_ylabel("share of runs\nwith first point mass")
        plotting.legend_below(figure, axes[0, 0])
    return figure


def _draw_law(panel: Axes, law: Floats, title: str) -> None:
    """Draw a law over its tokens by rank, in logarithms."""
    support = int((law > 0).sum())
    rank = np.arange(1, support + 1)
    panel.fill_between(rank, law[:support], 1e-12, step="mid", color=plotting.COLOURS[2], alpha=0.8)
    panel.set_yscale("log")
    panel.set_ylim(1e-6, 1.0)
    panel.set_xscale("log")
    panel.set_xlim(0.8, law.size)
    panel.set_xticks([1, 10, 100], ["1", "10", "100"])
    panel.set_title(title)
    panel.set_xlabel("token i, by rank")


def _draw_means(
    panel: Axes,
    curve: xr.Dataset,
    single: xr.Dataset,
    name: str,
    some: npt.NDArray[np.int64],
    drawn: int = 100,
) -> None:
    """Draw some runs, the exact mean where it is known, and the simulated mean."""
    m = curve["generation"].values
    plotting.draw_runs(panel, m, single[name].values[:drawn], label=f"{drawn} single runs")
    if f"{name}_exact" in curve:
        plotting.draw_exact(panel, m, curve[f"{name}_exact"], label="exact mean")
    known = f"{name}_error" in curve
    mean = curve[name].values if known else single[name].values.mean(axis=0)
    error = curve[f"{name}_error"].values[some] if known else None
    plotting.draw_simulated(panel, m[some], mean[some], error, label="simulated mean")


def _draw_times(panel: Axes, times: npt.NDArray[np.int64]) -> None:
    """Draw the histogram of the times of the runs that got there, with their mean."""
    reached = times[times > 0]
    weights = np.full(reached.size, 1.0 / times.size)
    panel.hist(
        reached, bins=[0.5 + 20 * k for k in range(26)], weights=weights, color=plotting.COLOURS[2]
    )
    note = f"{reached.size / times.size:.1%} of runs"
    if reached.size > 30:
        panel.axvline(reached.mean(), color=plotting.INK, linestyle=(0, (4, 3)))
        note = f"mean {reached.mean():.1f}\n{note}"
    panel.text(0.97, 0.93, note, ha="right", va="top", transform=panel.transAxes)
