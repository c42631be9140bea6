"""Networks of linear models as a family: what they record, and how a study of them is simulated."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from autophage import _check
from autophage.interaction import Interacting
from autophage.linear import InteractingLinear
from autophage.linear_data import Data
from autophage.records import FORWARD, SIGNED, Dims, Extent, Record, Study, Values
from autophage.regimes import Regime

if TYPE_CHECKING:
    import xarray

__all__ = ["RECORDS", "InteractingLinearModels", "LinearJob"]

Floats = NDArray[np.float64]

_PATH = ("generation", "entity")
RECORDS = {
    "estimate": Record("estimated coefficients", (*_PATH, "feature"), "real", SIGNED),
    "squared_error": Record(
        "squared distance of the estimate to the true coefficients", _PATH, "real", SIGNED
    ),
    "prediction_error": Record(
        "squared error of the entity's predictions on the private inputs of a task",
        (*_PATH, "task"),
        "real",
        SIGNED,
    ),
}
STOPPED, STUCK = 1, 2  # endings of a kernel call
SUM_BYTES = 88  # of the exact sums of a cell
LANES = 8  # runs that a thread takes side by side


@dataclass
class LinearJob:
    """One study on its way through the kernel."""

    study: Study
    model: InteractingLinear
    regime: Interacting
    key: int
    threads: int
    kernels: ModuleType

    @functools.cached_property
    def weights(self) -> tuple[Floats, NDArray[np.int64]]:
        """Distinct pairs (alpha, beta), and which of them each generation has."""
        pairs = np.stack(_weights(self.regime, self.study), axis=1)
        distinct, choice = np.unique(pairs, axis=0, return_inverse=True)
        return distinct, choice.reshape(-1).astype(np.int64)

    @functools.cached_property
    def network(self) -> dict[str, Any]:
        """What the kernel has to know of model and weights, prepared once for all runs."""
        model, (pairs, choice) = self.model, self.weights
        truth = np.zeros(model.feature_count) if model.theta is None else model.theta
        pool = model.synthetic.mean(axis=0) * (model.noise / model.entity_count)
        _require_finite(model)
        data = Data(model)
        responses, offsets = [], []
        for a, b in pairs.tolist():
            response, singular = _responses(data, a, b)
            offsets.append(_offset(data, truth, a, b, response, singular))
            responses.append(np.ldexp(response, -data.exponent) if data.exponent else response)
        synthetic = model.synthetic / model.entity_count
        feedback = [
            a * sum(s @ h for s, h in zip(synthetic, response, strict=True))
            for a, response in zip(pairs[:, 0], responses, strict=True)
        ]
        return {
            "entities": model.entity_count,
            "features": model.feature_count,
            "choices": len(pairs),
            "private_root": np.stack([_root(model.noise * moment) for moment in model.private]),
            "public_root": _root(model.noise * model.public),
            "pool_root": _root(pool),
            "synthetic": synthetic,
            "choice": choice,
            "weights": np.array([[(1 - a) * b, (1 - a) * (1 - b), a] for a, b in pairs]),
            "response": np.stack(responses),
            "offset": np.stack(offsets),
            # np.stack of transposed matrices keeps their strides: the kernel needs them by columns.
            "feedback": np.ascontiguousarray(np.stack([matrix.T for matrix in feedback])),
            "truth": np.ascontiguousarray(truth),
            "units": np.array([self.study.records[name].unit for name in RECORDS]),
            "second_moment": np.ascontiguousarray(model.private),
        }

    def largest_result(self) -> Study:
        """Return the study itself: it has a horizon."""
        return self.study

    def working_memory(self) -> int:
        """Return the bytes of the prepared matrices, and of the threads' state and sums."""
        entities, features = self.model.entity_count, self.model.feature_count
        matrices = (2 * len(self.weights[0]) + 4) * (entities + 2) + 8
        thread = 8 * LANES * features * (3 * entities + 7)
        if self.study.reduce == "mean":
            thread += SUM_BYTES * self.study.cells()
        return 8 * features**2 * matrices + self.threads * thread

    def work(self) -> int:
        """Estimate the work of one run, some 40 multiplications a unit."""
        entities, features = self.model.entity_count, self.model.feature_count
        products = 2 if len(self.weights[0]) <= 2 else 4
        if "prediction_error" in self.study.record:
            products += entities
        return 1 + self.study.rows * products * entities * features**2 // 40

    def call(self, done: int, runs: int, out: dict[str, NDArray[Any]]) -> None:
        """Simulate runs `done` .. `done + runs - 1` of the study into `out`."""
        study = {
            "seed": self.key, "first_run": self.study.first_run + done, "runs": runs,
            "generations": self.study.generations, "threads": self.threads,
        }  # fmt: skip
        ending, run, entity, generation = self.kernels.run_linear_chains(
            self.network, study, out, self.study.reduce == "mean", None
        )
        if ending == STUCK:
            way = "fewer generations, or " if generation else ""
            msg = (
                "records must be at most 2^62 times their usual size for exact means, but one of "
                f"entity {entity} in generation {generation} of run {run} is not: "
                f"take {way}reduce=None"
            )
            raise OverflowError(msg)
        if ending == STOPPED:
            raise KeyboardInterrupt


