"""Networks of mixtures as a family: what they record, and how a study of them is simulated."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from autophage import _check
from autophage.mixture import MixtureNetwork, MixtureSchedule
from autophage.records import BOUNDED, FORWARD, SIGNED, Dims, Extent, Record, Study, Values
from autophage.regimes import Regime

if TYPE_CHECKING:
    import xarray

__all__ = ["RECORDS", "MixtureJob", "MixtureNetworks"]

RECORDS = {
    "distance": Record("Frobenius norm of the distances", ("generation",), "real", SIGNED),
    "distances": Record(
        "Euclidean distance between the weights of two models",
        ("generation", "model", "other"),
        "real",
        BOUNDED,
    ),
    "weights": Record(
        "weights of the components", ("generation", "model", "component"), "real", BOUNDED
    ),
}
STOPPED = 1  # ending of a kernel call
SUM_BYTES = 88  # of the exact sums of a cell
SCHEDULED: dict[str, type[np.generic]] = {
    "rate": np.float64,
    "posts": np.int64,
    "read": np.float64,
}


@dataclass
class MixtureJob:
    """One study on its way through the kernel."""

    study: Study
    model: MixtureNetwork
    key: int
    threads: int
    kernels: ModuleType

    @functools.cached_property
    def network(self) -> dict[str, Any]:
        """What the kernel has to know of the network, prepared once for all runs."""
        model, schedule = self.model, self.schedule
        none = np.empty((0, model.feature_count))
        means, first_posts = self.kernels.mixture_coordinates(
            model.means,
            model.covariance,
            none if model.first_posts is None else model.first_posts,
        )
        return {
            "models": model.model_count,
            "components": model.component_count,
            "features": means.shape[1],
            "means": means,
            "first_posts": first_posts,
            "weights": model.weights,
            "posts": schedule.posts,
            "reads": schedule.reads,
            "rate": schedule.rate,
            "prior": model.prior,
            "active": model.active_components,
            "shared": model.shared_reading,
            "single": self.study.dtype == "float32",
        }

    @functools.cached_property
    def schedule(self) -> MixtureSchedule:
        """Posts, reads and rates of every generation."""
        return self.model.schedule(_horizon(self.study))

    def largest_result(self) -> Study:
        """Return the study itself: it has a horizon."""
        return self.study

    def working_memory(self) -> int:
        """Return the bytes of the runs that threads have in hand: pools, orders, sums."""
        thread = self.kernels.mixture_memory(self.network, self.kernel_study(0, self.study.runs))
        if self.study.reduce == "mean":
            thread += SUM_BYTES * self.study.cells()
        return self.threads * int(thread) + 16 * self.model.means.size

    def work(self) -> int:
        """Estimate the work of one run: the components of a post read, some 40 a unit."""
        components = self.model.component_count + 8
        read, posted = int(self.schedule.reads.sum()), int(self.schedule.pool[-1])
        return 1 + (read + 4 * posted) * components // 40 + self.study.cells() // 20

    def call(self, done: int, runs: int, out: dict[str, NDArray[Any]]) -> None:
        """Simulate runs `done` .. `done + runs - 1` of the study into `out`."""
        study, reduce = self.kernel_study(done, runs), self.study.reduce == "mean"
        if self.kernels.run_mixtures(self.network, study, out, reduce, None) == STOPPED:
            raise KeyboardInterrupt

    def kernel_study(self, done: int, runs: int) -> dict[str, Any]:
        """Put a part of the study in the kernel's words."""
        return {
            "seed": self.key, "first_run": self.study.first_run + done, "runs": runs,
            "generations": self.study.generations, "threads": self.threads,
        }  # fmt: skip


