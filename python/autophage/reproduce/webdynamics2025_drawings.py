"""The drawings of `autophage.reproduce.webdynamics2025`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autophage import plotting

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

_NORM = r"norm of the distances  $\|D_t\|_F$"
_ROOT = r"root mean square of $\|D_t\|_F$"
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))
_MARKED = 5  # generations between marks


def norms(table: xr.Dataset, title: str, *, with_prior: bool) -> Figure:
    """Draw five replicates beside the root mean square of many runs from the same starts."""
    figure, axes = plotting.panels(1, 2, width=16, height=7.2)
    with plotting.style():
        _draw_replicates(axes[0, 0], table)
        axes[0, 0].set_title(f"Five replicates, {title}")
        _draw_means(axes[0, 1], table)
        axes[0, 1].set_title("All runs from the same five starts")
        of = "lines exact for separated components" + (", none pruned" if with_prior else "")
        note = f"left: dashed as here; right: marks simulated, {of}"
        _legend(figure, axes[0, 1], note)
    return figure


def many(pruned: xr.Dataset, free: xr.Dataset) -> Figure:
    """Draw replicates and root mean squares without and with the prior, and what is left."""
    figure, axes = plotting.panels(2, 2, width=16, height=12.6, sharex=True)
    with plotting.style():
        _draw_replicates(axes[0, 0], pruned)
        axes[0, 0].set_title(r"Five replicates, prior $c_T = a$")
        _draw_replicates(axes[0, 1], free)
        axes[0, 1].set_title("Five replicates, no prior")
        for series, name in enumerate(pruned.replicate.values):
            curve = pruned.sel(replicate=name)
            axes[1, 0].plot(curve.generation, curve.living, **_look(series))
        axes[1, 0].set_ylabel("components left, mean of models")
        low, high = float(pruned.living.min()), float(pruned.living.max())
        axes[1, 0].set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
        axes[1, 0].set_xlabel("generation t")
        axes[1, 0].set_title(r"All runs, prior $c_T = a$")
        _draw_means(axes[1, 1], free)
        axes[1, 1].set_title("All runs, no prior")
        for above in axes[0]:
            above.set_xlabel("")
            above.set_ylim(0.0, 1.05 * float(max(pruned.norm.max(), free.norm.max())))
        note = "dashed as here but for below right: there marks simulated, lines exact"
        _legend(figure, axes[1, 1], note)
    return figure


def densities(table: xr.Dataset, means: Floats) -> Figure:
    """Draw histograms of draws and the density of each model, one column a generation."""
    columns, rows = table.sizes["generation"], table.sizes["model"]
    figure, axes = plotting.panels(rows, columns, width=18, height=10.5, sharex=True, sharey=True)
    x = np.linspace(means.min() - 3.7, means.max() + 3.7, 400)
    normal = np.exp(-0.5 * np.square(x[:, None] - means)) / np.sqrt(2.0 * np.pi)
    with plotting.style():
        for i, j in itertools.product(range(rows), range(columns)):
            panel: Axes = axes[i, j]
            chosen = table.isel(model=i, generation=j)
            panel.hist(
                chosen.draws.values,
                bins=np.linspace(x[0], x[-1], 53).tolist(),
                density=True,
                color=plotting.COLOURS[i],
                alpha=0.35,
            )
            plotting.draw_exact(panel, x, normal @ chosen.weights.values, label="", series=i)
            panel.set_xticks([-5, 0, 5])
            weights = ", ".join(f"{w:.2f}" for w in chosen.weights.values)
            panel.text(0.5, 0.96, f"w = {weights}", ha="center", va="top",
                       transform=panel.transAxes)  # fmt: skip
        for j, t in enumerate(table.generation.values):
            axes[0, j].set_title(f"generation {t}")
            axes[-1, j].set_xlabel("x")
        for i in range(rows):
            axes[i, 0].set_ylabel(f"density of model {i + 1}")
        axes[0, 0].set_ylim(0.0, 0.47)
        note = "Bars: 2,000 draws from each mixture; lines: its density; w: its weights"
        figure.suptitle(f"{note}\n", fontsize=14, linespacing=0.7)
    return figure


def floor(table: xr.Dataset, lines: xr.Dataset) -> Figure:
    """Draw the root mean square for four rates, and what takes it to zero."""
    figure, axes = plotting.panels(1, 2, width=17, height=8.0, sharey=True)
    names = [str(name) for name in table.series.values]
    t = table.generation.values
    with plotting.style():
        left, right = axes[0]
        for series, name in enumerate(names[:-2]):
            _draw_curve(left, table.sel(series=name), name, series)
            level = float(lines.floor[series])
            label = "floor of a large pool" if series == 0 else "_"
            plotting.draw_reference(left, t, np.full(t.size, level), label=label)
        left.set_title("A fixed rate leaves a floor")
        _draw_curve(right, table.sel(series=names[1]), f"{names[1]}, as on the left", 1)
        for series, name in ((4, names[-1]), (5, names[-2])):
            drawn = table.sel(series=name)
            label = f"{name}, a = 0.1/t" if series == 4 else f"{name}, a = 0.02"
            _draw_curve(right, drawn.where(drawn.exact > 1e-4), label, series)
        claimed = lines.claimed.where(lines.claimed > 1e-4)
        label = r"a = 0.02, as claim (5) has it: $\|$E$\,D_t\|_F$"
        right.plot(t, claimed, color=plotting.INK, linestyle=(0, (1, 1.5)), label=label, zorder=5)
        right.set_title("What takes the distance to zero, and what does not")
        left.set_ylabel(_ROOT)
        left.set_yscale("log")
        left.set_ylim(1e-3, 4.0)
        for panel in axes[0]:
            panel.set_xlabel("generation t (30 posts read in each)")
            place = "lower left" if panel is left else "lower right"
            panel.legend(loc=place, title="lines: exact; marks: simulated")
    return figure


def extinction(table: xr.Dataset, needed: float, runs: int, rounds: int) -> Figure:
    """Draw the share of runs at a vertex as a map, and some of its rows as curves."""
    figure, axes = plotting.panels(1, 2, width=17, height=7.6, width_ratios=[1.15, 1])
    rates, priors = table.rate.values, table.prior.values
    with plotting.style():
        left, right = axes[0]
        left.grid(visible=False)
        mesh = left.pcolormesh(
            priors,
            rates,
            table.share.values,
            cmap="cividis",
            vmin=0.0,
            vmax=1.0,
            shading="nearest",
            rasterized=True,
        )
        left.contour(
            priors, rates, table.growth.values, levels=[needed], colors="white", linewidths=3.0
        )
        left.set_xlim(0.0, priors[-1])
        left.set_yscale("log")
        left.set_ylim(rates[0], rates[-1])
        left.set_yticks([0.003, 0.01, 0.03, 0.1], ["0.003", "0.01", "0.03", "0.1"])
        left.set_xlabel(r"strength of the prior  $c_T$")
        left.set_ylabel("rate  a")
        left.set_title(
            f"{runs} runs a cell, round {rounds};\nright of the white line: extinct in mean"
        )
        figure.colorbar(mesh, ax=left, label="share of runs with one component left")
        for series, row in enumerate(np.linspace(0, rates.size - 1, 4).round().astype(int)):
            share = table.share.values[row]
            error = _wilson(share, runs)
            colour = plotting.COLOURS[series]
            right.plot(priors, share, color=colour, linewidth=1.2, label="_")
            label = f"a = {rates[row]:.2g}"
            plotting.draw_simulated(right, priors, share, error, label=label, series=series)
            mean = np.interp(needed, table.growth.values[row], priors)
            right.axvline(float(mean), color=colour, linestyle=(0, (4, 3)), linewidth=1.5)
        right.set_xlabel(r"strength of the prior  $c_T$")
        right.set_ylabel("share of runs with one component left")
        right.set_title("Rows of the map;\nright of the dashed lines: extinct in mean")
        right.set_ylim(-0.03, 1.03)
        right.legend(loc="lower right")
    return figure


def _wilson(share: Floats, runs: int) -> Floats:
    """Return half of Wilson's interval of two standard errors below and above, (2, k)."""
    weight = 4.0 / runs
    middle = (share + 0.5 * weight) / (1.0 + weight)
    half = np.sqrt(weight * (share * (1.0 - share) + 0.25 * weight)) / (1.0 + weight)
    below, above = np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
    return 0.5 * np.maximum([share - below, above - share], 0.0)