class InteractingLinearModels:
    """The family of `InteractingLinear`: one network a run, with a generation 0."""

    kind = "interacting_linear"
    model: type[Any] = InteractingLinear
    models = "an autophage.InteractingLinear"
    regimes: tuple[type[Regime], ...] = (Interacting,)
    regime = "an autophage.Interacting"
    dtypes: tuple[str, ...] = ("float64",)
    methods: tuple[str, ...] = (FORWARD,)
    counted: tuple[str, ...] = ()

    def describes(self, model: InteractingLinear) -> bool:
        """Tell whether a model is of this kind."""
        return isinstance(model, InteractingLinear)

    def study(self, model: InteractingLinear, **extent: Unpack[Extent]) -> Study:
        """Make a study, which begins with generation 0."""
        entities, features = model.entity_count, model.feature_count
        return Study(
            records=_records(model),
            record=(),
            sizes={"entity": entities, "task": entities, "feature": features, "column": features},
            first_generation=0,
            ways=("fewer distinct alpha and beta", "fewer threads"),
            **extent,
        )

    def refuse(self, model: InteractingLinear, regime: Interacting) -> None:
        """Refuse what belongs to token chains."""
        for name, none in (("n", None), ("real", None), ("own_pools", False)):
            given = getattr(regime, name)
            if given is not none:
                msg = (
                    f"{name} must be {none} for InteractingLinear, whose data are given by their "
                    f"second moments, got {given!r}"
                )
                raise ValueError(msg)
        if model.entity_count > _check.CONTEXT_LIMIT:
            msg = f"model must have at most 2^20 entities, got {model.entity_count}"
            raise ValueError(msg)

    def spelled_out(
        self, model: InteractingLinear, regime: Interacting, study: Study
    ) -> tuple[InteractingLinear, Interacting]:
        """Spell out the regime; the model has nothing that varies."""
        return model, regime.spelled_out(study.generations, study.contexts)

    def ends(self, regime: Interacting) -> bool:
        """Tell that no run ends by itself."""
        del regime
        return False

    def default_record(self, generations: int | None) -> tuple[str, ...]:
        """Return the error of the estimates."""
        del generations
        return ("squared_error",)

    def input_memory(self, study: Study) -> int:
        """Return the bytes of the regime's schedule and of the weights."""
        return 120 * study.rows

    def job(
        self,
        study: Study,
        model: InteractingLinear,
        regime: Interacting,
        key: int,
        threads: int,
        kernels: ModuleType,
    ) -> LinearJob:
        """Make the job of a study."""
        return LinearJob(study, model, regime, key, threads, kernels)

    def inputs(self, model: InteractingLinear, regime: Interacting, study: Study) -> Values:
        """Make the second moments, the true coefficients where given, and the weights."""
        alpha, beta = _weights(regime, study)
        values: Values = {
            "private": (("entity", "feature", "column"), model.private),
            "public": (("feature", "column"), model.public),
            "synthetic": (("entity", "feature", "column"), model.synthetic),
            "alpha": (("generation",), alpha),
            "beta": (("generation",), beta),
        }
        if model.theta is not None:
            values["theta"] = (("feature",), model.theta)
        return values

    def schedule_layout(self, study: Study) -> Mapping[str, tuple[Dims, type[np.generic]]]:
        """Return the form of alpha and beta."""
        del study
        return dict.fromkeys(("alpha", "beta"), (("generation",), np.float64))

    def labels(self, model: InteractingLinear) -> Mapping[str, Sequence[str] | None]:
        """Return none."""
        del model
        return {}

    def write(self, model: InteractingLinear) -> dict[str, Any]:
        """Return the noise, and whether there is a theta; matrices are variables."""
        return {"noise": model.noise, "theta": model.theta is not None}

    def read(self, dataset: xarray.Dataset, content: dict[str, Any]) -> InteractingLinear:
        """Make the model again from the noise and the variables."""
        given = _check.fields("model", content, ["noise", "theta"])
        layout: dict[str, Dims] = {
            "private": ("entity", "feature", "column"),
            "public": ("feature", "column"),
            "synthetic": ("entity", "feature", "column"),
        }
        if _check.flag("model.theta", given["theta"]):
            layout["theta"] = ("feature",)
        arrays: dict[str, NDArray[Any]] = {}
        for name, dims in layout.items():
            if name not in dataset.variables or dataset[name].dims != dims:
                msg = f"there must be a variable {name} over {dims}"
                raise ValueError(msg)
            arrays[name] = dataset[name].values
        model = InteractingLinear(**arrays, noise=given["noise"])
        for name, array in arrays.items():
            if getattr(model, name).tobytes() != array.tobytes():
                msg = f"{name} must hold numbers as they were used"
                raise ValueError(msg)
        return model


