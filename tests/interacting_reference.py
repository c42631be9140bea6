"""Interacting token chains written for clarity: by NumPy for many runs, and by enumeration.

Slow and obvious on purpose, and nothing is shared with the package: no recursion of moments, no
sampler. `Study` says what both are given; alpha_1 has no effect, and everything is over generations
1 .. G.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import enumeration

Array = npt.NDArray[np.float64]
Law = tuple[float, ...]
Path = tuple[float, Array]


@dataclass(frozen=True)
class Study:
    """Private laws (K, s), a public law, weights and sizes over generations."""

    private: list[list[float]]
    public: list[float]
    alpha: list[float]
    beta: list[float]
    n: list[int]
    real: tuple[list[int], int] | None = None
    own_pools: bool = False

    @property
    def generations(self) -> int:
        return len(self.n)


def simulate(study: Study, runs: int, rng: np.random.Generator) -> Array:
    """Models (run, generation, entity, token)."""
    private, public = np.array(study.private), np.array(study.public)
    entities = len(private)
    if study.real is None:
        u, v = np.tile(private, (runs, 1, 1)), np.tile(public, (runs, 1))
    else:
        sizes, size = study.real
        drawn = [
            rng.multinomial(N, law, size=runs) / N for N, law in zip(sizes, private, strict=True)
        ]
        u, v = np.stack(drawn, axis=1), rng.multinomial(size, public, size=runs) / size
    models: list[Array] = []
    for m in range(study.generations):
        r = study.beta[m] * u + (1 - study.beta[m]) * v[:, None]
        if m == 0:
            models.append(r)
            continue
        mean = models[-1].mean(axis=1)
        mean /= mean.sum(axis=1, keepdims=True)
        law = np.repeat(mean[:, None], entities, axis=1) if study.own_pools else mean[:, None]
        pool = rng.multinomial(study.n[m], law) / study.n[m]
        models.append((1 - study.alpha[m]) * r + study.alpha[m] * pool)
    return np.stack(models, axis=1)


def paths(study: Study) -> list[Path]:
    """Every path (generation, entity, token) of positive probability."""
    found: list[Path] = []
    for chance, u, v in _kept(study):
        alive = [(chance, study.beta[0] * u[None] + (1 - study.beta[0]) * v)]
        for m in range(1, study.generations):
            r = study.beta[m] * u + (1 - study.beta[m]) * v
            alive = [
                (
                    weight * probability,
                    np.concatenate(
                        [past, ((1 - study.alpha[m]) * r + study.alpha[m] * pools)[None]]
                    ),
                )
                for weight, past in alive
                for probability, pools in _pools(study, m, past[-1].mean(axis=0))
            ]
        found += alive
    return [(weight, path) for weight, path in found if weight > 0.0]


def second_moments(study: Study) -> dict[str, Array]:
    """What `autophage.moments` gives, by complete enumeration."""
    weights, laws = zip(*paths(study), strict=True)
    models = np.array(laws)
    return {
        name: np.tensordot(np.array(weights), values, axes=1)
        for name, values in squares(study, models).items()
    }


def squares(study: Study, models: Array) -> dict[str, Array]:
    """The same per path of models (path, generation, entity, token)."""
    entities = len(study.private)
    pairs = list(itertools.combinations(range(entities), 2))
    gaps = [np.square(models[:, :, j] - models[:, :, k]).sum(axis=-1) for j, k in pairs]
    return {
        "sigma": np.square(models).sum(axis=-1),
        "l2_to_truth": np.square(models - np.array(study.private)).sum(axis=-1),
        "l2_to_first": np.square(models - models[:, :1]).sum(axis=-1),
        "inner": np.einsum("pmjs,pmks->pmjk", models, models),
        "homogenisation": np.mean(gaps, axis=0) if gaps else np.full(models.shape[:2], np.nan),
    }


def _kept(study: Study) -> Iterator[tuple[float, Array, Array]]:
    if study.real is None:
        yield 1.0, np.array(study.private), np.array(study.public)
        return
    sizes, size = study.real
    laws = [tuple(law) for law in (*study.private, study.public)]
    outcomes = [enumeration.outcomes(law, N) for law, N in zip(laws, (*sizes, size), strict=True)]
    for drawn in itertools.product(*outcomes):
        kept = np.array([np.array(counts) / sum(counts) for counts, _ in drawn])
        yield float(np.prod([p for _, p in drawn])), kept[:-1], kept[-1]


def _pools(study: Study, m: int, mean: Array) -> Iterator[tuple[float, Array]]:
    """Every outcome of the pools, (1 or K, token)."""
    n = study.n[m]
    outcomes = enumeration.outcomes(tuple(mean.tolist()), n)
    copies = len(study.private) if study.own_pools else 1
    for drawn in itertools.product(outcomes, repeat=copies):
        yield float(np.prod([p for _, p in drawn])), np.array([c for c, _ in drawn]) / n
