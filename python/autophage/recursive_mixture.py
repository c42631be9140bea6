"""The state of a recursive mixture of Gaussians: how it begins, learns and answers.

`streaming` is its public face; nothing here needs scikit-learn.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autophage import _core

FIRST_SHARE = 0.1
"""Starting variance of a component, in mean variances of the first data."""
LARGEST_PRIOR = 0.5
"""What `usual_prior` gives to all components together, at most."""


class State(NamedTuple):
    """Weights (M,), means (M, d) and factors, C-contiguous float64: all that the kernel reads.

    Factors (M, d, d) hold covariances U^T D U, D on the diagonal of an upper triangular U whose own
    diagonal is ones; factors (M, d) hold the variances of diagonal covariances.
    """

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    factors: NDArray[np.float64]

    def copy(self) -> State:
        """Give the same in memory of its own."""
        return State(*(array.copy() for array in self))

    def learn(self, points: NDArray[np.float64], rate: float, prior: float, floor: float) -> State:
        """Learn from points (n, d) in place; what is left of the components comes back."""
        left = _core.learn_mixture(points, *self, rate, prior, floor, None)
        if left == len(self.weights):
            return self
        return State(*(array[:left].copy() for array in self))  # without the memory of the rest

    def parts(self) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
        """Give U, or None for diagonal covariances, and the pivots (M, d)."""
        if self.factors.ndim == 2:
            return None, self.factors
        d = self.means.shape[1]
        upper = np.triu(self.factors, 1) + np.eye(d)
        return upper, np.diagonal(self.factors, axis1=1, axis2=2)

    def covariances(self) -> NDArray[np.float64]:
        """Give covariances (M, d, d), symmetric to the bit, or variances (M, d)."""
        upper, pivots = self.parts()
        if upper is None:
            return pivots.copy()
        product = (upper.mT * pivots[:, None, :]) @ upper
        return 0.5 * (product + product.mT)

    def levels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give log(w_m N(x; mu_m, C_m)) of every point and component."""
        levels = _core.mixture_log_densities(points, self.means, self.factors, None)
        levels[np.isnan(levels)] = -np.inf  # distances beyond double
        levels += np.log(self.weights)
        return levels

    def log_densities(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the logarithm of the mixture's density at every point (n,)."""
        levels, best = self._with_best(points)
        total = np.exp(levels - best).sum(axis=1)
        with np.errstate(divide="ignore"):  # beyond the reach of double: -inf
            return np.asarray(best[:, 0] + np.log(total))

    def ownerships(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the probabilities (n, M) of the components; the weights where no density is left."""
        levels, best = self._with_best(points)
        shares = np.exp(levels - best)
        shares[np.isneginf(levels).all(axis=1)] = self.weights
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def _with_best(
        self, points: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give levels and each row's largest (n, 1), 0 in place of -inf: it is subtracted."""
        levels = self.levels(points)
        best = levels.max(axis=1, keepdims=True)
        return levels, np.where(np.isneginf(best), 0.0, best)

    def draw(self, count: int, rng: Any) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw points and their components, ordered by component, with NumPy's RandomState."""
        counts = rng.multinomial(count, self.weights / self.weights.sum())
        labels = np.repeat(np.arange(len(counts)), counts)
        upper, pivots = self.parts()
        noise = rng.standard_normal((count, self.means.shape[1])) * np.sqrt(pivots)[labels]
        if upper is not None:
            for m, part in enumerate(np.split(noise, np.cumsum(counts)[:-1])):
                part[:] = part @ upper[m]
        return self.means[labels] + noise, labels


def usual_prior(rate: float, components: int, state: State) -> float:
    """Give a N / 2, but no more than 1 / 2 for all components together.

    `components` is the number at the start: a prior that followed the number left would depend on
    the pieces in which points come.
    """
    d = state.means.shape[1]
    parameters = 2 * d if state.factors.ndim == 2 else d + d * (d + 1) // 2
    limit = LARGEST_PRIOR / max(components, len(state.weights))
    return float(min(rate * parameters / 2, limit))


def first_variance(points: NDArray[np.float64]) -> float:
    """Give a tenth of the mean variance of the features."""
    return FIRST_SHARE * float(points.var(axis=0).mean())


def first_means(
    points: NDArray[np.float64], count: int, variance: float, seed: int
) -> NDArray[np.float64]:
    """Choose `count` of the points, distinct ones as far as there are, and move repeated values."""
    rng = np.random.default_rng(seed)
    means = points[rng.permutation(max(count, len(points)))[:count] % len(points)]
    noise = rng.standard_normal(means.shape)
    # Two components at one place would stay together for ever.
    again = np.ones(count, dtype=bool)
    again[np.unique(means, axis=0, return_index=True)[1]] = False
    means[again] += np.sqrt(variance) * noise[again]
    return means


def start(means: NDArray[np.float64], variance: float, diagonal: bool) -> State:
    """Make the state before the first point: equal weights, equal variances."""
    count, d = means.shape
    weights = np.full(count, 1.0 / count)
    if diagonal:
        return State(weights, means, np.full((count, d), variance))
    return State(weights, means, np.tile(variance * np.eye(d), (count, 1, 1)))
