"""Discrete Lyapunov equations in batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autophage import _check, _core

FINE, UNSTABLE, NOT_FINITE, LOST = range(4)
"""Status of an item: solved, spectral radius of at least one, not finite, not to be solved."""

_REASONS = {
    UNSTABLE: "a has a spectral radius of at least 1",
    NOT_FINITE: "a or q is not finite",
    LOST: "the equation is too ill conditioned for double precision, or x is beyond its range",
}
_NAMED = 5  # items that an error names; the rest are counted


@dataclass(frozen=True)
class LyapunovInfo:
    """What `solve_discrete_lyapunov` knows of each item, in arrays over the leading axes.

    Attributes
    ----------
    status : ndarray of int32
        0: solved. 1: a has a spectral radius of at least 1, or too near it: up to 1 - 5e-14 it
        always counts as 1, below 1 - 1e-13 never. 2: a or q holds a NaN or an infinity. 3: too ill
        conditioned for double precision, or the solution is beyond its range.
    condition : ndarray of float64
        ``(1 + norm1(a) norminf(a)) norminf(p)`` with p the solution for q = identity: at least the
        condition number, in the spectral norm, of the map from x to x - a x a^H, and at most n
        times more where a is normal. NaN where the status is not 0.
    iterations : ndarray of int32
        Doublings of the first solution: after k of them x holds 2^k terms of the sum.
    """

    status: NDArray[np.int32]
    condition: NDArray[np.float64]
    iterations: NDArray[np.int32]


@overload
def solve_discrete_lyapunov(
    a: ArrayLike,
    q: ArrayLike,
    *,
    errors: Literal["raise", "nan"] = ...,
    return_info: Literal[False] = ...,
    threads: int | None = ...,
) -> NDArray[Any]: ...
@overload
def solve_discrete_lyapunov(
    a: ArrayLike,
    q: ArrayLike,
    *,
    errors: Literal["raise", "nan"] = ...,
    return_info: Literal[True],
    threads: int | None = ...,
) -> tuple[NDArray[Any], LyapunovInfo]: ...


def solve_discrete_lyapunov(
    a: ArrayLike,
    q: ArrayLike,
    *,
    errors: Literal["raise", "nan"] = "raise",
    return_info: bool = False,
    threads: int | None = None,
) -> NDArray[Any] | tuple[NDArray[Any], LyapunovInfo]:
    """Solve ``a x a^H - x + q = 0`` for x, for many pairs (a, q) at once.

    The convention is that of `scipy.linalg.solve_discrete_lyapunov`: x is the sum of
    ``a^j q (a^H)^j`` over j = 0, 1, ...

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        Real or complex, each of spectral radius below 1.
    q : array_like, shape (..., n, n)
        Real or complex. The leading axes of a and q broadcast. Integers and float32 are taken as
        float64, complex64 as complex128.
    errors : {"raise", "nan"}
        What to do about items that have no solution or hold what is not finite: raise, naming them,
        or fill them with NaN. The others are solved in either case.
    return_info : bool
        Give the status, the condition and the iterations of every item too.
    threads : int, optional
        Threads that share the batch; by default the environment variable AUTOPHAGE_NUM_THREADS, or
        one per CPU. They change no bit of the result.

    Returns
    -------
    x : ndarray of float64 or complex128, shape (..., n, n)
        Complex where a or q is. Symmetric (Hermitian) to the bit where q is. An item has the same
        bits alone and in any batch.
    info : LyapunovInfo
        Only with ``return_info=True``.

    Raises
    ------
    numpy.linalg.LinAlgError
        A `ValueError`. With ``errors="raise"``, where an item fails.
    TypeError, ValueError
        Where an argument is of the wrong kind or shape.

    Notes
    -----
    Squared Smith doubling, ``x <- x + a x a^H, a <- a a``, then refinement with the residual in
    twice the precision: always for n <= 16, above where doublings were many or the powers of a
    grew. A refined x is exact but for the rounding of its entries, relative to the largest. Where
    doubles cannot solve an equation, numbers of twice the precision try; where the powers of a grow
    too far even for these, its complex Schur form in such numbers, which takes seconds at n = 128.
    Refused (status 3) is what that form in doubles puts elsewhere altogether: rounding a and q
    alone then changes every digit of x. The bits depend on the instruction set, to within rounding;
    the environment variable AUTOPHAGE_INSTRUCTIONS (avx512, avx2, baseline) chooses it.

    Examples
    --------
    A matrix a that is not symmetric tells the convention: the transposed equation has another
    solution.

    >>> import numpy as np
    >>> import autophage as ap
    >>> a = np.array([[0.5, 1.0], [0.0, 0.5]])
    >>> x = ap.solve_discrete_lyapunov(a, np.diag([0.0, 3.0]))
    >>> print(x.round(12))
    [[8.88888889 2.66666667]
     [2.66666667 4.        ]]
    >>> bool(np.allclose(a @ x @ a.T - x + np.diag([0.0, 3.0]), 0))
    True

    A batch of 3 with one unstable member:

    >>> rates = np.array([0.5, 1.0, 0.9])[:, None, None]
    >>> x, info = ap.solve_discrete_lyapunov(rates, [[1.0]], errors="nan", return_info=True)
    >>> print(x.ravel(), info.status)
    [1.33333333        nan 5.26315789] [0 1 0]
    """
    _check.choice("errors", errors, ("raise", "nan"))
    wants_info = _check.flag("return_info", return_info)
    workers = _check.threads(threads)
    left, right = _matrices("a", a), _matrices("q", q)
    if left.shape[-1] != right.shape[-1]:
        msg = f"q must have matrices as large as those of a, {left.shape}, got {right.shape}"
        raise ValueError(msg)
    try:
        lead = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except ValueError:
        msg = (
            "q must have leading axes that broadcast with those of a, "
            f"{left.shape[:-2]}, got {right.shape[:-2]}"
        )
        raise ValueError(msg) from None
    kind = np.result_type(left, right)
    x = np.empty((*lead, *left.shape[-2:]), kind)
    info = _solve(_batch(left, lead, kind), _batch(right, lead, kind), x, wants_info, workers)
    if errors == "raise" and info.status.any():
        _tell(info.status)
    return (x, info) if wants_info else x


def _solve(
    a: NDArray[Any], q: NDArray[Any], x: NDArray[Any], wants_info: bool, threads: int
) -> LyapunovInfo:
    lead = x.shape[:-2]
    out: dict[str, NDArray[Any]] = {"status": np.zeros(lead, np.int32)}
    if wants_info:
        out["iterations"] = np.zeros(lead, np.int32)
        out["condition"] = np.full(lead, np.nan)
    flat = x.reshape(-1, *x.shape[-2:])  # a view: x is new and in C order
    if flat.size:
        kernel = _core.solve_lyapunov_complex if x.dtype.kind == "c" else _core.solve_lyapunov
        kernel(a, q, flat, out, threads, None)
    nothing = np.zeros(lead)
    condition = out.get("condition", nothing)
    return LyapunovInfo(out["status"], condition, out.get("iterations", nothing.astype(np.int32)))


def _matrices(name: str, value: ArrayLike) -> NDArray[Any]:
    """Check square matrices of numbers and give them as float64 or complex128."""
    requirement = "numbers of shape (..., n, n) with n >= 1"
    if isinstance(value, np.ma.MaskedArray):
        msg = f"{name} must be {requirement}, without a mask, got a masked array"
        raise TypeError(msg)
    try:
        array = np.asarray(value)
    except ValueError as error:
        msg = f"{name} must be {requirement}, in rows of equal length, got {type(value).__name__}"
        raise ValueError(msg) from error
    if array.dtype.kind not in "iufc" or array.dtype.itemsize > (16 if _is_complex(array) else 8):
        msg = f"{name} must be {requirement}, got dtype {array.dtype}"
        raise TypeError(msg)
    if array.ndim < 2 or array.shape[-1] != array.shape[-2] or array.shape[-1] == 0:
        msg = f"{name} must be {requirement}, got shape {array.shape}"
        raise ValueError(msg)
    with np.errstate(invalid="ignore"):  # a signalling NaN warns here, and gets its status later
        return array.astype(np.complex128 if _is_complex(array) else np.float64, copy=False)


def _is_complex(array: NDArray[Any]) -> bool:
    return array.dtype.kind == "c"


def _batch(array: NDArray[Any], lead: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """Give a contiguous (items, n, n), or (1, n, n) where all items are the same."""
    matrix = array.shape[-2:]
    full = (
        array if array.size == matrix[0] * matrix[1] else np.broadcast_to(array, (*lead, *matrix))
    )
    return np.ascontiguousarray(full.reshape(-1, *matrix), dtype=kind)


def _tell(status: NDArray[np.int32]) -> None:
    parts = []
    for kind, reason in _REASONS.items():
        found = np.argwhere(status == kind)
        if not len(found):
            continue
        if status.ndim == 0:
            parts.append(reason)
            continue
        named = ", ".join(str(index) for index in found[:_NAMED].tolist())
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        parts.append(f"at {named}{more} {reason}")
    msg = f"no solution x: {'; '.join(parts)} (errors='nan' solves the rest)"
    raise np.linalg.LinAlgError(msg)
