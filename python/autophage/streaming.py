"""Mixtures of Gaussians learned from a stream, for users of scikit-learn.

The one module that needs scikit-learn, which comes with the extra `streaming`; the package imports
it when `autophage.RecursiveMixture` is first used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autophage import _check
from autophage.recursive_mixture import State
from autophage.recursive_parameters import LARGEST, Parameters, checked

try:
    from sklearn.base import BaseEstimator, DensityMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:  # also where it is too old
    message = "RecursiveMixture needs scikit-learn 1.6 or newer: pip install 'autophage[streaming]'"
    raise ImportError(message) from error

__all__ = ["RecursiveMixture"]


class RecursiveMixture(DensityMixin, BaseEstimator):
    r"""Mixture of Gaussians learned one point at a time, which finds its number of components.

    Zivkovic and van der Heijden's recursive maximum a posteriori estimator: it begins with more
    components than the data need, forgets the past at a fixed rate, and drops components that the
    data do not support. With rate a, prior c and M components left, a point x has the ownerships
    o_m = w_m N(x; mu_m, C_m) / sum_l w_l N(x; mu_l, C_l), and the update is

    .. math::

        w_m &\leftarrow w_m + a \left( \frac{o_m - c}{1 - M c} - w_m \right), \\
        \mu_m &\leftarrow \mu_m + s_m \delta_m, \qquad \delta_m = x - \mu_m, \\
        C_m &\leftarrow C_m + t_m \left( \delta_m \delta_m^T - C_m \right).

    Components with w_m <= 0 leave, all together, and the weights left are divided by their sum; M
    is smaller from the next point on. The paper's step a o_m / w_m, with w_m before the point, is
    bounded: s_m by 1, so that no mean passes the point that draws it, and t_m by 20 a (the paper's
    advice: delta delta^T is singular) and by 1/2.

    The weights sum to one at all times. Around a well separated component of true share p, where
    ownerships are 0 or 1, w has the mean (p - c) / (1 - M c): components with less than the share c
    of the data leave, and of the others those above 1 / M have more than their share, those below
    have less. Weights, means and covariances keep the noise of about the last 1/a points; lower
    `rate` between calls of `partial_fit` for estimates that converge.

    Parameters
    ----------
    n_components : int, default 30
        Components to begin with.
    rate : float, default 0.005
        a, in (0, 1): the influence of one point. About the last 1/a points count.
    prior : float or None, default None
        c >= 0 with n_components * c < 1: half the parameters of a component per point remembered.
        0 keeps all components. None takes a N / 2, N = d + d (d + 1) / 2 for full and N = 2 d for
        diagonal covariances of d features, and at most 1 / (2 n_components), for more than that
        leaves too little weight to the data.
    covariance_type : {"full", "diag"}, default "full"
        Whether components have correlations.
    init : "random" or array_like (n_components, n_features), default "random"
        Means to begin with; "random" takes distinct points among the first `init_size`, or as many
        as there are, and moves repeated values by normal noise of the starting variance.
    init_variance : float or None, default None
        Variance of every feature within every component at the beginning, in squared units of X.
        None takes a tenth of the mean variance of the features in the first `init_size` points.
    init_size : int or None, default None
        Points that set the start; None takes 10 n_components. Until so many have come, each call of
        `partial_fit` begins again from all points so far. Without use where `init` is an array and
        `init_variance` a number.
    reg_covar : float, default 1e-6
        Floor, in squared units of X, in [1e-50, 1e50]: no feature's variance given the features
        before it falls below. It keeps covariances positive definite where features are constant or
        depend on each other, and changes nothing elsewhere.
    max_iter : int, default 1
        Passes that `fit` makes over X.
    random_state : int, RandomState instance or None, default None
        For the choice of points by `init`, and for `sample`.

    Attributes
    ----------
    weights_ : ndarray (n_components_,)
        Sum to one.
    means_ : ndarray (n_components_, n_features)
    covariances_ : ndarray (n_components_, n_features, n_features) or (n_components_, n_features)
        Full, or the variances of diagonal ones.
    n_components_ : int
        Components left.
    prior_ : float
        c at the last call.
    n_samples_seen_ : int
        Points learned from, repetitions by `max_iter` counted.
    n_iter_ : int
        Passes that the last call made.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where X had names.

    Notes
    -----
    All parameters are checked at every call of `fit` and `partial_fit`, also those that it does not
    read. `rate`, `prior` and `reg_covar` are read at every call, and so is `n_components` where
    `prior` is None. `init`, `init_variance`, `init_size`, `covariance_type` and `n_components` set
    the start: `partial_fit` reads them until `init_size` points have come. After that another
    `covariance_type` is refused, and the others change nothing before the next `fit`. `max_iter` is
    read by `fit` alone. `random_state` is read by `fit`, by the first `partial_fit` and by
    `sample`.

    With a number for `random_state` it makes no difference to a single bit in which pieces the
    points come, be it one by one, as long as no parameter changes between the calls; `fit` is one
    such piece. Order matters, as in every method with a fixed rate: rows are taken as they come, so
    shuffle data that are sorted. A call that is interrupted or refused changes no estimate.

    In the setting of the paper, 30 components and a = 1/150 on three Gaussians two apart along the
    second feature, with variances 2 and .2, three components are left in 396 of 400 runs over
    12,000 points, and four in the others.

    The cost is n_components_ * n_features^2 operations a point; covariances are kept as triangular
    factors and updated by rank one. Ownerships come from logarithms of densities, relative to the
    largest, so a point far from all components divides by no zero: it belongs to the nearest, and
    to those that double cannot tell from it.

    References
    ----------
    Zivkovic and van der Heijden, Recursive unsupervised learning of finite mixture models, IEEE
    Transactions on Pattern Analysis and Machine Intelligence 26 (2004) 651-656.

    Examples
    --------
    Three clusters with the shares .5, .3 and .2, from 30 components:

    >>> import numpy as np
    >>> import autophage as ap
    >>> rng = np.random.default_rng(1)
    >>> centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    >>> x = centres[rng.choice(3, size=20_000, p=[0.5, 0.3, 0.2])] + rng.normal(size=(20_000, 2))
    >>> mixture = ap.RecursiveMixture(rate=1 / 150, random_state=1)
    >>> for piece in np.array_split(x, 100):
    ...     mixture = mixture.partial_fit(piece)
    >>> mixture.n_components_
    3
    >>> mixture.predict_proba([[6.0, 0.5]]).max().round(3)
    np.float64(1.0)
    """

    weights_: NDArray[np.float64]
    means_: NDArray[np.float64]
    n_samples_seen_: int
    _factors: NDArray[np.float64]
    _first: NDArray[np.float64] | None  # points that came while they still set the start
    _seed: int

    def __init__(
        self,
        n_components: int = 30,
        *,
        rate: float = 0.005,
        prior: float | None = None,
        covariance_type: str = "full",
        init: str | ArrayLike = "random",
        init_variance: float | None = None,
        init_size: int | None = None,
        reg_covar: float = 1e-6,
        max_iter: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.rate = rate
        self.prior = prior
        self.covariance_type = covariance_type
        self.init = init
        self.init_variance = init_variance
        self.init_size = init_size
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: ARG002
        """Begin anew and learn from the rows of X in their order, `max_iter` times.

        Parameters
        ----------
        X : array_like (n_samples, n_features)
            Finite numbers in [-1e100, 1e100].
        y : ignored

        Returns
        -------
        RecursiveMixture
            This estimator.

        Raises
        ------
        TypeError, ValueError
            Where a parameter or X is not what it must be; the message names it.
        MemoryError
            Where the components cannot fit.
        """
        with _all_or_nothing(self):
            given = self._parameters()
            points = self._points(X, reset=True)
            given.require(points.shape[1], None)
            seed = self._new_seed()
            state = given.start(points[: given.start_size], seed)
            prior = given.prior_of(state)
            for _ in range(given.passes):
                state = state.learn(points, given.rate, prior, given.floor)
            self._keep(state, prior, given.passes * len(points))
            self._seed, self._first, self.n_iter_ = seed, None, given.passes
        return self

    def partial_fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: ARG002
        """Learn from the rows of X in their order, after those of the calls before.

        Parameters
        ----------
        X : array_like (n_samples, n_features)
            Finite numbers in [-1e100, 1e100], at least one row.
        y : ignored

        Returns
        -------
        RecursiveMixture
            This estimator.

        Raises
        ------
        TypeError, ValueError
            Where a parameter or X is not what it must be; the message names it.
        MemoryError
            Where the components cannot fit.
        """
        with _all_or_nothing(self):
            fresh = not hasattr(self, "weights_")
            given = self._parameters()
            points = self._points(X, reset=fresh)
            seed = self._new_seed() if fresh else self._seed
            seen = len(points) + (0 if fresh else self.n_samples_seen_)
            earlier = None if fresh else self._first
            first, begins = None, fresh or earlier is not None
            given.require(points.shape[1], None if begins else self._state())
            if begins:
                if earlier is not None:
                    points = np.concatenate([earlier, points])
                state = given.start(points[: given.start_size], seed)
                first = points.copy() if len(points) < given.start_size else None
            else:
                state = self._state().copy()
            prior = given.prior_of(state)
            self._keep(state.learn(points, given.rate, prior, given.floor), prior, seen)
            self._seed, self._first, self.n_iter_ = seed, first, 1
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Give the natural logarithm of the mixture's density at each row of X.

        Parameters
        ----------
        X : array_like (n_samples, n_features)

        Returns
        -------
        ndarray (n_samples,)
            For X in units u, of densities in units of u to the power -n_features.
        """
        state = self._state()
        return state.log_densities(self._points(X, reset=False))

    def score(self, X: ArrayLike, y: object = None) -> float:  # noqa: ARG002
        """Give the mean of `score_samples` over the rows of X.

        Parameters
        ----------
        X : array_like (n_samples, n_features)
        y : ignored

        Returns
        -------
        float
        """
        return float(self.score_samples(X).mean())

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Give the ownerships: the probability of each component given each row of X.

        Parameters
        ----------
        X : array_like (n_samples, n_features)

        Returns
        -------
        ndarray (n_samples, n_components_)
            Rows sum to one. Where no density is above zero in double, the weights.
        """
        state = self._state()
        return state.ownerships(self._points(X, reset=False))

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Give the most probable component of each row of X.

        Parameters
        ----------
        X : array_like (n_samples, n_features)

        Returns
        -------
        ndarray of int (n_samples,)
            Indices into `weights_`, the lowest of equals.
        """
        found: NDArray[np.int64] = self.predict_proba(X).argmax(axis=1)
        return found

    def sample(self, n_samples: int = 1) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw from the mixture.

        Parameters
        ----------
        n_samples : int, default 1
            At least 1.

        Returns
        -------
        X : ndarray (n_samples, n_features)
            Independent draws, ordered by component.
        y : ndarray of int (n_samples,)
            Their components.
        """
        count = _check.integer("n_samples", n_samples, 1, 2**62)
        return self._state().draw(count, check_random_state(self.random_state))

    @property
    def covariances_(self) -> NDArray[np.float64]:
        """Covariances (n_components_, n_features, n_features), or the variances of diagonal ones.

        Made from their factors whenever they are asked for, which costs more than learning from a
        point.
        """
        if not hasattr(self, "_factors"):
            msg = "covariances_ come with the first point: call fit or partial_fit"
            raise AttributeError(msg)
        return self._state().covariances()

    def _parameters(self) -> Parameters:
        check_random_state(self.random_state)
        return checked(self.get_params(deep=False))

    def _new_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31))

    def _points(self, X: ArrayLike, *, reset: bool) -> NDArray[np.float64]:
        """Check X by scikit-learn's rules, and that squares of its entries stay within double."""
        points: NDArray[np.float64] = validate_data(
            self, X, dtype=np.float64, order="C", reset=reset
        )
        far = np.abs(points) > LARGEST
        if far.any():
            row, column = (int(i) for i in np.unravel_index(int(far.argmax()), far.shape))
            msg = (
                f"X must be finite numbers in [{-LARGEST:g}, {LARGEST:g}], "
                f"got {points[row, column].item()!r} at index [{row}, {column}]"
            )
            raise ValueError(msg)
        return points

    def _state(self) -> State:
        check_is_fitted(self, "weights_")
        return State(self.weights_, self.means_, self._factors)

    def _keep(self, state: State, prior: float, seen: int) -> None:
        self.weights_, self.means_, self._factors = state
        self.n_components_ = len(state.weights)
        self.prior_ = prior
        self.n_samples_seen_ = seen


@contextmanager
def _all_or_nothing(estimator: BaseEstimator) -> Iterator[None]:
    """Put every attribute back where a call is interrupted or refused."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
