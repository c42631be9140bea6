from __future__ import annotations

import csv
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import autophage as ap
from autophage import corpus as corpora
from autophage import report
from autophage.options import REGIMES, Amount, OptionError, build_regime
from autophage.study import Plan, Study, StudyError, run_study

LIMIT = 5.0  # largest |z|
ADDED: dict[str, dict[str, Any]] = {
    "partially-synthetic": {"real": Amount(40, is_share=False)},
    "most-recent": {"window": 3},
    "contaminated": {"alpha": 0.2},
    "accumulate": {"alpha": 0.1},
    "accumulate-subsample": {"alpha": 0.1, "replace": True},
    "filtered": {"alpha": 0.3, "type1": 0.2, "type2": 0.3},
    "adaptive": {"constant": 0.02},
}


@pytest.fixture(scope="module")
def corpus() -> corpora.Corpus:
    text = corpora.read_text()
    part = corpora.Text(text.content[:40_000], "part of the language reference")
    return corpora.next_token_counts(part, context=1, min_count=200)


def study_of(corpus: corpora.Corpus, name: str, samples: Amount, plan: Plan) -> Study:
    options = ADDED.get(name, {})
    return run_study(
        corpus, partial(build_regime, name, samples, corpus.occurrences, options), plan
    )


@pytest.fixture(scope="module")
def study(corpus: corpora.Corpus) -> Study:
    return study_of(corpus, "fully-synthetic", Amount(30, is_share=False), Plan(runs=400, seed=3))


def test_exact_columns_are_those_of_the_law(study: Study, corpus: corpora.Corpus) -> None:
    for index in (0, 7, len(corpus.context_labels) - 1):
        law = ap.collapse_law(corpus.counts[index] / corpus.occurrences[index], 30)
        assert study.contexts["exact_mean"][index] == pytest.approx(law.mean, rel=1e-12)
        assert study.contexts["exact_sd"][index] ** 2 == pytest.approx(law.variance, rel=1e-9)
        assert study.contexts["exact_median"][index] == law.quantile(0.5)
        assert study.contexts["exact_ninety"][index] == law.quantile(0.9)
    assert study.summary["exact_mean"] == pytest.approx(study.contexts["exact_mean"].mean())


def test_quantiles_over_contexts_are_the_first_generations(study: Study) -> None:
    law = ap.collapse_law(study.corpus.model(), 30)
    for level, name in ((0.5, "exact_half"), (0.9, "exact_ninety")):
        m = int(study.summary[name])
        assert np.mean(law.cdf(m)) >= level > np.mean(law.cdf(m - 1))
    times = np.sort(study.data["times"]["collapse_time"].values.ravel())
    for level, name in ((0.5, "half"), (0.9, "ninety")):
        first = study.summary[name]
        assert np.mean(times <= first) >= level > np.mean(times < first)


def test_simulation_agrees_with_the_exact_law(study: Study) -> None:
    summary = study.summary
    z = (summary["mean"] - summary["exact_mean"]) / summary["mean_error"]
    assert abs(z) <= LIMIT
    assert summary["largest_z"] <= LIMIT
    assert summary["largest_curve_z"] <= LIMIT
    assert summary["reached"] == 1.0
    assert abs(summary["half"] - summary["exact_half"]) <= 2


def test_a_wrong_law_would_be_seen(study: Study) -> None:
    wrong = ap.collapse_law(study.corpus.model(), 31)
    z = (study.summary["mean"] - np.mean(wrong.mean)) / study.summary["mean_error"]
    assert abs(z) > LIMIT


def test_collapsed_contexts_are_counted(study: Study) -> None:
    curve = study.curves["contexts_collapsed"]
    times = study.data["times"]["collapse_time"].values
    for m, mean, error in zip(curve.generation, curve.simulated, curve.error, strict=True):
        count = (times <= m).sum(axis=1)
        assert mean == pytest.approx(count.mean())
        assert error == pytest.approx(count.std(ddof=1) / np.sqrt(count.size), abs=1e-9)
    assert (np.diff(curve.exact) >= 0).all()
    assert curve.simulated[-1] >= 0.998 * times.shape[1]


