"""Figures 2, 3 and 6 (categorical column) of "From Collapse to Improvement" (2026).

The paper's number of classes, p, sample sizes, fresh shares and rounds are lost in print. Here: 4
classes with p = (.4, .3, .2, .1), n_1 = 20, 100 rounds, and the schedules below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autophage import plotting
from autophage.reproduce import Check, Reproduction, Settings, agreement, ordered

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from autophage.regimes import Regime

Floats = npt.NDArray[np.float64]

PAPER = "contaminated2026"
LAW = np.array([0.4, 0.3, 0.2, 0.1])
FIRST = 20  # n_1, and the base n of every schedule
FRESH = 0.3  # a, the base of every share of fresh real data
ROUNDS = 100
REPETITIONS = 100  # as in the paper; these make the bands

_T: npt.NDArray[np.int64] = np.arange(1, ROUNDS + 1, dtype=np.int64)
SHARES: dict[str, Floats] = {
    f"alpha = {FRESH}": np.full(ROUNDS, FRESH),
    f"alpha = {FRESH} / log(t+1)": np.minimum(1.0, FRESH / np.log1p(_T)),
    f"alpha = {FRESH} / sqrt(t)": FRESH / np.sqrt(_T),
    f"alpha = {FRESH} / t^2": FRESH / (_T * _T),
}
SIZES: dict[str, npt.NDArray[np.int64]] = {
    f"{FIRST}": np.full(ROUNDS, FIRST),
    f"{FIRST} t": FIRST * _T,
    f"{FIRST} t^2": FIRST * _T**2,
    f"{FIRST} t^3": FIRST * _T**3,
}
_FIXED, _LOG, _ROOT, _FAST = SHARES
_CONSTANT, _LINEAR, _SQUARE, _CUBE = SIZES
_SETTINGS: tuple[tuple[str, str, Floats | None], ...] = (
    (f"1: alpha = 0, n = {_LINEAR}", _LINEAR, np.zeros(ROUNDS)),
    (f"2: alpha = 0, n = {_SQUARE}", _SQUARE, np.zeros(ROUNDS)),
    (f"3: alpha = 0, n = {_CONSTANT}, accumulated (risk as in 2)", _CONSTANT, None),
    (f"4: {_FIXED}, n = {_CONSTANT}", _CONSTANT, SHARES[_FIXED]),
    (f"5: alpha = {FRESH} / t, n = {_LINEAR}", _LINEAR, FRESH / _T),
    (f"6: {_FIXED}, n = {_LINEAR}", _LINEAR, SHARES[_FIXED]),
    (f"7: {_ROOT}, n = {_LINEAR}", _LINEAR, SHARES[_ROOT]),
    (f"8: {_LOG}, n = {_LINEAR}", _LINEAR, SHARES[_LOG]),
)
_MARKED = np.array([1, 2, 3, 5, 10, 20, 50, 100]) - 1


def fig2(settings: Settings) -> Reproduction:
    """Risk for four shares of fresh data and four sample sizes, without and with accumulation."""
    import xarray as xr

    import autophage as ap

    pairs = [(share, size) for share in SHARES for size in SIZES]
    n = np.stack([SIZES[size] for _, size in pairs], axis=1)
    alpha = np.stack([SHARES[share] for share, _ in pairs], axis=1)
    regimes: dict[str, Regime] = {
        "newest data only": ap.Contaminated(n, alpha),
        "accumulated": ap.Accumulate(n, alpha),
    }
    parts = [
        _risk(settings, position, regime, len(pairs))
        for position, regime in enumerate(regimes.values())
    ]
    table = xr.concat(parts, dim="data").assign_coords(data=list(regimes))
    table = table.assign_coords(
        share=("context", [share for share, _ in pairs]),
        size=("context", [size for _, size in pairs]),
    )
    risk = {
        (data, *pair): table["risk"].values[i, :, j]
        for i, data in enumerate(regimes)
        for j, pair in enumerate(pairs)
    }
    checks = (_agreement(table), _fig2_claims(risk))
    tables = {"risk": table}
    figure = _fig2_figure(table, list(regimes))
    return Reproduction(PAPER, "fig2", settings, _constants(settings), tables, figure, checks)


def fig3(settings: Settings) -> Reproduction:
    """Risk of accumulation without fresh data for four sample sizes."""
    import autophage as ap
    from autophage.theory import contaminated2026 as theory

    n = np.stack(list(SIZES.values()), axis=1)
    table = _risk(settings, 0, ap.Accumulate(n, 0.0), len(SIZES))
    table = table.assign_coords(size=("context", list(SIZES)))
    variance = float(theory.total_variance(LAW))
    limit = theory.accumulated_risk_limit(variance, FIRST)

    figure = _fig3_figure(table, limit, variance / FIRST)
    mean = table["risk"].values
    low = int((mean[1:] <= mean[0]).sum())
    checks = (
        _agreement(table),
        Check("rounds with a risk not above R_1", f"0 of {mean[1:].size}", str(low), low == 0),
        ordered(f"R_{ROUNDS} for n_t = {', '.join(reversed(SIZES))}", mean[-1, ::-1]),
    )
    constants = _constants(settings)
    return Reproduction(PAPER, "fig3", settings, constants, {"risk": table}, figure, checks)


def fig6(settings: Settings) -> Reproduction:
    """Risk in the paper's settings 1 to 8 for the categorical family."""
    import xarray as xr

    import autophage as ap

    plain = [entry for entry in _SETTINGS if entry[2] is not None]
    n = np.stack([SIZES[size] for _, size, _ in plain], axis=1)
    alpha = np.stack([share for _, _, share in plain if share is not None], axis=1)
    contaminated = _risk(settings, 0, ap.Contaminated(n, alpha), len(plain))
    accumulated = _risk(settings, 1, ap.Accumulate(FIRST, 0.0), 1)
    table = xr.concat([contaminated, accumulated], dim="context")
    names = [name for name, _, _ in plain] + [_SETTINGS[2][0]]
    table = table.isel(context=np.argsort(names)).assign_coords(setting=("context", sorted(names)))
    mean = table["risk"].values
    ratio = mean[-1] / mean[0]
    checks = (
        _agreement(table),
        Check(
            "settings 6, 7, 8 with R_100 < R_1 and settings 1 to 5 with R_100 > R_1",
            "3 and 5",
            f"{(ratio[5:] < 1).sum()} and {(ratio[:5] > 1).sum()}",
            bool((ratio[5:] < 1).all() and (ratio[:5] > 1).all()),
        ),
    )
    tables = {"risk": table}
    return Reproduction(
        PAPER, "fig6", settings, _constants(settings), tables, _fig6_figure(table), checks
    )


