"""Verdicts: what the statistical tests of this suite have to show, and one place for their levels.

A single test fails with probability ALPHA when all is right. A family of tests is judged by Holm's
method at FAMILY, moments by |z| <= Z_LIMIT. Seeds are fixed, so a verdict is the same every time.
Agreement that is too good is a fault as well: repeated or stratified draws look like that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ALPHA = 1e-6
FAMILY = 1e-3
Z_LIMIT = 5.0
LEAST_EXPECTED = 20.0
LEAST_FREEDOM = 3  # with fewer cells an exact hit is likely, and no sign of a fault

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """The outcome of one chi-square test; `freedom` is 0 where only one cell is possible."""

    name: str
    p: float
    freedom: int
    text: str

    def __str__(self) -> str:
        return f"{self.name}: p = {self.p:.2e} ({self.freedom} degrees of freedom)\n{self.text}"


def chi_square(
    name: str, observed: npt.ArrayLike, expected: npt.ArrayLike, *, ordered: bool = True
) -> Fit:
    """Pearson's test of counts against their expectations, cells pooled to LEAST_EXPECTED.

    Neighbouring cells are pooled, or, where cells have no order, the rarest. Something in a cell
    that cannot be, or a total that differs, has p = 0.
    """
    found, wanted = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float)
    assert found.shape == wanted.shape
    if (found[wanted == 0.0] > 0.0).any() or abs(found.sum() - wanted.sum()) > 1e-9 * wanted.sum():
        return Fit(name, 0.0, 1, _table(found, wanted, "impossible cells or a wrong total"))
    if not ordered:
        order = np.argsort(-wanted, kind="stable")
        found, wanted = found[order], wanted[order]
    found, wanted = pooled(found, wanted)
    freedom = len(wanted) - 1
    statistic = float((np.square(found - wanted) / wanted).sum())
    return _fit(name, statistic, freedom, _table(found, wanted, "pooled cells"))


def two_samples(name: str, first: npt.ArrayLike, second: npt.ArrayLike) -> Fit:
    """Whether two samples of counts over the same ordered cells come from one law."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    edges = _edges((a + b) * min(a.sum(), b.sum()) / (a.sum() + b.sum()))
    a, b = np.add.reduceat(a, edges), np.add.reduceat(b, edges)
    share = (a + b) / (a.sum() + b.sum())
    statistic = sum(
        float((np.square(x - share * x.sum()) / (share * x.sum())).sum()) for x in (a, b)
    )
    expected = share * a.sum()
    return _fit(name, statistic, len(a) - 1, _table(a, expected, "first against both"))


def accept(fit: Fit) -> None:
    """Pass one test: neither too bad nor too good."""
    assert fit.p >= ALPHA, str(fit)
    assert not _too_good(fit), f"too good\n{fit}"


def accept_family(fits: Sequence[Fit]) -> None:
    """Pass a family of tests by Holm's method, none of them too good."""
    ranked = sorted((fit for fit in fits if fit.freedom > 0), key=lambda fit: fit.p)
    for rank, fit in enumerate(ranked):
        level = FAMILY / (len(ranked) - rank)
        assert fit.p >= level, f"below Holm's level {level:.1e} of {len(ranked)} tests\n{fit}"
    for fit in ranked:
        assert not _too_good(fit), f"too good\n{fit}"


def accept_moments(
    name: str,
    observed: npt.ArrayLike,
    expected: npt.ArrayLike,
    error: npt.ArrayLike,
    *,
    rounding: float = 0.0,
) -> float:
    """Pass means whose standard errors are known; where the error is 0 they must be equal.

    A gap of 1e-12 of the expectation, or of `rounding`, is no gap. Returns the largest |z|.
    """
    found, wanted, errors = np.broadcast_arrays(
        *(np.asarray(x, dtype=float) for x in (observed, expected, error))
    )
    gap = np.abs(found - wanted)
    z = np.where(
        gap <= np.maximum(1e-12 * np.abs(wanted), rounding), 0.0, gap / np.maximum(errors, 1e-300)
    )
    assert np.isfinite(z).all(), f"{name}: observed {found}, expected {wanted}, errors {errors}"
    if z.size == 0:
        return 0.0
    worst = np.unravel_index(int(z.argmax()), z.shape)
    assert z[worst] <= Z_LIMIT, (
        f"{name} at {tuple(map(int, worst))}: z = {z[worst]:.2f}, observed {found[worst]:.10g}, "
        f"expected {wanted[worst]:.10g}, standard error {errors[worst]:.3g}"
    )
    return float(z[worst])


