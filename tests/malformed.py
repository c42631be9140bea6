"""A table of malformed and odd arguments: what comes in, and whether it is accepted or refused.

A refusal names the parameter, the index of the first offender where there is an array, and the
value. What is accepted gives the bits that the plain copy gives (a float64 or int64 array, or a
Python number).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

import autophage as ap

NAN, INF = float("nan"), float("inf")
SMALL = [0.5, 0.3, 0.2, 0.0]
WIDE = [[0.5, 0.3, 0.2, 0.0], [0.125, 0.25, 0.5, 0.125]]
MODEL = ap.Categorical(SMALL)
REGIME = ap.FullySynthetic(10)


@dataclass(frozen=True)
class Target:
    """A parameter of a public function, and how its value becomes bytes."""

    parameter: str
    call: Callable[[Any], bytes]


@dataclass(frozen=True)
class Case:
    """One row: `says` is None where the value is accepted, with the bits of `plain`."""

    kind: str
    target: str
    value: Any
    says: tuple[str, ...] | None
    plain: Any = None


def bytes_of(dataset: Any) -> bytes:
    """Every variable of a Dataset with its name, and the attributes."""
    parts = [name.encode() + dataset[name].values.tobytes() for name in sorted(dataset.variables)]
    return b"".join(parts) + repr(dataset.attrs).encode()


def simulated(name: str) -> Target:
    def call(value: Any) -> bytes:
        arguments: dict[str, Any] = {"model": MODEL, "regime": REGIME, "runs": 5, "rng": 1}
        arguments |= {"generations": 3, name: value}
        return bytes_of(ap.simulate(arguments.pop("model"), arguments.pop("regime"), **arguments))

    return Target(name, call)


def scheduled(name: str, make: Callable[[Any], Any]) -> Target:
    return Target(name, lambda value: getattr(make(value).schedule(3, 1), name).tobytes())


LAWS = {
    "Categorical(p)": Target("p", lambda p: ap.Categorical(p).p.tobytes()),
    "moments(p)": Target("p", lambda p: bytes_of(ap.moments(p, REGIME, 3))),
    "collapse_law(p)": Target("p", lambda p: np.asarray(ap.collapse_law(p, 5).mean).tobytes()),
    "collapse_time_asymptotic(p)": Target(
        "p", lambda p: np.asarray(ap.collapse_time_asymptotic(p, 5)).tobytes()
    ),
    "contaminated_law(p)": Target(
        "p", lambda p: np.asarray(ap.contaminated_law(p, 5, 0.5).point_mass(3)).tobytes()
    ),
}
REGIME_COUNTS = {
    "FullySynthetic(n)": scheduled("n", ap.FullySynthetic),
    "PartiallySynthetic(n)": scheduled("n", lambda n: ap.PartiallySynthetic(n, 5)),
    "PartiallySynthetic(real)": scheduled("real", lambda n: ap.PartiallySynthetic(5, n)),
    "MostRecent(n)": scheduled("n", lambda n: ap.MostRecent(n, 2)),
    "RandomlySampled(n)": scheduled("n", ap.RandomlySampled),
    "Contaminated(n)": scheduled("n", lambda n: ap.Contaminated(n, 0.5)),
    "Accumulate(n)": scheduled("n", ap.Accumulate),
    "AccumulateSubsample(n)": scheduled("n", ap.AccumulateSubsample),
    "Adaptive(n)": scheduled("n", lambda n: ap.Adaptive(n, constant=0.1)),
}
LAW_COUNTS = {
    "collapse_law(n)": Target("n", lambda n: np.asarray(ap.collapse_law(SMALL, n).mean).tobytes()),
    "collapse_time_asymptotic(n)": Target(
        "n", lambda n: np.asarray(ap.collapse_time_asymptotic(SMALL, n)).tobytes()
    ),
    "contaminated_law(n)": Target(
        "n", lambda n: np.asarray(ap.contaminated_law(SMALL, n, 0.5).point_mass(3)).tobytes()
    ),
}
REGIME_SHARES = {
    "Contaminated(alpha)": scheduled("alpha", lambda a: ap.Contaminated(5, a)),
    "Accumulate(alpha)": scheduled("alpha", lambda a: ap.Accumulate(5, a)),
    "AccumulateSubsample(alpha)": scheduled("alpha", lambda a: ap.AccumulateSubsample(5, False, a)),
    "Interacting(alpha)": scheduled("alpha", lambda a: ap.Interacting(a, 0.5)),
    "Interacting(beta)": scheduled("beta", lambda b: ap.Interacting(0.5, b)),
    "contaminated_law(alpha)": Target(
        "alpha", lambda a: np.asarray(ap.contaminated_law(SMALL, 5, a).point_mass(3)).tobytes()
    ),
}
NUMBERS = {
    "Filtered(type1)": Target("type1", lambda e: repr(ap.Filtered(REGIME, e, 0.5)).encode()),
    "Filtered(type2)": Target("type2", lambda e: repr(ap.Filtered(REGIME, 0.5, e)).encode()),
    "Filtered(threshold)": Target(
        "threshold", lambda x: repr(ap.Filtered(REGIME, 0.5, 0.5, threshold=x)).encode()
    ),
    "Interacting(beta_0)": Target(
        "beta_0", lambda b: repr(ap.Interacting(0.5, 0.5, beta_0=b)).encode()
    ),
    "Adaptive(constant)": Target("constant", lambda x: repr(ap.Adaptive(5, constant=x)).encode()),
}
SIMULATE = {
    f"simulate({name})": simulated(name)
    for name in (
        "model", "regime", "runs", "generations", "rng", "record", "reduce",
        "device", "threads", "first_run", "progress", "dtype",
    )
}  # fmt: skip
OTHERS = {
    "moments(generations)": Target("generations", lambda g: bytes_of(ap.moments(SMALL, REGIME, g))),
    "MostRecent(window)": Target("window", lambda w: repr(ap.MostRecent(5, w)).encode()),
}
TARGETS = {
    **LAWS, **REGIME_COUNTS, **LAW_COUNTS, **REGIME_SHARES, **NUMBERS, **SIMULATE, **OTHERS,
}  # fmt: skip


def planted(base: Any, value: Any) -> npt.NDArray[np.float64]:
    """A copy with the value at its third entry of the last row."""
    array = np.array(base)
    array[(-1,) * (array.ndim - 1) + (2,)] = value
    return array


def every_other(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same values with gaps in memory."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), dtype=array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def layouts(array: npt.NDArray[Any]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """The same values in every layout that memory can have."""
    frozen = array.copy()
    frozen.flags.writeable = False
    yield "read-only", frozen
    yield "strided", every_other(array)
    yield "negative stride", array[..., ::-1].copy()[..., ::-1]
    yield "byte-swapped", array.astype(array.dtype.newbyteorder())
    yield "strided", np.asfortranarray(np.stack([array, array]))[0]


def laws() -> Iterator[Case]:
    for target in LAWS:
        for base, where in ((SMALL, "[2]"), (WIDE, "[1, 2]")):
            for kind, bad in (
                ("nan", NAN), ("infinite", INF), ("infinite", -INF), ("negative", -0.1),
                ("negative", -5e-324), ("sum", 1.5),
            ):  # fmt: skip
                yield Case(kind, target, planted(base, bad), (where, repr(bad)))
            for error in (-1e-3, -1.1e-9, 1.1e-9, 1e-3):
                row = "[1]" if base is WIDE else ""
                yield Case("sum", target, planted(base, base_value(base) + error), ("sum", row))
            for error in (-0.9e-9, -(2**-53), 2**-52, 0.9e-9):
                array = planted(base, base_value(base) + error)
                yield Case("sum", target, array.tolist(), None, array)
            single = np.array(base, dtype=np.float32)
            yield Case(
                "float32",
                target,
                single * np.float32(1 + 5e-6),
                None,
                single * np.float32(1 + 5e-6),
            )
            yield Case("float32", target, single * np.float32(1 + 2e-5), ("sum", "1.0000"))
            for kind, array in layouts(np.array(base)):
                yield Case(kind, target, array, None, np.array(base))
        yield from odd_laws(target)


def base_value(base: Any) -> float:
    return float(np.array(base)[..., 2].flat[-1])


def odd_laws(target: str) -> Iterator[Case]:
    masked: Any = np.ma.masked_equal(SMALL, 0.0)
    for kind, value, says in (
        ("bool", np.array([True, False]), ("True", "[0]")),
        ("bool", [1.0, False], ("False", "[1]")),
        ("bool", True, ("True",)),
        ("str", ["0.5", "0.5"], ("'0.5'", "[0]")),
        ("str", np.array(["0.5", "0.5"]), ("'0.5'", "[0]")),
        ("str", "half", ("'half'",)),
        ("complex", np.array([1j, 1.0]), ("1j", "[0]")),
        ("complex", [0.5, 0.5 + 0j], ("0.5+0j", "[1]")),
        ("object", [0.5, None], ("None", "[1]")),
        ("object", np.array([0.5, 0.5], dtype=object), ("object", "[0]", "0.5")),
        ("object", {0.5: 1}, ("0.5",)),
        ("object", [Fraction(1, 2), 0.5], ("Fraction", "[0]")),
        ("object", masked, ("mask",)),
        ("object", np.array(["2020-01-01"], dtype="datetime64[D]"), ("datetime64", "[0]")),
        ("precision", np.array([0.5, 0.5], dtype=np.float16), ("float16", "[0]", "0.5")),
        ("precision", np.array([0.5, 0.5], dtype=np.longdouble), ("[0]", "0.5")),
        ("shape", 1.0, ("()",)),
        ("shape", np.ones((1, 1, 1)), ("(1, 1, 1)",)),
        ("shape", [[0.5, 0.5], [1.0]], ("[[0.5, 0.5], [1.0]]",)),
        ("empty", [], ("(0,)",)),
        ("empty", np.zeros((0, 3)), ("(0, 3)",)),
        ("empty", np.zeros((3, 0)), ("(3, 0)",)),
    ):
        yield Case(kind, target, value, says)
    right: list[tuple[str, Any]] = [
        ("subnormal", [5e-324, 1.0]),
        ("minus zero", [-0.0, 1.0]),
        ("integer", np.array([0, 1], dtype=np.int8)),
        ("integer", (0, 1)),
    ]
    for kind, value in right:
        yield Case(kind, target, value, None, np.array(value, dtype=np.float64))


ODD_INTEGERS: list[tuple[str, Any, str]] = [
    ("nan", NAN, "nan"), ("infinite", INF, "inf"), ("fractional", 10.0, "10.0"),
    ("fractional", 1.5, "1.5"),
    ("fractional", np.float64(3), "3.0"), ("bool", True, "True"), ("bool", np.True_, "True"),
    ("str", "10", "'10'"),
    ("str", b"10", "b'10'"), ("complex", 1j, "1j"), ("object", Fraction(3), "Fraction"),
    ("object", {3: 3}, "3"),
    ("object", Decimal(3), "Decimal"), ("object", slice(3), "slice"),
]  # fmt: skip
OUT_OF_RANGE: list[tuple[str, Any, str]] = [
    ("negative", -1, "-1"), ("negative", -(2**63), "-9223372036854775808"), ("zero", 0, "0"),
    ("huge", 2**62 + 1, "4611686018427387905"), ("huge", 2**63, "9223372036854775808"),
    ("huge", 2**64, "18446744073709551616"),
]  # fmt: skip


def counts() -> Iterator[Case]:
    for target in (*REGIME_COUNTS, *LAW_COUNTS):
        for kind, value, shown in ODD_INTEGERS + OUT_OF_RANGE:
            yield Case(kind, target, value, (shown,))
        yield Case("object", target, None, ("None",))
        for value in (np.int8(7), np.uint64(7)):
            yield Case("integer", target, value, None, 7)
    for target in (*REGIME_COUNTS, "collapse_law(n)"):
        for kind, value, shown in ODD_INTEGERS + OUT_OF_RANGE:
            yield Case(kind, target, [3, value, 3], (shown, "[1]"))
        for kind, array in layouts(np.array([3, 5, 8])):
            yield Case(kind, target, array, None, np.array([3, 5, 8]))
        yield Case("integer", target, (3, 5, 8), None, np.array([3, 5, 8]))
        yield Case("integer", target, np.array([3, 5, 8], dtype=np.uint8), None, [3, 5, 8])
        yield Case("empty", target, [], ("(0,)",))
        yield Case("shape", target, np.ones((1, 1, 1), dtype=int), ("(1, 1, 1)",))
        yield Case("shape", target, np.array(5), ("()",))
    for target in REGIME_COUNTS:
        for value in (2**31 - 1, 2**31, 2**53 + 1, 2**60):
            yield Case("huge", target, value, None, np.array([value] * 3))
        yield Case("shape", target, [3, 5], ("3 generations", "2"))
        yield Case("shape", target, [[3, 5]] * 3, ("(3, 2)",))


def shares() -> Iterator[Case]:
    wrong: list[tuple[str, Any, str]] = [
        ("nan", NAN, "nan"), ("infinite", INF, "inf"), ("negative", -0.1, "-0.1"),
        ("negative", -5e-324, "-5e-324"),
        ("huge", 1 + 2**-52, "1.0000000000000002"), ("bool", True, "True"), ("str", "0.5", "'0.5'"),
        ("complex", 0.5j, "0.5j"), ("object", Fraction(1, 2), "Fraction"),
    ]  # fmt: skip
    for target in REGIME_SHARES:
        for kind, value, shown in wrong:
            yield Case(kind, target, value, (shown,))
            yield Case(kind, target, [0.5, value, 0.5], (shown, "[1]"))
        for kind, array in layouts(np.array([0.5, 0.25, 1.0])):
            yield Case(kind, target, array, None, np.array([0.5, 0.25, 1.0]))
        single = np.array([0.1, 0.2, 0.3], dtype=np.float32)
        yield Case("float32", target, single, None, single.astype(np.float64))
        yield Case("minus zero", target, [-0.0, -0.0, 0.5], None, [0.0, 0.0, 0.5])
        yield Case("subnormal", target, [5e-324, 0.5, 1], None, np.array([5e-324, 0.5, 1.0]))
        yield Case("empty", target, [], ("(0,)",))
    for target in NUMBERS:
        for kind, value, shown in wrong:
            if kind != "huge" or "type" in target or "beta" in target:
                yield Case(kind, target, value, (shown,))
        yield Case("shape", target, [0.5], ("[0.5]",))
        yield Case("integer", target, 1, None, 1.0)
        yield Case("float32", target, np.float32(0.5), None, 0.5)


def calls() -> Iterator[Case]:
    integers = ("runs", "generations", "first_run", "threads", "window")
    for target in [name for name in TARGETS if TARGETS[name].parameter in integers]:
        for kind, value, shown in ODD_INTEGERS + OUT_OF_RANGE:
            if (kind, TARGETS[target].parameter) != ("zero", "first_run"):
                yield Case(kind, target, value, (shown,))
        yield Case("shape", target, [3], ("[3]",))
        yield Case("integer", target, np.int16(3), None, 3)
    for target, kind, value, shown in (
        ("rng", "negative", -1, "-1"), ("rng", "huge", 2**64, "18446744073709551616"),
        ("rng", "fractional", 1.0, "float"),
        ("rng", "bool", True, "bool"), ("rng", "str", "1", "str"), ("rng", "shape", [1], "list"),
        ("runs", "huge", 2**38 + 1, "274877906945"), ("first_run", "huge", 2**38, "274877906944"),
        ("generations", "huge", 2**32, "4294967296"), ("threads", "huge", 100_000, "100000"),
        ("record", "str", "sigma", "'sigma'"), ("record", "empty", [], "[]"),
        ("record", "object", {"sigma"}, "sigma"),
        ("record", "str", ["sigma", "sygma"], "'sygma' at index [1]"),
        ("record", "object", ["p", 3], "3 (int) at index [1]"),
        ("record", "shape", ["p", "sigma", "p"], "'p' at index [2]"),
        ("record", "object", [None], "None"),
        ("reduce", "str", "median", "'median'"), ("reduce", "bool", True, "True"),
        ("reduce", "str", b"mean", "b'mean'"),
        ("device", "str", "gpu", "'gpu'"), ("device", "object", None, "None"),
        ("device", "empty", "", "''"),
        ("dtype", "str", "float32", "'float32'"), ("dtype", "object", float, "float"),
        ("dtype", "object", None, "None"),
        ("progress", "object", 1, "1 (int)"), ("progress", "str", "yes", "'yes'"),
        ("progress", "object", None, "None"),
        ("model", "shape", [0.5, 0.5], "[0.5, 0.5]"), ("model", "object", None, "None"),
        ("model", "object", REGIME, "Fully"),
        ("regime", "integer", 10, "10"), ("regime", "object", ap.FullySynthetic, "FullySynthetic"),
        ("regime", "str", "fully", "'fully'"), ("regime", "object", None, "None"),
    ):  # fmt: skip
        yield Case(kind, f"simulate({target})", value, (shown,))
    yield Case("integer", "simulate(rng)", np.uint64(5), None, 5)
    yield Case("object", "simulate(record)", ("sigma", "p"), None, ["sigma", "p"])
    yield Case("object", "simulate(progress)", np.False_, None, False)
    for shape in (4, (2, 4)):
        law = np.full(shape, 0.25)
        model = ap.Categorical(every_other(law).astype(">f4"))
        yield Case("byte-swapped", "simulate(model)", model, None, ap.Categorical(law))


CASES = [*laws(), *counts(), *shares(), *calls()]
