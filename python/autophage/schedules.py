"""What all regimes share: parameters over generations and contexts, checked and spelled out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autophage import _check

Counts: TypeAlias = (
    int | Sequence[int] | Sequence[Sequence[int]] | NDArray[Any] | Callable[[int], int]
)
"""A number of draws: constant, over generations (and contexts), or a function of t = 1, 2, ..."""
Shares: TypeAlias = (
    float | Sequence[float] | Sequence[Sequence[float]] | NDArray[Any] | Callable[[int], float]
)
"""A share in [0, 1], in the same forms."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """The parameters of a regime spelled out; row t - 1 is generation t.

    Where the length of the study is open, the last row holds for ever after. Row 0 of `alpha` has
    no effect, because generation 1 is real in every regime.

    Attributes
    ----------
    n : ndarray of int64, shape (L, C)
        Draws of each generation.
    alpha : ndarray of float64, shape (L, C)
        Share of the draws that is real; zero where the regime has none, or where each run finds its
        own.
    real : ndarray of int64, shape (L, C)
        Real draws kept in each generation; zero where the regime keeps none.
    """

    n: NDArray[np.int64]
    alpha: NDArray[np.float64]
    real: NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Regime:
    """What each generation trains on.

    Regimes compare by the values of their parameters, and those without callables have a `repr`
    that evaluates back.
    """

    name: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give each regime its name, the class's in snake case."""
        super().__init_subclass__(**kwargs)
        cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name, in the order of the signature."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def schedule(self, generations: int | None, contexts: int = 1) -> Schedule:
        """Spell out the parameters for every generation and context.

        Parameters
        ----------
        generations : int or None
            Length of the study, or None where it runs until absorption: then the rows end with the
            longest array, the last one holds for ever after, and callables are refused.
        contexts : int
            Number of contexts.

        Returns
        -------
        Schedule
            Read-only arrays of shape (generations, contexts).

        Raises
        ------
        ValueError
            If an array is too short or has the wrong number of contexts, a callable returns a wrong
            value, or draws add up to more than 2^62.
        TypeError
            If a callable returns the wrong kind of value.
        """
        if generations is not None:
            generations = _check.integer("generations", generations, 1, _check.GENERATION_LIMIT)
        contexts = _check.integer("contexts", contexts, 1, _check.COUNT_LIMIT)
        return self._schedule(generations, contexts)

    def spelled_out(self, generations: int | None, contexts: int = 1) -> Self:
        """Replace callables by arrays of their values, and cut arrays to the length of the study.

        Parameters
        ----------
        generations : int or None
            Length of the study, or None where it is open and arrays stay whole.
        contexts : int
            Number of contexts.

        Returns
        -------
        Regime
            A regime with the same schedule, whose parameters are numbers and arrays alone.

        Raises
        ------
        TypeError, ValueError
            As `schedule`.
        """
        changed: dict[str, Any] = {}
        for name, value in self.parameters().items():
            if isinstance(value, Regime):
                changed[name] = value.spelled_out(generations, contexts)
            elif name in _KINDS and (callable(value) or isinstance(value, np.ndarray)):
                values = rows_of(name, value, generations, contexts)
                changed[name] = values if values.shape[1] > 1 else values[:, 0]
        return replace(self, **changed) if changed else self

    def _schedule(self, generations: int | None, contexts: int) -> Schedule:
        given = self.parameters()
        rows = {
            name: rows_of(name, given[name], generations, contexts)
            for name in _KINDS
            if name in given
        }
        length = generations or max(map(len, rows.values()))
        none = np.zeros((1, 1))
        schedule = Schedule(
            n=spread(rows["n"], length, contexts),
            alpha=spread(rows.get("alpha", none), length, contexts),
            real=spread(rows.get("real", none.astype(np.int64)), length, contexts),
        )
        self._check_schedule(schedule)
        return schedule

    def _check_schedule(self, schedule: Schedule) -> None:
        """Refuse what shows only over the whole study; most regimes have nothing to add."""

    def __eq__(self, other: object) -> bool:
        """Equal where class and parameters are; arrays compare by value, callables by identity."""
        if not isinstance(other, Regime):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        """Hash in agreement with equality."""
        return hash(self._key())

    def __repr__(self) -> str:
        """Write the call that makes this regime."""
        given = (f"{name}={shown(value)}" for name, value in self.parameters().items())
        return f"{type(self).__name__}({', '.join(given)})"

    def _key(self) -> tuple[object, ...]:
        return (type(self), *map(same_form, self.parameters().values()))

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


