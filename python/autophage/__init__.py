"""The simulation engine for models trained on models' output."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autophage import random as random
    from autophage.interaction import Interacting as Interacting
    from autophage.law import collapse_law as collapse_law
    from autophage.law import collapse_time_asymptotic as collapse_time_asymptotic
    from autophage.law import contaminated_law as contaminated_law
    from autophage.linear import InteractingLinear as InteractingLinear
    from autophage.lyapunov import solve_discrete_lyapunov as solve_discrete_lyapunov
    from autophage.mixture import MixtureNetwork as MixtureNetwork
    from autophage.models import Categorical as Categorical
    from autophage.models import law_with as law_with
    from autophage.moments import moments as moments
    from autophage.provenance import merge as merge
    from autophage.provenance import rerun as rerun
    from autophage.regimes import Accumulate as Accumulate
    from autophage.regimes import AccumulateSubsample as AccumulateSubsample
    from autophage.regimes import Adaptive as Adaptive
    from autophage.regimes import Contaminated as Contaminated
    from autophage.regimes import Filtered as Filtered
    from autophage.regimes import FullySynthetic as FullySynthetic
    from autophage.regimes import MostRecent as MostRecent
    from autophage.regimes import PartiallySynthetic as PartiallySynthetic
    from autophage.regimes import RandomlySampled as RandomlySampled
    from autophage.simulate import Interrupted as Interrupted
    from autophage.simulate import simulate as simulate

_HOME = {
    "Categorical": "models",
    "law_with": "models",
    "FullySynthetic": "regimes",
    "PartiallySynthetic": "regimes",
    "MostRecent": "regimes",
    "RandomlySampled": "regimes",
    "Contaminated": "regimes",
    "Accumulate": "regimes",
    "AccumulateSubsample": "regimes",
    "Filtered": "regimes",
    "Adaptive": "regimes",
    "Interacting": "interaction",
    "InteractingLinear": "linear",
    "MixtureNetwork": "mixture",
    "simulate": "simulate",
    "Interrupted": "simulate",
    "collapse_law": "law",
    "collapse_time_asymptotic": "law",
    "contaminated_law": "law",
    "solve_discrete_lyapunov": "lyapunov",
    "moments": "moments",
    "rerun": "provenance",
    "merge": "provenance",
}
_MODULES = ("corpus", "plotting", "random", "reproduce", "theory")

__all__ = sorted([*_HOME, *_MODULES, "__version__"])


class _Package(ModuleType):
    """The package: `simulate` and `moments` stay functions although modules bear these names.

    Importing a submodule sets it as an attribute of its package; for these names the import is kept
    (in `sys.modules`) and the attribute is not.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"autophage.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"autophage.{name}")
    elif name == "__version__":
        value = import_module("importlib.metadata").version("autophage")
    else:
        msg = f"module 'autophage' has no attribute {name!r}"
        raise AttributeError(msg)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
