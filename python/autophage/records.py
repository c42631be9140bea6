"""What a study records: names, dtypes, sizes in memory, and the Dataset that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from autophage import _core
from autophage.memory import refuse_memory

if TYPE_CHECKING:
    import xarray

__all__ = ["BOUNDED", "SIGNED", "Record", "Study", "finish_means"]

BOUNDED = (2, 3)
"""Limbs of exact sums of integers and of reals in [0, 2]: of the values, and of their squares."""
SIGNED = (4, 7)
"""The same for reals of either sign up to 2^62 units: two's complement, room for 2^38 of them."""
FIXED_POINT = {BOUNDED: 2.0**60, SIGNED: 2.0**124}  # of a unit; 1/this is the least

FORWARD = "forward"
"""The way of drawing that every family has: generation after generation."""

Dims = tuple[str, ...]
Values = dict[str, tuple[Dims, NDArray[Any]]]
"""Variables by name, each with its dimensions."""


@dataclass(frozen=True)
class Record:
    """What a run can record.

    Attributes
    ----------
    description : str
        One line, for the result's `long_name`.
    dims : tuple of str
        Its dimensions in one run.
    kind : {"time", "label", "count", "real"}
        A time is a generation and a label an index, both -1 where there is none: means are over the
        runs that have a time, and labels have no mean. A count is an integer.
    limbs : tuple of int
        64-bit words of the exact sums over runs of values and of squares, `BOUNDED` or `SIGNED`.
    unit : float
        A power of two near the size of real values: they are summed as multiples of 2^-60 or 2^-124
        of it.
    """

    description: str
    dims: Dims
    kind: str
    limbs: tuple[int, int] = BOUNDED
    unit: float = 1.0

    @property
    def dtype(self) -> type:
        """Of the values of single runs."""
        return np.float64 if self.kind == "real" else np.int64


class Extent(TypedDict):
    """How far a study goes, whatever its model: arguments of `Study`."""

    reduce: str | None
    runs: int
    first_run: int
    generations: int | None
    method: NotRequired[str]


@dataclass(frozen=True)
class Study:
    """The shape of a study: which records of which runs, and the sizes of what a run consists of.

    Attributes
    ----------
    records : mapping of str to Record
        All that runs of this family of models can record.
    record : tuple of str
        What this study records.
    reduce : {None, "mean", "histogram"}
        What becomes of the runs; a histogram counts the one time in `record`.
    runs, first_run : int
        How many runs, and the number of the first.
    generations : int or None
        Number of the last generation; None where every run goes on until it ends by itself.
    sizes : mapping of str to int
        Length of every dimension of one run but `generation`, the largest part first.
    dropped : str or None
        The dimension of length one that results go without.
    first_generation : int
        0 where the start is recorded too, else 1.
    ways : tuple of str
        Ways out where working memory is too large.
    dtype : str
        The arithmetic of the kernel, one of those that its family names.
    method : str
        The way of drawing, one of those that its family names.
    """

    records: Mapping[str, Record]
    record: tuple[str, ...]
    reduce: str | None
    runs: int
    first_run: int
    generations: int | None
    sizes: Mapping[str, int]
    dropped: str | None = None
    first_generation: int = 1
    ways: tuple[str, ...] = ("fewer threads",)
    dtype: str = "float64"
    method: str = FORWARD

    @property
    def rows(self) -> int:
        """How many generations are recorded; 0 where that is open."""
        return 0 if self.generations is None else self.generations + 1 - self.first_generation

    @property
    def contexts(self) -> int:
        """How many columns a regime's schedule has."""
        return self.sizes.get("context", 1)

    def dims(self, name: str) -> Dims:
        """Dimensions of a record of one run, the dropped one included."""
        return self.records[name].dims

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a record of one run."""
        return tuple(self.rows if d == "generation" else self.sizes[d] for d in self.dims(name))

    def shown(self, dims: Dims) -> Dims:
        """Return the dimensions that a variable keeps in the result."""
        return tuple(dim for dim in dims if dim != self.dropped)

    def cells(self, name: str | None = None) -> int:
        """Return how many values one run records, of one record or of all."""
        names = self.record if name is None else (name,)
        return sum(int(np.prod(self.shape(each), dtype=object)) for each in names)

    def bytes(self, ring: int) -> int:
        """Bytes that the results take, and `ring` bytes of working memory beside them."""
        if self.reduce is None:
            return 8 * self.cells() * self.runs + ring
        if self.reduce == "histogram":
            return 16 * self.rows * self.cells() + ring  # the table, old and new
        # Two sums, the arrays of limbs twice, mean and variance.
        return 3 * sum(8 * sum(self.records[n].limbs) * self.cells(n) for n in self.record) + ring

    def empty(self, runs: int) -> dict[str, NDArray[Any]]:
        """Make arrays of zeros for the records of `runs` runs."""
        return {
            name: np.zeros((runs, *self.shape(name)), dtype=self.records[name].dtype)
            for name in self.record
        }

    def zero_sums(self) -> dict[str, NDArray[Any]]:
        """Exact sums of every record at zero, as the kernel adds to them."""
        sums: dict[str, NDArray[Any]] = {}
        for name in self.record:
            record, shape = self.records[name], self.shape(name)
            sums[f"{name}_sum"] = np.zeros((*shape, record.limbs[0]), dtype=np.uint64)
            sums[f"{name}_squares"] = np.zeros((*shape, record.limbs[1]), dtype=np.uint64)
            if record.kind == "time":
                sums[f"{name}_reached"] = np.zeros(shape, dtype=np.int64)
        return sums


def finish_means(
    record: Record, sums: NDArray[np.uint64], squares: NDArray[np.uint64], count: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance (ddof 1) of a record from its exact sums.

    Parameters
    ----------
    record : Record
        Its values are integers, or multiples of 2^-60 or 2^-124 of its unit.
    sums, squares : ndarray of uint64, shape (..., k) with the record's limbs
        Limbs of the sums over runs of the values and of their squares, the least first.
    count : ndarray of int64, shape (...)
        How many values were summed.

    Returns
    -------
    mean, variance : ndarray of float64, shape (...)
        NaN where there are none, or fewer than two, values.
    """
    scale = FIXED_POINT[record.limbs] / record.unit if record.kind == "real" else 1.0
    mean, variance = _core.finish_means(
        np.ascontiguousarray(sums),
        np.ascontiguousarray(squares),
        np.ascontiguousarray(count, dtype=np.int64),
        scale,
    )
    return mean, variance


