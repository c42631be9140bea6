"""What a study records: names, dtypes, sizes in memory, and the Dataset that they become."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autophage import _core

if TYPE_CHECKING:
    import xarray

__all__ = ["DESCRIPTIONS", "TIMES", "TRAJECTORIES", "Study", "finish_means"]

DESCRIPTIONS = {
    "collapse_time": "first generation whose model is a point mass; -1 where none",
    "absorption_time": "first generation of the point mass that stays for ever; -1 where none",
    "final_token": "token of the point mass that stays; -1 where none",
    "support": "number of living tokens",
    "sigma": "sum of squared probabilities",
    "max_p": "largest probability",
    "l1_to_truth": "l1 distance to the true law",
    "l1_to_first": "l1 distance to generation 1",
    "l2_to_truth": "squared l2 distance to the true law",
    "l2_to_first": "squared l2 distance to generation 1",
    "p": "the whole law",
}
TIMES = ("collapse_time", "absorption_time", "final_token")
TRAJECTORIES = tuple(name for name in DESCRIPTIONS if name not in TIMES)
INTEGERS = (*TIMES, "support")
FIXED_POINT = 2.0**60  # real records are summed in units of 2^-60
MEMORY_SHARE = 0.9  # of the memory available that one study may take
SMALL = 1 << 26  # bytes; a study below is not checked, which saves reading the system's tables

Dims = tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """The shape of a study: which records of which runs, generations, contexts and tokens.

    `generations` is None where every run goes on until absorption; `reduce` is None, "mean" or
    "histogram".
    """

    record: tuple[str, ...]
    reduce: str | None
    runs: int
    first_run: int
    generations: int | None
    contexts: int
    tokens: int
    has_contexts: bool

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a record of one run."""
        if name in TIMES:
            return (self.contexts,)
        whole = (self.generations or 0, self.contexts)
        return (*whole, self.tokens) if name == "p" else whole

    def dims(self, name: str) -> Dims:
        """Dimensions of a record of one run, context included."""
        if name in TIMES:
            return ("context",)
        return ("generation", "context", "token") if name == "p" else ("generation", "context")

    def cells(self) -> int:
        """Return how many values one run records."""
        return sum(int(np.prod(self.shape(name), dtype=object)) for name in self.record)

    def bytes(self, ring: int) -> int:
        """Bytes that the results take, and `ring` bytes of working memory beside them."""
        cells = self.cells()
        if self.reduce is None:
            return 8 * cells * self.runs + ring
        if self.reduce == "histogram":
            return 16 * (self.generations or 0) * self.contexts + ring  # the table, old and new
        return 3 * 40 * cells + ring  # two sums, the arrays of limbs twice, mean and variance

    def empty(self, runs: int) -> dict[str, NDArray[Any]]:
        """Make arrays for the records of `runs` runs; laws are zero, the rest is not set."""
        arrays: dict[str, NDArray[Any]] = {}
        for name in self.record:
            shape = (runs, *self.shape(name))
            if name == "p":
                arrays[name] = np.zeros(shape)
            else:
                arrays[name] = np.empty(shape, dtype=np.int64 if name in INTEGERS else np.float64)
        return arrays

    def zero_sums(self) -> dict[str, NDArray[Any]]:
        """Exact sums of every record at zero, as the kernel adds to them."""
        sums: dict[str, NDArray[Any]] = {}
        for name in self.record:
            sums[f"{name}_sum"] = np.zeros((*self.shape(name), 2), dtype=np.uint64)
            sums[f"{name}_squares"] = np.zeros((*self.shape(name), 3), dtype=np.uint64)
            if name in TIMES:
                sums[f"{name}_reached"] = np.zeros(self.contexts, dtype=np.int64)
        return sums


def finish_means(
    name: str, sums: NDArray[np.uint64], squares: NDArray[np.uint64], count: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance (ddof 1) of a record from its exact sums.

    Parameters
    ----------
    name : str
        The record: its values are integers, or multiples of 2^-60.
    sums, squares : ndarray of uint64, shape (..., 2) and (..., 3)
        Limbs of the sums over runs of the values and of their squares, the least first.
    count : ndarray of int64, shape (...)
        How many values were summed.

    Returns
    -------
    mean, variance : ndarray of float64, shape (...)
        NaN where there are none, or fewer than two, values.
    """
    scale = 1.0 if name in INTEGERS else FIXED_POINT
    mean, variance = _core.finish_means(
        np.ascontiguousarray(sums),
        np.ascontiguousarray(squares),
        np.ascontiguousarray(count, dtype=np.int64),
        scale,
    )
    return mean, variance


def available_memory() -> int:
    """Return the bytes that this process may take: the machine's, or its control group's."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        fields = dict(
            line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line
        )
        if "MemAvailable" in fields:
            limits.append(1024 * int(fields["MemAvailable"].split()[0]))
    group = Path("/sys/fs/cgroup")
    if (group / "memory.max").exists() and (group / "memory.current").exists():
        most = (group / "memory.max").read_text().strip()
        if most != "max":
            limits.append(int(most) - int((group / "memory.current").read_text()))
    return min(limits)


def refuse_what_cannot_fit(study: Study, ring: int) -> None:
    """Raise MemoryError, with the estimate and the way out, before anything is taken."""
    wanted = study.bytes(ring)
    if wanted < SMALL:
        return
    available = available_memory()
    if wanted <= MEMORY_SHARE * available:
        return
    ways = (
        ["fewer contexts"]
        if study.reduce
        else ['reduce="mean"', "fewer runs (shards with first_run)"]
    )
    if study.reduce == "histogram":
        ways.append("fewer generations")
    elif any(name in TRAJECTORIES for name in study.record):
        ways.append("fewer records or generations")
    if not study.record:  # the schedules alone
        ways = ["fewer generations or contexts"]
    elif ring > 4 * study.bytes(0):
        ways = ["a smaller window", "fewer threads"]
    msg = (
        f"this study would take about {wanted / 2**30:.3g} GiB, "
        f"but {available / 2**30:.3g} GiB are available; "
        f"ways out: {', '.join(ways)}"
    )
    raise MemoryError(msg)


def dataset(
    study: Study,
    values: Mapping[str, tuple[Dims, NDArray[Any]]],
    inputs: Mapping[str, tuple[Dims, NDArray[Any]]],
    labels: Mapping[str, Sequence[str] | None],
    attributes: Mapping[str, str],
) -> xarray.Dataset:
    """Make the Dataset of results and inputs, without contexts where p was given as one law."""
    import xarray

    variables: dict[str, Any] = {}
    for name, (dims, array) in {**values, **inputs}.items():
        kept = dims
        if not study.has_contexts and "context" in dims:
            array = array[(slice(None),) * dims.index("context") + (0,)]  # a view
            kept = tuple(dim for dim in dims if dim != "context")
        described = DESCRIPTIONS.get(name) or DESCRIPTIONS.get(name.removesuffix("_variance"))
        variables[name] = (kept, array, {"long_name": described} if described else {})
    coords: dict[str, Any] = {}
    used = {dim for dims, _, _ in variables.values() for dim in dims}
    if "run" in used:
        coords["run"] = np.arange(study.first_run, study.first_run + study.runs, dtype=np.int64)
    if "generation" in used:
        length = next(
            v[1].shape[v[0].index("generation")] for v in variables.values() if "generation" in v[0]
        )
        coords["generation"] = np.arange(1, length + 1, dtype=np.int64)
    coords.update(
        {dim: list(names) for dim, names in labels.items() if names is not None and dim in used}
    )
    return xarray.Dataset(variables, coords=coords, attrs=dict(attributes))
