"""Discrete Lyapunov equations: accuracy, failures of single items, bits, refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy import linalg

import autophage as ap
from lyapunov_reference import (
    Floats,
    dtlex_41,
    dtlex_42,
    error,
    residual,
    sixty_digits,
    spectral_radius,
    truth,
)

EPS = 2.0**-52
BEHIND_SCIPY = 4.0  # times the error of the better of SciPy's methods, or of one rounding
SETS = ("baseline", "avx2", "avx512")


def scipy_error(a: Floats, q: Floats, exact: Any) -> float:
    found = []
    for method in ("bilinear", "direct"):
        try:
            found.append(error(linalg.solve_discrete_lyapunov(a, q, method=method), exact))
        except (np.linalg.LinAlgError, linalg.LinAlgWarning):
            continue
    return min(found, default=np.inf)


def stable(rng: np.random.Generator, n: int, radius: float, count: int = 1) -> Floats:
    a = rng.standard_normal((count, n, n))
    a *= radius / np.abs(np.linalg.eigvals(a)).max(axis=1)[:, None, None]
    return np.asarray(a)


def covariance(rng: np.random.Generator, n: int, count: int = 1) -> Floats:
    x = rng.standard_normal((count, n, n))
    return np.asarray(x @ x.mT)


def assert_accurate(a: Floats, q: Floats, exact: Any) -> None:
    x = ap.solve_discrete_lyapunov(a, q)
    allowed = BEHIND_SCIPY * max(scipy_error(a, q, exact), EPS / 2)
    assert error(x, exact) <= allowed
    assert residual(a, x, q) <= 1e-14
    assert np.array_equal(x, x.T)


FIRST = [(n, r, s) for n in (2, 3, 5, 10) for r in (1.5, 2.0, 5.0) for s in (1.05, 1.5, 2.0)]
JORDAN = [(n, v) for n in (2, 3, 5, 10) for v in (-0.5, 0.5, 0.75, 0.9)]
JORDAN += [(n, v) for n in (2, 3, 5) for v in (0.99, 0.999)]
JORDAN += [(n, v) for n in (2, 3) for v in (0.9999, 0.99999)] + [(2, 0.999999)]
OUTSIDE = [(3, 0.999999), (5, 0.9999), (10, 0.99), (10, 0.999999)]


@pytest.mark.filterwarnings("ignore:Ill-conditioned:scipy.linalg.LinAlgWarning")
class TestAccuracy:
    @pytest.mark.parametrize(("n", "r", "s"), [*FIRST, (2, 2e6, 1.5), (4, 126.0, 1.5)])
    def test_dtlex_41(self, n: int, r: float, s: float) -> None:
        a, q = dtlex_41(n, r, s)
        assert_accurate(a, q, sixty_digits(a, q))

    @pytest.mark.parametrize(("n", "value"), JORDAN)
    def test_dtlex_42(self, n: int, value: float) -> None:
        """Up to a condition number of 1e26 or so, where SciPy is off by a tenth."""
        a, q = dtlex_42(n, value, 1.5)
        assert_accurate(a, q, sixty_digits(a, q))

    @pytest.mark.parametrize(("n", "value"), OUTSIDE)
    def test_dtlex_42_beyond_the_circle(self, n: int, value: float) -> None:
        """Rounding the collection's a to doubles takes its eigenvalues out of the unit circle."""
        a, q = dtlex_42(n, value, 1.5)
        assert spectral_radius(a) > 1.0
        x, info = ap.solve_discrete_lyapunov(a, q, errors="nan", return_info=True)
        assert info.status == 1
        assert np.isnan(x).all()

    def test_the_truths_agree(self) -> None:
        """Linear equations in 120 digits against doubling in whole numbers of 500 bits."""
        for a, q in (dtlex_41(5, 5.0, 1.5), dtlex_42(3, 0.99, 1.5), dtlex_42(10, 0.5, 1.5)):
            gap = sixty_digits(a, q) - truth(a, q)
            assert np.abs(gap).max() <= 1e-60 * float(np.abs(truth(a, q)).max())

    def test_what_no_double_can_hold_is_refused(self) -> None:
        """Rounding a alone changes every digit of x, though its spectral radius is below 1."""
        a, q = dtlex_42(3, 0.99999, 1.5)
        near = 1.000005 * a
        assert spectral_radius(near) < 1.0
        x, info = ap.solve_discrete_lyapunov(near, q, errors="nan", return_info=True)
        assert info.status == 3
        assert np.isnan(x).all()

    @pytest.mark.parametrize("n", range(1, 17))
    def test_random(self, n: int) -> None:
        rng = np.random.default_rng(n)
        for radius in (0.5, 0.99, 0.999999):
            a, q = stable(rng, n, radius)[0], covariance(rng, n)[0]
            assert_accurate(a, q, truth(a, q))

    @pytest.mark.parametrize("n", [4, 8, 16])
    def test_refined_to_the_rounding_of_x(self, n: int) -> None:
        rng = np.random.default_rng(n)
        a, q = stable(rng, n, 0.999)[0], covariance(rng, n)[0]
        assert error(ap.solve_discrete_lyapunov(a, q), truth(a, q)) <= EPS

    @pytest.mark.parametrize("n", [20, 32, 50])
    @pytest.mark.parametrize("radius", [0.5, 0.9, 0.999])
    @pytest.mark.parametrize("triangular", [False, True])
    def test_large(self, n: int, radius: float, triangular: bool) -> None:
        rng = np.random.default_rng(n)
        a = stable(rng, n, radius)[0]
        if triangular:
            a = np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n)
            a += np.diag(rng.uniform(-radius, radius, n))
            a[n // 2, n // 2] = radius
        q = covariance(rng, n)[0]
        x, info = ap.solve_discrete_lyapunov(a, q, return_info=True)
        assert error(x, truth(a, q)) <= 100 * EPS * info.condition

    @pytest.mark.parametrize("triangular", [False, True])
    def test_as_large_as_promised(self, triangular: bool) -> None:
        n, rng = 128, np.random.default_rng(5)
        a = stable(rng, n, 0.999)[0]
        if triangular:
            a = np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n)
            a += np.diag(np.linspace(-0.999, 0.999, n))
        q = covariance(rng, n)[0]
        x, info = ap.solve_discrete_lyapunov(a, q, return_info=True)
        # The residual of the exact x in quadruple precision stands in for the truth.
        wide = a.astype(np.longdouble)
        gap = wide @ x.astype(np.longdouble) @ wide.T - x + q
        assert np.linalg.norm(gap.astype(float)) <= 1e-14 * np.linalg.norm(x) * info.condition

    def test_complex(self) -> None:
        rng = np.random.default_rng(3)
        for n in range(1, 9):
            a = rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))
            a *= 0.99 / np.abs(np.linalg.eigvals(a)).max()
            b = rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))
            q = b @ b.conj().T
            q = (q + q.conj().T) / 2
            x = ap.solve_discrete_lyapunov(a, q)
            assert np.array_equal(x, x.conj().T)
            # As real equations of twice the size.
            real, other = (np.block([[m.real, -m.imag], [m.imag, m.real]]) for m in (a, q))
            both = np.block([[x.real, -x.imag], [x.imag, x.real]])
            assert error(both, truth(real, other)) <= 4 * EPS

    def test_q_without_symmetry(self) -> None:
        rng = np.random.default_rng(4)
        a, q = stable(rng, 6, 0.9)[0], rng.standard_normal((6, 6))
        assert error(ap.solve_discrete_lyapunov(a, q), truth(a, q)) <= 4 * EPS
        mixed = ap.solve_discrete_lyapunov(np.array([a, a]), np.array([q, q + q.T]))
        assert np.array_equal(mixed[0], ap.solve_discrete_lyapunov(a, q))
        assert np.array_equal(mixed[1], mixed[1].T)

    def test_a_planted_fault_is_seen(self) -> None:
        """One doubling too few, or a residual in plain precision, would not pass."""
        a, q = dtlex_41(10, 5.0, 1.5)
        exact = truth(a, q)
        x, power = q, a
        for _ in range(25):
            x, power = x + power @ x @ power.T, power @ power
        allowed = BEHIND_SCIPY * max(scipy_error(a, q, exact), EPS / 2)
        few = ap.solve_discrete_lyapunov(a, q) * (1 - 1e-7)
        assert error(few, exact) > allowed
        assert error(x, exact) > 100 * error(ap.solve_discrete_lyapunov(a, q), exact)


