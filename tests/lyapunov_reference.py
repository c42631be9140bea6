"""Discrete Lyapunov equations to sixty digits and more, and examples to judge by."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
from numpy.typing import NDArray

BITS = 500  # binary digits behind the point
Floats = NDArray[np.float64]


def fixed(matrix: NDArray[Any]) -> NDArray[Any]:
    """Integers, in units of 2^-BITS: exact for every double that is not tiny."""
    rows = [zip(*np.frexp(row), strict=True) for row in matrix]
    whole = [
        [int(m * 2**60) << (BITS - 60 + int(e)) if e > 60 - BITS else 0 for m, e in row]
        for row in rows
    ]
    return np.array(whole, dtype=object)


def times(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((a @ b) >> BITS)


def truth(a: Floats, q: Floats) -> NDArray[Any]:
    """X in units of 2^-BITS, by doubling in whole numbers."""
    power, x = fixed(a), fixed(q)
    for _ in range(64):
        x = x + times(times(power, x), power.T)
        power = times(power, power)
        most = np.abs(power).max()
        if most < 1 << (BITS // 2 - 60):
            return np.asarray(x)
        if most > 1 << (BITS + 300):
            break
    msg = "the spectral radius of a is at least 1"
    raise ArithmeticError(msg)


def sixty_digits(a: Floats, q: Floats) -> NDArray[Any]:
    """X for symmetric q in units of 2^-BITS, from the linear equations for its lower triangle.

    No powers of a and no eigenvalues: nothing that the solvers do. A condition number of 1e60 would
    still leave sixty digits.
    """
    n = len(a)
    pairs = [(i, j) for i in range(n) for j in range(i + 1)]
    with mp.workdps(120):
        exact = [[mp.mpf(float(value)) for value in row] for row in a]
        rows = [
            [
                (i == k and j == m)
                - exact[i][k] * exact[j][m]
                - (k != m) * exact[i][m] * exact[j][k]
                for k, m in pairs
            ]
            for i, j in pairs
        ]
        found = mp.lu_solve(mp.matrix(rows), mp.matrix([float(q[i, j]) for i, j in pairs]))
        x = np.zeros((n, n), dtype=object)
        for (i, j), value in zip(pairs, found, strict=True):
            x[i, j] = x[j, i] = int(mp.floor(mp.ldexp(value, BITS)))
        return x


def spectral_radius(a: Floats) -> float:
    """The largest modulus of an eigenvalue, from sixty digits."""
    with mp.workdps(60):
        values = mp.eig(mp.matrix(a.tolist()), left=False, right=False)
        return float(max(abs(value) for value in values))


def error(x: Floats, exact: NDArray[Any]) -> float:
    """Frobenius norm of the error over that of the solution."""
    if not np.isfinite(x).all():
        return np.inf
    gap = (fixed(x) - exact).astype(object)
    shift = max(int(np.abs(exact).max()).bit_length() - 100, 0)
    small = np.array((exact >> shift).tolist(), float)
    most = max(int(np.abs(gap).max()).bit_length() - 100, 0)
    part = np.array((gap >> most).tolist(), float)
    return float(np.linalg.norm(part) / np.linalg.norm(small)) * 2.0 ** (most - shift)


def dtlex(core: Floats, s: float) -> tuple[Floats, Floats]:
    """The pair (a, q) of DTLEX 4.1 and 4.2 around a core matrix.

    The collection states A^T X A - X = -B^T B with A = H2 S H1 core H1 S^-1 H2, where H1 = I -
    (2/n) e e^T and H2 = I - (2/n) f f^T reflect along e = (1, .., 1) and f = (-1, 1, -1, ..), S =
    diag(1, s, .., s^(n-1)) and B = (1 - 2/n, -2/n .. ) row of H1 S^-1 H2; so a = A^T, q = B^T B.
    """
    n = len(core)
    e, f = np.ones(n), (-1.0) ** np.arange(1, n + 1)
    h1, h2 = np.eye(n) - 2 / n * np.outer(e, e), np.eye(n) - 2 / n * np.outer(f, f)
    scale = s ** np.arange(n, dtype=float)
    a = h2 @ ((h1 @ core @ h1) * scale[:, None] / scale) @ h2
    b = (h1[0] / scale) @ h2
    return a.T.copy(), np.outer(b, b)


def dtlex_41(n: int, r: float, s: float) -> tuple[Floats, Floats]:
    """Eigenvalues (r^i - 1) / (r^i + 1), i = 0 .. n-1."""
    powers = r ** np.arange(n, dtype=float)
    return dtlex(np.diag((powers - 1) / (powers + 1)), s)


def dtlex_42(n: int, value: float, s: float) -> tuple[Floats, Floats]:
    """One Jordan block."""
    return dtlex(np.diag(np.full(n, value)) + np.diag(np.ones(n - 1), 1), s)


def residual(a: NDArray[Any], x: NDArray[Any], q: NDArray[Any]) -> float:
    """In the norm of a backward error: 1e-16 is as good as x can be rounded."""
    norm = np.linalg.norm
    size = norm(a) ** 2 * norm(x) + norm(x) + norm(q)
    return float(norm(a @ x @ a.conj().T - x + q) / size)
