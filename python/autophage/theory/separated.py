"""Means of weights of separated components, and which of them die: `webdynamics2025`.

A weight is clipped at zero only where there is a prior; until then the update is linear and all of
this is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from autophage import _check, memory
from autophage.theory.arguments import network_rate, one_law, prior_share

__all__ = [
    "Network",
    "consensus_drift",
    "consensus_growth",
    "fixed_weights",
    "mean_dynamics",
    "posts_to_extinction",
    "separated_mean",
    "weight_drift",
]

if TYPE_CHECKING:
    from autophage.mixture_schedule import MixtureSchedule

FloatArray = npt.NDArray[np.float64]


@runtime_checkable
class Network(Protocol):
    """What the formulas need of an `autophage.MixtureNetwork`."""

    @property
    def means(self) -> FloatArray:
        """mu_k, (M, d)."""

    @property
    def covariance(self) -> FloatArray:
        """Sigma, (d, d)."""

    @property
    def weights(self) -> FloatArray:
        """Weights at the start, (K, M)."""

    @property
    def prior(self) -> float:
        """The prior's strength c (c_T)."""

    @property
    def first_posts(self) -> FloatArray | None:
        """Posts that are there at the start, (P, d)."""

    @property
    def shared_reading(self) -> bool:
        """Whether the s-th post that is read is the same for all models."""

    def schedule(self, generations: int) -> MixtureSchedule:
        """Give posts, posts read, rates and pools of generations 1..G."""


def require_network(network: Network) -> None:
    """Refuse what has no mixtures, by name.

    Examples
    --------
    >>> require_network(3)
    Traceback (most recent call last):
    ...
    TypeError: network must be a MixtureNetwork, got 3 (int)
    """
    _check.instance("network", network, Network, "a MixtureNetwork")


def schedule_of(network: Network, generations: int, cells: int) -> MixtureSchedule:
    """Give the schedule, or refuse a path of so many numbers a generation that cannot fit.

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.MixtureNetwork([-9, 9], 1.0, [[0.9, 0.1], [0.3, 0.7]], rate=0.1)
    >>> schedule_of(net, 2, 4).pool
    array([2, 4])
    """
    require_network(network)
    schedule = network.schedule(generations)
    wanted = 16 * (generations + 1) * cells  # as a list, and put together
    memory.refuse_memory("this path", wanted, ["fewer generations, models or components"])
    return schedule


def separated_mean(
    weights: npt.ArrayLike,
    share: npt.ArrayLike,
    reads: int,
    *,
    rate: float,
    prior: float = 0.0,
) -> FloatArray:
    """E w after a model has read r posts of a pool (equation 9, and the display that iterates it).

    (1-a)^r w + [1 - (1-a)^r] (m - c) / (1 - M c), with m the share of each component in the pool,
    which is the mean weight over the authors of its posts.

    Parameters
    ----------
    weights, share : array_like
        w and m, laws over the components, (M,).
    reads : int
        r >= 0.
    rate : float
        a in (0, 1).
    prior : float
        c >= 0 with M c < 1.

    Returns
    -------
    numpy.ndarray
        (M,); exact for separated components of which none is clipped.

    Examples
    --------
    >>> separated_mean([0.2, 0.8], [0.7, 0.3], 1, rate=0.1)
    array([0.25, 0.75])
    """
    w, m = _pair("weights", weights, "share", share)
    r = _check.integer("reads", reads, 0, _check.COUNT_LIMIT)
    left = (1.0 - network_rate("rate", rate)) ** r
    c = prior_share(prior, w.size)
    return np.asarray(left * w + (1.0 - left) * (m - c) / (1.0 - w.size * c))


def mean_dynamics(network: Network, generations: int) -> FloatArray:
    """E w of every model in generations 0..G (iterates equation 9; the paper stops at one step).

    Exact for separated components until a weight is clipped, with shared reading and without, and
    for any posts, shares and rates: the update is linear, and a post read at random belongs to
    component k with the mean over the pool of the expected weights that its author had.

    Parameters
    ----------
    network : MixtureNetwork
        Only the first posts are placed by its components; elsewhere they count as separated.
    generations : int
        G >= 1.

    Returns
    -------
    numpy.ndarray
        (G + 1, K, M).

    Raises
    ------
    TypeError, ValueError
        If the schedules do not reach that far, or `generations` is no such number.
    MemoryError
        If it cannot fit.

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.MixtureNetwork([-9, 9], 1.0, [[0.9, 0.1], [0.3, 0.7]], rate=0.5, read=1.0)
    >>> mean_dynamics(net, 2)[:, :, 0].round(4)
    array([[0.9   , 0.3   ],
           [0.675 , 0.525 ],
           [0.6047, 0.5953]])
    """
    require_network(network)
    schedule, c = schedule_of(network, generations, network.weights.size), network.prior
    components = network.weights.shape[1]
    path, owned = [network.weights], first_owned(network)
    for a, n, r, size in zip(
        schedule.rate, schedule.posts, schedule.reads, schedule.pool, strict=True
    ):
        owned = owned + n @ path[-1]
        left = ((1.0 - a) ** r)[:, None]
        target = (owned / max(int(size), 1) - c) / (1.0 - components * c)
        path.append(left * path[-1] + (1.0 - left) * target)
    return np.stack(path)


