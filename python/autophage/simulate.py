"""One entry: a model and a regime become a Dataset of simulated runs."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autophage import _check, _core, families, provenance, records, reductions, regimes
from autophage.random import resolve_key

if TYPE_CHECKING:
    import xarray

    from autophage.linear import InteractingLinear
    from autophage.mixture import MixtureNetwork
    from autophage.models import Categorical

__all__ = ["Interrupted", "simulate"]

CHUNK_SECONDS = 0.4  # what one call of the kernel takes, about: an interrupt keeps the calls before
FIRST_WORK = 1 << 21  # work of the first call, before its time is known: some 40 ms
HISTOGRAM_CELLS = 1 << 18  # times held at once while a histogram is counted
DEVICES = {"cpu": _core}  # where the kernels of each device are


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a simulation, with what was finished.

    Attributes
    ----------
    partial : xarray.Dataset or None
        The study of the runs that were finished, `first_run` .. ; None where there were none.
        `rerun`, or `simulate` from the next run on and `merge`, complete it.
    """

    def __init__(self, partial: xarray.Dataset | None) -> None:
        super().__init__("simulation interrupted; the finished runs are in .partial")
        self.partial = partial


def simulate(
    model: Categorical | InteractingLinear | MixtureNetwork,
    regime: regimes.Regime | None = None,
    *,
    runs: int,
    generations: int | None = None,
    rng: int | np.random.SeedSequence | np.random.Generator | None = None,
    record: Sequence[str] | None = None,
    reduce: str | None = None,
    dtype: str = "float64",
    method: str = "forward",
    device: str = "cpu",
    threads: int | None = None,
    first_run: int = 0,
    progress: bool = False,
) -> xarray.Dataset:
    """Simulate models that train on what models drew.

    Every run starts from real data and follows the regime exactly in law. For token chains
    generation t is the law of the draws that the regime prescribes, the truth p = p^(0) being the
    model before the first; for linear models it is the weighted least-squares estimates; a network
    of mixtures says itself how its models post and read. Each random decision belongs to its (seed,
    run, context, entity or model, purpose), so results do not depend on threads, on the order of
    runs or on how a study is cut into shards; run 17 alone equals run 17 of a batch.

    Parameters
    ----------
    model : Categorical, InteractingLinear or MixtureNetwork
        The true law of one context, or of many, or, with `public`, those of entities that learn
        from each other; or the data of entities that fit linear models; or mixtures that post to a
        pool and learn from it.
    regime : Regime, optional
        What each generation trains on: `Interacting` for entities (without n for linear models),
        any of the others for contexts; none for a MixtureNetwork.
    runs : int
        Independent repetitions, 1 to 2^38.
    generations : int, optional
        How many generations, 1 to 2^32 - 1. None runs each run until absorption (FullySynthetic and
        MostRecent only).
    rng : None, int, numpy.random.SeedSequence or numpy.random.Generator, optional
        An int in [0, 2^64) is the key itself; None takes fresh entropy. The key is stored in the
        result.
    record : sequence of str, optional
        What to record. Per run: "collapse_time" (first generation that is a point mass),
        "absorption_time" (point mass for ever), "final_token" (its token), -1 where not reached.
        Per generation: "support", "sigma" (sum of squares), "max_p", "l1_to_truth", "l1_to_first",
        "l2_to_truth", "l2_to_first" (l2 squared), "p" (whole laws). The default is collapse_time
        and final_token, with sigma and support where `generations` is given. For linear models
        "estimate", "squared_error" (its squared distance to the true coefficients; the default) and
        "prediction_error" (of an entity on the private inputs of a task), from generation 0 on. For
        mixtures "distance" (the Frobenius norm of D), "distances" (D, the distances between the
        weights of two models) and "weights", from generation 0 on; the default is distance and
        weights.
    reduce : {None, "mean", "histogram"}, optional
        "mean" keeps the names and gives means over runs, with NAME_variance (ddof 1); times are
        averaged over the runs that got there, counted in NAME_reached. Memory does not grow with
        the runs, and since sums are exact integers, any sharding gives the same bytes: for linear
        models in multiples of 2^-124 of a unit, a power of two near the size that noise, moments
        and theta make usual. "histogram" counts collapse_time per generation, with `not_reached`;
        token chains only.
    dtype : {"float64", "float32"}, optional
        Arithmetic of the updates, "float32" for a MixtureNetwork alone. The random words are the
        same, and the weights of a run right to some 1e-6, unless a rounding moves a draw from one
        component to the next (a chance of some 1e-7 a post): then the run is another one of the
        same law. Results are float64 either way.
    method : {"forward", "ancestral"}, optional
        "forward" draws one generation after the other. "ancestral" draws collapse_time,
        absorption_time (the same) and final_token alone, from one path of ancestors a run, at a
        small part of the cost: for token chains under FullySynthetic with n constant over
        generations and at most 250,000. Both draw from the exact joint law of these records, to
        1e-12 in total variation, and for one key different numbers. The tables for paths take some
        6 us and 800 bytes for each of the n samples.
    device : {"cpu"}, optional
        Where the kernel runs.
    threads : int, optional
        Threads of the kernel; by default AUTOPHAGE_NUM_THREADS, or the CPUs that this process may
        use.
    first_run : int, optional
        Number of the first run: shards of one study use the same key and consecutive runs.
    progress : bool, optional
        Show a progress bar over runs.

    Returns
    -------
    xarray.Dataset
        The records, over (run, generation, context, token) as each has them, without context where
        p was given as one law, and with entity in its place where there is `public`; the inputs
        `law`, `public`, `n` and, where used, `alpha`, `beta` and `real`; provenance in `attrs`,
        enough for `rerun`. Linear models: over (run, generation, entity, feature or task), with the
        inputs `private`, `public`, `synthetic`, `theta`, `alpha` and `beta`. Mixtures: over (run,
        generation, model, other or component), with the inputs `means`, `covariance`,
        `first_weights`, `first_posts`, `rate`, `posts` and `read`; the start, generation 0, has
        zeros in the last three.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong: the message says which, what is required and what came.
    MemoryError
        If the results cannot fit; nothing has been taken then.
    Interrupted
        At Ctrl-C, a KeyboardInterrupt with the finished runs in `.partial`.
    RuntimeError
        If a filtered generation can keep no draw at all.
    OverflowError
        If reduce="mean" meets an estimate or error of a linear model beyond 2^62 times its unit.

    Notes
    -----
    The fully synthetic chain, the partially synthetic one, windows and random past models are those
    of `seddik2024`, section 2.2; contaminated, accumulated, filtered and adaptive sources those of
    `contaminated2026`; accumulate and subsample that of `arulandu2024`; interacting linear models
    those of `interactive2025`; networks of mixtures those of `webdynamics2025`. Where the data of a
    generation do not determine a fit, that of least norm is taken, and theta has to be given;
    elsewhere a theta that was not given counts as zero.

    Examples
    --------
    >>> import autophage as ap
    >>> p = [0.5, 0.3, 0.2]
    >>> runs = ap.simulate(ap.Categorical(p), ap.FullySynthetic(50), runs=4000, rng=1)
    >>> float(runs.collapse_time.mean().round(1)), round(ap.collapse_law(p, 50).mean, 1)
    (77.1, 75.6)
    >>> one = [[1.0]]
    >>> net = ap.InteractingLinear([one, one], one, [one, one], noise=0.5, theta=[3.0])
    >>> fits = ap.simulate(net, ap.Interacting(0.5, 0.5), runs=4000, generations=9, rng=1)
    >>> fits.squared_error.mean("run")[[0, -1], 0].values.round(2).tolist()
    [0.25, 0.28]
    >>> entities = ap.Categorical([[0.9, 0.1], [0.2, 0.8]], public=[0.5, 0.5])
    >>> regime = ap.Interacting(0.5, 0.8, n=100, real=(50, 200))
    >>> chains = ap.simulate(entities, regime, runs=1000, generations=5, rng=1, reduce="mean")
    >>> gap = chains.sigma - ap.moments(entities, regime, 5).sigma
    >>> chains.sigma.dims, bool((abs(gap) < 0.01).all())
    (('generation', 'entity'), True)
    >>> web = ap.MixtureNetwork([-3, 3], 1.0, [[0.9, 0.1], [0.2, 0.8]], rate=0.05)
    >>> posts = ap.simulate(web, runs=100, generations=30, rng=1)
    >>> posts.distance.dims, posts.weights.dims
    (('run', 'generation'), ('run', 'generation', 'model', 'component'))
    """
    family = families.of_model(model)
    regime = _check.instance("regime", regime, family.regimes or type(None), family.regime)
    family.refuse(model, regime)
    dtype = _check.choice("dtype", dtype, family.dtypes)
    method = _check.choice("method", method, family.methods)
    runs = _check.integer("runs", runs, 1, _check.RUN_LIMIT)
    first_run = _check.integer("first_run", first_run, 0, _check.RUN_LIMIT - runs)
    if reduce is not None:
        reduce = _check.choice("reduce", reduce, families.reductions_of(family))
    kernels = DEVICES[_check.choice("device", device, tuple(DEVICES))]
    threads = _check.threads(threads)
    progress = _check.flag("progress", progress)
    generations = _generations(generations, family, model, regime)
    study = family.study(
        model,
        reduce=reduce,
        runs=runs,
        first_run=first_run,
        generations=generations,
        method=method,
    )
    study = replace(study, record=_record(record, study, family), dtype=dtype)
    key = resolve_key(rng)
    records.refuse_what_cannot_fit(study, 0)
    schedules = family.input_memory(study)
    records.refuse_what_cannot_fit(replace(study, record=()), schedules)
    model, regime = family.spelled_out(model, regime, study)  # callables are evaluated once
    job = family.job(study, model, regime, key, threads, kernels)
    records.refuse_what_cannot_fit(job.largest_result(), schedules + job.working_memory())
    return _Run(family, model, regime, study, job, key, threads).complete(progress)


