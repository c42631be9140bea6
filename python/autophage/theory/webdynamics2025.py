"""What "LLM Web Dynamics: Tracing Model Collapse in a Network of LLMs" states of its mixtures.

K mixtures share M fixed components; only the weights w move. Each generation every mixture writes
posts into one pool, then reads some of the pool, each post an update (equation 6)

    w_k <- (1-a) w_k + a (o_k - c) / (1 - M c),   o_k = w_k N(x; mu_k, Sigma) / sum_l (..),

with a the rate and c the prior's strength (c_T); negative weights become zero and the rest is
divided by its sum. The functions here are for separated components (about six standard deviations
apart or more, so that a post belongs to the component it came from) until a weight is clipped;
where components overlap, see `one_step_mean`, `mean_field` and `approach_rates`.

What the network converges to, and when. Without a prior nothing moves the consensus but the noise
of finite pools, ever less as the pool grows, so that its shares q settle at a random point; every
model follows them, and E[w_i - w_j] shrinks by 1 - a with each post read. The distance itself does
not go to zero: a model remembers the last 1/a posts it read, and those of two models differ. What
remains is `distance_floor`, of the order of a; `squared_distances` is exact at every generation. So
the paper's claim (5), that ``||D_t||_F`` goes to zero in probability, is false for a fixed
rate: ``||D_t||_F`` is bounded, so the claim would take ``E ||D_t||_F^2`` to zero as well. Its proof
takes ``|E X|`` for a bound of ``E |X|`` (`expected_distance_printed`). The distance does vanish
when all models read the same posts, when the rate decays but its sum over all posts read does not
converge, or when the network reaches a vertex. That is where a prior leads: with c > 0 a component
whose share of the pool is below c cannot stay, and in a network that reads itself every share below
1/M shrinks (`consensus_drift`) until one component is left.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autophage import _check
from autophage.theory.arguments import (
    network_rate,
    one_law,
    prior_share,
)
from autophage.theory.ownership import OneStep, approach_rates, mean_field, one_step_mean
from autophage.theory.separated import (
    Network,
    consensus_drift,
    consensus_growth,
    first_owned,
    fixed_weights,
    mean_dynamics,
    posts_to_extinction,
    require_network,
    schedule_of,
    separated_mean,
    weight_drift,
)

__all__ = [
    "Network",
    "OneStep",
    "approach_rates",
    "consensus_drift",
    "consensus_growth",
    "distance_floor",
    "expected_distance_printed",
    "expected_squared_distance",
    "fixed_weights",
    "mean_dynamics",
    "mean_field",
    "one_step_mean",
    "posts_to_extinction",
    "separated_mean",
    "squared_distances",
    "weight_drift",
]

FloatArray = npt.NDArray[np.float64]


def squared_distances(network: Network, generations: int) -> FloatArray:
    """``E ||w_i - w_j||^2`` in generations 0..G (none of the papers has it).

    Exact for separated components until a weight is clipped, for any posts, shares and rates: the
    update is linear, so the second moments of all weights and of the pool's counts follow from one
    another. The sum over both models is E ||D_t||_F^2.

    Parameters
    ----------
    network : MixtureNetwork
        Only the first posts are placed by its components; elsewhere they count as separated.
    generations : int
        G >= 1.

    Returns
    -------
    numpy.ndarray
        (G + 1, K, K).

    Raises
    ------
    TypeError, ValueError
        If the schedules do not reach that far, or `generations` is no such number.
    MemoryError
        If it cannot fit.

    Examples
    --------
    >>> import autophage as ap
    >>> for shared in (False, True):
    ...     net = ap.MixtureNetwork(
    ...         [-9, 9], 1.0, [[0.9, 0.1], [0.3, 0.7]], rate=0.1, shared_reading=shared
    ...     )
    ...     print(squared_distances(net, 900)[[0, 30, 900], 0, 1].round(4))
    [0.72   0.0299 0.0403]
    [0.72 0.   0.  ]
    """
    require_network(network)
    schedule, c = schedule_of(network, generations, len(network.weights) ** 2), network.prior
    start, owned = network.weights, first_owned(network)
    components = start.shape[1]
    # Expected inner products, summed over components: of weights, with the pool's counts, of these.
    own, cross, counts = start @ start.T, start @ owned, float(owned @ owned)
    path = [_distances(own)]
    for a, n, r, size in zip(
        schedule.rate, schedule.posts, schedule.reads, schedule.pool, strict=True
    ):
        counts += float(2.0 * n @ cross + n @ own @ n + n @ (1.0 - np.diag(own)))
        cross = cross + own @ n
        pool = max(int(size), 1)
        left = (1.0 - a) ** r
        gain = (1.0 - left) / (1.0 - components * c)
        toward = left * (cross / pool - c)
        second = counts / pool**2
        noise = _reading_noise(a, r, pool, network.shared_reading) / (1.0 - components * c) ** 2
        own = (
            np.outer(left, left) * own
            + np.outer(toward, gain)
            + np.outer(gain, toward)
            + np.outer(gain, gain) * (second - 2.0 * c + components * c * c)
            + noise * (1.0 - second)
        )
        cross = left * cross + gain * (counts / pool - c * int(size))
        path.append(_distances(own))
    return np.stack(path)


def expected_squared_distance(
    squared_distance: float,
    share: npt.ArrayLike,
    pool: float,
    reads: int,
    *,
    rate: float,
    prior: float = 0.0,
) -> float:
    """``E ||w_i - w_j||^2`` after each has read r posts of one pool (none of the papers has it).

    (1-a)^(2r) ||w_i - w_j||^2 + 2 (b_2 - b_1^2/L) L/(L-1) (1 - sum_k q_k^2) / (1 - M c)^2 with b_1
    = 1 - (1-a)^r and b_2 = a/(2-a) (1 - (1-a)^(2r)): two models read in orders of their own,
    without replacement, from the same L posts, of which a share q_k belongs to component k.

    Parameters
    ----------
    squared_distance : float
        ||w_i - w_j||^2 before, in [0, 2].
    share : array_like
        q, the pool's shares, a law over the components, (M,).
    pool : float
        L, a whole number of at least 1; infinity draws with replacement. Where it is finite, each
        share times L must be a whole number, to 1e-6 of a post.
    reads : int
        r in [0, L].
    rate : float
        a in (0, 1).
    prior : float
        c >= 0 with M c < 1.

    Returns
    -------
    float
        Exact for separated components of which none is clipped.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, or no pool of L posts has such shares.

    Examples
    --------
    >>> round(expected_squared_distance(0.0, [0.5, 0.5], 600, 600, rate=0.02), 5)
    0.00845
    >>> round(expected_squared_distance(0.0, [0.5, 0.5], float("inf"), 600, rate=0.02), 5)
    0.0101
    """
    q = one_law("share", share)
    before = _check.number("squared_distance", squared_distance, 0.0, 2.0)
    size = _pool(pool, q)
    r = _check.integer("reads", reads, 0, int(min(size, _check.COUNT_LIMIT)))
    a = np.array([network_rate("rate", rate)])
    c = prior_share(prior, q.size)
    noise = _reading_noise(a, np.array([float(r)]), size, False)[0, 0]
    fresh = 2.0 * noise * (1.0 - float(q @ q)) / (1.0 - q.size * c) ** 2
    return float((1.0 - a[0]) ** (2 * r) * before + fresh)


def distance_floor(
    models: int, share: npt.ArrayLike, *, rate: npt.ArrayLike, prior: float = 0.0
) -> float:
    """``E ||D||_F^2`` that is left in a large pool however much is read (no paper has it).

    2 K (K-1) a/(2-a) (1 - sum_k q_k^2) / (1 - M c)^2; for M = 2 the last sum is 2 q (1-q). With a
    rate for each model, K a/(2-a) is their sum of a_j/(2-a_j). Models that read the same posts in
    the same order have no floor.

    Parameters
    ----------
    models : int
        K >= 1.
    share : array_like
        q, the pool's shares, a law over the components, (M,).
    rate : array_like
        a in (0, 1), or one for each model, (K,).
    prior : float
        c >= 0 with M c < 1.

    Returns
    -------
    float
        Its square root bounds nothing by itself, but ||D||_F <= sqrt(2 K (K-1)), so that
        P(||D||_F > x) >= (floor - x^2) / (2 K (K-1)).

    Examples
    --------
    >>> round(distance_floor(3, [0.5, 0.5], rate=1 / 150), 5)
    0.02007
    """
    count = _check.integer("models", models, 1, _check.CONTEXT_LIMIT)
    q = one_law("share", share)
    rates = _check.numbers("rate", rate, 0.0, 1.0, ndim=(0, 1), open_ends=True)
    if rates.ndim and rates.size != count:
        msg = f"rate must be a number, or one for each of {count} models, got {rates.size}"
        raise ValueError(msg)
    rates = np.broadcast_to(rates, count)
    c = prior_share(prior, q.size)
    kept = float((rates / (2.0 - rates)).sum())
    return 2.0 * (count - 1) * kept * (1.0 - float(q @ q)) / (1.0 - q.size * c) ** 2


def expected_distance_printed(distance: npt.ArrayLike, reads: int, *, rate: float) -> FloatArray:
    """``E ||D_t||_F`` as the appendix has it on its way from (10) to claim (5): ||E D_t||_F.

    (1-a)^r ||D_0||_F after each model has read r posts in all: the norm of the mean of w_i - w_j
    in place of the mean of the norm.

    Parameters
    ----------
    distance : array_like
        ||D_0||_F >= 0: a number, or (n,).
    reads : int
        r >= 0.
    rate : float
        a in (0, 1).

    Returns
    -------
    numpy.ndarray
        In the shape of `distance`.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong.

    Examples
    --------
    >>> float(expected_distance_printed(1.0, 600, rate=0.02).round(7))
    5.4e-06
    """
    start = _check.numbers("distance", distance, 0.0, ndim=(0, 1))
    r = _check.integer("reads", reads, 0, _check.COUNT_LIMIT)
    return np.asarray((1.0 - network_rate("rate", rate)) ** r * start)


def _pool(pool: object, share: FloatArray) -> float:
    """Check the posts in a pool, a whole number of each component."""
    if isinstance(pool, float | np.floating) and pool == np.inf:
        return np.inf
    size = _check.number("pool", pool, 1.0, _check.COUNT_LIMIT)
    if size != round(size):
        msg = f"pool must be a whole number of posts, or infinity, got {pool!r}"
        raise ValueError(msg)
    off = np.abs(share * size - np.rint(share * size))
    if size < 2.0**31 and off.max() > 1e-6:
        msg = (
            "share times pool must be whole numbers of posts, "
            f"got {share[off.argmax()].item()!r} at index [{int(off.argmax())}] times {size:.0f}"
        )
        raise ValueError(msg)
    return size


def _distances(own: FloatArray) -> FloatArray:
    square = np.diag(own)
    return np.maximum(square[:, None] + square - 2.0 * own, 0.0)


def _reading_noise(rate: FloatArray, reads: FloatArray, pool: float, shared: bool) -> FloatArray:
    """Return what the order of reading adds to the inner products, over 1 - sum q^2, (K, K).

    The s-th post counts v_s = a (1-a)^(r-s); posts of one reading are drawn without replacement.
    """
    if pool <= 1.0:
        return np.zeros((rate.size, rate.size))
    both = np.minimum.outer(reads, reads)
    left = 1.0 - rate
    late = left[:, None] ** (reads[:, None] - both) * left ** (reads - both)
    product = np.outer(left, left)
    squares = np.outer(rate, rate) * late * (1.0 - product**both) / (1.0 - product)
    total = 1.0 - left**reads
    share = pool / (pool - 1.0) if pool < np.inf else 1.0
    noise = (squares - np.outer(total, total) / pool) * share
    return noise if shared else np.diag(np.diag(noise))
