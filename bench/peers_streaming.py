"""Mixtures learned from a stream, as others would do it: the same update in numba, and MOG2."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numba import njit

from bench.judge import Floats


@njit(error_model="numpy")
def _move_full(row: Any, step: float, delta: Any, inverse: Any) -> float:
    """Update U^T D U by rank one; gives the logarithm of the determinant."""
    d = delta.size
    share, log_determinant = step, 0.0
    for j in range(d):
        p, old = delta[j], (1.0 - step) * row[j, j]
        pivot = old + share * p * p
        slope = share * p / pivot
        share *= old / pivot
        row[j, j] = pivot
        inverse[j] = 1.0 / pivot
        log_determinant += np.log(pivot)
        for r in range(j + 1, d):
            delta[r] -= p * row[j, r]
            row[j, r] += slope * delta[r]
    return log_determinant


@njit(error_model="numpy")
def _move_diagonal(row: Any, step: float, delta: Any, inverse: Any) -> float:
    log_determinant = 0.0
    for j in range(delta.size):
        row[j, j] += step * (delta[j] * delta[j] - row[j, j])
        inverse[j] = 1.0 / row[j, j]
        log_determinant += np.log(row[j, j])
    return log_determinant


@njit(error_model="numpy")
def _distance(row: Any, inverse: Any, x: Any, mean: Any, diagonal: bool, rest: Any) -> float:
    d, total = x.size, 0.0
    for j in range(d):
        rest[j] = x[j] - mean[j]
    for j in range(d):
        p = rest[j]
        total += p * p * inverse[j]
        if not diagonal:
            for r in range(j + 1, d):
                rest[r] -= p * row[j, r]
    return total


@njit(error_model="numpy")
def _learn(
    points: Any, weights: Any, means: Any, factors: Any, rate: float, prior: float, diagonal: bool
) -> Any:
    """Learn in place from points; factors are U over D, or diagonal matrices."""
    count, d = means.shape
    inverse, half_log = np.empty((count, d)), np.zeros(count)
    level, rest = np.empty(count), np.empty(d)
    for m in range(count):
        for j in range(d):
            inverse[m, j] = 1.0 / factors[m, j, j]
            half_log[m] += 0.5 * np.log(factors[m, j, j])
    limit = min(20.0 * rate, 0.5)
    for i in range(len(points)):
        x = points[i]
        best = -np.inf
        for m in range(count):
            squared = _distance(factors[m], inverse[m], x, means[m], diagonal, rest)
            level[m] = -half_log[m] - 0.5 * squared
            best = max(best, level[m])
        total = 0.0
        for m in range(count):
            level[m] = weights[m] * np.exp(level[m] - best)
            total += level[m]
        spread, kept, left = 1.0 / (1.0 - count * prior), 0, 0.0
        for m in range(count):
            owned, old = level[m] / total, weights[m]
            weight = old + rate * ((owned - prior) * spread - old)
            if weight <= 0.0:
                continue
            step = rate * owned / old
            if step > 1e-18:
                for j in range(d):
                    rest[j] = x[j] - means[m, j]
                    means[m, j] += min(step, 1.0) * rest[j]
                if diagonal:
                    moved = _move_diagonal(factors[m], min(step, limit), rest, inverse[m])
                else:
                    moved = _move_full(factors[m], min(step, limit), rest, inverse[m])
                half_log[m] = 0.5 * moved
            weights[kept] = weight
            if kept != m:
                means[kept], factors[kept] = means[m], factors[m]
                inverse[kept], half_log[kept] = inverse[m], half_log[m]
            left += weight
            kept += 1
        if kept < count:
            weights[:kept] /= left
        count = kept
    return count


def numba_mixture(
    points: Floats, means: Floats, variance: float, rate: float, prior: float, diagonal: bool
) -> tuple[Floats, Floats]:
    """Give the weights and means that are left."""
    count, d = means.shape
    weights, means = np.full(count, 1.0 / count), means.copy()
    factors = np.tile(variance * np.eye(d), (count, 1, 1))
    left = _learn(points, weights, means, factors, rate, prior, diagonal)
    return weights[:left], means[:left]


def mog2_background(frames: Any, rate: float, components: int) -> Floats:
    """Let one mixture a pixel learn from frames of bytes; gives the likeliest colours."""
    cv2: Any = import_module("cv2")
    cv2.setNumThreads(1)
    model = cv2.createBackgroundSubtractorMOG2(detectShadows=False)
    model.setNMixtures(components)
    model.setBackgroundRatio(0.5)
    for frame in frames:
        model.apply(frame, None, rate)
    return np.asarray(model.getBackgroundImage(), float)
