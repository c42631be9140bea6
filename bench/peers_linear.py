"""Discrete Lyapunov equations and limits of interacting linear models, as others would do them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.judge import Floats

Network = tuple[Floats, Floats, Floats]


@cache
def network(entities: int, d: int, rank: int) -> Network:
    """Give private, public and synthetic second moments; the synthetic ones equal the private."""
    rng = np.random.default_rng(0)
    left = rng.standard_normal((entities, 40, rank))
    low = left @ rng.standard_normal((entities, rank, d))
    private = low.mT @ low / d
    public = rng.standard_normal((60, d))
    return private, public.T @ public / 3, private.copy()


@cache
def grid() -> tuple[Floats, Floats]:
    """Give 101 x 101 points (alpha, beta) in random order, so that the first few stand for all."""
    alpha, beta = np.meshgrid(np.linspace(0, 0.99, 101), np.linspace(0.005, 0.995, 101))
    order = np.random.default_rng(1).permutation(alpha.size)
    return alpha.ravel()[order], beta.ravel()[order]


@cache
def equations(n: int, items: int) -> tuple[Floats, Floats]:
    """Give random a of spectral radius .3 to .95 and covariances q."""
    rng = np.random.default_rng(n)
    a, q = rng.standard_normal((2, items, n, n))
    a *= (rng.uniform(0.3, 0.95, items) / np.abs(np.linalg.eigvals(a)).max(axis=1))[:, None, None]
    return a, q @ q.mT


def full(net: Network, alpha: float, beta: float) -> tuple[Floats, Floats]:
    """Give the Kd x Kd matrices a and q of the equation for C."""
    private, public, synthetic = net
    count, d, _ = private.shape
    g = (1 - alpha) * (beta * private + (1 - beta) * public) + alpha * synthetic.mean(0)
    scaled = alpha / count * np.linalg.inv(g)
    a = (scaled[:, None] @ synthetic[None]).transpose(0, 2, 1, 3).reshape(count * d, count * d)
    tall = scaled.reshape(count * d, d)
    return a, tall @ synthetic.sum(0) @ tall.T


def scipy_traces(net: Network, alpha: Floats, beta: Floats) -> Floats:
    """Solve the full equations one by one."""
    from scipy.linalg import solve_discrete_lyapunov

    count, d, _ = net[0].shape
    traces = []
    for point in zip(alpha, beta, strict=True):
        c = solve_discrete_lyapunov(*full(net, *point), method="bilinear")
        traces.append(np.diagonal(c).reshape(count, d).sum(axis=1))
    return np.array(traces)


def _doubled(a: Any, x: Any) -> Any:
    """Double a whole batch, of NumPy or of torch, until its last member has converged."""
    while float((a * a).sum((1, 2)).max()) > 2.0**-54:
        x = x + a @ x @ a.mT
        a = a @ a
    return x


def _traces(xp: Any, net: tuple[Any, Any, Any], alpha: Any, beta: Any) -> Any:
    """Traces of C of some points, reduced to d x d, with the arrays of `xp`."""
    private, public, synthetic = net
    count, pooled = len(private), synthetic.mean(0)
    a, b = alpha[:, None, None, None], beta[:, None, None, None]
    h = xp.linalg.inv((1 - a) * (b * private + (1 - b) * public) + a * pooled)
    mix = a[:, 0] / count * (synthetic @ h).sum(1)
    x = _doubled(mix, a[:, 0] ** 2 / count * pooled)
    return xp.einsum("nkij,nkij->nk", h @ x[:, None], h)


def _in_batches(alpha: Floats, batch: int) -> Iterator[NDArray[np.intp]]:
    """Give points with nearly the same alpha, which converge after as many doublings."""
    order = np.argsort(alpha)
    for first in range(0, alpha.size, batch):
        yield order[first : first + batch]


def numpy_traces(net: Network, alpha: Floats, beta: Floats) -> Floats:
    """Reduce and double in batches."""
    traces = np.empty((alpha.size, len(net[0])))
    for points in _in_batches(alpha, 200):
        traces[points] = _traces(np, net, alpha[points], beta[points])
    return traces


def torch_traces(net: Network, alpha: Floats, beta: Floats) -> Floats:
    """Reduce and double in batches in torch, with one thread."""
    torch = _torch()
    given = tuple(torch.from_numpy(matrices) for matrices in net)
    traces = np.empty((alpha.size, len(net[0])))
    for points in _in_batches(alpha, 200):
        a, b = torch.from_numpy(alpha[points]), torch.from_numpy(beta[points])
        traces[points] = _traces(torch, given, a, b).numpy()
    return traces


def numpy_equations(a: Floats, q: Floats) -> Floats:
    """Double the whole batch."""
    return np.asarray(_doubled(a, q))


def scipy_equations(a: Floats, q: Floats) -> Floats:
    """Solve one by one."""
    from scipy.linalg import solve_discrete_lyapunov

    pairs = zip(a, q, strict=True)
    return np.array([solve_discrete_lyapunov(*pair, method="bilinear") for pair in pairs])


def torch_equations(a: Floats, q: Floats) -> Floats:
    """Double the whole batch in torch, with one thread."""
    torch = _torch()
    return np.asarray(_doubled(torch.from_numpy(a), torch.from_numpy(q)).numpy())


def _torch() -> Any:
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.set_num_threads(1)
    return torch
