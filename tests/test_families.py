"""What every family of models promises to the modules that ask it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import autophage as ap
from autophage import families, header, records
from autophage.families import Family
from autophage.regimes import Regime

ONE = [[1.0]]
CASES: dict[str, tuple[Any, Regime | None]] = {
    "categorical": (ap.Categorical([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]), ap.Contaminated(9, 0.5)),
    "interacting_categorical": (
        ap.Categorical([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], public=[0.2, 0.4, 0.4]),
        ap.Interacting(0.5, [0.1, 0.2, 0.3], 9),
    ),
    "interacting_linear": (
        ap.InteractingLinear([ONE, [[2.0]]], ONE, [ONE, ONE], theta=[2.0]),
        ap.Interacting(0.5, [0.1, 0.2, 0.3]),
    ),
    "mixture_network": (
        ap.MixtureNetwork(
            [[0, 0], [3, 1], [1, 4]], [[1, 0.5], [0.5, 2]], [[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]],
            rate=lambda t: 1 / (t + 1), prior=0.01, posts=[1, 2], first_posts=[[1, 2]],
        ),
        None,
    ),
}  # fmt: skip
GENERATIONS = 3


def parts(kind: str, reduce: str | None = None) -> tuple[Family, Any, Any, records.Study]:
    model, regime = CASES[kind]
    family = families.of_model(model)
    study = family.study(model, reduce=reduce, runs=4, first_run=2, generations=GENERATIONS)
    return family, model, regime, study


def test_every_family_has_a_case() -> None:
    assert {family.kind for family in families.FAMILIES} == set(CASES)


@pytest.mark.parametrize("kind", CASES)
class TestFamily:
    def test_is_found_by_model_and_by_name(self, kind: str) -> None:
        family, model, _, _ = parts(kind)
        assert family.kind == kind
        assert families.of_kind(kind) is family
        alike = [each for each in families.FAMILIES if isinstance(model, each.model)]
        assert [each for each in alike if each.describes(model)] == [family]

    def test_takes_regimes_of_different_names(self, kind: str) -> None:
        family, _, regime, _ = parts(kind)
        assert isinstance(regime, family.regimes or type(None))
        assert len({each.name for each in family.regimes}) == len(family.regimes)

    def test_has_records_with_sizes(self, kind: str) -> None:
        family, _, _, study = parts(kind)
        for name, record in study.records.items():
            assert record.kind in ("time", "label", "count", "real")
            assert record.limbs in (records.BOUNDED, records.SIGNED)
            assert set(record.dims) <= {"generation", *study.sizes}
            assert all(size > 0 for size in study.shape(name))
        for generations in (None, GENERATIONS):
            assert set(family.default_record(generations)) <= set(study.records)
        assert all(study.records[name].kind == "time" for name in family.counted)

    def test_has_inputs_as_its_layout_says(self, kind: str) -> None:
        family, model, regime, study = parts(kind)
        inputs, layout = family.inputs(model, regime, study), family.schedule_layout(study)
        assert next(iter(layout)) in inputs
        for name, (dims, values) in inputs.items():
            assert len(dims) == values.ndim
            if name in layout:
                assert (dims, values.dtype) == (layout[name][0], np.dtype(layout[name][1]))
                assert len(values) == study.rows
        assert family.input_memory(study) >= sum(
            v.nbytes for n, (_, v) in inputs.items() if n in layout
        )

    @pytest.mark.parametrize("reduce", [None, "mean"])
    def test_comes_back_from_its_results(self, kind: str, reduce: str | None) -> None:
        family, model, regime, study = parts(kind, reduce)
        names = [name for name, each in study.records.items() if not reduce or each.kind != "label"]
        found = ap.simulate(
            model, regime, runs=4, first_run=2, generations=GENERATIONS, rng=5, record=names,
            reduce=reduce,
        )  # fmt: skip
        read = header.read(found)
        assert (read.model, read.regime) == family.spelled_out(model, regime, study)
        assert (read.study.sizes, read.study.record) == (study.sizes, tuple(names))
        assert json.loads(found.attrs["autophage"])["model"]["kind"] == kind
        assert ap.rerun(found).identical(found)

    def test_spells_out_what_stays_the_same(self, kind: str) -> None:
        family, model, regime, study = parts(kind)
        spelled = family.spelled_out(model, regime, study)
        assert family.spelled_out(*spelled, study) == spelled
        for name, (_, values) in family.inputs(*spelled, study).items():
            assert values.tobytes() == family.inputs(model, regime, study)[name][1].tobytes()

    def test_refuses_other_arithmetic(self, kind: str) -> None:
        family, model, regime, study = parts(kind)
        assert family.dtypes[0] == study.dtype == "float64"
        for dtype in {"float32", "float16", "f8"} - set(family.dtypes):
            with pytest.raises(ValueError, match=f"dtype must be one of 'float64'.* got '{dtype}'"):
                ap.simulate(model, regime, runs=1, generations=3, dtype=dtype)

    def test_needs_a_regime_or_refuses_it(self, kind: str) -> None:
        _, model, regime, _ = parts(kind)
        other = ap.FullySynthetic(5) if regime is None else None
        with pytest.raises(TypeError, match=r"regime must be .* got (None|FullySynthetic)"):
            ap.simulate(model, other, runs=1, generations=3)

    def test_takes_the_memory_it_says(self, kind: str) -> None:
        _, _, _, study = parts(kind)
        names = tuple(study.records)
        study = records.Study(**{**vars(study), "record": names})
        assert study.bytes(0) == sum(array.nbytes for array in study.empty(4).values())
        sums = sum(array.nbytes for array in study.zero_sums().values())
        assert records.Study(**{**vars(study), "reduce": "mean"}).bytes(0) >= 2 * sums

    def test_does_not_take_a_part_of_its_inputs_for_the_whole(self, kind: str) -> None:
        model, regime = CASES[kind]
        whole = ap.simulate(model, regime, runs=2, generations=GENERATIONS, rng=1)
        ap.rerun(whole)
        dims = {"context", "entity", "model"} & set(whole.dims)
        assert dims
        for dim in dims:
            for selection in ([0], [1, 0]):
                with pytest.raises(ValueError, match="header of dataset"):
                    ap.rerun(whole.isel({dim: selection}))


def test_anything_else_is_no_model() -> None:
    with pytest.raises(TypeError, match=r"model must be an autophage.Categorical or an .* got 3"):
        families.of_model(3)
    with pytest.raises(ValueError, match=r"model.kind must be one of 'categorical', .* got 'x'"):
        families.of_kind("x")
