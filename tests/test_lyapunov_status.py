"""Discrete Lyapunov equations: refined solutions of any size, and when there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autophage as ap

EPS = 2.0**-52


@pytest.mark.parametrize("n", [17, 32, 47, 48, 50, 90, 128])
@pytest.mark.parametrize("triangular", [False, True])
def test_refined_at_any_size(n: int, triangular: bool) -> None:
    """Whole numbers over powers of two make q exact for a known x."""
    rng = np.random.default_rng(n)
    rows = rng.standard_normal((n, n))
    rows *= 0.998 / np.abs(np.linalg.eigvals(rows)).max()
    if triangular:
        rows = np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n)
        rows += np.diag(np.linspace(-0.998, 0.998, n))
    whole = np.rint(4096 * rows).astype(np.int64)
    exact = rng.integers(-9, 10, (n, n))
    exact += exact.T
    scaled = 2**24 * exact - whole @ exact @ whole.T
    assert np.abs(scaled).max() < 2**53
    a, q = whole / 4096, scaled / 2**24
    x, info = ap.solve_discrete_lyapunov(a, q, return_info=True)
    largest = np.abs(exact).max()
    assert np.abs(x - exact).max() <= EPS * largest
    plain, power = q, a
    for _ in range(int(info.iterations)):
        plain, power = plain + power @ plain @ power.T, power @ power
    assert np.abs(plain - exact).max() > 8 * EPS * largest, "doubling alone would do"


@pytest.mark.parametrize("n", [1, 3, 20, 50])
def test_radii_near_one(n: int) -> None:
    """Within 5e-14 of one counts as one; beyond 1e-13 there is a solution."""
    turn = np.eye(n)
    if n > 1:
        turn[:2, :2] = [[0.6, -0.8], [0.8, 0.6]]
    for apart, status in ((-1e-15, 1), (0.0, 1), (1e-16, 1), (4e-14, 1), (1.2e-13, 0)):
        a = (1.0 - apart) * turn
        x, info = ap.solve_discrete_lyapunov(a, np.eye(n), errors="nan", return_info=True)
        assert info.status == status
        if status == 0:  # a rounding of a changes that many digits
            assert np.allclose(x, np.eye(n) / (2.0 * apart), rtol=1e-2)


@pytest.mark.parametrize(
    "a",
    [[[1, 2], [0, 1]], [[2, 1e3], [0, 2]], [[1, 1e6], [0, 0.5]], [[-1, 1e6], [0, 0.5]]],
)
def test_divergence_is_told_from_ill_conditioning(a: Any) -> None:
    _, info = ap.solve_discrete_lyapunov(a, np.eye(2), errors="nan", return_info=True)
    assert info.status == 1


def test_divergence_is_seen_in_triangles() -> None:
    rng = np.random.default_rng(1)
    for size in (1.0, 10.0):
        a = size * np.triu(rng.standard_normal((200, 8, 8)), 1) + 1.2 * np.eye(8)
        _, info = ap.solve_discrete_lyapunov(a, np.eye(8), errors="nan", return_info=True)
        assert (info.status == 1).all()
