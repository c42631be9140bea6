"""What the papers print, one module a paper: NumPy and SciPy only, never the kernels.

`seddik2024`: "How Bad is Training on Synthetic Data?" (its l1 bounds in `deviation`).
`contaminated2026`: "From Collapse to Improvement" (its classifiers in `detectors`).
`interactive2025`: "What happens when generative AI models train recursively on each other's
outputs?" (its matrices in `workflows`).
`webdynamics2025`: "LLM Web Dynamics" (its mixtures where they overlap in `ownership`, their means
in `separated`).

Each function is one numbered formula in its right form. Where the print is wrong the printed form
is kept beside it under a name that ends in `_printed`, so that a test can show the difference;
nothing in the package uses it.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = [
    "contaminated2026",
    "detectors",
    "deviation",
    "interactive2025",
    "ownership",
    "seddik2024",
    "separated",
    "webdynamics2025",
    "workflows",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"autophage.theory.{name}")
    msg = f"module 'autophage.theory' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
