"""Complete enumeration of small chains: every path of models with its probability.

A path is the tuple of models p^(1) .. p^(G), each a tuple of floats. Nothing is shared with the
package: no recursion of moments, no sampler. A regime is a function `step(past, memory, t)` that
lists what generation t may become, as triples (probability, model, memory); `past` holds p^(0) = p
and the models so far.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from autophage import regimes

Law = tuple[float, ...]
Counts = tuple[int, ...]
Outcome = tuple[float, Law, Hashable]
Step = Callable[[tuple[Law, ...], Hashable, int], Iterator[Outcome]]
Path = tuple[float, tuple[Law, ...]]
Array = npt.NDArray[np.float64]


def paths(p: npt.ArrayLike, regime: regimes.Regime, generations: int) -> list[Path]:
    """Every path of positive probability."""
    truth = tuple(map(float, np.asarray(p)))
    step = _step(regime, generations)
    alive: list[tuple[float, tuple[Law, ...], Hashable]] = [(1.0, (truth,), None)]
    for t in range(1, generations + 1):
        alive = [
            (weight * probability, (*past, model), kept)
            for weight, past, memory in alive
            for probability, model, kept in step(past, memory, t)
            if probability > 0.0
        ]
    return [(weight, past[1:]) for weight, past, _ in alive]


def expectation(found: list[Path], value: Callable[[tuple[Law, ...]], npt.ArrayLike]) -> Array:
    """The mean of `value(models)` over all paths."""
    values = (weight * np.asarray(value(models), dtype=float) for weight, models in found)
    return np.asarray(sum(values))


def second_moments(p: npt.ArrayLike, regime: regimes.Regime, generations: int) -> dict[str, Array]:
    """The three variables of `autophage.moments`, as arrays over generations."""
    found = paths(p, regime, generations)
    weights = np.array([weight for weight, _ in found])
    models = np.array([path for _, path in found])
    return {name: weights @ values for name, values in squares(p, models).items()}


def squares(p: npt.ArrayLike, models: Array) -> dict[str, Array]:
    """Sigma and the squared distances of models (path, generation, token), per path."""
    return {
        "sigma": np.square(models).sum(axis=2),
        "l2_to_truth": np.square(models - np.asarray(p)).sum(axis=2),
        "l2_to_first": np.square(models - models[:, :1]).sum(axis=2),
    }


def _step(regime: regimes.Regime, generations: int) -> Step:
    schedule = regime.schedule(generations, 1)
    n, real = schedule.n[:, 0].tolist(), schedule.real[:, 0].tolist()
    alpha = [1.0, *schedule.alpha[1:, 0].tolist()]  # generation 1 is real
    match regime:
        case regimes.FullySynthetic() | regimes.Contaminated():
            return lambda past, _, t: _models(_mix(alpha[t - 1], past), n[t - 1])
        case regimes.PartiallySynthetic():
            return _partially_synthetic(n, real)
        case regimes.MostRecent():
            return _most_recent(n, regime.window)
        case regimes.RandomlySampled():
            return lambda past, _, t: _models(_mean(past), n[t - 1])
        case regimes.Accumulate():
            return _accumulate(n, alpha)
        case regimes.AccumulateSubsample():
            return _accumulate_subsample(n, alpha, replace=regime.replace)
        case regimes.Adaptive():
            return _adaptive(regime, n)
        case regimes.Filtered():
            return _filtered(regime, n, alpha)
    raise NotImplementedError(regime)


def _partially_synthetic(n: list[int], real: list[int]) -> Step:
    def step(past: tuple[Law, ...], memory: Hashable, t: int) -> Iterator[Outcome]:
        old = memory if isinstance(memory, tuple) else (0,) * len(past[0])
        for fresh, chance in outcomes(past[0], real[t - 1] - sum(old)):
            kept = _add(old, fresh)
            for drawn, probability in outcomes(past[-1], n[t - 1] if t > 1 else 0):
                yield chance * probability, _law(_add(kept, drawn)), kept

    return step


def _most_recent(n: list[int], window: int) -> Step:
    def step(past: tuple[Law, ...], _: Hashable, t: int) -> Iterator[Outcome]:
        newest_first = past[::-1][:window]
        each, left = divmod(n[t - 1], len(newest_first))
        total: dict[Counts, float] = {(0,) * len(past[0]): 1.0}
        for age, model in enumerate(newest_first):
            joined: dict[Counts, float] = {}
            for counts, weight in total.items():
                for drawn, probability in outcomes(model, each + (age < left)):
                    key = _add(counts, drawn)
                    joined[key] = joined.get(key, 0.0) + weight * probability
            total = joined
        for counts, weight in total.items():
            yield weight, _law(counts), None

    return step


def _accumulate(n: list[int], alpha: list[float]) -> Step:
    def step(past: tuple[Law, ...], memory: Hashable, t: int) -> Iterator[Outcome]:
        old = memory if isinstance(memory, tuple) else (0,) * len(past[0])
        for drawn, probability in outcomes(_mix(alpha[t - 1], past), n[t - 1]):
            corpus = _add(old, drawn)
            yield probability, _law(corpus), corpus

    return step


def _accumulate_subsample(n: list[int], alpha: list[float], *, replace: bool) -> Step:
    def step(past: tuple[Law, ...], memory: Hashable, t: int) -> Iterator[Outcome]:
        old = memory if isinstance(memory, tuple) else (0,) * len(past[0])
        for drawn, chance in outcomes(_mix(alpha[t - 1], past), n[t - 1]):
            corpus = _add(old, drawn)
            chosen = outcomes(_law(corpus), n[t - 1]) if replace else subsets(corpus, n[t - 1])
            for sample, probability in chosen:
                yield chance * probability, _law(sample), corpus

    return step


def _adaptive(regime: regimes.Adaptive, n: list[int]) -> Step:
    def step(past: tuple[Law, ...], _: Hashable, t: int) -> Iterator[Outcome]:
        return _models(_mix(_adaptive_share(regime, past) if t > 1 else 1.0, past), n[t - 1])

    return step


def _adaptive_share(regime: regimes.Adaptive, past: tuple[Law, ...]) -> float:
    distance = sum((a - b) ** 2 for a, b in zip(past[-1], past[0], strict=True))
    if regime.rule == "exponential":
        return 1.0 - math.exp(-regime.constant * distance / 2.0)
    return 1.0 - min(1.0, math.sqrt(regime.constant / distance)) if distance > 0.0 else 0.0


def _filtered(regime: regimes.Filtered, n: list[int], alpha: list[float]) -> Step:
    """Each draw becomes a token or is thrown away; a generation that keeps nothing is redrawn."""

    def step(past: tuple[Law, ...], _: Hashable, t: int) -> Iterator[Outcome]:
        if t == 1:
            yield from _models(past[0], n[0])
            return
        a = alpha[t - 1]
        if isinstance(regime.regime, regimes.Adaptive):
            a = _adaptive_share(regime.regime, past)
        pairs = list(zip(past[0], past[-1], strict=True))
        if regime.test == "agnostic":
            assert regime.type1 is not None
            assert regime.type2 is not None
            kept = [a * (1.0 - regime.type1) * x + (1.0 - a) * regime.type2 * y for x, y in pairs]
        else:
            kept = [a * x + (1.0 - a) * y if x >= regime.threshold * y else 0.0 for x, y in pairs]
        fates = (*kept, max(0.0, 1.0 - sum(kept)))
        fallen = ((counts[:-1], chance) for counts, chance in outcomes(fates, n[t - 1]))
        some = [(counts, chance) for counts, chance in fallen if sum(counts)]
        total = sum(chance for _, chance in some)
        for counts, chance in some:
            yield chance / total, _law(counts), None

    return step


@lru_cache(maxsize=100_000)
def outcomes(law: Law, draws: int) -> list[tuple[Counts, float]]:
    """Every count vector of `draws` independent draws, with its multinomial probability."""
    if len(law) == 1:
        return [((draws,), law[0] ** draws)]
    return [
        ((first, *rest), math.comb(draws, first) * law[0] ** first * probability)
        for first in range(draws + 1)
        for rest, probability in outcomes(law[1:], draws - first)
    ]


def subsets(corpus: Counts, size: int) -> list[tuple[Counts, float]]:
    """The same for `size` draws without replacement from a corpus of counts."""
    ways = math.comb(sum(corpus), size)
    return [
        (counts, math.prod(map(math.comb, corpus, counts)) / ways)
        for counts, _ in outcomes((1.0,) * len(corpus), size)
    ]


def occupancy(boxes: int, balls: int) -> Array:
    """Row j = 0..balls: the law of the number of boxes that j balls hit, as columns 0..boxes."""
    rows = np.zeros((balls + 1, boxes + 1))
    rows[0, 0] = 1.0
    hit = np.arange(boxes + 1) / boxes
    for j in range(balls):
        rows[j + 1] = rows[j] * hit
        rows[j + 1, 1:] += rows[j, :-1] * (1.0 - hit[:-1])
    return rows


def collapse_probabilities(p: npt.ArrayLike, n: list[int]) -> Array:
    """P(T <= m), fully synthetic, m = 1..len(n): n_m draws all descend from equal real draws."""
    law = np.asarray(p, dtype=float)
    agree = np.array([np.sum(law**j) for j in range(n[0] + 1)])
    found = [agree[n[0]]]
    for size, following in pairwise(n):
        agree = occupancy(size, following) @ agree[: size + 1]
        found.append(agree[following])
    return np.array(found)


def collapse_time(p: npt.ArrayLike, n: int) -> float:
    """E T for constant n, by solving the ancestral chain."""
    law = np.asarray(p, dtype=float)
    rows = occupancy(n, n)[2:, 2:]
    apart = 1.0 - np.array([np.sum(law**j) for j in range(2, n + 1)])
    return 1.0 + float(np.linalg.solve(np.eye(n - 1) - rows, apart)[-1]) if n > 1 else 1.0


def _models(law: Law, draws: int) -> Iterator[Outcome]:
    for counts, probability in outcomes(law, draws):
        yield probability, _law(counts), None


def _mix(alpha: float, past: tuple[Law, ...]) -> Law:
    return tuple(alpha * a + (1.0 - alpha) * b for a, b in zip(past[0], past[-1], strict=True))


def _mean(past: tuple[Law, ...]) -> Law:
    return tuple(sum(values) / len(past) for values in zip(*past, strict=True))


def _add(a: Counts, b: Counts) -> Counts:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def _law(counts: Counts) -> Law:
    total = sum(counts)
    return tuple(x / total for x in counts)
