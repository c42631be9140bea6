"""Calls of the exact law: what is refused, what interrupts it, and that other threads go on."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

import autophage as ap

INTERRUPTED = """
import sys, time
import numpy as np
import autophage as ap
from autophage.occupancy import Ancestry
model = ap.Categorical([0.5, 0.5])
p = np.random.default_rng(0).dirichlet(np.ones(200_000))
print("ready", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print(time.monotonic())
"""
CALLS = {
    "mean": "ap.collapse_law(model, 4_000_000)",
    "mean, with a bar": "ap.collapse_law(model, 4_000_000, progress=True)",
    "varying n": "ap.collapse_law(model, np.arange(1_000_000, 999_000, -1))",
    "whole law": "Ancestry(np.array([1_000_000])).horizon",
    "one law": "Ancestry(np.array([2_000_000, 1_900_000, 1_800_000])).law(2)",
    "tokens": "ap.collapse_law(p, 100_000).surviving_tokens(5)",
    "counts": "ap.collapse_law(p[:2000] / p[:2000].sum(), 2000).expected_l1(np.arange(1, 2000))",
    "a sample": "ap.collapse_law(model, 100).sample(500_000_000)",
    "fresh data": "ap.contaminated_law(p[:2000] / p[:2000].sum(), 2000, 0.5).point_mass(300)",
}


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_ends_a_long_call(name: str) -> None:
    code = INTERRUPTED.format(call=CALLS[name])
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        assert process.poll() is None, "the call ended before it could be interrupted"
        sent = time.monotonic()  # one clock for all processes
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert float(output) - sent <= 0.5, f"{float(output) - sent:.2f} s"


def test_other_threads_go_on() -> None:
    gaps: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        last = time.monotonic()
        while not stop.wait(0.001):
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    thread = threading.Thread(target=tick)
    thread.start()
    ap.collapse_law([0.5, 0.5], 250_000)
    stop.set()
    thread.join()
    assert len(gaps) > 50
    assert np.quantile(gaps, 0.99) <= 0.05, f"longest waits {sorted(gaps)[-3:]}"


def test_a_law_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    law = ap.collapse_law([0.3, 0.7], 1000)
    monkeypatch.setattr("autophage.contexts.WHOLE_LAW_BYTES", 10**6)
    for call in (law.sf, law.cdf, law.pmf, law.surviving_tokens, law.token_lost, law.sample):
        with pytest.raises(MemoryError, match="would take 1 MB for n = 1000 and 1 contexts"):
            call(3)
    with pytest.raises(MemoryError, match="mean and variance are exact"):
        law.quantile(0.5)
    assert law.mean == ap.collapse_law([0.3, 0.7], 1000).mean
    assert law.expected_l1(1) > 0


def test_the_ceiling_lies_above_a_million() -> None:
    from autophage.contexts import Group
    from autophage.occupancy import Tokens

    def group(n: int) -> Group:
        return Group(np.array([n]), [Tokens(np.array([0.5, 0.5]))])

    group(1_000_000).require_memory()
    with pytest.raises(MemoryError, match="take 1,267 MB"):
        group(1_200_000).require_memory()


def test_beyond_the_reach_the_closed_form_is_named() -> None:
    with pytest.raises(ValueError, match=r"got 4000001 in generation 2.*collapse_time_asymptotic"):
        ap.collapse_law([0.5, 0.5], [10, 4_000_001])
    with pytest.raises(ValueError, match=r"at most 2000.*got 2001"):
        ap.collapse_law([0.5, 0.5], 2001).marginal(0, 1)
    with pytest.raises(ValueError, match=r"at most 2000.*got 2001"):
        ap.collapse_law([0.5, 0.5], 2001).expected_l1(1)


@pytest.mark.parametrize(
    ("method", "arguments", "error", "text"),
    [
        ("sf", (-1,), ValueError, "m must be integers"),
        ("cdf", (1.0,), TypeError, "m must be integers"),
        ("pmf", (True,), TypeError, "m must be integers"),
        ("quantile", (1.0,), ValueError, "q must be below 1"),
        ("quantile", (1.5,), ValueError, "q must be finite numbers in"),
        ("quantile", (float("nan"),), ValueError, "q must be finite numbers in"),
        ("sample", (-1,), ValueError, "size must be an integer"),
        ("sample", (2**62,), ValueError, "size must be of at most"),
        ("sample", ((2**40, 2**40, 0),), ValueError, "size must be of at most"),
        ("sample", ((2, 1.5),), TypeError, "size must be an integer"),
        ("sample", (2, 0.5), TypeError, "rng must be"),
        ("token_lost", (-1,), ValueError, "m must be integers"),
        ("surviving_tokens", ("3",), TypeError, "m must be integers"),
        ("expected_l1", (-1,), ValueError, "m must be integers"),
        ("marginal", (2, 1), ValueError, "token must be an integer"),
        ("marginal", (0, 0), ValueError, "m must be an integer"),
        ("marginal", (0.0, 1), TypeError, "token must be an integer"),
    ],
)
def test_bad_arguments(
    method: str, arguments: tuple[Any, ...], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        getattr(ap.collapse_law([0.5, 0.5], 4), method)(*arguments)


def test_bad_descriptions() -> None:
    with pytest.raises(ValueError, match="p must be a law"):
        ap.collapse_law([0.5, 0.6], 4)
    with pytest.raises(TypeError, match="n must be"):
        ap.collapse_law([0.5, 0.5], 4.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="got a callable"):
        ap.collapse_law([0.5, 0.5], lambda t: t)
    with pytest.raises(ValueError, match="one column for each of 2 contexts"):
        ap.collapse_law([[0.5, 0.5], [1.0, 0.0]], np.full((3, 5), 4))
    with pytest.raises(TypeError, match="progress must be True or False"):
        ap.collapse_law([0.5, 0.5], 4, progress=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="context must be given"):
        ap.collapse_law([[0.5, 0.5], [1.0, 0.0]], 4).marginal(0, 1)
    with pytest.raises(ValueError, match="n must be integers"):
        ap.collapse_time_asymptotic([0.5, 0.5], 0)


def test_progress_reaches_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    ap.collapse_law([[0.5, 0.5], [0.2, 0.8]], [[20_000, 3], [9, 5]], progress=True)
    bar = capsys.readouterr().err
    assert "100%" in bar


def test_samples_that_cannot_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    law = ap.collapse_law([[0.5, 0.5], [0.9, 0.1]], 10)
    monkeypatch.setattr("autophage.memory.available_memory", lambda: 2**27)
    assert law.sample((1000, 10), rng=1).shape == (1000, 10, 2)
    with pytest.raises(MemoryError, match=r"size \(10000, 1000\) would take about 0\.149 GiB"):
        law.sample((10_000, 1000), rng=1)
