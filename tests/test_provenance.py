"""A Dataset alone runs again to the same bytes, shards merge to them, and lies are refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import autophage as ap
from autophage import header, provenance
from autophage.regimes import Regime

LAWS = [[0.5, 0.3, 0.2, 0.0], [0.1, 0.2, 0.3, 0.4]]
REGIMES: dict[str, Regime] = {
    "number": ap.FullySynthetic(20),
    "array": ap.FullySynthetic([5, 10, 20, 30, 40, 50]),
    "callable": ap.FullySynthetic(lambda t: 5 * t),
    "kept": ap.PartiallySynthetic(10, 30),
    "growing": ap.PartiallySynthetic(10, lambda t: 10 + t),
    "window": ap.MostRecent(11, 3),
    "all": ap.RandomlySampled(7),
    "contaminated": ap.Contaminated(20, 0.3),
    "decaying": ap.Contaminated(20, lambda t: 1 / t),
    "zero": ap.Contaminated(20, [0.0] * 9),
    "accumulate": ap.Accumulate(10),
    "subsample": ap.AccumulateSubsample(9, replace=True, alpha=0.2),
    "filtered": ap.Filtered(ap.Contaminated(20, [0.3, 0.2, 0.1, 0.4, 0.5, 1.0]), 0.2, 0.3),
    "ratio": ap.Filtered(ap.Contaminated(20, 0.3), test="likelihood_ratio", threshold=0.9),
    "risk": ap.Filtered(ap.Adaptive(20, constant=0.01), 0.1, 0.4),
    "adaptive": ap.Adaptive(20, rule="exponential", constant=5.0),
}
OPEN = ("number", "array", "window")
RECORDS = ["collapse_time", "final_token", "support", "sigma", "l1_to_first", "p"]


def study(
    name: str = "number", *, wide: bool = False, runs: int = 12, first: int = 0, **more: Any
) -> xr.Dataset:
    arguments: dict[str, Any] = {"generations": 6, "rng": 99, "reduce": None, **more}
    law = LAWS if wide else LAWS[0]
    model = ap.Categorical(
        law, token_labels=["a", "b", "π", "\t"], context_labels=["x", "y"] if wide else None
    )
    return ap.simulate(model, REGIMES[name], runs=runs, first_run=first, **arguments)


def assert_same_bytes(found: xr.Dataset, expected: xr.Dataset) -> None:
    assert found.attrs == expected.attrs
    assert list(found.variables) == list(expected.variables)
    for name in expected.variables:
        a, b = found[name], expected[name]
        assert a.dims == b.dims, name
        assert a.dtype.kind == b.dtype.kind, name
        assert (
            a.values.tolist() == b.values.tolist()
            if a.dtype.kind in "OUT"
            else (a.values.tobytes() == b.values.tobytes())
        ), name
    assert found.identical(expected)


EVERY_REGIME = pytest.mark.parametrize("name", REGIMES)
EVERY_REDUCTION = pytest.mark.parametrize("reduce", [None, "mean", "histogram"])


class TestRerun:
    @EVERY_REGIME
    @EVERY_REDUCTION
    @pytest.mark.parametrize("wide", [False, True])
    def test_gives_the_same_bytes(self, name: str, reduce: str | None, wide: bool) -> None:
        more: dict[str, Any] = {"record": RECORDS} if reduce is None else {}
        first = study(name, wide=wide, reduce=reduce, **more)
        assert_same_bytes(ap.rerun(first, threads=2), first)

    @pytest.mark.parametrize("name", OPEN)
    @EVERY_REDUCTION
    def test_of_open_studies_gives_the_same_bytes(self, name: str, reduce: str | None) -> None:
        if reduce == "mean":
            first = study(name, generations=None, reduce=reduce, record=["collapse_time"])
        else:
            first = study(name, generations=None, reduce=reduce)
        assert_same_bytes(ap.rerun(first), first)

    @EVERY_REDUCTION
    @pytest.mark.parametrize("wide", [False, True])
    def test_works_from_a_file(self, tmp_path: Path, reduce: str | None, wide: bool) -> None:
        first = study("decaying", wide=wide, reduce=reduce)
        first.to_netcdf(tmp_path / "study.nc", engine="h5netcdf")
        back = xr.load_dataset(tmp_path / "study.nc", engine="h5netcdf")
        assert back.attrs == first.attrs
        assert_same_bytes(ap.rerun(back), first)
        assert_same_bytes(ap.merge([back]), first)

    def test_long_headers_fit_in_a_file(self, tmp_path: Path) -> None:
        labels = [f"token number {i}" for i in range(20_000)]
        model = ap.Categorical(np.full(20_000, 1 / 20_000), token_labels=labels)
        first = ap.simulate(model, ap.FullySynthetic(20), runs=2, rng=1)
        assert len(first.attrs["autophage"]) > 65_536  # the bound of one HDF5 object header
        first.to_netcdf(tmp_path / "study.nc", engine="h5netcdf")
        assert_same_bytes(ap.rerun(xr.load_dataset(tmp_path / "study.nc")), first)

    def test_a_callable_is_kept_as_it_answered(self) -> None:
        asked: list[int] = []

        def n(t: int) -> int:
            asked.append(t)
            return 10 + len(asked)

        first = ap.simulate(
            ap.Categorical(LAWS[0]), ap.FullySynthetic(n), runs=3, generations=4, rng=1
        )
        assert_same_bytes(ap.rerun(first), first)

    @pytest.mark.parametrize("key", [0, 1, 2**63, 2**64 - 1])
    def test_keys_are_kept_to_the_bit(self, key: int) -> None:
        first = study(rng=key, runs=3)
        assert json.loads(first.attrs["autophage"])["key"] == f"0x{key:016x}"
        assert provenance.read(first).key == key
        assert_same_bytes(ap.rerun(first), first)

    @pytest.mark.parametrize("n", [2**31, 2**53 + 1, 2**62])
    def test_huge_counts_are_kept_to_the_bit(self, n: int) -> None:
        for regime in (ap.FullySynthetic(n), ap.FullySynthetic([n, n])):
            first = ap.simulate(ap.Categorical(LAWS[0]), regime, runs=2, generations=2, rng=1)
            assert first["n"].values.tolist() == [n, n]
            assert_same_bytes(ap.rerun(first), first)


class TestMerge:
    CUTS = (0, 1, 5, 6, 12)

    def shards(self, name: str, **more: Any) -> list[xr.Dataset]:
        return [study(name, runs=b - a, first=a, **more) for a, b in itertools.pairwise(self.CUTS)]

    @EVERY_REGIME
    @EVERY_REDUCTION
    @pytest.mark.parametrize("wide", [False, True])
    def test_gives_the_bytes_of_one_study(self, name: str, reduce: str | None, wide: bool) -> None:
        parts = self.shards(name, reduce=reduce, wide=wide)
        assert_same_bytes(ap.merge(parts), study(name, reduce=reduce, wide=wide))

    @EVERY_REDUCTION
    def test_order_and_grouping_do_not_matter(self, reduce: str | None) -> None:
        a, b, c, d = self.shards("contaminated", reduce=reduce)
        whole = study("contaminated", reduce=reduce)
        for order in itertools.permutations((a, b, c, d)):
            assert_same_bytes(ap.merge(list(order)), whole)
        assert_same_bytes(ap.merge((ap.merge([d, c]), ap.merge([b, a]))), whole)

    @pytest.mark.parametrize("name", OPEN)
    @pytest.mark.parametrize("reduce", [None, "histogram"])
    def test_open_studies_merge(self, name: str, reduce: str | None) -> None:
        parts = self.shards(name, generations=None, reduce=reduce)
        assert_same_bytes(ap.merge(parts[::-1]), study(name, generations=None, reduce=reduce))

    def test_versions_of_all_shards_are_listed(self) -> None:
        a, b = study(runs=4), study(runs=8, first=4)
        edit(b, lambda h: h["environment"].update(numpy="9.9", python="3.99"))
        for merged in (ap.merge([a, b]), ap.merge([b, a])):
            found = json.loads(merged.attrs["autophage"])["environment"]
            assert found["numpy"] == sorted([np.__version__, "9.9"])
            assert_same_bytes(ap.rerun(merged), study())

    @pytest.mark.parametrize(
        ("other", "field"),
        [
            (lambda: study(first=12, rng=98), "key"),
            (lambda: study("window", first=12), "regime"),
            (lambda: study(first=12, generations=7), "generations"),
            (lambda: study(first=12, record=["sigma"]), "record"),
            (lambda: study(first=12, reduce="mean"), "record"),
            (lambda: study(first=12, reduce="mean", record=["sigma"]), "record"),
            (lambda: study(first=12, wide=True), "model"),
        ],
    )
    def test_another_study_is_refused(self, other: Callable[[], xr.Dataset], field: str) -> None:
        with pytest.raises(ValueError, match=rf"datasets\[1\] must be .* got another {field}"):
            ap.merge([study(), other()])

    @pytest.mark.parametrize(
        ("first", "what"), [(0, "overlap"), (11, "overlap"), (13, "leave a gap")]
    )
    def test_overlaps_and_gaps_are_refused(self, first: int, what: str) -> None:
        with pytest.raises(ValueError, match=f"first_run=0 with runs=12 .* {what}|{what}"):
            ap.merge([study(), study(first=first)])

    def test_other_contents_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"datasets\[0\] must hold one study alone.*'mine'"):
            ap.merge([study().assign(mine=1)])

    @pytest.mark.parametrize("datasets", [[], (), None, 3, "x", [3], [study, None]])
    def test_only_datasets_are_merged(self, datasets: Any) -> None:
        with pytest.raises((TypeError, ValueError), match=r"datasets(\[0\])? must"):
            ap.merge(datasets)


def edit(dataset: xr.Dataset, change: Callable[[dict[str, Any]], object]) -> xr.Dataset:
    content = json.loads(dataset.attrs["autophage"])
    change(content)
    dataset.attrs["autophage"] = json.dumps(content)
    return dataset


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        *outer, last = path.split(".")
        for name in outer:
            content = content[name]
        content[last] = value

    return change


LIES: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (put("format", 2), "format must be 1, got 2"),
    (put("stream", "1"), "stream must be an integer"),
    (put("key", "0x1"), "key must be 16 hexadecimal digits"),
    (put("key", 7), "key must be 16 hexadecimal digits"),
    (put("key", "0x" + "g" * 16), "key must be 16 hexadecimal digits"),
    (put("model.kind", "gaussian"), "model.kind must be one of"),
    (put("model.token_labels", ["a"]), "token_labels must be"),
    (put("model", []), "model must be a JSON object"),
    (put("regime.kind", "os.system"), "regime.kind must be one of"),
    (put("regime.n", 21), "n must agree with the regime"),
    (put("regime.n", {"variable": "law"}), "n must be an integer"),
    (put("regime.n", "__import__('os')"), "n must be an integer"),
    (put("regime.window", 2), "unknown .'window'."),
    (put("regime", {"kind": "contaminated", "n": 20, "alpha": 0.5}), "alpha must agree"),
    (put("regime", {"kind": "contaminated", "n": 20}), "missing .'alpha'."),
    (put("runs", 11), "run must have length 11, got 12"),
    (put("runs", 10**15), "runs must be an integer"),
    (put("runs", 2**37), "run must have length 137438953472, got 12"),
    (put("runs", 12.0), "runs must be an integer"),
    (put("first_run", 1), "run must count up from first_run = 1"),
    (put("generations", 2**31), "generations must be the length of the schedule, 6"),
    (put("generations", None), "n must be int64 over"),
    (put("record", ["sigma", "p"]), "there must be a variable p"),
    (put("record", ["pickle"]), r"record must be .* got 'pickle' at index \[0\]"),
    (put("record", []), "record must be"),
    (put("reduce", "mean"), "must be float64 over"),
    (put("reduce", "sum"), "reduce must be one of"),
    (put("environment", {}), "environment must have the fields"),
    (put("environment.numpy", 3), "environment.numpy must be"),
    (put("surprise", 1), "unknown .'surprise'."),
    (lambda content: content.pop("key"), "missing .'key'."),
]


class TestLies:
    @pytest.mark.parametrize(("change", "message"), LIES, ids=[message for _, message in LIES])
    def test_a_header_that_does_not_fit_is_refused(self, change: Any, message: str) -> None:
        lying = edit(study(), change)
        for use in (ap.rerun, provenance.read, lambda ds: ap.merge([ds])):
            with pytest.raises(ValueError, match=message):
                use(lying)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (None, "has no attribute 'autophage'"),
            (3, "has no attribute 'autophage'"),
            ("", "must describe it"),
            ("[]", "header must be a JSON object"),
            ('{"format": NaN}', "numbers must be finite, got NaN"),
            ('{"format": 1, "format": 1}', "each field must come once"),
            ("[" * 100_000, "must describe it"),
            ('{"format": ' + "9" * 10_000 + "}", "must describe it"),
        ],
    )
    def test_damaged_text_is_refused(self, text: Any, message: str) -> None:
        lying = study()
        lying.attrs["autophage"] = text
        if text is None:
            del lying.attrs["autophage"]
        with pytest.raises(ValueError, match=message):
            ap.rerun(lying)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda ds: ds.drop_vars("law"), "there must be a variable law"),
            (lambda ds: ds.assign(law=ds["law"] * 0.9), "law must be|p must be a law"),
            (lambda ds: ds.assign(law=ds["law"] * (1 + 1e-10)), "law must hold laws as they were"),
            (lambda ds: ds.drop_vars("n"), "there must be a variable n"),
            (lambda ds: ds.assign(n=ds["n"] + 1), "n must agree with the regime"),
            (lambda ds: ds.assign(n=ds["n"].astype("int32")), "n must be int64 .* got int32"),
            (lambda ds: ds.assign(alpha=ds["n"] * 0.0), "alpha must not be there"),
            (lambda ds: ds.isel(run=slice(3)), "run must have length 12, got 3"),
            (lambda ds: ds.isel(run=slice(None, None, -1)), "run must count up from first_run"),
            (lambda ds: ds.isel(generation=slice(None, None, -1)), "generation must count up from"),
            (lambda ds: ds.assign_coords(generation=range(9, 9 + len(ds.generation))), "start = 1"),
            (lambda ds: ds.drop_vars("sigma"), "there must be a variable sigma"),
            (lambda ds: ds.transpose(), "sigma must be float64 over|over"),
        ],
    )
    def test_variables_that_do_not_fit_are_refused(self, change: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            ap.merge([change(study())])

    @pytest.mark.parametrize(
        "name", ["sigma", "sigma_variance", "sigma_sum", "collapse_time_reached"]
    )
    def test_means_must_follow_from_their_sums(self, name: str) -> None:
        first = study(reduce="mean")
        changed = first.assign({name: first[name] + first[name].dtype.type(1)})
        with pytest.raises(ValueError, match="must follow from the sums over 12 runs"):
            ap.merge([changed])

    def test_counts_must_add_up_to_the_runs(self) -> None:
        first = study(reduce="histogram")
        with pytest.raises(ValueError, match="must count 12 runs"):
            ap.merge([first.assign(not_reached=first["not_reached"] + 1)])

    def test_another_stream_cannot_be_run_again(self) -> None:
        other = edit(study(), put("stream", 9))
        with pytest.raises(ValueError, match="drawn with version 9 of the random stream"):
            ap.rerun(other)
        assert provenance.read(ap.merge([other])).stream == 9


def test_no_read_path_evaluates_anything() -> None:
    package = Path(str(header.__file__)).parent
    for path in package.rglob("*.py"):
        text = path.read_text()
        for banned in ("pickle", " eval(", " exec(", "allow_pickle", "import_module(header"):
            assert banned not in text, f"{path.name} has {banned}"


WHOLE = study("filtered", wide=True)


@settings(derandomize=True, deadline=None, database=None, max_examples=500)
@given(st.data())
def test_a_damaged_header_is_read_or_refused(data: st.DataObject) -> None:
    damaged = ap.merge([WHOLE])
    text = damaged.attrs["autophage"]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 12, len(text))))
    piece = data.draw(
        st.sampled_from(["", "0", "-1", '"', "{", "}", "[]", ", ", "null", "1e999", "\\"])
    )
    damaged.attrs["autophage"] = text[:start] + piece + text[end:]
    try:
        found = provenance.read(damaged)
    except ValueError as error:
        said = str(error)
    else:
        said = repr(found)
    assert said
