"""One entry: a model and a regime become a Dataset of simulated runs."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autophage import _check, _core, provenance, records, reductions, regimes
from autophage.models import Categorical
from autophage.random import resolve_key

if TYPE_CHECKING:
    import xarray

__all__ = ["Interrupted", "simulate"]

STOPPED, STUCK = 1, 2  # endings of a kernel call
CHUNK_SECONDS = 0.4  # what one call of the kernel takes, about: an interrupt keeps the calls before
FIRST_WORK = 1 << 21  # binomials in the first call, before its time is known: some 40 ms
HISTOGRAM_CELLS = 1 << 18  # times held at once while a histogram is counted


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
    model: Categorical,
    regime: regimes.Regime,
    *,
    runs: int,
    generations: int | None = None,
    rng: int | np.random.SeedSequence | np.random.Generator | None = None,
    record: Sequence[str] | None = None,
    reduce: str | None = None,
    device: str = "cpu",
    threads: int | None = None,
    first_run: int = 0,
    progress: bool = False,
) -> xarray.Dataset:
    """Simulate models that train on what models drew.

    Every run starts from the true law p = p^(0) and follows the regime exactly in law: generation t
    is the law of the draws that the regime prescribes. Each random decision belongs to its (seed,
    run, context, purpose), so results do not depend on threads, on the order of runs or on how a
    study is cut into shards; run 17 alone equals run 17 of a batch.

    Parameters
    ----------
    model : Categorical
        The true law of one context, or of many.
    regime : Regime
        What each generation trains on.
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
        and final_token, with sigma and support where `generations` is given.
    reduce : {None, "mean", "histogram"}, optional
        "mean" keeps the names and gives means over runs, with NAME_variance (ddof 1); times are
        averaged over the runs that got there, counted in NAME_reached. Memory does not grow with
        the runs, and since sums are exact integers, any sharding gives the same bytes. "histogram"
        counts collapse_time per generation, with `not_reached`.
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
        p was given as one law; the inputs `law`, `n` and, where used, `alpha` and `real`;
        provenance in `attrs`, enough for `rerun`.

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

    Notes
    -----
    The fully synthetic chain, the partially synthetic one, windows and random past models are those
    of `seddik2024`, section 2.2; contaminated, accumulated, filtered and adaptive sources those of
    `contaminated2026`; accumulate and subsample that of `arulandu2024`.

    Examples
    --------
    >>> import autophage as ap
    >>> p = [0.5, 0.3, 0.2]
    >>> runs = ap.simulate(ap.Categorical(p), ap.FullySynthetic(50), runs=4000, rng=1)
    >>> float(runs.collapse_time.mean().round(1)), round(ap.collapse_law(p, 50).mean, 1)
    (77.1, 75.6)
    """
    model = _check.instance("model", model, Categorical, "an autophage.Categorical")
    regime = _check.instance(
        "regime", regime, regimes.Regime, "a regime, such as autophage.FullySynthetic(100)"
    )
    runs = _check.integer("runs", runs, 1, _check.RUN_LIMIT)
    first_run = _check.integer("first_run", first_run, 0, _check.RUN_LIMIT - runs)
    reduce = None if reduce is None else _check.choice("reduce", reduce, ("mean", "histogram"))
    _check.choice("device", device, ("cpu",))
    threads = _check.threads(threads)
    progress = _check.flag("progress", progress)
    generations = _generations(generations, regime)
    study = records.Study(
        record=_records(record, generations, reduce),
        reduce=reduce,
        runs=runs,
        first_run=first_run,
        generations=generations,
        contexts=model.context_count,
        tokens=model.token_count,
        has_contexts=model.has_contexts,
    )
    key = resolve_key(rng)
    records.refuse_what_cannot_fit(study, 0)
    schedules = 24 * (generations or 1) * model.context_count
    records.refuse_what_cannot_fit(replace(study, record=()), schedules)
    regime = regime.spelled_out(generations, model.context_count)  # callables are evaluated once
    schedule = regime.schedule(generations, model.context_count)
    job = _Job(study, model, regime, schedule, key, threads)
    records.refuse_what_cannot_fit(job.largest_result(), schedules + job.working_memory())
    return job.run(progress)


def _generations(generations: int | None, regime: regimes.Regime) -> int | None:
    """Check the horizon, and that runs end without one."""
    if generations is not None:
        return _check.integer("generations", generations, 1, _check.GENERATION_LIMIT)
    if not isinstance(regime, (regimes.FullySynthetic, regimes.MostRecent)):
        msg = (
            f"generations must be given for {type(regime).__name__}, got None: "
            "its runs need not be absorbed"
        )
        raise ValueError(msg)
    return None


def _records(
    record: Sequence[str] | None, generations: int | None, reduce: str | None
) -> tuple[str, ...]:
    """Return the records asked for, or the default ones, if they go together with the rest."""
    if reduce == "histogram":
        allowed: tuple[str, ...] = ("collapse_time",)
    elif reduce == "mean":
        allowed = tuple(name for name in records.DESCRIPTIONS if name != "final_token")
    else:
        allowed = tuple(records.DESCRIPTIONS)
    if generations is None:
        allowed = tuple(name for name in allowed if name in records.TIMES)
    if record is not None:
        return _check.names("record", record, allowed)
    default = (
        ("collapse_time", "final_token")
        if generations is None
        else ("collapse_time", "final_token", "sigma", "support")
    )
    return tuple(name for name in default if name in allowed)


@dataclass
class _Job:
    """One study on its way through the kernel."""

    study: records.Study
    model: Categorical
    regime: regimes.Regime
    schedule: regimes.Schedule
    key: int
    threads: int

    def working_memory(self) -> int:
        """Return the bytes needed beside the results: windows hold one sample a model."""
        window = getattr(self.regime, "window", 2)
        samples = 1 + min(window, self.study.generations or window)
        living = min(self.study.tokens, 2 * int(self.schedule.n.max()))
        thread = samples * (12 * living + 8192) + 48 * self.study.tokens
        if self.study.reduce == "mean":  # sums of the context at hand, of 80 bytes a cell
            thread += 80 * self.study.cells() // self.study.contexts
        labels = 0 if self.study.reduce else 16 * self.study.runs  # of the runs, and their index
        return self.threads * thread + 40 * self.model.laws.size + labels

    def largest_result(self) -> records.Study:
        """Return the study with its horizon; of an open histogram the latest collapse to expect.

        P(T > t) falls like exp(-t / n) beyond 2 n.
        """
        if self.study.reduce != "histogram" or self.study.generations is not None:
            return self.study
        window = getattr(self.regime, "window", 1)
        chains = self.study.runs * self.study.contexts
        latest = window * int(self.schedule.n.max()) * (2.0 + math.log(chains))
        return replace(self.study, generations=int(latest))

    def run(self, progress: bool) -> xarray.Dataset:
        collector = _COLLECTORS[self.study.reduce](self.study)
        try:
            with _bar(progress, self.study.runs) as advance:
                for done, runs in self.chunks():
                    collector.take(functools.partial(self.call, done, runs), done, runs)
                    advance(runs)
            return self.result(collector, self.study.runs)
        except KeyboardInterrupt:
            finished = collector.finished
            raise Interrupted(self.result(collector, finished) if finished else None) from None

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Cut the runs into parts (first, count), each about CHUNK_SECONDS long."""
        most = self.study.runs
        if self.study.reduce == "histogram":
            most = max(64, HISTOGRAM_CELLS // self.study.contexts)
        runs, done = min(most, max(4 * self.threads, FIRST_WORK // self.work())), 0
        while done < self.study.runs:
            runs = min(runs, self.study.runs - done)
            started = time.perf_counter()
            yield done, runs
            elapsed = max(time.perf_counter() - started, 1e-6)
            done += runs
            wanted = int(runs * min(CHUNK_SECONDS / elapsed, 16.0))
            runs = min(most, max(4 * self.threads, wanted))

    def work(self) -> int:
        """Estimate the binomials of one run: living tokens, summed over its generations.

        A fully synthetic model has some 2 n / t tokens left at generation t, and 2 n generations.
        """
        n = int(self.schedule.n.max())
        generations = self.study.generations or 2 * n
        work = generations * min(n + int(self.schedule.real.max()), self.study.tokens)
        if isinstance(self.regime, regimes.FullySynthetic):
            work = min(work, 2 * n * (1 + math.ceil(math.log(min(generations, 2 * n)))))
        return self.study.contexts * work

    def call(self, done: int, runs: int, out: dict[str, NDArray[Any]]) -> None:
        """Simulate runs `done` .. `done + runs - 1` of the study into `out`."""
        ending, run, context, generation = _core.run_chains(
            self.model.laws,
            self.schedule.n,
            self.schedule.alpha,
            self.schedule.real,
            self.kernel_study(done, runs),
            out,
            self.study.reduce == "mean",
            None,
        )
        if ending == STUCK:
            msg = (
                f"the filter can keep no draw in generation {generation} of run {run}, "
                f"context {context}: no token that can be drawn passes it"
            )
            raise RuntimeError(msg)
        if ending == STOPPED:
            raise KeyboardInterrupt

    def kernel_study(self, done: int, runs: int) -> dict[str, Any]:
        """Put the study in the kernel's words."""
        regime, inner = self.regime, self.regime
        study: dict[str, Any] = {
            "window": 1, "subsample": False, "replace": False, "adaptation": 0, "constant": 0.0,
            "filter": 0, "type1": 0.0, "type2": 0.0, "threshold": 1.0,
            "seed": self.key, "first_run": self.study.first_run + done, "runs": runs,
            "generations": self.study.generations or 0, "threads": self.threads,
        }  # fmt: skip
        if isinstance(regime, regimes.Filtered):
            inner = regime.regime
            study.update(
                filter=1 + regimes.FILTER_TESTS.index(regime.test), threshold=regime.threshold
            )
            if regime.type1 is not None and regime.type2 is not None:
                study.update(type1=regime.type1, type2=regime.type2)
        if isinstance(inner, regimes.Adaptive):
            study.update(
                adaptation=1 + regimes.ADAPTIVE_RULES.index(inner.rule), constant=inner.constant
            )
        if isinstance(regime, regimes.MostRecent):
            study["window"] = regime.window
        if isinstance(regime, regimes.AccumulateSubsample):
            study.update(subsample=True, replace=regime.replace)
        study["regime"] = _KERNEL_NAMES.get(type(regime), "mixed")
        return study

    def result(self, collector: reductions.Collector, runs: int) -> xarray.Dataset:
        study = replace(self.study, runs=runs)
        return records.dataset(
            study,
            collector.values(runs),
            provenance.inputs(self.model, self.regime, study),
            {"token": self.model.token_labels, "context": self.model.context_labels},
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

_KERNEL_NAMES: dict[type[regimes.Regime], str] = {
    regimes.FullySynthetic: "fully_synthetic",
    regimes.PartiallySynthetic: "partially_synthetic",
    regimes.MostRecent: "most_recent",
    regimes.RandomlySampled: "randomly_sampled",
    regimes.Accumulate: "accumulate",
    regimes.AccumulateSubsample: "accumulate",
}
