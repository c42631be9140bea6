"""The token chain written for clarity: each regime in a few lines of NumPy, many runs together.

Slow and obvious on purpose. The package's kernels are compared with these functions in law, never
in bits. Every function takes the law `p` (s,), arrays over generations, the number of runs and a
Generator, and returns the models of all runs and generations, shape (runs, generations, s); index 0
of the second axis is generation 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autophage import regimes

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Rng = np.random.Generator


def simulate(
    p: npt.ArrayLike, regime: regimes.Regime, generations: int, runs: int, rng: Rng
) -> Array:
    """Trajectories under any regime of the token chain."""
    law = np.asarray(p, dtype=float)
    schedule = regime.schedule(generations, 1)
    n, alpha, real = schedule.n[:, 0], schedule.alpha[:, 0], schedule.real[:, 0]
    match regime:
        case regimes.FullySynthetic():
            return fully_synthetic(law, n, runs, rng)
        case regimes.PartiallySynthetic():
            return partially_synthetic(law, n, real, runs, rng)
        case regimes.MostRecent():
            return most_recent(law, n, regime.window, runs, rng)
        case regimes.RandomlySampled():
            return randomly_sampled(law, n, runs, rng)
        case regimes.Contaminated():
            return contaminated(law, n, alpha, runs, rng)
        case regimes.Accumulate():
            return accumulate(law, n, alpha, runs, rng)
        case regimes.AccumulateSubsample():
            return accumulate_subsample(law, n, alpha, regime.replace, runs, rng)
        case regimes.Adaptive():
            return adaptive(law, n, regime.rule, regime.constant, runs, rng)
        case regimes.Filtered():
            return filtered(law, n, alpha, regime, runs, rng)
    raise NotImplementedError(regime)


def fully_synthetic(p: Array, n: Counts, runs: int, rng: Rng) -> Array:
    """n_t draws from the last model."""
    models = [np.tile(p, (runs, 1))]
    for size in n:
        models.append(rng.multinomial(size, models[-1]) / size)
    return np.stack(models[1:], axis=1)


def partially_synthetic(p: Array, n: Counts, real: Counts, runs: int, rng: Rng) -> Array:
    """The first real_t of one sequence of real draws; from generation 2, n_t of the last model."""
    sequence = rng.choice(len(p), size=(runs, int(real[-1])), p=p)
    models: list[Array] = []
    for t, (size, kept) in enumerate(zip(n, real, strict=True)):
        tokens = sequence[:, :kept, None] == np.arange(len(p))
        counts = tokens.sum(axis=1)
        if t > 0:
            counts = counts + rng.multinomial(size, models[-1])
        models.append(counts / counts.sum(axis=1, keepdims=True))
    return np.stack(models, axis=1)


def most_recent(p: Array, n: Counts, window: int, runs: int, rng: Rng) -> Array:
    """n_t draws split evenly over the newest models, p among them; the rest to the newest."""
    models = [np.tile(p, (runs, 1))]
    for size in n:
        newest_first = models[::-1][:window]
        each, left_over = divmod(int(size), len(newest_first))
        counts = np.zeros((runs, len(p)))
        for age, model in enumerate(newest_first):
            counts += rng.multinomial(each + 1 if age < left_over else each, model)
        models.append(counts / size)
    return np.stack(models[1:], axis=1)


def randomly_sampled(p: Array, n: Counts, runs: int, rng: Rng) -> Array:
    """Each of n_t draws picks its model uniformly among p and all models so far."""
    models = [np.tile(p, (runs, 1))]
    for size in n:
        picked = rng.multinomial(size, np.full(len(models), 1.0 / len(models)), size=runs)
        draws = [rng.multinomial(picked[:, i], model) for i, model in enumerate(models)]
        models.append(np.sum(draws, axis=0) / size)
    return np.stack(models[1:], axis=1)


def contaminated(p: Array, n: Counts, alpha: Array, runs: int, rng: Rng) -> Array:
    """Each of n_t draws is real with probability alpha_t, else from the last model."""
    models = [np.tile(p, (runs, 1))]
    for t, size in enumerate(n):
        models.append(_mixed_draws(p, models[-1], size, alpha[t], rng) / size)
    return np.stack(models[1:], axis=1)


def accumulate(p: Array, n: Counts, alpha: Array, runs: int, rng: Rng) -> Array:
    """The model is the law of everything drawn so far."""
    corpus = np.zeros((runs, len(p)), dtype=np.int64)
    models = [np.tile(p, (runs, 1))]
    for t, size in enumerate(n):
        corpus = corpus + _mixed_draws(p, models[-1], size, alpha[t], rng)
        models.append(corpus / corpus.sum(axis=1, keepdims=True))
    return np.stack(models[1:], axis=1)


def accumulate_subsample(
    p: Array, n: Counts, alpha: Array, replace: bool, runs: int, rng: Rng
) -> Array:
    """The model is the law of n_t draws from everything drawn so far."""
    corpus = np.zeros((runs, len(p)), dtype=np.int64)
    models = [np.tile(p, (runs, 1))]
    for t, size in enumerate(n):
        corpus = corpus + _mixed_draws(p, models[-1], size, alpha[t], rng)
        if replace:
            sample = rng.multinomial(size, corpus / corpus.sum(axis=1, keepdims=True))
        else:
            sample = np.array([rng.multivariate_hypergeometric(row, size) for row in corpus])
        models.append(sample / size)
    return np.stack(models[1:], axis=1)


def adaptive(p: Array, n: Counts, rule: str, constant: float, runs: int, rng: Rng) -> Array:
    """The real share of a generation follows its own run's last squared distance to p."""
    models = [np.tile(p, (runs, 1))]
    for t, size in enumerate(n):
        share = _adaptive_share(p, models[-1], rule, constant) if t > 0 else 1.0
        models.append(_mixed_draws(p, models[-1], size, share, rng) / size)
    return np.stack(models[1:], axis=1)