class MixtureNetworks:
    """The family of `MixtureNetwork`: one network a run, with the start as generation 0."""

    kind = "mixture_network"
    model: type[Any] = MixtureNetwork
    models = "an autophage.MixtureNetwork"
    regimes: tuple[type[Regime], ...] = ()
    regime = "None for a MixtureNetwork, which says itself how its models post and read"
    dtypes: tuple[str, ...] = ("float64", "float32")
    methods: tuple[str, ...] = (FORWARD,)
    counted: tuple[str, ...] = ()

    def describes(self, model: Any) -> bool:
        """Tell whether a model is of this kind."""
        return isinstance(model, MixtureNetwork)

    def study(self, model: MixtureNetwork, **extent: Unpack[Extent]) -> Study:
        """Make a study, which begins with generation 0."""
        models, features = model.model_count, model.feature_count
        sizes = {"model": models, "other": models, "component": model.component_count}
        sizes |= {"feature": features, "column": features}
        if model.first_posts is not None:
            sizes["post"] = len(model.first_posts)
        return Study(
            records=RECORDS,
            record=(),
            sizes=sizes,
            first_generation=0,
            ways=("fewer posts or models", "fewer threads"),
            **extent,
        )

    def refuse(self, model: MixtureNetwork, regime: None) -> None:
        """Refuse nothing: there is no regime that might not fit."""

    def spelled_out(
        self, model: MixtureNetwork, regime: None, study: Study
    ) -> tuple[MixtureNetwork, None]:
        """Spell out rate, posts and read."""
        return model.spelled_out(_horizon(study)), regime

    def ends(self, regime: None) -> bool:
        """Tell that no run ends by itself."""
        del regime
        return False

    def default_record(self, generations: int | None) -> tuple[str, ...]:
        """Return the norm of the distances, and the weights."""
        del generations
        return ("distance", "weights")

    def input_memory(self, study: Study) -> int:
        """Return the bytes of rate, posts and read: given, spelled out, as posts, and as inputs."""
        return 128 * study.rows * study.sizes["model"]

    def job(
        self,
        study: Study,
        model: MixtureNetwork,
        regime: None,
        key: int,
        threads: int,
        kernels: ModuleType,
    ) -> MixtureJob:
        """Make the job of a study."""
        del regime
        return MixtureJob(study, model, key, threads, kernels)

    def inputs(self, model: MixtureNetwork, regime: None, study: Study) -> Values:
        """Make components, first weights and posts, and the schedule, zero in generation 0."""
        del regime
        values: Values = {
            "means": (("component", "feature"), model.means),
            "covariance": (("feature", "column"), model.covariance),
            "first_weights": (("model", "component"), model.weights),
        }
        if model.first_posts is not None:
            values["first_posts"] = (("post", "feature"), model.first_posts)
        schedule = model.schedule(_horizon(study))
        for name, (dims, dtype) in self.schedule_layout(study).items():
            rows = np.zeros((study.rows, model.model_count), dtype=dtype)
            rows[1:] = getattr(schedule, name)
            values[name] = (dims, rows)
        return values

    def schedule_layout(self, study: Study) -> Mapping[str, tuple[Dims, type[np.generic]]]:
        """Return the form of rate, posts and read."""
        del study
        return {name: (("generation", "model"), dtype) for name, dtype in SCHEDULED.items()}

    def labels(self, model: MixtureNetwork) -> Mapping[str, Sequence[str] | None]:
        """Return none."""
        del model
        return {}

    def write(self, model: MixtureNetwork) -> dict[str, Any]:
        """Return numbers and switches; arrays are variables."""
        scheduled = {name: getattr(model, name) for name in SCHEDULED}
        return {
            "prior": model.prior,
            **{
                name: {"variable": name} if isinstance(value, np.ndarray) else value
                for name, value in scheduled.items()
            },
            "first_posts": model.first_posts is not None,
            "active_components": model.active_components,
            "shared_reading": model.shared_reading,
        }

    def read(self, dataset: xarray.Dataset, content: dict[str, Any]) -> MixtureNetwork:
        """Make the model again from what the header says and the variables."""
        switches = ["first_posts", "active_components", "shared_reading"]
        given = dict(_check.fields("model", content, ["prior", *SCHEDULED, *switches]))
        layout: dict[str, Dims] = {
            "means": ("component", "feature"),
            "covariance": ("feature", "column"),
            "first_weights": ("model", "component"),
        }
        if _check.flag("model.first_posts", given.pop("first_posts")):
            layout["first_posts"] = ("post", "feature")
        arrays = {name: _variable(dataset, name, dims) for name, dims in layout.items()}
        for name in SCHEDULED:
            if given[name] == {"variable": name}:
                given[name] = _variable(dataset, name, ("generation", "model"))[1:]
        arrays = {name.replace("first_weights", "weights"): a for name, a in arrays.items()}
        given |= arrays
        model = MixtureNetwork(**given)
        for name, array in arrays.items():
            if getattr(model, name).tobytes() != array.tobytes():
                msg = f"{name} must hold numbers as they were used"
                raise ValueError(msg)
        return model


def _horizon(study: Study) -> int:
    """Return the last generation; None comes from no study, but may stand in a header."""
    return _check.integer("generations", study.generations, 1, _check.GENERATION_LIMIT)


def _variable(dataset: xarray.Dataset, name: str, dims: Dims) -> NDArray[Any]:
    if name not in dataset.variables or dataset[name].dims != dims:
        msg = f"there must be a variable {name} over {dims}"
        raise ValueError(msg)
    array: NDArray[Any] = dataset[name].values
    return array
