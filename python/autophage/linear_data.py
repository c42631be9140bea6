"""What the data of interacting linear models determine, by one rule for all that is computed.

G_k = c S~_k + c* S_* + alpha mean_j S_j with c = (1-alpha) beta and c* = (1-alpha)(1-beta). Which
directions it sees follows from which of its three kinds of data have a positive weight, and not
from how large the weights are: every second-moment matrix is scaled to a largest entry of one, the
kinds are added up, and eigenvalues of the sum up to 1e-12 of its largest count as zero. Within
those directions G_k is inverted. Where, scaled to a diagonal of ones, its smallest eigenvalue there
is no more than 1e-12 of its largest, or where its diagonal is so much smaller than the data that
squares of weights could underflow, double precision does not suffice, and nothing is returned.

A direction v that no entity's real data see repeats itself for ever: G_k v = alpha mean_j S_j v for
all k, so that Q has the eigenvalue 1. By the same rule, such weights have no limit. Elsewhere a
spectral radius rho of Q is known to about 1e-16 of the condition number of G, and where |1 - rho|
is no more than 1e-12 of that, double precision does not suffice for the limit.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from autophage import _check

if TYPE_CHECKING:
    from autophage.linear import InteractingLinear

FloatArray = npt.NDArray[np.float64]
Kinds = tuple[bool, bool, bool]
"""Whether private, public and synthetic data have a positive weight."""

DIVERGES, SINGULAR, LOST = 1, 2, 3  # statuses of a point
_ORDINARY = 100  # binary orders of magnitude in which no product of a few entries gets lost
_LEAST = 2.0**-256  # of an entry of the diagonal of G_k, relative to the data
_BLOCK_BYTES = 1 << 22  # of matrices that are judged at a time
_CAREFUL = 1e3  # from this part of the largest condition number on, spectral radii are looked at


class _Known(NamedTuple):
    """What kinds of data determine.

    Attributes
    ----------
    singular : ndarray of bool, shape (K,)
        Entities that they leave undetermined.
    unseen : bool
        Whether there is a direction that the real data of all entities together do not determine.
    least : float
        A lower bound of the smallest eigenvalues of the sums of kinds.
    common : ndarray, shape (d, d)
        The sum over the kinds that all entities share.
    """

    singular: npt.NDArray[np.bool_]
    unseen: bool
    least: float
    common: FloatArray


class Data:
    """The second moments of a network, in units in which their products stay within doubles.

    Attributes
    ----------
    private, public, synthetic : ndarray
        2^-exponent times those of the network.
    noise : float
        2^-exponent times that of the network, so that estimates keep their law.
    exponent : int
        0 for ordinary sizes; then nothing is copied.
    noise_parts : tuple of (float, int)
        Mantissa and exponent of the network's noise.
    theta, entity_count, feature_count
        As the network has them.
    """

    def __init__(self, net: InteractingLinear) -> None:
        self.theta, self.entity_count = net.theta, net.entity_count
        self.feature_count = net.feature_count
        given = [net.private, net.public, net.synthetic]
        exponent = math.frexp(max(float(array.max()) for array in given))[1]
        self.exponent = 0 if abs(exponent) <= _ORDINARY else exponent
        if self.exponent:
            given = [np.ldexp(array, -exponent) for array in given]
        self.private, self.public, self.synthetic = given
        with np.errstate(over="ignore", under="ignore"):
            self.noise = float(np.ldexp(net.noise, -self.exponent))
        self.noise_parts = math.frexp(net.noise)
        self.pooled = self.synthetic.mean(axis=0)
        self._sizes = [_sizes(self.private), _sizes(self.public[None]), _sizes(self.synthetic)]
        self._largest = max(float(size.max()) for size in self._sizes)
        self._memory: dict[Kinds, _Known] = {}

    def inverses(self, alpha: float, beta: float) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Compute the Moore-Penrose inverses of all G_k, (K, d, d), and which are singular, (K,).

        Raises
        ------
        ValueError
            Where double precision does not suffice for one of them.
        """
        own, public, pool = _weights(alpha, beta)
        kinds = (bool(own > 0.0), bool(public > 0.0), bool(pool > 0.0))
        singular = self._known(kinds).singular
        shared = public * self.public + pool * self.pooled
        result = np.empty_like(self.private)
        for k, matrix in enumerate(self.private):
            gram = own * matrix + shared
            basis = self._seen(kinds, k) if singular[k] else None
            inverse = self._inverse(gram if basis is None else basis.T @ gram @ basis)
            if inverse is None:
                msg = (
                    f"alpha and beta must weigh data so that double precision suffices (G with a "
                    f"condition number below {1.0 / _check.MATRIX_TOLERANCE:g}, once its diagonal "
                    f"is scaled to ones), got {alpha!r} and {beta!r}, where that of entity {k} "
                    "is too ill conditioned"
                )
                raise ValueError(msg)
            result[k] = inverse if basis is None else basis @ inverse @ basis.T
        return result, singular.copy()

    def pooled_error(self) -> float:
        """Squared error from all real data at once, for a noise of one; NaN where there is none."""
        half = self._pooled_half
        return math.nan if half is None else float(np.square(half).sum())

    def pooled_prediction_errors(self) -> FloatArray:
        """Squared errors of its predictions on every task, (K,); NaN where there are none."""
        half = self._pooled_half
        if half is None:
            return np.full(self.entity_count, np.nan)
        return np.array([np.sum(half * (matrix @ half)) for matrix in self.private])

    @functools.cached_property
    def _pooled_half(self) -> FloatArray | None:
        if self._known((True, True, False)).unseen:
            return None
        return self._half_inverse(self.private.sum(axis=0) + self.public)

    def judge(self, alpha: FloatArray, beta: FloatArray) -> npt.NDArray[np.int32]:
        """Return DIVERGES, SINGULAR, LOST or 0 for points (alpha[i], beta[i]).

        DIVERGES where that follows from what the data determine; 0 may diverge, too.
        """
        weights = np.stack(_weights(alpha, beta))
        status = np.zeros(alpha.size, np.int32)
        for kinds in itertools.product((False, True), repeat=3):
            here = np.flatnonzero(((weights > 0.0) == np.array(kinds)[:, None]).all(axis=0))
            if not here.size:
                continue
            known = self._known((kinds[0], kinds[1], kinds[2]))
            if known.singular.any():
                status[here] = SINGULAR
                continue
            if kinds[2] and known.unseen:
                status[here] = DIVERGES
                continue
            doubtful = here[~self._surely_sound(weights[:, here], known.least)]
            status[doubtful[~self._sound(weights[:, doubtful])]] = LOST
        return status

    def _surely_sound(self, weights: FloatArray, least: float) -> npt.NDArray[np.bool_]:
        """Tell points whose G_k are so by bounds on their eigenvalues alone, and by far.

        Scaling the diagonal to ones leaves a condition number of at most d times the least that any
        scaling of rows and columns can reach.
        """
        d = self.feature_count
        small, large = np.full(weights.shape[1], np.inf), np.zeros(weights.shape[1])
        for weight, size in zip(weights, self._sizes, strict=True):
            there = size[size > 0.0]
            if there.size:
                part = weight * there.min()
                small = np.where(part > 0.0, np.minimum(small, part), small)
                large += d * weight * there.max()
        low = small * least
        tolerance = _CAREFUL * d * _check.MATRIX_TOLERANCE
        return (low > tolerance * large) & (low > _LEAST * self._largest)

    def _sound(self, weights: FloatArray) -> npt.NDArray[np.bool_]:
        """Tell points at which double precision suffices for every G_k, and for the limit."""
        d = self.feature_count
        sound = np.ones(weights.shape[1], dtype=bool)
        step = max(1, _BLOCK_BYTES // (8 * d * d))
        for start in range(0, weights.shape[1], step):
            part = slice(start, start + step)
            own, public, pool = weights[:, part, None, None]
            shared = public * self.public + pool * self.pooled
            mix, worst = np.zeros_like(shared), np.ones(len(shared))
            for matrix, synthetic in zip(self.private, self.synthetic, strict=True):
                gram = own * matrix + shared
                diagonal = np.diagonal(gram, axis1=1, axis2=2)
                large = diagonal.min(axis=1) > _LEAST * self._largest
                roots = 1.0 / np.sqrt(np.where(large[:, None], diagonal, 1.0))
                values, vectors = np.linalg.eigh(gram * roots[:, :, None] * roots[:, None, :])
                large &= values[:, 0] > _check.MATRIX_TOLERANCE * values[:, -1]
                sound[part] &= large
                values[~large] = 1.0
                half = roots[:, :, None] * vectors / np.sqrt(values)[:, None, :]
                mix += pool / self.entity_count * (synthetic @ half @ half.mT)
                worst = np.maximum(worst, values[:, -1] / values[:, 0])
            radius = np.abs(np.linalg.eigvals(mix)).max(axis=1)
            sound[part] &= np.abs(1.0 - radius) > _check.MATRIX_TOLERANCE * worst
        return sound

    def _inverse(self, gram: FloatArray) -> FloatArray | None:
        """Return the inverse, or None where double precision does not suffice."""
        half = self._half_inverse(gram)
        return None if half is None else np.asarray(half @ half.T)

    def _half_inverse(self, gram: FloatArray) -> FloatArray | None:
        """Return a matrix that makes the inverse with its transpose, or None."""
        diagonal = gram.diagonal()
        if not diagonal.size:
            return gram
        if not diagonal.min() > _LEAST * self._largest:
            return None
        roots = 1.0 / np.sqrt(diagonal)
        values, vectors = np.linalg.eigh(gram * roots[:, None] * roots)
        if _is_singular(values):
            return None
        return np.asarray(roots[:, None] * vectors / np.sqrt(values))

    def _known(self, kinds: Kinds) -> _Known:
        if kinds not in self._memory:
            self._memory[kinds] = self._find_known(kinds)
        return self._memory[kinds]

    def _find_known(self, kinds: Kinds) -> _Known:
        common = self._common(kinds)
        values = np.linalg.eigvalsh(common)
        # An entity's own data add at most d to the largest eigenvalue, and nothing to singularity.
        if values[0] > _check.MATRIX_TOLERANCE * (values[-1] + kinds[0] * len(common)):
            none = np.zeros(self.entity_count, dtype=bool)
            return _Known(none, self._unseen(kinds), float(values[0]), common)
        singular, least = np.empty(self.entity_count, dtype=bool), math.inf
        for k in range(self.entity_count):
            values = np.linalg.eigvalsh(self._sum(kinds, common, k))
            singular[k] = _is_singular(values)
            least = min(least, float(values[0]))
        return _Known(singular, self._unseen(kinds), least, common)

    def _unseen(self, kinds: Kinds) -> bool:
        """Tell whether the real data of all entities together leave a direction undetermined."""
        total = _scaled(self.public) if kinds[1] else np.zeros_like(self.public)
        if kinds[0]:
            for matrix in self.private:
                total = total + _scaled(matrix)
        return _is_singular(np.linalg.eigvalsh(total))

    def _seen(self, kinds: Kinds, entity: int) -> FloatArray:
        """Return an orthonormal basis, (d, rank), of what the kinds of data determine."""
        total = self._sum(kinds, self._known(kinds).common, entity)
        values, vectors = np.linalg.eigh(total)
        return np.asarray(vectors[:, values > _check.MATRIX_TOLERANCE * max(values[-1], 0.0)])

    def _common(self, kinds: Kinds) -> FloatArray:
        common = np.zeros_like(self.public)
        if kinds[1]:
            common += _scaled(self.public)
        if kinds[2]:
            for matrix in self.synthetic:
                common += _scaled(matrix) / self.entity_count
        return common

    def _sum(self, kinds: Kinds, common: FloatArray, entity: int) -> FloatArray:
        return common + _scaled(self.private[entity]) if kinds[0] else common


def _weights(alpha: float | FloatArray, beta: float | FloatArray) -> tuple[FloatArray, ...]:
    """Return c, c* and alpha."""
    weights = ((1.0 - alpha) * beta, (1.0 - alpha) * (1.0 - beta), alpha)
    return tuple(np.asarray(weight, dtype=np.float64) for weight in weights)


def _scaled(matrix: FloatArray) -> FloatArray:
    """Scale to a largest entry of one; it is on the diagonal."""
    return matrix / (float(matrix.diagonal().max()) or 1.0)


def _is_singular(values: npt.NDArray[np.floating]) -> bool:
    return bool(values[0] <= _check.MATRIX_TOLERANCE * values[-1])


def _sizes(matrices: FloatArray) -> FloatArray:
    return np.asarray(np.diagonal(matrices, axis1=1, axis2=2).max(axis=1))
