"""What each generation trains on, independent of the kind of model.

Generation 1 trains on real data alone in every regime. `n`, `alpha` and `real` may be a number, an
array over generations (row t - 1 is generation t, at least as long as the study), an array over
(generations, contexts), or a callable of t. Numbers and arrays are checked when the regime is made;
what depends on the length of the study is checked by `schedule`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autophage import _check, schedules
from autophage.schedules import Counts, Regime, Schedule, Shares

__all__ = [
    "Accumulate",
    "AccumulateSubsample",
    "Adaptive",
    "Contaminated",
    "Filtered",
    "FullySynthetic",
    "MostRecent",
    "PartiallySynthetic",
    "RandomlySampled",
    "Regime",
    "Schedule",
]

ADAPTIVE_RULES = ("reciprocal", "exponential")
FILTER_TESTS = ("agnostic", "likelihood_ratio")


@dataclass(frozen=True, eq=False, repr=False)
class FullySynthetic(Regime):
    """Each generation trains on n draws from the model before it (`seddik2024`).

    Parameters
    ----------
    n : int, array_like of int, or callable
        Draws of each generation, 1 to 2^62.

    Raises
    ------
    TypeError, ValueError
        If n is of the wrong kind; if it is out of range or has the wrong shape.

    Examples
    --------
    >>> from autophage.regimes import FullySynthetic
    >>> FullySynthetic(100)
    FullySynthetic(n=100)
    >>> FullySynthetic(lambda t: 10 * t).schedule(3, contexts=1).n[:, 0].tolist()
    [10, 20, 30]
    """

    n: Counts

    def __post_init__(self) -> None:
        """Check n."""
        self._set(n=schedules.counts("n", self.n))


@dataclass(frozen=True, eq=False, repr=False)
class PartiallySynthetic(Regime):
    """The same real draws in every generation, plus n draws from the last model (`seddik2024`).

    Generation 1 is the law of the first real_1 real draws alone. Generation t >= 2 is the law of
    the first real_t draws of one fixed sequence of real draws and n_t draws from p^(t-1).

    Parameters
    ----------
    n : int, array_like of int, or callable
        New draws of each generation, 1 to 2^62 with `real` added.
    real : int, array_like of int, or callable
        Real draws kept (N in the paper), at least 1, never decreasing over generations.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of the wrong kind; if it is out of range or real decreases.

    Examples
    --------
    >>> from autophage.regimes import PartiallySynthetic
    >>> PartiallySynthetic(10, real=100)
    PartiallySynthetic(n=10, real=100)
    """

    n: Counts
    real: Counts

    def __post_init__(self) -> None:
        """Check n and real."""
        self._set(n=schedules.counts("n", self.n), real=schedules.counts("real", self.real))
        if isinstance(self.real, np.ndarray):
            schedules.require_growth("real", self.real)

    def _check_schedule(self, schedule: Schedule) -> None:
        schedules.require_growth("real", schedule.real)
        over = schedule.n > _check.COUNT_LIMIT - schedule.real
        if over.any():
            t, c = (int(i) for i in np.argwhere(over)[0])
            msg = (
                f"n + real must be at most 2^62 in every generation, "
                f"got {schedule.n[t, c]} + {schedule.real[t, c]} at index {[t, c]}"
            )
            raise ValueError(msg)


@dataclass(frozen=True, eq=False, repr=False)
class MostRecent(Regime):
    """n draws split evenly over the newest models (`seddik2024`, figure 6).

    The models are max(0, t - window) .. t - 1, where model 0 is the truth; fresh draws each time.
    The n mod (number of models) draws left over go one each to the newest models.

    Parameters
    ----------
    n : int, array_like of int, or callable
        Draws of each generation, 1 to 2^62.
    window : int
        Number of models looked back on (K), 1 to 2^31 - 1; 1 is the fully synthetic regime.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of the wrong kind; if it is out of range or has the wrong shape.

    Examples
    --------
    >>> from autophage.regimes import MostRecent
    >>> MostRecent(10, window=5)
    MostRecent(n=10, window=5)
    """

    n: Counts
    window: int

    def __post_init__(self) -> None:
        """Check n and window."""
        window = _check.integer("window", self.window, 1, 2**31 - 1)
        self._set(n=schedules.counts("n", self.n), window=window)


@dataclass(frozen=True, eq=False, repr=False)
class RandomlySampled(Regime):
    """Each draw picks its model uniformly among all so far (`seddik2024`, figure 6, "all").

    Generation t has n_t draws, each from one of the models 0 .. t - 1, where model 0 is the truth.
    A truth of two tokens or more is therefore never lost for good.

    Parameters
    ----------
    n : int, array_like of int, or callable
        Draws of each generation, 1 to 2^62.

    Raises
    ------
    TypeError, ValueError
        If n is of the wrong kind; if it is out of range or has the wrong shape.

    Examples
    --------
    >>> from autophage.regimes import RandomlySampled
    >>> RandomlySampled([10, 20, 40])
    RandomlySampled(n=[10, 20, 40])
    """

    n: Counts

    def __post_init__(self) -> None:
        """Check n."""
        self._set(n=schedules.counts("n", self.n))


@dataclass(frozen=True, eq=False, repr=False)
class Contaminated(Regime):
    """n draws, each real with probability alpha, else from the last model (`contaminated2026`).

    The risk E ||p^(t) - p||^2 follows Theorem 3.1 of that paper.

    Parameters
    ----------
    n : int, array_like of int, or callable
        Draws of each generation, 1 to 2^62.
    alpha : float, array_like of float, or callable
        The *real* share, in [0, 1], as in the paper: 0 is fully synthetic, 1 is real data for ever.
        Generation 1 is real whatever alpha_1 says.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of the wrong kind; if it is out of range or has the wrong shape.

    Examples
    --------
    >>> from autophage.regimes import Contaminated
    >>> Contaminated(50, alpha=0.1)
    Contaminated(n=50, alpha=0.1)
    >>> Contaminated(50, alpha=1.5)
    Traceback (most recent call last):
    ...
    ValueError: alpha must be a finite number in [0, 1], got 1.5
    """

    n: Counts
    alpha: Shares

    def __post_init__(self) -> None:
        """Check n and alpha."""
        self._set(n=schedules.counts("n", self.n), alpha=schedules.shares("alpha", self.alpha))


@dataclass(frozen=True, eq=False, repr=False)
class Accumulate(Regime):
    """Everything drawn so far: n new draws a generation join all others (`contaminated2026`).

    The model is the law of all draws up to now. `arulandu2024` calls this augmenting.

    Parameters
    ----------
    n : int, array_like of int, or callable
        New draws of each generation; together at most 2^62.
    alpha : float, array_like of float, or callable, default 0.0
        The *real* share of the new draws, in [0, 1]; 0 is the pure case of the paper's Theorem A.1.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of the wrong kind; if it is out of range or has the wrong shape.

    Examples
    --------
    >>> from autophage.regimes import Accumulate
    >>> Accumulate(20)
    Accumulate(n=20, alpha=0.0)
    """

    n: Counts
    alpha: Shares = 0.0

    def __post_init__(self) -> None:
        """Check n and alpha."""
        self._set(n=schedules.counts("n", self.n), alpha=schedules.shares("alpha", self.alpha))

    def _check_schedule(self, schedule: Schedule) -> None:
        schedules.require_total("n", schedule.n)


@dataclass(frozen=True, eq=False, repr=False)
class AccumulateSubsample(Regime):
    """n new draws join all others; the model is the law of n drawn from it all (`arulandu2024`).

    Generation 1 starts the pool with n_1 real draws.

    Parameters
    ----------
    n : int, array_like of int, or callable
        New draws of each generation, and the size of the sample trained on; together at most 2^62.
    replace : bool, default False
        Whether the sample is drawn from the pool with replacement (generation 1 is then a bootstrap
        of the real draws).
    alpha : float, array_like of float, or callable, default 0.0
        The *real* share of the new draws, in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If a parameter is of the wrong kind; if it is out of range or has the wrong shape.

    Examples
    --------
    >>> from autophage.regimes import AccumulateSubsample
    >>> AccumulateSubsample(20, replace=True)
    AccumulateSubsample(n=20, replace=True, alpha=0.0)
    """

    n: Counts
    replace: bool = False
    alpha: Shares = 0.0

    def __post_init__(self) -> None:
        """Check n, replace and alpha."""
        replace = _check.flag("replace", self.replace)
        self._set(
            n=schedules.counts("n", self.n),
            replace=replace,
            alpha=schedules.shares("alpha", self.alpha),
        )

    def _check_schedule(self, schedule: Schedule) -> None:
        schedules.require_total("n", schedule.n)


@dataclass(frozen=True, eq=False, repr=False)
class Adaptive(Regime):
    """A contaminated source whose real share follows the last model's risk (`contaminated2026`).

    With R = ||p^(t-1) - p||^2, the squared distance of the run itself, generation t >= 2 has real
    share alpha_t = 1 - min(1, sqrt(constant / R)) under "reciprocal" and 1 - exp(-constant R / 2)
    under "exponential", so that (1 - alpha_t)^2 meets the bound h(R) of Proposition E.1. The paper
    lets the expected risk decide.

    Parameters
    ----------
    n : int, array_like of int, or callable
        Draws of each generation, 1 to 2^62.
    rule : {"reciprocal", "exponential"}
        The form of h.
    constant : float
        c of h(R) = c / R, or lambda of h(R) = exp(-lambda R); finite and positive.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of the wrong kind; if it is out of range or has the wrong shape.

    Examples
    --------
    >>> from autophage.regimes import Adaptive
    >>> Adaptive(50, constant=0.01)
    Adaptive(n=50, rule='reciprocal', constant=0.01)
    """

    n: Counts
    rule: str = "reciprocal"
    constant: float = field(kw_only=True)

    def __post_init__(self) -> None:
        """Check n, rule and constant."""
        rule = _check.choice("rule", self.rule, ADAPTIVE_RULES)
        constant = _check.number("constant", self.constant, 0.0, low_open=True)
        self._set(n=schedules.counts("n", self.n), rule=rule, constant=constant)


@dataclass(frozen=True, eq=False, repr=False)
class Filtered(Regime):
    """A contaminated source seen through a detector of synthetic data (`contaminated2026`).

    From generation 2 on, the n_t draws of the inner regime pass a filter and the model is the law
    of those kept; a generation that keeps nothing is drawn again. The label-agnostic test of the
    paper's Theorem D.2 keeps real draws with probability 1 - type1 and synthetic ones with
    probability type2, whatever the token. The likelihood-ratio test sees the token: i is kept where
    p_i >= threshold * p_i^(t-1). Without real data (alpha 0) such a run sooner or later has no
    token left that passes, at the latest when it is a point mass: `simulate` ends with a
    RuntimeError then, which names the run.

    Parameters
    ----------
    regime : Contaminated, FullySynthetic or Adaptive
        What is filtered; its alpha is the *real* share before the filter (0 for FullySynthetic).
    type1 : float, optional
        Share of the real draws that the agnostic test throws away, in [0, 1].
    type2 : float, optional
        Share of the synthetic draws that the agnostic test keeps, in [0, 1].
    test : {"agnostic", "likelihood_ratio"}
        The detector.
    threshold : float, default 1.0
        Likelihood ratio from which on a token counts as real; finite and positive.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If a value is out of range, an error rate is missing or given to the likelihood-ratio test,
        or the agnostic test would keep nothing: alpha (1 - type1) + (1 - alpha) type2 must be
        positive. An adaptive alpha can come to either end, so it needs type1 < 1 and type2 > 0.

    Examples
    --------
    >>> from autophage.regimes import Contaminated, Filtered
    >>> inner = Contaminated(20, alpha=0.3)
    >>> Filtered(inner, type1=0.2, type2=0.3).kept_share(0.3)
    0.44999999999999996
    >>> Filtered(inner, test="likelihood_ratio") == Filtered(inner, type1=0.2, type2=0.3)
    False
    """

    regime: Contaminated | FullySynthetic | Adaptive
    type1: float | None = None
    type2: float | None = None
    test: str = "agnostic"
    threshold: float = 1.0

    def __post_init__(self) -> None:
        """Check the inner regime, the error rates and that something can be kept."""
        allowed = (Contaminated, FullySynthetic, Adaptive)
        _check.instance("regime", self.regime, allowed, "Contaminated, FullySynthetic or Adaptive")
        test = _check.choice("test", self.test, FILTER_TESTS)
        threshold = _check.number("threshold", self.threshold, 0.0, low_open=True)
        self._set(test=test, threshold=threshold)
        for name in ("type1", "type2"):
            given = getattr(self, name)
            if test == "agnostic":
                self._set(**{name: _check.probability(name, given)})
            elif given is not None:
                msg = f"{name} must be None with test='likelihood_ratio', got {given!r}"
                raise ValueError(msg)
        self._check_known_share()

    def kept_share(self, alpha: Any) -> Any:
        """Probability that the agnostic test keeps a draw, alpha (1 - type1) + (1 - alpha) type2.

        Parameters
        ----------
        alpha : float or ndarray
            The *real* share before the filter.

        Returns
        -------
        float or ndarray
            The share kept, in the shape of alpha.
        """
        if self.type1 is None or self.type2 is None:
            msg = "kept_share needs test='agnostic', got 'likelihood_ratio', which asks the token"
            raise ValueError(msg)
        return alpha * (1.0 - self.type1) + (1.0 - alpha) * self.type2

    def _check_known_share(self) -> None:
        if isinstance(self.regime, Adaptive):
            known: Any = np.array([0.0, 1.0])
        else:
            alpha = getattr(self.regime, "alpha", 0.0)
            known = alpha[1:] if isinstance(alpha, np.ndarray) else alpha
        if not callable(known):
            self._require_kept(np.atleast_2d(known))

    def _require_kept(self, alpha: Any) -> None:
        if self.test != "agnostic":
            return
        nothing = ~(self.kept_share(alpha) > 0.0)
        if nothing.any():
            index = tuple(int(i) for i in np.argwhere(nothing)[0])
            msg = (
                "type1 and type2 must keep something, alpha (1 - type1) + (1 - alpha) type2 > 0, "
                f"got type1={self.type1!r}, type2={self.type2!r} with alpha={float(alpha[index])!r}"
            )
            raise ValueError(msg)

    def _schedule(self, generations: int | None, contexts: int) -> Schedule:
        schedule = self.regime.schedule(generations, contexts)
        if not isinstance(self.regime, Adaptive):
            first = 0 if generations is None and len(schedule.alpha) == 1 else 1
            self._require_kept(schedule.alpha[first:])
        return schedule
