"""How alike entities become whose token chains train on each other's output.

The workflow is that of `interactive2025`, the model that of `seddik2024`; neither paper has the
figure, and every constant is chosen. Five entities speak dialects of one language: half of each
private law is a Zipf law that all share, which is also the public law, half one over tokens of its
own order.
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

    from autophage.interaction import Interacting

Floats = npt.NDArray[np.float64]

PAPER, ITEM = "interactive2025", "homogenisation"
ENTITIES, TOKENS = 5, 40
KEPT, KEPT_PUBLIC, POOL = 200, 1000, 200
GENERATIONS = 30
PART = 250  # runs whose laws are held at a time

SERIES = {
    "one pool, beta = 0.9": (False, 0.9),
    "one pool, beta = 0.5": (False, 0.5),
    "a pool each, beta = 0.9": (True, 0.9),
    "a pool each, beta = 0.5": (True, 0.5),
}
EXACT_ALPHAS: Floats = np.linspace(0.0, 1.0, 101)
ALPHAS: Floats = np.linspace(0.0, 1.0, 11)


def homogenisation(settings: Settings) -> Reproduction:
    """Distance between entities, and to their own private laws, against alpha."""
    import xarray as xr

    rows = [_exact(*series) for series in SERIES.values()]
    exact = xr.concat(rows, dim="series").assign_coords(series=list(SERIES))
    rows = [_simulated(settings, i, *series) for i, series in enumerate(SERIES.values())]
    found = xr.concat(rows, dim="series").assign_coords(series=list(SERIES))
    wanted = exact.sel(alpha=ALPHAS, method="nearest")
    checks = tuple(
        agreement(name.replace("_", " "), found[name], wanted[name], found[f"{name}_error"])
        for name in ("apart", "from_own_law")
    )
    tables = {"exact": exact, "simulated": found}
    figure = _figure(exact, found)
    return Reproduction(
        PAPER, ITEM, settings, _constants(settings), tables, figure, (*checks, *_claims(exact))
    )


ITEMS = {ITEM: homogenisation}


def laws() -> tuple[Floats, Floats]:
    """Return the private laws (entity, token) and the public one."""
    zipf = 1.0 / np.arange(1, TOKENS + 1)
    zipf /= zipf.sum()
    step = TOKENS // ENTITIES
    private = np.stack([0.5 * zipf + 0.5 * np.roll(zipf, step * k) for k in range(ENTITIES)])
    return private, zipf


def _runs(settings: Settings) -> int:
    return int(settings.choose(smoke=500, paper=20_000))


def _constants(settings: Settings) -> dict[str, str]:
    return {
        "laws": f"{ENTITIES} entities over {TOKENS} tokens, half Zipf(1) that all share, half "
        f"Zipf(1) moved on by {TOKENS // ENTITIES} tokens from one to the next; public Zipf(1) "
        "(chosen)",
        "kept": f"{KEPT} private draws an entity, {KEPT_PUBLIC} public ones (chosen)",
        "n": f"{POOL} draws of a pool (chosen)",
        "generations": f"{GENERATIONS} (chosen)",
        "repetitions": f"{_runs(settings)}",
    }


def _regime(alpha: float, own_pools: bool, beta: float) -> Interacting:
    import autophage as ap

    return ap.Interacting(alpha, beta, POOL, (KEPT, KEPT_PUBLIC), own_pools)


def _exact(own_pools: bool, beta: float) -> xr.Dataset:
    """Return both distances in the last generation at every alpha of the lines."""
    import xarray as xr

    import autophage as ap

    private, public = laws()
    model = ap.Categorical(private, public=public)
    last = [
        ap.moments(model, _regime(float(alpha), own_pools, beta), GENERATIONS).isel(generation=-1)
        for alpha in EXACT_ALPHAS
    ]
    apart = [float(moments.homogenisation) for moments in last]
    own = [float(moments.l2_to_truth.mean()) for moments in last]
    values = {"apart": ("alpha", apart), "from_own_law": ("alpha", own)}
    return xr.Dataset(values, coords={"alpha": EXACT_ALPHAS})


def _simulated(settings: Settings, key: int, own_pools: bool, beta: float) -> xr.Dataset:
    """Return means over runs of the same, with their standard errors."""
    import xarray as xr

    private, public = laws()
    values: dict[str, list[float]] = {}
    for i, alpha in enumerate(ALPHAS):
        regime = _regime(float(alpha), own_pools, beta)
        seed = settings.key(key, i)
        columns = _distances(settings, regime, private, public, seed)
        for name, column in columns.items():
            values.setdefault(name, []).append(float(column.mean()))
            error = float(column.std(ddof=1) / np.sqrt(column.size))
            values.setdefault(f"{name}_error", []).append(error)
    variables: dict[str, Any] = {name: ("alpha", column) for name, column in values.items()}
    return xr.Dataset(variables, coords={"alpha": ALPHAS})


def _distances(
    settings: Settings,
    regime: Interacting,
    private: Floats,
    public: Floats,
    seed: np.random.SeedSequence,
) -> dict[str, Floats]:
    """Return both distances of every run in the last generation."""
    import autophage as ap

    found: dict[str, list[Floats]] = {"apart": [], "from_own_law": []}
    for first in range(0, _runs(settings), PART):
        runs = ap.simulate(
            ap.Categorical(private, public=public),
            regime,
            runs=PART,
            first_run=first,
            generations=GENERATIONS,
            rng=seed,
            record=("p",),
            threads=settings.threads,
            progress=settings.progress,
        )
        p = runs["p"].values[:, -1]
        spread = np.square(p - p.mean(axis=1, keepdims=True)).sum(axis=(1, 2))
        found["apart"].append(2.0 * spread / (ENTITIES - 1))  # the mean over pairs
        found["from_own_law"].append(np.square(p - private).sum(axis=2).mean(axis=1))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _claims(exact: xr.Dataset) -> tuple[Check, ...]:
    """Say in numbers what the figure shows."""
    one, each = (exact["apart"].sel(series=name).values for name in list(SERIES)[::2])
    least = float(EXACT_ALPHAS[int(np.argmin(each))])
    inside = 0.0 < least < 1.0
    return (
        ordered("distance in one pool, alpha = 1, .75, .5, .25, 0", one[::-25]),
        Check("alpha where pools of their own leave least", "inside (0, 1)", f"{least:g}", inside),
    )


def _figure(exact: xr.Dataset, found: xr.Dataset) -> Any:
    names = {
        "apart": r"E$\,||p_j-p_k||_2^2$, mean over pairs",
        "from_own_law": r"E$\,||p_k-\pi_k||_2^2$, mean over entities",
    }
    titles = ("How far entities are apart", "How far they are from their own laws")
    figure, axes = plotting.panels(1, 2, width=16, height=7.0)
    with plotting.style():
        for panel, title, (name, label) in zip(axes[0], titles, names.items(), strict=True):
            for series, drawn in enumerate(SERIES):
                _draw(panel, exact.sel(series=drawn), found.sel(series=drawn), name, series)
            panel.set_title(title)
            panel.set_xlabel(r"weight of the synthetic pool  $\alpha$")
            panel.set_ylabel(label)
        axes[0, 0].set_ylim(bottom=-0.02 * axes[0, 0].get_ylim()[1])  # marks at zero stay whole
        axes[0, 1].set_yscale("log")
        note = f"generation {GENERATIONS}; lines: exact; marks: simulated, two standard errors"
        plotting.legend_below(figure, axes[0, 0], title=note)
    return figure


def _draw(panel: Axes, exact: xr.Dataset, found: xr.Dataset, name: str, series: int) -> None:
    plotting.draw_exact(panel, exact["alpha"], exact[name], label="_", series=series)
    label = str(found["series"].values).replace("beta", r"$\beta$")
    plotting.draw_simulated(
        panel, found["alpha"], found[name], found[f"{name}_error"], label=label, series=series
    )
