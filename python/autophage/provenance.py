"""Where a result came from: enough in the Dataset itself to run it again or to join its shards.

`simulate` calls ``describe(model, regime, study, key)`` for the attributes of its result. They hold
one JSON text under "autophage": the format, the version of the random stream, the key in
hexadecimal, every parameter, and the software. What the model consists of, and whatever varies over
generations, are variables of the Dataset: the family of the model makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autophage import _core, families, records, reductions
from autophage.header import (
    Header,
    environment,
    read,
    sums_of,
    unpack,
    version,
    write,
)
from autophage.records import Study, Values
from autophage.regimes import Regime

if TYPE_CHECKING:
    import xarray

__all__ = ["Header", "describe", "merge", "read", "rerun"]


def describe(model: Any, regime: Regime | None, study: Study, key: int) -> dict[str, str]:
    """Make the attributes of a result.

    Parameters
    ----------
    model : Categorical or another model
        What is learned.
    regime : Regime or None
        What each generation trained on, unless the model says it.
    study : Study
        Records, runs, generations and sizes.
    key : int
        The key of the random stream.

    Returns
    -------
    dict of str to str
        One entry, "autophage": the JSON text. The same study gives the same text.

    Examples
    --------
    >>> import json
    >>> from autophage import Categorical, FullySynthetic, families, provenance
    >>> model = Categorical([0.5, 0.5])
    >>> shape = {"reduce": None, "runs": 5, "first_run": 0, "generations": None}
    >>> study = families.of_model(model).study(model, **shape)
    >>> header = json.loads(provenance.describe(model, FullySynthetic(9), study, 7)["autophage"])
    >>> header["key"], header["regime"]
    ('0x0000000000000007', {'kind': 'fully_synthetic', 'n': 9})
    """
    model, regime = families.of_model(model).spelled_out(model, regime, study)
    return write(Header(model, regime, study, key, _core.stream_version, environment()))


def rerun(
    dataset: xarray.Dataset,
    *,
    device: str = "cpu",
    threads: int | None = None,
    progress: bool = False,
) -> xarray.Dataset:
    """Run the study of a Dataset again, from the Dataset alone.

    Parameters
    ----------
    dataset : xarray.Dataset
        A result of `simulate` or `merge`, also one read back from a file.
    device, threads, progress
        As for `simulate`; they do not change the result.

    Returns
    -------
    xarray.Dataset
        The same integers and, on the same build, the same bytes.

    Raises
    ------
    TypeError
        If dataset is not an xarray.Dataset.
    ValueError
        If its header is missing, damaged, does not fit the variables, or belongs to another version
        of the random stream.

    Examples
    --------
    >>> import autophage as ap
    >>> first = ap.simulate(ap.Categorical([0.7, 0.3]), ap.FullySynthetic(20), runs=10, rng=3)
    >>> ap.rerun(first).identical(first)
    True
    """
    from autophage.simulate import simulate

    header = read(dataset)
    if header.stream != _core.stream_version:
        msg = (
            f"dataset was drawn with version {header.stream} of the random stream, and autophage "
            f"{version()} draws version {_core.stream_version}: the same key gives other numbers"
        )
        raise ValueError(msg)
    study = header.study
    return simulate(
        header.model,
        header.regime,
        runs=study.runs,
        generations=study.generations,
        rng=header.key,
        record=study.record,
        reduce=study.reduce,
        dtype=study.dtype,
        method=study.method,
        device=device,
        threads=threads,
        first_run=study.first_run,
        progress=progress,
    )


def merge(datasets: Sequence[xarray.Dataset]) -> xarray.Dataset:
    """Join shards of one study.

    Parameters
    ----------
    datasets : sequence of xarray.Dataset
        Results of `simulate` with the same key and parameters and with runs that follow each other,
        in any order.

    Returns
    -------
    xarray.Dataset
        What one call of `simulate` over all the runs gives, byte for byte, in any order of the
        shards. Where shards come from different software, the header lists all versions.

    Raises
    ------
    TypeError
        If datasets is not a list or tuple of Datasets.
    ValueError
        If it is empty, a shard's header or variables are wrong, two shards belong to different
        studies (the message names the field), overlap, or leave a gap.

    Examples
    --------
    >>> import autophage as ap
    >>> def shard(first, runs):
    ...     study = {"runs": runs, "rng": 3, "first_run": first}
    ...     return ap.simulate(ap.Categorical([0.7, 0.3]), ap.FullySynthetic(20), **study)
    >>> ap.merge([shard(6, 4), shard(0, 6)]).identical(shard(0, 10))
    True
    """
    if not isinstance(datasets, (list, tuple)):
        msg = f"datasets must be a list or tuple of xarray.Dataset, got {type(datasets).__name__}"
        raise TypeError(msg)
    if not datasets:
        msg = "datasets must hold at least one Dataset, got none"
        raise ValueError(msg)
    shards = [unpack(dataset, f"datasets[{index}]") for index, dataset in enumerate(datasets)]
    for index, (header, values) in enumerate(shards):
        _refuse_strangers(f"datasets[{index}]", datasets[index], header, values)
        _require_same_study(shards[0][0], header, f"datasets[{index}]")
    shards.sort(key=lambda shard: shard[0].study.first_run)
    headers = [header for header, _ in shards]
    _require_consecutive([header.study for header in headers])
    study = replace(headers[0].study, runs=sum(header.study.runs for header in headers))
    whole = replace(headers[0], study=study, environment=_joined(headers))
    family = families.of_model(whole.model)
    join = {None: _join_runs, "mean": _join_means, "histogram": _join_histograms}[study.reduce]
    return records.dataset(
        study,
        join(study, [values for _, values in shards]),
        family.inputs(whole.model, whole.regime, study),
        family.labels(whole.model),
        write(whole),
    )


def _refuse_strangers(
    name: str, dataset: xarray.Dataset, header: Header, values: dict[str, Any]
) -> None:
    study = header.study
    given = families.of_model(header.model).inputs(header.model, header.regime, study)
    known = {*values, *given, "run", "generation", *study.sizes}
    for stranger in dataset.variables:
        if stranger not in known:
            msg = f"{name} must hold one study alone, got another variable, {stranger!r}"
            raise ValueError(msg)


def _require_same_study(first: Header, other: Header, name: str) -> None:
    def parts(header: Header) -> dict[str, object]:
        study = header.study
        return {
            "stream": header.stream,
            "key": f"0x{header.key:016x}",
            "model": header.model,
            "regime": header.regime,
            "generations": study.generations,
            "record": study.record,
            "reduce": study.reduce,
            "dtype": study.dtype,
            "method": study.method,
        }

    for field, expected in parts(first).items():
        found = parts(other)[field]
        if found != expected:
            shown = "" if field == "model" else f", {found} against {expected}"
            msg = f"{name} must be a shard of the study of datasets[0], got another {field}{shown}"
            raise ValueError(msg)


def _require_consecutive(studies: list[Study]) -> None:
    for before, after in pairwise(studies):
        end = before.first_run + before.runs
        if after.first_run != end:
            what = "overlap" if after.first_run < end else "leave a gap"
            msg = (
                f"datasets must hold runs that follow each other, but first_run={before.first_run} "
                f"with runs={before.runs} and first_run={after.first_run} {what}"
            )
            raise ValueError(msg)


def _join_runs(study: Study, parts: list[dict[str, NDArray[Any]]]) -> Values:
    return {
        name: (dims, np.concatenate([part[name] for part in parts]))
        for name, dims, _ in reductions.layout(study)
    }


def _join_means(study: Study, parts: list[dict[str, NDArray[Any]]]) -> Values:
    sums = sums_of(study, parts[0])
    for part in parts[1:]:
        for name, more in sums_of(study, part).items():
            if name.endswith("_reached"):
                sums[name] += more
            else:
                _core.add_sums(sums[name], more)
    return reductions.mean_variables(study, sums, study.runs)


def _join_histograms(study: Study, parts: list[dict[str, NDArray[Any]]]) -> Values:
    (name,) = study.record
    cells = study.cells()
    counts = np.zeros((max(len(part[name]) for part in parts), cells), dtype=np.int64)
    for part in parts:
        counts[: len(part[name])] += part[name].reshape(-1, cells)
    not_reached = np.sum([part["not_reached"] for part in parts], axis=0)
    return reductions.histogram_variables(study, counts, not_reached)


def _joined(headers: list[Header]) -> dict[str, list[str]]:
    """All versions of all shards, in an order that does not depend on that of the shards."""
    first = headers[0].environment
    return {
        name: sorted({version for header in headers for version in header.environment[name]})
        for name in first
    }
