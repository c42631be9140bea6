"""How the command line names regimes: one table of options, and the regime they describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from autophage.regimes import Regime

REGIMES = (
    "fully-synthetic",
    "partially-synthetic",
    "most-recent",
    "randomly-sampled",
    "contaminated",
    "accumulate",
    "accumulate-subsample",
    "filtered",
    "adaptive",
)

_TAKES = {
    "real": ("partially-synthetic",),
    "window": ("most-recent",),
    "alpha": ("contaminated", "accumulate", "accumulate-subsample", "filtered"),
    "replace": ("accumulate-subsample",),
    "test": ("filtered",),
    "type1": ("filtered",),
    "type2": ("filtered",),
    "threshold": ("filtered",),
    "rule": ("adaptive",),
    "constant": ("adaptive",),
}
_NEEDS = {
    "partially-synthetic": ("real",),
    "most-recent": ("window",),
    "contaminated": ("alpha",),
    "filtered": ("alpha",),
    "adaptive": ("constant",),
}


class OptionError(ValueError):
    """Options that do not go together; the message is one line."""


@dataclass(frozen=True)
class Amount:
    """Draws a context: one number, or a share of the context's own occurrences in the text.

    Examples
    --------
    >>> from autophage.options import Amount
    >>> str(Amount(10.0, is_share=True)), Amount(10.0, is_share=True).of([210, 12, 3])
    ('10%', array([[21,  1,  1]]))
    """

    value: float
    is_share: bool

    def of(self, occurrences: npt.ArrayLike, rows: int = 1) -> int | npt.NDArray[np.int64]:
        """Return one number for all or, for a share, an int64 (rows, c) array of at least 1."""
        if not self.is_share:
            return int(self.value)
        counts = np.asarray(occurrences)
        share = np.maximum(np.rint(counts * (self.value / 100.0)).astype(np.int64), 1)
        return np.broadcast_to(share, (rows, counts.size))

    def __str__(self) -> str:
        """Return the amount as it is typed."""
        return f"{self.value:g}%" if self.is_share else str(int(self.value))


if TYPE_CHECKING:
    _AmountBase = click.ParamType[Amount]
else:
    _AmountBase = click.ParamType


class AmountType(_AmountBase):
    """Reads `100` or `10%`."""

    name = "N|N%"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Amount:
        """Return the amount, or fail in one line."""
        if isinstance(value, Amount):
            return value
        text = str(value).strip()
        is_share = text.endswith("%")
        try:
            number = float(text[:-1]) if is_share else float(int(text))
        except ValueError:
            self.fail(
                f"{value!r} is neither a whole number nor a percentage such as 10%.", param, ctx
            )
        if not 0 < number < 2**53:
            self.fail(f"{value!r} must be above zero and below 2**53.", param, ctx)
        return Amount(number, is_share)


def build_regime(
    name: str,
    samples: Amount,
    occurrences: npt.ArrayLike,
    options: Mapping[str, Any],
    rows: int = 1,
) -> Regime:
    """Return the regime that the options describe.

    Parameters
    ----------
    name : str
        One of `REGIMES`.
    samples : Amount
        Draws a generation and context.
    occurrences : array_like
        Occurrences of each context in the text, (c,).
    options : mapping
        `real` (Amount), `window`, `alpha`, `replace`, `test`, `type1`, `type2`, `threshold`,
        `rule`, `constant`; None means not given.
    rows : int
        Generations that the arrays of a share have to cover.

    Returns
    -------
    regime
        Of `autophage.regimes`.

    Raises
    ------
    OptionError
        An option is missing, belongs to another regime or is out of range.

    Examples
    --------
    >>> from autophage.options import Amount, build_regime
    >>> build_regime("contaminated", Amount(50, is_share=False), [100], {"alpha": 0.2})
    Contaminated(n=50, alpha=0.2)
    """
    given = {key: value for key, value in options.items() if value is not None}
    for key in given:
        if name not in _TAKES[key]:
            msg = f"--{key} does not belong to --regime {name} (only to {', '.join(_TAKES[key])})"
            raise OptionError(msg)
    agnostic = name == "filtered" and given.get("test", "agnostic") == "agnostic"
    for key in (*_NEEDS.get(name, ()), *(("type1", "type2") if agnostic else ())):
        if key not in given:
            msg = f"--regime {name} needs --{key}"
            raise OptionError(msg)
    if "real" in given:
        given["real"] = given["real"].of(occurrences, rows)
    try:
        return _build(name, samples.of(occurrences, rows), given)
    except (TypeError, ValueError) as error:
        raise OptionError(str(error)) from error


def _build(name: str, n: Any, given: dict[str, Any]) -> Regime:
    """Return the regime; `given` holds only what it takes."""
    from autophage import regimes

    if name == "filtered":
        source = regimes.Contaminated(n, given.pop("alpha"))
        return regimes.Filtered(source, **given)
    kinds: dict[str, Any] = {
        "fully-synthetic": regimes.FullySynthetic,
        "partially-synthetic": regimes.PartiallySynthetic,
        "most-recent": regimes.MostRecent,
        "randomly-sampled": regimes.RandomlySampled,
        "contaminated": regimes.Contaminated,
        "accumulate": regimes.Accumulate,
        "accumulate-subsample": regimes.AccumulateSubsample,
        "adaptive": regimes.Adaptive,
    }
    regime: Regime = kinds[name](n, **given)
    return regime
