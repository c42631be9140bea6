"""Interacting linear models: several entities that regress on each other's output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from autophage import _check

if TYPE_CHECKING:
    import xarray as xr

    from autophage.linear_optimum import Optimum

FloatArray = npt.NDArray[np.float64]
Weights: TypeAlias = float | npt.ArrayLike | Callable[[int], float]
"""A weight in [0, 1]: constant, an array over generations, or a function of t = 1, 2, ..."""


class InteractingLinear:
    """K entities that regress on private data, public data and each other's output.

    The model of `interactive2025`, section 5. In generation t every entity k draws responses at its
    generators from its last estimate, with noise of variance sigma^2; all that output is one pool,
    and entity k minimises ::

        (1 - alpha) beta |y~_k - X~_k b|^2 + (1 - alpha)(1 - beta) |y_* - X_* b|^2
            + (alpha / K) sum_j |y_tj - X_tj b|^2.

    So alpha weighs the *synthetic* pool and beta the entity's *private* data (in places the paper
    says that beta is the share of public data; its formulas give it to the private data, and so
    does this package). Only second-moment matrices X^T X matter.

    Parameters
    ----------
    private : array_like, shape (K, d, d)
        Second moments X~_k^T X~_k of each entity's private features, sums over its rows; any rank.
    public : array_like, shape (d, d)
        Second moments of the public features.
    synthetic : array_like, shape (K, d, d)
        Second moments of the features at which each entity generates its output. Where it is the
        object given as private, the two share memory.
    noise : float, default 1.0
        The *variance* sigma^2 of one response given its features; positive.
    theta : array_like, shape (d,), optional
        The true parameter. It matters only where an estimate is biased, that is where the data of
        some generation do not determine it.

    Attributes
    ----------
    private, public, synthetic : ndarray of float64
        Read-only symmetric copies.
    noise : float
        sigma^2.
    theta : ndarray of float64, shape (d,), or None
        Read-only copy.
    entity_count, feature_count : int
        K and d.

    Raises
    ------
    TypeError
        If an argument does not hold numbers.
    ValueError
        If shapes do not fit together, an entry is not finite, a matrix is not symmetric or not
        positive semidefinite (to 1e-12 of its largest entry), or noise is not positive.

    Examples
    --------
    >>> import autophage as ap
    >>> private = [[[4, 0], [0, 0]], [[0, 0], [0, 4]]]  # each entity has seen one feature alone
    >>> net = ap.InteractingLinear(private, [[1, 0], [0, 1]], private)
    >>> net
    <InteractingLinear: 2 entities, 2 features>
    >>> net.limit(0.5, 0.5).mse.values.round(4)
    array([[[0.6929, 0.6929]]])
    >>> net.limit(0.0, 0.5).mse.values.round(4)  # nothing is shared
    array([[[1.2, 1.2]]])
    """

    __slots__ = ("_noise", "_private", "_public", "_synthetic", "_theta")

    def __init__(
        self,
        private: npt.ArrayLike,
        public: npt.ArrayLike,
        synthetic: npt.ArrayLike,
        noise: float = 1.0,
        theta: npt.ArrayLike | None = None,
    ) -> None:
        self._private = _check.second_moments("private", private, 3)
        self._public = _check.second_moments("public", public, 2)
        alike = synthetic is private  # one array serves both: 2 GB where K = 1000 and d = 500
        self._synthetic = (
            self._private if alike else _check.second_moments("synthetic", synthetic, 3)
        )
        self._noise = _check.number("noise", noise, 0.0, low_open=True)
        self._theta = None if theta is None else _check.numbers("theta", theta)
        self._require_shape("public", self._public, self._private.shape[1:])
        self._require_shape("synthetic", self._synthetic, self._private.shape)
        if self._theta is not None:
            self._require_shape("theta", self._theta, self._private.shape[2:])
            self._theta.flags.writeable = False

    def _require_shape(self, name: str, array: FloatArray, shape: tuple[int, ...]) -> None:
        if array.shape != shape:
            msg = (
                f"{name} must have shape {shape} beside private of shape {self._private.shape}, "
                f"got shape {array.shape}"
            )
            raise ValueError(msg)

    @property
    def private(self) -> FloatArray:
        """Second moments of each entity's private features, (K, d, d)."""
        return self._private

    @property
    def public(self) -> FloatArray:
        """Second moments of the public features, (d, d)."""
        return self._public

    @property
    def synthetic(self) -> FloatArray:
        """Second moments of the features at which each entity generates, (K, d, d)."""
        return self._synthetic

    @property
    def noise(self) -> float:
        """The variance sigma^2 of a response given its features."""
        return self._noise

    @property
    def theta(self) -> FloatArray | None:
        """The true parameter, (d,), or None."""
        return self._theta

    @property
    def entity_count(self) -> int:
        """Number of entities K."""
        return int(self._private.shape[0])

    @property
    def feature_count(self) -> int:
        """Number of features d."""
        return int(self._private.shape[1])

    def limit(
        self,
        alpha: npt.ArrayLike,
        beta: npt.ArrayLike,
        *,
        record: Sequence[str] | None = None,
        threads: int | None = None,
        progress: bool = False,
    ) -> xr.Dataset:
        """Compute what the estimates settle to, at every pair of weights (theorem 3).

        Parameters
        ----------
        alpha, beta : float or array_like, shape (A,) and (B,)
            Weights of the *synthetic* pool and of the *private* data, in [0, 1]; all pairs are
            computed. A number is a grid of one.
        record : sequence of str, optional
            Out of those below; by default all but synthetic_variance.
        threads : int, optional
            By default AUTOPHAGE_NUM_THREADS, or the CPUs that this process may use. They change no
            bit.
        progress : bool, default False
            Whether to show a bar.

        Returns
        -------
        xarray.Dataset
            Over (alpha, beta), with entity and task (the entity whose private data are predicted)
            where a record has them. "mse": ``E |theta_k - theta|^2``. "mspe":
            ``E |X~_m (theta_k - theta)|^2``. "efficiency": the squared error of the best unbiased
            estimate from all real data at once, over mse; 1 is best. "spectral_radius" of Q, to
            1e-11 where its largest eigenvalues are a complex pair. "homogenisation": mean over
            pairs of entities of ``|M_k - M_l|^2`` (Frobenius), where M_k maps the first estimates
            to entity k's; NaN for one entity. "bias": ``|E theta_k - theta|^2``, zero wherever
            there is a limit, for the data then determine every estimate. "synthetic_variance":
            trace of entity k's covariance given the initial data, the C of theorem 1.

            Always `status`: 0 where there is a limit, 1 where the spectral radius is at least 1
            (alpha = 1 always), 2 where some entity's data do not determine its estimate (G is
            singular), 3 where double precision does not suffice; NaN stands for the values there
            (the spectral radius is given for status 0 and 1).

            Which data determine an estimate depends on which kinds (private, public, synthetic)
            have a positive weight, not on its size: all matrices are scaled to a largest entry of
            one and added up, and eigenvalues up to 1e-12 of the largest count as zero. Where the
            real data with a positive weight, of all entities together, leave a direction
            undetermined, the status is 1 (or 2). Where G itself, its diagonal scaled to ones, has
            a condition number of 1e12 |1 - spectral radius| or more, a squared error comes out
            below that of the best estimate, or numbers leave the range of doubles, it is 3.
            `covariance` raises ValueError where the status is not 0, `trajectory` and `simulate`
            where G is too ill conditioned.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong: the message says which, what is required and what came.
        MemoryError
            If the result cannot fit.

        Notes
        -----
        Q has rank d, so that all of this follows from d x d matrices: one discrete Lyapunov
        equation a point in place of one of Kd x Kd.

        Examples
        --------
        >>> import autophage as ap
        >>> private = [[[4, 0], [0, 0]], [[0, 0], [0, 4]]]
        >>> net = ap.InteractingLinear(private, [[1, 0], [0, 1]], private)
        >>> grid = net.limit([0.25, 0.5, 0.75, 1.0], 0.5)
        >>> grid.efficiency.sel(entity=0).values.ravel().round(3)
        array([0.621, 0.577, 0.371,   nan])
        >>> grid.status.values.ravel()
        array([0, 0, 0, 1], dtype=int32)
        """
        from autophage.linear_limits import limit

        return limit(self, alpha, beta, record, threads, progress)

    def covariance(self, alpha: float, beta: float, *, part: str = "total") -> xr.DataArray:
        """Compute the limit of the covariance of all estimates (theorem 3).

        The only result that has the size Kd x Kd.

        Parameters
        ----------
        alpha, beta : float
            Weights of the *synthetic* pool and of the *private* data, in [0, 1].
        part : {"total", "synthetic"}
            "synthetic" is the covariance given the initial data, the C of theorem 1.

        Returns
        -------
        xarray.DataArray
            Over (entity, feature, entity_other, feature_other); symmetric to the bit.

        Raises
        ------
        ValueError
            If an argument is wrong, or there is no limit; the message says why.
        MemoryError
            If it cannot fit; nothing has been taken then.

        Examples
        --------
        >>> import autophage as ap
        >>> net = ap.InteractingLinear([[[1]], [[3]]], [[1]], [[[2]], [[2]]])
        >>> net.covariance(0.5, 0.5).values.reshape(2, 2).round(4)
        array([[0.4484, 0.3363],
               [0.3363, 0.3147]])
        """
        from autophage.linear_limits import covariance

        return covariance(self, alpha, beta, part=part)

    def trajectory(
        self,
        alpha: Weights,
        beta: Weights,
        generations: int,
        beta_0: float | None = None,
        *,
        record: Sequence[str] | None = None,
    ) -> xr.Dataset:
        """Compute the moments of every generation exactly (theorems 1 and 2).

        Parameters
        ----------
        alpha, beta : float, array_like, shape (G,) or longer, or callable
            Weights of the *synthetic* pool and of the *private* data in generations 1..G, in
            [0, 1]: numbers, arrays (index t - 1) or functions of t.
        generations : int
            G >= 1.
        beta_0 : float, optional
            beta of generation 0, which has no synthetic data; beta_1 by default.
        record : sequence of str, optional
            Out of those below; by default all.

        Returns
        -------
        xarray.Dataset
            Over generation 0..G. "bias": E theta_tk - theta, over (entity, feature). "mse", "mspe"
            and "homogenisation": as in `limit`, bias included. "synthetic_variance": trace of
            entity k's covariance given the initial data. And the weights, alpha and beta.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong; if the data of some entity do not determine its estimate in
            some generation, records are asked for that depend on its bias, and there is no theta;
            if double precision does not suffice for some G_t (status 3 of `limit`).
        MemoryError
            If it cannot fit.

        Notes
        -----
        Where data do not determine an estimate (status 2 of `limit`), in generation 0 or later, it
        is the minimiser of least norm, by the Moore-Penrose inverse of G_tk. Theorem 2 asks for
        regular G_1, ..., G_t, where the bias of generation 0 fades; here what the data of a
        generation do not see of theta joins the bias.

        Examples
        --------
        >>> import autophage as ap
        >>> private = [[[4, 0], [0, 0]], [[0, 0], [0, 4]]]  # no entity sees both features
        >>> net = ap.InteractingLinear(private, [[0, 0], [0, 0]], private, theta=[1, 1])
        >>> path = net.trajectory(0.5, 1.0, generations=3)
        >>> path.bias.values[:, 0]
        array([[ 0., -1.],
               [ 0.,  0.],
               [ 0.,  0.],
               [ 0.,  0.]])
        >>> path.mse.values[:, 0].round(4)
        array([1.25  , 0.7778, 0.8086, 0.8121])
        """
        from autophage.linear_trajectory import trajectory

        return trajectory(self, alpha, beta, generations, beta_0, record)

    def optimal(
        self,
        criterion: str = "mse",
        *,
        entity: int | None = None,
        task: int | None = None,
        worst: bool = False,
        threads: int | None = None,
    ) -> Optimum:
        """Find the weights with the best limit.

        Parameters
        ----------
        criterion : {"mse", "mspe", "efficiency"}
            What is best: the least squared error, the least squared prediction error, or the
            largest efficiency.
        entity : int, optional
            Whose; by default all entities count.
        task : int, optional
            For "mspe": on whose private data; by default all tasks count.
        worst : bool, default False
            Whether the worst of what counts decides, in place of the mean.
        threads : int, optional
            As in `limit`.

        Returns
        -------
        Optimum
            alpha, beta, value of the criterion, and the number of points looked at.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong, or the coarse grid has no point with a limit.

        Notes
        -----
        The best points of a grid of 21 x 21 start `scipy.optimize.minimize` (Nelder-Mead, in
        bounds), and the best ones on each edge `scipy.optimize.minimize_scalar`; the best of all
        wins. The criterion may have several local optima: a narrow one between the points of the
        grid can be missed.

        Examples
        --------
        >>> import autophage as ap
        >>> private = [[[4, 0], [0, 0]], [[0, 0], [0, 4]]]
        >>> net = ap.InteractingLinear(private, [[1, 0], [0, 1]], private)
        >>> best = net.optimal("mse")
        >>> round(best.alpha, 3), round(best.beta, 3), round(best.value, 4)
        (0.15, 0.832, 0.5768)
        """
        from autophage.linear_optimum import optimal

        return optimal(self, criterion, entity, task, worst, threads)

    def __eq__(self, other: object) -> bool:
        """Equal where shapes and all numbers are, bit for bit."""
        if not isinstance(other, InteractingLinear):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        """Hash in agreement with equality."""
        return hash(self._key())

    def __repr__(self) -> str:
        """One line with the sizes; the matrices are in `private`, `public` and `synthetic`."""
        return f"<InteractingLinear: {self.entity_count} entities, {self.feature_count} features>"

    def _key(self) -> tuple[object, ...]:
        theta = None if self._theta is None else self._theta.tobytes()
        matrices = (self._private, self._public, self._synthetic)
        return (self._private.shape, *(m.tobytes() for m in matrices), self._noise, theta)
