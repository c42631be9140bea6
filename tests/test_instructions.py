"""Every instruction set gives the same integers, and the same real records."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autophage as ap
from test_backends import INTEGERS, LAWS, REGIMES, digest, real_digest, study

SETS = ("baseline", "avx2", "avx512")


def assert_one_value(values: list[Any]) -> None:
    found = dict(zip(SETS, values, strict=True))
    assert len(set(values)) == 1, f"instruction sets differ: {found}"


@pytest.mark.parametrize("name", REGIMES)
def test_whole_trajectories(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for instructions in SETS:
        monkeypatch.setenv("AUTOPHAGE_INSTRUCTIONS", instructions)
        digests.append(digest([study(name, 40), study(name, 90, 40, threads=3)]))
    assert_one_value(digests)


@pytest.mark.parametrize("n", [1, 2, 10, 64, 65, 100, 128, 129, 1024, 1025, 10 * [90, 30, 128, 70]])
@pytest.mark.parametrize("threads", [1, 3])
def test_times_alone(n: int | list[int], threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in lanes, until absorption or up to a horizon."""
    regime, results = ap.FullySynthetic(n), []
    for instructions in SETS:
        monkeypatch.setenv("AUTOPHAGE_INSTRUCTIONS", instructions)
        for generations in (None, 40) if np.max(n) < 1000 else (40,):
            ds = ap.simulate(
                ap.Categorical(LAWS), regime, runs=37, generations=generations, rng=5,
                record=INTEGERS[:3], first_run=2**32 - 9, threads=threads,
            )  # fmt: skip
            results.append(b"".join(ds[record].values.tobytes() for record in INTEGERS[:3]))
    kinds = len(results) // len(SETS)
    for kind in range(kinds):
        assert_one_value(results[kind::kinds])


@pytest.mark.parametrize("reduce", ["mean", "histogram"])
def test_sums_over_runs(reduce: str, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    record = (
        ["collapse_time"] if reduce == "histogram" else ["collapse_time", "support", "sigma", "p"]
    )
    for instructions in SETS:
        monkeypatch.setenv("AUTOPHAGE_INSTRUCTIONS", instructions)
        ds = study("labels", reduce=reduce, record=record, generations=30)
        results.append(b"".join(ds[name].values.tobytes() for name in sorted(map(str, ds))))
    assert_one_value(results)


def test_real_records(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for instructions in SETS:
        monkeypatch.setenv("AUTOPHAGE_INSTRUCTIONS", instructions)
        digests.append(real_digest())
    assert_one_value(digests)


def test_an_unknown_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOPHAGE_INSTRUCTIONS", "sse9")
    message = "AUTOPHAGE_INSTRUCTIONS must be baseline, avx2 or avx512, .* got 'sse9'"
    with pytest.raises(ValueError, match=message):
        ap.simulate(ap.Categorical([0.5, 0.5]), ap.FullySynthetic(10), runs=2)
