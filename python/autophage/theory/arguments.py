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


def network_rate(name: str, value: float) -> float:
    """Check one rate of a mixture's update, in (0, 1).

    Examples
    --------
    >>> network_rate("rate", 0.02)
    0.02
    """
    return _check.number(name, value, 0.0, 1.0, low_open=True, high_open=True)


def prior_share(prior: float, components: int) -> float:
    """Check the strength c of the prior of M components: c >= 0 and M c < 1.

    Examples
    --------
    >>> prior_share(0.3, 3)
    0.3
    >>> prior_share(0.5, 2)
    Traceback (most recent call last):
    ...
    ValueError: prior must be below 1/2 for 2 components, got 0.5
    """
    c = _check.number("prior", prior, 0.0)
    if components * c >= 1.0:
        msg = f"prior must be below 1/{components} for {components} components, got {c!r}"
        raise ValueError(msg)
    return c


def one_law(name: str, value: npt.ArrayLike) -> FloatArray:
    """Check one law, (M,).

    Examples
    --------
    >>> one_law("share", [0.25, 0.75])
    array([0.25, 0.75])
    """
    law = _check.laws(name, value)
    if law.ndim != 1:
        msg = f"{name} must be one law, (M,), got shape {law.shape}"
        raise ValueError(msg)
    return law