def counts(
    name: str, value: object, *, ndim: tuple[int, ...] = (1, 2)
) -> int | NDArray[np.int64] | Callable[[int], int]:
    """Check numbers of draws; arrays become read-only int64."""
    if callable(value):
        return value
    if not _check.is_array_like(value):
        return _check.integer(name, value, 1, _check.COUNT_LIMIT)
    array = _check.integers(name, value, 1, _check.COUNT_LIMIT, ndim=ndim)
    array.flags.writeable = False
    return array


def shares(
    name: str, value: object, *, ndim: tuple[int, ...] = (1, 2)
) -> float | NDArray[np.float64] | Callable[[int], float]:
    """Check shares; arrays become read-only float64."""
    if callable(value):
        return value
    if not _check.is_array_like(value):
        return _check.probability(name, value)
    array = _check.numbers(name, value, 0.0, 1.0, ndim=ndim)
    array.flags.writeable = False
    return array


def rows_of(
    name: str,
    value: Any,
    generations: int | None,
    contexts: int,
) -> NDArray[Any]:
    """Make the rows of one parameter, (1 or more, 1 or contexts); callables get t = 1, 2, ..."""
    if callable(value):
        if generations is None:
            msg = f"{name} must be a number or an array where generations is None, got a callable"
            raise ValueError(msg)
        values = (value(t) for t in range(1, generations + 1))
        checked = [_at_generation(name, t, item) for t, item in enumerate(values, 1)]
        return np.array(checked)[:, None]
    if not isinstance(value, np.ndarray):
        return np.array([[value]])
    if generations is not None and len(value) < generations:
        msg = f"{name} must cover all {generations} generations, got an array over {len(value)}"
        raise ValueError(msg)
    if value.ndim == 2 and value.shape[1] != contexts:
        msg = (
            f"{name} must have one column for each of {contexts} contexts, got shape {value.shape}"
        )
        raise ValueError(msg)
    return value[:generations].reshape(-1, value.shape[1] if value.ndim == 2 else 1)


def _at_generation(name: str, t: int, item: object) -> Any:
    if callable(item) or _check.is_array_like(item):
        msg = f"{name} must return a number, got {type(item).__name__} at generation {t}"
        raise TypeError(msg)
    return _KINDS[name](f"{name} at generation {t}", item)


def spread(values: NDArray[Any], length: int, contexts: int) -> NDArray[Any]:
    """Repeat rows to a read-only (length, contexts); the last one holds for ever after."""
    long = values[np.minimum(np.arange(length), len(values) - 1)]
    full = np.ascontiguousarray(np.broadcast_to(long, (length, contexts)))
    full.flags.writeable = False
    return full


def distinct_columns(array: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the columns that differ: the first of each kind, and the kind of every column."""
    kinds: dict[bytes, int] = {}
    first: list[int] = []
    group = np.empty(array.shape[1], dtype=np.intp)
    for column in range(array.shape[1]):
        group[column] = kinds.setdefault(array[:, column].tobytes(), len(kinds))
        if len(kinds) > len(first):
            first.append(column)
    return np.array(first, dtype=np.intp), group


def require_growth(name: str, values: NDArray[np.int64]) -> None:
    """Refuse rows that decrease from one generation to the next."""
    fall = values[1:] < values[:-1]
    if fall.any():
        index = tuple(int(i) for i in np.argwhere(fall)[0])
        later = (index[0] + 1, *index[1:])
        msg = (
            f"{name} must never decrease over generations, "
            f"got {values[later]} at index {list(later)} after {values[index]}"
        )
        raise ValueError(msg)


def require_total(name: str, values: NDArray[np.int64]) -> None:
    """Refuse draws that add up to more than 2^62 over the generations, where all are kept."""
    if int(values.max()) * len(values) <= _check.COUNT_LIMIT:
        return
    totals = values.astype(object).sum(axis=0)
    over = totals > _check.COUNT_LIMIT
    if over.any():
        context = int(np.argmax(over))
        msg = (
            f"{name} must add up to at most 2^62 over the generations, because all draws are kept, "
            f"got {totals[context]} in context {context}"
        )
        raise ValueError(msg)


def same_form(value: object) -> object:
    """Return a parameter as something that compares and hashes by value."""
    return (
        (value.shape, value.dtype.str, value.tobytes()) if isinstance(value, np.ndarray) else value
    )


def shown(value: object) -> str:
    """Print a parameter as it is typed: arrays as lists."""
    return repr(value.tolist() if isinstance(value, np.ndarray) else value)


_KINDS: dict[str, Callable[[str, object], Any]] = {
    "n": counts,
    "alpha": shares,
    "beta": shares,
    "real": counts,
}
