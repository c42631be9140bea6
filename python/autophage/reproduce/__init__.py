"""The figures of the papers, made again: data, figures, and what was expected and found.

Each module makes the items of one paper. An item returns a `Reproduction`, whose checks compare the
simulation with exact results and with the paper's claims in numbers; `verdict` is its last line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from autophage.outputs import write_netcdf

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

Scale = Literal["smoke", "paper"]
Maker = Callable[["Settings"], "Reproduction"]

BOUND = 5.0  # largest |z| that still counts as agreement
_PAPERS = ("seddik2024", "contaminated2026", "interactive2025", "webdynamics2025")


@dataclass(frozen=True)
class Settings:
    """How an item is made.

    Parameters
    ----------
    scale : {"smoke", "paper"}
        "smoke" finishes within a minute on two cores; "paper" takes the constants of the paper.
    seed : int
        In [0, 2**64).
    threads : int or None
        Passed to `simulate`.
    progress : bool
        Show progress bars.
    """

    scale: Scale = "smoke"
    seed: int = 0
    threads: int | None = None
    progress: bool = False

    def choose(self, *, smoke: Any, paper: Any) -> Any:
        """Return the value that belongs to the scale."""
        return paper if self.scale == "paper" else smoke

    def key(self, *path: int) -> np.random.SeedSequence:
        """Return the seed of one simulation of an item: distinct paths give distinct streams."""
        return np.random.SeedSequence(entropy=self.seed, spawn_key=path)


@dataclass(frozen=True)
class Check:
    """One comparison: what was expected, what was found, and whether that is agreement."""

    name: str
    expected: str
    found: str
    agrees: bool

    def __str__(self) -> str:
        """Return the comparison as one phrase."""
        return f"{self.name}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, eq=False)
class Reproduction:
    """An item made again.

    Parameters
    ----------
    paper, item : str
        For instance "seddik2024", "fig2".
    settings : Settings
        How it was made.
    constants : dict
        Every constant in words, those that the paper leaves open included.
    tables : dict
        Name to Dataset: the numbers behind the figure.
    figure : Figure
        The figure.
    checks : tuple of Check
        Expected against found.
    """

    paper: str
    item: str
    settings: Settings
    constants: dict[str, str]
    tables: dict[str, xr.Dataset]
    figure: Figure
    checks: tuple[Check, ...] = field(default=())

    @property
    def agrees(self) -> bool:
        """Whether every check agrees."""
        return all(check.agrees for check in self.checks)

    def verdict(self) -> str:
        """Return one line: agrees or disagrees, and every check in numbers."""
        word = "agrees" if self.agrees else "DISAGREES"
        return f"{self.paper} {self.item} {word}: " + "; ".join(map(str, self.checks))

    def save(self, directory: str | Path) -> list[Path]:
        """Write the tables (netCDF, and CSV where there are no single runs) and the figure.

        Parameters
        ----------
        directory : str or Path
            An existing directory.

        Returns
        -------
        list of Path
            The files written.
        """
        from autophage import plotting

        directory = Path(directory)
        stem = f"{self.paper}-{self.item}"
        data = directory / f"{stem}.nc"
        written = [data]
        said = self.constants | {"verdict": self.verdict()}
        write_netcdf(data, [(name, t.assign_attrs(said)) for name, t in self.tables.items()])
        for name, table in self.tables.items():
            if "run" not in table.dims:
                sheet = directory / f"{stem}-{name}.csv"
                table.to_dataframe().to_csv(sheet, lineterminator="\n")
                written.append(sheet)
        written.extend(plotting.save(self.figure, directory, stem))
        return written


def items() -> dict[str, tuple[str, ...]]:
    """Return the papers and their items.

    Returns
    -------
    dict
        Paper to the names of its items.

    Examples
    --------
    >>> from autophage import reproduce
    >>> reproduce.items()["seddik2024"]
    ('fig1', 'fig2', 'fig3', 'fig4', 'fig6')
    """
    return {paper: tuple(_makers(paper)) for paper in _PAPERS}


def make(
    paper: str,
    item: str,
    *,
    scale: Scale = "smoke",
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> Reproduction:
    """Make one figure of one paper again.

    Parameters
    ----------
    paper : str
        "seddik2024", "contaminated2026", "interactive2025" or "webdynamics2025".
    item : str
        A name from `items`.
    scale : {"smoke", "paper"}
        "smoke" finishes within a minute on two cores, "paper" takes the constants of the paper.
    seed : int
        In [0, 2**64).
    threads : int or None
        Passed to `simulate`.
    progress : bool
        Show progress bars.

    Returns
    -------
    Reproduction
        Data, figure and checks.

    Raises
    ------
    ValueError
        The paper, the item or the scale is unknown, or the seed is out of range.

    Examples
    --------
    >>> from autophage import reproduce
    >>> result = reproduce.make("seddik2024", "fig3", seed=1)
    >>> result.agrees
    True
    """
    if paper not in _PAPERS:
        msg = f"paper must be one of {', '.join(_PAPERS)}, got {paper!r}"
        raise ValueError(msg)
    makers = _makers(paper)
    if item not in makers:
        msg = f"item must be one of {', '.join(makers)} for {paper}, got {item!r}"
        raise ValueError(msg)
    if scale not in get_args(Scale):
        msg = f"scale must be one of {', '.join(get_args(Scale))}, got {scale!r}"
        raise ValueError(msg)
    if not 0 <= seed < 2**64:
        msg = f"seed must lie in [0, 2**64), got {seed}"
        raise ValueError(msg)
    return makers[item](Settings(scale, seed, threads, progress))


def agreement(
    name: str, mean: npt.ArrayLike, expected: npt.ArrayLike, error: npt.ArrayLike
) -> Check:
    """Compare Monte Carlo means with exact values in standard errors.

    Where the standard error is zero the two have to be equal to rounding.

    Parameters
    ----------
    name : str
        What is compared.
    mean, expected, error : array_like
        Any shapes that broadcast.

    Returns
    -------
    Check
        Agrees when the largest |z| is at most 5.

    Examples
    --------
    >>> from autophage import reproduce
    >>> print(reproduce.agreement("mean T", [10.1, 20.3], [10.0, 20.0], [0.1, 0.1]))
    mean T at 2 points: expected |z| <= 5, found 3.00
    """
    difference = np.asarray(mean, dtype=np.float64) - np.asarray(expected, dtype=np.float64)
    errors = np.broadcast_to(np.asarray(error, dtype=np.float64), difference.shape)
    rounding = 1e-9 * np.maximum(1e-3, np.abs(np.asarray(expected, dtype=np.float64)))
    z = np.where(
        np.abs(difference) <= rounding, 0.0, difference / np.where(errors > 0, errors, 1e-300)
    )
    largest = float(np.max(np.abs(z))) if z.size else 0.0
    return Check(
        f"{name} at {z.size} points", f"|z| <= {BOUND:g}", f"{largest:.2f}", largest <= BOUND
    )


def matches(name: str, found: float, expected: float, error: float) -> Check:
    """Compare one Monte Carlo mean with its expectation, in the units of the quantity.

    Parameters
    ----------
    name : str
        What is compared.
    found, expected, error : float
        Mean, exact or published value, and the standard error of their difference.

    Returns
    -------
    Check
        Agrees when they differ by at most 5 standard errors.

    Examples
    --------
    >>> from autophage import reproduce
    >>> print(reproduce.matches("mean T", 17.61, 17.5, 0.1))
    mean T: expected 17.50, found 17.61 +- 0.10
    """
    agrees = abs(found - expected) <= BOUND * error
    return Check(name, f"{expected:.2f}", f"{found:.2f} +- {error:.2f}", bool(agrees))


def within(
    name: str, value: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, what: str = "bounds"
) -> Check:
    """Count the values outside bounds.

    Parameters
    ----------
    name : str
        What is compared.
    value, low, high : array_like
        Any shapes that broadcast.
    what : str
        The name of the bounds.

    Returns
    -------
    Check
        Agrees when no value lies outside.

    Examples
    --------
    >>> from autophage import reproduce
    >>> print(reproduce.within("E T", [10.0, 20.0], 5.0, 15.0, "(8)"))
    E T outside (8): expected 0 of 2, found 1
    """
    values = np.asarray(value, dtype=np.float64)
    least, most = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    outside = int(np.sum(~((values >= least) & (values <= most))))
    return Check(f"{name} outside {what}", f"0 of {values.size}", str(outside), outside == 0)


def ordered(name: str, values: npt.ArrayLike) -> Check:
    """Check that values increase strictly.

    Parameters
    ----------
    name : str
        What is compared.
    values : array_like
        1-D.

    Returns
    -------
    Check
        Agrees when they do.

    Examples
    --------
    >>> from autophage import reproduce
    >>> print(reproduce.ordered("deviation over n", [0.1, 0.2, 0.4]))
    deviation over n: expected increasing, found 0.1 < 0.2 < 0.4
    """
    numbers = np.asarray(values, dtype=np.float64)
    signs = ["<" if step > 0 else ">=" for step in np.diff(numbers)]
    found = f"{numbers[0]:.3g}" + "".join(
        f" {sign} {number:.3g}" for sign, number in zip(signs, numbers[1:], strict=True)
    )
    return Check(name, "increasing", found, ">=" not in signs)


def _makers(paper: str) -> dict[str, Maker]:
    """Return the items of a paper by name."""
    makers: dict[str, Maker] = import_module(f"autophage.reproduce.{paper}").ITEMS
    return makers
