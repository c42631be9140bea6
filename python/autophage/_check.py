"""The one owner of argument checks: every public function casts its arguments here, first of all.

Each check takes the name of the parameter first and returns the value in the form that the rest of
the package uses. A wrong kind (bool, str, complex, object, a float for an integer) is a
`TypeError`, a wrong value or shape a `ValueError`. The message names the parameter, what is
required and what came, with the index of the first offender.
"""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

COUNT_LIMIT = 2**62
"""Largest number of draws: every sum of two counts still fits in a signed 64-bit integer."""
RUN_LIMIT = 2**38
"""Runs that one key can address (six bits beside the 32-bit word of the counter)."""
GENERATION_LIMIT = 2**32 - 1
"""Generations that one key can address."""
CONTEXT_LIMIT = 2**20
"""Contexts that one key can address."""

SUM_TOLERANCE = 1e-9
"""How far from one the sum of a law given in float64 may lie; it is then renormalised."""
SUM_TOLERANCE_FLOAT32 = 1e-5
"""The same for float32, where rounding moves the sum of a large vocabulary by 1e-6 and more."""

MATRIX_TOLERANCE = 1e-12
"""Relative rounding allowed in a second-moment matrix, and the relative size of an eigenvalue
that counts as zero."""

_Kind = TypeVar("_Kind")
_INTEGERS = "iu"  # dtype kinds
_NUMBERS = "iuf"
_MAX_DEPTH = 16  # a list that contains itself ends here
_SHORT = reprlib.Repr()
_SHORT.maxlong = _SHORT.maxstring = _SHORT.maxother = 80


