"""Figures 2 and 4 of "What happens when generative AI models train recursively on ..." (2025).

The paper gives the numbers of entities and features and the rank; features, their number in public
and synthetic data, theta, noise, the weights drawn and the generations of figure 4 are lost. Here:
normal features, every entity generates at its own private features (so that lemma 1 holds), sigma^2
= 1, and the rest as `constants` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autophage import plotting
from autophage.reproduce import Check, Reproduction, Settings, agreement, ordered
from autophage.reproduce.interacting_tokens import homogenisation

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from autophage.linear import InteractingLinear

Floats = npt.NDArray[np.float64]

PAPER = "interactive2025"
BETAS = (0.1, 0.5, 0.9)  # of figure 2
MARKED = np.array([0.1, 0.3, 0.5, 0.7, 0.9])  # alpha of the simulated marks of figure 2
WEIGHTS = (0.0, 0.5, 1.0)  # alpha and beta of figure 4, as in the experiments of section 6
GENERATIONS = 15  # as in the experiments
FIG4_MARKS = (17.0, 12.0, 8.5, 4.0)  # each inside the one before, where errors are the same
AXIS = {"alpha": r"$\alpha$, weight of the synthetic data", "beta": r"$\beta$"}


def fig2(settings: Settings) -> Reproduction:
    """Relative efficiency of four entities against alpha, for three beta."""
    net = _network(settings, entities=4, features=15, rank=5, public=15)
    step = settings.choose(smoke=0.02, paper=0.0025)
    alpha = np.arange(step, 1.0 - step / 2.0, step)
    runs = int(settings.choose(smoke=2_000, paper=100_000))
    exact = net.limit(alpha, BETAS, threads=settings.threads, progress=settings.progress)
    marks = _settled(settings, net, runs)
    middle = net.limit(0.5, 0.5).efficiency.values.mean()
    mean = exact.efficiency.mean("entity")
    peaks = alpha[mean.argmax("alpha").values]
    checks = (
        agreement("squared error of settled runs", marks.simulated, marks.mse, marks.error),
        _same_as_full_size(net, marks),
        Check(
            "efficiency at alpha = beta = .5 over the best drawn, means of entities",
            ">= 0.95",
            f"{middle / float(mean.max()):.3f}",
            bool(middle >= 0.95 * float(mean.max())),
        ),
        ordered("best alpha for beta = .9, .5", peaks[[2, 1]]),
    )
    optimum = net.optimal("efficiency", threads=settings.threads)
    constants = _constants(net, rank=5, public=15) | {
        "beta": ", ".join(f"{b:g}" for b in BETAS) + " (chosen)",
        "best": f"mean efficiency {optimum.value:.3f} at alpha = {optimum.alpha:.3f}, "
        f"beta = {optimum.beta:.3f}",
        "runs": f"{runs} a mark",
    }
    tables = {"exact": exact, "simulated": marks}
    return Reproduction(
        PAPER, "fig2", settings, constants, tables, _fig2_figure(exact, marks), checks
    )


def fig4(settings: Settings) -> Reproduction:
    """Prediction error of two entities over the generations, for nine pairs of weights."""
    import xarray as xr

    import autophage as ap

    rank = 15
    net = _network(settings, entities=2, features=50, rank=rank, public=rank)
    runs = int(settings.choose(smoke=1_000, paper=50_000))
    rows = []
    for i, a in enumerate(WEIGHTS):
        for j, b in enumerate(WEIGHTS):
            path = net.trajectory(a, b, GENERATIONS)
            study = ap.simulate(
                net,
                ap.Interacting(a, b),
                runs=runs,
                generations=GENERATIONS,
                rng=settings.key(2, i, j),
                record=("prediction_error",),
                reduce="mean",
                threads=settings.threads,
            )
            rows.append(
                xr.Dataset(
                    {
                        "exact": path.mspe / rank,
                        "simulated": study.prediction_error / rank,
                        "error": np.sqrt(study.prediction_error_variance / runs) / rank,
                    }
                ).drop_attrs()
            )
    table = xr.concat(rows, dim="weights").assign_coords(
        alpha=("weights", np.repeat(WEIGHTS, len(WEIGHTS))),
        beta=("weights", np.tile(WEIGHTS, len(WEIGHTS))),
    )
    own, other = _tasks(table)
    checks = (
        agreement("prediction error", table.simulated, table.exact, table.error),
        *_fig4_claims(net, own, other),
    )
    constants = _constants(net, rank=rank, public=rank) | {
        "alpha, beta": ", ".join(f"{w:g}" for w in WEIGHTS) + " each (as in section 6)",
        "generations": f"{GENERATIONS} (as in section 6); beta_0 = beta",
        "theta": "normal, variance 1 an entry (chosen)",
        "runs": str(runs),
    }
    figure = _fig4_figure(table)
    return Reproduction(PAPER, "fig4", settings, constants, {"path": table}, figure, checks)


ITEMS = {"fig2": fig2, "fig4": fig4, "homogenisation": homogenisation}


def _network(
    settings: Settings, *, entities: int, features: int, rank: int, public: int
) -> InteractingLinear:
    """Draw features, `rank` rows an entity, and theta."""
    import autophage as ap

    rng = np.random.default_rng(settings.key(0))
    own = rng.normal(size=(entities, rank, features))
    shared = rng.normal(size=(public, features))
    private = own.mT @ own
    return ap.InteractingLinear(
        private, shared.T @ shared, private, theta=rng.normal(size=features)
    )


def _settled(settings: Settings, net: InteractingLinear, runs: int) -> xr.Dataset:
    """Simulate until nothing but e^-24 of the start is left, beside the exact limits."""
    import autophage as ap

    exact = net.limit(MARKED, BETAS, threads=settings.threads)
    found, error = np.empty((2, *exact.mse.shape))
    for i, a in enumerate(MARKED.tolist()):
        for j, b in enumerate(BETAS):
            generations = int(np.ceil(-12.0 / np.log(float(exact.spectral_radius[i, j]))))
            last = ap.simulate(
                net,
                ap.Interacting(a, b),
                runs=runs,
                generations=generations,
                rng=settings.key(1, i, j),
                reduce="mean",
                threads=settings.threads,
            ).isel(generation=-1)
            found[i, j] = last.squared_error.values
            error[i, j] = np.sqrt(last.squared_error_variance.values / runs)
    dims = exact.mse.dims
    return exact.assign(simulated=(dims, found), error=(dims, error))


def _constants(net: InteractingLinear, *, rank: int, public: int) -> dict[str, str]:
    """Return what both items have in common, in words."""
    return {
        "entities": str(net.entity_count),
        "features": str(net.feature_count),
        "private rows": f"{rank} an entity (the rank), normal (chosen)",
        "public rows": f"{public}, normal (chosen)",
        "synthetic features": "those of the entity's private data (chosen)",
        "sigma^2": f"{net.noise:g} (chosen)",
    }


def _same_as_full_size(net: InteractingLinear, marks: xr.Dataset) -> Check:
    """Compare the limits with those from the Kd x Kd matrices of the paper."""
    from scipy.linalg import solve_discrete_lyapunov

    from autophage.theory import interactive2025 as theory
    from autophage.theory import workflows

    worst = 0.0
    fresh = net.noise * workflows.pseudo_inverse(workflows.block_diagonal(net.synthetic))
    for point in marks[["mse"]].stack(point=("alpha", "beta")).transpose("point", ...).mse:
        a, b = (float(point[name]) for name in ("alpha", "beta"))
        _, P, Q = theory.workflow(net, a, b)
        M = np.linalg.solve(np.eye(len(Q)) - Q, P)
        C = solve_discrete_lyapunov(Q, Q @ fresh @ Q.T)
        full = theory.squared_errors(net, theory.estimate_covariance(net, M, C))
        worst = max(worst, float(np.abs(point.values / full - 1.0).max()))
    size = net.entity_count * net.feature_count
    name = f"relative difference to matrices of {size} x {size}"
    return Check(name, "<= 1e-08", f"{worst:.1e}", worst <= 1e-8)


def _tasks(table: xr.Dataset) -> tuple[dict[tuple[float, float], Floats], ...]:
    """Return exact paths by weights: on the own task, and on the other's, means of two."""
    pairs = list(zip(table.alpha.values.tolist(), table.beta.values.tolist(), strict=True))
    values = table.exact.transpose("weights", "generation", "entity", "task").values
    own = 0.5 * (values[..., 0, 0] + values[..., 1, 1])
    other = 0.5 * (values[..., 0, 1] + values[..., 1, 0])
    return dict(zip(pairs, own, strict=True)), dict(zip(pairs, other, strict=True))


