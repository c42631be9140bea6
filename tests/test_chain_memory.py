"""Regimes that remember: every instruction set gives the same means, whatever else is recorded."""

from __future__ import annotations

import numpy as np
import pytest

import autophage as ap

P = ap.Categorical(ap.law_with(52, 0.1, tokens=60))
CASES = [
    (ap.PartiallySynthetic(1, real=100), ("sigma", "l1_to_first")),
    (ap.PartiallySynthetic(10, real=150), ("sigma", "l1_to_first")),
    (ap.PartiallySynthetic(100, real=100), ("l1_to_first",)),
    (ap.PartiallySynthetic(500, real=100), ("sigma",)),
    (ap.PartiallySynthetic(lambda t: 10 + t % 2, real=20), ("sigma", "l1_to_first")),
    (ap.MostRecent(10, window=5), ("sigma", "collapse_time")),
    (ap.MostRecent(10, window=10), ("sigma", "collapse_time")),
    (ap.MostRecent(40, window=3), ("sigma",)),
    (ap.RandomlySampled(10), ("sigma", "collapse_time")),
    (ap.RandomlySampled(33), ("sigma",)),
]


@pytest.mark.parametrize("reduce", [None, "mean"])
@pytest.mark.parametrize(("regime", "record"), CASES, ids=lambda value: str(value)[:40])
def test_instruction_sets_agree(
    regime: ap.Regime, record: tuple[str, ...], reduce: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for name in ("baseline", "avx2", "avx512"):
        monkeypatch.setenv("AUTOPHAGE_INSTRUCTIONS", name)
        ds = ap.simulate(
            P, regime, runs=70, generations=40, rng=3, record=record, reduce=reduce, threads=2
        )
        found[name] = {variable: ds[variable].values.tobytes() for variable in ds.data_vars}
    assert found["avx2"] == found["baseline"]
    assert found["avx512"] == found["baseline"]


@pytest.mark.parametrize(("regime", "record"), CASES, ids=lambda value: str(value)[:40])
def test_other_records_change_nothing(regime: ap.Regime, record: tuple[str, ...]) -> None:
    few = ap.simulate(P, regime, runs=40, generations=30, rng=5, record=record)
    more = ap.simulate(P, regime, runs=40, generations=30, rng=5, record=(*record, "support"))
    for name in record:
        assert np.array_equal(few[name].values, more[name].values), name
