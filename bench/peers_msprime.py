"""Collapse times from msprime's trees: its discrete-time Wright-Fisher model of n genomes.

A genome picks its parent uniformly among the n of the generation before, as a draw of a fully
synthetic model does; the model wants n / 2 diploids, whose genomes are independent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.judge import Floats, Integers


def times(p: Floats, n: int, runs: int, seed: int) -> Integers:
    """Draw collapse times: of each tree, when its lineages are few enough to agree.

    Parameters
    ----------
    p : ndarray, shape (s,)
        The true law.
    n : int
        Draws a generation, an even number.
    runs, seed : int
        How many trees, and the seed of them all.

    Returns
    -------
    ndarray of int64, shape (runs,)
        1 + the generations back to at most L lineages, where L is at least a with chance
        sum_i p_i^a.
    """
    import msprime

    agree = np.power.outer(p[p > 0], np.arange(1, n + 1)).sum(axis=0)
    wanted = np.searchsorted(-agree, -np.random.default_rng(seed).random(runs), side="right")
    replicates = msprime.sim_ancestry(
        samples=[msprime.SampleSet(n, ploidy=1)],
        population_size=n // 2,
        ploidy=2,
        model="dtwf",
        num_replicates=runs,
        random_seed=seed + 1,
    )
    return np.fromiter(
        (
            1 + _time_of(tree, n, max(lineages, 1))
            for tree, lineages in zip(replicates, wanted, strict=True)
        ),
        np.int64,
        runs,
    )


def _time_of(tree: Any, n: int, lineages: int) -> int:
    """Give the generations back to at most so many lineages."""
    time = tree.nodes_time
    if lineages == 1:
        return int(time.max())
    if lineages >= n:
        return 0
    children = np.bincount(tree.edges_parent, minlength=time.size)
    joined = np.bincount(time.astype(np.int64), np.maximum(children - 1, 0))
    return int(np.argmax(n - np.cumsum(joined) <= lineages))
