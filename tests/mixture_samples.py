"""Networks of mixtures for tests of the theory, and means of what is simulated of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import autophage as ap
from judge import accept_moments

Floats = npt.NDArray[np.float64]


def separated(weights: npt.ArrayLike, **options: Any) -> ap.MixtureNetwork:
    """Components 40 standard deviations apart."""
    means = 40.0 * np.arange(np.shape(weights)[1])
    return ap.MixtureNetwork(means, 1.0, weights, **options)


def simulated(net: ap.MixtureNetwork, runs: int, generations: int, seed: int) -> Floats:
    """Weights of (run, generation, model, component)."""
    found = ap.simulate(net, runs=runs, generations=generations, rng=seed, record=("weights",))
    weights = found.weights.transpose("run", "generation", "model", "component").values
    return np.asarray(weights)


def squares(weights: Floats) -> Floats:
    """||w_i - w_j||^2 of (.., K, M)."""
    gap = weights[..., :, None, :] - weights[..., None, :, :]
    return np.asarray(np.square(gap).sum(axis=-1))


def accept_means(name: str, sample: Floats, expected: Floats | float) -> None:
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    accept_moments(name, sample.mean(axis=0), expected, error, rounding=1e-12)


def z(sample: Floats, expected: Floats | float) -> float:
    """Largest |z| of a mean against what it should not be."""
    error = np.maximum(sample.std(axis=0, ddof=1) / np.sqrt(len(sample)), 1e-300)
    return float(np.abs((sample.mean(axis=0) - expected) / error).max())
