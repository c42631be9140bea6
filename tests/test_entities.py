"""Models of entities: what is refused, what the Dataset keeps, and what is made of it again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import autophage as ap

PAIR, PUBLIC = [[0.25, 0.75], [0.875, 0.125]], [0.5, 0.5]


def entities(**more: Any) -> Any:
    arguments = {"alpha": 0.5, "beta": 0.5, "n": 9} | more
    model = ap.Categorical(PAIR, public=PUBLIC)
    return ap.simulate(model, ap.Interacting(**arguments), runs=2, generations=3)


MALFORMED: list[tuple[Callable[[], Any], str]] = [
    (lambda: ap.Categorical([0.5, 0.5], public=PUBLIC), "p must have a row per entity"),
    (lambda: ap.Categorical(PAIR, public=[0.2, 0.3, 0.5]), r"public .* 2 tokens .* \(3,\)"),
    (lambda: ap.Categorical(PAIR, public=[PUBLIC]), r"public .* \(1, 2\)"),
    (lambda: ap.Categorical(PAIR, public=[0.5, 0.4]), "public must be a law.* 0.9"),
    (lambda: ap.Categorical(PAIR, public=["a", "b"]), "public .*'a'"),
    (lambda: ap.Categorical(PAIR, public=[0.5, np.nan]), "public .*nan"),
    (lambda: entities(n=None), "n must be given"),
    (lambda: entities(beta_0=0.5), "beta_0 must be None .* 0.5"),
    (lambda: entities(real=((1, 2, 3), 4)), r"real\[0\] .* 2 entities, got 3"),
    (lambda: entities(real=(0, 4)), r"real\[0\] .* 0"),
    (lambda: entities(n=2**62, own_pools=True), r"n must be at most 2\^62 / 2 .* 46116860184"),
    (lambda: entities(alpha=[0.5, 0.5]), "alpha must cover all 3 generations"),
    (lambda: entities(beta=lambda t: 2.0 * t), "beta at generation 1 .* 2.0"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "says"), MALFORMED, ids=lambda x: x if isinstance(x, str) else "")
def test_what_does_not_fit_is_refused(call: Callable[[], Any], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        call()


def test_public_laws_and_the_regime_go_together() -> None:
    with_public, without = ap.Categorical(PAIR, public=PUBLIC), ap.Categorical(PAIR)
    interacting = ap.Interacting(0.5, 0.5, 9)
    with pytest.raises(TypeError, match=r"regime must be an autophage\.Interacting"):
        ap.simulate(with_public, ap.FullySynthetic(9), runs=1, generations=2)
    with pytest.raises(TypeError, match="needs a Categorical with public"):
        ap.simulate(without, interacting, runs=1, generations=2)
    with pytest.raises(ValueError, match="public must be given for Interacting"):
        ap.moments(without, interacting, 2)
    for known in (
        lambda: ap.moments(with_public, ap.FullySynthetic(9), 2),
        lambda: ap.collapse_law(with_public, 9),
        lambda: ap.collapse_time_asymptotic(with_public, 9),
        lambda: ap.contaminated_law(with_public, 9, 0.5),
    ):
        with pytest.raises(ValueError, match=re.escape("p must be without public")):
            known()
    with pytest.raises(ValueError, match="generations must be given"):
        ap.simulate(with_public, interacting, runs=1)


def test_models_differ_by_their_public_law() -> None:
    models = [ap.Categorical(PAIR, public=p) for p in (PUBLIC, PUBLIC, [0.25, 0.75], None)]
    assert models[0] == models[1]
    assert len(set(models)) == 3
    assert repr(models[0]) == "<Categorical: 2 entities, 2 tokens>"
    assert models[0].has_entities
    assert not models[3].has_entities


REGIMES = {
    "numbers": ap.Interacting(0.5, 0.25, 9),
    "arrays": ap.Interacting([0.5, 0.0, 1.0], [0.25, 1.0, 0.0], [9, 4, 300], (5, 6)),
    "callables": ap.Interacting(lambda t: 1 / t, lambda t: 1 - 1 / t, lambda t: 5 * t),
    "each": ap.Interacting(0.5, 0.25, 9, ((5, 6), 7), own_pools=True),
    "nothing synthetic": ap.Interacting([0.0] * 3, 0.0, 9),
}


def study(name: str, runs: int = 12, first: int = 0, **more: Any) -> xr.Dataset:
    model = ap.Categorical(
        PAIR, public=PUBLIC, token_labels=["a", "\u03c0"], context_labels=("x", "y")
    )
    arguments: dict[str, Any] = {"generations": 3, "rng": 99} | more
    return ap.simulate(model, REGIMES[name], runs=runs, first_run=first, **arguments)


@pytest.mark.parametrize("reduce", [None, "mean", "histogram"])
@pytest.mark.parametrize("name", REGIMES)
def test_a_file_runs_again_and_shards_merge(name: str, reduce: str | None, tmp_path: Path) -> None:
    whole = study(name, reduce=reduce)
    assert ap.rerun(whole, threads=2).identical(whole)
    assert ap.merge([study(name, 7, 5, reduce=reduce), study(name, 5, reduce=reduce)]).identical(
        whole
    )
    whole.to_netcdf(tmp_path / "study.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "study.nc", engine="h5netcdf") as stored:
        again = ap.rerun(stored.load())
    for variable in whole.variables:
        np.testing.assert_array_equal(again[variable].values, whole[variable].values)


def test_results_name_entities_and_hold_every_input() -> None:
    found = study("arrays", record=["sigma", "p", "final_token"])
    assert found.sigma.dims == ("run", "generation", "entity")
    assert found.p.dims == ("run", "generation", "entity", "token")
    assert found.final_token.dims == ("run", "entity")
    assert found.entity.values.tolist() == ["x", "y"]
    assert found.law.dims == ("entity", "token")
    assert found.public.values.tolist() == PUBLIC
    assert found.alpha.values.tolist() == [0.5, 0.0, 1.0]
    assert found.beta.values.tolist() == [0.25, 1.0, 0.0]
    assert found.n.values.tolist() == [9, 4, 300]


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[xr.Dataset], xr.Dataset]:
    def apply(dataset: xr.Dataset) -> xr.Dataset:
        content = json.loads(dataset.attrs["autophage"])
        change(content)
        return dataset.assign_attrs(autophage=json.dumps(content))

    return apply


LIES: list[tuple[Callable[[xr.Dataset], xr.Dataset], str]] = [
    (lambda d: d.drop_vars("public"), "there must be a variable public"),
    (lambda d: d.assign(public=("token", [0.5, 0.4])), "public must be a law"),
    (lambda d: d.assign(public=("token", [0.5, 0.5 + 1e-12])), "law and public must hold"),
    (lambda d: d.assign(law=("context", [1.0])), "there must be a variable law"),
    (lambda d: d.assign(n=("generation", np.full(3, 8))), "the variable n must agree"),
    (lambda d: d.drop_vars("alpha"), "the variable alpha must agree"),
    (edited(lambda c: c["regime"].update(real=[[5, 6, 7], 8])), r"real\[0\] .* 2 entities, got 3"),
    (edited(lambda c: c["regime"].update(n=None)), "n must be given"),
    (edited(lambda c: c["regime"].update(beta_0=0.5)), "beta_0 must be None"),
    (edited(lambda c: c["regime"].update(own_pools=1)), "own_pools must be True or False"),
    (edited(lambda c: c.update(generations=None)), "generations"),
    (edited(lambda c: c["model"].update(kind="categorical")), "model must have the fields"),
]


@pytest.mark.parametrize(("lie", "says"), LIES, ids=[says for _, says in LIES])
def test_lies_are_refused(lie: Callable[[xr.Dataset], xr.Dataset], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ap.rerun(lie(study("each")))


def test_shards_of_another_public_law_are_refused() -> None:
    other = ap.Categorical(PAIR, public=[0.25, 0.75], context_labels=("x", "y"))
    stranger = ap.simulate(other, REGIMES["each"], runs=3, first_run=12, generations=3, rng=99)
    with pytest.raises(ValueError, match="another model"):
        ap.merge([study("each"), stranger])


def test_what_cannot_fit_is_refused() -> None:
    model = ap.Categorical(np.full((50, 100), 0.01), public=np.full(100, 0.01))
    with pytest.raises(MemoryError, match="ways out"):
        ap.simulate(model, ap.Interacting(0.5, 0.5, 9), runs=10**6, generations=10**4, record=["p"])
