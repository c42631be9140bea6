"""Collapse times and last tokens of fully synthetic chains from paths of ancestors.

Traced back, the n samples of generation m have A_k distinct ancestors k generations earlier; the
chain A_0 = n, A_1, .. does not depend on m. With I drawn from p, and L the length of the run of
equal tokens at the head of a sequence of independent draws that begins with I, so that
P(L >= a | I = i) = p_i^(a - 1),

    T = 1 + min {k >= 0 : A_k <= L}

has, together with I, exactly the law of collapse time and last token: P(T <= m, I = i) is the
chance p_i E p_i^(A_(m-1) - 1) = E p_i^(A_(m-1)) that all ancestors in generation 1 of the samples
of generation m are token i. One path answers for every m only while n is constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autophage import regimes
from autophage.records import Study

if TYPE_CHECKING:
    from autophage.models import Categorical

__all__ = ["REACH", "AncestralJob", "latest_collapse"]

REACH = 250_000
"""Largest n: its tables take a second and 180 MB there, and half a second at 100,000."""
TABLE_BYTES = 800
"""What the tables take for each of the n samples, measured from n = 5 to 250,000."""
MAKING_BYTES = 800
"""What making a table takes beside it, for each of the n samples."""
STOPPED = 1  # ending of a kernel call


def latest_collapse(n: int, chains: int) -> int:
    """Latest collapse to expect among so many chains: P(T > t) falls like exp(-t / n) from 2 n."""
    return int(n * (2.0 + math.log(chains)))


def refuse(regime: regimes.Regime, n: NDArray[np.int64]) -> None:
    """Raise ValueError where no single path of ancestors gives the chain.

    Parameters
    ----------
    regime : Regime
        What each generation trains on.
    n : ndarray of int64, shape (L, c)
        Draws of each generation and context.
    """
    if not isinstance(regime, regimes.FullySynthetic):
        msg = (
            "regime must be a FullySynthetic for method='ancestral' (method='forward' takes any), "
            f"got {regime!r}"
        )
        raise ValueError(msg)
    changes = np.argwhere(n != n[0])
    if len(changes):
        t, c = (int(i) for i in changes[0])
        msg = (
            "n must be the same in every generation for method='ancestral' (method='forward' "
            f"takes any), got {n[0, c]} in generation 1 and {n[t, c]} in generation {t + 1}"
        )
        raise ValueError(msg)
    if n.max() > REACH:
        msg = (
            f"n must be at most {REACH} for method='ancestral' (method='forward' takes up to "
            f"2^62), got {n.max()}"
        )
        raise ValueError(msg)


@dataclass
class AncestralJob:
    """One study on its way through the kernel; contexts with the same n share their tables."""

    study: Study
    model: Categorical
    n: NDArray[np.int64]
    key: int
    threads: int
    kernels: ModuleType
    _tables: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find the numbers of draws that differ."""
        self._sizes, table_of = np.unique(self.n[0], return_inverse=True)
        self._table_of = table_of.astype(np.int64)

    def largest_result(self) -> Study:
        """Return the study with its horizon; of an open histogram the latest collapse to expect."""
        if self.study.reduce != "histogram" or self.study.generations is not None:
            return self.study
        latest = latest_collapse(int(self._sizes[-1]), self.study.runs * self.study.contexts)
        return replace(self.study, generations=latest)

    def working_memory(self) -> int:
        """Return the bytes of the tables, and of the law and the runs that a thread has in hand."""
        thread = 60 * self.study.sizes["token"] + (1 << 16)
        tables = TABLE_BYTES * int(self._sizes.sum()) + MAKING_BYTES * int(self._sizes[-1])
        return tables + self.threads * thread

    def work(self) -> int:
        """Estimate the work of one run: a few words of every context's path."""
        return 4 * self.study.contexts

    def call(self, done: int, runs: int, out: dict[str, NDArray[Any]]) -> None:
        """Simulate runs `done` .. `done + runs - 1` of the study into `out`."""
        for n in self._sizes[len(self._tables) :].tolist():
            self._tables.append(self.kernels.ancestral_table(n, None))
        study = {
            "seed": self.key,
            "first_run": self.study.first_run + done,
            "runs": runs,
            "generations": self.study.generations or 0,
            "threads": self.threads,
        }
        ending = self.kernels.run_ancestral(
            self.model.laws,
            self._sizes,
            self._table_of,
            self._tables,
            study,
            out,
            self.study.reduce == "mean",
            None,
        )
        if ending == STOPPED:
            raise KeyboardInterrupt
