"""Simulated networks of mixtures against exact moments, and faults that these catch."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import autophage as ap
import judge
from mixture_networks import PAIR, Floats, mean_after, mean_share, on_a_line, squared_gap_after

KEY = 0x3A17_0002
RUNS = 100_000
APART = [-6.0, 6.0]  # every post tells its component, but for parts in 1e16
NEITHER = 1e-12


def final(net: ap.MixtureNetwork, runs: int = RUNS, generations: int = 1, **more: Any) -> Floats:
    """Weights of every run and model at the end."""
    found = ap.simulate(
        net, runs=runs, generations=generations, rng=KEY, record=["weights"], **more
    )
    return np.asarray(found.weights.values[:, -1])


def posts_of(counts: list[int], means: list[float]) -> list[float]:
    """So many posts at the mean of each component."""
    return [mean for mean, count in zip(means, counts, strict=True) for _ in range(count)]


def accept_mean(name: str, values: Floats, expected: Any) -> None:
    """The mean over runs, its error estimated from them."""
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    judge.accept_moments(name, values.mean(axis=0), expected, error, rounding=NEITHER)


def given_pool(dtype: str = "float64") -> None:
    """E w after reading a given pool, three components, a prior, other rates and shares."""
    counts, start = [10, 4, 6], np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
    means = [-12.0, 0.0, 12.0]
    net = on_a_line(
        means, start, rate=[0.05, 0.02], prior=0.01, read=[0.35, 1.0], posts=0,
        first_posts=posts_of(counts, means),
    )  # fmt: skip
    found, pool = final(net, dtype=dtype), np.array(counts) / 20
    rounding = {"float64": 0.0, "float32": 1e-6}[dtype]
    for j, (a, reads) in enumerate(((0.05, 7), (0.02, 20))):
        expected = mean_after(start[j], pool, a, 0.01, reads)
        error = found[:, j].std(axis=0, ddof=1) / np.sqrt(RUNS)
        judge.accept_moments(
            f"model {j}", found[:, j].mean(axis=0), expected, error, rounding=rounding + NEITHER
        )


def authors() -> None:
    """E w after reading what all wrote: authors count by their posts."""
    start = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]])
    net = on_a_line(APART, start, rate=0.05, posts=[5, 1, 2], read=0.75, prior=0.01)
    found = final(net)
    pool = np.average(start, axis=0, weights=[5, 1, 2])
    for j in range(3):
        accept_mean(f"model {j}", found[:, j], mean_after(start[j], pool, 0.05, 0.01, 6))


def generations() -> None:
    """E w of two generations, the pool of the second from both: every post is read once more."""
    start = np.array(PAIR)
    net = on_a_line(APART, start, rate=0.1, posts=[[3, 1], [0, 4]], read=[[1.0], [0.5]])
    first = np.average(start, axis=0, weights=[3, 1])
    middle = np.array([mean_after(w, first, 0.1, 0.0, 4) for w in start])
    accept_mean("generation 1", final(net)[:, 0], middle[0])
    pool = (4 * first + 4 * middle[1]) / 8
    found = final(net, generations=2)
    for j in range(2):
        accept_mean(f"model {j}", found[:, j], mean_after(middle[j], pool, 0.1, 0.0, 4))


GAPS = {
    "half of a small pool": (0.1, 0.0, [6, 6], 0.5),
    "all of it": (0.05, 0.0, [12, 28], 1.0),
    "one post": (0.2, 0.0, [3, 2], 0.2),
    "a prior": (0.02, 0.01, [20, 30], 0.6),
}


def gaps(name: str) -> None:
    """E (w_i - w_j)^2 after each model reads one pool by itself (theory of `webdynamics2025`)."""
    a, c, counts, read = GAPS[name]
    start = np.array([[0.6, 0.4], [0.35, 0.65]])
    net = on_a_line(
        APART, start, rate=a, prior=c, read=read, posts=0, first_posts=posts_of(counts, APART)
    )
    found = final(net)
    assert (found > 0).all(), "the formula is for what is not pruned"
    size = sum(counts)
    expected = squared_gap_after(0.25, counts[0] / size, size, a, c, round(read * size))
    accept_mean(name, (found[:, 0, 0] - found[:, 1, 0]) ** 2, expected)


def every_gap() -> None:
    """All cases of `gaps`."""
    for name in GAPS:
        gaps(name)


def overlap() -> None:
    """E o_1 and E o_1^2 of one post, components overlapping, by quadrature; in a plane too."""
    for half in (0.5, 1.0, 2.0, 3.0):
        expected = [mean_share(np.array(PAIR[0]), np.array(PAIR[1]), half, p) for p in (1, 2)]
        for net in (
            on_a_line([-half, half], PAIR, posts=[1, 0], read=[0.0, 1.0]),
            ap.MixtureNetwork(
                [[-half, half], [half, -half]], [[1.25, -0.75], [-0.75, 1.25]],
                PAIR, rate=0.1, posts=[1, 0], read=[0.0, 1.0],
            ),
        ):  # fmt: skip
            # In the plane the distance is 2 half sqrt(2), the deviation along it sqrt(2).
            shares = (final(net)[:, 1, 0] - 0.9 * PAIR[1][0]) / 0.1
            both = np.stack([shares, shares**2], axis=1)
            accept_mean(f"half a distance of {half}", both, expected)


JUDGES: dict[str, Callable[[], None]] = {
    "given pool": given_pool,
    "authors": authors,
    "generations": generations,
    "gaps": every_gap,
    "overlap": overlap,
}


class TestMoments:
    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_of_a_given_pool(self, dtype: str) -> None:
        given_pool(dtype)

    def test_of_the_posts_of_all_authors(self) -> None:
        authors()

    def test_of_two_generations(self) -> None:
        generations()

    @pytest.mark.parametrize("name", GAPS)
    def test_of_the_distance_of_two_models(self, name: str) -> None:
        gaps(name)

    def test_of_components_that_overlap(self) -> None:
        overlap()

    def test_of_components_that_overlap_are_the_known_ones(self) -> None:
        found = [mean_share(np.array(PAIR[0]), np.array(PAIR[1]), h) for h in (0.5, 1, 2, 3)]
        np.testing.assert_allclose(found, [0.277, 0.445, 0.659, 0.697], atol=6e-4)


class TestSharedReading:
    @pytest.mark.parametrize("prior", [0.0, 0.01])
    def test_shrinks_distances_with_every_post_and_by_nothing_else(self, prior: float) -> None:
        start = [[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.4, 0.2, 0.4]]
        net = on_a_line(
            [-40.0, 0.0, 40.0], start, rate=0.03, prior=prior, read=0.3, shared_reading=True
        )
        found = ap.simulate(
            net, runs=50, generations=12, rng=KEY, record=["distance", "distances", "weights"]
        )
        kept = (found.weights.values > 0).all(axis=(1, 2, 3))
        assert kept.sum() >= 40, "the law is for what is not pruned"
        reads = np.cumsum([0, *net.schedule(12).reads[:, 0]])
        factor = 0.97 ** reads[:, None, None]
        expected = factor * found.distances.values[:, :1]
        np.testing.assert_allclose(found.distances.values[kept], expected[kept], rtol=1e-9)

    def test_is_what_makes_them_shrink(self) -> None:
        more: dict[str, Any] = {"rate": 0.03, "read": 0.9}
        for shared, least, most in ((True, 0.0, 1e-3), (False, 0.05, 1.0)):
            net = on_a_line(APART, PAIR, shared_reading=shared, **more)
            found = ap.simulate(net, runs=200, generations=30, rng=KEY, reduce="mean")
            assert least <= found.distance[-1] <= most

    def test_reads_what_reading_alone_would(self) -> None:
        """The law of one model does not depend on who reads the same."""
        start = np.array(PAIR)
        net = on_a_line(
            APART, start, rate=0.1, posts=0, read=[0.5, 0.25], shared_reading=True,
            first_posts=posts_of([6, 2], APART),
        )  # fmt: skip
        found = final(net)
        for j, reads in enumerate((4, 2)):
            expected = mean_after(start[j], np.array([0.75, 0.25]), 0.1, 0.0, reads)
            accept_mean(f"model {j}", found[:, j], expected)


class TestVertices:
    def test_are_left_by_no_one(self) -> None:
        net = on_a_line([-1.0, 1.0], [[1.0, 0.0], [1.0, 0.0]], first_posts=[5.0, 9.0])
        found = ap.simulate(net, runs=20, generations=20, rng=KEY)
        assert (found.weights == np.array([1.0, 0.0])).all()
        assert not found.distance.any()

    def test_are_where_a_prior_leads(self) -> None:
        shares = []
        for prior in (0.0, 0.01, 0.1, 0.2):
            net = on_a_line(APART, [[0.6, 0.4]] * 3, rate=0.05, prior=prior)
            last = final(net, runs=300, generations=100)
            shares.append(float((last.max(axis=-1) == 1.0).all(axis=-1).mean()))
        assert shares[0] == 0.0
        assert shares == sorted(shares)
        assert shares[-1] > 0.9


FAULTS: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "rate a tenth too large": ("given pool", lambda net: net["rate"].__imul__(1.1)),
    "no prior": ("given pool", lambda net: net.update(prior=0.0)),
    "one post too few is read": ("given pool", lambda net: net["reads"].__isub__(1)),
    "posts of other authors": ("authors", lambda net: net["posts"].__setitem__(0, [2, 1, 5])),
    "the schedule of another generation": (
        "generations",
        lambda net: net.update(posts=net["posts"][::-1].copy()),
    ),
    "both read the same": ("gaps", lambda net: net.update(shared=True)),
    "other components": ("overlap", lambda net: net["means"].__imul__(1.1)),
    "posts on the other side": ("given pool", lambda net: net["first_posts"].__imul__(-1.0)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    core = import_module("autophage._core")
    run = core.run_mixtures
    judged, plant = FAULTS[fault]

    def faulty(prepared: dict[str, Any], *rest: Any) -> Any:
        wrong = {
            name: np.copy(x) if isinstance(x, np.ndarray) else x for name, x in prepared.items()
        }
        plant(wrong)
        return run(wrong, *rest)

    monkeypatch.setattr(core, "run_mixtures", faulty)
    with pytest.raises(AssertionError, match="z ="):
        JUDGES[judged]()