def _generations(
    generations: int | None, family: families.Family, model: Any, regime: regimes.Regime | None
) -> int | None:
    """Check the horizon, and that runs end without one."""
    if generations is not None:
        return _check.integer("generations", generations, 1, _check.GENERATION_LIMIT)
    if not family.ends(regime):
        msg = (
            f"generations must be given for {type(regime or model).__name__}, got None: "
            "its runs need not end"
        )
        raise ValueError(msg)
    return None


def _record(
    record: Sequence[str] | None, study: records.Study, family: families.Family
) -> tuple[str, ...]:
    """Return the records asked for, or the default ones, if they go together with the rest."""
    allowed = family.counted if study.reduce == "histogram" else tuple(study.records)
    given = [f'reduce="{study.reduce}"'] if study.reduce else []
    if study.method != records.FORWARD:
        given.append(f'method="{study.method}"')
    if study.reduce == "mean":
        allowed = tuple(name for name in allowed if study.records[name].kind != "label")
    if study.generations is None:
        allowed = tuple(name for name in allowed if "generation" not in study.dims(name))
        given.append("generations=None")
    if record is not None:
        where = f" (with {' and '.join(given)})" if given else ""
        return _check.names("record", record, allowed, where)
    return tuple(name for name in family.default_record(study.generations) if name in allowed)


