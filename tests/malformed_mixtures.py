"""A table of malformed and odd arguments of MixtureNetwork, in the form of `malformed`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

import autophage as ap
from malformed import INF, NAN, ODD_INTEGERS, Case, Target, layouts

RIGHT: dict[str, Any] = {
    "means": [[0.0, 0.0], [3.0, 1.0], [1.0, 4.0]],
    "covariance": [[1.0, 0.5], [0.5, 2.0]],
    "weights": [[0.5, 0.25, 0.25], [0.125, 0.5, 0.375]],
    "first_posts": [[1.0, 2.0], [0.5, -3.0]],
    "rate": 0.1,
    "prior": 0.01,
    "posts": 1,
    "read": 0.5,
    "active_components": False,
    "shared_reading": False,
}
POINTS, SCHEDULES = ("means", "first_posts"), ("rate", "posts", "read")


def target(name: str) -> Target:
    def call(value: Any) -> bytes:
        net = ap.MixtureNetwork(**(RIGHT | {name: value}))
        found = getattr(net, name) if name not in SCHEDULES else getattr(net.schedule(3), name)
        return np.asarray(found).tobytes()

    return Target(name, call)


TARGETS = {f"MixtureNetwork({name})": target(name) for name in RIGHT}

NO_NUMBER: list[tuple[str, Any, str]] = [
    ("str", "0.5", "'0.5'"), ("str", b"0.5", "b'0.5'"), ("complex", 0.5j, "0.5j"),
    ("bool", True, "True"), ("object", {0.5: 1}, "0.5"), ("object", Fraction(1, 2), "Fraction"),
    ("object", Decimal("0.5"), "Decimal"), ("object", slice(1), "slice"),
]  # fmt: skip


def changed(base: Any, value: Any) -> list[Any]:
    """The nested lists with this value in the place of their last one."""
    return [*base[:-1], changed(base[-1], value) if isinstance(base[-1], list) else value]


def arrays() -> Iterator[Case]:
    for name in (*POINTS, "covariance", "weights"):
        case, base = f"MixtureNetwork({name})", RIGHT[name]
        last = str([i - 1 for i in np.shape(base)])
        for kind, value, shown in NO_NUMBER:
            yield Case(kind, case, changed(base, value), (shown, last))
        for kind, value in (("nan", NAN), ("infinite", INF), ("infinite", -INF)):
            yield Case(kind, case, np.array(changed(base, value)), (repr(value), last))
        yield Case("bool", case, np.ones(np.shape(base), dtype=bool), ("True", "[0, 0]"))
        yield Case("object", case, np.array(base, dtype=object), ("object",))
        yield Case("object", case, np.ma.masked_equal(base, 0.5), ("mask",))
        yield Case("empty", case, [], ("(0,)",))
        yield Case("empty", case, np.zeros((0, 2)), ("(0, 2)",))
        yield Case("shape", case, [base], (f"{np.shape([base])}",))
        yield Case("shape", case, [*base[:-1], base[-1][:-1]], ("rows of equal length",))
        if name != "first_posts":
            yield Case("object", case, None, ("None",))
        for kind, array in layouts(np.array(base)):
            yield Case(kind, case, array, None, np.array(base))
        yield Case("float32", case, np.array(base, dtype=np.float32), None, np.array(base))
        yield Case("minus zero", case, np.where(np.equal(base, 0), -0.0, base), None, base)
    for name, value, says in (
        ("means", [0.0, 1.0, 2.0], ("covariance", "(1, 1)", "(2, 2)")),
        ("means", [[0.0, 0.0], [1.0, 1.0]], ("weights", "(2, 3)")),
        ("means", [[0.0, 0.0], [1e101, 0.0], [1.0, 1.0]], ("1e+101", "[1, 0]")),
        ("first_posts", [1.0, 2.0], ("(posts, 2)", "got shape (2,)")),
        ("first_posts", [[1.0, 2.0, 3.0]], ("(1, 3)",)),
        ("first_posts", [[0.0, 0.0], [0.0, -1e101]], ("-1e+101", "[1, 1]")),
        ("covariance", 1.0, ("(2, 2)", "got a number")),
        ("covariance", np.array(1.0), ("(2, 2)", "got a number")),
        ("covariance", np.eye(3), ("(3, 3)",)),
        ("covariance", [[1.0, 0.5]], ("square", "(1, 2)")),
        ("covariance", [[1.0, 0.5], [0.25, 1.0]], ("symmetric", "0.5", "0.25", "[0, 1]")),
        ("covariance", [[1.0, 2.0], [2.0, 1.0]], ("positive definite", "-1")),
        ("covariance", [[1.0, 1.0], [1.0, 1.0]], ("positive definite", "smallest eigenvalue")),
        ("covariance", [[1.0, 0.0], [0.0, -1.0]], ("positive definite", "-1.0", "[1, 1]")),
        ("covariance", np.zeros((2, 2)), ("positive definite", "0.0", "[0, 0]")),
        ("weights", [0.5, 0.25, 0.25], ("(models, 3)", "(3,)")),
        ("weights", [[0.5, 0.5]], ("(models, 3)", "(1, 2)")),
        ("weights", [[0.5, 0.25, 0.25], [0.5, 0.5, 0.1]], ("sum", "1.1", "[1]")),
        ("weights", [[0.5, 0.25, 0.25], [1.5, -0.5, 0.0]], ("1.5", "[1, 0]")),
        ("weights", [[1.0 + 1.1e-9, 0.0, 0.0]], ("sum",)),
        ("weights", [[1.0 - 1e-3, 0.0, 0.0]], ("sum", "0.999")),
        ("weights", [[1.0 - 0.9e-9, 0.0, 0.0]], None),
        ("weights", np.tile([1.0, 0.0, 0.0], (2**20 + 1, 1)), ("2^20", "1048577")),
        ("covariance", [[4.0, 1.0], [1.0 + 1e-13, 4.0]], None),
        ("covariance", [[1e-190, 0.0], [0.0, 1e200]], None),
        ("first_posts", None, None),
    ):  # fmt: skip
        yield Case("values", f"MixtureNetwork({name})", value, says, value)


def at_two(right: Any, value: Any) -> Callable[[int], Any]:
    """A schedule that is right but in generation 2."""
    return lambda t: value if t == 2 else right


def schedules() -> Iterator[Case]:
    """Numbers, arrays and callables that vary over generations and models."""
    wrong: dict[str, list[tuple[str, Any, str]]] = {
        "rate": [("zero", 0.0, "0.0"), ("large", 1.0, "1.0"), ("negative", -0.1, "-0.1"),
                 ("large", 1.5, "1.5"), ("nan", NAN, "nan"), ("infinite", INF, "inf"), *NO_NUMBER],
        "read": [("large", 1.0 + 2**-52, "1.0000000000000002"), ("negative", -5e-324, "-5e-324"),
                 ("nan", NAN, "nan"), ("infinite", -INF, "-inf"), *NO_NUMBER],
        "posts": [("negative", -1, "-1"), ("huge", 2**31, "2147483648"),
                  ("huge", 2**64, "18446744073709551616"), *ODD_INTEGERS],
    }  # fmt: skip
    for name, values in wrong.items():
        case, right = f"MixtureNetwork({name})", RIGHT[name]
        for kind, value, shown in values:
            yield Case(kind, case, value, (shown,))
            yield Case(kind, case, [right, value], (shown, "[1]"))
            yield Case(kind, case, [[right], [value], [right]], (shown, "[1, 0]"))
            yield Case(kind, case, at_two(right, value), (f"{name} at generation 2", shown))
        yield Case("object", case, None, ("None",))
        yield Case("empty", case, [], ("(0,)",))
        yield Case("empty", case, np.zeros((3, 0)), ("(3, 0)",))
        yield Case("shape", case, [right] * 3, ("2 models", "(3,)"))
        yield Case("shape", case, [[right] * 3] * 3, ("2 models", "(3, 3)"))
        yield Case("shape", case, [[[right]]], ("(1, 1, 1)",))
        yield Case("shape", case, [[right]] * 2, ("all 3 generations", "2"))
        yield Case("shape", case, lambda t, x=right: [x] * t, ("generation 3", "(3,)"))
        yield Case("shape", case, lambda _, x=right: [[x] * 2], ("generation 1", "(1, 2)"))
        for form in ([right], [[right]], [[right]] * 5, [right] * 2, [[right] * 2] * 3):
            yield Case("forms", case, form, None, right)
        yield Case("forms", case, lambda _, x=right: x, None, right)
        yield Case("forms", case, lambda _, x=right: (x, x), None, right)
        for kind, array in layouts(np.array([[right] * 2] * 3)):
            yield Case(kind, case, array, None, right)


def switches() -> Iterator[Case]:
    for name in ("active_components", "shared_reading"):
        for value in (0, 1.0, "yes", None, [True]):
            yield Case("object", f"MixtureNetwork({name})", value, ("True or False", repr(value)))
        yield Case("object", f"MixtureNetwork({name})", np.True_, None, True)
    for kind, value, shown in (
        *NO_NUMBER, ("negative", -5e-324, "-5e-324"), ("nan", NAN, "nan"), ("infinite", INF, "inf"),
        ("large", 1 / 3, "1/3"), ("large", 2.0, "2.0"), ("shape", [0.1], "[0.1]"),
    ):  # fmt: skip
        yield Case(kind, "MixtureNetwork(prior)", value, (shown,))
    for right in (0, 0.0, np.float32(0.25), -0.0, 0.333):
        yield Case("integer", "MixtureNetwork(prior)", right, None, float(right) + 0.0)


CASES = [*arrays(), *schedules(), *switches()]