def _fig4_claims(
    net: InteractingLinear,
    own: dict[tuple[float, float], Floats],
    other: dict[tuple[float, float], Floats],
) -> tuple[Check, ...]:
    """Compare with what sections 5 and 6 say of the three alpha."""
    still = max(float(np.ptp(paths[0.0, b])) for paths in (own, other) for b in WEIGHTS)
    learns = other[0.5, 0.5][-1] / other[0.5, 0.5][0]
    keeps = own[0.5, 0.5][-1] / own[0.5, 0.5][0]
    variance = net.trajectory(1.0, 0.5, GENERATIONS, record=("synthetic_variance",))
    steps = np.diff(variance.synthetic_variance.values, axis=0)
    uneven = float(np.abs(steps / steps[0] - 1.0).max())
    return (
        Check("change over generations at alpha = 0", "<= 1e-08", f"{still:.1e}", still <= 1e-8),
        Check("error on the other's task at .5, .5, last over first", "< 0.5", f"{learns:.2f}",
              bool(learns < 0.5)),
        Check("on the own task", "< 2", f"{keeps:.2f}", bool(keeps < 2.0)),
        Check("unevenness of the growth of the variance at alpha = 1", "<= 1e-08",
              f"{uneven:.1e}", uneven <= 1e-8),
        ordered("error on the own task at beta = .5 for alpha = 0, .5, 1, last generation",
                [own[a, 0.5][-1] for a in WEIGHTS]),
    )  # fmt: skip