def relative_bias_z(means: npt.ArrayLike, exact: npt.ArrayLike, errors: npt.ArrayLike) -> float:
    """Z of one bias common to many means, in proportion to them: the most telling sum of their z's.

    A chi-square test of 1e6 runs cannot see a bias of 1e-3; this sum over 24 of them can.
    """
    found, wanted, error = (np.asarray(x, dtype=float) for x in (means, exact, errors))
    random = error > 0.0
    weight = wanted[random] / error[random]
    z = (found[random] - wanted[random]) / error[random]
    return float((weight * z).sum() / np.sqrt(np.square(weight).sum()))


def accept_relative_bias(
    means: npt.ArrayLike, exact: npt.ArrayLike, errors: npt.ArrayLike
) -> float:
    """Pass a pooled z; means without an error must be exact."""
    still = np.asarray(errors) == 0.0
    assert (np.asarray(means)[still] == np.asarray(exact)[still]).all()
    z = relative_bias_z(means, exact, errors)
    assert abs(z) <= Z_LIMIT, f"a common relative bias: z = {z:.2f}"
    return z


def accept_distinct(rows: npt.ArrayLike, what: str) -> None:
    """Pass rows (k, length) of which no two are the same: equal rows share their random numbers."""
    table = np.asarray(rows)
    flat = table.reshape(len(table), -1)
    repeated = len(flat) - len(np.unique(flat, axis=0))
    assert repeated == 0, f"{what}: {repeated} of {len(flat)} repeat another one"


def digest(arrays: Iterable[tuple[str, npt.ArrayLike]]) -> str:
    """One hash of named arrays: names, shapes and little-endian values."""
    total = hashlib.sha256()
    for name, values in arrays:
        array = np.ascontiguousarray(values)
        total.update(f"{name}{array.shape}".encode())
        total.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return total.hexdigest()[:16]


def pooled(observed: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Neighbouring cells joined until each expects LEAST_EXPECTED; what is observed has no say."""
    edges = _edges(expected)
    return np.add.reduceat(observed, edges), np.add.reduceat(expected, edges)


def _edges(expected: Floats) -> npt.NDArray[np.intp]:
    starts, mass = [0], 0.0
    for i, e in enumerate(expected.tolist()):
        mass += e
        if mass >= LEAST_EXPECTED:
            starts.append(i + 1)
            mass = 0.0
    if len(starts) > 1:
        starts.pop()  # the last cell takes what is left over
    return np.array(starts)


def _fit(name: str, statistic: float, freedom: int, text: str) -> Fit:
    from scipy import stats

    p = float(stats.chi2.sf(statistic, freedom)) if freedom > 0 else 1.0
    return Fit(name, p, freedom, text)


def _too_good(fit: Fit) -> bool:
    return fit.freedom >= LEAST_FREEDOM and fit.p > 1.0 - ALPHA


def _table(observed: Floats, expected: Floats, title: str) -> str:
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (observed - expected) / np.sqrt(expected)
    worst = np.argsort(-np.abs(np.nan_to_num(z, posinf=np.inf)), kind="stable")[:8]
    rows = [
        f"  cell {i}: observed {observed[i]:.0f}, expected {expected[i]:.1f}, z {z[i]:+.1f}"
        for i in sorted(worst.tolist())
    ]
    return "\n".join([f"{title} ({len(observed)}), the worst:", *rows])
