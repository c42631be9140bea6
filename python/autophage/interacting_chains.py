"""Token chains whose entities interact, as a family: what they record, how they are simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from autophage import _check, chains, entities
from autophage.interaction import Interacting
from autophage.models import Categorical
from autophage.records import FORWARD, Dims, Extent, Record, Study, Values
from autophage.regimes import Regime

if TYPE_CHECKING:
    import xarray

__all__ = ["RECORDS", "InteractingChains", "InteractingJob"]


def _of_entities(name: str, record: Record) -> Record:
    dims = tuple("entity" if dim == "context" else dim for dim in record.dims)
    private = name.endswith("to_truth")
    description = record.description.replace("the true law", "the entity's own private law")
    return replace(record, description=description if private else record.description, dims=dims)


RECORDS = {name: _of_entities(name, record) for name, record in chains.RECORDS.items()}
SOME_SIZES = 1 << 16  # labels that are kept of all pools together


@dataclass
class InteractingJob:
    """One study on its way through the kernel."""

    study: Study
    model: Categorical
    workflow: entities.Workflow
    key: int
    threads: int
    kernels: ModuleType

    def largest_result(self) -> Study:
        """Return the study: its end is always known."""
        return self.study

    def working_memory(self) -> int:
        """Return the bytes of kept samples, pools and sums, and of the tables of all laws."""
        tokens, most = self.model.token_count, int(self.workflow.n.max())
        pools = self.model.context_count if self.workflow.own_pools else 1
        together = min(tokens, pools * most)
        thread = 84 * tokens + pools * (12 * min(tokens, most) + 512) + 24 * together
        thread += 4 * min(pools * most, SOME_SIZES)
        if self.workflow.real is not None:
            thread += 24 * int(np.minimum(self.workflow.real, tokens).sum())
            thread += 400 * self.model.context_count
        if self.study.reduce == "mean":
            thread += 80 * self.study.cells()
        return self.threads * thread + 48 * self.model.laws.size

    def work(self) -> int:
        """Estimate the draws of pools and kept samples, and the terms of the records."""
        tokens, entities_ = self.model.token_count, self.model.context_count
        real = self.workflow.real
        kept = 0 if real is None else int(np.minimum(real, 8 * tokens).sum())
        living = tokens if real is None else min(tokens, kept)
        pools = entities_ if self.workflow.own_pools else 1
        drawn = np.minimum(self.workflow.n.astype(float), 8.0 * living).sum() * pools
        records = len(self.study.record) * entities_ * living * len(self.workflow.n)
        return kept + int(drawn) + records // 8

    def call(self, done: int, runs: int, out: dict[str, NDArray[Any]]) -> None:
        """Simulate runs `done` .. `done + runs - 1` of the study into `out`."""
        assert self.model.public is not None
        workflow = self.workflow
        ending, *_ = self.kernels.run_interacting(
            self.model.laws,
            self.model.public,
            workflow.n,
            workflow.alpha,
            workflow.beta,
            np.zeros(0, dtype=np.int64) if workflow.real is None else workflow.real,
            {
                "own_pools": workflow.own_pools,
                "seed": self.key,
                "first_run": self.study.first_run + done,
                "runs": runs,
                "generations": len(workflow.n),
                "threads": self.threads,
            },
            out,
            self.study.reduce == "mean",
            None,
        )
        if ending == chains.STOPPED:
            raise KeyboardInterrupt


class InteractingChains:
    """The family of `Categorical` with a public law: entities that train on each other's output."""

    kind = "interacting_categorical"
    model: type[Any] = Categorical
    models = "an autophage.Categorical"
    regimes: tuple[type[Regime], ...] = (Interacting,)
    regime = "an autophage.Interacting, the one regime of a Categorical with public"
    dtypes: tuple[str, ...] = ("float64",)
    methods: tuple[str, ...] = (FORWARD,)
    counted: tuple[str, ...] = ("collapse_time",)

    def describes(self, model: Any) -> bool:
        """Tell whether the rows of a model are entities."""
        return isinstance(model, Categorical) and model.has_entities

    def study(self, model: Categorical, **extent: Unpack[Extent]) -> Study:
        """Make a study with entities in place of contexts."""
        return Study(
            records=RECORDS,
            record=(),
            sizes={"entity": model.context_count, "token": model.token_count},
            **extent,
        )

    def refuse(self, model: Categorical, regime: Interacting) -> None:
        """Refuse what no token chain has, and numbers of kept draws that do not fit the model."""
        entities.refuse(model, regime)

    def spelled_out(
        self, model: Categorical, regime: Interacting, study: Study
    ) -> tuple[Categorical, Interacting]:
        """Spell out the regime; the model has nothing that varies."""
        return model, regime.spelled_out(study.generations, study.contexts)

    def ends(self, regime: Interacting) -> bool:
        """Say that runs need not end: kept data stay as they are."""
        del regime
        return False

    def default_record(self, generations: int | None) -> tuple[str, ...]:
        """Return the end of a run and its course."""
        del generations
        return ("collapse_time", "final_token", "sigma", "support")

    def input_memory(self, study: Study) -> int:
        """Return the bytes of n, alpha and beta."""
        return 24 * (study.generations or 1)

    def job(
        self,
        study: Study,
        model: Categorical,
        regime: Interacting,
        key: int,
        threads: int,
        kernels: ModuleType,
    ) -> InteractingJob:
        """Make the job of a study."""
        workflow = entities.workflow(model, regime, study.generations)
        return InteractingJob(study, model, workflow, key, threads, kernels)

    def inputs(self, model: Categorical, regime: Interacting, study: Study) -> Values:
        """Make "law", "public", "n" and, where they have weight, "alpha" and "beta"."""
        assert model.public is not None
        workflow = entities.workflow(model, regime, study.generations)
        values: Values = {
            "law": (("entity", "token"), model.laws),
            "public": (("token",), model.public),
        }
        for name, (dims, _) in self.schedule_layout(study).items():
            rows = getattr(workflow, name)
            if rows.any():
                values[name] = (dims, rows)
        return values

    def schedule_layout(self, study: Study) -> Mapping[str, tuple[Dims, type[np.generic]]]:
        """Return the form of n, alpha and beta, which all entities share."""
        del study
        dims = ("generation",)
        return {"n": (dims, np.int64), "alpha": (dims, np.float64), "beta": (dims, np.float64)}

    def labels(self, model: Categorical) -> Mapping[str, Sequence[str] | None]:
        """Return the names of tokens and entities."""
        return {"token": model.token_labels, "entity": model.context_labels}

    def write(self, model: Categorical) -> dict[str, Any]:
        """Return the labels; the laws are variables."""
        return {"token_labels": model.token_labels, "entity_labels": model.context_labels}

    def read(self, dataset: xarray.Dataset, content: dict[str, Any]) -> Categorical:
        """Make the model again from its labels and the variables law and public."""
        given = _check.fields("model", content, ["token_labels", "entity_labels"])
        for name, dims in (("law", ("entity", "token")), ("public", ("token",))):
            if name not in dataset or dataset[name].dims != dims:
                msg = f"there must be a variable {name} over {dims}"
                raise ValueError(msg)
        law, public = dataset["law"].values, dataset["public"].values
        model = Categorical(
            law,
            public=public,
            token_labels=given["token_labels"],
            context_labels=given["entity_labels"],
        )
        assert model.public is not None
        if (model.p.tobytes(), model.public.tobytes()) != (law.tobytes(), public.tobytes()):
            msg = "law and public must hold laws as they were used, but they do not sum to one"
            raise ValueError(msg)
        return model
