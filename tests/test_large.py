"""Large vocabularies and large n: what is done once a study, and what fits into memory.

How time grows is measured by `python -m bench.scaling`; here is what must hold for that.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autophage as ap
from autophage import memory

simulation: Any = import_module("autophage.simulate")
ROOT = Path(__file__).parents[1]


def zipf(tokens: int) -> ap.Categorical:
    weights = 1.0 / np.arange(1, tokens + 1)
    return ap.Categorical(weights / weights.sum())


def test_laws_are_prepared_once_a_study(monkeypatch: pytest.MonkeyPatch) -> None:
    made, parts = [], []
    prepare, run = simulation._core.PreparedLaws, simulation._core.run_chains

    def counting(laws: Any) -> object:
        made.append(laws.shape)
        return prepare(laws)

    def called(*arguments: Any) -> Any:
        parts.append(arguments[4]["runs"])
        return run(*arguments)

    monkeypatch.setattr(simulation._core, "PreparedLaws", counting)
    monkeypatch.setattr(simulation._core, "run_chains", called)
    monkeypatch.setattr(simulation, "FIRST_WORK", 1)
    monkeypatch.setattr(simulation, "CHUNK_SECONDS", 1e-9)
    study: dict[str, Any] = {"runs": 40, "rng": 1, "generations": 3, "threads": 1}
    found = ap.simulate(zipf(1000), ap.FullySynthetic(50), **study)
    assert made == [(1, 1000)]
    assert len(parts) == 10
    monkeypatch.undo()
    assert found.identical(ap.simulate(zipf(1000), ap.FullySynthetic(50), **study))


@pytest.mark.parametrize(
    "regime", [ap.FullySynthetic(40), ap.PartiallySynthetic(40, real=9), ap.Contaminated(40, 0.1)]
)
def test_mean_laws_of_a_large_vocabulary_are_those_of_the_runs(regime: Any) -> None:
    """Units of work meet different tokens: none is forgotten, none is summed again."""
    study: dict[str, Any] = {"runs": 700, "generations": 3, "rng": 2, "record": ["p"]}
    found = ap.simulate(zipf(3000), regime, reduce="mean", threads=1, **study)
    runs = ap.simulate(zipf(3000), regime, **study).p
    np.testing.assert_allclose(found.p, runs.mean("run"), rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.p_variance, runs.var("run", ddof=1), rtol=0, atol=1e-15)


@pytest.mark.parametrize("record", ["l1_to_first", "l2_to_first"])
def test_distances_know_the_first_generation_of_their_own_run(record: str) -> None:
    study: dict[str, Any] = {"generations": 4, "rng": 3, "threads": 1}
    both = ap.simulate(zipf(3000), ap.FullySynthetic(200), runs=90, record=[record, "p"], **study)
    first, later = both.p.values[:, :1], both.p.values
    gap = np.abs(later - first) if record == "l1_to_first" else np.square(later - first)
    np.testing.assert_allclose(both[record], gap.sum(axis=-1), rtol=0, atol=1e-12)


class TestAMillionTokens:
    MODEL = zipf(10**6)

    @pytest.mark.parametrize("n", [100, 10**12])
    def test_are_simulated(self, n: int) -> None:
        found = ap.simulate(
            self.MODEL, ap.FullySynthetic(n), runs=3, generations=2, rng=4, reduce="mean",
            record=["support", "sigma", "l1_to_first"],
        )  # fmt: skip
        assert 1 <= float(found.support[1]) <= float(found.support[0]) <= min(n, 10**6)
        exact = ap.moments(self.MODEL, ap.FullySynthetic(n), 2).sigma
        assert bool((abs(found.sigma - exact) < 0.05).all())

    def test_have_mean_laws(self) -> None:
        found = ap.simulate(
            self.MODEL, ap.FullySynthetic(1000), runs=200, generations=2, rng=5, reduce="mean",
            record=["p"], threads=1,
        )  # fmt: skip
        np.testing.assert_allclose(found.p.sum("token"), 1.0, rtol=0, atol=1e-9)
        assert abs(float(found.p[1, 0]) - self.MODEL.p[0]) < 0.01

    def test_are_refused_where_their_laws_do_not_fit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "available_memory", lambda: 2**34)
        study: dict[str, Any] = {"runs": 9, "rng": 6, "reduce": "mean", "record": ["p"]}
        with pytest.raises(MemoryError, match=r"about \d+ GiB.*fewer contexts, fewer records or"):
            ap.simulate(self.MODEL, ap.FullySynthetic(9), generations=1000, **study)


class TestScaling:
    """The program that measures it: its slopes and its verdicts."""

    @pytest.fixture
    def scaling(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.syspath_prepend(ROOT)
        return import_module("bench.scaling")

    @pytest.mark.parametrize("power", [-0.5, 0.0, 1.0, 2.0])
    def test_slopes_are_those_of_powers(self, scaling: Any, power: float) -> None:
        values = [10, 1000, 10**12]
        assert abs(scaling.slope_of(values, [3e-6 * float(v) ** power for v in values]) - power) < (
            1e-12
        )

    def test_times_are_differences_a_run(
        self, scaling: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = [0.0]

        def taking(start: float, each: float) -> Any:
            def run(runs: int) -> None:
                now[0] += start + each * runs

            return run

        monkeypatch.setattr(scaling.time, "process_time", lambda: now[0])
        clock = scaling.Clock(0.1, 3)
        assert abs(clock.seconds(taking(2.0, 0.003), taking(2.0, 0.001)) - 0.002) < 1e-9

    def test_a_slope_out_of_bounds_is_missed(
        self, scaling: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def series(name: str, power: float, axis: str) -> Any:
            values, bounds = (10, 100, 1000), (-0.1, 0.1)
            return scaling.Series(
                name, "a title", axis, values, lambda v, _: float(v) ** power, bounds
            )

        both = (series("flat", 0.05, "n"), series("steep", 0.5, "tokens"))
        monkeypatch.setattr(scaling, "SERIES", both)
        assert scaling.main(["--quick", "--series", "flat"]) == 0
        out, picture = tmp_path / "scaling.json", tmp_path / "scaling.png"
        assert scaling.main(["--quick", "--out", str(out), "--picture", str(picture)]) == 1
        assert '"held": false' in out.read_text()
        assert picture.stat().st_size > 10_000

    def test_every_series_gives_times(self, scaling: Any) -> None:
        clock = scaling.Clock(1e-9, 1)
        for series in scaling.SERIES:
            assert series.point(series.values[0], clock) > 0, series.name


class TestProfile:
    """The program that counts random words, and the tables that both programs renew."""

    @pytest.fixture
    def profile(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.syspath_prepend(ROOT)
        return import_module("bench.chain_profile")

    def test_words_are_counted_where_they_leave(self, profile: Any, tmp_path: Path) -> None:
        copy = profile.count_words_in(ROOT / "cpp", tmp_path / "counted")
        stream = copy / "core" / "stream.hpp"
        assert stream.read_text().count("profile::words") == len(profile.SITES)
        stream.write_text(stream.read_text() + f"// {profile.SITES[0][0]}")
        with pytest.raises(RuntimeError, match=r"one place like .*, and has 2"):
            profile.count_words_in(copy, tmp_path / "again")

    def test_shares_are_of_the_time_of_a_run(
        self, profile: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Counted:
            def words(self, job: Any) -> int:
                assert job.kernel_study(0, 10)["regime"] in profile.REGIMES
                return 50 * int(job.study.runs)

        monkeypatch.setattr(profile, "REPETITIONS", 1)
        units = {"cycle": 0.5, "portable": 2.0, "vector": 0.25}
        for work in (profile.WORKLOADS[0], profile.WORKLOADS[-1]):
            row = profile.measure(work, Counted(), 1e-9, units)
            assert row.words == 50
            assert row.word == row.run / 50 == row.cycles / 2
            assert row.portable_share == 8 * row.vector_share == 100 / row.run
        (cells,) = profile.table([profile.Row("W", 1234.0, 5678.9, 0.25, 0.7, 0.5, 0.125)])
        assert cells == ("W", "1.23 us", "5,679", "0.25 ns", "0.7", "50%", "12%")

    def test_tables_are_renewed_between_their_marks(self, profile: Any, tmp_path: Path) -> None:
        guide, tell = tmp_path / "guide.md", profile.tell
        guide.write_text("before\n\n<!-- it -->\nold\n<!-- end of it -->\n\nafter\n")
        for _ in range(2):
            tell.renew(guide, "it", ("a", "bcd"), [("ef", "g")])
        assert guide.read_text() == (
            "before\n\n<!-- it -->\n\n| a  | bcd |\n| -- | --- |\n| ef | g   |\n\n"
            "<!-- end of it -->\n\nafter\n"
        )
        with pytest.raises(ValueError, match="must have one <!-- other -->"):
            tell.renew(guide, "other", ("a",), [])

    def test_the_guide_has_the_marks(self) -> None:
        guide = (ROOT / "bench" / "README.md").read_text()
        for name in ("scaling", "profile"):
            assert guide.count(f"<!-- {name} -->\n") == guide.count(f"<!-- end of {name} -->") == 1
