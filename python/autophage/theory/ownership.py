"""What components expect to own of a post, by quadrature: the mixtures of `webdynamics2025`.

A post reaches a model only through its likelihood ratios, so all that matters of d features are
the coordinates along the differences of the means, whitened by the covariance. There the ownership
is a ratio of sums of exponentials, analytic in a strip of half-width pi / (largest distance of two
means) about the real axis, and equally spaced points converge geometrically (Gauss-Hermite does
not: its points lie too far apart for steep ownerships).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autophage import _check, memory
from autophage.theory.arguments import network_rate, one_law, prior_share
from autophage.theory.separated import Network, require_network, schedule_of

__all__ = ["OneStep", "approach_rates", "mean_field", "one_step_mean"]

FloatArray = npt.NDArray[np.float64]

# By dimension: points reach so many standard deviations from some mean, are at most this far
# apart times the largest distance of two means, and need be no finer than the last number (means
# that ask for finer ones are so far apart that nothing is seen of the ownership's step).
_POINTS = {1: (9.0, 0.5, 1.0 / 160.0), 2: (6.5, 0.9, 0.05), 3: (6.5, 0.9, 0.15)}


_GROUPED = 40.0
"""Standard deviations beyond which means belong to different lattices."""
_FARTHEST = 1e100
"""Largest distance, in standard deviations: its square has room in double."""


class OneStep(NamedTuple):
    """Means after one update: what each component owns of the post, and the weights."""

    ownership: FloatArray
    weights: FloatArray


def one_step_mean(
    weights: npt.ArrayLike,
    posting: npt.ArrayLike,
    means: npt.ArrayLike,
    covariance: npt.ArrayLike = 1.0,
    *,
    rate: float,
    prior: float = 0.0,
) -> OneStep:
    """E o_k and E w' of one update by a model that reads a post of another (equations 6 and 7).

    The post has the law sum_l q_l N(mu_l, Sigma); o_k = w_k N(x; mu_k, Sigma) / sum_l (..) and
    w' is (1-a) w + a (o - c) / (1 - M c), negative weights set to zero and all divided by their
    sum. Where posting equals weights E o = w, whatever the overlap: then (7) is the integral of
    w_k N(x; mu_k, Sigma).

    Parameters
    ----------
    weights, posting : array_like
        Laws over the M components, (M,): w of the reader and q of the author.
    means : array_like
        (M, d), or (M,) for d = 1.
    covariance : array_like
        (d, d), or the variance for d = 1.
    rate : float
        a in (0, 1).
    prior : float
        c >= 0 with M c < 1.

    Returns
    -------
    OneStep
        `ownership` and `weights`, (M,) each. Of collinear means the ownership is right to 1e-12,
        of others to 1e-8 (for weights of at least 1e-8, or zero). Where a weight may become
        negative the weights are right to 1e-5.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, the differences of the means span more than 3 dimensions, or a mean
        lies more than 1e100 standard deviations from the first.
    MemoryError
        If the quadrature cannot fit: many means far apart in three dimensions.

    Examples
    --------
    >>> found = one_step_mean([0.2, 0.8], [0.7, 0.3], [-1, 1], rate=0.1)
    >>> found.ownership.round(3), found.weights.round(4)
    (array([0.445, 0.555]), array([0.2245, 0.7755]))
    """
    w, q = one_law("weights", weights), one_law("posting", posting)
    heights, points = _points_of(w.size, means, covariance)
    if q.size != w.size:
        msg = f"posting must have {w.size} entries, as weights has, got {q.size}"
        raise ValueError(msg)
    a, c = network_rate("rate", rate), prior_share(prior, w.size)
    owned = _ownership(points, w)
    density = heights @ q
    density /= density.sum()
    expected = density @ owned
    step = (1.0 - a) * w + a * (expected - c) / (1.0 - w.size * c)
    if ((1.0 - a) * w < a * c / (1.0 - w.size * c)).any():  # a post of another component clips
        after = np.maximum((1.0 - a) * w + a * (owned - c) / (1.0 - w.size * c), 0.0)
        step = density @ (after / after.sum(axis=1, keepdims=True))
    return OneStep(expected, step)


def mean_field(network: Network, generations: int) -> FloatArray:
    """Weights of generations 0..G were every post read the mean post (none of the papers has it).

    Each update takes the mean of equation (7) over the whole pool: the first posts, and the
    mixtures that the authors of the others had on this path. An approximation: the mean of o over
    weights is taken for o of the mean weights. The gap is of the order of the weights' variance, so
    of the rate, and vanishes for separated components, where `mean_dynamics` is exact until a
    weight is clipped.

    Parameters
    ----------
    network : MixtureNetwork
        Components are pruned in the default way, M being all of them.
    generations : int
        G >= 1.

    Returns
    -------
    numpy.ndarray
        (G + 1, K, M).

    Raises
    ------
    TypeError, ValueError
        If the schedules do not reach that far, `generations` is no such number, or the differences
        of the means span more than 3 dimensions.
    MemoryError
        If it cannot fit.

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.MixtureNetwork([-1, 1], 1.0, [[0.9, 0.1], [0.2, 0.8]], rate=0.02)
    >>> mean_field(net, 40)[[0, 20, 40], :, 0].round(2)
    array([[0.9 , 0.2 ],
           [0.59, 0.52],
           [0.55, 0.55]])
    """
    require_network(network)
    schedule, c = schedule_of(network, generations, network.weights.size), network.prior
    components = network.weights.shape[1]
    geometry = _geometry(network.means, network.covariance, network.first_posts)
    heights, points = _quadrature(geometry)
    level = -0.5 * np.square(geometry.posts).sum(axis=2)
    seen = _Likelihoods(level, np.zeros_like(level))
    path, written = [network.weights], np.zeros(components)
    for a, n, r, size in zip(
        schedule.rate, schedule.posts, schedule.reads, schedule.pool, strict=True
    ):
        written = written + n @ path[-1]
        density = heights @ written
        density *= written.sum() / max(density.sum(), np.finfo(float).tiny)
        following = np.array(path[-1])
        for j, w in enumerate(path[-1]):
            for _ in range(int(r[j])):
                owned = density @ _ownership(points, w) + _ownership(seen, w).sum(axis=0)
                w = (1.0 - a[j]) * w + a[j] * (owned / size - c) / (1.0 - components * c)
                w = np.maximum(w, 0.0)
                w /= w.sum()
            following[j] = w
        path.append(following)
    return np.stack(path)


def approach_rates(
    share: npt.ArrayLike, means: npt.ArrayLike, covariance: npt.ArrayLike = 1.0
) -> FloatArray:
    """How much of the separated components' speed overlap leaves (none of the papers has it).

    Near a consensus q, without a prior, E(w - q) is multiplied by I - a A at each post, A_kl =
    q_k int f_k f_l / sum_m q_m f_m. The eigenvalues of A on weights that sum to zero lie in [0, 1];
    all are 1 where components are separated. The noise shrinks with them: the covariance
    (a/2) (diag(q) - q q^T), to first order in a, is the same for any overlap, so the floor of the
    distance is too; only the time 1 / (a times the smallest) until it is reached grows.

    Parameters
    ----------
    share : array_like
        q, a law over the components without zeros, (M,).
    means, covariance : array_like
        As in `one_step_mean`.

    Returns
    -------
    numpy.ndarray
        (M - 1,), increasing.

    Examples
    --------
    >>> approach_rates([0.5, 0.5], [-3, 3]).round(3), approach_rates([0.5, 0.5], [-1, 1]).round(3)
    (array([0.996]), array([0.55]))
    """
    q = one_law("share", share)
    _check.numbers("share", q, np.finfo(float).tiny, 1.0)
    heights, points = _points_of(q.size, means, covariance)
    density = heights @ q
    owned = _ownership(points, q)
    # sqrt(q_k q_l) int f_k f_l / f, from o_k = q_k f_k / f, is symmetric and has the eigenvalues.
    root = np.sqrt(q)
    overlap = (owned * density[:, None]).T @ owned / np.outer(root, root) / density.sum()
    return np.clip(np.linalg.eigvalsh(overlap)[:-1], 0.0, 1.0)


class _Geometry(NamedTuple):
    """Differences of the means and of posts from them, whitened, along the means' differences.

    Every difference is taken before anything else is done to it, so that near means stay as they
    are however far away others lie.
    """

    between: FloatArray  # [m, k] is mu_k - mu_m, (M, M, dimension)
    posts: FloatArray  # [p, k] is x_p - mu_k, (P, M, dimension)
    groups: list[list[int]]  # means that a chain of short distances joins


class _Likelihoods(NamedTuple):
    """log N(x; mu_k, I) = level + slope, up to what is the same for all k, (points, M) each.

    In one number a level of 1e36 would leave nothing of a slope of 1e18.
    """

    level: FloatArray
    slope: FloatArray


def _geometry(
    means: npt.ArrayLike, covariance: npt.ArrayLike, posts: FloatArray | None = None
) -> _Geometry:
    mu = _check.numbers("means", means, ndim=(1, 2))
    mu = mu.reshape(len(mu), -1)
    sigma = _check.covariance("covariance", covariance)
    if len(sigma) != mu.shape[1]:
        msg = f"covariance must have {mu.shape[1]} rows, one a feature, got {len(sigma)}"
        raise ValueError(msg)
    root = np.asarray(np.linalg.cholesky(sigma), dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        white = np.linalg.solve(root, (mu - mu[0]).T).T
        far = ~(np.abs(white) <= _FARTHEST).all(axis=1)
    if far.any():
        msg = (
            f"means must lie within {_FARTHEST:g} standard deviations of the first, "
            f"got {mu[far][0].tolist()} at index [{int(far.argmax())}]"
        )
        raise ValueError(msg)
    edges, groups = _shortest_tree(mu, root)
    # Long edges count by their direction alone: beside 1e18 a distance of 1 is not nothing.
    edges /= np.maximum(np.linalg.norm(edges, axis=1, keepdims=True), 1.0)
    _, size, axes = np.linalg.svd(edges, full_matrices=False)
    axes = axes[size > 1e-10 * size.max(initial=1.0)]
    if len(axes) > max(_POINTS):
        msg = (
            f"the differences of means must span at most {max(_POINTS)} dimensions, got {len(axes)}"
        )
        raise ValueError(msg)
    rows = np.empty((0, mu.shape[1])) if posts is None else posts
    project = np.linalg.solve(root.T, axes.T)
    return _Geometry((mu - mu[:, None]) @ project, (rows[:, None] - mu) @ project, groups)


def _shortest_tree(mu: FloatArray, root: FloatArray) -> tuple[FloatArray, list[list[int]]]:
    """Return the whitened edges of the means' shortest spanning tree, (M - 1, d), and the groups.

    Groups are what is left of the tree without its edges longer than `_GROUPED`.
    """
    joined, groups, edges = [0], [[0]], []
    nearest = np.linalg.solve(root, (mu - mu[0]).T).T
    parent, group = np.zeros(len(mu), dtype=int), np.zeros(len(mu), dtype=int)
    while len(joined) < len(mu):
        length = np.linalg.norm(nearest, axis=1)
        length[joined] = np.inf
        k = int(length.argmin())
        edges.append(nearest[k].copy())
        if length[k] > _GROUPED:
            groups.append([])
            group[k] = len(groups) - 1
        else:
            group[k] = group[parent[k]]
        groups[group[k]].append(k)
        joined.append(k)
        away = np.linalg.solve(root, (mu - mu[k]).T).T
        closer = np.linalg.norm(away, axis=1) < length
        nearest[closer], parent[closer] = away[closer], k
    return np.array(edges).reshape(-1, mu.shape[1]), groups


def _points_of(
    components: int, means: npt.ArrayLike, covariance: npt.ArrayLike
) -> tuple[FloatArray, _Likelihoods]:
    geometry = _geometry(means, covariance)
    if len(geometry.between) != components:
        msg = f"means must have {components} rows, one a component, got {len(geometry.between)}"
        raise ValueError(msg)
    return _quadrature(geometry)


def _quadrature(geometry: _Geometry) -> tuple[FloatArray, _Likelihoods]:
    """Return N(x; mu_k, I) times the volume of a cell at the points x, (points, M), and its parts.

    The points are those within reach of some mean, on one lattice for each group of means: no point
    is within reach of two groups.
    """
    components, _, dimension = geometry.between.shape
    if dimension == 0:
        flat = np.zeros((1, components))
        return np.ones((1, components)), _Likelihoods(flat, flat)
    reach, share, finest = _POINTS[dimension]
    apart = float(np.linalg.norm(geometry.between, axis=2).max())
    step = max(finest, min(share, share / apart))
    count = int(np.ceil(reach / step))
    around = np.indices((2 * count + 1,) * dimension).reshape(dimension, -1).T - count
    around = around[np.linalg.norm(around, axis=1) <= count + 0.5]
    gaps, homes, found = [], [], 0
    for group in geometry.groups:
        _require_room(6 * dimension * len(group) * len(around))
        places = geometry.between[group[0], group]
        near = (np.rint(places / step).astype(np.int64)[:, None] + around).reshape(-1, dimension)
        points = step * np.unique(near, axis=0)
        found += len(points)
        _require_room((dimension + 1) * len(points) * len(group) + 6 * components * found)
        home = np.square(points[:, None] - places).sum(axis=2).argmin(axis=1)
        gaps.append(points - places[home])
        homes.append(np.array(group)[home])
    gap, home = np.concatenate(gaps), np.concatenate(homes)
    level = -0.5 * np.square(geometry.between).sum(axis=2)[home]
    slope = np.einsum("pd,pkd->pk", gap, geometry.between[home])
    own = -0.5 * np.square(gap).sum(axis=1) + dimension * np.log(step / np.sqrt(2.0 * np.pi))
    return np.exp(level + slope + own[:, None]), _Likelihoods(level, slope)


def _require_room(numbers: int) -> None:
    memory.refuse_memory("the quadrature", 8 * numbers, ["fewer means, or means on a line"])


def _ownership(likelihoods: _Likelihoods, weights: FloatArray) -> FloatArray:
    """Return o at every point, (points, M)."""
    level, slope = likelihoods
    alive = weights > 0.0
    with np.errstate(divide="ignore"):
        terms = level - level[:, alive].max(axis=1, keepdims=True, initial=-np.inf)
        terms += slope + np.log(weights)
    terms = np.exp(terms - terms.max(axis=1, keepdims=True, initial=-np.inf))
    terms /= terms.sum(axis=1, keepdims=True)
    return np.asarray(terms)
