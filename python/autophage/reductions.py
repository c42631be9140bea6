"""How parts of a study become its result: kept whole, summed exactly, or counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autophage import _core
from autophage.records import Dims, Study, Values, finish_means

__all__ = [
    "Collector",
    "Histogram",
    "Means",
    "Trajectories",
    "histogram_variables",
    "layout",
    "mean_variables",
]

Fill = Callable[[dict[str, NDArray[Any]]], None]


class Collector(Protocol):
    """Takes a study part by part; a part that fails leaves what was finished as it was."""

    @property
    def finished(self) -> int:
        """How many runs are finished."""

    def take(self, fill: Fill, done: int, runs: int) -> None:
        """Let `fill` compute runs `done` .. `done + runs - 1` into arrays, and keep them."""

    def values(self, runs: int) -> Values:
        """Return the result over the first `runs` runs, with the dimensions of each variable."""


class Trajectories:
    """Every run kept."""

    def __init__(self, study: Study) -> None:
        self.finished = 0
        self._study = study
        self._arrays = study.empty(study.runs)

    def take(self, fill: Fill, done: int, runs: int) -> None:
        """Fill rows of the arrays in place."""
        fill({name: array[done : done + runs] for name, array in self._arrays.items()})
        self.finished = done + runs

    def values(self, runs: int) -> Values:
        """Return the arrays themselves."""
        return {
            name: (("run", *self._study.dims(name)), array[:runs])
            for name, array in self._arrays.items()
        }


class Means:
    """Means and variances over runs, from exact sums."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._state = (study.zero_sums(), 0)  # replaced whole: an interrupt finds old or new

    @property
    def finished(self) -> int:
        """How many runs the sums are over."""
        return self._state[1]

    def take(self, fill: Fill, done: int, runs: int) -> None:
        """Sum a part on its own, then add it: a part that was interrupted leaves no trace."""
        part = self._study.zero_sums()
        fill(part)
        totals = {name: limbs.copy() for name, limbs in self._state[0].items()}
        for name, limbs in totals.items():
            if name.endswith("_reached"):
                limbs += part[name]
            else:
                _core.add_sums(limbs, part[name])
        self._state = (totals, done + runs)

    def values(self, runs: int) -> Values:
        """Means and variances, and the sums that `merge` needs."""
        return mean_variables(self._study, self._state[0], runs)


class Histogram:
    """Times counted per generation."""

    def __init__(self, study: Study) -> None:
        self._study = study
        (self._name,) = study.record
        cells = study.cells()
        counts = np.zeros((study.rows, cells), dtype=np.int64)
        self._state = (counts, np.zeros(cells, dtype=np.int64), 0)  # replaced whole

    @property
    def finished(self) -> int:
        """How many runs are counted."""
        return self._state[2]

    def take(self, fill: Fill, done: int, runs: int) -> None:
        """Count the times of a part; where the horizon is open the table grows to the latest."""
        part = self._study.empty(runs)
        fill(part)
        times = part[self._name].reshape(runs, -1)
        latest = max(int(times.max()), len(self._state[0]))
        counts = np.zeros((latest, times.shape[1]), dtype=np.int64)
        counts[: len(self._state[0])] = self._state[0]
        not_reached = self._state[1].copy()
        for cell in range(times.shape[1]):
            found = np.bincount(np.maximum(times[:, cell], 0), minlength=latest + 1)
            not_reached[cell] += found[0]
            counts[:, cell] += found[1:]
        self._state = (counts, not_reached, done + runs)

    def values(self, runs: int) -> Values:
        """Return counts over generations 1, 2, ..., and how many runs had none."""
        del runs
        return histogram_variables(self._study, *self._state[:2])


def histogram_variables(
    study: Study, counts: NDArray[np.int64], not_reached: NDArray[np.int64]
) -> Values:
    """Variables of a histogram from counts (generation, cell) and what is not in them (cell)."""
    (name,) = study.record
    dims, shape = study.dims(name), study.shape(name)
    return {
        name: (("generation", *dims), counts.reshape(-1, *shape)),
        "not_reached": (dims, not_reached.reshape(shape)),
    }


def mean_variables(study: Study, sums: dict[str, NDArray[Any]], runs: int) -> Values:
    """Variables of a reduced study from its exact sums over `runs` runs."""
    values: Values = {}
    for name in study.record:
        record, dims = study.records[name], study.dims(name)
        total, squares = sums[f"{name}_sum"], sums[f"{name}_squares"]
        timed = record.kind == "time"
        count = sums[f"{name}_reached"] if timed else np.full(total.shape[:-1], runs)
        mean, variance = finish_means(record, total, squares, count)
        values[name] = (dims, mean)
        values[f"{name}_variance"] = (dims, variance)
        values[f"{name}_sum"] = ((*dims, f"limb{record.limbs[0]}"), total)
        values[f"{name}_squares"] = ((*dims, f"limb{record.limbs[1]}"), squares)
        if timed:
            values[f"{name}_reached"] = (dims, count)
    return values


def layout(study: Study) -> Iterator[tuple[str, Dims, type]]:
    """Yield name, dimensions and dtype of every variable that the results of a study have."""
    for name in study.record:
        record, dims = study.records[name], study.dims(name)
        if study.reduce == "histogram":
            yield name, ("generation", *dims), np.int64
            yield "not_reached", dims, np.int64
        elif study.reduce is None:
            yield name, ("run", *dims), record.dtype
        else:
            yield name, dims, np.float64
            yield f"{name}_variance", dims, np.float64
            yield f"{name}_sum", (*dims, f"limb{record.limbs[0]}"), np.uint64
            yield f"{name}_squares", (*dims, f"limb{record.limbs[1]}"), np.uint64
            if record.kind == "time":
                yield f"{name}_reached", dims, np.int64
