"""The kinds of models that can be simulated, and what each has to say about a study of its own.

A family is one object that `simulate`, `records`, `reductions`, `header` and `provenance` ask for
all that depends on the kind of model; none of them knows any kind. To add one, write a module with
such an object and name it in `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from autophage import _check, chains, interacting_chains, linear_chains, mixtures
from autophage.records import Dims, Extent, Study, Values
from autophage.regimes import Regime

if TYPE_CHECKING:
    import numpy as np
    import xarray
    from numpy.typing import NDArray

__all__ = ["FAMILIES", "Family", "Job", "of_kind", "of_model", "reductions_of"]


class Job(Protocol):
    """One study on its way through the kernel; regimes hold no callables any more."""

    def largest_result(self) -> Study:
        """Return the study with the latest generation to expect, where its end is open."""

    def working_memory(self) -> int:
        """Return the bytes needed beside results and inputs."""

    def work(self) -> int:
        """Estimate the work of one run, in units of some 20 ns."""

    def call(self, done: int, runs: int, out: dict[str, NDArray[Any]]) -> None:
        """Simulate runs `done` .. `done + runs - 1` of the study into `out`.

        `out` holds what `Study.empty`, or for means `Study.zero_sums`, makes. KeyboardInterrupt
        leaves it in a state of no use.
        """


class Family(Protocol):
    """One kind of model.

    Attributes
    ----------
    kind : str
        Its name in the header of a result.
    model : type
        The class of its models.
    models : str
        What to say a model must be.
    regimes : tuple of type
        The regimes that it can be simulated under; none where the model says all itself.
    regime : str
        What to say a regime must be.
    dtypes : tuple of str
        The arithmetic that its kernel knows, the default first; a header names it where there is a
        choice.
    methods : tuple of str
        The ways of drawing that it has, `FORWARD` first; what the others can record is in `study`.
    counted : tuple of str
        The times that reduce="histogram" takes; none where it takes none.
    """

    kind: str
    model: type[Any]
    models: str
    regimes: tuple[type[Regime], ...]
    regime: str
    dtypes: tuple[str, ...]
    methods: tuple[str, ...]
    counted: tuple[str, ...]

    def describes(self, model: Any) -> bool:
        """Tell whether a model of the class is of this kind; exactly one family says so."""

    def study(self, model: Any, **extent: Unpack[Extent]) -> Study:
        """Make a study of a model, which records nothing yet."""

    def refuse(self, model: Any, regime: Any) -> None:
        """Raise ValueError, with the parameter's name, where a regime does not fit a model."""

    def spelled_out(self, model: Any, regime: Any, study: Study) -> tuple[Any, Any]:
        """Return model and regime with every callable replaced by its values over the study.

        Arrays are cut to its length; a second time nothing changes.
        """

    def ends(self, regime: Any) -> bool:
        """Tell whether every run ends by itself, so that generations may be None."""

    def default_record(self, generations: int | None) -> tuple[str, ...]:
        """Return what is recorded where nothing is asked for."""

    def input_memory(self, study: Study) -> int:
        """Return the bytes that the schedule takes."""

    def job(
        self, study: Study, model: Any, regime: Any, key: int, threads: int, kernels: ModuleType
    ) -> Job:
        """Make the job of a study; `kernels` are those of the device."""

    def inputs(self, model: Any, regime: Any, study: Study) -> Values:
        """Make the variables of model and schedule, the dropped dimension included."""

    def schedule_layout(self, study: Study) -> Mapping[str, tuple[Dims, type[np.generic]]]:
        """Return dimensions and dtype of every variable that a schedule may have.

        The first is always there; those that a regime does not use are not. Rows are generations,
        from the first one of the study on.
        """

    def labels(self, model: Any) -> Mapping[str, Sequence[str] | None]:
        """Return names of the entries of dimensions, where they have some."""

    def write(self, model: Any) -> dict[str, Any]:
        """Return what the header says of a model beside its kind, ready for JSON."""

    def read(self, dataset: xarray.Dataset, content: dict[str, Any]) -> Any:
        """Make the model again from what `write` gave and the variables of a Dataset."""


FAMILIES: tuple[Family, ...] = (
    chains.CategoricalChains(),
    interacting_chains.InteractingChains(),
    linear_chains.InteractingLinearModels(),
    mixtures.MixtureNetworks(),
)


def of_model(model: object) -> Family:
    """Return the family of a model."""
    wanted = dict.fromkeys(family.models for family in FAMILIES)
    kinds = tuple(family.model for family in FAMILIES)
    _check.instance("model", model, kinds, " or ".join(wanted))
    return next(family for family in FAMILIES if family.describes(model))


def of_kind(kind: object) -> Family:
    """Return the family of a name in a header."""
    name = _check.choice("model.kind", kind, tuple(family.kind for family in FAMILIES))
    return next(family for family in FAMILIES if family.kind == name)


def reductions_of(family: Family) -> tuple[str, ...]:
    """Return what runs of a family can be reduced to."""
    return ("mean", "histogram") if family.counted else ("mean",)
