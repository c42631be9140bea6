"""`RecursiveMixture` as users of scikit-learn meet it; the kernel has tests of its own."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import autophage as ap
from autophage import memory

pytest.importorskip("sklearn", reason="the extra `streaming` is not installed")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import estimator_checks_generator

Floats = NDArray[np.float64]


def mixture(**more: Any) -> Any:
    return ap.RecursiveMixture(**({"rate": 1 / 150, "random_state": 1} | more))


def gaussians(count: int, seed: int, distance: float = 6.0) -> Floats:
    """Three Gaussians in a row, with unlike variances: the paper's have the distance 2."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0, -distance], [0.0, 0.0], [0.0, distance]])
    noise = rng.normal(size=(count, 2)) * np.sqrt([2.0, 0.2])
    return np.asarray(centres[rng.integers(3, size=count)] + noise)


ESTIMATORS = [
    ap.RecursiveMixture(),
    ap.RecursiveMixture(3, covariance_type="diag", max_iter=2),
    ap.RecursiveMixture(5, rate=0.1, prior=0.0, init_size=7),
]


@pytest.mark.parametrize(
    ("estimator", "check"),
    [pair for estimator in ESTIMATORS for pair in estimator_checks_generator(estimator)],
    ids=lambda value: value.func.__name__ if hasattr(value, "func") else "",
)
def test_keeps_the_conventions_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


class TestThreeGaussians:
    """30 components, a = 1/150: the setting of the paper, which is left with three."""

    RUNS = 40

    @pytest.mark.parametrize(("distance", "passes"), [(2.0, 1), (2.0, 10), (6.0, 1)])
    def test_three_components_are_left(self, distance: float, passes: int) -> None:
        # Of 400 runs of each setting, 396, 362 and 400 ended with three and the others with four;
        # fewer than 26 of 40 then have a chance below 1e-5.
        left = Counter(
            mixture(random_state=seed, max_iter=passes)
            .fit(gaussians(900 if passes == 10 else 12_000, seed, distance))
            .n_components_
            for seed in range(self.RUNS)
        )
        assert left[3] >= 26, left
        assert set(left) <= {3, 4, 5}

    def test_without_a_prior_all_components_stay(self) -> None:
        assert mixture(prior=0.0).fit(gaussians(12_000, 1)).n_components_ == 30

    def test_parameters_are_recovered(self) -> None:
        # Estimates keep the noise of about 2 / a points; a falling rate takes it away.
        one = mixture(n_components=10)
        for rate, part in zip((1 / 150, 1 / 1000, 1 / 5000), np.split(gaussians(90_000, 2), 3),
                              strict=True):  # fmt: skip
            one.set_params(rate=rate).partial_fit(part)
        assert one.n_components_ == 3
        order = np.argsort(one.means_[:, 1])
        assert one.weights_ == pytest.approx(np.full(3, 1 / 3), abs=0.03)
        assert one.means_[order] == pytest.approx(np.array([[0, -6], [0, 0], [0, 6]]), abs=0.12)
        for covariance in one.covariances_:
            assert covariance == pytest.approx(np.diag([2.0, 0.2]), abs=0.2)

    def test_density_approaches_the_truth(self) -> None:
        # Entropy of the source: that of one Gaussian and the choice of one, to 1e-6.
        exact = -(np.log(3) + 0.5 * np.log((2 * np.pi * np.e) ** 2 * 2 * 0.2))
        one = mixture(rate=1 / 1000).fit(gaussians(60_000, 3))
        assert one.score(gaussians(50_000, 4)) == pytest.approx(exact, abs=0.02)

    def test_a_share_below_the_prior_is_forgotten(self) -> None:
        rng = np.random.default_rng(5)
        x = rng.normal(size=(20_000, 1)) + 50.0 * (rng.random((20_000, 1)) < 0.02)
        means = [[0.0], [50.0]]
        for prior, left in ((0.1, 1), (0.001, 2)):
            one = mixture(n_components=2, prior=prior, init=means, init_variance=1.0).fit(x)
            assert one.n_components_ == left


