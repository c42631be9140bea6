"""Interacting linear models."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["InteractingLinear"]


class InteractingLinear:
    """Entities that fit linear models to private data, public data and each other's output.

    Parameters
    ----------
    private : array_like, shape (K, d, d)
        Second moments of the private data.
    public : array_like, shape (d, d)
        Second moments of the public data.
    synthetic : array_like, shape (K, d, d)
        Second moments of the inputs of the synthetic data.
    noise : float
        Variance of the noise.
    theta : array_like, shape (d,), optional
        The true coefficients.
    """

    def __init__(
        self,
        private: ArrayLike,
        public: ArrayLike,
        synthetic: ArrayLike,
        noise: float = 1.0,
        theta: ArrayLike | None = None,
    ) -> None:
        self.private: NDArray[np.float64] = np.array(private, dtype=float)
        self.public: NDArray[np.float64] = np.array(public, dtype=float)
        self.synthetic: NDArray[np.float64] = np.array(synthetic, dtype=float)
        self.noise = float(noise)
        self.theta = None if theta is None else np.array(theta, dtype=float)

    @property
    def entity_count(self) -> int:
        """Number of entities K."""
        return len(self.private)

    @property
    def feature_count(self) -> int:
        """Number of coefficients d."""
        return len(self.public)

    def _key(self) -> tuple[object, ...]:
        arrays = (self.private, self.public, self.synthetic, self.theta)
        return (self.noise, *(None if a is None else (a.shape, a.tobytes()) for a in arrays))

    def __eq__(self, other: object) -> bool:
        """Equal where all matrices are, bit for bit."""
        if not isinstance(other, InteractingLinear):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        """Hash in agreement with equality."""
        return hash(self._key())