def integer(name: str, value: object, low: int, high: int) -> int:
    """Check one integer in [low, high]; Python and NumPy integers only."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        _wrong_kind(name, f"an integer in [{low}, {high}]", value)
    if not low <= int(value) <= high:
        _wrong_value(name, f"an integer in [{low}, {high}]", value)
    return int(value)


def number(
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    low_open: bool = False,
    high_open: bool = False,
) -> float:
    """Check one finite float between low and high; either end can be left out."""
    requirement = f"a finite number{_interval(low, high, low_open, high_open)}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        _wrong_kind(name, requirement, value)
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    inside = low <= result <= high and not (low_open and result == low)
    if not math.isfinite(result) or not inside or (high_open and result == high):
        _wrong_value(name, requirement, value)
    return result + 0.0  # -0.0 becomes 0.0


def probability(name: str, value: object) -> float:
    """Check one float in [0, 1]."""
    return number(name, value, 0.0, 1.0)


def flag(name: str, value: object) -> bool:
    """Check a switch: True or False, and no number in their place."""
    if not isinstance(value, (bool, np.bool_)):
        _wrong_kind(name, "True or False", value)
    return bool(value)


def choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """Check one of the strings in `allowed`."""
    requirement = "one of " + ", ".join(map(repr, allowed))
    if not isinstance(value, str):
        _wrong_kind(name, requirement, value)
    if value not in allowed:
        _wrong_value(name, requirement, value)
    return str(value)


def instance(
    name: str, value: object, kinds: type[_Kind] | tuple[type[_Kind], ...], requirement: str
) -> _Kind:
    """Check that a value is of one of the given classes."""
    if not isinstance(value, kinds):
        _wrong_kind(name, requirement, value)
    return value


def names(name: str, value: object, allowed: Sequence[str], where: str = "") -> tuple[str, ...]:
    """Check a list or tuple of distinct names out of `allowed`, at least one; the order stays.

    `where` says what else was asked for that leaves no others.
    """
    requirement = "a list or tuple of names out of " + ", ".join(map(repr, allowed)) + where
    if not isinstance(value, (list, tuple)):
        _wrong_kind(name, requirement, value)
    if not value:
        _wrong_value(name, requirement, value)
    for index, item in enumerate(value):
        if not isinstance(item, str):
            _wrong_kind(name, requirement, item, (index,))
        if item not in allowed:
            _wrong_value(name, requirement, item, (index,))
        if item in value[:index]:
            _wrong_value(name, requirement + ", each once", item, (index,))
    return tuple(value)


def labels(name: str, value: object, count: int) -> tuple[str, ...]:
    """Check exactly `count` strings."""
    requirement = f"a list or tuple of {count} strings"
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        _wrong_kind(name, requirement, value)
    for index, item in enumerate(value):
        if not isinstance(item, str):
            _wrong_kind(name, requirement, item, (index,))
    if len(value) != count:
        msg = f"{name} must be {requirement}, got {len(value)}"
        raise ValueError(msg)
    return tuple(map(str, value))


def fields(name: str, value: object, wanted: Sequence[str], *, only: bool = True) -> dict[str, Any]:
    """Check a JSON object that has the fields wanted, and no others unless `only` is False."""
    if not isinstance(value, dict):
        msg = f"{name} must be a JSON object, got {type(value).__name__}"
        raise ValueError(msg)
    missing = [field for field in wanted if field not in value]
    unknown = [field for field in value if only and field not in wanted]
    if missing or unknown:
        msg = (
            f"{name} must have the fields {', '.join(wanted)}; missing {missing}, unknown {unknown}"
        )
        raise ValueError(msg)
    return value


def threads(value: int | None) -> int:
    """Return the threads asked for, set in the environment, or one per CPU to be used."""
    if value is not None:
        return integer("threads", value, 1, 4096)
    given = os.environ.get("AUTOPHAGE_NUM_THREADS")
    if given is not None:
        return integer("AUTOPHAGE_NUM_THREADS", int(given) if given.isdecimal() else given, 1, 4096)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_array_like(value: object) -> bool:
    """Tell whether what may be a number, an array or a callable was meant as an array."""
    return isinstance(value, (list, tuple, np.ndarray)) or (
        hasattr(value, "__array__") and not isinstance(value, np.generic)
    )


def integers(
    name: str, value: object, low: int, high: int, *, ndim: tuple[int, ...] | None = (1,)
) -> NDArray[np.int64]:
    """Make a new int64 array with entries in [low, high]; `ndim` lists the dimensions allowed."""
    requirement = f"integers in [{low}, {high}]"
    array = _as_array(name, value, _INTEGERS, requirement)
    _require_shape(name, array, ndim)
    _refuse_where(name, requirement, array, (array < low) | (array > high))
    return array.astype(np.int64, order="C")


def numbers(
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    ndim: tuple[int, ...] | None = (1,),
    open_ends: bool = False,
) -> NDArray[np.float64]:
    """Make a new float64 array with finite entries in [low, high], or between open ends."""
    requirement = f"finite numbers{_interval(low, high, open_ends, open_ends)}"
    given = _as_array(name, value, _NUMBERS, requirement)
    _require_shape(name, given, ndim)
    array = _to_float64(given)
    inside = np.isfinite(array) & (array >= low) & (array <= high)
    if open_ends:
        inside &= (array != low) & (array != high)
    _refuse_where(name, requirement, array, ~inside)
    return array


def without_axes(value: object) -> object:
    """Give the number in an array without axes; anything else as it is."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def covariance(name: str, value: object) -> NDArray[np.float64]:
    """Make a new read-only float64 covariance (d, d), positive definite; a number is (1, 1).

    It may be off symmetry as `second_moments` says. Positive definite is what has positive
    variances, and correlations whose smallest eigenvalue is above 1e-12: units do not matter.
    """
    value = without_axes(value)
    if not is_array_like(value):
        value = [[number(name, value)]]
    matrix = numbers(name, value, ndim=(2,))
    if matrix.shape[0] != matrix.shape[1]:
        msg = f"{name} must be square, got shape {matrix.shape}"
        raise ValueError(msg)
    _make_symmetric(name, (), matrix)
    variances = np.diagonal(matrix)
    for k in np.flatnonzero(variances <= 0.0)[:1].tolist():
        _wrong_value(name, "positive definite", variances[k].item(), (k, k))
    deviations = np.sqrt(variances)
    least = float(np.linalg.eigvalsh(matrix / deviations / deviations[:, None])[0])
    if least <= MATRIX_TOLERANCE:
        msg = (
            f"{name} must be positive definite, "
            f"got correlations with a smallest eigenvalue of {least:.6g}"
        )
        raise ValueError(msg)
    matrix.flags.writeable = False
    return matrix


