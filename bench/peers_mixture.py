"""Networks of mixtures, as an expert would write them by hand in numba and in NumPy.

Both compute the likelihoods of a post once, keep a permutation of the pool for every model, and do
without the weights' sum where there is no prior. Covariance is the identity. Results are the norms
of the matrix of distances in generations 0, 1, ..., (runs, generations + 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
from numba import njit, uint64

from bench.judge import Floats
from bench.numba_random import Words, _next

Function = TypeVar("Function", bound=Callable[..., object])
ALLOWED = {"reassoc", "contract", "nsz", "arcp"}  # what lets sums over components go in vectors


def _compiled(function: Function) -> Function:
    return cast(Function, njit(error_model="numpy", fastmath=ALLOWED)(function))


@_compiled
def _norm(w: Floats) -> float:
    """Give the Frobenius norm of the distances between the rows."""
    total = 0.0
    for i in range(len(w)):
        for j in range(i):
            for k in range(w.shape[1]):
                total += (w[i, k] - w[j, k]) ** 2
    return np.sqrt(2 * total)  # type: ignore[no-any-return]


@_compiled
def _post(means: Floats, w: Floats, rng: np.random.Generator, x: Floats, f: Floats) -> None:
    """Draw one post and compute its likelihoods."""
    u, k = rng.random(), 0
    while k < len(w) - 1 and u >= w[k]:
        u -= w[k]
        k += 1
    for i in range(x.size):
        x[i] = means[k, i] + rng.standard_normal()
    least = np.inf
    for k in range(len(w)):
        square = 0.0
        for i in range(x.size):
            square += (x[i] - means[k, i]) ** 2
        f[k] = square
        least = min(least, square)
    for k in range(len(w)):
        f[k] = np.exp(0.5 * (least - f[k]))


@_compiled
def _read(
    w: Floats, pool: Floats, order: Floats, posts: int, reads: int, rate: float, prior: float,
    words: Words,
) -> Words:  # fmt: skip
    """Read so many posts, and update after each; w sums to one before and after."""
    gain = rate / (1 - w.size * prior)
    lost, total = gain * prior, 1.0
    for i in range(reads):
        words, word = _next(words)
        at = i + ((word >> uint64(32)) * uint64(posts - i) >> uint64(32))
        post = order[at]
        order[at] = order[i]
        order[i] = post
        f = pool[post]
        hit = 0.0
        for k in range(w.size):
            hit += w[k] * f[k]
        share = gain / hit
        if prior == 0.0:
            for k in range(w.size):
                w[k] *= (1 - rate) + share * f[k]
            continue
        keep = (1 - rate) / total
        total = 0.0
        for k in range(w.size):
            w[k] = max(w[k] * (keep + share * f[k]) - lost, 0.0)
            total += w[k]
    for k in range(w.size):
        w[k] /= total
    return words


@_compiled
def in_numba(
    means: Floats, start: Floats, rate: float, prior: float, read: float, generations: int,
    runs: int, rng: np.random.Generator, words: Words,
) -> Floats:  # fmt: skip
    """Take runs one after another, one post a model and generation."""
    models, components = start.shape
    pool = np.empty((generations * models, components))
    order = np.empty((models, len(pool)), np.int32)
    x = np.empty(means.shape[1])
    found = np.empty((runs, generations + 1))
    for run in range(runs):
        w = start.copy()
        posts = 0
        found[run, 0] = _norm(w)
        for t in range(generations):
            for j in range(models):
                _post(means, w[j], rng, x, pool[posts])
                order[:, posts] = posts
                posts += 1
            reads = int(read * posts + 1e-9)
            for j in range(models):
                words = _read(w[j], pool, order[j], posts, reads, rate, prior, words)
            found[run, t + 1] = _norm(w)
    return found


def in_numpy(
    means: Floats, start: Floats, rate: float, prior: float, read: float, generations: int,
    runs: int, rng: np.random.Generator,
) -> Floats:  # fmt: skip
    """Take all runs at once."""
    models, components = start.shape
    all_runs = np.arange(runs)
    w = np.repeat(start[:, None], runs, axis=1)
    pool = np.empty((runs, generations * models, components))
    order = np.empty((models, runs, generations * models), np.int32)
    order[:] = np.arange(generations * models)
    gain = rate / (1 - components * prior)
    found = np.empty((runs, generations + 1))
    found[:, 0] = norms(w)
    posts = 0
    for t in range(generations):
        for j in range(models):
            u = rng.random(runs)[:, None]
            k = np.minimum((w[j].cumsum(axis=1) <= u).sum(axis=1), components - 1)
            x = means[k] + rng.standard_normal((runs, means.shape[1]))
            square = ((x[:, None] - means) ** 2).sum(axis=-1)
            pool[:, posts] = np.exp(0.5 * (square.min(axis=1, keepdims=True) - square))
            posts += 1
        reads = int(read * posts + 1e-9)
        for i in range(reads):
            for j in range(models):
                at = rng.integers(i, posts, runs)
                post = order[j, all_runs, at]
                order[j, all_runs, at] = order[j, :, i]
                order[j, :, i] = post
                hits = w[j] * pool[all_runs, post]
                hits *= gain / hits.sum(axis=1, keepdims=True)
                w[j] *= 1 - rate
                w[j] += hits
                if prior:
                    w[j] -= gain * prior
                    np.maximum(w[j], 0, out=w[j])
                    w[j] /= w[j].sum(axis=1, keepdims=True)
        found[:, t + 1] = norms(w)
    return found


def norms(w: Floats) -> Floats:
    """Give the norms of the matrix of distances of weights (models, runs, components)."""
    # The sum over pairs of |w_i - w_j|^2 is K sum |w_i|^2 - |sum w_i|^2 if taken around the mean.
    around = w - w.mean(axis=0)
    return np.asarray(np.sqrt(2 * len(w) * (around**2).sum(axis=(0, 2))))
