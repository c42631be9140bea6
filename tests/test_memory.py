"""Memory: what streaming needs, what is refused beforehand, and counts and offsets beyond 2^32."""

from __future__ import annotations

import json
import mmap
import re
import subprocess
import sys
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import autophage as ap
import judge
from autophage import chains, memory, records
from autophage.theory import webdynamics2025

simulation: Any = import_module("autophage.simulate")
MIB = 2**20
POOLS, WEIGHTS = {"models": 2, "components": 40}, {"models": 2, "components": 9}
STREAMING_MIB = 20

# Prints how far one study raises the most memory this process has held, in MiB, and the package's
# own estimate.
MEASURED = """
import json, sys
import numpy as np
import autophage as ap
from autophage import records

def largest():  # ru_maxrss would begin with that of the parent
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

estimates = []
refuse = records.refuse_what_cannot_fit
def spy(study, ring):
    estimates.append(study.bytes(ring) / 2**20)
    refuse(study, ring)
records.refuse_what_cannot_fit = spy
law, n, study = json.loads(sys.argv[1])
if isinstance(law, dict):
    weights = np.full((law["models"], law["components"]), 1.0 / law["components"])
    means = np.random.default_rng(1).normal(size=(law["components"], 4))
    more = {"rate": 0.1, "read": 0.01}
    few, much = ((ap.MixtureNetwork(means, np.eye(4), weights, posts=p, **more),) for p in (1, n))
else:
    model = ap.Categorical(law if isinstance(law, list) else np.full(law, 1.0 / law))
    few, much = ((model, ap.FullySynthetic(draws)) for draws in (2, n))
ap.simulate(*few, **(study | {"runs": 2, "generations": 2}))
before = largest()
ap.simulate(*much, rng=1, **study)
print(json.dumps([largest() - before, estimates[-1]]))
"""


def growth(law: Any, n: int, **study: Any) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, json.dumps([law, n, study])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    grown, estimated = json.loads(done.stdout)
    return grown, estimated


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for memory")


@linux
@pytest.mark.parametrize(
    "study",
    [
        {"reduce": "histogram"},
        {"reduce": "mean", "generations": 3},
        {"reduce": "mean", "record": ["collapse_time"]},
    ],
    ids=["histogram", "means", "mean times"],
)
def test_streaming_ten_million_runs_needs_no_more_memory(study: dict[str, Any]) -> None:
    few, _ = growth([0.5, 0.5], 2, runs=100_000, threads=2, **study)
    many, _ = growth([0.5, 0.5], 2, runs=10_000_000, threads=2, **study)
    assert many - few <= STREAMING_MIB, f"{many:.1f} MiB against {few:.1f} MiB"


@linux
def test_a_histogram_of_many_generations_needs_no_more_memory() -> None:
    """As W3 of the benchmarks, several parts of a study long; the benchmark has 1e7 runs."""
    law = ap.law_with(29, 0.1, tokens=600).tolist()
    study: dict[str, Any] = {"reduce": "histogram", "record": ["collapse_time"], "threads": 2}
    few, _ = growth(law, 100, runs=100_000, **study)
    many, _ = growth(law, 100, runs=300_000, **study)
    assert many - few <= STREAMING_MIB, f"{many:.1f} MiB against {few:.1f} MiB"


@linux
@pytest.mark.parametrize(
    ("law", "study"),
    [
        (1000, {"runs": 200, "generations": 100, "record": ["p"], "threads": 1}),
        ([[1e-2] * 100] * 10, {"runs": 200, "generations": 100, "record": ["p"], "threads": 1}),
        (2, {"runs": 3_000_000, "record": ["collapse_time", "final_token"], "threads": 1}),
        (1000, {"runs": 64, "generations": 300, "record": ["p"], "reduce": "mean", "threads": 8}),
        (5, {"runs": 64, "generations": 100_000, "reduce": "mean", "threads": 4}),
        (POOLS, {"runs": 64, "generations": 300, "record": ["distance"], "threads": 2}),
        (POOLS | {"models": 20}, {"runs": 4, "generations": 60, "reduce": "mean", "threads": 2}),
        (WEIGHTS, {"runs": 9000, "generations": 200, "threads": 1}),
    ],
    ids=[
        "laws", "laws of contexts", "times", "mean laws on 8 threads", "means on 4 threads",
        "pools of mixtures", "pools of many mixtures", "weights of mixtures",
    ],
)  # fmt: skip
def test_the_estimate_covers_what_is_taken(law: Any, study: dict[str, Any]) -> None:
    n = 1 if law == WEIGHTS else 200 if "generations" in study else 2
    grown, estimated = growth(law, n, **study)
    assert grown <= 1.1 * estimated + 16, f"{grown:.0f} MiB taken, {estimated:.0f} MiB estimated"
    assert estimated <= 4 * grown + 16, f"{grown:.0f} MiB taken, {estimated:.0f} MiB estimated"