def _look(series: int) -> dict[str, Any]:
    return {
        "color": plotting.COLOURS[series % len(plotting.COLOURS)],
        "linestyle": _DASHES[series % len(_DASHES)],
    }


def _legend(figure: Figure, panel: Axes, title: str) -> None:
    """Set the legend below, with lines long enough to show their dashes beside the mark."""
    handles, labels = panel.get_legend_handles_labels()
    with plotting.style():
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=len(labels),
            title=title,
            handlelength=5.0,
        )


def _draw_replicates(panel: Axes, table: xr.Dataset) -> None:
    for series, name in enumerate(table.replicate.values):
        curve = table.norm.sel(replicate=name)
        panel.plot(curve.generation, curve, label="_", **_look(series))
    panel.set_xlabel("generation t")
    panel.set_ylabel(_NORM)
    panel.set_ylim(bottom=0.0)


def _draw_means(panel: Axes, table: xr.Dataset) -> None:
    for series, name in enumerate(table.replicate.values):
        _draw_curve(panel, table.sel(replicate=name), "_", series)
        # One entry for both: the dashes of the single replicate, the marks of the means.
        mark = plotting.MARKS[series % len(plotting.MARKS)]
        panel.plot([], [], marker=mark, markerfacecolor="white", markeredgewidth=1.8,
                   markersize=8.0, label=f"replicate {name}", **_look(series))  # fmt: skip
    panel.set_xlabel("generation t")
    panel.set_ylabel(_ROOT)
    panel.set_ylim(bottom=0.0)


def _draw_curve(panel: Axes, curve: xr.Dataset, label: str, series: int) -> None:
    """Draw an exact line and every fifth simulated mark."""
    plotting.draw_exact(panel, curve.generation, curve.exact, label="_", series=series)
    some = curve.isel(generation=slice(0, None, _MARKED))
    error = some.error / (2.0 * some.root_mean_square)
    plotting.draw_simulated(
        panel, some.generation, some.root_mean_square, error, label=label, series=series
    )