class TestPieces:
    def same(self, one: Any, other: Any) -> None:
        for name in ("weights_", "means_", "covariances_", "prior_", "n_samples_seen_"):
            assert np.asarray(getattr(one, name)).tobytes() == (
                np.asarray(getattr(other, name)).tobytes()
            ), name

    @pytest.mark.parametrize("more", [{}, {"covariance_type": "diag"}, {"init_size": 50}])
    def test_make_no_difference(self, more: dict[str, Any]) -> None:
        x = gaussians(1000, 6)
        whole = mixture(n_components=8, **more).fit(x)
        for cuts in (range(1, 1000), (1, 3, 79, 80, 81, 400), (80,), (999,)):
            pieces = mixture(n_components=8, **more)
            for part in np.split(x, cuts):
                pieces.partial_fit(part)
            self.same(whole, pieces)

    def test_may_be_pickled_between(self) -> None:
        x = gaussians(500, 7)
        for cut in (20, 400):  # before and after the start is settled
            kept = pickle.loads(pickle.dumps(mixture().partial_fit(x[:cut])))
            self.same(kept.partial_fit(x[cut:]), mixture().fit(x))

    def test_fit_begins_anew(self) -> None:
        x = gaussians(500, 8)
        one = mixture().fit(x + 100).partial_fit(x).fit(x)
        self.same(one, mixture().fit(x))
        self.same(clone(one).fit(x), one)

    def test_the_start_can_be_free_of_the_data(self) -> None:
        means = [[0.0, -6.0], [0.0, 0.0], [0.0, 6.0]]
        one = mixture(n_components=3, init=means, init_variance=2.0, prior=0.0)
        one.partial_fit([[0.0, 0.1]])
        assert one.means_ == pytest.approx(np.array(means), abs=0.01)
        assert one.covariances_[0] == pytest.approx(2 * np.eye(2), abs=0.01)


class TestFewPoints:
    @pytest.mark.parametrize("covariance_type", ["full", "diag"])
    @pytest.mark.parametrize("x", [[[1.0, 2.0]], [[1.0, 2.0]] * 5, [[0.0, 1.0], [0.0, 2.0]]])
    def test_are_enough(self, x: Any, covariance_type: str) -> None:
        one = mixture(covariance_type=covariance_type).fit(x)
        assert one.weights_.sum() == pytest.approx(1.0, abs=1e-12)
        assert len(np.unique(one.means_, axis=0)) == one.n_components_
        assert np.isfinite(one.score(x))
        assert one.predict(x).shape == (len(x),)
        drawn, label = one.sample(7)
        assert drawn.shape == (7, 2)
        assert label.shape == (7,)

    def test_probabilities_far_away_are_those_of_the_weights(self) -> None:
        one = mixture(n_components=2, init=[[0.0], [1.0]], init_variance=1e-300, reg_covar=1e-50)
        one.partial_fit([[0.0]])
        assert one.predict_proba([[1e100], [0.0]])[1] == pytest.approx([1.0, 0.0])
        assert one.predict_proba([[1e100]]).sum() == pytest.approx(1.0)


BAD_PARAMETERS = [
    ("n_components", 0, ValueError, "an integer in [1, 1048576], got 0"),
    ("n_components", 2.0, TypeError, "an integer in [1, 1048576], got 2.0 (float)"),
    ("n_components", True, TypeError, "an integer in [1, 1048576], got True (bool)"),
    ("rate", 0.0, ValueError, "a finite number in (0, 1), got 0.0"),
    ("rate", 1, ValueError, "a finite number in (0, 1), got 1"),
    ("rate", np.nan, ValueError, "a finite number in (0, 1), got nan"),
    ("rate", "fast", TypeError, "a finite number in (0, 1), got 'fast' (str)"),
    ("prior", -0.1, ValueError, "a finite number of at least 0, got -0.1"),
    ("prior", 1 / 30, ValueError, "below 1 / 30, for so many components, got 0.0333"),
    ("covariance_type", "tied", ValueError, "one of 'full', 'diag', got 'tied'"),
    ("covariance_type", None, TypeError, "one of 'full', 'diag', got None"),
    ("init", "kmeans", ValueError, "one of 'random', got 'kmeans'"),
    ("init", [[0.0, 1.0]], ValueError, "(n_components, n_features) = (30, 2), got (1, 2)"),
    ("init", [[0.0, np.inf]], ValueError, "got inf at index [0, 1]"),
    ("init_variance", 0.0, ValueError, "a finite number in (0, 1e+200], got 0.0"),
    ("init_size", 0, ValueError, "an integer in [1, "),
    ("reg_covar", 0.0, ValueError, "a finite number in [1e-50, 1e+50], got 0.0"),
    ("max_iter", 0, ValueError, "an integer in [1, 2147483647], got 0"),
    ("random_state", "dice", ValueError, "'dice' cannot be used to seed"),
]


@pytest.mark.parametrize(("name", "value", "error", "message"), BAD_PARAMETERS)
def test_bad_parameters_are_named(name: str, value: Any, error: Any, message: str) -> None:
    one = mixture(**{name: value})
    with pytest.raises(error, match=re.escape(message)) as caught:
        one.fit(gaussians(50, 1))
    assert name in str(caught.value) or name == "random_state"
    assert not hasattr(one, "weights_")