@dataclass
class _Run:
    """One study on its way through the kernel, part by part."""

    family: families.Family
    model: Any
    regime: regimes.Regime | None
    study: records.Study
    job: families.Job
    key: int
    threads: int

    def complete(self, progress: bool) -> xarray.Dataset:
        """Simulate all runs; at an interrupt, keep those that are finished."""
        collector = _COLLECTORS[self.study.reduce](self.study)
        try:
            with _bar(progress, self.study.runs) as advance:
                for done, runs in self.chunks():
                    collector.take(functools.partial(self.job.call, done, runs), done, runs)
                    advance(runs)
            return self.result(collector, self.study.runs)
        except KeyboardInterrupt:
            finished = collector.finished
            raise Interrupted(self.result(collector, finished) if finished else None) from None

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Cut the runs into parts (first, count), each about CHUNK_SECONDS long."""
        most = self.study.runs
        if self.study.reduce == "histogram":
            most = max(64, HISTOGRAM_CELLS // self.study.cells())
        runs, done = min(most, max(4 * self.threads, FIRST_WORK // self.job.work())), 0
        while done < self.study.runs:
            runs = min(runs, self.study.runs - done)
            started = time.perf_counter()
            yield done, runs
            elapsed = max(time.perf_counter() - started, 1e-6)
            done += runs
            wanted = int(runs * min(CHUNK_SECONDS / elapsed, 16.0))
            runs = min(most, max(4 * self.threads, wanted))

    def result(self, collector: reductions.Collector, runs: int) -> xarray.Dataset:
        """Make the Dataset of the first `runs` runs."""
        study = replace(self.study, runs=runs)
        return records.dataset(
            study,
            collector.values(runs),
            self.family.inputs(self.model, self.regime, study),
            self.family.labels(self.model),
            provenance.describe(self.model, self.regime, study, self.key),
        )


@contextmanager
def _bar(shown: bool, runs: int) -> Iterator[Callable[[int], object]]:
    """Give a function that advances a progress bar over runs, if one is shown."""
    if not shown:
        yield lambda _: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=runs, unit="run", unit_scale=True) as bar:
        yield bar.update


_COLLECTORS: dict[str | None, Callable[[records.Study], reductions.Collector]] = {
    None: reductions.Trajectories,
    "mean": reductions.Means,
    "histogram": reductions.Histogram,
}
