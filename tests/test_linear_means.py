"""Exact means of simulated networks of linear models, and the units that they are summed in."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import autophage as ap
from autophage import linear_chains
from autophage.theory.interactive2025 import divergent_moments
from linear_networks import NETWORKS, RECORDS, simulated


class TestMeans:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_are_those_of_the_runs(self, name: str) -> None:
        runs, means = simulated(name, runs=400), simulated(name, runs=400, reduce="mean")
        for record in RECORDS:
            size = float(abs(runs[record]).max())
            mean, variance = runs[record].mean("run"), runs[record].var("run", ddof=1)
            np.testing.assert_allclose(means[record], mean, rtol=1e-12, atol=1e-15 * size)
            found = means[f"{record}_variance"]
            np.testing.assert_allclose(found, variance, rtol=1e-10, atol=1e-15 * size**2)

    def test_are_exact(self) -> None:
        """The sums are those of Python's integers, of whatever size and sign."""
        found = simulated("constant weights", runs=7, record=["estimate"]).estimate.values
        means = simulated("constant weights", runs=7, record=["estimate"], reduce="mean")
        unit = linear_chains._records(NETWORKS["constant weights"][0])["estimate"].unit
        values = [
            int(Fraction(abs(x)) / Fraction(unit) * 2**124) * (1 if x > 0 else -1)
            for x in found[:, 2, 1, 0].tolist()
        ]
        for name, size, total in (
            ("sum", 4, sum(values)),
            ("squares", 7, sum(value**2 for value in values)),
        ):
            limbs = means[f"estimate_{name}"].values[2, 1, 0].tolist()
            assert limbs == [(total >> 64 * i) & (2**64 - 1) for i in range(size)]

    def test_of_small_values_keep_their_digits(self) -> None:
        """A change of units changes nothing but the units."""
        net, regime = NETWORKS["constant weights"]
        assert net.theta is not None
        tiny = ap.InteractingLinear(
            net.private, net.public, net.synthetic, net.noise * 4.0**-30, net.theta * 2.0**-30
        )
        study: dict[str, Any] = {"runs": 40, "generations": 3, "rng": 1, "record": RECORDS}
        usual, small = (ap.simulate(n, regime, **study, reduce="mean") for n in (net, tiny))
        for name, unit in (("estimate", 2.0**30), ("squared_error", 4.0**30)):
            np.testing.assert_allclose(small[name] * unit, usual[name], rtol=1e-12)
            variance = small[f"{name}_variance"] * unit**2
            np.testing.assert_allclose(variance, usual[f"{name}_variance"], rtol=1e-12)

    def test_of_one_run_have_no_variance(self) -> None:
        found = simulated("constant weights", runs=1, reduce="mean")
        assert np.isnan(found.estimate_variance.values).all()
        assert not np.isnan(found.estimate.values).any()

    def test_beyond_the_range_are_refused(self) -> None:
        one = [[[1.0]], [[1.0]]]
        study: dict[str, Any] = {"runs": 3, "generations": 2, "rng": 1, "reduce": "mean"}
        net = ap.InteractingLinear([[[1.0]], [[1e-3]]], [[0.0]], one, theta=[1e30])
        kept = ap.simulate(net, ap.Interacting(0.5, 1.0), **study, record=["estimate"])
        np.testing.assert_allclose(kept.estimate, 1e30)
        net = ap.InteractingLinear([[[1.0]], [[1e-30]]], [[0.0]], one)
        with pytest.raises(
            OverflowError, match=r"2\^62 .* entity 1 in generation 0 .*take reduce=N"
        ):
            ap.simulate(net, ap.Interacting(0.5, 1.0), **study)
        net = ap.InteractingLinear(*divergent_moments(9, 1e6), theta=np.ones(9))
        with pytest.raises(OverflowError, match=r"take fewer generations, or reduce=None"):
            ap.simulate(net, ap.Interacting(0.9, 1.0), **study | {"generations": 200})

    @pytest.mark.parametrize("noise", [1e-60, 1e-40, 1e-34, 1e40])
    def test_of_any_noise_keep_their_digits(self, noise: float) -> None:
        net, regime = NETWORKS["constant weights"]
        small = ap.InteractingLinear(net.private, net.public, net.synthetic, noise)
        study: dict[str, Any] = {"runs": 40, "generations": 3, "rng": 1, "record": RECORDS}
        runs, means = (ap.simulate(small, regime, **study, reduce=r) for r in (None, "mean"))
        for name in RECORDS:
            size = float(abs(runs[name]).mean())
            np.testing.assert_allclose(means[name], runs[name].mean("run"), atol=1e-13 * size)
            expected = runs[name].var("run", ddof=1)
            np.testing.assert_allclose(means[f"{name}_variance"], expected, rtol=1e-10)
        shards = [ap.simulate(small, regime, **study | {"runs": 20, "first_run": first},
                              reduce="mean") for first in (0, 20)]  # fmt: skip
        assert ap.merge(shards).identical(means)
        assert ap.rerun(means).identical(means)