def second_moments(name: str, value: object, ndim: int) -> NDArray[np.float64]:
    """Make a new read-only float64 array of symmetric positive semidefinite matrices (.., d, d).

    A matrix may be off symmetry by 1e-12 of its largest entry, and becomes the mean of itself and
    its transpose; its smallest eigenvalue may be that much below zero.
    """
    array = numbers(name, value, ndim=(ndim,))
    if array.shape[-1] != array.shape[-2]:
        msg = f"{name} must be square in its last two dimensions, got shape {array.shape}"
        raise ValueError(msg)
    for index in np.ndindex(array.shape[:-2]):
        _make_second_moment(name, index, array[index])
    array.flags.writeable = False
    return array


def _make_second_moment(name: str, index: tuple[int, ...], matrix: NDArray[np.float64]) -> None:
    """Check one matrix and make it symmetric in place."""
    slack = _make_symmetric(name, index, matrix)
    try:
        np.linalg.cholesky(matrix + slack * np.eye(len(matrix)))
    except np.linalg.LinAlgError:  # an eigenvalue at the border, or below it
        least = float(np.linalg.eigvalsh(matrix)[0])
        if least < -slack:
            msg = (
                f"{name} must be positive semidefinite, "
                f"got a smallest eigenvalue of {least:.6g}{_place(index)}"
            )
            raise ValueError(msg) from None


def _make_symmetric(name: str, index: tuple[int, ...], matrix: NDArray[np.float64]) -> float:
    """Make one matrix symmetric in place where it is but for rounding, and return the slack."""
    slack = MATRIX_TOLERANCE * float(np.abs(matrix).max())
    off = np.abs(matrix - matrix.T)
    if off.max() > slack:
        row, column = (int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape))
        msg = (
            f"{name} must be symmetric to {MATRIX_TOLERANCE:g} of its largest entry, "
            f"got {matrix[row, column].item()!r} and {matrix[column, row].item()!r}"
            f"{_place((*index, row, column))} and its mirror image"
        )
        raise ValueError(msg)
    if off.any():
        matrix[...] = 0.5 * matrix + 0.5 * matrix.T
    return slack


def laws(name: str, value: object) -> NDArray[np.float64]:
    """Make a new read-only float64 array of a law (s,), or of one law a row (c, s).

    float64 and integer rows must sum to one within 1e-9, float32 rows within 1e-5. A row whose
    correctly rounded sum is not exactly one is divided by it and the last rounding error goes to
    its first largest entry, so that the result sums to one and passing it through again changes no
    bit.
    """
    requirement = "a law: entries in [0, 1] that sum to one"
    given = _as_array(name, value, _NUMBERS, requirement)
    if given.dtype.kind == "f" and given.dtype.itemsize not in (4, 8):
        _wrong_dtype(name, "float64, float32 or integers", given)
    _require_shape(name, given, (1, 2))
    single = given.dtype.kind == "f" and given.dtype.itemsize == 4
    tolerance = SUM_TOLERANCE_FLOAT32 if single else SUM_TOLERANCE
    array = _to_float64(given)
    _refuse_where(name, requirement, array, ~((array >= 0.0) & (array <= 1.0 + tolerance)))
    for index, row in enumerate(np.atleast_2d(array)):
        _normalise(name, index if array.ndim == 2 else None, row, tolerance)
    array.flags.writeable = False
    return array


