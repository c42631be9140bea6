"""The JSON text in a result's attributes: written, read back, and checked against the Dataset.

Reading never evaluates anything: regimes are rebuilt from an explicit table, and a header that does
not fit its Dataset is refused.
"""

from __future__ import annotations

import functools
import json
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autophage import _check, _core, records, reductions, regimes
from autophage.models import Categorical
from autophage.random import KEY_LIMIT

if TYPE_CHECKING:
    import xarray

ATTRIBUTE = "autophage"
FORMAT = 1
"""Version of the header; a reader refuses any other."""

Values = dict[str, tuple[records.Dims, NDArray[Any]]]

_FIELDS = (
    "format",
    "stream",
    "key",
    "model",
    "regime",
    "runs",
    "first_run",
    "generations",
    "record",
    "reduce",
    "environment",
)
_REGIMES: dict[str, type[regimes.Regime]] = {
    kind.name: kind
    for kind in (
        regimes.FullySynthetic,
        regimes.PartiallySynthetic,
        regimes.MostRecent,
        regimes.RandomlySampled,
        regimes.Contaminated,
        regimes.Accumulate,
        regimes.AccumulateSubsample,
        regimes.Filtered,
        regimes.Adaptive,
    )
}


@dataclass(frozen=True)
class Header:
    """What the header and the inputs of a Dataset say.

    Attributes
    ----------
    model : Categorical
        The true laws.
    regime : Regime
        The regime, with numbers and arrays for parameters.
    study : records.Study
        Records, runs, generations and sizes.
    key : int
        The key of the random stream, in [0, 2^64).
    stream : int
        Version of the random stream.
    environment : dict of str to list of str
        Versions of the software; several where shards came from different machines.
    """

    model: Categorical
    regime: regimes.Regime
    study: records.Study
    key: int
    stream: int
    environment: dict[str, list[str]]


def inputs(model: Categorical, regime: regimes.Regime, study: records.Study) -> Values:
    """Make the variables that hold the inputs of a study.

    Parameters
    ----------
    model : Categorical
        The true laws.
    regime : Regime
        What each generation trained on.
    study : records.Study
        Records, runs, generations and sizes.

    Returns
    -------
    dict of str to (dims, ndarray)
        "law" and "n", and "alpha" and "real" where they are used, with the context dimension.
    """
    schedule = regime.schedule(study.generations, study.contexts)
    dims = ("schedule_row" if study.generations is None else "generation", "context")
    values: Values = {"law": (("context", "token"), model.laws), "n": (dims, schedule.n)}
    for name, rows in (("alpha", schedule.alpha), ("real", schedule.real)):
        if rows.any():
            values[name] = (dims, rows)
    return values


def write(header: Header) -> dict[str, str]:
    """Make the attributes that hold a header; the same header gives the same text."""
    study, model = header.study, header.model
    content = {
        "format": FORMAT,
        "stream": header.stream,
        "key": f"0x{header.key:016x}",
        "model": {
            "kind": "categorical",
            "token_labels": model.token_labels,
            "context_labels": model.context_labels,
        },
        "regime": _regime_fields(header.regime),
        "runs": study.runs,
        "first_run": study.first_run,
        "generations": study.generations,
        "record": study.record,
        "reduce": study.reduce,
        "environment": {k: v[0] if len(v) == 1 else v for k, v in header.environment.items()},
    }
    return {ATTRIBUTE: json.dumps(content, allow_nan=False)}


def _regime_fields(regime: regimes.Regime) -> dict[str, Any]:
    """Every parameter of a regime; arrays point to the variable of their name."""
    content: dict[str, Any] = {"kind": regime.name}
    for name, value in regime.parameters().items():
        if isinstance(value, regimes.Regime):
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
    """Read the header and the results of a Dataset, with the context axis."""
    import xarray

    _check.instance(name, dataset, xarray.Dataset, "an xarray.Dataset")
    text = dataset.attrs.get(ATTRIBUTE)
    if not isinstance(text, str):
        msg = f"{name} must be a result of autophage, but it has no attribute {ATTRIBUTE!r}"
        raise ValueError(msg)
    try:
        header = _parse(dataset, text)
        return header, _results(dataset, header.study)
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"the header of {name} must describe it: {error}"
        raise ValueError(msg) from error