def refuse_what_cannot_fit(study: Study, ring: int) -> None:
    """Raise MemoryError, with the estimate and the way out, before anything is taken."""
    parts = _plural(next(iter(study.sizes)))
    ways = [f"fewer {parts}"]
    if not study.reduce:
        ways = ['reduce="mean"', "fewer runs (shards with first_run)"]
    if study.reduce == "histogram":
        ways.append("fewer generations")
    elif any("generation" in study.dims(name) for name in study.record):
        ways.append("fewer records or generations")
    if not study.record:  # the schedules alone
        ways = [f"fewer generations or {parts}"]
    elif ring > 4 * study.bytes(0):
        ways = list(study.ways)
    refuse_memory("this study", study.bytes(ring), ways)


def _plural(dim: str) -> str:
    return f"{dim[:-1]}ies" if dim.endswith("y") else f"{dim}s"


def dataset(
    study: Study,
    values: Values,
    inputs: Values,
    labels: Mapping[str, Sequence[str] | None],
    attributes: Mapping[str, str],
) -> xarray.Dataset:
    """Make the Dataset of results and inputs, without the dimension that is dropped."""
    import pandas
    import xarray

    variables: dict[str, Any] = {}
    for name, (dims, array) in {**values, **inputs}.items():
        array = array[tuple(0 if dim == study.dropped else slice(None) for dim in dims)]  # a view
        record = study.records.get(name) or study.records.get(name.removesuffix("_variance"))
        attributes_of = {"long_name": record.description} if record else {}
        variables[name] = (study.shown(dims), array, attributes_of)
    coords: dict[str, Any] = {}
    used = {dim for dims, _, _ in variables.values() for dim in dims}
    if "run" in used:
        # A range: numbers of their own would take longer than many a run.
        coords["run"] = pandas.RangeIndex(study.first_run, study.first_run + study.runs)
    if "generation" in used:
        length = next(
            v[1].shape[v[0].index("generation")] for v in variables.values() if "generation" in v[0]
        )
        coords["generation"] = study.first_generation + np.arange(length, dtype=np.int64)
    coords.update(
        {dim: list(names) for dim, names in labels.items() if names is not None and dim in used}
    )
    return xarray.Dataset(variables, coords=coords, attrs=dict(attributes))
