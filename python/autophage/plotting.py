"""Figures: exact results as lines, Monte Carlo as marks with bars of two standard errors.

Every figure is a `matplotlib.figure.Figure` of its own; nothing here touches pyplot, a window or
the global settings. Colours are those of Okabe and Ito, which colour-blind readers can tell apart,
and series differ in their marks or dashes too. `save` writes the same bytes for the same figure.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKS = ("o", "s", "^", "D", "v", "P")
INK = "#222222"
PALE = "#9A9A9A"

STYLE: dict[Any, Any] = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 16,
    "axes.titlesize": 16,
    "axes.labelsize": 16,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 1.0,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 14,
    "ytick.labelsize": 14,
    "legend.fontsize": 14,
    "legend.frameon": False,
    "lines.linewidth": 2.4,
    "svg.hashsalt": "autophage",
    "svg.fonttype": "path",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the style of this package; the settings from before come back afterwards.

    Yields
    ------
    None

    Examples
    --------
    >>> import matplotlib
    >>> from autophage import plotting
    >>> before = matplotlib.rcParams["font.size"]
    >>> with plotting.style():
    ...     matplotlib.rcParams["font.size"]
    16.0
    >>> matplotlib.rcParams["font.size"] == before
    True
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield


def panels(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = 10.0,
    height: float = 6.0,
    **options: Any,
) -> tuple[Figure, npt.NDArray[Any]]:
    """Return a new figure and its axes in `rows` x `columns` panels.

    Parameters
    ----------
    rows, columns : int
        At least 1.
    width, height : float
        Size of the figure in inches.
    **options : Any
        Passed to `Figure.subplots`, for instance `sharex=True`.

    Returns
    -------
    Figure
        Bound to the Agg canvas.
    numpy.ndarray
        Axes, always 2-D: (rows, columns).

    Examples
    --------
    >>> from autophage import plotting
    >>> figure, axes = plotting.panels(2, 3)
    >>> axes.shape
    (2, 3)
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def save(figure: Figure, directory: str | Path, name: str) -> tuple[Path, Path]:
    """Write a figure as PNG and SVG, without dates, so that equal figures give equal files.

    Parameters
    ----------
    figure : Figure
        What a function of this module returns.
    directory : str or Path
        An existing directory.
    name : str
        File name without its ending.

    Returns
    -------
    tuple of Path
        The PNG file and the SVG file.

    Examples
    --------
    >>> import tempfile
    >>> from autophage import plotting
    >>> figure, _ = plotting.panels()
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     [path.name for path in plotting.save(figure, directory, "empty")]
    ['empty.png', 'empty.svg']
    """
    png, svg = Path(directory) / f"{name}.png", Path(directory) / f"{name}.svg"
    with style():
        figure.savefig(png, metadata={"Software": None})
        figure.savefig(svg, metadata={"Date": None, "Creator": "autophage"})
    return png, svg


def draw_exact(
    axes: Axes, x: npt.ArrayLike, y: npt.ArrayLike, *, label: str = "exact", series: int = 0
) -> None:
    """Draw an exact result as a line.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    x, y : array_like
        Points of the line, (k,).
    label : str
        Entry in the legend.
    series : int
        Which colour of the palette.

    Examples
    --------
    >>> from autophage import plotting
    >>> _, axes = plotting.panels()
    >>> plotting.draw_exact(axes[0, 0], [1, 2, 3], [0.1, 0.2, 0.4])
    >>> axes[0, 0].get_legend_handles_labels()[1]
    ['exact']
    """
    axes.plot(x, y, color=COLOURS[series % len(COLOURS)], label=label, zorder=3)


def draw_simulated(
    axes: Axes,
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    error: npt.ArrayLike | None = None,
    *,
    label: str = "simulated",
    series: int = 1,
    size: float = 8.0,
) -> None:
    """Draw Monte Carlo means as marks, with bars of two standard errors.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    x, mean : array_like
        Places and heights of the marks, (k,).
    error : array_like or None
        Standard errors, (k,), or (2, k) below and above the marks; None draws no bars.
    label : str
        Entry in the legend.
    series : int
        Which colour and mark of the palette.
    size : float
        Of a mark, in points; larger ones stay in sight behind those of another series.

    Examples
    --------
    >>> from autophage import plotting
    >>> _, axes = plotting.panels()
    >>> plotting.draw_simulated(axes[0, 0], [1, 2], [0.1, 0.2], [0.01, 0.01])
    >>> axes[0, 0].get_legend_handles_labels()[1]
    ['simulated']
    """
    colour = COLOURS[series % len(COLOURS)]
    axes.errorbar(
        x,
        mean,
        yerr=None if error is None else 2.0 * np.asarray(error, dtype=np.float64),
        fmt=MARKS[series % len(MARKS)],
        color=colour,
        markerfacecolor="white",
        markeredgewidth=1.8,
        markersize=size,
        elinewidth=1.8,
        capsize=3,
        label=label,
        zorder=4,
    )


