"""Arguments of the formulas: their ranges, and sizes and shares that change over generations."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from autophage import _check

FloatArray = npt.NDArray[np.float64]

_RANGES = {
    "alpha": (0.0, 1.0),
    "balance": (0.0, 0.25),
    "c": (0.0, math.inf),
    "constant": (math.ulp(0.0), math.inf),
    "epsilon": (0.0, math.inf),
    "growth": (math.ulp(0.0), math.inf),
    "n": (1.0, _check.COUNT_LIMIT),
    "previous_risk": (math.ulp(0.0), 2.0),
    "real": (1.0, _check.COUNT_LIMIT),
    "share": (0.0, math.inf),
    "sigma_0": (0.0, 1.0),
    "split": (0.0, 0.5),
    "support": (2.0, _check.COUNT_LIMIT),
    "threshold": (math.ulp(0.0), math.inf),
    "tokens": (1.0, _check.COUNT_LIMIT),
    "type1": (0.0, 1.0),
    "type2": (0.0, 1.0),
    "variance": (0.0, 1.0),
    "variation": (0.0, 1.0),
}


def require(**values: float) -> None:
    """Refuse arguments outside the ranges that their names have throughout the formulas.

    Raises
    ------
    TypeError
        If one is not a number.
    ValueError
        If one is not finite or outside its range.

    Examples
    --------
    >>> require(alpha=0.5, n=10)
    >>> require(alpha=1.5)
    Traceback (most recent call last):
    ...
    ValueError: alpha must be a finite number in [0, 1], got 1.5
    """
    for name, value in values.items():
        _check.number(name, value, *_RANGES[name])


def over_generations(
    name: str,
    values: npt.ArrayLike,
    generations: int,
    low: float,
    high: float = math.inf,
) -> FloatArray:
    """Values for generations 1..G from a number, or an array whose last value holds for ever.

    Raises
    ------
    TypeError
        If `values` are not numbers.
    ValueError
        If `values` is empty, has more than one axis, or one of them lies outside [low, high].

    Examples
    --------
    >>> over_generations("n", [10, 20], 4, 1)
    array([10., 20., 20., 20.])
    """
    count = _check.integer("generations", generations, 1, _check.GENERATION_LIMIT)
    given = np.atleast_1d(_check.numbers(name, values, low, high, ndim=(0, 1)))
    return given[np.minimum(np.arange(count), given.size - 1)]
