"""Token chains as a family of models: what they record, and how a study of them is simulated."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from autophage import _check, ancestral, regimes
from autophage.models import Categorical
from autophage.records import FORWARD, Dims, Extent, Record, Study, Values
from autophage.regimes import Regime

if TYPE_CHECKING:
    import xarray

__all__ = ["RECORDS", "CategoricalChains", "ChainJob"]

_TIME, _PATH = ("context",), ("generation", "context")
RECORDS = {
    "collapse_time": Record(
        "first generation whose model is a point mass; -1 where none", _TIME, "time"
    ),
    "absorption_time": Record(
        "first generation of the point mass that stays for ever; -1 where none", _TIME, "time"
    ),
    "final_token": Record("token of the point mass that stays; -1 where none", _TIME, "label"),
    "support": Record("number of living tokens", _PATH, "count"),
    "sigma": Record("sum of squared probabilities", _PATH, "real"),
    "max_p": Record("largest probability", _PATH, "real"),
    "l1_to_truth": Record("l1 distance to the true law", _PATH, "real"),
    "l1_to_first": Record("l1 distance to generation 1", _PATH, "real"),
    "l2_to_truth": Record("squared l2 distance to the true law", _PATH, "real"),
    "l2_to_first": Record("squared l2 distance to generation 1", _PATH, "real"),
    "p": Record("the whole law", (*_PATH, "token"), "real"),
}
ANCESTRAL = "ancestral"
"""The way of drawing ends alone, from paths of ancestors."""
ENDS = {name: RECORDS[name] for name in ("collapse_time", "absorption_time", "final_token")}
STOPPED, STUCK = 1, 2  # endings of a kernel call

_KERNEL_NAMES: dict[type[Regime], str] = {
    regimes.FullySynthetic: "fully_synthetic",
    regimes.PartiallySynthetic: "partially_synthetic",
    regimes.MostRecent: "most_recent",
    regimes.RandomlySampled: "randomly_sampled",
    regimes.Contaminated: "mixed",
    regimes.Accumulate: "accumulate",
    regimes.AccumulateSubsample: "accumulate",
    regimes.Filtered: "mixed",
    regimes.Adaptive: "mixed",
}


@dataclass
class ChainJob:
    """One study on its way through the kernel."""

    study: Study
    model: Categorical
    regime: Regime
    schedule: regimes.Schedule
    key: int
    threads: int
    kernels: ModuleType

    @functools.cached_property
    def prepared(self) -> object:
        """Tables of the laws, which all calls of the kernel share."""
        return self.kernels.PreparedLaws(self.model.laws)

    def largest_result(self) -> Study:
        """Return the study with its horizon; of an open histogram the latest collapse to expect.

        A window takes as many times longer as it has models.
        """
        if self.study.reduce != "histogram" or self.study.generations is not None:
            return self.study
        window = getattr(self.regime, "window", 1)
        chains = self.study.runs * self.study.contexts
        latest = ancestral.latest_collapse(window * int(self.schedule.n.max()), chains)
        return replace(self.study, generations=latest)

    def working_memory(self) -> int:
        """Return the bytes needed beside the results: windows hold one sample a model."""
        window = getattr(self.regime, "window", 2)
        samples = 1 + min(window, self.study.generations or window)
        tokens = self.study.sizes["token"]
        living = min(tokens, 2 * int(self.schedule.n.max()))
        thread = samples * (12 * living + 8192) + 48 * tokens
        if self.study.reduce == "mean":  # sums of the context at hand, of 80 bytes a cell
            thread += 80 * self.study.cells() // self.study.contexts
        return self.threads * thread + 40 * self.model.laws.size

    def work(self) -> int:
        """Estimate the binomials of one run: living tokens, summed over its generations.

        A fully synthetic model has some 2 n / t tokens left at generation t, and 2 n generations.
        """
        n = int(self.schedule.n.max())
        generations = self.study.generations or 2 * n
        tokens = self.study.sizes["token"]
        work = generations * min(n + int(self.schedule.real.max()), tokens)
        if isinstance(self.regime, regimes.FullySynthetic):
            work = min(work, 2 * n * (1 + math.ceil(math.log(min(generations, 2 * n)))))
        return self.study.contexts * work

    def call(self, done: int, runs: int, out: dict[str, NDArray[Any]]) -> None:
        """Simulate runs `done` .. `done + runs - 1` of the study into `out`."""
        ending, run, context, generation = self.kernels.run_chains(
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
            "prepared": self.prepared,
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
        names = (name for kind, name in _KERNEL_NAMES.items() if isinstance(regime, kind))
        study["regime"] = next(names)
        return study


class CategoricalChains:
    """The family of `Categorical`: each context a chain of its own."""

    kind = "categorical"
    model: type[Any] = Categorical
    models = "an autophage.Categorical"
    regimes: tuple[type[Regime], ...] = tuple(_KERNEL_NAMES)
    regime = (
        "a regime of token chains, such as autophage.FullySynthetic(100) "
        "(autophage.Interacting needs a Categorical with public)"
    )
    dtypes: tuple[str, ...] = ("float64",)
    methods: tuple[str, ...] = (FORWARD, ANCESTRAL)
    counted: tuple[str, ...] = ("collapse_time",)

    def describes(self, model: Any) -> bool:
        """Tell whether the rows of a model are contexts."""
        return isinstance(model, Categorical) and not model.has_entities

    def study(self, model: Categorical, **extent: Unpack[Extent]) -> Study:
        """Make a study; one law given alone has no context in the results."""
        method = extent.get("method", FORWARD)
        return Study(
            records=ENDS if method == ANCESTRAL else RECORDS,
            record=(),
            sizes={"context": model.context_count, "token": model.token_count},
            dropped=None if model.has_contexts else "context",
            ways=(
                ("fewer different or smaller n", "fewer threads")
                if method == ANCESTRAL
                else ("a smaller window", "fewer threads")
            ),
            **extent,
        )

    def refuse(self, model: Categorical, regime: Regime) -> None:
        """Refuse nothing: every regime of token chains fits every law."""

    def spelled_out(
        self, model: Categorical, regime: Regime, study: Study
    ) -> tuple[Categorical, Regime]:
        """Spell out the regime; the model has nothing that varies."""
        return model, regime.spelled_out(study.generations, study.contexts)

    def ends(self, regime: Regime) -> bool:
        """Tell whether every run ends in a point mass."""
        return isinstance(regime, (regimes.FullySynthetic, regimes.MostRecent))

    def default_record(self, generations: int | None) -> tuple[str, ...]:
        """Return the end of a run, and its course where there is a horizon."""
        course = () if generations is None else ("sigma", "support")
        return ("collapse_time", "final_token", *course)

    def input_memory(self, study: Study) -> int:
        """Return the bytes of n, alpha and real."""
        return 24 * (study.generations or 1) * study.contexts

    def job(
        self,
        study: Study,
        model: Categorical,
        regime: Regime,
        key: int,
        threads: int,
        kernels: ModuleType,
    ) -> ChainJob | ancestral.AncestralJob:
        """Make the job of a study."""
        schedule = regime.schedule(study.generations, study.contexts)
        if study.method == ANCESTRAL:
            ancestral.refuse(regime, schedule.n)
            return ancestral.AncestralJob(study, model, schedule.n, key, threads, kernels)
        return ChainJob(study, model, regime, schedule, key, threads, kernels)

    def inputs(self, model: Categorical, regime: Regime, study: Study) -> Values:
        """Make "law" and "n", and "alpha" and "real" where they are used."""
        schedule = regime.schedule(study.generations, study.contexts)
        values: Values = {"law": (("context", "token"), model.laws)}
        for name, (dims, _) in self.schedule_layout(study).items():
            rows = getattr(schedule, name)
            if name == "n" or rows.any():
                values[name] = (dims, rows)
        return values

    def schedule_layout(self, study: Study) -> Mapping[str, tuple[Dims, type[np.generic]]]:
        """Return the form of n, alpha and real."""
        dims = ("schedule_row" if study.generations is None else "generation", "context")
        return {"n": (dims, np.int64), "alpha": (dims, np.float64), "real": (dims, np.int64)}

    def labels(self, model: Categorical) -> Mapping[str, Sequence[str] | None]:
        """Return the names of tokens and contexts."""
        return {"token": model.token_labels, "context": model.context_labels}

    def write(self, model: Categorical) -> dict[str, Any]:
        """Return the labels; the laws are a variable."""
        return {"token_labels": model.token_labels, "context_labels": model.context_labels}

    def read(self, dataset: xarray.Dataset, content: dict[str, Any]) -> Categorical:
        """Make the model again from its labels and the variable law."""
        given = _check.fields("model", content, ["token_labels", "context_labels"])
        law = dataset.get("law")
        if law is None or law.dims not in {("token",), ("context", "token")}:
            msg = "there must be a variable law over ([context,] token)"
            raise ValueError(msg)
        model = Categorical(law.values, **given)
        if model.p.tobytes() != law.values.tobytes():
            msg = "law must hold laws as they were used, but its rows do not sum to one"
            raise ValueError(msg)
        return model
