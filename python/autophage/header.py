"""The JSON text in a result's attributes: written, read back, and checked against the Dataset.

Reading never evaluates anything: regimes are rebuilt from an explicit table, and a header that does
not fit its Dataset is refused.
"""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autophage import _check, _core, families, reductions
from autophage.random import KEY_LIMIT
from autophage.records import FORWARD, Dims, Study
from autophage.regimes import Regime

if TYPE_CHECKING:
    import xarray

ATTRIBUTE = "autophage"
FORMAT = 1
"""Version of the header; a reader refuses any other."""

_FIELDS = (
    "format",
    "stream",
    "key",
    "model",
    "regime",
    "inputs",
    "runs",
    "first_run",
    "generations",
    "record",
    "reduce",
    "environment",
)


@dataclass(frozen=True)
class Header:
    """What the header and the inputs of a Dataset say.

    Attributes
    ----------
    model : Categorical or another model
        What is learned.
    regime : Regime or None
        The regime, with numbers and arrays for parameters; None where the model needs none.
    study : Study
        Records, runs, generations, sizes and arithmetic.
    key : int
        The key of the random stream, in [0, 2^64).
    stream : int
        Version of the random stream.
    environment : dict of str to list of str
        Versions of the software; several where shards came from different machines.
    """

    model: Any
    regime: Regime | None
    study: Study
    key: int
    stream: int
    environment: dict[str, list[str]]


def write(header: Header) -> dict[str, str]:
    """Make the attributes that hold a header; the same header gives the same text."""
    study, model = header.study, header.model
    family = families.of_model(model)
    content = {
        "format": FORMAT,
        "stream": header.stream,
        "key": f"0x{header.key:016x}",
        "model": {"kind": family.kind, **family.write(model)},
        "regime": None if header.regime is None else _regime_fields(header.regime),
        "inputs": _digest(family, header),
        "runs": study.runs,
        "first_run": study.first_run,
        "generations": study.generations,
        "record": study.record,
        "reduce": study.reduce,
        **({"dtype": study.dtype} if _chooses_dtype(family) else {}),
        **({} if study.method == FORWARD else {"method": study.method}),
        "environment": {k: v[0] if len(v) == 1 else v for k, v in header.environment.items()},
    }
    return {ATTRIBUTE: json.dumps(content, allow_nan=False)}


