"""Networks of Gaussian mixtures that post to a shared pool and learn from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autophage import _check, memory, mixture_schedule
from autophage.mixture_schedule import Floats, MixtureSchedule, Scheduled
from autophage.schedules import same_form

__all__ = ["MixtureNetwork", "MixtureSchedule"]

FARTHEST = 1e100
"""Standard deviations that points may lie apart: their squares still have room."""
_ROW_BYTES = 64  # of a generation and model, of the schedule while it is made


class MixtureNetwork:
    r"""K Gaussian mixtures that post to a pool and learn from it (`webdynamics2025`).

    The mixtures share M components N(mu_k, Sigma); each has its own weights, a point w of the
    simplex, and only these move. In every generation each model first adds posts drawn from its
    own mixture to the pool, which keeps all posts for ever; then each draws a share of the pool,
    uniformly and without replacement, and learns from the posts in random order. For one post x, ::

        o_k = w_k N(x; mu_k, Sigma) / sum_l w_l N(x; mu_l, Sigma)
        w_k <- w_k + a (o_k / (1 - M c) - w_k) - a c / (1 - M c)
        w_k <- max(w_k, 0), then all are divided by their sum

    with the rate a and the prior strength c: the recursive update of Zivkovic and van der Heijden
    (2004) at a fixed rate. Of interest is how far the models are apart, ``D[i, j] = |w_i - w_j|``.

    Parameters
    ----------
    means : array_like, shape (M, d), or (M,) for d = 1
        The components' means.
    covariance : array_like, shape (d, d), or float for d = 1
        Sigma, the same for all; positive definite.
    weights : array_like, shape (K, M)
        The weights of each model at the start; rows sum to one, by the rules of `Categorical`. At
        most 2^20 models.
    rate : float, array_like of float or callable
        a, in (0, 1). It may decay: `rate=lambda t: 1 / (t + 20)`.
    prior : float, default 0.0
        c (c_T in the sources), at least 0 and below 1 / M. Zivkovic and van der Heijden take
        a (d + d (d + 1) / 2) / 2.
    posts : int, array_like of int or callable, default 1
        Posts that a model adds in a generation, at least 0.
    read : float, array_like of float or callable, default 0.5
        Share of the pool that a model reads in a generation, in [0, 1]: floor(read x posts in the
        pool) of them, where what falls short of a whole number by 1e-9 counts as it.
    first_posts : array_like, shape (P, d), or (P,) for d = 1, optional
        Posts in the pool before generation 1. By default there are none.
    active_components : bool, default False
        Prune as the program of Zivkovic and van der Heijden does: M in the update is the number of
        components that the model has left (w_k > 0) before the post. They take their new weights
        one after another, o_k being of the weights before the post; where one is not above 0 it
        becomes 0, and all weights, those that are new and those that are still old, are divided by
        their sum, as they are after the last. The same as the default while nothing is pruned.
    shared_reading : bool, default False
        Whether all models read the same posts in the same order, each as far as its share goes.

    Attributes
    ----------
    means, covariance, weights : ndarray of float64, shapes (M, d), (d, d), (K, M)
        Read-only copies.
    rate, posts, read : number, ndarray or callable
        As given; arrays are read-only copies, float64 or, for posts, int64.
    prior, active_components, shared_reading : float, bool, bool
        As given.
    first_posts : ndarray of float64, shape (P, d), or None
        Read-only copy.
    model_count, component_count, feature_count : int
        K, M and d.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If shapes do not fit together, a number is out of its range or not finite, the covariance is
        not symmetric (to 1e-12 of its largest entry) and positive definite, a row of weights is off
        the simplex, prior x M is 1 or more, points lie more than 1e100 standard deviations apart,
        or there is nothing in the pool at the first reading. What depends on the number of
        generations is raised by `schedule`, and so by `simulate`.

    See Also
    --------
    simulate : records "distance", "distances" and "weights" over generations 0, 1, ...

    Notes
    -----
    `rate`, `posts` and `read` may be a number; an array that broadcasts to (generations, models) by
    NumPy's rules, so that a 1-D array holds one entry a model and a column (G, 1) one a generation
    (rows beyond the study are not used); or a function of t = 1, 2, ..., which returns a number or
    one number a model and is called once for each generation.

    *What the network converges to, and when.* Take components far apart (6 standard deviations and
    more), so that every post tells its component.

    - In the mean the models agree. With m the average weights over the authors of the posts in the
      pool, one post changes E w to (1 - a) E w + a (m - c) / (1 - M c), and r posts to
      (1 - a)^r E w + [1 - (1 - a)^r] (m - c) / (1 - M c). So E[w_i - w_j] shrinks by 1 - a with
      every post that both read. Where components overlap, o_k leans to the reader's own weights,
      and the pull is weaker.
    - The distance itself does not go to zero at a fixed rate, however much is read: each model
      keeps the noise of its own last 1 / a posts. From a large pool with weights m,
      ``E |w_i - w_j|^2`` falls to ``2 a / (2 - a) (1 - |m|^2) / (1 - M c)^2`` and no further. The
      squared norm of D is K (K - 1) times as much, for two components, m = (q, 1 - q), that is
      4 K (K - 1) a / (2 - a) q (1 - q) / (1 - 2 c)^2. (The paper's claim that the distance vanishes
      in probability is for this reason not right as stated.)
    - It does go to zero at a vertex, ``|m| = 1``: a weight that is 0 stays 0, so once all models
      and posts are of one component nothing changes any more.
    - It does with shared reading: while nothing is pruned, w_i - w_j is multiplied by 1 - a with
      every post, whatever the post.
    - It does when the rate decays so that a_t -> 0 while the sum of a_t over all posts read
      diverges: the first removes the noise, the second forgets the start.
    - c > 0 drives small components extinct. The pull is to (m - c) / (1 - M c), whose distance to
      the uniform law is that of m times 1 / (1 - M c): consensus moves away from the middle of the
      simplex, components with less than 1 / M shrink, and those pulled below 0 are gone for
      good. The larger c, the more runs end at a vertex. At c = 0 nothing drives the consensus but
      the noise of finite pools.

    References
    ----------
    Z. Zivkovic and F. van der Heijden (2004), Recursive unsupervised learning of finite mixture
    models, IEEE Transactions on Pattern Analysis and Machine Intelligence 26, 651-656.

    Examples
    --------
    Both models agree in the mean, and still keep their distance, unless they read the same posts:

    >>> import autophage as ap
    >>> weights = [[0.9, 0.1], [0.2, 0.8]]
    >>> apart = ap.MixtureNetwork([-6, 6], 1.0, weights, rate=0.1)
    >>> apart
    <MixtureNetwork: 2 models, 2 components, 1 feature>
    >>> shared = ap.MixtureNetwork([-6, 6], 1.0, weights, rate=0.1, shared_reading=True)
    >>> for net in (apart, shared):
    ...     found = ap.simulate(net, runs=1000, generations=20, rng=1, reduce="mean")
    ...     gap = found.weights.sel(model=0, component=0) - found.weights.sel(model=1, component=0)
    ...     print(found.distance[[0, -1]].values.round(2), abs(gap[-1].item()) < 0.02)
    [1.4  0.19] True
    [1.4 0. ] True
    >>> ap.MixtureNetwork([-6, 6], 1.0, weights, rate=1.5)
    Traceback (most recent call last):
    ...
    ValueError: rate must be a finite number in (0, 1), got 1.5
    """

    __slots__ = (
        "_active_components",
        "_covariance",
        "_first_posts",
        "_means",
        "_posts",
        "_prior",
        "_rate",
        "_read",
        "_shared_reading",
        "_weights",
    )

    def __init__(
        self,
        means: npt.ArrayLike,
        covariance: npt.ArrayLike,
        weights: npt.ArrayLike,
        *,
        rate: Scheduled,
        prior: float = 0.0,
        posts: Scheduled = 1,
        read: Scheduled = 0.5,
        first_posts: npt.ArrayLike | None = None,
        active_components: bool = False,
        shared_reading: bool = False,
    ) -> None:
        self._means = _points("means", means)
        self._covariance = _check.covariance("covariance", covariance)
        self._weights = _check.laws("weights", weights)
        self._first_posts = None if first_posts is None else _points("first_posts", first_posts)
        given: dict[str, Any] = {"means": means, "covariance": covariance}
        given["first_posts"] = first_posts
        self._require_shapes({name: np.shape(value) for name, value in given.items()})
        self._require_near("means", self._means)
        if self._first_posts is not None:
            self._require_near("first_posts", self._first_posts)
        self._prior = _check.number("prior", prior, 0.0)
        if self._prior * self.component_count >= 1.0:
            msg = (
                f"prior must be below 1/{self.component_count}, one over the number of components, "
                f"got {prior!r}"
            )
            raise ValueError(msg)
        self._rate = mixture_schedule.checked("rate", rate, self.model_count)
        self._posts = mixture_schedule.checked("posts", posts, self.model_count)
        self._read = mixture_schedule.checked("read", read, self.model_count)
        self._active_components = _check.flag("active_components", active_components)
        self._shared_reading = _check.flag("shared_reading", shared_reading)
        if self._first_posts is None:
            mixture_schedule.refuse_empty_start(self._posts, self._read)

    def _require_shapes(self, given: dict[str, tuple[int, ...]]) -> None:
        """Refuse arguments that do not fit together; `given` is the shapes before any check."""
        components, features = self._means.shape
        if self._covariance.shape != (features, features):
            shape = f"shape {given['covariance']}" if given["covariance"] else "a number"
            msg = (
                f"covariance must have shape {(features, features)} beside means of shape "
                f"{given['means']}, got {shape}"
            )
            raise ValueError(msg)
        if self._weights.ndim != 2 or self._weights.shape[1] != components:
            msg = (
                f"weights must have shape (models, {components}), one column a component, "
                f"got shape {self._weights.shape}"
            )
            raise ValueError(msg)
        if len(self._weights) > _check.CONTEXT_LIMIT:
            msg = f"weights must have at most 2^20 rows, one a model, got {len(self._weights)}"
            raise ValueError(msg)
        if self._first_posts is not None and self._first_posts.shape[1] != features:
            msg = (
                f"first_posts must have shape (posts, {features}), got shape {given['first_posts']}"
            )
            raise ValueError(msg)

    def _require_near(self, name: str, points: Floats) -> None:
        """Refuse points whose squared distances, in standard deviations, may have no room."""
        with np.errstate(over="ignore"):
            apart = np.abs(points - self._means[0]) / np.sqrt(np.diagonal(self._covariance))
        far = ~(apart <= FARTHEST)
        if far.any():
            index = tuple(int(i) for i in np.argwhere(far)[0])
            msg = (
                f"{name} must lie within {FARTHEST:g} standard deviations of the first of the "
                f"means, got {points[index].item()!r} at index {list(index)}"
            )
            raise ValueError(msg)

    @property
    def means(self) -> Floats:
        """The components' means, (M, d)."""
        return self._means

    @property
    def covariance(self) -> Floats:
        """The covariance of every component, (d, d)."""
        return self._covariance

    @property
    def weights(self) -> Floats:
        """The weights of each model at the start, (K, M)."""
        return self._weights

    @property
    def rate(self) -> Any:
        """The learning rate a, as given."""
        return self._rate

    @property
    def prior(self) -> float:
        """The prior strength c."""
        return self._prior

    @property
    def posts(self) -> Any:
        """Posts that a model adds in a generation, as given."""
        return self._posts

    @property
    def read(self) -> Any:
        """Share of the pool that a model reads in a generation, as given."""
        return self._read

    @property
    def first_posts(self) -> Floats | None:
        """Posts in the pool before generation 1, (P, d), or None."""
        return self._first_posts

    @property
    def active_components(self) -> bool:
        """Whether M in the update counts the components that a model has left."""
        return self._active_components

    @property
    def shared_reading(self) -> bool:
        """Whether all models read the same posts in the same order."""
        return self._shared_reading

    @property
    def model_count(self) -> int:
        """Number of models K."""
        return len(self._weights)

    @property
    def component_count(self) -> int:
        """Number of components M."""
        return len(self._means)

    @property
    def feature_count(self) -> int:
        """Number of features d."""
        return int(self._means.shape[1])

    def schedule(self, generations: int) -> MixtureSchedule:
        """Spell out what every generation does.

        Parameters
        ----------
        generations : int
            Length of the study, 1 to 2^32 - 1.

        Returns
        -------
        MixtureSchedule
            posts, read, reads and rate, (generations, models), and the size of the pool.

        Raises
        ------
        TypeError
            If a callable returns the wrong kind of value.
        ValueError
            If an array has too few rows, a callable returns a wrong value, the pool is empty at the
            first reading or grows beyond 2^31 - 1 posts.
        MemoryError
            If it cannot fit.

        Examples
        --------
        >>> import autophage as ap
        >>> net = ap.MixtureNetwork([-3, 3], 1.0, [[0.5, 0.5]] * 3, rate=0.1, read=[0.5, 0.25, 1])
        >>> schedule = net.schedule(3)
        >>> schedule.pool.tolist(), schedule.reads.tolist()
        ([3, 6, 9], [[1, 0, 3], [3, 1, 6], [4, 2, 9]])
        """
        generations = _check.integer("generations", generations, 1, _check.GENERATION_LIMIT)
        wanted = _ROW_BYTES * generations * self.model_count
        memory.refuse_memory("the schedule", wanted, ["fewer generations or models"])
        first = 0 if self._first_posts is None else len(self._first_posts)
        return mixture_schedule.spell_out(
            self._posts, self._read, self._rate, (generations, self.model_count), first
        )

    def spelled_out(self, generations: int) -> MixtureNetwork:
        """Replace arrays and callables by arrays (generations, models), one row a generation.

        Parameters
        ----------
        generations : int
            Length of the study.

        Returns
        -------
        MixtureNetwork
            A network with the same schedule, without callables.

        Raises
        ------
        TypeError, ValueError
            As `schedule`.

        Examples
        --------
        >>> import autophage as ap
        >>> net = ap.MixtureNetwork([-3, 3], 1.0, [[0.5, 0.5]] * 2, rate=lambda t: 1 / (t + 1))
        >>> net.spelled_out(2).rate.round(3).tolist(), net.spelled_out(2).posts
        ([[0.5, 0.5], [0.333, 0.333]], 1)
        """
        schedule = self.schedule(generations)
        given = self._arguments()
        varying = {
            name: getattr(schedule, name)
            for name in ("rate", "posts", "read")
            if callable(given[name]) or isinstance(given[name], np.ndarray)
        }
        return MixtureNetwork(**(given | varying)) if varying else self

    def _arguments(self) -> dict[str, Any]:
        """All arguments by name."""
        return {name.removeprefix("_"): getattr(self, name) for name in self.__slots__}

    def __eq__(self, other: object) -> bool:
        """Equal where all arguments are, bit for bit; callables compare by identity."""
        if not isinstance(other, MixtureNetwork):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        """Hash in agreement with equality."""
        return hash(self._key())

    def __repr__(self) -> str:
        """One line with the sizes; the numbers are in the attributes."""
        counted = (
            _counted(self.model_count, "model"),
            _counted(self.component_count, "component"),
            _counted(self.feature_count, "feature"),
        )
        return f"<MixtureNetwork: {', '.join(counted)}>"

    def _key(self) -> tuple[object, ...]:
        return tuple(map(same_form, self._arguments().values()))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")


def _points(name: str, value: npt.ArrayLike) -> Floats:
    """Check points, (n, d); a 1-D array holds points on a line."""
    points = _check.numbers(name, value, ndim=(1, 2))
    points = points.reshape(len(points), -1)
    points.flags.writeable = False
    return points