def draw_band(
    axes: Axes,
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    error: npt.ArrayLike,
    *,
    label: str | None = None,
    series: int = 1,
) -> None:
    """Draw Monte Carlo means as a band of two standard errors on either side.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    x, mean, error : array_like
        Places, means and standard errors, (k,).
    label : str or None
        Entry in the legend.
    series : int
        Which colour of the palette.

    Examples
    --------
    >>> from autophage import plotting
    >>> _, axes = plotting.panels()
    >>> plotting.draw_band(axes[0, 0], [1, 2], [0.1, 0.2], [0.01, 0.01], label="100 runs")
    >>> axes[0, 0].get_legend_handles_labels()[1]
    ['100 runs']
    """
    middle, half = np.asarray(mean, dtype=np.float64), 2.0 * np.asarray(error, dtype=np.float64)
    axes.fill_between(
        np.asarray(x, dtype=np.float64),
        middle - half,
        middle + half,
        color=COLOURS[series % len(COLOURS)],
        alpha=0.25,
        linewidth=0,
        label=label,
        zorder=2,
    )


def draw_runs(
    axes: Axes, x: npt.ArrayLike, runs: npt.ArrayLike, *, label: str | None = "single runs"
) -> None:
    """Draw single runs as thin pale lines (one raster image in SVG, which keeps files small).

    Parameters
    ----------
    axes : Axes
        Where to draw.
    x : array_like
        (k,).
    runs : array_like
        One line a row, (runs, k).
    label : str or None
        Entry in the legend.

    Examples
    --------
    >>> from autophage import plotting
    >>> _, axes = plotting.panels()
    >>> plotting.draw_runs(axes[0, 0], [1, 2, 3], [[0.1, 0.2, 0.2], [0.1, 0.3, 0.5]])
    >>> len(axes[0, 0].collections)
    1
    """
    from matplotlib.collections import LineCollection

    heights = np.asarray(runs, dtype=np.float64)
    places = np.broadcast_to(np.asarray(x, dtype=np.float64), heights.shape)
    lines = LineCollection(
        list(np.stack([places, heights], axis=-1)),
        colors=COLOURS[4],
        linewidths=0.7,
        alpha=0.45,
        label=label,
        rasterized=True,
        zorder=1,
    )
    axes.add_collection(lines)
    axes.autoscale_view()


def draw_reference(axes: Axes, x: npt.ArrayLike, y: npt.ArrayLike, *, label: str) -> None:
    """Draw a bound, a limit or a published value as a thin dashed line.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    x, y : array_like
        Points of the line, (k,).
    label : str
        Entry in the legend.

    Examples
    --------
    >>> from autophage import plotting
    >>> _, axes = plotting.panels()
    >>> plotting.draw_reference(axes[0, 0], [1, 100], [0.5, 0.5], label="limit")
    >>> axes[0, 0].get_legend_handles_labels()[1]
    ['limit']
    """
    axes.plot(x, y, color=INK, linestyle=(0, (4, 3)), linewidth=1.5, label=label, zorder=2)


def legend_below(figure: Figure, axes: Axes, *, title: str | None = None) -> None:
    """Set the entries of one panel as a legend below all panels.

    Parameters
    ----------
    figure : Figure
        The figure.
    axes : Axes
        The panel whose entries count.
    title : str or None
        A line above the entries.

    Examples
    --------
    >>> from autophage import plotting
    >>> figure, axes = plotting.panels(1, 2)
    >>> plotting.draw_exact(axes[0, 0], [1, 2], [3, 4])
    >>> plotting.legend_below(figure, axes[0, 0])
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['exact']
    """
    handles, labels = axes.get_legend_handles_labels()
    with style():
        legend = figure.legend(
            handles, labels, loc="outside lower center", ncols=len(labels), title=title
        )
    for line in legend.get_lines():
        line.set(alpha=1.0, linewidth=max(1.5, line.get_linewidth()))


def nice_generations(last: int, most: int = 13) -> list[int]:
    """Return 1, 2, 5, 10, 20, 50, .. up to `last`, at most `most` of them (the latest are kept).

    Parameters
    ----------
    last : int
        At least 1; it is always the last entry.
    most : int
        At least 1.

    Returns
    -------
    list of int
        Increasing.

    Examples
    --------
    >>> from autophage.plotting import nice_generations
    >>> nice_generations(120)
    [1, 2, 5, 10, 20, 50, 100, 120]
    """
    decades = range(len(str(last)))
    steps = [step * 10**decade for decade in decades for step in (1, 2, 5)]
    earlier = [step for step in steps if step < last]
    return [*earlier[max(0, len(earlier) - most + 1) :], last]


def draw_simplex(axes: Axes, laws: npt.ArrayLike) -> None:
    """Draw laws over three tokens as points of a triangle; larger points hold several contexts.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    laws : array_like
        (contexts, 3); rows sum to one. A corner is a point mass.

    Examples
    --------
    >>> from autophage import plotting
    >>> _, axes = plotting.panels()
    >>> plotting.draw_simplex(axes[0, 0], [[1, 0, 0], [1, 0, 0], [0.2, 0.3, 0.5]])
    >>> len(axes[0, 0].collections[0].get_offsets())
    2
    """
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.fill(*corners.T, facecolor="#F6F6F6", edgecolor=PALE, linewidth=1.2, zorder=0)
    places = np.round(np.asarray(laws, dtype=np.float64) @ corners, 9)
    spots, counts = np.unique(places, axis=0, return_counts=True)
    axes.scatter(
        spots[:, 0],
        spots[:, 1],
        s=45.0 * np.sqrt(counts),
        color=COLOURS[1],
        alpha=0.65,
        edgecolor="white",
        linewidth=0.8,
        clip_on=False,
        zorder=2,
    )
    axes.set_xlim(-0.12, 1.12)
    axes.set_ylim(-0.1, 0.98)
