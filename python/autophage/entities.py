"""What `Interacting` asks of a token chain: checked, and spelled out over its entities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autophage import _check
from autophage.interaction import Interacting
from autophage.models import Categorical

__all__ = ["Workflow", "refuse", "workflow"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Workflow:
    """The parameters of interacting entities over G generations; row m - 1 is generation m.

    Attributes
    ----------
    alpha, beta : ndarray of float64, shape (G,)
        Weights of the pool and, within the rest, of the private data; alpha_1 has no effect.
    n : ndarray of int64, shape (G,)
        Draws of a pool.
    real : ndarray of int64, shape (K + 1,), or None
        Draws kept of each private law, then of the public one; None where the laws themselves are.
    own_pools : bool
        Whether every entity draws a pool of its own.
    """

    alpha: FloatArray
    beta: FloatArray
    n: IntArray
    real: IntArray | None
    own_pools: bool


def refuse(model: Categorical, regime: Interacting) -> None:
    """Refuse a model without entities, and parameters that no token chain has or that do not fit.

    Parameters
    ----------
    model : Categorical
        Rows are entities where it has a public law.
    regime : Interacting
        What they train on.

    Raises
    ------
    ValueError
        With the name of the parameter, what it must be and what it was.
    """
    if not model.has_entities:
        msg = f"public must be given for {type(regime).__name__}, got {model!r} without one"
        raise ValueError(msg)
    if regime.n is None:
        msg = "n must be given for token chains: the draws of a pool; got None"
        raise ValueError(msg)
    if regime.beta_0 is not None:
        msg = (
            f"beta_0 must be None for token chains, whose first generation is 1, "
            f"got {regime.beta_0!r}"
        )
        raise ValueError(msg)
    entities = model.context_count
    if regime.real is not None and isinstance(regime.real[0], tuple):
        given = len(regime.real[0])
        if given != entities:
            msg = f"real[0] must be one number, or one for each of {entities} entities, got {given}"
            raise ValueError(msg)


def workflow(model: Categorical, regime: Interacting, generations: int | None) -> Workflow:
    """Spell out the regime for a model and a number of generations.

    Parameters
    ----------
    model : Categorical
        With a public law.
    regime : Interacting
        What the entities train on.
    generations : int
        G >= 1; None is refused, because runs need not end.

    Returns
    -------
    Workflow
        Arrays over generations 1 .. G.

    Raises
    ------
    TypeError, ValueError
        As `refuse` and the regime's `schedule`; if own pools have more than 2^62 draws together.
    """
    refuse(model, regime)
    if generations is None:
        msg = "generations must be given for Interacting, got None: its runs need not end"
        raise ValueError(msg)
    schedule = regime.schedule(generations)
    entities, most = model.context_count, int(schedule.n.max())
    if regime.own_pools and most * entities > _check.COUNT_LIMIT:
        msg = (
            f"n must be at most 2^62 / {entities} where each of {entities} entities has a pool of "
            f"its own, got {most}"
        )
        raise ValueError(msg)
    real = None
    if regime.real is not None:
        kept = np.broadcast_to(np.asarray(regime.real[0], dtype=np.int64), (entities,))
        real = np.append(kept, np.int64(regime.real[1]))
    alpha, beta = (np.ascontiguousarray(rows[:, 0]) for rows in (schedule.alpha, schedule.beta))
    return Workflow(alpha, beta, np.ascontiguousarray(schedule.n[:, 0]), real, regime.own_pools)