def first_owned(network: Network) -> FloatArray:
    """How many of the first posts each component owns: those that are nearest to its mean, (M,).

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.MixtureNetwork([-9, 9], 1, [[0.5, 0.5]], rate=0.1, first_posts=[-8, 7, 9, 10])
    >>> first_owned(net)
    array([1., 3.])
    """
    require_network(network)
    count = len(network.means)
    if network.first_posts is None:
        return np.zeros(count)
    root = np.linalg.cholesky(network.covariance)
    white = [np.linalg.solve(root, x.T).T for x in (network.first_posts, network.means)]
    squares = np.square(white[0][:, None] - white[1]).sum(axis=2)
    return np.bincount(squares.argmin(axis=1), minlength=count).astype(np.float64)


def weight_drift(
    weights: npt.ArrayLike, share: npt.ArrayLike, *, rate: float, prior: float = 0.0
) -> FloatArray:
    """E w' - w of one post from a pool (equation 9 less w): a [(m - c) / (1 - M c) - w].

    Examples
    --------
    >>> weight_drift([0.1, 0.9], [0.1, 0.9], rate=0.1, prior=0.2).round(4)
    array([-0.0267,  0.0267])
    """
    w, m = _pair("weights", weights, "share", share)
    c, a = prior_share(prior, w.size), network_rate("rate", rate)
    return np.asarray(a * ((m - c) / (1.0 - w.size * c) - w))


def fixed_weights(share: npt.ArrayLike, *, prior: float = 0.0) -> FloatArray:
    """Where the drift from a pool that stays vanishes (equation 9): (m - c) / (1 - M c).

    Components with a share below c have a negative one: they are driven extinct in mean.

    Examples
    --------
    >>> fixed_weights([0.1, 0.3, 0.6], prior=0.2).round(2)
    array([-0.25,  0.25,  1.  ])
    """
    m = one_law("share", share)
    c = prior_share(prior, m.size)
    return np.asarray((m - c) / (1.0 - m.size * c))


def consensus_drift(share: npt.ArrayLike, *, rate: float, prior: float = 0.0) -> FloatArray:
    """E w' - w of one post where pool and models agree: a c (M w - 1) / (1 - M c).

    None of the papers has it. The only rest between the vertices is w = 1/M, and it repels: a
    component below 1/M is driven extinct in mean, and with M' components left 1/M' takes its place.

    Examples
    --------
    >>> consensus_drift([0.2, 0.3, 0.5], rate=0.1, prior=0.1).round(4)
    array([-0.0057, -0.0014,  0.0071])
    """
    w = one_law("share", share)
    c, a = prior_share(prior, w.size), network_rate("rate", rate)
    return np.asarray(a * c * (w.size * w - 1.0) / (1.0 - w.size * c))


def consensus_growth(network: Network, generations: int) -> FloatArray:
    """Factor by which E w - 1/M of each model has grown since all started alike.

    None of the papers has it. The starting weights of the network do not count. With c > 0 and no
    first posts it exceeds one, and a component that started at w < 1/M is extinct in mean where it
    times 1 - M w reaches one.

    Parameters
    ----------
    network : MixtureNetwork
        Its first posts count as spread evenly over the components.
    generations : int
        G >= 1.

    Returns
    -------
    numpy.ndarray
        (G + 1, K), from 1 on.

    Examples
    --------
    >>> import autophage as ap
    >>> net = ap.MixtureNetwork([-9, 9], 1.0, [[0.5, 0.5]] * 3, rate=0.02, prior=0.1)
    >>> consensus_growth(net, 600)[[0, 60, 600], 0].round(2)
    array([1.  , 2.02, 3.59])
    """
    require_network(network)
    models, components = network.weights.shape
    schedule = schedule_of(network, generations, models)
    path, gap = [np.ones(models)], 0.0
    for a, n, r, size in zip(
        schedule.rate, schedule.posts, schedule.reads, schedule.pool, strict=True
    ):
        gap += float(n @ path[-1])
        left = (1.0 - a) ** r
        target = gap / max(int(size), 1) / (1.0 - components * network.prior)
        path.append(left * path[-1] + (1.0 - left) * target)
    return np.stack(path)


def posts_to_extinction(
    weights: npt.ArrayLike, *, rate: float, prior: float, components: int
) -> FloatArray:
    """How many posts of other components in a row take a weight to zero (from equation 6).

    ceil(ln(1 + w (1 - M c) / c) / -ln(1 - a)): a weight reaches zero only through the prior, and
    then for ever, since its component owns nothing any more. Infinite without a prior.

    Parameters
    ----------
    weights : array_like
        w in [0, 1]: a number, (n,) or (n, m).
    rate : float
        a in (0, 1).
    prior : float
        c >= 0 with M c < 1.
    components : int
        M >= 1.

    Returns
    -------
    numpy.ndarray
        Whole numbers, or infinity, in the shape of `weights`; 0 where the weight is zero.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong.

    Examples
    --------
    >>> posts_to_extinction([0.01, 0.5], rate=0.02, prior=0.02, components=2)
    array([ 20., 160.])
    """
    w = _check.numbers("weights", weights, 0.0, 1.0, ndim=(0, 1, 2))
    components = _check.integer("components", components, 1, _check.CONTEXT_LIMIT)
    c, a = prior_share(prior, components), network_rate("rate", rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.log1p(w * (1.0 - components * c) / c) / -np.log1p(-a)
    return np.where(w == 0.0, 0.0, np.ceil(times))


def _pair(
    name: str, value: npt.ArrayLike, other: str, second: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    first, law = one_law(name, value), one_law(other, second)
    if first.size != law.size:
        msg = f"{other} must have {first.size} entries, as {name} has, got {law.size}"
        raise ValueError(msg)
    return first, law
