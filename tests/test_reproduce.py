from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import autophage as ap
from autophage import reproduce
from autophage.reproduce import contaminated2026

EVERY = [(paper, item) for paper, items in reproduce.items().items() for item in items]


@pytest.mark.parametrize(("paper", "item"), EVERY)
def test_every_item_agrees_and_is_written(paper: str, item: str, tmp_path: Path) -> None:
    result = reproduce.make(paper, item, seed=2)
    assert result.agrees, result.verdict()
    assert "\n" not in result.verdict()
    assert result.verdict().startswith(f"{paper} {item} agrees: ")
    assert any("expected" in str(check) and "found" in str(check) for check in result.checks)
    assert any("(chosen)" in value for value in result.constants.values())
    names = {path.name for path in result.save(tmp_path)}
    assert names == {path.name for path in tmp_path.iterdir()}
    assert {f"{paper}-{item}.{kind}" for kind in ("nc", "png", "svg")} <= names
    for name, table in result.tables.items():
        data = tmp_path / f"{paper}-{item}.nc"
        with xr.open_dataset(data, engine="h5netcdf", group=name) as stored:
            assert dict(stored.sizes) == dict(table.sizes)
            assert stored.attrs["verdict"] == result.verdict()


def test_items_repeat_and_do_not_depend_on_threads() -> None:
    one = reproduce.make("seddik2024", "fig3", seed=4, threads=1)
    two = reproduce.make("seddik2024", "fig3", seed=4, threads=3)
    assert one.verdict() == two.verdict()
    for name in one.tables:
        xr.testing.assert_identical(one.tables[name], two.tables[name])
    other = reproduce.make("seddik2024", "fig3", seed=5)
    assert other.verdict() != one.verdict()


def test_a_wrong_simulation_disagrees(monkeypatch: pytest.MonkeyPatch) -> None:
    simulate = ap.simulate

    def biased(model: ap.Categorical, regime: ap.Contaminated, **options: object) -> xr.Dataset:
        less = ap.Accumulate(regime.n, 0.97 * np.asarray(regime.alpha) + 0.01)
        return simulate(model, less, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ap, "simulate", biased)
    assert not reproduce.make("contaminated2026", "fig3").agrees


def test_schedules_are_those_of_the_text() -> None:
    t = np.arange(1, 101)
    fixed, log, root, fast = contaminated2026.SHARES.values()
    np.testing.assert_allclose(fixed, 0.3)
    np.testing.assert_allclose(log, np.minimum(1, 0.3 / np.log(t + 1)))
    np.testing.assert_allclose(root, 0.3 / np.sqrt(t))
    np.testing.assert_allclose(fast, 0.3 / t**2)
    powers = [20 * t**power for power in range(4)]
    np.testing.assert_array_equal(list(contaminated2026.SIZES.values()), powers)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("seddik2025", "fig1"), "paper must be one of"),
        (("seddik2024", "fig5"), "item must be one of fig1, fig2"),
    ],
)
def test_unknown_items_are_refused(arguments: tuple[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        reproduce.make(*arguments)


def test_unknown_scales_and_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="scale must be one of smoke, paper, got 'large'"):
        reproduce.make("seddik2024", "fig1", scale="large")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed must lie in"):
        reproduce.make("seddik2024", "fig1", seed=-1)


def test_checks_judge_in_numbers() -> None:
    assert reproduce.agreement("x", [1.0, 2.0], [1.0, 2.5], [0.1, 0.11]).agrees
    assert not reproduce.agreement("x", [1.0, 2.0], [1.0, 2.5], [0.1, 0.09]).agrees
    assert reproduce.agreement("x", [1.0], [1.0 + 1e-13], [0.0]).agrees
    assert not reproduce.agreement("x", [1.0], [1.001], [0.0]).agrees
    assert not reproduce.agreement("x", [np.nan], [1.0], [0.1]).agrees
    assert reproduce.matches("x", 1.0, 1.4, 0.1).agrees
    assert not reproduce.matches("x", 1.0, 1.6, 0.1).agrees
    assert not reproduce.matches("x", np.nan, 1.6, 0.1).agrees
    assert reproduce.within("x", [1.0, 2.0], 0.0, [1.5, 2.0]).agrees
    assert not reproduce.within("x", [1.0, np.nan], 0.0, 2.0).agrees
    assert reproduce.ordered("x", [1, 2, 3]).agrees
    assert not reproduce.ordered("x", [1, 2, 2]).agrees
    assert not reproduce.ordered("x", [3, 2]).agrees
    assert reproduce.ordered("x", [3, 2]).found == "3 >= 2"