@pytest.mark.parametrize(("name", "value", "error", "message"), BAD_PARAMETERS)
@pytest.mark.parametrize("prior", [None, 0.001])
@pytest.mark.parametrize("count", [50, 400])  # before and after the start is settled
def test_bad_parameters_are_named_later_too(
    count: int, prior: float | None, name: str, value: Any, error: Any, message: str
) -> None:
    one = mixture(prior=prior).partial_fit(gaussians(count, 1))
    if name == "prior" and value > 0 and one.n_components_ < 30:
        pytest.skip("components left allow it")
    one.set_params(**{name: value})
    before = pickle.dumps(one)
    with pytest.raises(error, match=re.escape(message)):
        one.partial_fit(gaussians(50, 2))
    assert pickle.dumps(one) == before


def test_the_kind_of_covariance_stays() -> None:
    x = gaussians(400, 1)
    for first, later in (("full", "diag"), ("diag", "full")):
        one = mixture(covariance_type=first).partial_fit(x[:50])
        one.set_params(covariance_type=later).partial_fit(x[:50])  # begins again
        one.set_params(covariance_type=first).partial_fit(x)
        one.set_params(covariance_type=later)
        message = f"covariance_type must stay {first!r}, as the covariances learned are, got"
        with pytest.raises(ValueError, match=message):
            one.partial_fit(x)
        assert one.fit(x).covariances_.ndim == (2 if later == "diag" else 3)


BAD_POINTS = [
    ([[1.0, np.nan]], "Input X contains NaN"),
    ([[1.0, np.inf]], "Input X contains infinity"),
    ([[1.0, -2e100]], "X must be finite numbers in [-1e+100, 1e+100], got -2e+100 at index [0, 1]"),
    ([1.0, 2.0], "Expected 2D array, got 1D array"),
    ([[1.0, 2.0, 3.0]], "X has 3 features, but RecursiveMixture is expecting 2 features"),
    (np.zeros((0, 2)), "Found array with 0 sample(s)"),
    (np.array([[1j, 0.0]]), "Complex data not supported"),
    ([["a", "b"]], "could not convert string to float"),
]


@pytest.mark.parametrize(("x", "message"), BAD_POINTS)
def test_bad_points_are_refused_and_change_nothing(x: Any, message: str) -> None:
    one = mixture().partial_fit(gaussians(400, 1))
    before = pickle.dumps(one)
    for call in (one.partial_fit, one.predict, one.predict_proba, one.score_samples, one.score):
        with pytest.raises(ValueError, match=re.escape(message)):
            call(x)
    assert pickle.dumps(one) == before


def test_a_refused_fit_changes_nothing() -> None:
    one = mixture(n_components=2, init=[[0.0, 0.0], [1.0, 1.0]]).fit(gaussians(50, 1))
    before = pickle.dumps(one)
    with pytest.raises(ValueError, match="init must have"):
        one.fit(np.ones((50, 3)))
    assert pickle.dumps(one) == before
    assert one.n_features_in_ == 2


def test_nothing_is_known_before_the_first_point() -> None:
    for name in ("predict", "predict_proba", "score_samples", "score"):
        with pytest.raises(NotFittedError):
            getattr(mixture(), name)([[0.0]])
    with pytest.raises(NotFittedError):
        mixture().sample()
    with pytest.raises(AttributeError, match="covariances_ come with the first point"):
        _ = mixture().covariances_
    with pytest.raises(ValueError, match=r"n_samples must be an integer in \[1, .*\], got 0"):
        mixture().fit([[0.0]]).sample(0)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_an_interrupted_call_changes_no_estimate() -> None:
    one = mixture(prior=0.0).partial_fit(gaussians(1000, 1))
    before = pickle.dumps(one)
    long = np.tile(gaussians(100_000, 2), (30, 1))
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        one.partial_fit(long)
    timer.join()
    assert pickle.dumps(one) == before


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_components_that_cannot_fit_are_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 2**27)
    many = ap.RecursiveMixture(2**20, prior=0.0, covariance_type=kind, init_size=1)
    for learn in (many.fit, many.partial_fit):
        with pytest.raises(MemoryError, match=r"components would .* fewer comp") as refusal:
            learn(np.zeros((2, 20)))
        assert ("diag" in str(refusal.value)) == (kind == "full")
        assert not hasattr(many, "weights_")


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_scikit_learn_is_imported_when_it_is_used() -> None:
    code = (
        "import sys, autophage as ap\n"
        "print('RecursiveMixture' in dir(ap), 'sklearn' in sys.modules)\n"
        "print(ap.RecursiveMixture.__module__, 'sklearn' in sys.modules)"
    )
    assert run_python(code).split() == ["True", "False", "autophage.streaming", "True"]


def test_a_missing_extra_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from autophage import *\n"
        "import autophage as ap\n"
        "try: ap.RecursiveMixture\n"
        "except ImportError as error: print(error)"
    )
    assert run_python(code) == (
        "RecursiveMixture needs scikit-learn 1.6 or newer: pip install 'autophage[streaming]'\n"
    )