def _to_float64(given: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # a signalling NaN warns here, and is refused by the caller
        array = given.astype(np.float64, order="C")
    array += 0.0  # -0.0 becomes 0.0
    return array


def _normalise(name: str, index: int | None, row: NDArray[np.float64], tolerance: float) -> None:
    total = math.fsum(row.tolist())
    if abs(total - 1.0) > tolerance:
        where = "" if index is None else f" at index [{index}]"
        msg = (
            f"{name} must be a law: it must sum to one within {tolerance:g}, "
            f"got a sum of {total!r}{where}"
        )
        raise ValueError(msg)
    if total != 1.0:
        row /= total
        row[int(np.argmax(row))] -= math.fsum([-1.0, *row.tolist()])


def _as_array(name: str, value: object, kinds: str, requirement: str) -> NDArray[Any]:
    if isinstance(value, np.ma.MaskedArray):
        _wrong_kind(name, f"{requirement}, without a mask", value)
    if isinstance(value, (list, tuple)):
        for index, item in _leaves(value):
            if not _is_number(item, kinds):
                _wrong_kind(name, requirement, item, index)
    try:
        array = np.asarray(value)
    except ValueError as error:
        msg = f"{name} must be {requirement}, in rows of equal length, got {_show(value)}"
        raise ValueError(msg) from error
    if isinstance(value, (list, tuple)) and array.size and array.dtype.kind not in kinds:
        _refuse_huge(name, requirement, value)
    if array.size == 0 and array.ndim and array.dtype.kind in kinds + "f":
        msg = f"{name} must be {requirement}, got an empty array of shape {array.shape}"
        raise ValueError(msg)
    if array.dtype.kind not in kinds:
        _wrong_dtype(name, requirement, array)
    return array


def _is_number(item: object, kinds: str) -> bool:
    if isinstance(item, np.ndarray):
        return item.dtype.kind in kinds
    if isinstance(item, (bool, np.bool_, np.complexfloating)):
        return False
    return isinstance(item, (int, np.integer) if kinds == _INTEGERS else (int, float, np.number))


def _leaves(value: object, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], object]]:
    """Yield every entry of nested lists with its index; arrays inside lists stay whole."""
    if isinstance(value, (list, tuple)) and len(path) < _MAX_DEPTH:
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value


def _refuse_huge(name: str, requirement: str, value: object) -> None:
    """Name the integer that no NumPy type holds: it turns the whole list to objects or floats."""
    for index, item in _leaves(value):
        if isinstance(item, int) and not -(2**63) <= item < 2**63:
            _wrong_value(name, requirement, item, index)


def _require_shape(name: str, array: NDArray[Any], ndim: tuple[int, ...] | None) -> None:
    if ndim is not None and array.ndim not in ndim:
        allowed = " or ".join(f"{d}-D" for d in ndim)
        msg = f"{name} must be a {allowed} array, got shape {array.shape} ({array.ndim}-D)"
        raise ValueError(msg)


def _refuse_where(name: str, requirement: str, array: NDArray[Any], bad: NDArray[np.bool_]) -> None:
    if bad.any():
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), array.shape))
        _wrong_value(name, requirement, array[index].item(), index)


def _wrong_dtype(name: str, requirement: str, array: NDArray[Any]) -> NoReturn:
    msg = f"{name} must be {requirement}, got dtype {array.dtype}"
    if array.size:
        msg += f" with {_brief(array.flat[0])}{_place((0,) * array.ndim)}"
    raise TypeError(msg)


def _wrong_kind(
    name: str, requirement: str, value: object, index: tuple[int, ...] = ()
) -> NoReturn:
    msg = f"{name} must be {requirement}, got {_show(value)}{_place(index)}"
    raise TypeError(msg)


def _wrong_value(
    name: str, requirement: str, value: object, index: tuple[int, ...] = ()
) -> NoReturn:
    msg = f"{name} must be {requirement}, got {_brief(value)}{_place(index)}"
    raise ValueError(msg)


def _place(index: tuple[int, ...]) -> str:
    return f" at index {list(index)}" if index else ""


def _interval(low: float, high: float, low_open: bool = False, high_open: bool = False) -> str:
    if low == -math.inf and high == math.inf:
        return ""
    if high == math.inf:
        return f" {'above' if low_open else 'of at least'} {low:g}"
    if low == -math.inf:
        return f" {'below' if high_open else 'of at most'} {high:g}"
    return f" in {'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"


def _brief(value: object) -> str:
    """Print a value, cut where it is long; NumPy scalars look like Python ones."""
    if isinstance(value, np.generic):
        value = value.item()
    return _SHORT.repr(value)


def _show(value: object) -> str:
    """Print a value together with what kind of thing it is."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    return f"{_brief(value)} ({type(value).__name__})"
