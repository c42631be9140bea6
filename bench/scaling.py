"""How time grows with n and with the vocabulary: `python -m bench.scaling`.

A generation is to cost what its living tokens cost, whatever n; a run is to cost what it draws,
however many tokens there are besides. Each series is times along one axis, with the slope of their
logarithms and what that slope may be: 0 for what must not grow, 1 for what is proportional. Times
are the processor's, for one thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import autophage as ap
from bench import system, tell

SEED = 30_000
MOST_RUNS = 1 << 20  # in a timing
LATER = 20  # generations after the first that a generation's time is the mean of
Point = Callable[[int, "Clock"], float]


@dataclass(frozen=True)
class Clock:
    """How long to time: runs are doubled until they take so long, then repeated."""

    least: float
    repetitions: int

    def seconds(self, study: Callable[[int], object], base: Callable[[int], object]) -> float:
        """Give the seconds a run takes in `study` beyond what it takes in `base`.

        Both are functions of the number of runs. The least of the repetitions counts: whatever
        else the machine does adds time, and never takes any away.
        """
        runs = 1
        while _clocked(study, runs) < self.least + 3 * _clocked(base, runs) and runs < MOST_RUNS:
            runs *= 2
        mine, other = zip(
            *((_clocked(study, runs), _clocked(base, runs)) for _ in range(self.repetitions)),
            strict=True,
        )
        return float(max(min(mine) - min(other), 1e-12)) / runs


def _clocked(study: Callable[[int], object], runs: int) -> float:
    started = time.process_time()
    study(runs)
    return time.process_time() - started


@dataclass(frozen=True)
class Series:
    """Times along one axis.

    Attributes
    ----------
    name, title : str
        What to call it on the command line, and in a sentence.
    axis : str
        What grows.
    values : tuple of int
        How far.
    point : callable
        Gives the seconds at one value.
    slope : tuple of float
        The least and the most that the slope may be.
    """

    name: str
    title: str
    axis: str
    values: tuple[int, ...]
    point: Point
    slope: tuple[float, float]


def zipf(tokens: int) -> ap.Categorical:
    """Give Zipf's law."""
    weights = 1.0 / np.arange(1, tokens + 1)
    return ap.Categorical(weights / weights.sum())


def even(tokens: int) -> ap.Categorical:
    """Give the law with equal probabilities."""
    return ap.Categorical(np.full(tokens, 1.0 / tokens))


def _study(model: ap.Categorical, n: int, generations: int) -> Callable[[int], Any]:
    def run(runs: int) -> Any:
        return ap.simulate(
            model, ap.FullySynthetic(n), runs=runs, generations=generations, rng=SEED,
            record=("support",), reduce="mean", threads=1,
        )  # fmt: skip

    return run


def generation(model: ap.Categorical, n: int, clock: Clock) -> float:
    """Time a generation after the first."""
    return clock.seconds(_study(model, n, 1 + LATER), _study(model, n, 1)) / LATER


def token(model: ap.Categorical, n: int, clock: Clock) -> float:
    """Time a generation after the first, a living token of the generation that it is drawn from."""
    living = _study(model, n, LATER)(8)["support"].values.mean()
    return generation(model, n, clock) / float(living)


def first(model: ap.Categorical, n: int, clock: Clock) -> float:
    """Time a run of one generation, without what a study takes however many runs it has."""
    study = _study(model, n, 1)
    return clock.seconds(study, lambda _: study(1))


def set_up(model: ap.Categorical, clock: Clock) -> float:
    """Time a study of one run and one draw."""
    study = _study(model, 1, 1)
    study(1)
    return min(_clocked(study, 1) for _ in range(clock.repetitions))


def _powers(low: int, high: int) -> tuple[int, ...]:
    return tuple(10**k for k in range(low, high + 1))