def test_exact_vocabulary_goes_on_where_simulation_stopped(
    corpus: corpora.Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autophage.study.CURVE_CELLS", 10)
    short = study_of(corpus, "fully-synthetic", Amount(30, is_share=False), Plan(runs=20))
    curve = short.curves["tokens_left"]
    assert np.isfinite(curve.exact).all()
    assert np.isfinite(curve.simulated[:20]).all()
    assert np.isnan(curve.simulated[20:]).all()
    assert curve.generation[-1] == short.curves["contexts_collapsed"].generation[-1] > 20


@pytest.mark.parametrize("name", REGIMES)
def test_every_regime_runs_and_agrees(name: str, corpus: corpora.Corpus, tmp_path: Path) -> None:
    plan = Plan(runs=300, generations=12, seed=5)
    found = study_of(corpus, name, Amount(20, is_share=False), plan)
    exact = {key: np.isfinite(curve.exact).any() for key, curve in found.curves.items()}
    assert exact["sum_of_squares"] == (name != "adaptive")
    assert exact["contexts_collapsed"] == (name == "fully-synthetic")
    assert exact["tokens_left"] == (
        name in ("fully-synthetic", "partially-synthetic", "contaminated")
    )
    if name != "adaptive":
        assert found.summary["largest_curve_z"] <= LIMIT
    lines = report.describe_study(found)
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith(name)
    names = {path.name for path in report.write(found, tmp_path)}
    assert names == {path.name for path in tmp_path.iterdir()}
    assert {"collapse.nc", "contexts.csv", "generations.csv", "vocabulary.png"} <= names


def test_a_share_gives_each_context_its_own_samples(corpus: corpora.Corpus) -> None:
    found = study_of(corpus, "fully-synthetic", Amount(10, is_share=True), Plan(runs=100, seed=1))
    samples = found.contexts["samples"]
    assert samples.tolist() == np.rint(corpus.occurrences * 0.1).astype(int).tolist()
    index = len(samples) - 1
    law = ap.collapse_law(corpus.counts[index] / corpus.occurrences[index], int(samples[index]))
    assert found.contexts["exact_mean"][index] == pytest.approx(law.mean, rel=1e-12)
    assert found.summary["largest_z"] <= LIMIT
    assert Amount(1e-9, is_share=True).of(corpus.occurrences, rows=3).shape == (3, len(samples))  # type: ignore[union-attr]
    assert (np.asarray(Amount(1e-9, is_share=True).of(corpus.occurrences)) == 1).all()


def test_beyond_the_reach_of_the_exact_law_the_simulation_stands_alone(
    corpus: corpora.Corpus,
) -> None:
    plan = Plan(runs=3, generations=2)
    found = study_of(corpus, "fully-synthetic", Amount(10**12, is_share=False), plan)
    assert np.isnan(found.summary["exact_mean"])
    assert np.isnan(found.summary["mean"])
    assert np.isfinite(found.curves["sum_of_squares"].exact).all()


def test_sums_out_of_range_are_refused(corpus: corpora.Corpus) -> None:
    plan = Plan(runs=2, generations=4000)
    with pytest.raises(StudyError, match="add up"):
        study_of(corpus, "accumulate", Amount(2**52, is_share=False), plan)


def test_files_hold_what_was_found(study: Study, tmp_path: Path) -> None:
    report.write(study, tmp_path)
    with (tmp_path / "contexts.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["context"] for row in rows] == list(study.corpus.context_labels)
    assert [float(row["exact_mean"]) for row in rows] == study.contexts["exact_mean"].tolist()
    with (tmp_path / "generations.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["quantity"] == "tokens_left"]
    assert [float(row["exact"]) for row in rows] == study.curves["tokens_left"].exact.tolist()
    with xr.open_dataset(tmp_path / "collapse.nc", engine="h5netcdf", group="times") as times:
        assert (times["collapse_time"] == study.data["times"]["collapse_time"]).all()
        assert times.attrs == study.data["times"].attrs
    with xr.open_dataset(tmp_path / "collapse.nc", engine="h5netcdf") as root:
        assert root["exact_mean"].values.tolist() == study.contexts["exact_mean"].tolist()
        kept = root["tokens_left_exact"].sel(generation=study.curves["tokens_left"].generation)
        assert kept.values.tolist() == study.curves["tokens_left"].exact.tolist()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("fully-synthetic", {"alpha": 0.1}, "--alpha does not belong to --regime fully-synthetic"),
        ("most-recent", {}, "--regime most-recent needs --window"),
        ("contaminated", {}, "needs --alpha"),
        ("adaptive", {"constant": -1.0}, "constant"),
        ("contaminated", {"alpha": float("nan")}, "alpha"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    name: str, options: dict[str, float], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        build_regime(name, Amount(5, is_share=False), [10, 20], options)
