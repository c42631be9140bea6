"""Results that a kernel could not write into: refused, for what it writes to a copy is lost."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import autophage as ap

core: Any = import_module("autophage._core")
NET = ap.InteractingLinear([[[2.0]], [[3.0]]], [[1.0]], [[[1.0]], [[1.0]]])
COIN = ap.Categorical([0.5, 0.5])
ENTITIES = ap.Categorical([[0.5, 0.5], [0.2, 0.8]], public=[0.9, 0.1])


def chains(**more: Any) -> object:
    return ap.simulate(COIN, ap.FullySynthetic(9), runs=3, generations=4, rng=1, **more)


def entities(**more: Any) -> object:
    regime = ap.Interacting(0.5, 0.5, n=9)
    return ap.simulate(ENTITIES, regime, runs=3, generations=4, rng=1, **more)


def estimates(**more: Any) -> object:
    return ap.simulate(NET, ap.Interacting(0.5, 0.5), runs=3, generations=4, rng=1, **more)


def limits() -> object:
    return NET.limit([0.2, 0.4], [0.5, 0.7])


def equations() -> object:
    return ap.solve_discrete_lyapunov(np.full((3, 2, 2), 0.1), np.eye(2), return_info=True)


# A call that reaches the kernel, and a result of it.
CALLS: dict[str, tuple[Callable[..., object], str]] = {
    "run_chains": (lambda: chains(record=["p"]), "p"),
    "run_chains, sums": (lambda: chains(record=["sigma"], reduce="mean"), "sigma_sum"),
    "run_interacting": (lambda: entities(record=["sigma"]), "sigma"),
    "run_interacting, sums": (lambda: entities(record=["p"], reduce="mean"), "p_squares"),
    "run_linear_chains": (lambda: estimates(record=["estimate"]), "estimate"),
    "run_linear_chains, sums": (
        lambda: estimates(record=["squared_error"], reduce="mean"),
        "squared_error_sum",
    ),
    "linear_limits": (limits, "mspe"),
    "solve_lyapunov": (equations, "condition"),
}


def strided(array: Any) -> Any:
    return np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)[..., ::2]


FORMS: dict[str, Callable[[Any], Any]] = {
    "strided": strided,
    "dtype": lambda array: array.astype(np.float32),
    "bytes swapped": lambda array: array.astype(array.dtype.newbyteorder()),
    "list": lambda array: array.tolist(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("call", CALLS)
def test_a_result_of_another_form_is_refused(
    call: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = call.partition(",")[0]
    kernel, (run, result) = getattr(core, name), CALLS[call]

    def spoilt(*arguments: Any) -> object:
        (out,) = (x for x in arguments if isinstance(x, dict) and result in x)
        changed = [out | {result: FORMS[form](out[result])} if x is out else x for x in arguments]
        return kernel(*changed)

    run()
    monkeypatch.setattr(core, name, spoilt)
    with pytest.raises(TypeError, match=f"^{result} must be C-contiguous"):
        run()


def test_a_result_that_is_read_only_is_refused() -> None:
    condition = np.zeros(1)
    condition.flags.writeable = False
    a = np.full((1, 1, 1), 0.5)
    out = {"condition": condition, "status": np.zeros(1, np.int32)}
    with pytest.raises(ValueError, match="not writeable"):
        core.solve_lyapunov(a, a, a.copy(), out, 1, None)