def _digest(family: families.Family, header: Header) -> str:
    """Say in 32 hexadecimal digits what the variables of model and schedule hold.

    A selection of contexts or entities describes a study too, but another one.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, (dims, array) in family.inputs(header.model, header.regime, header.study).items():
        digest.update(f"{name} {dims} {array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _chooses_dtype(family: families.Family) -> bool:
    return len(family.dtypes) > 1


def _regime_fields(regime: Regime) -> dict[str, Any]:
    """Every parameter of a regime; arrays point to the variable of their name."""
    content: dict[str, Any] = {"kind": regime.name}
    for name, value in regime.parameters().items():
        if isinstance(value, Regime):
            content[name] = _regime_fields(value)
        elif isinstance(value, np.ndarray):
            content[name] = {"variable": name} if value.any() else 0.0  # no variable of zeros
        else:
            content[name] = value
    return content


def read(dataset: xarray.Dataset, *, name: str = "dataset") -> Header:
    """Read and check the header and the inputs of a Dataset.

    Parameters
    ----------
    dataset : xarray.Dataset
        A result of `simulate` or `merge`.
    name : str
        What error messages call it.

    Returns
    -------
    Header
        The study that the Dataset holds.

    Raises
    ------
    TypeError
        If dataset is not an xarray.Dataset.
    ValueError
        If the header is missing, damaged, or does not fit the variables.
    """
    return unpack(dataset, name)[0]


def unpack(dataset: xarray.Dataset, name: str) -> tuple[Header, dict[str, NDArray[Any]]]:
    """Read the header and the results of a Dataset, with the axis that it goes without."""
    import xarray

    _check.instance(name, dataset, xarray.Dataset, "an xarray.Dataset")
    text = dataset.attrs.get(ATTRIBUTE)
    if not isinstance(text, str):
        msg = f"{name} must be a result of autophage, but it has no attribute {ATTRIBUTE!r}"
        raise ValueError(msg)
    try:
        header, digest = _parse(dataset, text)
        results = _results(dataset, header.study)
        _require_whole_inputs(header, digest)
        return header, results
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"the header of {name} must describe it: {error}"
        raise ValueError(msg) from error


def _require_whole_inputs(header: Header, digest: object) -> None:
    family = families.of_model(header.model)
    if digest != _digest(family, header):
        names = ", ".join(family.inputs(header.model, header.regime, header.study))
        msg = f"inputs must be those that were simulated, whole and in order ({names})"
        raise ValueError(msg)


def _parse(dataset: xarray.Dataset, text: str) -> tuple[Header, object]:
    """Return the header, and what it says is the digest of its inputs."""
    content = json.loads(text, object_pairs_hook=_distinct, parse_constant=_refuse_constant)
    _check.fields("header", content, ["format"], only=False)
    if content["format"] != FORMAT:
        msg = f"format must be {FORMAT}, got {content['format']!r}"
        raise ValueError(msg)
    _check.fields("header", content, _FIELDS, only=False)
    described = dict(_check.fields("model", content["model"], ["kind"], only=False))
    family = families.of_kind(described.pop("kind"))
    chosen = (["dtype"] if _chooses_dtype(family) else []) + ["method"] * ("method" in content)
    _check.fields("header", content, (*_FIELDS, *chosen))
    model = family.read(dataset, described)
    study = _parse_study(family, model, content)
    key = content["key"]
    if not (isinstance(key, str) and re.fullmatch("0x[0-9a-f]{16}", key)):
        msg = f"key must be 16 hexadecimal digits after 0x, got {key!r}"
        raise ValueError(msg)
    header = Header(
        model=model,
        regime=_parse_regime_of(dataset, content["regime"], family, model, study),
        study=study,
        key=_check.integer("key", int(key, 16), 0, KEY_LIMIT),
        stream=_check.integer("stream", content["stream"], 1, 2**31 - 1),
        environment=_parse_environment(content["environment"]),
    )
    return header, content["inputs"]


def _parse_study(family: families.Family, model: Any, content: dict[str, Any]) -> Study:
    reduce, generations = content["reduce"], content["generations"]
    if reduce is not None:
        _check.choice("reduce", reduce, families.reductions_of(family))
    if generations is not None:
        _check.integer("generations", generations, 1, _check.GENERATION_LIMIT)
    runs = _check.integer("runs", content["runs"], 1, _check.RUN_LIMIT)
    method = FORWARD
    if "method" in content:  # left out where it is the usual one
        method = _check.choice("method", content["method"], family.methods[1:])
    study = family.study(
        model,
        reduce=reduce,
        runs=runs,
        first_run=_check.integer("first_run", content["first_run"], 0, _check.RUN_LIMIT - runs),
        generations=generations,
        method=method,
    )
    if _chooses_dtype(family):
        study = replace(study, dtype=_check.choice("dtype", content["dtype"], family.dtypes))
    record = _check.names("record", content["record"], tuple(study.records))
    if reduce == "histogram":
        _check.names("record", record, family.counted)
    return replace(study, record=record)


def _parse_regime_of(
    dataset: xarray.Dataset, content: object, family: families.Family, model: Any, study: Study
) -> Regime | None:
    """Rebuild the regime, and compare the schedule with the variables of the Dataset."""
    layout = family.schedule_layout(study)
    first = next(iter(layout))
    given: dict[str, NDArray[Any]] = {}
    for name, (dims, dtype) in layout.items():
        if name == first or name in dataset:
            given[name] = _whole(dataset, name, dims, np.dtype(dtype), study)
    rows = len(given[first])
    if any(len(v) != (study.rows or rows) for v in given.values()):
        length = rows - 1 + study.first_generation
        msg = f"generations must be the length of the schedule, {length}, got {study.generations}"
        raise ValueError(msg)
    columns = {
        name: values[tuple(0 if dim == study.dropped else slice(None) for dim in layout[name][0])]
        for name, values in given.items()
    }
    before = 1 - study.first_generation  # rows that stand before the first of a regime's
    regime = _parse_regime(content, family, {name: v[before:] for name, v in columns.items()})
    for name, (_, expected) in family.inputs(model, regime, study).items():
        if name in layout and given.pop(name, np.empty(0)).tobytes() != expected.tobytes():
            msg = f"the variable {name} must agree with the regime, {content!r}, or the model"
            raise ValueError(msg)
    if given:
        msg = f"the variable {min(given)} must not be there: the regime does not use it"
        raise ValueError(msg)
    return regime


def _parse_regime(
    content: object, family: families.Family, given: dict[str, NDArray[Any]]
) -> Regime | None:
    if not family.regimes:
        _check.instance("regime", content, type(None), family.regime)
        return None
    items = _check.fields("regime", content, ["kind"], only=False)
    kinds = {kind.name: kind for kind in family.regimes}
    kind = kinds[_check.choice("regime.kind", items["kind"], tuple(kinds))]
    names = [item.name for item in fields(kind)]
    _check.fields("regime", content, ["kind", *names])
    arguments: dict[str, Any] = {}
    for name in names:
        value = items[name]
        if name == "regime":
            value = _parse_regime(value, family, given)
        elif value == {"variable": name} and name in given:
            value = given[name]
        arguments[name] = value
    return kind(**arguments)


def _parse_environment(content: object) -> dict[str, list[str]]:
    names = list(environment())
    given = _check.fields("environment", content, names)
    versions = {name: [v] if isinstance(v, str) else v for name, v in given.items()}
    for name, found in versions.items():
        _check.labels(f"environment.{name}", found, len(found) if isinstance(found, list) else 1)
    return {name: versions[name] for name in names}


def _results(dataset: xarray.Dataset, study: Study) -> dict[str, NDArray[Any]]:
    """Take the results out of a Dataset, and check that they are what the study says."""
    for dim, size in (("run", study.runs), ("generation", study.rows), *study.sizes.items()):
        if dim in dataset.dims and size and dataset.sizes[dim] != size:
            msg = f"{dim} must have length {size}, got {dataset.sizes[dim]}"
            raise ValueError(msg)
    values = {
        name: _whole(dataset, name, dims, np.dtype(dtype), study)
        for name, dims, dtype in reductions.layout(study)
    }
    if study.reduce is None:
        _require_count(dataset, "run", "first_run", study.first_run)
    if "generation" in dataset.dims:
        _require_count(dataset, "generation", "its start", study.first_generation)
    if study.reduce == "mean":
        _require_true_means(study, values)
    if study.reduce == "histogram":
        (name,) = study.record
        counted = values[name].sum(axis=0) + values["not_reached"]
        if (values[name] < 0).any() or (counted != study.runs).any():
            msg = f"{name} and not_reached must count {study.runs} runs, got {counted.min()}"
            raise ValueError(msg)
    return values


def _require_count(dataset: xarray.Dataset, dim: str, start: str, first: int) -> None:
    """Refuse rows that were taken out of their order, which nothing else may show."""
    found = dataset[dim].values
    if not np.array_equal(found, first + np.arange(len(found))):
        msg = f"{dim} must count up from {start} = {first}, got {found}"
        raise ValueError(msg)


def _whole(
    dataset: xarray.Dataset, name: str, dims: Dims, dtype: np.dtype[Any], study: Study
) -> NDArray[Any]:
    """One variable with all the dimensions wanted, also the one that the Dataset goes without."""
    kept = study.shown(dims)
    if name not in dataset.variables:
        msg = f"there must be a variable {name}"
        raise ValueError(msg)
    variable = dataset.variables[name]
    if variable.dims != kept or variable.dtype != dtype:
        msg = f"{name} must be {dtype} over {kept}, got {variable.dtype} over {variable.dims}"
        raise ValueError(msg)
    for dim, size in variable.sizes.items():
        limbs = str(dim).removeprefix("limb")
        if limbs != dim and limbs != str(size):
            msg = f"{name} must have {limbs} limbs, got {size}"
            raise ValueError(msg)
    array: NDArray[Any] = variable.values
    return array if kept == dims else np.expand_dims(array, dims.index(str(study.dropped)))


def sums_of(study: Study, values: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Copy the exact sums out of the results of a study reduced to means."""
    return {name: np.array(values[name], order="C") for name in study.zero_sums()}