def _fig2_figure(exact: xr.Dataset, marks: xr.Dataset) -> Figure:
    """Draw a panel for each beta, a curve for each entity."""
    figure, axes = plotting.panels(1, len(BETAS), width=18, height=7.0, sharey=True)
    with plotting.style():
        for j, b in enumerate(BETAS):
            panel: Axes = axes[0, j]
            for k in range(exact.sizes["entity"]):
                curve = exact.efficiency.isel(beta=j, entity=k)
                plotting.draw_exact(panel, exact.alpha, curve, label="_", series=k)
                found = marks.isel(beta=j, entity=k)
                efficiency = found.efficiency * found.mse / found.simulated
                error = efficiency * found.error / found.simulated
                plotting.draw_simulated(
                    panel, marks.alpha, efficiency, error, label=f"entity {k + 1}", series=k
                )
            panel.set_title(rf"$\beta$ = {b:g}")
            panel.set_xlabel(AXIS["alpha"])
            panel.set_xlim(0.0, 1.0)
            panel.set_ylim(0.0, 1.0)
        axes[0, 0].set_ylabel("relative efficiency (1 is best)")
        note = "lines: exact limit; marks: simulated until settled, two standard errors"
        plotting.legend_below(figure, axes[0, 0], title=note)
    return figure


def _fig4_figure(table: xr.Dataset) -> Figure:
    """Draw a panel for each pair of weights."""
    count = len(WEIGHTS)
    figure, axes = plotting.panels(count, count, width=17, height=13, sharex=True, sharey=True)
    with plotting.style():
        for position in range(table.sizes["weights"]):
            panel: Axes = axes[position // count, position % count]
            chosen = table.isel(weights=position)
            for series, (k, m) in enumerate([(0, 0), (1, 1), (0, 1), (1, 0)]):
                path: Any = chosen.isel(entity=k, task=m)
                label = f"model {k + 1} on task {m + 1}"
                plotting.draw_exact(panel, path.generation, path.exact, label="_", series=series)
                plotting.draw_simulated(
                    panel, path.generation, path.simulated, path.error,
                    label=label, series=series, size=FIG4_MARKS[series],
                )  # fmt: skip
            a, b = float(chosen.alpha), float(chosen.beta)
            panel.set_title(rf"$\alpha$ = {a:g}, $\beta$ = {b:g}")
            panel.set_yscale("log")
            panel.set_xlabel("generation" if position >= count * (count - 1) else "")
        for row in range(count):
            axes[row, 0].set_ylabel("prediction error a row")
        note = "lines: exact; marks: simulated, two standard errors"
        plotting.legend_below(figure, axes[0, 0], title=note)
    return figure