class TestItems:
    def test_bits_do_not_depend_on_the_batch(self) -> None:
        rng = np.random.default_rng(1)
        for n, kind in (
            (1, float),
            (5, float),
            (9, complex),
            (17, float),
            (47, float),
            (49, float),
        ):
            a = stable(rng, n, 1.0, 19).astype(kind) * rng.uniform(0.1, 0.99, (19, 1, 1))
            q = covariance(rng, n, 19).astype(kind)
            whole = ap.solve_discrete_lyapunov(a, q, threads=1)
            for threads in (2, 3):
                assert np.array_equal(ap.solve_discrete_lyapunov(a, q, threads=threads), whole)
            alone = np.array([ap.solve_discrete_lyapunov(*pair) for pair in zip(a, q, strict=True)])
            assert np.array_equal(alone, whole)
            split = [ap.solve_discrete_lyapunov(a[i], q[i]) for i in (slice(0, 7), slice(7, 19))]
            assert np.array_equal(np.concatenate(split), whole)

    def test_bits_of_hard_items_do_not_depend_on_the_batch(self) -> None:
        """Items that squarings cannot solve, among others and alone; also in complex numbers."""
        hard = [dtlex_42(5, value, 1.5) for value in (0.99, 0.999, 0.5, 0.9999, 0.95)]
        a, q = (np.array(part) for part in zip(*hard, strict=True))
        turn = np.exp(1j * np.arange(5.0))[:, None, None]
        for left in (a, a * turn):
            x, info = ap.solve_discrete_lyapunov(left, q, errors="nan", return_info=True)
            assert info.status.tolist() == [0, 0, 0, 1, 0]
            fine = info.status == 0
            assert (info.condition[fine] > 1.0).all()
            back = ap.solve_discrete_lyapunov(left[fine][::-1], q[fine][::-1])[::-1]
            assert np.array_equal(back, x[fine])
            for k in np.flatnonzero(fine):
                alone, told = ap.solve_discrete_lyapunov(left[k], q[k], return_info=True)
                assert np.array_equal(alone, x[k])
                assert told.condition == info.condition[k]
                assert np.array_equal(alone, alone.conj().T)
        # A turn of a changes nothing but the rounding of a.
        assert error(x[4].real, truth(a[4], q[4])) <= 1e-6

    @pytest.mark.parametrize("n", [20, 50])
    def test_hard_and_broken_items_among_large_ones(self, n: int) -> None:
        """Where twice the precision is needed, beside what is unstable and what is not finite."""
        rng = np.random.default_rng(9)
        a, q = stable(rng, n, 0.9, 12), covariance(rng, n, 12)
        good = ap.solve_discrete_lyapunov(a, q)
        a[2] = 0.5 * np.eye(n) + 0.6 * np.eye(n, k=1)
        a[5], a[7, 0, n - 1] = 2.0 * a[5], np.inf
        x, info = ap.solve_discrete_lyapunov(a, q, errors="nan", return_info=True)
        assert info.status.tolist() == [0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0]
        untouched = np.setdiff1d(np.flatnonzero(info.status == 0), [2])
        assert np.array_equal(x[untouched], good[untouched])
        assert np.array_equal(x[2], ap.solve_discrete_lyapunov(a[2], q[2]))
        assert np.isnan(x[[5, 7]]).all()
        assert error(x[2], truth(a[2], q[2])) <= 4 * EPS
        assert (info.condition[info.status == 0] > 1.0).all()

    def test_failures_leave_the_rest_alone(self) -> None:
        rng = np.random.default_rng(2)
        a, q = stable(rng, 4, 0.9, 12), covariance(rng, 4, 12)
        good = ap.solve_discrete_lyapunov(a, q)
        bad = a.copy()
        bad[1], bad[3], bad[5] = np.eye(4), 1.1 * a[3] / 0.9, -np.eye(4)
        bad[6, 2, 2], bad[8] = np.nan, a[8] * 1e200
        wrong = q.copy()
        wrong[9, 0, 1] = np.inf
        x, info = ap.solve_discrete_lyapunov(bad, wrong, errors="nan", return_info=True)
        assert info.status.tolist() == [0, 1, 0, 1, 0, 1, 2, 0, 1, 2, 0, 0]
        fine = info.status == 0
        assert np.array_equal(x[fine], good[fine])
        assert np.isnan(x[~fine]).all()
        assert np.isnan(info.condition[~fine]).all()
        with pytest.raises(np.linalg.LinAlgError, match=r"at \[1\], \[3\].*\[6\], \[9\] a or q is"):
            ap.solve_discrete_lyapunov(bad, wrong)

    @pytest.mark.parametrize("angle", [0.0, 0.1, 1.0, np.pi / 2, np.pi])
    def test_a_radius_of_one_is_seen(self, angle: float) -> None:
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        _, info = ap.solve_discrete_lyapunov(turn, np.eye(2), errors="nan", return_info=True)
        assert info.status == 1
        x = ap.solve_discrete_lyapunov(turn * (1 - 1e-10), np.eye(2))
        assert np.allclose(x, np.eye(2) / 2e-10, rtol=1e-5)

    def test_extreme_sizes(self) -> None:
        a = np.array([[0.5, 0.25], [0.0, 0.5]])
        one = ap.solve_discrete_lyapunov(a, np.eye(2))
        for size in (2.0**-1000, 2.0**1000):
            assert np.array_equal(ap.solve_discrete_lyapunov(a, size * np.eye(2)), size * one)
        assert not ap.solve_discrete_lyapunov(a, np.zeros((2, 2))).any()
        nilpotent = np.array([[0.0, 1e5], [0.0, 0.0]])
        x = ap.solve_discrete_lyapunov(nilpotent, np.eye(2))
        assert np.array_equal(x, np.diag([1e10 + 1, 1.0]))
        _, info = ap.solve_discrete_lyapunov([[0.9]], [[1e308]], errors="nan", return_info=True)
        assert info.status == 3
        for most in (1.7e308, np.finfo(float).max, 2.0**1023, 5e-324):
            assert ap.solve_discrete_lyapunov([[0.0]], [[most]]) == most
            assert np.isclose(ap.solve_discrete_lyapunov([[0.25]], [[most / 2]]), most / 2 / 0.9375)

    def test_the_condition_bounds_that_of_the_map(self) -> None:
        rng = np.random.default_rng(6)
        for n in (1, 3, 6):
            a = stable(rng, n, 0.95)[0]
            _, info = ap.solve_discrete_lyapunov(a, np.eye(n), return_info=True)
            stein = np.eye(n * n) - np.kron(a, a)
            true = np.linalg.cond(stein)
            assert true / n <= info.condition <= 30 * n * true
            assert info.iterations >= 5

    def test_axes_broadcast(self) -> None:
        rng = np.random.default_rng(7)
        a, q = stable(rng, 3, 0.8, 4), covariance(rng, 3, 5)
        x, info = ap.solve_discrete_lyapunov(a[:, None], q, return_info=True)
        assert x.shape == (4, 5, 3, 3)
        assert info.status.shape == (4, 5)
        assert np.array_equal(x[2, 3], ap.solve_discrete_lyapunov(a[2], q[3]))
        assert np.array_equal(ap.solve_discrete_lyapunov(a[2], q)[1], x[2, 1])
        assert ap.solve_discrete_lyapunov(a[:0], q[:0]).shape == (0, 3, 3)

    def test_kinds_of_numbers(self) -> None:
        a, q = np.array([[1, 2], [0, 1]]) / 4, np.eye(2)
        x = ap.solve_discrete_lyapunov(a, q)
        for first in (a.astype(np.float32), a.astype(">f8"), a.tolist(), np.asfortranarray(a)):
            assert np.array_equal(ap.solve_discrete_lyapunov(first, np.eye(2, dtype=int)), x)
        for left, right in ((a + 0j, q), (a, q + 0j), (a.astype(np.complex64), q)):
            mixed = ap.solve_discrete_lyapunov(left, right)
            assert mixed.dtype == np.complex128
            assert np.allclose(mixed, x, rtol=4 * EPS)
        frozen = a.copy()
        frozen.flags.writeable = False
        assert np.array_equal(ap.solve_discrete_lyapunov(frozen, q), x)