def _parse(dataset: xarray.Dataset, text: str) -> Header:
    content = json.loads(text, object_pairs_hook=_distinct, parse_constant=_refuse_constant)
    _require_keys("header", content, ["format"], only=False)
    if content["format"] != FORMAT:
        msg = f"format must be {FORMAT}, got {content['format']!r}"
        raise ValueError(msg)
    _require_keys("header", content, _FIELDS)
    model = _parse_model(dataset, content["model"])
    reduce, generations = content["reduce"], content["generations"]
    if reduce is not None:
        _check.choice("reduce", reduce, ("mean", "histogram"))
    if generations is not None:
        _check.integer("generations", generations, 1, _check.GENERATION_LIMIT)
    runs = _check.integer("runs", content["runs"], 1, _check.RUN_LIMIT)
    study = records.Study(
        record=_check.names("record", content["record"], tuple(records.DESCRIPTIONS)),
        reduce=reduce,
        runs=runs,
        first_run=_check.integer("first_run", content["first_run"], 0, _check.RUN_LIMIT - runs),
        generations=generations,
        contexts=model.context_count,
        tokens=model.token_count,
        has_contexts=model.has_contexts,
    )
    key = content["key"]
    if not (isinstance(key, str) and re.fullmatch("0x[0-9a-f]{16}", key)):
        msg = f"key must be 16 hexadecimal digits after 0x, got {key!r}"
        raise ValueError(msg)
    return Header(
        model=model,
        regime=_parse_regime_of(dataset, content["regime"], model, study),
        study=study,
        key=_check.integer("key", int(key, 16), 0, KEY_LIMIT),
        stream=_check.integer("stream", content["stream"], 1, 2**31 - 1),
        environment=_parse_environment(content["environment"]),
    )


def _parse_model(dataset: xarray.Dataset, content: object) -> Categorical:
    given = _require_keys("model", content, ["kind", "token_labels", "context_labels"])
    _check.choice("model.kind", given["kind"], ("categorical",))
    law = dataset.get("law")
    if law is None or law.dims not in {("token",), ("context", "token")}:
        msg = "there must be a variable law over ([context,] token)"
        raise ValueError(msg)
    model = Categorical(
        law.values,
        token_labels=given["token_labels"],
        context_labels=given["context_labels"],
    )
    if model.p.tobytes() != law.values.tobytes():
        msg = "law must hold laws as they were used, but its rows do not sum to one"
        raise ValueError(msg)
    return model


def _parse_regime_of(
    dataset: xarray.Dataset, content: object, model: Categorical, study: records.Study
) -> regimes.Regime:
    """Rebuild the regime, and compare its schedule with the variables of the Dataset."""
    dims = ("schedule_row" if study.generations is None else "generation", "context")
    given: dict[str, NDArray[Any]] = {}
    for name, dtype in (("n", np.int64), ("alpha", np.float64), ("real", np.int64)):
        if name == "n" or name in dataset:
            given[name] = _whole(dataset, name, dims, np.dtype(dtype), model.has_contexts)
    rows = len(given["n"])
    if any(len(v) != (study.generations or rows) for v in given.values()):
        msg = f"generations must be the length of the schedule, {rows}, got {study.generations}"
        raise ValueError(msg)
    regime = _parse_regime(content, given, model.has_contexts)
    for name, (_, expected) in inputs(model, regime, study).items():
        if name != "law" and given.pop(name, np.empty(0)).tobytes() != expected.tobytes():
            msg = f"the variable {name} must agree with the regime, {content!r}"
            raise ValueError(msg)
    if given:
        msg = f"the variable {min(given)} must not be there: the regime does not use it"
        raise ValueError(msg)
    return regime


def _parse_regime(
    content: object, given: dict[str, NDArray[Any]], has_contexts: bool
) -> regimes.Regime:
    items = _require_keys("regime", content, ["kind"], only=False)
    kind = _REGIMES[_check.choice("regime.kind", items["kind"], tuple(_REGIMES))]
    names = [item.name for item in fields(kind)]
    _require_keys("regime", content, ["kind", *names])
    arguments: dict[str, Any] = {}
    for name in names:
        value = items[name]
        if name == "regime":
            value = _parse_regime(value, given, has_contexts)
        elif value == {"variable": name} and name in given:
            value = given[name] if has_contexts else given[name][:, 0]
        arguments[name] = value
    return kind(**arguments)


