"""The recursive mixture update as the paper prints it: dense covariances, one point at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FAULTS = (
    "sign of the prior",
    "prior without its divisor",
    "components counted at the start",
    "step from the weight after the point",
    "covariance around the new mean",
    "no limit on the step",
    "no renormalisation",
    "half a determinant missing",
)


@dataclass
class Mixture:
    """Weights (M,), means (M, d), covariances (M, d, d); learns in place."""

    weights: Floats
    means: Floats
    covariances: Floats
    diagonal: bool = False
    fault: str = ""

    def __post_init__(self) -> None:
        self.started_with = len(self.weights)

    def ownerships(self, x: Floats) -> Floats:
        levels = []
        for mean, covariance in zip(self.means, self.covariances, strict=True):
            delta = x - mean
            share = 0.25 if self.fault == "half a determinant missing" else 0.5
            level = -share * np.linalg.slogdet(2 * np.pi * covariance)[1]
            levels.append(level - 0.5 * delta @ np.linalg.solve(covariance, delta))
        shares = self.weights * np.exp(np.array(levels) - max(levels))
        return np.asarray(shares / shares.sum())

    def learn(self, x: Floats, rate: float, prior: float) -> None:
        owned = self.ownerships(x)
        count = len(self.weights)
        if self.fault == "components counted at the start":
            count = self.started_with
        divisor = 1 if self.fault == "prior without its divisor" else 1 - count * prior
        sign = -1 if self.fault == "sign of the prior" else 1
        old = self.weights
        new = old + rate * (owned / divisor - old) - sign * rate * prior / divisor
        after = self.fault == "step from the weight after the point"
        for m in np.flatnonzero(new > 0).tolist():
            self.move(m, x, rate * owned[m] / (new if after else old)[m], rate)
        kept = new > 0
        self.weights, self.means, self.covariances = (
            new[kept],
            self.means[kept],
            self.covariances[kept],
        )
        if not kept.all() and self.fault != "no renormalisation":
            self.weights = self.weights / self.weights.sum()

    def move(self, m: int, x: Floats, step: float, rate: float) -> None:
        delta = x - self.means[m]
        self.means[m] += min(step, 1.0) * delta
        if self.fault == "covariance around the new mean":
            delta = x - self.means[m]
        limit = 1.0 if self.fault == "no limit on the step" else min(20 * rate, 0.5)
        square = np.diag(delta**2) if self.diagonal else np.outer(delta, delta)
        self.covariances[m] += min(step, limit) * (square - self.covariances[m])
