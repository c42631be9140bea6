"""The life of a long call: Ctrl-C, other threads, fork."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, Self

import numpy as np
import pytest

import autophage as ap
import interruptions

USUAL_SECONDS, WORST_SECONDS = 0.5, 1.0
LONGEST_WAIT = 0.05
TIMES = 3
CALLS = [*interruptions.studies(), *interruptions.laws()]
posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and fork are POSIX")


@pytest.fixture(scope="module")
def signals() -> dict[str, list[dict[str, Any]]]:
    """What came of interrupting every call, in a process of its own."""
    done = subprocess.run(
        [sys.executable, interruptions.__file__, f"{TIMES}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: [line for line in lines if line["name"] == name] for name in CALLS}


@posix
class TestCtrlC:
    @pytest.mark.parametrize("name", CALLS)
    def test_ends_a_call_within_a_second(self, name: str, signals: Any) -> None:
        assert len(signals[name]) == TIMES
        late = [line for line in signals[name] if line["latency"] > WORST_SECONDS]
        assert not late

    def test_usually_takes_half_a_second_at_most(self, signals: Any) -> None:
        seconds = sorted(line["latency"] for lines in signals.values() for line in lines)
        late = [line for lines in signals.values() for line in lines if line["latency"] > 0.5]
        assert np.quantile(seconds, 0.95) <= USUAL_SECONDS, late

    @pytest.mark.parametrize("name", CALLS)
    def test_keeps_finished_runs_and_leaves_nothing_behind(self, name: str, signals: Any) -> None:
        for line in signals[name]:
            assert line["same"], "the partial result differs from the same runs of a full study"
            assert line["left"] == []

    def test_finds_finished_runs_to_keep(self, signals: Any) -> None:
        assert sum(line["kept"] > 0 for lines in signals.values() for line in lines) >= 8

    def test_ends_a_program(self) -> None:
        code = (
            "import sys, autophage as ap\n"
            "print('started', flush=True)\n"
            "ap.simulate(ap.Categorical([.5, .3, .2]), ap.FullySynthetic(300), runs=10**7, rng=1)"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            time.sleep(1.0)
            process.send_signal(signal.SIGINT)
            pressed = time.monotonic()
            _, shown = process.communicate(timeout=20)
        assert time.monotonic() - pressed <= WORST_SECONDS + 0.5  # and the interpreter's own end
        assert process.returncode != 0
        assert "Interrupt" in shown

    def test_keeps_slow_runs_too(self) -> None:
        model = ap.Categorical(np.full(1000, 1e-3))
        study: dict[str, Any] = {"rng": 1, "record": ["sigma"], "generations": 3000}

        def call(runs: int) -> Any:
            return ap.simulate(model, ap.FullySynthetic(10**6), runs=runs, **study)

        started = time.monotonic()
        call(1)
        seconds = time.monotonic() - started  # one thread can finish ten runs in ten times this
        _, error = interruptions.interrupt(lambda: call(100_000), 10.0 * seconds)
        assert isinstance(error, ap.Interrupted)
        assert error.partial is not None, f"no run kept after ten times {seconds:.2f} s"
        assert error.partial.identical(call(error.partial.sizes["run"]))


class Interrupter:
    """Raises KeyboardInterrupt at the line of the package that is reached as the `at`-th."""

    def __init__(self, at: int) -> None:
        self.at, self.lines, self.where = at, 0, ""

    def __enter__(self) -> Self:
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> Any:
        path = Path(frame.f_code.co_filename)
        return self._line if path.parent.name == "autophage" else None

    def _line(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            self.lines += 1
            if self.lines == self.at:
                sys.settrace(None)
                self.where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                raise KeyboardInterrupt
        return self._line


def every_interruption(call: Callable[[], object]) -> Iterator[tuple[str, KeyboardInterrupt]]:
    """What an interruption at each line in turn leads to, with the place of that line."""
    for at in itertools.count(1, 3):  # every third line, for time's sake; parts repeat anyway
        with Interrupter(at) as interrupter:
            try:
                call()
            except KeyboardInterrupt as error:
                yield interrupter.where, error
                continue
        return


@pytest.mark.parametrize("reduce", [None, "mean", "histogram"])
def test_an_interruption_anywhere_keeps_whole_parts(
    reduce: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal may be handled between any two lines: also while sums are added or results made."""
    monkeypatch.setattr(import_module("autophage.simulate"), "CHUNK_SECONDS", 1e-9)
    record = ["collapse_time"] if reduce == "histogram" else ["collapse_time", "sigma"]
    model = ap.Categorical([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    full: dict[int, Any] = {}

    def call(runs: int = 200) -> Any:
        return ap.simulate(
            model, ap.FullySynthetic(20), runs=runs, generations=5, rng=1, threads=1,
            record=record, reduce=reduce,
        )  # fmt: skip

    lost, wrong, seen = set(), set(), 0
    for where, error in every_interruption(call):
        partial = error.partial if isinstance(error, ap.Interrupted) else None
        if partial is None:
            lost |= {where} if seen else set()
            continue
        seen = json.loads(partial.attrs["autophage"])["runs"]
        full.setdefault(seen, call(seen))
        wrong |= set() if partial.identical(full[seen]) else {where}
    assert seen > 0
    assert not wrong, f"half a part is in the partial result after {sorted(wrong)}"
    assert not lost, f"finished runs are lost after {sorted(lost)}"


class Ticker:
    """A thread that asks for the interpreter lock every millisecond, and its longest wait."""

    def __enter__(self) -> Self:
        self.worst, self._over = 0.0, False
        self._thread = threading.Thread(target=self._tick)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()

    def _tick(self) -> None:
        last = time.perf_counter()
        while not self._over:
            time.sleep(0.001)
            now = time.perf_counter()
            self.worst, last = max(self.worst, now - last), now


SHARED: dict[str, Callable[[int | None], object]] = {
    "times": interruptions.study(
        ap.Categorical([0.3, 0.7]), ap.FullySynthetic(50), runs=300_000, threads=1
    ),
    "laws": interruptions.study(
        ap.Categorical(np.full(500, 2e-3)), ap.FullySynthetic(1000), runs=200, threads=1,
        generations=100, record=["p"],
    ),
    "means": interruptions.study(
        ap.Categorical([0.3, 0.7]), ap.FullySynthetic(50), runs=50_000, threads=1,
        generations=100, reduce="mean",
    ),
    "mean laws": interruptions.study(
        ap.Categorical(np.full((150, 100), 0.01)), ap.FullySynthetic(20), runs=64, threads=1,
        generations=400, reduce="mean", record=["p"],
    ),
    "histogram": interruptions.study(
        ap.Categorical([0.3, 0.7]), ap.FullySynthetic(5), runs=3_000_000, threads=1,
        reduce="histogram",
    ),
    "histograms": interruptions.study(
        ap.Categorical(np.full((2000, 5), 0.2)), ap.FullySynthetic(5), runs=1000, threads=1,
        reduce="histogram",
    ),
    "large laws": interruptions.study(
        ap.Categorical(np.full((50, 30_000), 1 / 30_000)), ap.FullySynthetic(5), runs=1, threads=1
    ),
    "exact law": lambda _: ap.collapse_law([0.3, 0.7], 300_000),
    "exact whole law": lambda _: ap.collapse_law([0.3, 0.7], 10_000).quantile(0.5),
}  # fmt: skip


class TestOtherThreads:
    @pytest.mark.parametrize("name", SHARED)
    def test_never_wait_long_for_the_lock(self, name: str) -> None:
        least = np.inf
        for _ in range(3):  # a busy machine may keep a thread waiting now and then, a lock always
            with Ticker() as ticker:
                SHARED[name](None)
            least = min(least, ticker.worst)
            if least <= LONGEST_WAIT:
                break
        assert least <= LONGEST_WAIT, f"another thread waited {least:.3f} s"

    def test_may_simulate_at_the_same_time(self) -> None:
        study: dict[str, Any] = {"runs": 5000, "rng": 1, "threads": 3}
        results: list[Any] = [None] * 4

        def work(i: int) -> None:
            results[i] = ap.simulate(ap.Categorical([0.3, 0.7]), ap.FullySynthetic(50), **study)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(result.identical(results[0]) for result in results)

    def test_do_not_outlive_a_call(self) -> None:
        before = interruptions.kernel_threads()
        for threads in (1, 2, 8):
            model = ap.Categorical([0.3, 0.7])
            ap.simulate(model, ap.FullySynthetic(9), runs=999, rng=1, threads=threads)
        assert interruptions.kernel_threads() <= before  # one that has ended may linger before


@posix
@pytest.mark.parametrize("busy", [False, True])
def test_fork_after_use_does_not_hang(busy: bool) -> None:
    code = f"""
import os, threading, time, autophage as ap
def run(runs=3000):
    study = dict(runs=runs, rng=1, threads=4, generations=20)
    return ap.simulate(ap.Categorical([.5, .3, .2]), ap.FullySynthetic(50), **study)
before = run()
for _ in range(5):
    if {busy}:
        threading.Thread(target=run, args=(50_000,)).start()
        time.sleep(.02)
    child = os.fork()
    if child == 0:
        os._exit(0 if run().identical(before) else 1)
    assert os.waitpid(child, 0)[1] == 0
assert run().identical(before)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
