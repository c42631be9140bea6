"""The stationary state of interacting linear models from the full Kd x Kd matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Floats = NDArray[np.float64]


def block_diagonal(blocks: NDArray[Any]) -> Floats:
    count, d, _ = blocks.shape
    full = np.zeros((count * d, count * d))
    for k in range(count):
        full[k * d : (k + 1) * d, k * d : (k + 1) * d] = blocks[k]
    return full


def limit(
    private: Floats, public: Floats, synthetic: Floats, noise: float, alpha: float, beta: float
) -> dict[str, Any]:
    """Every result of the kernel, by Kronecker products and pseudo-inverses."""
    count, d, _ = private.shape
    size = count * d
    pooled = synthetic.mean(0)
    g = [(1 - alpha) * (beta * own + (1 - beta) * public) + alpha * pooled for own in private]
    g_inverse = np.linalg.inv(block_diagonal(np.array(g)))
    mean = np.kron(np.full((count, count), 1 / count), np.eye(d))
    q = alpha * g_inverse @ mean @ block_diagonal(synthetic)
    own = beta * block_diagonal(private)
    p = (1 - alpha) * g_inverse @ np.hstack([own, (1 - beta) * np.tile(public, (count, 1))])
    radius = np.abs(np.linalg.eigvals(q)).max()
    if radius >= 1:
        return {"spectral_radius": radius}
    m = np.linalg.solve(np.eye(size) - q, p)
    each = block_diagonal(np.linalg.pinv(synthetic, rcond=1e-10, hermitian=True))
    fed = noise * q @ each @ q.T
    kronecker = np.eye(size**2) - np.kron(q, q)
    c = np.linalg.solve(kronecker, fed.ravel()).reshape(size, size)
    everyone = np.concatenate([private, public[None]])
    data = block_diagonal(np.linalg.pinv(everyone, rcond=1e-10, hermitian=True))
    total = noise * m @ data @ m.T + c
    blocks = [slice(k * d, (k + 1) * d) for k in range(count)]
    errors = [total[b, b] for b in blocks]
    gaps = [np.sum((m[j] - m[k]) ** 2) for i, j in enumerate(blocks) for k in blocks[:i]]
    return {
        "spectral_radius": radius,
        "synthetic_variance": np.array([np.trace(c[b, b]) for b in blocks]),
        "mse": np.array([np.trace(e) for e in errors]),
        "mspe": np.array([[np.sum(s * e) for s in private] for e in errors]),
        "homogenisation": np.mean(gaps) if gaps else np.nan,
    }


def reduced_limit(
    net: tuple[Floats, Floats, Floats], noise: float, alpha: float, beta: float
) -> dict[str, Any]:
    """The same from d x d matrices, for features by the hundred."""
    private, public, synthetic = net
    count, d, _ = private.shape
    c, open_share = (1 - alpha) * beta, (1 - alpha) * (1 - beta)
    h = np.linalg.inv(c * private + open_share * public + alpha * synthetic.mean(0))
    a = alpha / count * synthetic @ h
    mix = a.sum(0)
    x = linalg.solve_discrete_lyapunov(mix, noise * alpha**2 / count * synthetic.mean(0))
    r = np.linalg.inv(np.eye(d) - mix)
    y = c**2 * (a @ private @ a.mT).sum(0) + open_share**2 * public
    v = r @ a @ private
    middle = noise * (c**2 * (private + v + v.mT) + r @ y @ r.T) + x
    total = h @ middle @ h
    # Blocks of M: column j of row k is H_k c (delta_kj S~_j + V_j), and H_k c* R S_* at last.
    rows = [
        np.hstack([*(c * h[k] @ (v[j] + (j == k) * private[j]) for j in range(count)),
                   open_share * h[k] @ r @ public])
        for k in range(count)
    ]  # fmt: skip
    gaps = [np.sum((rows[k] - rows[j]) ** 2) for k in range(count) for j in range(k)]
    return {
        "spectral_radius": np.abs(np.linalg.eigvals(mix)).max(),
        "synthetic_variance": np.trace(h @ x @ h, axis1=1, axis2=2),
        "mse": np.trace(total, axis1=1, axis2=2),
        "mspe": np.einsum("mij,kij->km", private, total),
        "homogenisation": np.mean(gaps),
    }


def network(
    rng: np.random.Generator, count: int, d: int, rank: int, *, same: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Second-moment matrices, private ones of a rank; with `same` the synthetic ones too."""

    def moments(rank: int) -> Floats:
        x = rng.standard_normal((3 * d, rank)) @ rng.standard_normal((rank, d)) / np.sqrt(d)
        return np.asarray(x.T @ x)

    private = np.array([moments(rank) for _ in range(count)])
    synthetic = private.copy() if same else np.array([moments(d) for _ in range(count)])
    return private, moments(d), synthetic