MODEL = ap.Categorical([0.5, 0.3, 0.2])


class TestRefusals:
    @pytest.mark.parametrize(
        ("study", "ways"),
        [
            ({"runs": 2**38}, ["reduce=.mean", "fewer runs"]),
            ({"runs": 2**38, "first_run": 0, "generations": 1}, ["reduce=.mean", "fewer records"]),
            ({"runs": 10**6, "generations": 10**6, "record": ["p"]}, ["fewer records"]),
            ({"runs": 10, "generations": 2**32 - 1, "reduce": "mean"}, ["fewer records"]),
            ({"runs": 1, "generations": 2**32 - 1, "record": ["sigma"]}, ["fewer records"]),
        ],
    )  # fmt: skip
    def test_name_the_estimate_and_the_way_out(self, study: Any, ways: list[str]) -> None:
        with pytest.raises(MemoryError) as refusal:
            ap.simulate(MODEL, ap.FullySynthetic(10), **{"rng": 1, **study})
        message = str(refusal.value)
        assert "would take about" in message
        assert "GiB are available, of which a tenth stays free" in message
        for way in ways:
            assert way.replace(".", '"', 1) in message or way in message, message

    def test_of_windows_name_the_window(self) -> None:
        regime = ap.MostRecent(10, window=2**31 - 1)
        with pytest.raises(MemoryError, match="a smaller window"):
            ap.simulate(MODEL, regime, runs=1, rng=1)

    def test_of_histograms_look_ahead_to_the_latest_collapse(self) -> None:
        regime = ap.FullySynthetic(10**9)
        study: dict[str, Any] = {"runs": 10**6, "reduce": "histogram", "rng": 1}
        with pytest.raises(MemoryError, match=r"about 236 GiB.* fewer contexts, fewer generations"):
            ap.simulate(MODEL, regime, **study)

    def test_estimate_to_the_byte_in_any_size(self) -> None:
        study = records.Study(
            chains.RECORDS, ("p", "support"), None, 2**30, 0, 2**20,
            {"context": 2**10, "token": 2**20},
        )  # fmt: skip
        assert study.bytes(7) == 7 + 8 * 2**30 * 2**20 * 2**10 * (2**20 + 1)

    def test_come_before_anything_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "available_memory", lambda: 100 * MIB)
        taken: list[str] = []
        monkeypatch.setattr(records.Study, "empty", lambda *_: taken.append("arrays"))
        with pytest.raises(MemoryError, match=r"about 0\.\d+ GiB, but 0\.0977 GiB are available"):
            ap.simulate(MODEL, ap.FullySynthetic(10), runs=10**7, rng=1)
        assert not taken

    def test_leave_a_tenth_of_the_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        call = partial(ap.simulate, MODEL, ap.FullySynthetic(1), runs=5_000_000, rng=1)
        monkeypatch.setattr(memory, "available_memory", lambda: 80 * MIB)  # the arrays, no more
        with pytest.raises(MemoryError, match=r"reduce=.mean") as refusal:
            call()
        wanted = 2**30 * float(re.findall(r"about ([\d.]+) GiB", str(refusal.value))[0])
        monkeypatch.setattr(memory, "available_memory", lambda: 1.02 * wanted / 0.9)
        call()
        monkeypatch.setattr(memory, "available_memory", lambda: 0.98 * wanted / 0.9)
        with pytest.raises(MemoryError):
            call()

    def test_of_moments_come_beforehand(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "available_memory", lambda: 100 * MIB)
        window = ap.MostRecent(10, window=20_000)
        with pytest.raises(MemoryError, match=r"window of these moments .*a smaller window"):
            ap.moments([0.5, 0.5], window, 20_000)
        assert ap.moments([0.5, 0.5], window, 50).sizes == {"generation": 50}
        many = ap.Categorical(np.full((500, 2), 0.5), public=[0.5, 0.5])
        with pytest.raises(MemoryError, match=r"these moments .*fewer generations or entities"):
            ap.moments(many, ap.Interacting(0.5, 0.5, n=9), 100)
        assert ap.moments(many, ap.Interacting(0.5, 0.5, n=9), 2).sizes["other"] == 500

    @linux
    @pytest.mark.parametrize(
        ("call", "wanted"),
        [
            ("ap.moments([.5, .5], ap.MostRecent(10, window=2000), 2500)", 61),
            ("ap.moments(many, ap.Interacting(.5, .5, n=9), 60)", 349),
        ],
    )
    def test_of_moments_are_what_they_take(self, call: str, wanted: int) -> None:
        """The most that the process has held, against the estimate, in MiB."""
        code = (
            f"{MEASURED.split('estimates =')[0]}\n"
            "import xarray\n"
            "many = ap.Categorical(np.full((500, 2), .5), public=[.5, .5])\n"
            "ap.moments(many, ap.Interacting(.5, .5, n=9), 2)\n"
            "ap.moments([.5, .5], ap.MostRecent(10, window=3), 9)\n"
            f"before = largest(); {call}; print(largest() - before)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert 0.6 * wanted <= float(done.stdout) <= 1.1 * wanted + 20

    @pytest.mark.parametrize("name", ["squared_distances", "mean_dynamics", "mean_field"])
    def test_of_exact_paths_come_beforehand(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shape = (2000, 2) if name == "squared_distances" else (10, 1000)
        weights = np.full(shape, 1.0 / shape[1])
        net = ap.MixtureNetwork(np.zeros(shape[1]), 1.0, weights, rate=0.1, read=0.0)
        monkeypatch.setattr(memory, "available_memory", lambda: 100 * MIB)
        path = getattr(webdynamics2025, name)
        with pytest.raises(MemoryError, match=r"this path would .*fewer generations, models or c"):
            path(net, 20_000 if shape[1] > 2 else 60)
        with pytest.raises(MemoryError, match=r"the schedule would .*fewer generations or models"):
            path(net, 2**32 - 1)

    def test_of_lattices_come_beforehand(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "available_memory", lambda: 100 * MIB)
        means = 10.0 * np.indices((3, 3, 3)).reshape(3, -1).T
        law = np.full(27, 1 / 27)
        with pytest.raises(MemoryError, match=r"the quadrature would .*means on a line"):
            webdynamics2025.one_step_mean(law, law, means, np.eye(3), rate=0.1)
        webdynamics2025.one_step_mean(law, law, np.arange(27.0), rate=0.1)

    @linux
    def test_see_the_limit_of_the_process(self) -> None:
        code = (
            "import resource\nfrom autophage import memory\n"
            "taken = 4096 * int(open('/proc/self/statm').read().split()[0])\n"
            "limit = taken + 2**28\n"
            "resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))\n"
            "print(memory.available_memory())"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert int(done.stdout) <= 2**28

    def test_look_at_the_control_group(self) -> None:
        assert 0 < memory.available_memory() <= 2**50


@linux
class TestLargeNumbers:
    """Arrays of more than 2^32 entries, of which only what is written takes memory."""

    TOKENS, GENERATIONS, RUNS = 2**22, 520, 3
    PLACES = (0, 2**21 + 1, 2**22 - 1)
    REGIME = ap.PartiallySynthetic(20, real=30)

    def model(self) -> ap.Categorical:
        p = np.zeros(self.TOKENS)
        p[list(self.PLACES)] = MODEL.p
        return ap.Categorical(p[None, :])

    def job(self, reduce: str | None) -> Any:
        """The parts of a study that the kernel is called with."""
        model = self.model()
        study = records.Study(
            chains.RECORDS, ("p",), reduce, self.RUNS, 0, self.GENERATIONS,
            {"context": 1, "token": self.TOKENS},
        )  # fmt: skip
        return chains.CategoricalChains().job(study, model, self.REGIME, 5, 2, simulation._core)

    def small(self, reduce: str | None) -> Any:
        """The same study over three tokens: draws belong to ranks, not to places."""
        return ap.simulate(
            MODEL, self.REGIME, runs=self.RUNS, generations=self.GENERATIONS, rng=5, record=["p"],
            reduce=reduce,
        )  # fmt: skip

    def sparse(self, dtype: Any, shape: tuple[int, ...]) -> Any:
        """An array of zeros of which only the pages that are written take memory."""
        size = 8 * int(np.prod(shape))
        assert size > 8 * 2**32
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
        try:
            pages = mmap.mmap(-1, size, flags=flags)
            pages.madvise(mmap.MADV_NOHUGEPAGE)
        except OSError as error:
            pytest.skip(f"no room for an array of {size} bytes: {error}")
        return np.frombuffer(pages, dtype=dtype).reshape(shape)

    def test_offsets_into_trajectories(self) -> None:
        shape = (self.RUNS, self.GENERATIONS, 1, self.TOKENS)
        laws = self.sparse(np.float64, shape)
        self.job(None).call(0, self.RUNS, {"p": laws})
        found = np.stack([laws[:, :, 0, place] for place in self.PLACES], axis=-1)
        np.testing.assert_array_equal(found, self.small(None).p)
        assert np.count_nonzero(laws[0, -1]) <= 3

    def test_offsets_into_sums(self) -> None:
        cells = (self.GENERATIONS, 1, self.TOKENS)
        out = {
            f"p_{name}": self.sparse(np.uint64, (*cells, limbs))
            for name, limbs in (("sum", 2), ("squares", 3))
        }
        self.job("mean").call(0, self.RUNS, out)
        small = self.small("mean")
        for name, sums in out.items():
            found = np.stack([sums[:, 0, place] for place in self.PLACES], axis=1)
            np.testing.assert_array_equal(found, small[name], err_msg=name)

    def test_counts_of_runs_beyond_two_to_the_32(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With a kernel that gives every run the time 2^31, and each token half."""
        time, share = 2**31, 2**59

        def kernel(*arguments: Any) -> tuple[int, int, int, int]:
            study, out = arguments[4], arguments[5]
            runs = study["runs"]
            for name, value in (("collapse_time", time), ("p", share)):
                for suffix, limbs, total in (
                    ("sum", 2, runs * value),
                    ("squares", 3, runs * value**2),
                ):
                    out[f"{name}_{suffix}"][:] = [total >> 64 * i & 2**64 - 1 for i in range(limbs)]
            out["collapse_time_reached"][:] = runs
            return 0, -1, -1, -1

        monkeypatch.setattr(simulation._core, "run_chains", kernel)
        runs = 2**38 - 1
        found = ap.simulate(
            ap.Categorical([0.5, 0.5]), ap.FullySynthetic(2), runs=runs, generations=3, rng=1,
            record=["collapse_time", "p"], reduce="mean",
        )  # fmt: skip
        assert int(found.collapse_time_reached) == runs
        assert float(found.collapse_time) == time
        assert float(found.collapse_time_variance) == 0.0
        assert (found.p.values == 0.5).all()
        assert (found.p_variance.values == 0.0).all()
        low, high = map(int, found.collapse_time_sum)
        assert low + (high << 64) == runs * time

    def test_the_last_run_there_can_be(self) -> None:
        study: dict[str, Any] = {"rng": 1, "generations": 5, "record": ["p"]}
        last = ap.simulate(MODEL, ap.FullySynthetic(50), runs=2, first_run=2**38 - 2, **study)
        assert last.run.values.tolist() == [2**38 - 2, 2**38 - 1]
        with pytest.raises(ValueError, match="first_run"):
            ap.simulate(MODEL, ap.FullySynthetic(50), runs=2, first_run=2**38 - 1, **study)

    def test_many_contexts_have_their_own_draws(self) -> None:
        contexts = 2**20 + 3  # those from 2^20 on take another key
        model = ap.Categorical(np.full((contexts, 4), 0.25))
        found = ap.simulate(
            model, ap.FullySynthetic(100), runs=1, generations=1, rng=1, record=["p"]
        )
        laws = found.p.values[0, 0]
        np.testing.assert_array_equal(np.rint(100 * laws).sum(axis=1), 100)
        assert len(np.unique(laws[[0, 1, 2, 2**20, 2**20 + 1, 2**20 + 2]], axis=0)) == 6
        judge.accept_moments("p", laws.mean(axis=0), 0.25, np.sqrt(0.1875 / 100 / contexts))
