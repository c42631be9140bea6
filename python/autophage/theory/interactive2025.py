"""What "What happens when generative AI models train recursively on each other's outputs?" states.

By its own numbers, on matrices of the paper's full size Kd x Kd: slow and obvious, where
`autophage.InteractingLinear`, which describes the `network` of every function here, gets the same
from d x d matrices. S~ = blockdiag(S~_k) are the second moments of the private features, S_* of the
public ones, S = blockdiag(S_k) of those at which the entities generate. alpha weighs the
*synthetic* pool, beta the *private* data: section 4 says in words that beta belongs to the public
data, the formulas of section 5 give it to the private data. Estimates are stacked entity by entity.
The matrices G, P and Q, and lemma 1 on Q, are in `autophage.theory.workflows` and can be reached
from here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autophage import _check
from autophage.theory.arguments import over_generations
from autophage.theory.workflows import (
    Network,
    Workflow,
    block_diagonal,
    divergent_moments,
    lemma_1_share,
    pseudo_inverse,
    require_regular,
    spectral_radius,
    workflow,
)

__all__ = [
    "Limit",
    "Network",
    "Workflow",
    "conditional_covariance_printed",
    "conditional_matrices",
    "divergent_moments",
    "estimate_covariance",
    "estimate_covariance_printed",
    "expected_estimates",
    "explicit_matrices",
    "lemma_1_share",
    "limit_covariance",
    "limit_covariance_printed",
    "limit_matrices",
    "pooled_error",
    "prediction_errors",
    "spectral_radius",
    "squared_errors",
    "workflow",
]

FloatArray = npt.NDArray[np.float64]


class Limit(NamedTuple):
    """The limits (2): M of the gain, C of the covariance given the initial data."""

    M: FloatArray
    C: FloatArray


def conditional_matrices(
    network: Network,
    alpha: npt.ArrayLike,
    beta: npt.ArrayLike,
    generations: int,
    beta_0: float | None = None,
) -> tuple[FloatArray, FloatArray]:
    """M_t and C_t of generations 0..G (theorem 1, with the transpose that the print lacks).

    M_t = P_t + Q_t M_(t-1), C_t = Q_t (sigma^2 S^+ + C_(t-1)) Q_t^T, M_0 = P_0, C_0 = 0: given the
    initial data, the stacked estimates are N(M_t [X~^+ y~; X_*^+ y_*], C_t).

    Parameters
    ----------
    network : InteractingLinear
        The entities' data.
    alpha, beta : float or array_like
        Weights of generations 1, 2, ...; the last value holds for ever after.
    generations : int
        G >= 1.
    beta_0 : float, optional
        beta of generation 0; beta_1 by default.

    Returns
    -------
    tuple of ndarray
        M of shape (G + 1, Kd, (K+1)d) and C of shape (G + 1, Kd, Kd).

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.InteractingLinear([[[1]]], [[1]], [[[4]]])
    >>> M, C = conditional_matrices(net, 1.0, 1.0, 2)
    >>> M.tolist(), C.ravel().tolist()
    ([[[1.0, 0.0]], [[1.0, 0.0]], [[1.0, 0.0]]], [0.0, 0.25, 0.5])
    """
    return _conditional(network, alpha, beta, generations, beta_0, transposed=True)


def conditional_covariance_printed(
    network: Network,
    alpha: npt.ArrayLike,
    beta: npt.ArrayLike,
    generations: int,
    beta_0: float | None = None,
) -> FloatArray:
    """C_t as theorem 1 and section E.1 print it, Q (..) Q: not even symmetric.

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.InteractingLinear([[[1]], [[3]]], [[1]], [[[2]], [[2]]])
    >>> conditional_covariance_printed(net, 0.5, 0.5, 1)[1].round(3)
    array([[0.097, 0.097],
           [0.073, 0.073]])
    """
    return _conditional(network, alpha, beta, generations, beta_0, transposed=False)[1]


def expected_estimates(
    network: Network,
    alpha: npt.ArrayLike,
    beta: npt.ArrayLike,
    generations: int,
    beta_0: float | None = None,
) -> FloatArray:
    """E theta_t of generations 0..G, (G + 1, K, d) (theorem 2).

    (I - Q_t ... Q_1 (I - G_0 G_0^+)) (1_K (x) theta), where G_1, ..., G_t have full rank.

    Raises
    ------
    ValueError
        If one of G_1, ..., G_G has not, or the network has no theta.

    Examples
    --------
    >>> import autophage as ap
    >>> private = [[[1, 0], [0, 0]], [[0, 0], [0, 1]]]  # each has seen one feature
    >>> net = ap.InteractingLinear(private, [[0, 0], [0, 0]], private, theta=[2, 4])
    >>> expected_estimates(net, 0.5, 1.0, 2)[:, 0]
    array([[2., 0.],
           [2., 4.],
           [2., 4.]])
    """
    if network.theta is None:
        msg = "network must have a theta, got None"
        raise ValueError(msg)
    truth = np.tile(network.theta, len(network.private))
    path = _path(network, alpha, beta, generations, beta_0)
    missing = truth - path[0].G @ pseudo_inverse(path[0].G) @ truth
    means = [truth - missing]
    for t, step in enumerate(path[1:], 1):
        require_regular(f"G_{t}", step.G)
        missing = step.Q @ missing
        means.append(truth - missing)
    return np.stack(means).reshape(len(path), *network.private.shape[:2])


def estimate_covariance(
    network: Network, gain: npt.ArrayLike, conditional: npt.ArrayLike
) -> FloatArray:
    """Cov theta_t over initial data as well (theorems 2 and 3, with the sigma^2 that they lack).

    sigma^2 M blockdiag(S~^+, S_*^+) M^T + C, for M and C of one generation, of all, or of the
    limit.

    Raises
    ------
    ValueError
        If their shapes are not (..., Kd, (K+1)d) and (..., Kd, Kd).

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.InteractingLinear([[[4]]], [[2]], [[[1]]], noise=2.0)
    >>> estimate_covariance(net, [[0.5, 0.5]], [[0.0]])
    array([[0.375]])
    """
    initial, rest = _covariances(network, gain, conditional)
    return np.asarray(network.noise * initial + rest)


def estimate_covariance_printed(
    network: Network, gain: npt.ArrayLike, conditional: npt.ArrayLike
) -> FloatArray:
    """Cov theta_t as theorem 2 prints it: right for sigma^2 = 1 only.

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.InteractingLinear([[[4]]], [[2]], [[[1]]], noise=2.0)
    >>> estimate_covariance_printed(net, [[0.5, 0.5]], [[0.0]])
    array([[0.1875]])
    """
    initial, rest = _covariances(network, gain, conditional)
    return np.asarray(initial + rest)


def explicit_matrices(
    network: Network, alpha: float, beta: float, generations: int, beta_0: float | None = None
) -> tuple[FloatArray, FloatArray]:
    """M_t and C_t of generation `generations` alone, for constant weights (equation 1).

    M_t = Q^t P_0 + sum_{s<t} Q^s P and C_t = sigma^2 sum_{s=1..t} Q^s S^+ (Q^s)^T.

    Raises
    ------
    TypeError, ValueError
        If generations is not an integer of at least 1, or a weight is not in [0, 1].

    Examples
    --------
    >>> import autophage as ap
    >>> M, C = explicit_matrices(ap.InteractingLinear([[[1]]], [[1]], [[[4]]]), 1.0, 1.0, 2)
    >>> M.tolist(), C.tolist()
    ([[1.0, 0.0]], [[0.5]])
    """
    _check.integer("generations", generations, 1, _check.GENERATION_LIMIT)
    start, step = _path(network, alpha, beta, 1, beta_0)
    powers = [np.linalg.matrix_power(step.Q, s) for s in range(generations + 1)]
    fresh = network.noise * pseudo_inverse(block_diagonal(network.synthetic))
    M = powers[-1] @ start.P + sum(power @ step.P for power in powers[:-1])
    return np.asarray(M), np.asarray(sum(power @ fresh @ power.T for power in powers[1:]))


def limit_matrices(network: Network, alpha: float, beta: float) -> Limit:
    """M = (I - Q)^-1 P and C with vec(C) = sigma^2 (I - Q (x) Q)^-1 vec(Q S^+ Q^T) (equation 2).

    The print has vec(Q S^+ Q). The fixed points of E.3 are M = P + Q M (printed as P + M Q, whose
    sizes do not fit) and C = Q (C + sigma^2 S^+) Q^T.

    Raises
    ------
    ValueError
        If the spectral radius of Q is not below one.

    Examples
    --------
    >>> import autophage as ap
    >>> M, C = limit_matrices(ap.InteractingLinear([[[1]]], [[1]], [[[1]]]), 0.5, 0.5)
    >>> M.round(6), C.round(6)
    (array([[0.5, 0.5]]), array([[0.333333]]))
    """
    return _limit(network, alpha, beta, transposed=True)


def limit_covariance_printed(network: Network, alpha: float, beta: float) -> FloatArray:
    """C as equation (2) prints it, from vec(Q S^+ Q).

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.InteractingLinear([[[1]], [[3]]], [[1]], [[[2]], [[2]]])
    >>> limit_covariance_printed(net, 0.5, 0.5).round(3)
    array([[0.155, 0.14 ],
           [0.116, 0.105]])
    """
    return _limit(network, alpha, beta, transposed=False).C


def limit_covariance(network: Network, alpha: float, beta: float) -> FloatArray:
    """Limit of Cov theta_t, (Kd, Kd) (theorem 3); the limit of E theta_t is 1_K (x) theta.

    Raises
    ------
    ValueError
        If G has not full rank, or the spectral radius of Q is not below one.

    Examples
    --------
    >>> import autophage as ap
    >>> limit_covariance(ap.InteractingLinear([[[1]]], [[1]], [[[1]]]), 0.5, 0.5).round(6)
    array([[0.833333]])
    """
    require_regular("G", workflow(network, alpha, beta).G)
    return estimate_covariance(network, *limit_matrices(network, alpha, beta))


def squared_errors(network: Network, covariance: npt.ArrayLike) -> FloatArray:
    """``E |theta_tk - theta|^2`` of each entity where estimates are unbiased ("MSE", section 5).

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.InteractingLinear([[[1]], [[3]]], [[1]], [[[2]], [[4]]])
    >>> squared_errors(net, [[1.0, 0.5], [0.5, 2.0]])
    array([1., 2.])
    """
    return np.asarray(np.trace(_own_blocks(network, covariance), axis1=1, axis2=2))


def prediction_errors(network: Network, covariance: npt.ArrayLike) -> FloatArray:
    """``E |X~_m (theta_tk - theta)|^2`` of entity k on task m, unbiased ("MSPE", section 5).

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.InteractingLinear([[[1]], [[3]]], [[1]], [[[2]], [[4]]])
    >>> prediction_errors(net, [[1.0, 0.5], [0.5, 2.0]])
    array([[1., 3.],
           [2., 6.]])
    """
    blocks = _own_blocks(network, covariance)
    return np.asarray(np.einsum("kij,mji->km", blocks, network.private))


def pooled_error(network: Network) -> float:
    """Squared error of the best unbiased estimate from all real data together (figure 2).

    sigma^2 tr (sum_k S~_k + S_*)^-1; the relative efficiency of an entity is this over its own.

    Raises
    ------
    ValueError
        If all real data together do not determine the parameter.

    Examples
    --------
    >>> import autophage as ap
    >>> pooled_error(ap.InteractingLinear([[[1]], [[2]]], [[1]], [[[1]], [[1]]], noise=2.0))
    0.5
    """
    total = network.private.sum(axis=0) + network.public
    require_regular("the sum of private and public", total)
    return float(network.noise * np.trace(np.linalg.inv(total)))


def _path(
    network: Network,
    alpha: npt.ArrayLike,
    beta: npt.ArrayLike,
    generations: int,
    beta_0: float | None,
) -> list[Workflow]:
    """Return the workflow of generations 0..G; alpha_0 = 0."""
    weights = over_generations("alpha", alpha, generations, 0, 1)
    shares = over_generations("beta", beta, generations, 0, 1)
    first = float(shares[0]) if beta_0 is None else _check.probability("beta_0", beta_0)
    pairs = [(0.0, first), *zip(weights.tolist(), shares.tolist(), strict=True)]
    return [workflow(network, a, b) for a, b in pairs]


def _conditional(
    network: Network,
    alpha: npt.ArrayLike,
    beta: npt.ArrayLike,
    generations: int,
    beta_0: float | None,
    *,
    transposed: bool,
) -> tuple[FloatArray, FloatArray]:
    fresh = network.noise * pseudo_inverse(block_diagonal(network.synthetic))
    path = _path(network, alpha, beta, generations, beta_0)
    gains, covariances = [path[0].P], [np.zeros_like(path[0].Q)]
    for step in path[1:]:
        gains.append(step.P + step.Q @ gains[-1])
        right = step.Q.T if transposed else step.Q
        covariances.append(step.Q @ (fresh + covariances[-1]) @ right)
    return np.stack(gains), np.stack(covariances)


def _limit(network: Network, alpha: float, beta: float, *, transposed: bool) -> Limit:
    _, P, Q = workflow(network, alpha, beta)
    radius = spectral_radius(network, alpha, beta)
    if radius >= 1.0:
        msg = f"alpha and beta must give Q a spectral radius below 1, got {radius!r}"
        raise ValueError(msg)
    size = len(Q)
    M = np.linalg.solve(np.eye(size) - Q, P)
    fresh = network.noise * pseudo_inverse(block_diagonal(network.synthetic))
    source = Q @ fresh @ (Q.T if transposed else Q)
    # vec stacks columns, NumPy rows: (Q (x) Q) vec(C) = vec(Q C Q^T) either way.
    C = np.linalg.solve(np.eye(size * size) - np.kron(Q, Q), source.ravel())
    return Limit(np.asarray(M), np.asarray(C.reshape(size, size)))


def _covariances(
    network: Network, gain: npt.ArrayLike, conditional: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return M blockdiag(S~^+, S_*^+) M^T, and C, of matrices whose sizes fit."""
    count, d = network.private.shape[:2]
    M = _check.numbers("gain", gain, ndim=None)
    C = _check.numbers("conditional", conditional, ndim=None)
    _require_shape("gain", M.shape[-2:], (count * d, (count + 1) * d))
    _require_shape("conditional", C.shape, (*M.shape[:-2], count * d, count * d))
    inverse = pseudo_inverse(block_diagonal([*network.private, network.public]))
    return np.asarray(M @ inverse @ np.swapaxes(M, -1, -2)), C


def _require_shape(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape != wanted:
        msg = f"{name} must have matrices of shape {wanted} for this network, got shape {shape}"
        raise ValueError(msg)


def _own_blocks(network: Network, covariance: npt.ArrayLike) -> FloatArray:
    """Return the K diagonal blocks d x d."""
    count, d = network.private.shape[:2]
    size = count * d
    given = _check.numbers("covariance", covariance, ndim=(2,))
    _require_shape("covariance", given.shape, (size, size))
    blocks = given.reshape(count, d, count, d)
    return np.asarray(blocks[np.arange(count), :, np.arange(count), :])
