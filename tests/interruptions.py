"""A process that interrupts itself: `python interruptions.py TIMES` prints one JSON line a signal.

Each long call is interrupted TIMES times, after random delays, by the signal that Ctrl-C sends. A
line holds the call, the delay, the seconds until KeyboardInterrupt came, how many runs were kept
(-1 where the call keeps nothing), whether they equal the same runs of a full study, and what was
left behind.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

import autophage as ap

Call = Callable[[], object]
LONG = 10**7


def study(model: Any, regime: Any, **more: Any) -> Callable[[int | None], Any]:
    """A study of so many runs, or of its own number."""

    def call(runs: int | None) -> Any:
        return ap.simulate(model, regime, **(more | {"rng": 7} | ({"runs": runs} if runs else {})))

    return call


def network(entities: int, features: int) -> ap.InteractingLinear:
    """A network whose data all have the same second moments."""
    moments = np.tile(np.eye(features), (entities, 1, 1))
    return ap.InteractingLinear(moments, moments[0], moments)


def mixtures(models: int, components: int) -> ap.MixtureNetwork:
    """Mixtures in the plane, which all start alike."""
    means = 3.0 * np.random.default_rng(1).normal(size=(components, 2))
    weights = np.full((models, components), 1.0 / components)
    return ap.MixtureNetwork(means, np.eye(2), weights, rate=0.01, posts=2)


def studies() -> dict[str, Callable[[int | None], Any]]:
    """Long studies of every kind."""
    small = ap.Categorical([0.5, 0.3, 0.2])
    contexts = ap.Categorical(np.random.default_rng(1).dirichlet(np.ones(20), size=3000))
    wide = ap.Categorical(np.full((1, 1_000_000), 1e-6))
    large = ap.Categorical(np.random.default_rng(1).dirichlet(np.ones(32_000), size=400))
    hundred = ap.FullySynthetic(100)
    trajectories = {"generations": 40, "record": ["sigma", "support", "l1_to_truth"]}
    return {
        "times": study(small, hundred, runs=LONG // 2),
        "times with a bar": study(small, hundred, runs=LONG // 2, progress=True),
        "trajectories": study(small, ap.MostRecent(60, window=5), runs=200_000, **trajectories),
        "means": study(small, ap.Contaminated(60, 0.1), runs=LONG, reduce="mean", **trajectories),
        "means with a bar": study(
            small, hundred, runs=LONG, reduce="mean", generations=50, progress=True
        ),
        "histogram": study(small, hundred, runs=LONG, reduce="histogram"),
        "histogram with a bar": study(
            small, hundred, runs=LONG, reduce="histogram", progress=True, threads=1
        ),
        "histogram of paths of ancestors": study(
            small, hundred, runs=20 * LONG, reduce="histogram", method="ancestral"
        ),
        "paths of ancestors": study(
            small, hundred, runs=20 * LONG, method="ancestral", record=["collapse_time"]
        ),
        "tables of paths of ancestors": study(
            small, ap.FullySynthetic(250_000), runs=1, method="ancestral"
        ),
        "many contexts": study(contexts, hundred, runs=2000),
        "means of many contexts": study(
            contexts, hundred, runs=LONG, reduce="mean", generations=50, record=["sigma", "p"]
        ),
        "one endless run": study(ap.Categorical([0.5, 0.5]), ap.FullySynthetic(2**50), runs=1),
        "one run of a long window": study(small, ap.MostRecent(1000, window=20_000), runs=1),
        "one run of many tokens": study(
            wide, ap.FullySynthetic(10**9), runs=1, generations=5000, record=["sigma"]
        ),
        "one run without replacement": study(
            wide, ap.AccumulateSubsample(10**8), runs=1, generations=50, record=["sigma"]
        ),
        **of_networks(),
        "many large contexts": study(large, hundred, runs=10, generations=9, record=["sigma"]),
    }


def of_networks() -> dict[str, Callable[[int | None], Any]]:
    """Long studies of networks."""
    share = ap.Interacting(0.5, 0.5)
    return {
        "networks": study(network(10, 8), share, runs=LONG, generations=20),
        "means of networks": study(
            network(10, 8), share, runs=LONG, generations=20, record=["estimate"], reduce="mean"
        ),
        "one run of a large network": study(
            network(60, 120),
            share,
            runs=1,
            generations=10_000,
            record=["squared_error"],
            reduce="mean",
        ),
        "mixtures": study(
            mixtures(3, 2), None, runs=LONG // 10, generations=20, record=["distance"]
        ),
        "means of mixtures": study(
            mixtures(3, 30), None, runs=LONG, generations=20, record=["weights"], reduce="mean"
        ),
        "one run of many mixtures": study(
            mixtures(300, 40), None, runs=1, generations=400, record=["distance"]
        ),
    }


def laws() -> dict[str, Call]:
    """Long computations of the exact law."""
    p = [0.5, 0.3, 0.2]
    sizes = np.random.default_rng(1).integers(1000, 3000, size=2000)
    rates = np.full((2_000_000, 1, 1), 0.999) * np.eye(2)
    wide = np.full((8, 600, 600), 0.999 / 600)
    return {
        "mean time of a large n": lambda: ap.collapse_law(p, 3_000_000),
        "the same with a bar": lambda: ap.collapse_law(p, 3_000_000, progress=True),
        "mean time of a varying n": lambda: ap.collapse_law(p, sizes),
        "many small equations": lambda: ap.solve_discrete_lyapunov(rates, np.eye(2)),
        "few large equations": lambda: ap.solve_discrete_lyapunov(wide, np.eye(600)),
        "whole law of a large n": lambda: ap.collapse_law(p, 100_000).quantile(0.5),
    }


def interrupt(call: Call, delay: float) -> tuple[float, Any]:
    """Seconds from the signal to the exception, and the exception."""
    sent: list[float] = []

    def press() -> None:
        time.sleep(delay)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        call()
        time.sleep(2.0)  # it ended first: the signal comes here
    except KeyboardInterrupt as error:
        caught = time.monotonic()
        thread.join()
        return caught - sent[0], error
    msg = "no signal came"
    raise RuntimeError(msg)


def left_behind() -> list[str]:
    """Threads that Python does not know and processes, which should have gone."""
    deadline = time.monotonic() + 1.0
    while (threads := kernel_threads()) > 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    processes = children.read_text().split() if children.exists() else []
    return [f"{threads} threads"] * (threads > 0) + processes


def kernel_threads() -> int:
    """Threads of this process, less Python's own and those that NumPy started."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) - threading.active_count() - OTHERS if tasks.is_dir() else 0