def _weights(regime: Interacting, study: Study) -> tuple[Floats, Floats]:
    """Alpha and beta of generations 0, 1, ...; generation 0 has no synthetic data."""
    schedule = regime.schedule(study.generations)
    alpha = np.concatenate([[0.0], schedule.alpha[:, 0]])
    beta = np.concatenate([[schedule.beta_0], schedule.beta[:, 0]])
    return alpha, beta


def _require_finite(model: InteractingLinear) -> None:
    """Refuse data whose variances doubles cannot hold."""
    largest = max(float(array.max()) for array in (model.private, model.public, model.synthetic))
    bound = math.log2(max(largest, 1.0)) + math.log2(max(model.noise, 1.0))
    if bound + math.log2(model.entity_count * model.feature_count) >= 1000.0:
        msg = (
            "noise must leave noise times second moments, added over entities and features, below "
            f"2^1000, got {model.noise!r} beside second moments up to {largest!r}"
        )
        raise ValueError(msg)


def _responses(data: Data, alpha: float, beta: float) -> tuple[Floats, NDArray[np.bool_]]:
    """(Pseudo-)inverses (K, d, d) of the scaled weighted moments, and which are singular."""
    responses, singular = data.inverses(alpha, beta)
    if data.theta is None and singular.any():
        msg = (
            f"theta must be given where data do not determine a fit, as at alpha={alpha!r}, "
            f"beta={beta!r} for entity {int(np.argmax(singular))}, got None"
        )
        raise ValueError(msg)
    return responses, singular


def _offset(
    data: Data,
    truth: Floats,
    alpha: float,
    beta: float,
    responses: Floats,
    singular: NDArray[np.bool_],
) -> Floats:
    """(H_k G_k - I) theta of each entity (K, d): zero but where G_k is singular."""
    common = (1 - alpha) * (1 - beta) * data.public + alpha * data.pooled
    moments = (1 - alpha) * beta * data.private + common
    offset = np.zeros((data.entity_count, data.feature_count))
    for k in np.flatnonzero(singular):
        offset[k] = responses[k] @ (moments[k] @ truth) - truth
    return offset


def _records(model: InteractingLinear) -> dict[str, Record]:
    """Return the records with units near their sizes, given by the model alone."""
    moments = np.concatenate([model.private, model.synthetic, model.public[None]])
    sizes = np.diagonal(moments, axis1=1, axis2=2).ravel()
    mean = math.fsum(sizes.tolist()) / sizes.size  # no other order of summing has other bits
    error = _power(model.noise * model.feature_count / mean) if mean > 0.0 else 1.0
    largest = 0.0 if model.theta is None else float(np.abs(model.theta).max())
    units = {
        "estimate": _power(max(np.sqrt(error), largest)),
        "squared_error": error,
        "prediction_error": _power(model.noise * model.feature_count),
    }
    return {name: replace(record, unit=units[name]) for name, record in RECORDS.items()}


def _power(size: float) -> float:
    """Return a power of two near a size above 0, between 2^-380 and 2^380."""
    return float(2.0 ** np.clip(np.frexp(size)[1], -380, 380))


def _root(covariance: Floats) -> Floats:
    """Return the symmetric square root, which does not depend on the signs of vectors.

    Eigenvalues that are zero but for rounding count as zero.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = values > len(covariance) * np.finfo(float).eps * max(float(values[-1]), 0.0)
    return np.ascontiguousarray((vectors[:, kept] * np.sqrt(values[kept])) @ vectors[:, kept].T)