ITEMS = {"fig2": fig2, "fig3": fig3, "fig6": fig6}


def _constants(settings: Settings) -> dict[str, str]:
    """Return the constants of every item in words."""
    return {
        "p": "(.4, .3, .2, .1) (chosen)",
        "n": f"{FIRST} (chosen)",
        "a": f"{FRESH} (chosen)",
        "rounds": f"{ROUNDS} (chosen)",
        "repetitions": f"{REPETITIONS} for the bands, {_runs(settings)} for the numbers",
    }


def _runs(settings: Settings) -> int:
    """Return the number of repetitions behind the numbers."""
    return int(settings.choose(smoke=1_000, paper=40_000))


def _risk(settings: Settings, key: int, regime: Regime, contexts: int) -> xr.Dataset:
    """Simulate ||p^(t) - p||^2 of `contexts` schedules at once and set the exact risk beside it."""
    import xarray as xr

    import autophage as ap

    p = np.tile(LAW, (contexts, 1))

    def mean(runs: int) -> xr.Dataset:
        return ap.simulate(
            ap.Categorical(p),
            regime,
            runs=runs,
            generations=ROUNDS,
            rng=settings.key(key),
            record=("l2_to_truth",),
            reduce="mean",
            threads=settings.threads,
            progress=settings.progress,
        )

    runs = _runs(settings)
    many, few = mean(runs), mean(REPETITIONS)
    exact = ap.moments(p, regime, ROUNDS)["l2_to_truth"].values
    dims = ("generation", "context")
    return xr.Dataset(
        {
            "risk_exact": (dims, exact),
            "risk": (dims, many["l2_to_truth"].values),
            "risk_error": (dims, np.sqrt(many["l2_to_truth_variance"].values / runs)),
            "risk_few": (dims, few["l2_to_truth"].values),
            "risk_few_error": (dims, np.sqrt(few["l2_to_truth_variance"].values / REPETITIONS)),
        },
        coords={"generation": _T},
    )


def _agreement(table: xr.Dataset) -> Check:
    """Compare the simulated with the exact risk everywhere."""
    return agreement(
        "risk", table["risk"].values, table["risk_exact"].values, table["risk_error"].values
    )


def _fig2_claims(risk: dict[tuple[str, str, str], Floats]) -> Check:
    """Count which of the paper's readings of its figure 2 hold at the last round."""
    new, accumulated = "newest data only", "accumulated"

    def gain(data: str, share: str, size: str) -> float:
        return float(risk[data, share, size][-1] / risk[data, share, size][0])

    growing = (_LINEAR, _SQUARE, _CUBE)
    claims = (
        all(gain(new, _FIXED, size) < 0.1 for size in growing),
        all(gain(new, share, _CUBE) < 0.1 for share in (_LOG, _ROOT)),
        0.1 < gain(new, _FAST, _CUBE) < 1.0,
        all(gain(accumulated, share, _CONSTANT) < gain(new, share, _CONSTANT) for share in SHARES),
        all(gain(new, _ROOT, size) < gain(accumulated, _ROOT, size) for size in growing),
    )
    return Check(
        "readings of the figure that hold",
        f"{len(claims)} of {len(claims)}",
        f"{sum(claims)} of {len(claims)}",
        all(claims),
    )


