"""The stationary state of interacting linear models from the full Kd x Kd matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
