"""What MixtureNetwork is and refuses, and what a study of it refuses before memory is taken."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import autophage as ap
from autophage import _core, memory, records
from autophage.mixtures import RECORDS, MixtureNetworks
from malformed import Case
from malformed_mixtures import CASES, RIGHT, TARGETS
from mixture_networks import NETWORKS, PAIR, network, on_a_line
from test_input import ANYTHING, CI


def label(case: Case) -> str:
    return f"{case.target}-{case.kind}"


class TestArguments:
    @pytest.mark.parametrize("case", [c for c in CASES if c.says is not None], ids=label)
    def test_refused(self, case: Case) -> None:
        target = TARGETS[case.target]
        with pytest.raises((TypeError, ValueError)) as caught:
            target.call(case.value)
        said = str(caught.value)
        assert case.says is not None
        named = target.parameter if case.says[0] not in RIGHT else case.says[0]
        missing = [part for part in (named, *case.says) if part not in said]
        assert not missing, f"the message lacks {missing}: {said}"

    @pytest.mark.parametrize("case", [c for c in CASES if c.says is None], ids=label)
    def test_accepted(self, case: Case) -> None:
        call = TARGETS[case.target].call
        assert call(case.value) == call(case.plain)

    @pytest.mark.parametrize("name", sorted(TARGETS))
    @settings(CI, max_examples=150)
    @given(value=ANYTHING)
    def test_of_any_kind_are_used_or_refused(self, name: str, value: Any) -> None:
        try:
            TARGETS[name].call(value)
        except (TypeError, ValueError) as error:
            said = str(error)
        else:
            said = "used"
        assert said, "an error without a word"

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ({"posts": 0}, "got an empty pool in generation 1, of which a share of 0.5 is to be"),
            ({"posts": 0, "read": [0.0, 0.25]}, "generation 1, of which a share of 0.25"),
            ({"posts": [[0], [0], [1]], "read": [[0.0], [0.5], [1.0]]}, "generation 2, of which"),
            ({"posts": lambda t: int(t > 2), "read": lambda t: (t > 1) / t}, "generation 2"),
            ({"posts": 2**31 - 1}, r"at most 2\^31 - 1 posts, got 2147483648 or more in gen.* 1"),
            ({"posts": [2**30 - 1, 0]}, r"got 3221225469 or more in generation 3"),
        ],
    )
    def test_of_the_pool_are_checked_together(self, more: Any, message: str) -> None:
        with pytest.raises(ValueError, match=f"posts must .*{message}"):
            on_a_line([-3, 3], PAIR, **more).schedule(3)

    def test_of_an_empty_pool_are_refused_at_once_where_that_is_certain(self) -> None:
        with pytest.raises(ValueError, match="posts must be positive by the first reading"):
            on_a_line([-3, 3], PAIR, posts=0)
        on_a_line([-3, 3], PAIR, posts=0, read=0.0)
        on_a_line([-3, 3], PAIR, posts=[[0], [1]], read=[[0.0], [0.5]])
        on_a_line([-3, 3], PAIR, posts=0, first_posts=[1.0])
        on_a_line([-3, 3], PAIR, posts=lambda _: 0)


class TestSchedule:
    @pytest.mark.parametrize(
        ("read", "pool", "reads"),
        [(0.29, 100, 29), (0.57, 100, 57), (0.07, 100, 7), (1 / 3, 9, 3), (0.5, 7, 3),
         (1.0, 11, 11), (0.0, 11, 0), (0.1 - 1e-12, 10, 1), (0.1 - 1e-9, 10, 0),
         (0.29, 10**9, 290_000_000), (1 / 3, 2_147_483_646, 715_827_882),
         (917_054_614 / 1_827_647_377, 1_827_647_377, 917_054_614)],
    )  # fmt: skip
    def test_counts_a_share_to_a_billionth(self, read: float, pool: int, reads: int) -> None:
        net = on_a_line([-3, 3], [[0.5, 0.5]], posts=pool, read=read)
        assert net.schedule(1).reads.tolist() == [[reads]]

    def test_never_reads_more_than_there_is(self) -> None:
        net = on_a_line([-3, 3], [[0.5, 0.5]] * 2, posts=lambda t: 3**t, read=1.0)
        schedule = net.schedule(18)
        assert (schedule.reads == schedule.pool[:, None]).all()

    @pytest.mark.parametrize("name", NETWORKS)
    def test_is_the_same_spelled_out(self, name: str) -> None:
        net = NETWORKS[name]
        plain = net.spelled_out(6)
        assert plain.spelled_out(6) == plain
        assert not any(callable(getattr(plain, each)) for each in ("rate", "posts", "read"))
        for table, values in vars(net.schedule(6)).items():
            assert values.tobytes() == getattr(plain.schedule(6), table).tobytes()
            assert not values.flags.writeable

    def test_asks_a_callable_once_for_each_generation(self) -> None:
        asked: list[int] = []

        def rate(t: int) -> float:
            asked.append(t)
            return 0.5 / t

        net = on_a_line([-3, 3], PAIR, rate=rate)
        ap.simulate(net, runs=3, generations=4, rng=1)
        assert asked == [1, 2, 3, 4]

    @pytest.mark.parametrize("generations", [0, 2.0, None, True, 2**32])
    def test_refuses_other_lengths(self, generations: Any) -> None:
        with pytest.raises((TypeError, ValueError), match="generations must be an integer"):
            network().schedule(generations)


class TestNetwork:
    def test_holds_copies_that_cannot_change(self) -> None:
        given = {name: np.array(RIGHT[name]) for name in ("means", "covariance", "weights")}
        given["rate"], given["posts"] = np.array([0.1, 0.2]), np.array([1, 2])
        net = ap.MixtureNetwork(**given)  # type: ignore[arg-type]
        for name, array in given.items():
            array[...] = 7
            held = getattr(net, name)
            assert not (held == 7).any()
            with pytest.raises(ValueError, match="read-only"):
                held[...] = 7
        assert net.posts.dtype == np.int64
        assert (net.model_count, net.component_count, net.feature_count) == (2, 3, 2)

    def test_may_lie_anywhere(self) -> None:
        # What counts is how far points are from each other.
        on_a_line([1e103, 1e103], PAIR, first_posts=[1e103])
        with pytest.raises(ValueError, match=r"means must lie .* got 0\.0 at index \[1, 0\]"):
            on_a_line([1e103, 0.0], PAIR)

    def test_refuses_a_prior_that_leaves_nothing_to_the_data(self) -> None:
        on_a_line([-3, 3], PAIR, prior=np.nextafter(0.5, 0.0))
        with pytest.raises(ValueError, match=r"prior must be below 1/2, .* got 0\.5"):
            on_a_line([-3, 3], PAIR, prior=0.5)

    def test_takes_numbers_on_a_line(self) -> None:
        line = on_a_line([-3, 3], PAIR, 2.0, first_posts=[1.0, 2.0])
        plane = on_a_line([[-3], [3]], PAIR, [[2.0]], first_posts=[[1.0], [2.0]])  # type: ignore[arg-type]
        assert line == plane
        assert hash(line) == hash(plane)
        assert line.covariance.shape == (1, 1)

    def test_equals_what_has_the_same_arguments(self) -> None:
        net = ap.MixtureNetwork(**RIGHT)
        for name, other in (
            ("means", [[0, 0], [3, 1], [1, 5]]), ("covariance", np.eye(2)), ("rate", 0.2),
            ("weights", [[0.5, 0.25, 0.25]] * 2), ("first_posts", None), ("prior", 0.0),
            ("posts", [1, 1]), ("read", lambda _: 0.5), ("active_components", True),
            ("shared_reading", True),
        ):  # fmt: skip
            changed = ap.MixtureNetwork(**(RIGHT | {name: other}))
            assert changed != net
            assert getattr(changed, name) is not None or other is None
        assert net == ap.MixtureNetwork(**RIGHT)
        assert net != "net"

    def test_shows_its_sizes(self) -> None:
        assert repr(network(2, 1, 3)) == "<MixtureNetwork: 2 models, 1 component, 3 features>"
        assert repr(network(1, 2, 1)) == "<MixtureNetwork: 1 model, 2 components, 1 feature>"

    def test_can_be_sent_to_another_process(self) -> None:
        net = ap.MixtureNetwork(**RIGHT)
        assert pickle.loads(pickle.dumps(net)) == net


NET = NETWORKS["a prior"]
REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"regime": ap.FullySynthetic(5)}, TypeError, "regime must be None for a MixtureNetwork"),
    ({"regime": 0.5}, TypeError, "regime must be None for a MixtureNetwork.* got 0.5"),
    ({"generations": None}, ValueError, "generations must be given for MixtureNetwork, got None"),
    ({"generations": 0}, ValueError, "generations must be an integer"),
    ({"reduce": "histogram"}, ValueError, "reduce must be one of 'mean', got 'histogram'"),
    ({"record": ["sigma"]}, ValueError, "record must be .*'distance', 'distances', 'weights'"),
    ({"record": "distance"}, TypeError, "record must be a list or tuple"),
    ({"dtype": "float16"}, ValueError, "dtype must be one of 'float64', 'float32', got 'float16'"),
    ({"dtype": np.float32}, TypeError, "dtype must be one of 'float64', 'float32', got"),
    ({"runs": 0}, ValueError, "runs must be an integer"),
    ({"threads": 0}, ValueError, "threads must be an integer"),
    ({"device": "gpu"}, ValueError, "device must be one of 'cpu'"),
]


class TestStudies:
    @pytest.mark.parametrize(("more", "error", "message"), REFUSED)
    def test_wrong_arguments_are_named(
        self, more: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        study = {"runs": 2, "generations": 3, "rng": 1} | more
        with pytest.raises(error, match=message):
            ap.simulate(NET, **study)

    @pytest.mark.parametrize(
        ("net", "more", "ways"),
        [
            (NET, {"runs": 2**38}, 'reduce="mean", fewer runs .*fewer records or generations'),
            (NET, {"generations": 10**9, "reduce": "mean"}, "fewer models, fewer records or gen"),
            (NET, {"generations": 10**9, "record": ["distance"]}, "fewer generations or models"),
            (on_a_line([-3, 3], PAIR, posts=10**8), {}, "fewer posts or models, fewer threads"),
        ],
    )
    def test_memory_is_refused_before_it_is_taken(self, net: Any, more: Any, ways: str) -> None:
        study: dict[str, Any] = {"runs": 2, "generations": 10, "rng": 1, "threads": 8} | more
        with pytest.raises(MemoryError, match=ways):
            ap.simulate(net, **study)

    def test_exact_sums_count_as_memory(self) -> None:
        net = network(20, 50, 2)
        taken: dict[str | None, int] = {}
        for reduce in (None, "mean"):
            study = records.Study(
                RECORDS, ("weights",), reduce, 10, 0, 300, {"model": 20, "component": 50},
                first_generation=0,
            )  # fmt: skip
            job = MixtureNetworks().job(study, net, None, 1, 3, _core)
            taken[reduce] = job.working_memory()
        assert taken["mean"] - taken[None] == 3 * 88 * 301 * 20 * 50

    def test_memory_of_schedules_is_refused_before_a_callable_is_asked(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def never(t: int) -> float:
            raise AssertionError(t)

        monkeypatch.setattr(memory, "available_memory", lambda: 2**20)
        net = on_a_line([-3, 3], np.tile(PAIR, (1000, 1)), rate=never)
        with pytest.raises(MemoryError, match="fewer generations or models"):
            ap.simulate(net, runs=1, generations=1000, rng=1, record=["distance"])