def _draw(panel: Axes, curve: xr.Dataset, label: str, series: int, *, band: bool = True) -> None:
    """Draw one schedule: exact line, band of the repetitions, marks of all runs."""
    t = curve["generation"].values
    plotting.draw_exact(panel, t, curve["risk_exact"], label="_", series=series)
    if band:
        plotting.draw_band(panel, t, curve["risk_few"], curve["risk_few_error"], series=series)
    marked = curve.isel(generation=_MARKED)
    plotting.draw_simulated(
        panel,
        marked["generation"],
        marked["risk"],
        marked["risk_error"],
        label=label,
        series=series,
    )


def _label(panel: Axes, title: str) -> None:
    """Set a panel's title and its axis of rounds."""
    panel.set_title(title)
    panel.set_xscale("log")
    panel.set_xlabel("round t")
    panel.set_xticks([1, 10, 100], ["1", "10", "100"])


def _typeset(name: str) -> str:
    """Return the name of a schedule as it is drawn."""
    drawn = {"alpha": r"$\alpha$", "sqrt(t)": r"$\sqrt{t}$", "t^2": "$t^2$", "t^3": "$t^3$"}
    for plain, symbol in drawn.items():
        name = name.replace(plain, symbol)
    return name


def _fig2_figure(table: xr.Dataset, rows: list[str]) -> Any:
    """Draw the eight panels of figure 2."""
    figure, axes = plotting.panels(2, 4, width=18, height=9.5, sharex=True, sharey=True)
    with plotting.style():
        for i, data in enumerate(rows):
            for j, share in enumerate(SHARES):
                panel = axes[i, j]
                chosen = table.isel(data=i, context=slice(4 * j, 4 * j + 4))
                for series, size in enumerate(SIZES):
                    _draw(panel, chosen.isel(context=series), f"$n_t$ = {_typeset(size)}", series)
                start = float(chosen["risk_exact"].values[0, 0])
                plotting.draw_reference(panel, [1, ROUNDS], [start] * 2, label="$R_1$")
                panel.set_yscale("log")
                _label(panel, _typeset(share) if i == 0 else "")
                panel.set_xlabel("round t" if i else "")
            axes[i, 0].set_ylabel(f"{data}\n" + r"risk  E$\,||p^{(t)}-p||_2^2$")
        note = "lines: exact; marks: all runs; bands: 100 runs; two standard errors"
        plotting.legend_below(figure, axes[0, 0], title=note)
    return figure


def _fig3_figure(table: xr.Dataset, limit: float, first: float) -> Any:
    """Draw figure 3, with the names at the ends of the lines."""
    figure, axes = plotting.panels(width=11, height=6.2)
    with plotting.style():
        panel = axes[0, 0]
        for series, size in enumerate(SIZES):
            curve = table.isel(context=series)
            _draw(panel, curve, "_", series, band=False)
            end = float(curve["risk_exact"].values[-1])
            colour = plotting.COLOURS[series]
            panel.text(1.15 * ROUNDS, end, f"$n_t$ = {_typeset(size)}", color=colour, va="center")
        for height in (limit, first):
            plotting.draw_reference(panel, [1, ROUNDS], [height] * 2, label="_")
        panel.text(1.0, limit, f"limit for $n_t$ = {_CONSTANT}", va="bottom")
        panel.text(1.15 * ROUNDS, first, "$R_1$", va="center")
        _label(panel, "Accumulated data, no fresh real data")
        panel.set_xlim(0.85, 2.6 * ROUNDS)
        panel.set_ylim(0.93 * first, 1.06 * limit)
        panel.set_ylabel(r"risk  E$\,||p^{(t)}-p||_2^2$")
        panel.text(0.5, 0.02, "lines: exact; marks: simulated, two standard errors",
                   transform=panel.transAxes, ha="center")  # fmt: skip
    return figure


def _fig6_figure(table: xr.Dataset) -> Any:
    """Draw the three panels of figure 6's categorical column."""
    from autophage.theory import contaminated2026 as theory

    groups = {
        "Without fresh data": (0, 1, 2),
        "Fresh data, just enough to stop": (3, 4),
        "Fresh data, enough to improve": (5, 6, 7),
    }
    figure, axes = plotting.panels(1, 3, width=18, height=7.2)
    with plotting.style():
        for panel, (title, members) in zip(axes[0], groups.items(), strict=True):
            for series, member in enumerate(members):
                curve = table.isel(context=member)
                _draw(panel, curve, _typeset(str(curve["setting"].values)), series)
            _label(panel, title)
            panel.set_ylim(bottom=0.0)
        variance = float(theory.total_variance(LAW))
        limit = theory.risk_limit(variance, FIRST, FRESH)
        plotting.draw_reference(axes[0, 1], [1, ROUNDS], [limit] * 2, label="limit of setting 4")
        axes[0, 0].set_ylabel(r"risk  E$\,||p^{(t)}-p||_2^2$")
        for panel in axes[0]:
            panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13))
        note = "lines: exact; marks: all runs; bands: 100 runs; two standard errors"
        figure.suptitle(note, fontsize=16)
    return figure
