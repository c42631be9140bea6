"""Figures 4 to 6 of "LLM Web Dynamics: Tracing Model Collapse in a Network of LLMs" (2025).

The numbers of the mixture network are lost but for three models; `constants` says what stands in
for them. Beside them two figures that the paper does not have: the norm of the distance matrix
against the floor that a fixed rate leaves, and where the prior drives components extinct.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autophage.reproduce import Check, Reproduction, Settings, agreement, ordered
from autophage.reproduce import webdynamics2025_drawings as drawings
from autophage.theory import webdynamics2025 as theory

if TYPE_CHECKING:
    import xarray as xr

    from autophage.mixture import MixtureNetwork

Floats = npt.NDArray[np.float64]

PAPER = "webdynamics2025"
MODELS, ROUNDS, REPLICATES = 3, 60, 5
RATE = 1.0 / 150.0  # the example of Zivkovic and van der Heijden, whose c_T is the rate for d = 1
MANY = 10  # components of figure 6
SHOWN = (0, 10, 30, 60)  # generations of figure 5
RATES = (1.0 / 150.0, 0.02, 0.05, 0.1)  # of the figure of the floor
GIVEN = 3000  # first posts there, half of each component
APART = 9.0  # standard deviations from zero to each mean where theory has to hold to rounding
START = (0.6, 0.4)  # weights of all models in the phase diagram


def fig4(settings: Settings) -> Reproduction:
    """Norm of the distance matrix in five replicates, and its root mean square against theory."""
    runs = int(settings.choose(smoke=400, paper=10_000))
    nets = [_two(start) for start in _starts(settings, 2)]
    table = _norms(settings, nets, runs)
    mean = table.mean("replicate")
    checks = (
        _near("mean square of the norm, mean of starts,", table, 0.05),
        _below("mean norm of the five at the end over the start",
               float(mean.norm[-1] / mean.norm[0]), 0.3),
        _above("mean square at generation 60 over 30 (claim (5): to 0)",
               float(mean.mean_square[-1] / mean.mean_square[30]), 0.8),
    )  # fmt: skip
    constants = _constants("-3, 3") | {"runs": f"{runs} of each replicate's start"}
    figure = drawings.norms(table, "M = 2 components", with_prior=True)
    return Reproduction(PAPER, "fig4", settings, constants, {"norm": table}, figure, checks)


def fig5(settings: Settings) -> Reproduction:
    """Densities of the three mixtures over time, in the replicate whose start is widest."""
    import xarray as xr

    import autophage as ap

    runs = int(settings.choose(smoke=400, paper=4_000))
    starts = _starts(settings, 2)
    net = _two(starts[int(np.argmax(np.ptp(starts[:, :, 0], axis=1)))])
    found = ap.simulate(
        net,
        runs=runs,
        generations=ROUNDS,
        rng=settings.key(2),
        record=("weights",),
        threads=settings.threads,
    ).weights
    mean, error = found.mean("run"), found.std("run", ddof=1) / np.sqrt(runs)
    path = theory.mean_field(net, ROUNDS)
    one = found.isel(run=0).sel(generation=list(SHOWN))
    spread = np.ptp(one.values[:, :, 0], axis=1)
    rng = np.random.default_rng(settings.key(3))
    draws = 2000
    x = rng.normal(size=(len(SHOWN), MODELS, draws))
    first = rng.random(x.shape) < one.values[:, :, :1]
    x += np.where(first, *net.means.ravel())
    table = xr.Dataset(
        {
            "weights": one,
            "draws": (("generation", "model", "draw"), x),
            "mean": mean.sel(generation=list(SHOWN)),
            "expected": (mean.dims, path[list(SHOWN)]),
        }
    ).drop_attrs()
    checks = (
        agreement("mean weights of all generations", mean[1:], path[1:], error[1:]),
        _below(
            f"largest difference of weights, {spread[0]:.2f} at the start, at the end",
            float(spread[-1]),
            0.3 * float(spread[0]),
        ),
    )
    constants = _constants("-3, 3") | {
        "replicate": "the one of figure 4 whose starts differ most",
        "histograms": f"{draws} draws from each mixture (chosen)",
        "runs": str(runs),
    }
    figure = drawings.densities(table, net.means.ravel())
    return Reproduction(PAPER, "fig5", settings, constants, {"shown": table}, figure, checks)


def fig6(settings: Settings) -> Reproduction:
    """As figure 4 with many components: with the prior, and without, where theory is exact."""
    runs = int(settings.choose(smoke=400, paper=10_000))
    means = 6.0 * (np.arange(MANY) - 0.5 * (MANY - 1))
    starts = _starts(settings, MANY)
    tables = {
        name: _norms(settings, [_network(means, start, prior=c) for start in starts], runs)
        for name, c in (("with_prior", RATE), ("without_prior", 0.0))
    }
    free, pruned = tables["without_prior"], tables["with_prior"]
    living = pruned.living.isel(generation=-1)
    checks = (
        _near("mean square of the norm without a prior, mean of starts,", free, 0.05),
        _above("the same at generation 60 over 30 (claim (5): to 0)",
               float(free.mean_square[:, -1].mean() / free.mean_square[:, 30].mean()), 0.8),
        Check("components left of 10 at the end, without a prior", "10",
              f"{float(free.living[:, -1].min()):g}", bool((free.living[:, -1] == MANY).all())),
        _below("with it, mean of the models", float(living.mean()), MANY),
    )  # fmt: skip
    constants = _constants(f"{MANY} means, 6 apart") | {
        "c_T": "0 and the rate",
        "runs": f"{runs} of each replicate's start",
    }
    figure = drawings.many(pruned, free)
    return Reproduction(PAPER, "fig6", settings, constants, tables, figure, checks)


def floor(settings: Settings) -> Reproduction:
    """Norm of the distance matrix against its floor, for several rates and three remedies."""
    import xarray as xr

    runs = int(settings.choose(smoke=400, paper=10_000))
    rounds = 40
    names = ("a = 1/150", *(f"a = {a:g}" for a in RATES[1:]))
    series: dict[str, dict[str, Any]] = {
        name: {"rate": a} for name, a in zip(names, RATES, strict=True)
    }
    series["shared reading"] = {"rate": RATES[1], "shared_reading": True}
    series["decaying rate"] = {"rate": _decay}
    rows = []
    for i, options in enumerate(series.values()):
        net = _settled_pool(**options)
        exact = theory.squared_distances(net, rounds).sum(axis=(1, 2))
        square = _squares(settings, net, runs, rounds, 10 + i)
        rows.append(_moments(square).assign(exact=("generation", np.sqrt(exact))))
    table = xr.concat(rows, dim="series").assign_coords(series=list(series))
    lines = _floor_lines(float(table.exact[0, 0]), rounds)
    late = table.isel(generation=-1)
    known = table.sel(series=list(series)[:-2])
    checks = (
        agreement("mean square of the norm, all series", table.mean_square, table.exact**2,
                  table.error),
        ordered("norm at the end over rates", known.isel(generation=-1).root_mean_square),
        _above("norm at the end over what claim (5) takes it for, a = 0.02",
               float(late.root_mean_square[1] / lines.claimed[-1]), 1e6),
        _below("with shared reading, norm at the end", float(late.root_mean_square[-2]), 1e-6),
        _below("with a decaying rate, over that of a fixed one, a = 0.1",
               float(late.root_mean_square[-1] / late.root_mean_square[3]), 0.5),
    )  # fmt: skip
    constants = {
        "models": f"{MODELS} (as in the paper), two components, weights {_SPREAD[:, 0].tolist()} "
        "of the first at the start (chosen)",
        "means, variance": f"-{APART:g} and {APART:g}, 1 (chosen)",
        "first posts": f"{GIVEN}, half of each component; each model adds one a round (chosen)",
        "rho": "0.01 (chosen)",
        "c_T": "0 (chosen)",
        "rounds": f"{rounds} (chosen)",
        "decaying rate": "0.1 / t (chosen)",
        "runs": f"{runs} a series",
    }
    tables = {"norm": table, "lines": lines}
    return Reproduction(
        PAPER, "floor", settings, constants, tables, drawings.floor(table, lines), checks
    )


def extinction(settings: Settings) -> Reproduction:
    """Share of runs in which one component is left, over the rate and the prior's strength."""
    import xarray as xr

    rounds = int(settings.choose(smoke=240, paper=600))
    runs = int(settings.choose(smoke=60, paper=200))
    rates = np.geomspace(0.0025, 0.16, int(settings.choose(smoke=7, paper=13)))
    priors = np.linspace(0.0, 0.24, int(settings.choose(smoke=13, paper=19)))
    share, growth = np.empty((2, rates.size, priors.size))
    for i, a in enumerate(rates.tolist()):
        for j, c in enumerate(priors.tolist()):
            net = _apart(START, rate=a, prior=c)
            share[i, j] = _at_a_vertex(settings, net, runs, rounds, i, j).mean()
            growth[i, j] = theory.consensus_growth(net, rounds)[-1, 0]
    table = xr.Dataset(
        {"share": (("rate", "prior"), share), "growth": (("rate", "prior"), growth)},
        coords={"rate": rates, "prior": priors},
    )
    needed = 1.0 / (2.0 * START[0] - 1.0)  # growth that takes the smaller mean weight to zero
    mean_dies = table.share.where(growth >= 2 * needed)
    early = (priors > 0.0) & (growth[0] <= 0.5 * needed)
    mean = _mean_until_clipped(settings)
    checks = (
        Check("share of runs without a prior", "0", f"{float(share[:, 0].max()):g}",
              bool((share[:, 0] == 0.0).all())),
        _above("mean share where the mean weight would be twice past zero",
               float(mean_dies.mean()), 0.7),
        _below("at the smallest rate, mean share where it would be at most half way, c_T > 0",
               float(share[0, early].mean()), 0.2),
        ordered("mean over rates at c_T = 0, 0.08, 0.16, 0.24",
                share.mean(axis=0)[:: (priors.size - 1) // 3]),
        mean,
    )  # fmt: skip
    constants = {
        "models": f"{MODELS}, all starting at weights {START[0]:g}, {START[1]:g} (chosen)",
        "means, variance": f"-{APART:g} and {APART:g}, 1 (chosen)",
        "n, rho": "1, 1/2 (chosen)",
        "rounds": f"{rounds} (chosen)",
        "runs": f"{runs} a cell",
        "extinct in mean": f"E w - 1/2 has grown {needed:g} times, which takes the smaller to zero",
    }
    figure = drawings.extinction(table, needed, runs, rounds)
    return Reproduction(PAPER, "extinction", settings, constants, {"share": table}, figure, checks)


ITEMS = {"fig4": fig4, "fig5": fig5, "fig6": fig6, "floor": floor, "extinction": extinction}

_SPREAD: Floats = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])


