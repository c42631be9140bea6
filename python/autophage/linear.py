"""Interacting linear models: several entities that regress on each other's output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from autophage import _check

if TYPE_CHECKING:
    import xarray as xr

    from autophage.linear_optimum import Optimum

FloatArray = npt.NDArray[np.float64]
Weights: TypeAlias = float | npt.ArrayLike | Callable[[int], float]
"""A weight in [0, 1]: constant, an array over generations, or a function of t = 1, 2, ..."""


class InteractingLinear:
    """K entities that regress on private data, public data and each other's output.

    The model of `interactive2025`, section 5. In generation t every entity k draws responses at its
    generators from its last estimate, with noise of variance sigma^2; all that output is one pool,
    and entity k minimises

        (1 - alpha) beta |y~_k - X~_k b|^2 + (1 - alpha)(1 - beta) |y_* - X_* b|^2
            + (alpha / K) sum_j |y_tj - X_tj b|^2.

    So alpha weighs the *synthetic* pool and beta the entity's *private* data (in places the paper
    says that beta is the share of public data; its formulas give it to the private data, and so
    does this package). Only second-moment matrices X^T X matter.

    Parameters
    ----------
    private : array_like, shape (K, d, d)
        Second moments X~_k^T X~_k of each entity's private features, sums over its rows; any rank.
    public : array_like, shape (d, d)
        Second moments of the public features.
    synthetic : array_like, shape (K, d, d)
        Second moments of the features at which each entity generates its output.
    noise : float, default 1.0
        The *variance* sigma^2 of one response given its features; positive.
    theta : array_like, shape (d,), optional
        The true parameter. It matters only where an estimate is biased, that is where the data of
        some generation do not determine it.

    Attributes
    ----------
    private, public, synthetic : ndarray of float64
        Read-only symmetric copies.
    noise : float
        sigma^2.
    theta : ndarray of float64, shape (d,), or None
        Read-only copy.
    entity_count, feature_count : int
        K and d.

    Raises
    ------
    TypeError
        If an argument does not hold numbers.
    ValueError
        If shapes do not fit together, an entry is not finite, a matrix is not symmetric or not
        positive semidefinite (to 1e-12 of its largest entry), or noise is not positive.

    Examples
    --------
    >>> import autophage as ap
    >>> private = [[[4, 0], [0, 0]], [[0, 0], [0, 4]]]  # each entity has seen one feature alone
    >>> net = ap.InteractingLinear(private, [[1, 0], [0, 1]], private)
    >>> net
    <InteractingLinear: 2 entities, 2 features>
    >>> net.limit(0.5, 0.5).mse.values.round(4)
    array([[[0.9306, 0.9306]]])
    >>> net.limit(0.0, 0.5).mse.values.round(4)  # nothing is shared
    array([[[1.2, 1.2]]])
    """

    __slots__ = ("_noise", "_private", "_public", "_synthetic", "_theta")

    def __init__(
        self,
        private: npt.ArrayLike,
        public: npt.ArrayLike,
        synthetic: npt.ArrayLike,
        noise: float = 1.0,
        theta: npt.ArrayLike | None = None,
    ) -> None:
        self._private = _check.second_moments("private", private, 3)
        self._public = _check.second_moments("public", public, 2)
        self._synthetic = _check.second_moments("synthetic", synthetic, 3)
        self._noise = _check.number("noise", noise, 0.0, low_open=True)
        self._theta = None if theta is None else _check.numbers("theta", theta)
        self._require_shape("public", self._public, self._private.shape[1:])
        self._require_shape("synthetic", self._synthetic, self._private.shape)
        if self._theta is not None:
            self._require_shape("theta", self._theta, self._private.shape[2:])
            self._theta.flags.writeable = False

    def _require_shape(self, name: str, array: FloatArray, shape: tuple[int, ...]) -> None:
        if array.shape != shape:
            msg = (
                f"{name} must have shape {shape} beside private of shape {self._private.shape}, "
                f"got shape {array.shape}"
            )
            raise ValueError(msg)

    @property
    def private(self) -> FloatArray:
        """Second moments of each entity's private features, (K, d, d)."""
        return self._private

    @property
    def public(self) -> FloatArray:
        """Second moments of the public features, (d, d)."""
        return self._public

    @property
    def synthetic(self) -> FloatArray:
        """Second moments of the features at which each entity generates, (K, d, d)."""
        return self._synthetic

    @property
    def noise(self) -> float:
        """The variance sigma^2 of a response given its features."""
        return self._noise

    @property
    def theta(self) -> FloatArray | None:
        """The true parameter, (d,), or None."""
        return self._theta

    @property
    def entity_count(self) -> int:
        """Number of entities K."""
        return int(self._private.shape[0])

    @property
    def feature_count(self) -> int:
        """Number of features d."""
        return int(self._private.shape[1])

    def __eq__(self, other: object) -> bool:
        """Equal where shapes and all numbers are, bit for bit."""
        if not isinstance(other, InteractingLinear):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        """Hash in agreement with equality."""
        return hash(self._key())

    def __repr__(self) -> str:
        """One line with the sizes; the matrices are in `private`, `public` and `synthetic`."""
        return f"<InteractingLinear: {self.entity_count} entities, {self.feature_count} features>"

    def _key(self) -> tuple[object, ...]:
        theta = None if self._theta is None else self._theta.tobytes()
        matrices = (self._private, self._public, self._synthetic)
        return (self._private.shape, *(m.tobytes() for m in matrices), self._noise, theta)
