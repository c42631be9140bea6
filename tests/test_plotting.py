from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from autophage import plotting
from autophage.figures import _most_even_laws


def example() -> Figure:
    """A figure with everything in it."""
    figure, axes = plotting.panels(2, 2)
    x = np.arange(1, 40)
    y = 1 - np.exp(-x / 9)
    plotting.draw_exact(axes[0, 0], x, y)
    plotting.draw_simulated(axes[0, 0], x[::7], y[::7], np.full(6, 0.02))
    plotting.draw_band(axes[0, 1], x, y, np.full(39, 0.02), label="band")
    plotting.draw_reference(axes[0, 1], [1, 39], [1, 1], label="limit")
    plotting.draw_runs(axes[1, 0], x, np.outer(np.linspace(0.9, 1.1, 50), y))
    plotting.draw_simplex(axes[1, 1], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.2, 0.3, 0.5]])
    plotting.legend_below(figure, axes[0, 0], title="what it shows")
    return figure


def test_equal_figures_give_equal_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in plotting.save(example(), tmp_path, "one")]
    second = [path.read_bytes() for path in plotting.save(example(), tmp_path, "two")]
    assert first == second
    png, svg = first
    assert png.startswith(b"\x89PNG")
    assert b"<dc:date>" not in svg
    assert b"tEXt" not in png


def test_settings_of_the_user_are_left_alone(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    plotting.save(example(), tmp_path, "one")
    assert dict(mpl.rcParams) == before


def test_no_window_and_no_pyplot() -> None:
    code = (
        "import sys\nfrom autophage import plotting\n"
        "assert 'matplotlib' not in sys.modules\n"
        "plotting.panels()\nassert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return float(0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2)


def test_series_differ_in_more_than_hue() -> None:
    assert len(set(plotting.COLOURS)) == len(plotting.COLOURS) == len(set(plotting.MARKS))
    assert max(map(luminance, plotting.COLOURS)) < 0.6, "too pale on white"


def test_bars_are_two_standard_errors() -> None:
    _, axes = plotting.panels()
    plotting.draw_simulated(axes[0, 0], [1.0, 2.0], [3.0, 4.0], [0.1, 0.2])
    bars = axes[0, 0].containers[0][2][0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], [[2.8, 3.2], [3.6, 4.4]])


def test_points_on_one_spot_grow() -> None:
    _, axes = plotting.panels()
    plotting.draw_simplex(axes[0, 0], [[1, 0, 0]] * 4 + [[0, 0, 1]])
    points = axes[0, 0].collections[0]
    assert sorted(points.get_sizes().tolist()) == [45.0, 90.0]
    np.testing.assert_allclose(sorted(points.get_offsets()[:, 1]), [0.0, np.sqrt(0.75)])


@pytest.mark.parametrize("last", [1, 2, 3, 99, 100, 101, 12_345, 10**9])
def test_chosen_generations_increase_to_the_last(last: int) -> None:
    marks = plotting.nice_generations(last)
    assert marks[-1] == last
    assert len(marks) <= 13
    assert all(low < high for low, high in pairwise(marks))
    assert plotting.nice_generations(last, 1) == [last]


def test_most_even_laws_have_the_wanted_diversity() -> None:
    effective = np.concatenate([[1.0, 1.0001, 2.0, 3.0], np.geomspace(1, 40, 200)])
    laws = _most_even_laws(effective)
    np.testing.assert_allclose(laws.sum(axis=1), 1.0)
    np.testing.assert_allclose(1.0 / (laws**2).sum(axis=1), effective, rtol=1e-6)
    assert (laws >= 0).all()
    assert ((laws > 1e-9).sum(axis=1) <= np.ceil(effective + 1e-9)).all()