def _starts(settings: Settings, components: int) -> Floats:
    """Draw the weights at the start of all replicates, Dirichlet(1, .., 1)."""
    rng = np.random.default_rng(settings.key(0, components))
    return rng.dirichlet(np.ones(components), size=(REPLICATES, MODELS))


def _network(means: npt.ArrayLike, weights: npt.ArrayLike, **options: Any) -> MixtureNetwork:
    import autophage as ap

    return ap.MixtureNetwork(means, 1.0, weights, **({"rate": RATE} | options))


def _two(weights: npt.ArrayLike) -> MixtureNetwork:
    """Return the network of figures 4 and 5."""
    return _network([-3.0, 3.0], weights, prior=RATE)


def _apart(weights: npt.ArrayLike, **options: Any) -> MixtureNetwork:
    """Return a network of models that start alike, with separated components."""
    return _network([-APART, APART], np.tile(weights, (MODELS, 1)), **options)


def _settled_pool(**options: Any) -> MixtureNetwork:
    """Return the network of the floor: a large pool, so that its shares hardly move."""
    given = np.repeat([-APART, APART], GIVEN // 2)
    return _network([-APART, APART], _SPREAD, read=0.01, first_posts=given, **options)


def _floor_lines(start: float, rounds: int) -> xr.Dataset:
    """Return the floor of each rate in a large pool, and the norm as claim (5) takes it."""
    import xarray as xr

    half = np.full(2, 0.5)
    levels = [np.sqrt(theory.distance_floor(MODELS, half, rate=a)) for a in RATES]
    reads = _settled_pool(rate=RATES[1]).schedule(rounds).reads[:, 0]
    claimed = [
        theory.expected_distance_printed(start, int(r), rate=RATES[1])
        for r in np.concatenate([[0], np.cumsum(reads)])
    ]
    return xr.Dataset(
        {"floor": ("rate", np.array(levels)), "claimed": ("generation", np.array(claimed))},
        coords={"rate": list(RATES), "generation": np.arange(rounds + 1)},
    )


def _decay(t: int) -> float:
    return 0.1 / t


def _squares(
    settings: Settings, net: MixtureNetwork, runs: int, rounds: int, key: int
) -> xr.DataArray:
    """Return the squared norm of every run and generation."""
    import autophage as ap

    found = ap.simulate(
        net,
        runs=runs,
        generations=rounds,
        rng=settings.key(1, key),
        record=("distance",),
        threads=settings.threads,
        progress=settings.progress,
    )
    square: xr.DataArray = found.distance**2
    return square


def _moments(square: xr.DataArray) -> xr.Dataset:
    import xarray as xr

    mean = square.mean("run")
    error = square.std("run", ddof=1) / np.sqrt(square.sizes["run"])
    found = {"mean_square": mean, "error": error, "root_mean_square": np.sqrt(mean)}
    return xr.Dataset(found).drop_attrs().drop_vars("run", errors="ignore")


def _norms(settings: Settings, nets: list[MixtureNetwork], runs: int) -> xr.Dataset:
    """Simulate replicates: the first run of each, and means over all runs from the same start."""
    import xarray as xr

    import autophage as ap

    rows = []
    for i, net in enumerate(nets):
        found = ap.simulate(
            net,
            runs=runs,
            generations=ROUNDS,
            rng=settings.key(1, i),
            record=("distance", "weights"),
            threads=settings.threads,
            progress=settings.progress,
        )
        exact = np.sqrt(theory.squared_distances(net, ROUNDS).sum(axis=(1, 2)))
        row = _moments(found.distance**2).assign(
            norm=found.distance.isel(run=0),
            exact=("generation", exact),
            living=(found.weights > 0.0).sum("component").mean(("run", "model")),
        )
        rows.append(row.drop_vars("run", errors="ignore").drop_attrs())
    return xr.concat(rows, dim="replicate").assign_coords(replicate=np.arange(1, len(nets) + 1))


def _at_a_vertex(
    settings: Settings, net: MixtureNetwork, runs: int, rounds: int, i: int, j: int
) -> npt.NDArray[np.bool_]:
    """Tell, for each run, whether all models have one component left."""
    import autophage as ap

    found = ap.simulate(
        net,
        runs=runs,
        generations=rounds,
        rng=settings.key(4, i, j),
        record=("weights",),
        threads=settings.threads,
    ).weights.isel(generation=-1)
    living = (found.transpose("run", "model", "component").values > 0.0).sum(axis=2)
    return np.asarray((living == 1).all(axis=1))


def _mean_until_clipped(settings: Settings) -> Check:
    """Compare the mean weights of early generations, which nothing clips, with exact ones."""
    import autophage as ap

    net = _apart(START, rate=0.02, prior=0.1)
    rounds, runs = 10, 4000
    found = ap.simulate(
        net,
        runs=runs,
        generations=rounds,
        rng=settings.key(5),
        record=("weights",),
        threads=settings.threads,
    ).weights.transpose("run", "generation", "model", "component")
    values = found.values[:, 1:]
    error = values.std(axis=0, ddof=1) / np.sqrt(runs)
    wanted = theory.mean_dynamics(net, rounds)[1:]
    return agreement(
        "mean weights at a = 0.02, c_T = 0.1 before any is clipped", values.mean(0), wanted, error
    )


def _constants(means: str) -> dict[str, str]:
    """Return what figures 4 to 6 have in common, in words."""
    return {
        "models": f"{MODELS} (as in the paper)",
        "means, variance": f"{means}, 1 (chosen)",
        "start": "Dirichlet(1, .., 1) for each model (the parameter is chosen)",
        "n, rho": "1, 1/2 (chosen); no first posts",
        "a": "1/150 (chosen)",
        "c_T": "the rate, as for d = 1 in the source that the paper names",
        "generations": f"{ROUNDS} (as in the other experiment)",
    }


def _near(name: str, table: xr.Dataset, tolerance: float) -> Check:
    """Check the largest relative gap to a formula that is only nearly exact here.

    What five standard errors of the simulation explain is no gap.
    """
    wanted = (table.exact**2).mean("replicate")
    error = np.sqrt((table.error**2).sum("replicate")) / table.sizes["replicate"]
    gap = np.abs(table.mean_square.mean("replicate") - wanted) - 5.0 * error
    largest = max(0.0, float((gap / wanted).max()))
    what = f"relative gap of the {name} to theory beyond 5 standard errors"
    return Check(what, f"<= {tolerance:g}", f"{largest:.3f}", largest <= tolerance)


def _below(name: str, value: float, most: float) -> Check:
    return Check(name, f"< {most:.3g}", f"{value:.3g}", bool(value < most))


def _above(name: str, value: float, least: float) -> Check:
    return Check(name, f"> {least:.3g}", f"{value:.3g}", bool(value > least))
