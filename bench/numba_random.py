"""Random numbers inside numba functions, from either of two sources.

A `numpy.random.Generator`, as most would write, or the four words of a hand-written xoshiro256++,
where one word serves two draws: twice as fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import int64, njit, types, uint64
from numba.extending import overload
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Words = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
Source = np.random.Generator | Words
Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile with numba and keep the Python signature."""
    return cast(Function, njit(error_model="numpy")(function))


def xoshiro(seed: int) -> Words:
    """Give the four words that start xoshiro256++."""
    a, b, c, d = np.random.SeedSequence(seed).generate_state(4, np.uint64)
    return a, b, c, d


@compiled
def _next(state: Words) -> tuple[Words, np.uint64]:
    a, b, c, d = state
    total = a + d
    word = ((total << uint64(23)) | (total >> uint64(41))) + a
    shifted = b << uint64(17)
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << uint64(45)) | (d >> uint64(19))
    return (a, b, c, d), word


def _unit(source: Source) -> tuple[Source, float]:
    """Draw a uniform number of [0, 1); numba picks the form by the type of the source."""
    raise NotImplementedError


@overload(_unit, strict=False)
def _unit_of(source: types.Type) -> Callable[..., Any]:
    if not isinstance(source, types.UniTuple):
        return lambda source: (source, source.random())

    def draw(source: Words) -> tuple[Words, float]:
        after, word = _next(source)
        return after, (word >> uint64(11)) * 2.0**-53

    return draw


def pair(source: Source, n: int) -> tuple[Source, Any, Any]:
    """Draw two integers below n, from xoshiro with a law that is off by less than n / 2^32."""
    raise NotImplementedError


@overload(pair, strict=False)
def _pair_of(source: types.Type, n: types.Type) -> Callable[..., Any]:  # noqa: ARG001
    if not isinstance(source, types.UniTuple):
        return lambda source, n: (source, int(source.random() * n), int(source.random() * n))

    def draw(source: Words, n: int) -> tuple[Words, Any, Any]:
        after, word = _next(source)
        low, high, bound = word & uint64(0xFFFFFFFF), word >> uint64(32), uint64(n)
        return after, int64((low * bound) >> uint64(32)), int64((high * bound) >> uint64(32))

    return draw


@compiled
def token_from(cdf: Floats, source: Source) -> tuple[Source, Any]:
    """Draw a token whose law has the given cumulative sums."""
    source, u = _unit(source)
    return source, min(np.searchsorted(cdf, np.float64(u), side="right"), cdf.size - 1)