def filtered(
    p: Array, n: Counts, alpha: Array, regime: regimes.Filtered, runs: int, rng: Rng
) -> Array:
    """From generation 2 on draws pass a detector; a run that keeps none draws again."""
    models = [rng.multinomial(n[0], np.tile(p, (runs, 1))) / n[0]]
    for t in range(1, len(n)):
        last = models[-1]
        share = np.full(runs, alpha[t])
        if isinstance(regime.regime, regimes.Adaptive):
            share = _adaptive_share(p, last, regime.regime.rule, regime.regime.constant)
        kept = np.zeros((runs, len(p)), dtype=np.int64)
        while (empty := kept.sum(axis=1) == 0).any():
            kept[empty] = _kept_draws(p, last[empty], int(n[t]), share[empty], regime, rng)
        models.append(kept / kept.sum(axis=1, keepdims=True))
    return np.stack(models, axis=1)


def _kept_draws(
    p: Array, last: Array, size: int, share: Array, regime: regimes.Filtered, rng: Rng
) -> Counts:
    real = rng.binomial(size, share)
    if regime.test == "likelihood_ratio":
        drawn = rng.multinomial(real, np.tile(p, (len(last), 1)))
        drawn = drawn + rng.multinomial(size - real, last)
        return drawn * (p >= regime.threshold * last)
    assert regime.type1 is not None
    assert regime.type2 is not None
    real_kept = rng.binomial(real, 1.0 - regime.type1)
    synthetic_kept = rng.binomial(size - real, regime.type2)
    kept = rng.multinomial(real_kept, np.tile(p, (len(last), 1)))
    return kept + rng.multinomial(synthetic_kept, last)


def _mixed_draws(p: Array, last: Array, size: int, alpha: float | Array, rng: Rng) -> Counts:
    real = rng.binomial(size, alpha, size=len(last))
    drawn = rng.multinomial(real, np.tile(p, (len(last), 1)))
    return drawn + rng.multinomial(size - real, last)


def _adaptive_share(p: Array, last: Array, rule: str, constant: float) -> Array:
    distance = np.square(last - p).sum(axis=1)
    if rule == "exponential":
        return np.asarray(1.0 - np.exp(-constant * distance / 2.0))
    safe = np.where(distance > 0.0, distance, constant)  # no distance: nothing real is needed
    return 1.0 - np.minimum(1.0, np.sqrt(constant / safe))