def _parse_environment(content: object) -> dict[str, list[str]]:
    names = list(environment())
    given = _require_keys("environment", content, names)
    versions = {name: [v] if isinstance(v, str) else v for name, v in given.items()}
    for name, found in versions.items():
        _check.labels(f"environment.{name}", found, len(found) if isinstance(found, list) else 1)
    return {name: versions[name] for name in names}


def _results(dataset: xarray.Dataset, study: records.Study) -> dict[str, NDArray[Any]]:
    """Take the results out of a Dataset, and check that they are what the study says."""
    for dim, size in (("run", study.runs), ("generation", study.generations)):
        if dim in dataset.dims and size is not None and dataset.sizes[dim] != size:
            msg = f"{dim} must have length {size}, got {dataset.sizes[dim]}"
            raise ValueError(msg)
    values = {
        name: _whole(dataset, name, dims, np.dtype(dtype), study.has_contexts)
        for name, dims, dtype in layout(study)
    }
    if study.reduce is None:
        run = dataset["run"].values
        if not np.array_equal(run, study.first_run + np.arange(study.runs)):
            msg = f"run must count up from first_run = {study.first_run}, got {run}"
            raise ValueError(msg)
    if study.reduce == "mean":
        _require_true_means(study, values)
    if study.reduce == "histogram":
        counted = values["collapse_time"].sum(axis=0) + values["not_reached"]
        if (values["collapse_time"] < 0).any() or (counted != study.runs).any():
            msg = f"collapse_time and not_reached must count {study.runs} runs, got {counted.min()}"
            raise ValueError(msg)
    return values


def layout(study: records.Study) -> Iterator[tuple[str, records.Dims, type]]:
    """Yield name, dimensions and dtype of every variable that the results of a study have."""
    if study.reduce == "histogram":
        yield "collapse_time", ("generation", "context"), np.int64
        yield "not_reached", ("context",), np.int64
        return
    for name in study.record:
        dims = study.dims(name)
        if study.reduce is None:
            yield name, ("run", *dims), np.int64 if name in records.INTEGERS else np.float64
            continue
        yield name, dims, np.float64
        yield f"{name}_variance", dims, np.float64
        yield f"{name}_sum", (*dims, "limb2"), np.uint64
        yield f"{name}_squares", (*dims, "limb3"), np.uint64
        if name in records.TIMES:
            yield f"{name}_reached", dims, np.int64


def _whole(
    dataset: xarray.Dataset, name: str, dims: records.Dims, dtype: np.dtype[Any], has_contexts: bool
) -> NDArray[Any]:
    """One variable with all the dimensions wanted; one law alone has no context in the Dataset."""
    kept = dims if has_contexts else tuple(dim for dim in dims if dim != "context")
    if name not in dataset.variables:
        msg = f"there must be a variable {name}"
        raise ValueError(msg)
    variable = dataset.variables[name]
    if variable.dims != kept or variable.dtype != dtype:
        msg = f"{name} must be {dtype} over {kept}, got {variable.dtype} over {variable.dims}"
        raise ValueError(msg)
    limbs = [size for dim, size in variable.sizes.items() if dim in ("limb2", "limb3")]
    if limbs and limbs != [int(dims[-1][-1])]:
        msg = f"{name} must have {dims[-1][-1]} limbs, got {limbs[0]}"
        raise ValueError(msg)
    array = variable.values
    return (
        array
        if has_contexts or "context" not in dims
        else np.expand_dims(array, dims.index("context"))
    )


def sums_of(study: records.Study, values: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Copy the exact sums out of the results of a study reduced to means."""
    return {name: np.array(values[name], order="C") for name in study.zero_sums()}


def _require_true_means(study: records.Study, values: dict[str, NDArray[Any]]) -> None:
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


def _require_keys(
    what: str, content: object, names: Sequence[str], *, only: bool = True
) -> dict[str, Any]:
    if not isinstance(content, dict):
        msg = f"{what} must be a JSON object, got {type(content).__name__}"
        raise ValueError(msg)
    missing = [name for name in names if name not in content]
    unknown = [name for name in content if only and name not in names]
    if missing or unknown:
        msg = (
            f"{what} must have the fields {', '.join(names)}; missing {missing}, unknown {unknown}"
        )
        raise ValueError(msg)
    return content


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        msg = f"each field must come once, got {[name for name, _ in pairs]}"
        raise ValueError(msg)
    return content


def _refuse_constant(name: str) -> float:
    msg = f"numbers must be finite, got {name}"
    raise ValueError(msg)
