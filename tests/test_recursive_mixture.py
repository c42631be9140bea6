"""The kernel of recursive mixtures against a slow version, exact means, and hard data."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from autophage import _core
from autophage.recursive_mixture import State, first_means, first_variance, start, usual_prior
from recursive_mixture_reference import FAULTS, Mixture

Floats = NDArray[np.float64]
FLOOR = 1e-6
Z_LIMIT = 5.0


def clusters(count: int, d: int, seed: int, distance: float = 3.0) -> Floats:
    """Points of three overlapping clusters."""
    rng = np.random.default_rng(seed)
    centres = distance * rng.normal(size=(3, d))
    roots = np.eye(d) + 0.5 * rng.normal(size=(3, d, d))
    label = rng.choice(3, size=count, p=[0.5, 0.3, 0.2])
    noise = np.einsum("nij,nj->ni", roots[label], rng.normal(size=(count, d)))
    return np.asarray(centres[label] + noise)


def begin(points: Floats, components: int, *, diagonal: bool = False, seed: int = 1) -> State:
    return start(first_means(points, components, 1.0, seed), 0.5, diagonal)


def slow(state: State, diagonal: bool, fault: str = "") -> Mixture:
    covariances = state.covariances()
    if diagonal:
        covariances = np.stack([np.diag(row) for row in covariances])
    return Mixture(state.weights.copy(), state.means.copy(), covariances, diagonal, fault)


def gap(state: State, other: Mixture) -> float:
    """Largest relative difference; infinite where other components are left."""
    if len(state.weights) != len(other.weights):
        return np.inf
    dense = state.covariances()
    if other.diagonal:
        dense = np.stack([np.diag(row) for row in dense])
    pairs = ((state.weights, other.weights), (state.means, other.means), (dense, other.covariances))
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


CASES = [
    (d, diagonal, rate, prior, components)
    for d, diagonal in ((1, False), (1, True), (2, False), (5, False), (5, True))
    for rate, prior, components in ((1 / 50, None, 12), (0.3, 0.0, 4), (0.01, 0.02, 1))
]


@pytest.mark.parametrize(("d", "diagonal", "rate", "prior", "components"), CASES)
def test_equals_the_slow_version(
    d: int, diagonal: bool, rate: float, prior: float | None, components: int
) -> None:
    points = clusters(400, d, seed=d)
    state = begin(points, components, diagonal=diagonal)
    other = slow(state, diagonal)
    c = usual_prior(rate, components, state) if prior is None else prior
    for part in np.array_split(points, 8):
        state = state.learn(part, rate, c, 1e-50)
        for x in part:
            other.learn(x, rate, c)
        assert gap(state, other) < 1e-8
    if prior is None:
        assert len(state.weights) < components, "no component left: nothing was tested"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault: str) -> None:
    points = clusters(400, 2, seed=2)
    state = begin(points, 12)
    other = slow(state, False, fault)
    c = usual_prior(1 / 50, 12, state)
    worst = 0.0
    for x in points:
        state = state.learn(x[None], 1 / 50, c, 1e-50)
        other.learn(x, 1 / 50, c)
        worst = max(worst, gap(state, other))
    assert worst > 1e-4


@pytest.mark.parametrize(("diagonal", "d"), [(False, 1), (False, 4), (True, 4)])
def test_pieces_change_no_bit(diagonal: bool, d: int) -> None:
    points = clusters(3000, d, seed=3)
    whole = begin(points, 10, diagonal=diagonal).learn(points, 0.02, 0.02, FLOOR)
    rng = np.random.default_rng(1)
    for cuts in (np.arange(1, 3000), np.sort(rng.integers(0, 3000, size=20))):
        state = begin(points, 10, diagonal=diagonal)
        for part in np.split(points, cuts):
            state = state.learn(part, 0.02, 0.02, FLOOR)
        for mine, theirs in zip(whole, state, strict=True):
            assert mine.tobytes() == theirs.tobytes()


def mean_of_chain(values: Floats, rate: float, every: int) -> tuple[Floats, Floats]:
    """Mean and its standard error, of a first-order autoregression seen now and then."""
    correlation = (1 - rate) ** every
    inflation = (1 + correlation) / (1 - correlation)
    return values.mean(axis=0), values.std(axis=0) * np.sqrt(inflation / len(values))


def test_separated_weights_have_their_exact_mean() -> None:
    # E w = (p - c) / (1 - M c): expectation of the update, with ownerships of 0 and 1.
    rate, prior, shares = 0.02, 0.05, np.array([0.5, 0.3, 0.2])
    rng = np.random.default_rng(5)
    centres = np.array([[0.0], [100.0], [-100.0]])
    points = centres[rng.choice(3, size=400_000, p=shares)] + rng.normal(size=(400_000, 1))
    state = start(centres.copy(), 1.0, False)
    seen = []
    for part in np.split(points, 20_000):
        state = state.learn(part, rate, prior, FLOOR)
        seen.append(state.weights.copy())
    found, error = mean_of_chain(np.array(seen[100:]), rate, 20)
    exact = (shares - prior) / (1 - 3 * prior)
    z = (found - exact) / error
    assert np.abs(z).max() <= Z_LIMIT, f"found {found}, exact {exact}, z {z}"
    for wrong in (shares, (shares + prior) / (1 + 3 * prior), shares - prior):
        assert np.abs((found - wrong) / error).max() > 20


@pytest.mark.parametrize("diagonal", [False, True])
def test_one_component_has_its_exact_means(diagonal: bool) -> None:
    # delta is the sum of the point's own noise and that of the mean, of variance a / (2 - a):
    # E C = 2 / (2 - a) times the covariance.
    rate, d = 0.05, 3
    rng = np.random.default_rng(6)
    root = np.eye(d) if diagonal else np.eye(d) + np.triu(rng.normal(size=(d, d)), 1)
    points = 7.0 + rng.normal(size=(200_000, d)) @ root
    state = start(points[:1].copy(), 1.0, diagonal)
    means, covariances = [], []
    for part in np.split(points, 20_000):
        state = state.learn(part, rate, 0.3, FLOOR)
        means.append(state.means[0].copy())
        covariances.append(state.covariances()[0])
    truth = root.T @ root
    pairs = [(np.array(means[50:]), np.full(d, 7.0))]
    pairs += [
        (np.array(covariances[50:]), 2 / (2 - rate) * (np.diag(truth) if diagonal else truth))
    ]
    for values, exact in pairs:
        found, error = mean_of_chain(values, rate, 10)
        z = (found - exact) / error
        assert np.abs(z).max() <= Z_LIMIT, f"found {found}, exact {exact}, z {z}"
    assert np.abs((found - (2 - rate) / 2 * exact) / error).max() > 5


def hard_data() -> dict[str, Floats]:
    rng = np.random.default_rng(8)
    plain = clusters(4000, 4, seed=8)
    constant = plain.copy()
    constant[:, 1] = 3.0
    dependent = plain.copy()
    dependent[:, 3] = 1e6 * dependent[:, 0] - dependent[:, 1]
    far = plain.copy()
    far[::50] *= 10.0 ** rng.uniform(0, 90, size=(80, 1))
    return {
        "plain": plain,
        "constant feature": constant,
        "dependent features": dependent,
        "far points": far,
        "all the same": np.full((500, 4), -2.5),
        "tiny": 1e-9 * plain,
        "huge": 1e99 * plain / np.abs(plain).max(),
        "two values": rng.integers(0, 2, size=(4000, 4)).astype(float),
    }


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("rate", [0.005, 0.3])
@pytest.mark.parametrize("name", hard_data())
def test_hard_data_leave_a_mixture(name: str, rate: float, diagonal: bool) -> None:
    points = hard_data()[name]
    state = begin(points, 20, diagonal=diagonal)
    c = usual_prior(rate, 20, state)
    for part in np.array_split(points, 40):
        state = state.learn(part, rate, c, FLOOR)
        assert all(np.isfinite(array).all() for array in state)
        assert (state.weights > 0).all()
        assert abs(state.weights.sum() - 1) < 1e-12
        _, pivots = state.parts()
        assert pivots.min() >= FLOOR
        covariances = state.covariances()
        spread = covariances if diagonal else np.linalg.eigvalsh(covariances)
        if name in {"plain", "constant feature", "all the same", "tiny", "two values"}:
            assert spread.min() > 0


def test_a_far_point_belongs_to_the_nearest() -> None:
    state = start(np.array([[0.0], [1.0]]), 1.0, False)
    state = state.learn(np.array([[1e10]]), 0.01, 0.0, FLOOR)
    assert state.weights == pytest.approx([0.495, 0.505], abs=1e-15)
    assert state.means[0] == 0.0
    assert state.means[1] == pytest.approx(1 + 0.02 * (1e10 - 1))


def test_a_point_beyond_all_logarithms_changes_nothing() -> None:
    before = start(np.zeros((2, 1)), 1e-50, True)
    after = before.copy().learn(np.array([[1e150]]), 0.01, 0.0, 1e-50)
    for mine, theirs in zip(before, after, strict=True):
        assert mine.tobytes() == theirs.tobytes()
    assert np.isneginf(before.levels(np.array([[1e200]]))).all()


def test_a_mean_never_passes_its_point() -> None:
    state = State(np.array([1 - 1e-9, 1e-9]), np.array([[0.0], [10.0]]), np.ones((2, 1)))
    state = state.learn(np.array([[30.0]]), 0.01, 0.0, FLOOR)
    assert state.means[1] == 30.0


@pytest.mark.parametrize("d", [1, 2, 7, 40])
def test_densities_are_those_of_scipy(d: int) -> None:
    from scipy.stats import multivariate_normal

    points = clusters(200, d, seed=9)
    for diagonal in (False, True):
        state = begin(points, 5, diagonal=diagonal).learn(points, 0.01, 0.0, FLOOR)
        found = state.levels(points)
        for m, covariance in enumerate(state.covariances()):
            dense = np.diag(covariance) if diagonal else covariance
            exact = multivariate_normal(state.means[m], dense).logpdf(points)
            assert found[:, m] == pytest.approx(
                exact + np.log(state.weights[m]), rel=1e-9, abs=1e-9
            )


def test_drawn_points_have_the_moments() -> None:
    state = begin(clusters(500, 3, seed=4), 6).learn(clusters(500, 3, seed=4), 0.02, 0.01, FLOOR)
    x, label = state.draw(200_000, np.random.RandomState(1))
    for m, (mean, covariance) in enumerate(zip(state.means, state.covariances(), strict=True)):
        part = x[label == m]
        share = len(part) / len(x)
        error = np.sqrt(state.weights[m] * (1 - state.weights[m]) / len(x))
        assert abs(share - state.weights[m]) <= Z_LIMIT * error
        z = (part.mean(axis=0) - mean) / np.sqrt(np.diag(covariance) / len(part))
        assert np.abs(z).max() <= Z_LIMIT
        spread = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2)
        z = (np.cov(part.T) - covariance) / (spread / np.sqrt(len(part)))
        assert np.abs(z).max() <= Z_LIMIT


def test_the_kernel_takes_nothing_it_would_have_to_convert() -> None:
    points, factors = np.zeros((3, 2)), np.eye(2)[None].copy()
    good: dict[str, Any] = {"points": points, "weights": np.ones(1), "means": np.zeros((1, 2))}
    good["factors"] = factors
    _core.learn_mixture(**good, rate=0.1, prior=0.0, floor=1.0, callback=None)
    for name, array in good.items():
        wide = np.repeat(array, 2, axis=-1)[..., ::2]
        for bad in (array.astype(np.float32), wide):
            if bad.flags.c_contiguous and bad.dtype == np.float64:
                continue
            arguments = good | {name: bad}
            with pytest.raises(TypeError, match="incompatible function arguments"):
                _core.learn_mixture(**arguments, rate=0.1, prior=0.0, floor=1.0, callback=None)
    fixed = good["means"].copy()
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="not writeable"):
        _core.learn_mixture(**(good | {"means": fixed}), rate=0.1, prior=0.0, floor=1.0,
                            callback=None)  # fmt: skip
    assert _core.mixture_log_densities(good["points"], fixed, good["factors"], None).shape == (3, 1)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_ctrl_c_ends_it_and_other_threads_go_on() -> None:
    points = clusters(20_000, 30, seed=1)
    many = np.concatenate([points] * 20)
    beats: list[float] = []
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.005):
            beats.append(time.perf_counter())

    for call in (
        lambda: begin(points, 30).learn(many, 1e-3, 0.0, FLOOR),
        lambda: begin(points, 300).levels(many),
    ):
        beats.clear()
        over.clear()
        thread = threading.Thread(target=beat)
        sent: list[float] = []

        def send(sent: list[float] = sent) -> None:
            sent.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)

        timer = threading.Timer(0.3, send)
        thread.start()
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            call()
        late = time.perf_counter() - sent[0]
        over.set()
        thread.join()
        assert late < 1.0
        waits = [b - a for a, b in itertools.pairwise(beats)]
        assert np.quantile(waits, 0.9) < 0.05


def test_the_first_variance_is_a_tenth_of_the_mean_one() -> None:
    points = np.array([[0.0, 10.0], [2.0, 50.0]])
    assert first_variance(points) == pytest.approx(0.1 * (1.0 + 400.0) / 2.0, rel=1e-15)


def test_a_usual_prior_leaves_weight_to_all_that_are_left() -> None:
    """Also where the number to begin with was lowered since."""
    state = start(np.zeros((8, 3)), 1.0, False)
    assert usual_prior(0.9, 2, state) == pytest.approx(0.5 / 8)
    assert usual_prior(0.9, 20, state) == pytest.approx(0.5 / 20)


def test_points_without_a_density_belong_by_weight() -> None:
    state = State(np.array([0.25, 0.75]), np.zeros((2, 1)), np.full((2, 1), 1e-300))
    points = np.array([[1e10], [0.0]])
    assert state.ownerships(points) == pytest.approx(np.array([[0.25, 0.75]] * 2), rel=1e-12)
    assert np.isneginf(state.log_densities(points)).tolist() == [True, False]