REFUSED: list[tuple[object, object, type[Exception], str]] = [
    (np.eye(2), np.eye(3), ValueError, "q must have matrices as large"),
    (np.ones((2, 3)), np.eye(2), ValueError, r"a must be .* got shape \(2, 3\)"),
    (0.5, np.eye(1), ValueError, r"a must be .* got shape \(\)"),
    (np.ones((0, 0)), np.ones((0, 0)), ValueError, "a must be .* n >= 1"),
    (np.eye(2) > 0, np.eye(2), TypeError, "a must be .* got dtype bool"),
    (np.eye(2), [["1", "2"], ["3", "4"]], TypeError, "q must be .* got dtype"),
    (np.eye(2), np.eye(2).astype(object), TypeError, "q must be .* got dtype object"),
    (np.eye(2).astype(np.longdouble), np.eye(2), TypeError, "a must be .* got dtype"),
    ([[1.0, 2.0], [3.0]], np.eye(2), ValueError, "a must be .* rows of equal length"),
    (np.ma.masked_equal(np.eye(2), 1.0), np.eye(2), TypeError, "a must be .* without a mask"),
    (np.ones((2, 3, 3)), np.ones((3, 3, 3)), ValueError, "q must have leading axes"),
]


@pytest.mark.parametrize(("a", "q", "kind", "message"), REFUSED)
def test_malformed_matrices_are_refused(
    a: Any, q: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        ap.solve_discrete_lyapunov(a, q)


def test_malformed_options_are_refused() -> None:
    bad: list[dict[str, Any]] = [{"errors": "ignore"}, {"return_info": 1}, {"threads": 0}]
    for options in bad:
        (name,) = options
        with pytest.raises((TypeError, ValueError), match=f"{name} must be"):
            ap.solve_discrete_lyapunov([[0.5]], [[1.0]], **options)


def test_instruction_sets_agree() -> None:
    code = (
        "import json, numpy as np, autophage as ap\n"
        "rng = np.random.default_rng(0)\n"
        "found = []\n"
        "for n in (1, 4, 7, 16, 25, 50):\n"
        "    a = rng.standard_normal((9, n, n))\n"
        "    a *= .99 / np.abs(np.linalg.eigvals(a)).max(1)[:, None, None]\n"
        "    x = ap.solve_discrete_lyapunov(a, np.eye(n))\n"
        "    y = ap.solve_discrete_lyapunov(a + 0j, np.eye(n))\n"
        "    found += [x.ravel().tolist(), y.real.ravel().tolist()]\n"
        "print(json.dumps(found))"
    )
    results = []
    for name in SETS:
        environment = os.environ | {"AUTOPHAGE_INSTRUCTIONS": name}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env=environment,
        )  # fmt: skip
        results.append(json.loads(done.stdout))
    for other in results[1:]:
        for first, second in zip(results[0], other, strict=True):
            scale = np.abs(first).max()
            assert np.abs(np.subtract(first, second)).max() <= 1e-12 * scale


@pytest.mark.parametrize("given", ["AVX2", "sse", " baseline"])
def test_unknown_instruction_sets_are_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOPHAGE_INSTRUCTIONS", given)
    message = f"AUTOPHAGE_INSTRUCTIONS must be baseline, avx2 or avx512, .* got '{given}'"
    with pytest.raises(ValueError, match=message):
        ap.solve_discrete_lyapunov([[0.5]], [[1.0]])
    with pytest.raises(ValueError, match=message):
        ap.InteractingLinear([[[1]]], [[1]], [[[1]]]).limit(0.5, 0.5)