SERIES = (
    Series(
        "n", "a generation, 1,000 living tokens", "n", _powers(5, 12),
        lambda n, clock: generation(even(1000), n, clock), (-0.15, 0.15),
    ),
    Series(
        "living", "a generation, n = 1e12", "living tokens", _powers(1, 5),
        lambda s, clock: generation(even(s), 10**12, clock), (0.85, 1.15),
    ),
    Series(
        "vocabulary", "a generation and living token, n = 1,000 of Zipf's law", "tokens",
        _powers(3, 6), lambda s, clock: token(zipf(s), 1000, clock), (-0.15, 0.15),
    ),
    Series(
        "first", "the first generation, n = 1,000 of Zipf's law", "tokens", _powers(3, 6),
        lambda s, clock: first(zipf(s), 1000, clock), (-0.15, 0.4),
    ),
    Series(
        "first-n", "the first generation, Zipf's law over 1,000,000 tokens", "n", _powers(2, 6),
        lambda n, clock: first(zipf(10**6), n, clock), (0.7, 1.3),
    ),
    Series(
        "first-large-n", "the first generation, Zipf's law over 10,000 tokens", "n", _powers(7, 12),
        lambda n, clock: first(zipf(10**4), n, clock), (-0.15, 0.15),
    ),
    Series(
        "set-up", "a study of one run and one draw", "tokens", _powers(4, 6),
        lambda s, clock: set_up(zipf(s), clock), (0.3, 1.2),
    ),
)  # fmt: skip


def slope_of(values: Sequence[int], seconds: Sequence[float]) -> float:
    """Give the slope of the line of least squares through the logarithms."""
    x, y = np.log(np.asarray(values, float)), np.log(np.asarray(seconds, float))
    return float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())


def measure(series: Series, clock: Clock) -> dict[str, Any]:
    """Time a series, print what came of it and give it as plain data."""
    seconds = [series.point(value, clock) for value in series.values]
    slope = slope_of(series.values, seconds)
    low, high = series.slope
    held = low <= slope <= high
    tell.say(f"{series.name}: {series.title}")
    for value, taken in zip(series.values, seconds, strict=True):
        tell.say(f"  {series.axis} = {value:<17,} {tell.readable(taken):>9}")
    tell.say(f"  slope {slope:.3f}, wanted {low:g} to {high:g}: {'held' if held else 'MISSED'}\n")
    return {
        "title": series.title, "axis": series.axis, "values": list(series.values),
        "seconds": seconds, "slope": slope, "wanted": list(series.slope), "held": held,
    }  # fmt: skip


HEADER = ("what", "along", "from", "to", "time", "slope", "wanted")


def table(results: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Give the cells of the table."""
    for data in results.values():
        ends = [f"{data['values'][i]:,}" for i in (0, -1)]
        taken = " to ".join(tell.readable(data["seconds"][i]) for i in (0, -1))
        low, high = data["wanted"]
        wanted = f"{low:g} to {high:g}"
        yield data["title"], data["axis"], *ends, taken, f"{data['slope']:.2f}", wanted


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw times against n and against the vocabulary, both in powers of ten."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    panels = dict(zip((True, False), figure.subplots(1, 2), strict=True))
    for name, data in results.items():
        panel = panels[data["axis"] == "n"]
        label = f"{data['title']}: slope {data['slope']:.2f}"
        panel.loglog(data["values"], data["seconds"], "o-", label=label, gid=name)
    for of_n, panel in panels.items():
        panel.set(xlabel="draws a generation, n" if of_n else "tokens", ylabel="seconds")
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    names = [series.name for series in SERIES]
    parser.add_argument("--series", nargs="+", choices=names, default=names, metavar="NAME",
                        help=f"of {', '.join(names)}; all by default")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a tenth of the time a point")
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    parser.add_argument("--picture", type=Path, help="write a picture (PNG, SVG, PDF)")
    parser.add_argument("--readme", action="store_true", help="renew the table in bench/README.md")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Time the series asked for; 1 if any slope is out of its bounds."""
    options = parse(arguments)
    machine = system.describe()
    clock = Clock(0.02, 3) if options.quick else Clock(0.1, 7)
    chosen = [series for series in SERIES if series.name in options.series]
    results = {series.name: measure(series, clock) for series in chosen}
    if options.out is not None:
        system.write_json(options.out, {"machine": machine, "series": results})
    if options.readme:
        tell.renew(system.ROOT / "bench" / "README.md", "scaling", HEADER, list(table(results)))
    if options.picture is not None:
        draw(results, options.picture)
    return 0 if all(data["held"] for data in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
