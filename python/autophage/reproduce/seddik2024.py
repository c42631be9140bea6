"""Figures 1, 2, 3, 4 and 6 of Seddik et al. (2024), "How bad is training on synthetic data?".

The paper gives the number of tokens, the support size s~ and S_0 of its laws, but not the laws.
Here they are those of `law_with`, which meet both to 1e-12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autophage.reproduce import (
    Check,
    Reproduction,
    Settings,
    agreement,
    matches,
    ordered,
    within,
)
from autophage.reproduce import seddik2024_drawings as drawings

if TYPE_CHECKING:
    import xarray as xr

    from autophage.regimes import Regime

Floats = npt.NDArray[np.float64]

PAPER = "seddik2024"
TOKENS = 600
RUNS = 100  # as in the paper: these are drawn
REAL = 100  # N in the paper


def fig1(settings: Settings) -> Reproduction:
    """Next-token laws of 81 contexts on the simplex, fully synthetic."""
    import xarray as xr

    import autophage as ap

    contexts, total, last = 81, 1000, 40
    shown = np.arange(0, last + 1, 10)
    runs = int(settings.choose(smoke=2_000, paper=50_000))
    p = np.random.default_rng(settings.key(0)).dirichlet(np.ones(3), size=contexts)
    n = np.full(contexts, total // contexts)
    n[: total % contexts] += 1
    regime = ap.FullySynthetic(np.tile(n, (last, 1)))

    path = _simulate(settings, 1, p, regime, runs=1, generations=last, record=("p",))
    laws = np.concatenate([p[None], path["p"].values[0]])[shown]
    record = ("collapse_time",)
    times = _simulate(settings, 1, p, regime, runs=runs, generations=last, record=record)
    collapsed = _at_corners(times["collapse_time"].values, p, n, last)
    mean, expected = collapsed["collapsed"].values, collapsed["collapsed_exact"].values
    error = collapsed["error"].values
    checks = (
        agreement("number of contexts at a corner", mean, expected, error),
        matches("of 81 at generation 40", mean[-1], expected[-1], error[-1]),
    )
    constants = {
        "tokens": "3",
        "contexts": str(contexts),
        "samples": f"{total} in all: {n.min()} or {n.max()} a context (chosen)",
        "p": "uniform on the simplex (chosen)",
        "runs": f"1 shown, {runs} for the numbers",
    }
    simplex = xr.Dataset({"p": (("generation", "context", "token"), laws)}, {"generation": shown})
    tables = {"collapsed": collapsed, "simplex": simplex}
    figure = drawings.fig1(simplex, collapsed)
    return Reproduction(PAPER, "fig1", settings, constants, tables, figure, checks)


def fig2(settings: Settings) -> Reproduction:
    """Mean collapse time against sample size for four laws, with bounds (8) and the exact mean."""
    import xarray as xr

    import autophage as ap
    from autophage.theory import seddik2024 as theory

    shapes = [(0.01, 181), (0.1, 29), (0.5, 10), (0.7, 9)]
    laws = np.stack([ap.law_with(support, s0, tokens=TOKENS) for s0, support in shapes])
    sizes = np.array(settings.choose(smoke=[10, 50, 100, 200], paper=[10, *range(50, 401, 50)]))
    runs = int(settings.choose(smoke=1_000, paper=20_000))

    # One context for each pair of a law and a size: all pairs have random numbers of their own.
    p, n = np.repeat(laws, sizes.size, axis=0), np.tile(sizes, len(shapes))[None, :]
    times = _simulate(settings, 0, p, ap.FullySynthetic(n), runs=runs, record=("collapse_time",))
    table_shape = (len(shapes), sizes.size)
    found = times["collapse_time"].values.reshape(runs, *table_shape)
    exact = ap.collapse_law(p, n)
    bounds = [
        [theory.collapse_time_bounds(s0, support, int(size)) for size in sizes]
        for s0, support in shapes
    ]
    lower, upper = np.moveaxis(np.array(bounds), 2, 0)
    columns = {
        "mean_exact": np.reshape(exact.mean, table_shape),
        "sd_exact": np.sqrt(np.reshape(exact.variance, table_shape)),
        "mean": found.mean(axis=0),
        "mean_100_runs": found[:RUNS].mean(axis=0),
        "lower_bound": lower,
        "upper_bound": upper,
    }
    error = columns["sd_exact"] / np.sqrt(runs)
    checks = (
        agreement("mean T against exact E T", columns["mean"], columns["mean_exact"], error),
        within("exact E T", columns["mean_exact"], lower, upper, "bounds (8)"),
    )
    constants = _constants() | _shape_constants(shapes)
    constants |= {"n": ", ".join(map(str, sizes)), "runs": f"{RUNS} drawn, {runs} in the numbers"}
    table = xr.Dataset(
        {name: (("law", "n"), values) for name, values in columns.items()},
        coords={"law": [f"S_0 = {s0:g}, s~ = {support}" for s0, support in shapes], "n": sizes},
    )
    tables, figure = {"times": table}, drawings.fig2(table, laws, _titles(shapes))
    return Reproduction(PAPER, "fig2", settings, constants, tables, figure, checks)


def fig3(settings: Settings) -> Reproduction:
    """Train partially on synthetic data: n = 1, 10, 100 and 500 new draws beside 100 real ones."""
    import autophage as ap

    sizes = [1, 10, 100, 500]
    laws = np.tile(ap.law_with(52, 0.1, tokens=TOKENS), (4, 1))
    table, runs = _partial(settings, laws, sizes, [f"n = {n}" for n in sizes])
    checks = (
        agreement("mean sigma against (9)", *_against_theorem_2(table, [0.1] * 4, sizes)),
        ordered("deviation at generation 50 over n", table["deviation"].values[-1]),
        _below_elementary(table, [52] * 4, sizes),
    )
    constants = _constants() | _shape_constants([(0.1, 52)])
    constants |= {"N": str(REAL), "n": ", ".join(map(str, sizes))}
    tables, figure = {"partial": table, "runs": runs}, drawings.partial(table, runs, [])
    return Reproduction(PAPER, "fig3", settings, constants, tables, figure, checks)


def fig4(settings: Settings) -> Reproduction:
    """Train partially on synthetic data: 10 new draws beside 100 real ones, for four laws."""
    import autophage as ap

    shapes = [(0.01, 484), (0.1, 52), (0.5, 22), (0.7, 16)]
    laws = np.stack([ap.law_with(support, s0, tokens=TOKENS) for s0, support in shapes])
    table, runs = _partial(settings, laws, [10] * 4, _titles(shapes))
    sums, supports = zip(*shapes, strict=True)
    deviation = table["deviation"].values[-1]
    checks = (
        agreement("mean sigma against (9)", *_against_theorem_2(table, list(sums), [10] * 4)),
        ordered("deviation at generation 50 from large to small S_0", deviation[::-1]),
        _below_elementary(table, list(supports), [10] * 4),
    )
    constants = _constants() | _shape_constants(shapes) | {"N": str(REAL), "n": "10"}
    tables, figure = {"partial": table, "runs": runs}, drawings.partial(table, runs, list(laws))
    return Reproduction(PAPER, "fig4", settings, constants, tables, figure, checks)


def fig6(settings: Settings) -> Reproduction:
    """Train on the models of a window of 1, 5 or 10 generations, or of all of them."""
    import xarray as xr

    import autophage as ap

    law = ap.law_with(52, 0.1, tokens=TOKENS)
    n, last, more = 10, 500, int(settings.choose(smoke=1_000, paper=20_000))
    regimes: dict[str, Regime] = {
        "window 1": ap.MostRecent(n, window=1),
        "window 5": ap.MostRecent(n, window=5),
        "window 10": ap.MostRecent(n, window=10),
        "all models": ap.RandomlySampled(n),
    }
    parts = [
        _window(settings, key, law, regime, last, more)
        for key, regime in enumerate(regimes.values())
    ]
    table = xr.concat([part[0] for part in parts], dim="window").assign_coords(window=[*regimes])
    runs = xr.concat([part[1] for part in parts], dim="window").assign_coords(window=[*regimes])
    times = np.stack([part[2] for part in parts])
    sigma, exact, error = (table[f"sigma{suffix}"].values for suffix in ("", "_exact", "_error"))
    # Where hardly a run is left that has not collapsed, a mean has no normal law.
    enough = more * (1.0 - exact) >= 20.0
    checks = (
        agreement("mean sigma", sigma[enough], exact[enough], error[enough]),
        *_fig6_times(times, law, n, last),
    )
    constants = _constants() | _shape_constants([(0.1, 52)])
    constants |= {
        "n": f"{n}, split evenly over the window's models, the rest to the newest (chosen)",
        "runs": f"{RUNS} drawn, {more} in the numbers",
        "mean T": f"over the runs with a point mass within {last} generations",
    }
    tables = {
        "sigma": table,
        "runs": runs,
        "times": xr.Dataset({"collapse_time": (("window", "run"), times)}, {"window": [*regimes]}),
    }
    figure = drawings.fig6(table, runs, times)
    return Reproduction(PAPER, "fig6", settings, constants, tables, figure, checks)


ITEMS = {"fig1": fig1, "fig2": fig2, "fig3": fig3, "fig4": fig4, "fig6": fig6}


def _constants() -> dict[str, str]:
    """Return what all items but the first share."""
    return {"tokens": str(TOKENS), "p": "geometric, from law_with (chosen)"}


def _shape_constants(shapes: list[tuple[float, int]]) -> dict[str, str]:
    """Return S_0 and s~ in words."""
    return {"S_0, s~": "; ".join(f"{s0:g}, {support}" for s0, support in shapes)}


def _titles(shapes: list[tuple[float, int]]) -> list[str]:
    """Return the titles of panels."""
    return [rf"$S_0$ = {s0:g}, $\tilde{{s}}$ = {support}" for s0, support in shapes]


def _simulate(
    settings: Settings, key: int, p: Floats, regime: Regime, **options: Any
) -> xr.Dataset:
    """Simulate with the seed, threads and progress of the settings."""
    import autophage as ap

    return ap.simulate(
        ap.Categorical(p),
        regime,
        rng=settings.key(key),
        threads=settings.threads,
        progress=settings.progress,
        **options,
    )


def _at_corners(
    times: npt.NDArray[np.int64], p: Floats, n: npt.NDArray[np.int64], last: int
) -> xr.Dataset:
    """Return the number of contexts at a corner by generation, exactly and on average."""
    import xarray as xr

    import autophage as ap

    generation = np.arange(1, last + 1)
    exact = np.asarray(ap.collapse_law(p, n[None, :]).cdf(generation))
    mean = np.array([((times > 0) & (times <= m)).sum(axis=1).mean() for m in generation])
    columns = {
        "collapsed_exact": exact.sum(axis=1),
        "collapsed": mean,
        "error": np.sqrt((exact * (1.0 - exact)).sum(axis=1) / times.shape[0]),
    }
    return xr.Dataset(
        {name: ("generation", values) for name, values in columns.items()},
        coords={"generation": generation},
    )


def _window(
    settings: Settings, key: int, law: Floats, regime: Regime, last: int, more: int
) -> tuple[xr.Dataset, xr.Dataset, npt.NDArray[np.int64]]:
    """Return mean and exact sigma, 100 runs to draw, and the collapse times, of one window."""
    import xarray as xr

    import autophage as ap

    def study(runs: int, *record: str, reduce: str | None = None) -> xr.Dataset:
        options = {"runs": runs, "generations": last, "record": record, "reduce": reduce}
        return _simulate(settings, key, law, regime, **options)

    some, means = study(RUNS, "sigma", "l1_to_first"), study(more, "sigma", reduce="mean")
    columns = {
        "sigma": means["sigma"].values,
        "sigma_error": np.sqrt(means["sigma_variance"].values / more),
        "sigma_exact": ap.moments(law, regime, last)["sigma"].values,
    }
    coords = {"generation": np.arange(1, last + 1)}
    table = xr.Dataset({k: ("generation", v) for k, v in columns.items()}, coords=coords)
    names = {"sigma": "sigma", "l1_to_first": "deviation"}
    runs = xr.Dataset(
        {name: (("run", "generation"), some[record].values) for record, name in names.items()},
        coords=coords,
    )
    return table, runs, study(more, "collapse_time")["collapse_time"].values


def _partial(
    settings: Settings, p: Floats, sizes: list[int], titles: list[str]
) -> tuple[xr.Dataset, xr.Dataset]:
    """Simulate the panels of figures 3 and 4 as contexts; return means and 100 runs."""
    import xarray as xr

    import autophage as ap

    generations, more = 50, int(settings.choose(smoke=2_000, paper=20_000))
    regime = ap.PartiallySynthetic(np.tile(sizes, (generations, 1)), real=REAL)
    options = {"generations": generations, "record": ("sigma", "l1_to_first")}
    some = _simulate(settings, 0, p, regime, runs=RUNS, **options)
    many = _simulate(settings, 0, p, regime, runs=more, reduce="mean", **options)
    dims = ("generation", "panel")
    names = {"sigma": "sigma", "l1_to_first": "deviation"}
    table = xr.Dataset(coords={"generation": np.arange(1, generations + 1), "panel": titles})
    for record, name in names.items():
        table[name] = (dims, many[record].values)
        table[f"{name}_error"] = (dims, np.sqrt(many[f"{record}_variance"].values / more))
    table["sigma_exact"] = (dims, ap.moments(p, regime, generations)["sigma"].values)
    runs = xr.Dataset(
        {name: (("run", *dims), some[record].values) for record, name in names.items()},
        coords=table.coords,
    )
    return table, runs


def _against_theorem_2(
    table: xr.Dataset, sums: list[float], sizes: list[int]
) -> tuple[Floats, Floats, Floats]:
    """Return simulated sigma, (9) in its right form, and standard errors."""
    from autophage.theory import seddik2024 as theory

    expected = np.stack(
        [
            theory.partially_synthetic_sigma(s0, n, REAL, table["generation"].values)
            for s0, n in zip(sums, sizes, strict=True)
        ],
        axis=1,
    )
    return table["sigma"].values, expected, table["sigma_error"].values


def _below_elementary(table: xr.Dataset, supports: list[int], sizes: list[int]) -> Check:
    """Check the deviations against the elementary bounds."""
    from autophage.theory import seddik2024 as theory

    bound = np.array(
        [
            theory.deviation_bound_elementary(n, REAL, support)
            for n, support in zip(sizes, supports, strict=True)
        ]
    )
    return within("deviation", table["deviation"].values, 0.0, bound, "elementary bounds")


def _fig6_times(times: npt.NDArray[np.int64], law: Floats, n: int, last: int) -> tuple[Check, ...]:
    """Compare the times with the exact law (window 1) and with the means printed in the paper."""
    import autophage as ap

    cdf = np.asarray(ap.collapse_law(law, n).cdf(np.arange(last + 1)))
    exact = float((cdf[-1] - cdf).sum() / cdf[-1])
    reached = [row[row > 0] for row in times]
    found = [float(row.mean()) for row in reached[:3]]
    errors = [float(row.std(ddof=1) / np.sqrt(row.size)) for row in reached[:3]]
    hits, share = reached[3].size, 100.0 * reached[3].size / times.shape[1]
    printed = ((1, 17.0, 1.0), (5, 95.0, 5.1), (10, 216.0, 10.5))  # window, mean T, its error
    return (
        matches("mean T of window 1", found[0], exact, errors[0]),
        *(
            matches(f"window {window} in the paper", mean, value, float(np.hypot(spread, error)))
            for (window, value, spread), mean, error in zip(printed, found, errors, strict=True)
        ),
        matches("all models, percent of runs", share, 1.0, 1.0 + share / np.sqrt(max(hits, 1))),
    )
