"""The regime of entities that train on private data, public data and each other's output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autophage import _check, schedules
from autophage.schedules import Counts, Regime, Schedule, Shares

__all__ = ["Interacting", "InteractionSchedule", "Kept"]

Kept = tuple[int | tuple[int, ...], int]
"""Draws kept of the private data, of all entities or of each, and of the public data."""


@dataclass(frozen=True, eq=False)
class InteractionSchedule(Schedule):
    """The parameters of `Interacting` spelled out; row t - 1 is generation t.

    Attributes
    ----------
    n : ndarray of int64, shape (L, C)
        Draws of the pool; zero where the regime has none.
    alpha : ndarray of float64, shape (L, C)
        Weight of the *synthetic* pool.
    real : ndarray of int64, shape (L, C)
        Zero: what is kept is drawn once, not every generation.
    beta : ndarray of float64, shape (L, C)
        Weight of the private data within what is not synthetic.
    beta_0 : float
        The same in generation 0.
    """

    beta: NDArray[np.float64]
    beta_0: float


@dataclass(frozen=True, eq=False, repr=False)
class Interacting(Regime):
    """Entities that share public data and what they all generated (`interactive2025`).

    Each of K entities has private data of its own. In generation t it trains on the pool of what
    all models of generation t - 1 generated, with weight alpha_t, on its private data with weight
    (1 - alpha_t) beta_t and on the public data with weight (1 - alpha_t) (1 - beta_t). Private and
    public data are drawn once and kept; every generation has a pool of its own.

    Parameters
    ----------
    alpha : float, array_like of float, shape (G,), or callable
        The *synthetic* share, in [0, 1], as in the paper: the opposite of `Contaminated`, whose
        alpha is the real share. 0 is real data alone.
    beta : float, array_like of float, shape (G,), or callable
        The share of the private data in what is not synthetic, in [0, 1].
    n : int, array_like of int, shape (G,), or callable, optional
        Draws in the pool of each generation, 1 to 2^62. Token chains need it; linear models, whose
        pool has the synthetic inputs that the model names, have none.
    real : (int or sequence of int, int), optional
        Token chains only: (N_k, N_*), draws of each entity's private law, one number for all or one
        an entity, and draws of the public law. None keeps the laws themselves.
    own_pools : bool, default False
        Token chains only: whether each entity draws n of its own from the mean of all models, in
        place of one pool for all.
    beta_0 : float, optional
        Linear models only: beta of generation 0, which has no synthetic data; beta_1 by default.
        The first generation of token chains is 1: it is without synthetic data and uses beta_1, and
        alpha_1 has no effect there.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of the wrong kind; if it is out of range or has the wrong shape.

    Examples
    --------
    >>> from autophage.interaction import Interacting
    >>> Interacting(0.5, 0.25).schedule(3).alpha[:, 0].tolist()
    [0.5, 0.5, 0.5]
    >>> Interacting(lambda t: 1 - 1 / t, 0.25, beta_0=1.0).schedule(2).beta_0
    1.0
    >>> Interacting(1.5, 0.25)
    Traceback (most recent call last):
    ...
    ValueError: alpha must be a finite number in [0, 1], got 1.5
    """

    alpha: Shares
    beta: Shares
    n: Counts | None = None
    real: Kept | None = None
    own_pools: bool = False
    beta_0: float | None = None

    def __post_init__(self) -> None:
        """Check every parameter."""
        over = (1,)
        self._set(
            alpha=schedules.shares("alpha", self.alpha, ndim=over),
            beta=schedules.shares("beta", self.beta, ndim=over),
            n=None if self.n is None else schedules.counts("n", self.n, ndim=over),
            real=None if self.real is None else _kept(self.real),
            own_pools=_check.flag("own_pools", self.own_pools),
            beta_0=None if self.beta_0 is None else _check.probability("beta_0", self.beta_0),
        )

    def schedule(self, generations: int | None, contexts: int = 1) -> InteractionSchedule:
        """Spell out the parameters for every generation; every context has the same.

        Parameters
        ----------
        generations : int or None
            Length of the study, or None for as many rows as the longest array.
        contexts : int
            Number of columns.

        Returns
        -------
        InteractionSchedule
            Read-only arrays of shape (generations, contexts).

        Raises
        ------
        TypeError, ValueError
            As for other regimes.
        """
        schedule = super().schedule(generations, contexts)
        assert isinstance(schedule, InteractionSchedule)  # the type that _schedule makes
        return schedule

    def _schedule(self, generations: int | None, contexts: int) -> InteractionSchedule:
        given = {"alpha": self.alpha, "beta": self.beta, "n": 0 if self.n is None else self.n}
        rows = {
            name: schedules.rows_of(name, value, generations, contexts)
            for name, value in given.items()
        }
        length = generations or max(map(len, rows.values()))
        full = {name: schedules.spread(values, length, contexts) for name, values in rows.items()}
        return InteractionSchedule(
            **full,
            real=schedules.spread(np.zeros((1, 1), dtype=np.int64), length, contexts),
            beta_0=float(rows["beta"][0, 0]) if self.beta_0 is None else self.beta_0,
        )


def _kept(value: object) -> Kept:
    """Check the pair of private and public draws."""
    if not isinstance(value, (list, tuple)):
        msg = f"real must be None or a pair (private, public), got {type(value).__name__}"
        raise TypeError(msg)
    if len(value) != 2:
        msg = f"real must be None or a pair (private, public), got {len(value)} entries"
        raise ValueError(msg)
    private, public = value
    if not _check.is_array_like(private):
        kept: int | tuple[int, ...] = _check.integer("real[0]", private, 1, _check.COUNT_LIMIT)
    else:
        kept = tuple(_check.integers("real[0]", private, 1, _check.COUNT_LIMIT).tolist())
    return kept, _check.integer("real[1]", public, 1, _check.COUNT_LIMIT)