def _require_true_means(study: Study, values: dict[str, NDArray[Any]]) -> None:
    expected = reductions.mean_variables(study, sums_of(study, values), study.runs)
    for name, (_, array) in expected.items():
        if not np.array_equal(values[name], array, equal_nan=array.dtype.kind == "f"):
            msg = f"{name} must follow from the sums over {study.runs} runs"
            raise ValueError(msg)
        if name.endswith("_reached") and not ((array >= 0) & (array <= study.runs)).all():
            msg = f"{name} must lie in [0, {study.runs}], got {array.min()} to {array.max()}"
            raise ValueError(msg)


def version() -> str:
    """Return the version of the package."""
    from importlib import metadata

    try:
        return metadata.version("autophage")
    except metadata.PackageNotFoundError:  # run from a source tree
        return "unknown"


@functools.cache
def environment() -> dict[str, list[str]]:
    """Return the versions of the software at work here."""
    return {
        "autophage": [version()],
        "commit": [_core.commit],
        "compiler": [_core.compiler],
        "numpy": [np.__version__],
        "python": [platform.python_version()],
    }


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        msg = f"each field must come once, got {[name for name, _ in pairs]}"
        raise ValueError(msg)
    return content


def _refuse_constant(name: str) -> float:
    msg = f"numbers must be finite, got {name}"
    raise ValueError(msg)
