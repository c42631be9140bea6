"""The figure of entities that become alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autophage as ap
from autophage.reproduce import Settings, interacting_tokens


def test_agrees_and_is_written(tmp_path: Any) -> None:
    result = interacting_tokens.homogenisation(Settings(seed=3))
    assert result.agrees, result.verdict()
    names = {path.name for path in result.save(tmp_path)}
    assert {f"interactive2025-homogenisation.{kind}" for kind in ("nc", "png", "svg")} <= names


def test_a_wrong_simulation_disagrees(monkeypatch: pytest.MonkeyPatch) -> None:
    simulate = ap.simulate

    def biased(model: ap.Categorical, regime: ap.Interacting, **options: Any) -> Any:
        alpha = 0.98 * np.asarray(regime.alpha)
        less = ap.Interacting(float(alpha), regime.beta, regime.n, regime.real, regime.own_pools)
        return simulate(model, less, **options)

    monkeypatch.setattr(ap, "simulate", biased)
    assert not interacting_tokens.homogenisation(Settings()).agrees


def test_laws_are_dialects_of_one_language() -> None:
    private, public = interacting_tokens.laws()
    np.testing.assert_allclose(private.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(private[0], public, rtol=1e-15)
    assert np.ptp(np.square(private).sum(axis=1)) > 0
