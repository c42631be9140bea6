"""What the methods of InteractingLinear refuse, and what they take beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autophage as ap
from autophage import memory
from linear_networks import moments, network

NET = network()

REFUSED: list[tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
    ("limit", (1.5, 0.5), {}, ValueError, r"alpha must be finite numbers in \[0, 1\], got 1\.5"),
    ("limit", ([0.5, -0.1], 0.5), {}, ValueError, r"alpha .* got -0\.1 at index \[1\]"),
    ("limit", (0.5, [0.5, np.nan]), {}, ValueError, r"beta .* got nan at index \[1\]"),
    ("limit", (0.5, [[0.5]]), {}, ValueError, r"beta must be a 0-D or 1-D array, got shape"),
    ("limit", ([], 0.5), {}, ValueError, r"alpha .* empty"),
    ("limit", ("0.5", 0.5), {}, TypeError, r"alpha must be finite numbers"),
    ("limit", (True, 0.5), {}, TypeError, r"alpha must be finite numbers"),
    (
        "limit",
        (0.5, 0.5),
        {"record": ["mse", "msp"]},
        ValueError,
        r"record .* 'msp' at index \[1\]",
    ),
    ("limit", (0.5, 0.5), {"record": "mse"}, TypeError, r"record must be a list or tuple"),
    ("limit", (0.5, 0.5), {"threads": 0}, ValueError, r"threads must be an integer"),
    ("limit", (0.5, 0.5), {"progress": 1}, TypeError, r"progress must be True or False"),
    ("covariance", (0.5, 2), {}, ValueError, r"beta must be a finite number in \[0, 1\], got 2"),
    ("covariance", ([0.5], 0.5), {}, TypeError, r"alpha must be a finite number in \[0, 1\]"),
    ("covariance", (0.5, 0.5), {"part": "C"}, ValueError, r"part must be one of 'total', 'synth"),
    ("covariance", (1.0, 0.5), {}, ValueError, r"1\.0 and 0\.5, where the spectral radius of Q"),
    ("trajectory", (0.5, 0.5, 0), {}, ValueError, r"generations must be an integer"),
    ("trajectory", (0.5, 0.5, 2.0), {}, TypeError, r"generations must be an integer"),
    ("trajectory", ([0.5], 0.5, 3), {}, ValueError, r"alpha must cover all 3 generations"),
    ("trajectory", (0.5, [0.5, 0.5, 7.0], 3), {}, ValueError, r"beta .* 7\.0 at index \[2\]"),
    ("trajectory", (0.5, [[0.5]] * 3, 3), {}, ValueError, r"beta must be a 1-D array"),
    ("trajectory", (lambda t: t, 0.5, 3), {}, ValueError, r"alpha at generation 2 .* got 2"),
    ("trajectory", (0.5, 0.5, 3, -1.0), {}, ValueError, r"beta_0 must be .* got -1"),
    ("trajectory", (0.5, 0.5, 3), {"record": ["all"]}, ValueError, r"record .* 'all'"),
    ("optimal", ("best",), {}, ValueError, r"criterion must be one of 'mse', 'mspe', 'efficiency'"),
    ("optimal", (None,), {}, TypeError, r"criterion must be one of"),
    ("optimal", (), {"entity": 3}, ValueError, r"entity must be an integer in \[0, 2\], got 3"),
    ("optimal", (), {"task": 0}, ValueError, r"task must be None for criterion='mse', got 0"),
    ("optimal", ("mspe",), {"task": 1.0}, TypeError, r"task must be an integer in \[0, 2\]"),
    ("optimal", (), {"worst": "yes"}, TypeError, r"worst must be True or False"),
]


@pytest.mark.parametrize(("method", "given", "more", "error", "message"), REFUSED)
def test_wrong_arguments_are_named(
    method: str, given: Any, more: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        getattr(NET, method)(*given, **more)


class TestMemory:
    @pytest.fixture(autouse=True)
    def little(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "available_memory", lambda: 2**27)

    def test_of_results_is_refused_beforehand(self) -> None:
        axis = np.linspace(0.0, 1.0, 2001)
        with pytest.raises(MemoryError, match=r"the result would take .* fewer records or points"):
            NET.limit(axis, axis)
        with pytest.raises(MemoryError, match=r"the trajectory would take .* fewer records or gen"):
            NET.trajectory(0.5, 0.5, 10**6)
        with pytest.raises(MemoryError, match=r"the trajectory would take"):  # for its weights
            NET.trajectory(0.5, 0.5, 2 * 10**6, record=("homogenisation",))
        many = ap.InteractingLinear(np.ones((5000, 1, 1)), [[1.0]], np.ones((5000, 1, 1)))
        with pytest.raises(MemoryError, match=r"the result would take .* which gives the traces"):
            many.covariance(0.5, 0.5)
        wide = np.tile(np.eye(100), (40, 1, 1))
        with pytest.raises(MemoryError, match=r"the result would take .* which gives the traces"):
            ap.InteractingLinear(wide, np.eye(100), wide).covariance(0.5, 0.5)

    def test_is_not_taken_for_what_is_not_asked_for(self) -> None:
        many = ap.InteractingLinear(np.ones((5000, 1, 1)), [[1.0]], np.ones((5000, 1, 1)))
        found = many.limit(0.5, 0.5, record=("mse", "homogenisation"))
        path = many.trajectory(0.5, 0.5, 60, record=("mse", "homogenisation"))
        np.testing.assert_allclose(path.mse[-1], found.mse[0, 0], rtol=1e-12)
        np.testing.assert_allclose(path.homogenisation[-1], found.homogenisation[0, 0], rtol=1e-11)


@pytest.mark.parametrize("seed", range(40))
def test_rounding_does_not_make_singular_data_regular(seed: int) -> None:
    """Sums of products that are singular have eigenvalues and pivots of either sign near 1e-16."""
    d = 3 + seed
    private, public = moments(2, d // 3, d, seed), moments(1, d // 3, d, seed + 50)[0]
    net = ap.InteractingLinear(private, public, moments(2, d, d, seed + 100), theta=np.ones(d))
    grid = net.limit([0.0, 1e-3, 0.5], [0.0, 0.5, 1.0], record=("mse",))
    assert (grid.status[0] == 2).all()
    assert (grid.status[1:] < 2).all()
    assert np.isnan(grid.mse[0]).all()
    assert np.linalg.norm(net.trajectory(0.0, 0.5, 1).bias[-1]) > 0.1
