"""Simulated networks of mixtures in float32, beside float64 and the slow reference."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import autophage as ap
import mixture_reference as reference
from mixture_networks import NETWORKS
from test_mixture import KEY, simulated


class TestFloat32:
    """One study in either arithmetic: the draws are the same, the weights off by rounding.

    A uniform that falls between two cumulative weights which differ by a rounding picks another
    component: the chance is some 1e-7 a post, and no run here meets it.
    """

    @pytest.mark.parametrize("name", NETWORKS)
    def test_is_float64_but_for_rounding(self, name: str) -> None:
        double, single = (simulated(name, dtype=d).weights.values for d in ("float64", "float32"))
        np.testing.assert_allclose(single, double, rtol=1e-4, atol=2e-5)
        np.testing.assert_allclose(single.sum(axis=-1), 1.0, rtol=1e-14)
        assert single.dtype == np.float64
        assert (
            name == "nothing is read"
            or abs(single - double).max() > 0
            or (NETWORKS[name].component_count == 1)
        )

    def test_has_the_same_means(self) -> None:
        net = NETWORKS["two components"]
        study: dict[str, Any] = {"runs": 4000, "generations": 60, "rng": KEY, "reduce": "mean"}
        double, single = (ap.simulate(net, dtype=d, **study) for d in ("float64", "float32"))
        error = np.sqrt(double.weights_variance / 4000)
        assert (abs(single.weights - double.weights) <= 0.05 * error + 1e-6).all()
        assert (abs(single.distance - double.distance) <= 1e-3).all()

    def test_is_in_the_header(self) -> None:
        for dtype in ("float64", "float32"):
            found = simulated("a prior", dtype=dtype)
            assert json.loads(found.attrs["autophage"])["dtype"] == dtype
            assert ap.rerun(found).identical(found)
        single, double = (simulated("a prior", dtype=d, first_run=f) for d, f in
                          (("float32", 0), ("float64", 30)))  # fmt: skip
        with pytest.raises(ValueError, match="got another dtype, float64 against float32"):
            ap.merge([single, double])

    @pytest.mark.parametrize("count", [2, 5])
    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_prunes_beside_a_model_that_stands_still(self, dtype: str, count: int) -> None:
        """What its prior takes is too little for the type; the others lose what they lose."""
        weights = np.random.default_rng(count).dirichlet(np.ones(count), 3)
        still = 1e-50 if dtype == "float32" else 5e-324
        net = ap.MixtureNetwork(
            12.0 * np.arange(count), 1.0, weights, rate=[still, 0.2, 0.2], prior=0.5 / count,
            read=1.0,
        )  # fmt: skip
        runs = [reference.simulate(net, 10, KEY, run).weights for run in range(18)]
        assert (np.array(runs)[:, -1] == 0).any()
        for some in (1, 18):  # components or runs side by side
            found = ap.simulate(net, runs=some, generations=10, rng=KEY, threads=1, dtype=dtype)
            np.testing.assert_allclose(found.weights, runs[:some], rtol=1e-4, atol=1e-5)
