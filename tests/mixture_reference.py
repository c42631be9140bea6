"""The network of mixtures, slow and obvious, from the same named random words as the kernel.

One post, one model and one update at a time. Only the coordinates, a choice of axes, are taken from
the kernel; tests compare them with the given space.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

import autophage as ap
from autophage import _core

Floats = npt.NDArray[np.float64]
POSTS, READING, READING_AGAIN = 11, 12, 13  # purposes
ONES = 2**32 - 1


def words(key: int, run: int, context: int, purpose: int) -> Iterator[int]:
    """The 32-bit words of one stream."""
    name = purpose << 26 | context << 6 | run >> 32
    at = 0
    while True:
        blocks = np.arange(at, at + 64)
        counter = np.stack([blocks, 0 * blocks, 0 * blocks + (run & ONES), 0 * blocks + name], 1)
        yield from ap.random.philox4x32(counter, [key & ONES, key >> 32]).ravel().tolist()
        at += 64


def uniform(source: Iterator[int]) -> float:
    low, high = next(source), next(source)
    return float(((high << 32 | low) >> 12) + 0.5) * 2.0**-52


def below(bound: int, word: int, again: Iterator[int]) -> int:
    """A number 0 .. bound - 1, exactly uniform."""
    while (word * bound) % 2**32 < 2**32 % bound:
        word = next(again)
    return word * bound >> 32


def update(w: Floats, height: Floats, a: float, c: float) -> Floats:
    """The weights after a post with these log-likelihoods: project all, then normalise once."""
    size = len(w)
    o = explained(w, height)
    new = w + a * (o / (1 - size * c) - w) - a * c / (1 - size * c)
    new = np.maximum(new, 0.0)
    return np.asarray(new / new.sum())


def update_active(w: Floats, height: Floats, a: float, c: float) -> Floats:
    """The same with M the number of living components, projected one after another."""
    w = w.copy()
    living = np.flatnonzero(w > 0)
    size, o = len(living), explained(w, height)
    for k in living:
        w[k] = w[k] + a * (o[k] / (1 - size * c) - w[k]) - a * c / (1 - size * c)
        if w[k] <= 0:
            w[k] = 0.0
            w /= w.sum()
    return np.asarray(w / w.sum())


def explained(w: Floats, height: Floats) -> Floats:
    """The share o_k of each component in a post."""
    o = np.zeros(len(w))
    alive = w > 0
    o[alive] = w[alive] * np.exp(height[alive] - height[alive].max())
    return np.asarray(o / o.sum())


@dataclass
class Result:
    weights: Floats  # (G + 1, K, M)
    pool: Floats  # (posts, r), in the kernel's coordinates
    owners: list[int]  # the component of each post that was drawn


def simulate(net: ap.MixtureNetwork, generations: int, key: int, run: int) -> Result:
    """One run."""
    models, features = net.model_count, net.feature_count
    none = np.empty((0, features))
    given = none if net.first_posts is None else net.first_posts
    means, first = _core.mixture_coordinates(net.means, net.covariance, given)
    schedule = net.schedule(generations)
    step = update_active if net.active_components else update
    posting = [words(key, run, j, POSTS) for j in range(models)]
    readers = 1 if net.shared_reading else models
    reading = [words(key, run, j, READING) for j in range(readers)]
    again = [words(key, run, j, READING_AGAIN) for j in range(readers)]
    pool, owners = list(first), []
    order: list[list[int]] = [list(range(len(pool))) for _ in range(readers)]
    path = [net.weights.copy()]
    for t in range(generations):
        w = path[-1].copy()
        for j in range(models):
            for _ in range(int(schedule.posts[t, j])):
                at = uniform(posting[j]) * w[j].sum()
                k = int(np.searchsorted(np.cumsum(w[j]), at, side="right"))
                owners.append(k)
                noise = [special.ndtri(uniform(posting[j])) for _ in range(means.shape[1])]
                pool.append(means[k] + np.array(noise))
        for p in order:
            p.extend(range(len(p), len(pool)))
        for p, own, more, reads in zip(
            order,
            reading,
            again,
            [max(schedule.reads[t])] if net.shared_reading else schedule.reads[t],
            strict=True,
        ):
            for i in range(int(reads)):
                other = i + below(len(p) - i, next(own), more)
                p[i], p[other] = p[other], p[i]
        for j in range(models):
            for i in order[0 if net.shared_reading else j][: int(schedule.reads[t, j])]:
                height = -0.5 * ((pool[i] - means) ** 2).sum(axis=1)
                w[j] = step(w[j], height, float(schedule.rate[t, j]), net.prior)
        path.append(w)
    return Result(np.array(path), np.array(pool).reshape(len(pool), -1), owners)


def distances(weights: Floats) -> Floats:
    """D of weights (.., K, M)."""
    gap = weights[..., :, None, :] - weights[..., None, :, :]
    return np.asarray(np.sqrt((gap**2).sum(axis=-1)))
