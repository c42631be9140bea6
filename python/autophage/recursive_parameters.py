"""The parameters of a recursive mixture: their ranges, and the state that they start from.

`streaming` is the public face; nothing here needs scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autophage import _check, memory
from autophage.recursive_mixture import State, first_means, first_variance, start, usual_prior

LARGEST = 1e100
"""Largest size of an entry of X: its square and what follows from it stay within double."""
_COPIES = 3  # of the state, while it is made
SMALLEST_FLOOR, LARGEST_FLOOR = 1e-50, 1e50


class Parameters(NamedTuple):
    """All parameters but the source of random numbers, each of them checked."""

    components: int
    rate: float
    prior: float | None  # None for the usual one
    diagonal: bool
    means: NDArray[np.float64] | None  # None for points chosen at random
    variance: float | None  # None for that of the first points
    start_size: int  # how many points set the start; 0 where none does
    floor: float
    passes: int

    def prior_of(self, state: State) -> float:
        """Give c, for the components that are left."""
        if self.prior is None:
            return usual_prior(self.rate, self.components, state)
        components = len(state.weights)
        if components * self.prior >= 1.0:
            msg = (
                f"prior must be below 1 / {components}, for so many components, got {self.prior!r}"
            )
            raise ValueError(msg)
        return self.prior

    def require(self, features: int, state: State | None) -> None:
        """Refuse means of another shape, and another kind of covariance than `state` has.

        Where there is no state yet, refuse one that cannot fit.
        """
        if state is None:
            size = features * (2 if self.diagonal else features + 2)
            ways = ["fewer components"] + ([] if self.diagonal else ['covariance_type="diag"'])
            taken = _COPIES * 8 * self.components * size
            memory.refuse_memory("this number of components", taken, ways)
        wanted = (self.components, features)
        if self.means is not None and self.means.shape != wanted:
            msg = (
                f"init must have the shape (n_components, n_features) = {wanted}, "
                f"got {self.means.shape}"
            )
            raise ValueError(msg)
        if state is not None and (state.factors.ndim == 2) != self.diagonal:
            kinds = ("full", "diag")
            msg = (
                f"covariance_type must stay {kinds[not self.diagonal]!r}, as the covariances "
                f"learned are, got {kinds[self.diagonal]!r}: fit begins anew"
            )
            raise ValueError(msg)

    def start(self, points: NDArray[np.float64], seed: int) -> State:
        """Make the state before the first point, from points that set it."""
        variance = first_variance(points) if self.variance is None else self.variance
        variance = max(variance, self.floor)
        if self.means is not None:
            return start(self.means, variance, self.diagonal)
        return start(first_means(points, self.components, variance, seed), variance, self.diagonal)


def checked(given: Mapping[str, Any]) -> Parameters:
    """Check the parameters of `RecursiveMixture`, by name; those for later too."""
    components = _check.integer("n_components", given["n_components"], 1, 2**20)
    rate = _check.number("rate", given["rate"], 0.0, 1.0, low_open=True, high_open=True)
    prior, init = given["prior"], given["init"]
    variance, size = given["init_variance"], given["init_size"]
    if prior is not None:
        prior = _check.number("prior", prior, 0.0)
    kind = _check.choice("covariance_type", given["covariance_type"], ("full", "diag"))
    means = None
    if isinstance(init, str):
        _check.choice("init", init, ("random",))
    else:
        means = _check.numbers("init", init, -LARGEST, LARGEST, ndim=(2,))
    if variance is not None:
        variance = _check.number("init_variance", variance, 0.0, LARGEST**2, low_open=True)
    size = 10 * components if size is None else _check.integer("init_size", size, 1, 2**62)
    return Parameters(
        components,
        rate,
        prior,
        kind == "diag",
        means,
        variance,
        size if means is None or variance is None else 0,
        _check.number("reg_covar", given["reg_covar"], SMALLEST_FLOOR, LARGEST_FLOOR),
        _check.integer("max_iter", given["max_iter"], 1, 2**31 - 1),
    )
