"""Draws from a finite law in constant time, by Walker's alias method in integer arithmetic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autophage.occupancy import Floats, Integers


class AliasTable:
    """Cells of equal capacity, each shared by two outcomes at most.

    Weights are rounded to units of which all cells together hold 2^61 to 2^62; from there on the
    table is exact, so the law drawn from is within 1e-13 of the one given in total variation.

    Parameters
    ----------
    law : ndarray, shape (k,)
        Chances of the outcomes 0 .. k - 1; their sum is one but for rounding.

    Attributes
    ----------
    capacity : int
        Units per cell, a power of two.
    threshold : ndarray of int64, shape (k,)
        Units of each cell that belong to its own outcome.
    other : ndarray of int64, shape (k,)
        The outcome that the rest belongs to.
    """

    def __init__(self, law: Floats) -> None:
        cells = len(law)
        self.capacity = 1 << (62 - cells.bit_length())
        units = cells * self.capacity
        weight = np.rint(law * float(units)).astype(np.int64)
        weight[np.argmax(weight)] += units - int(weight.sum())
        self.threshold, self.other = _share(weight, self.capacity)

    def columns(self, first: int) -> NDArray[np.uint64]:
        """Lay the table out for the kernel, with outcomes first, first + 1, ..

        Parameters
        ----------
        first : int
            The outcome of cell 0; the last one must be below 2^32.

        Returns
        -------
        ndarray of uint64, shape (k, 2)
            Thresholds in units of 2^-64 of a cell, and the two outcomes, own | other << 32.
        """
        whole = self.threshold == self.capacity  # 2^64 does not fit: both outcomes are the own one
        own = np.arange(len(self.threshold), dtype=np.uint64)
        other = np.where(whole, own, self.other.astype(np.uint64))
        shift = np.uint64(65 - self.capacity.bit_length())
        outcomes = (own + np.uint64(first)) | (other + np.uint64(first)) << np.uint64(32)
        return np.stack([self.threshold.astype(np.uint64) << shift, outcomes], axis=1)


def _share(weight: Integers, capacity: int) -> tuple[Integers, Integers]:
    """Fill light cells from heavy ones, both in order, in one sweep written as running sums.

    Light cell i is filled by the heavy outcome that is being emptied when the need of all light
    cells before it is met; a heavy outcome that is overdrawn there turns light and is filled by the
    next one.
    """
    threshold, other = weight.copy(), np.arange(len(weight))
    light, heavy = np.flatnonzero(weight <= capacity), np.flatnonzero(weight > capacity)
    if not heavy.size:
        return threshold, other
    need = np.cumsum(capacity - weight[light])
    spare = np.cumsum(weight[heavy] - capacity)
    before = need - (capacity - weight[light])
    giver = np.minimum(np.searchsorted(spare, before, side="right"), len(heavy) - 1)
    other[light] = heavy[giver]
    emptied_by = np.searchsorted(need, spare[:-1], side="right")
    overdrawn = np.where(before[emptied_by] < spare[:-1], need[emptied_by] - spare[:-1], 0)
    threshold[heavy] = capacity
    threshold[heavy[:-1]] -= overdrawn
    other[heavy[:-1]] = heavy[1:]
    return threshold, other