OTHERS = 0
OTHERS = kernel_threads()


def report(name: str, delay: float, latency: float, kept: int, same: bool, left: list[str]) -> None:
    line = {
        "name": name,
        "delay": delay,
        "latency": latency,
        "kept": kept,
        "same": same,
        "left": left,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(times: int) -> None:
    rng = np.random.default_rng(5)
    ap.simulate(ap.Categorical([0.5, 0.5]), ap.FullySynthetic(5), runs=5, rng=1)  # imports done
    for name, call in studies().items():
        for delay in rng.uniform(0.05, 0.6, size=times).tolist():
            with redirect_stderr(StringIO()):
                latency, error = interrupt(partial(call, None), delay)
                left = left_behind()
                found = error.partial if isinstance(error, ap.Interrupted) else None
                kept = 0 if found is None else json.loads(found.attrs["autophage"])["runs"]
                same = found is None or bool(found.identical(call(kept)))
            report(name, delay, latency, kept, same, left)
    for name, law in laws().items():
        for delay in rng.uniform(0.05, 0.4, size=times).tolist():
            with redirect_stderr(StringIO()):
                latency, _ = interrupt(law, delay)
            report(name, delay, latency, -1, True, left_behind())


if __name__ == "__main__":
    main(int(sys.argv[1]))
