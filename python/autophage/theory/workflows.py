"""The matrices G, P and Q of one generation of interacting linear models, and lemma 1 on Q.

The first part of `autophage.theory.interactive2025`, which says what the letters mean.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from autophage import _check

FloatArray = npt.NDArray[np.float64]


class Network(Protocol):
    """What the formulas need of an `autophage.InteractingLinear`."""

    @property
    def private(self) -> FloatArray:
        """S~_k, (K, d, d)."""

    @property
    def public(self) -> FloatArray:
        """S_*, (d, d)."""

    @property
    def synthetic(self) -> FloatArray:
        """S_k, (K, d, d)."""

    @property
    def noise(self) -> float:
        """sigma^2."""

    @property
    def theta(self) -> FloatArray | None:
        """The true parameter, (d,)."""


class Workflow(NamedTuple):
    """The matrices of one generation, as they stand before theorem 1.

    Attributes
    ----------
    G : ndarray, shape (Kd, Kd)
        (1-alpha) beta S~ + (1-alpha)(1-beta) (I (x) S_*) + alpha (I (x) mean_k S_k).
    P : ndarray, shape (Kd, (K+1)d)
        (1-alpha) G^+ [beta S~, (1-beta) (1_K (x) S_*)].
    Q : ndarray, shape (Kd, Kd)
        alpha G^+ Pi S, where Pi = (1/K) 1 1^T (x) I.
    """

    G: FloatArray
    P: FloatArray
    Q: FloatArray


def workflow(network: Network, alpha: float, beta: float) -> Workflow:
    """G, P and Q of one generation (before theorem 1); alpha = 0 is the start.

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.InteractingLinear([[[1]], [[3]]], [[1]], [[[2]], [[2]]])
    >>> workflow(net, 0.5, 0.5).G.diagonal()
    array([1.5, 2. ])
    >>> workflow(net, 0.5, 0.5).Q.round(3)
    array([[0.333, 0.333],
           [0.25 , 0.25 ]])
    """
    a, b = _check.probability("alpha", alpha), _check.probability("beta", beta)
    count, d = network.private.shape[:2]
    everyone = np.ones((count, 1))
    own, generated = block_diagonal(network.private), block_diagonal(network.synthetic)
    gram = (1 - a) * b * own + (1 - a) * (1 - b) * np.kron(np.eye(count), network.public)
    gram += a * np.kron(np.eye(count), network.synthetic.mean(axis=0))
    inverse = pseudo_inverse(gram)
    pool = np.kron(everyone @ everyone.T / count, np.eye(d))
    data = np.hstack([b * own, (1 - b) * np.kron(everyone, network.public)])
    return Workflow(gram, (1 - a) * inverse @ data, a * inverse @ pool @ generated)


def spectral_radius(network: Network, alpha: float, beta: float) -> float:
    """Spectral radius of Q: estimates settle where it is below one (section 5).

    Examples
    --------
    >>> import autophage as ap
    >>> spectral_radius(ap.InteractingLinear([[[1]]], [[1]], [[[1]]]), 0.25, 0.5)
    0.25
    """
    return float(np.abs(np.linalg.eigvals(workflow(network, alpha, beta).Q)).max())


def lemma_1_share(network: Network) -> float | None:
    """Find the largest lambda with S proportional to lambda S~ + (1-lambda)(I (x) S_*) (lemma 1).

    The lemma: then the spectral radius of Q is below one for 0 <= alpha < 1, 0 < beta <= lambda.
    The text before it allows beta = 0 as well when S is proportional to S~. At beta = 0, whatever
    S, and for a regular G and 0 < alpha < 1, the radius is one where S_* is singular, and below one
    elsewhere. Without the lemma's condition it can exceed one: `divergent_moments`.

    Returns
    -------
    float or None
        In (0, 1], to rounding; None where the condition fails. S = 0 meets it for every lambda: 1.
        Without private data and with S proportional to S_* every lambda below 1 will do: the last
        of them.

    Examples
    --------
    >>> import autophage as ap
    >>> share = lemma_1_share(ap.InteractingLinear([[[1]], [[3]]], [[1]], [[[2]], [[4]]]))
    >>> round(share, 12)
    0.5
    >>> lemma_1_share(ap.InteractingLinear([[[1]], [[3]]], [[1]], [[[4]], [[2]]])) is None
    True
    """
    own, target = network.private.ravel(), network.synthetic.ravel()
    other = np.broadcast_to(network.public, network.private.shape).ravel()
    sizes = [float(np.abs(array).max()) or 1.0 for array in (own, other, target)]
    own, other, target = own / sizes[0], other / sizes[1], target / sizes[2]
    slack = 1e3 * _check.MATRIX_TOLERANCE * float(np.linalg.norm(target))
    alone = own @ target / (own @ own) if own.any() else 0.0
    if np.linalg.norm(target - alone * own) <= slack:
        return 1.0
    (u, w), *_ = np.linalg.lstsq(np.stack([own, other], axis=1), target)
    fits = np.linalg.norm(target - u * own - w * other) <= slack
    if not fits or w * np.linalg.norm(other) < -slack:
        return None
    if not own.any():
        return float(np.nextafter(1.0, 0.0))
    if u * np.linalg.norm(own) <= slack:
        return None
    share = 1.0 / (1.0 + float(max(w, 0.0) / u) * (sizes[0] / sizes[1]))
    return max(share, math.ulp(0.0))


def divergent_moments(entities: int, strength: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Make a network outside lemma 1: at beta = 1, 0 < alpha < 1 it need not settle (new).

    Entity k generates along axis k alone and knows, with `strength`, all directions but one near
    that axis. As the strength grows the spectral radius of Q tends to (1 + sqrt(K)) / 2, so that it
    has no bound over all networks.

    Parameters
    ----------
    entities : int
        K >= 2, also the number of features.
    strength : float
        Size of the private second moments.

    Returns
    -------
    tuple of ndarray
        Private, public and synthetic second moments.

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.InteractingLinear(*divergent_moments(2, 1e6))
    >>> round(spectral_radius(net, 0.5, 1.0), 5)
    1.20711
    """
    count = _check.integer("entities", entities, 2, 1024)
    size = _check.number("strength", strength, 0.0, low_open=True)
    # u^2 + u v sqrt(K-1) is largest, given u^2 + v^2 = 1, where cos(2 phi) = K^(-1/2), u = cos phi.
    u, v = np.sqrt(0.5 + 0.5 / np.sqrt(count)), np.sqrt(0.5 - 0.5 / np.sqrt(count))
    unknown = np.full((count, count), v / np.sqrt(count - 1.0))
    np.fill_diagonal(unknown, u)
    axes = np.eye(count)
    private = size * (axes - unknown[:, :, None] * unknown[:, None, :])
    return private, axes, axes[:, :, None] * axes[:, None, :]


def block_diagonal(blocks: list[FloatArray] | FloatArray) -> FloatArray:
    """Set matrices on the diagonal of a larger one."""
    from scipy.linalg import block_diag

    return np.asarray(block_diag(*blocks))


def pseudo_inverse(matrix: FloatArray) -> FloatArray:
    """Return the Moore-Penrose inverse; eigenvalues up to 1e-12 of the largest count as zero."""
    return np.asarray(np.linalg.pinv(matrix, rcond=_check.MATRIX_TOLERANCE, hermitian=True))


def require_regular(name: str, matrix: FloatArray) -> None:
    """Refuse a matrix that has not full rank by the rule of `pseudo_inverse`.

    Raises
    ------
    ValueError
        With the name and the range of the eigenvalues.
    """
    values = np.linalg.eigvalsh(matrix)
    if values[0] <= _check.MATRIX_TOLERANCE * values[-1]:
        msg = f"{name} must have full rank, got eigenvalues from {values[0]:.6g} to {values[-1]:g}"
        raise ValueError(msg)
