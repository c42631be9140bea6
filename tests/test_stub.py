"""The hand-written stub of the compiled module says what the module has: names, arguments, order.

The module's own word is the signature that pybind11 writes into the first line of each docstring.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from autophage import _core

STUB = Path(__file__).parents[1] / "python" / "autophage" / "_core.pyi"
TREE = ast.parse(STUB.read_text())


@dataclass(frozen=True)
class Argument:
    name: str
    optional: bool
    keyword_only: bool


def split_outside_brackets(text: str) -> Iterator[str]:
    """Parts between the commas that no bracket or quotation mark encloses."""
    depth, quote, part = 0, "", ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        depth += letter in "([{<"
        depth -= letter in ")]}>"
        if letter == "," and depth == 0 and not quote:
            yield part.strip()
            part = ""
        else:
            part += letter
    if part.strip():
        yield part.strip()


def documented_arguments(function: object, name: str) -> list[Argument]:
    line = (inspect.getdoc(function) or "").partition("\n")[0]
    match = re.fullmatch(rf"{name}\((.*)\) -> .+", line)
    assert match, f"{name} has no readable signature: {line!r}"
    arguments, keyword_only = [], False
    for part in split_outside_brackets(match[1]):
        if part == "*":
            keyword_only = True
        elif part != "/":
            word = re.split(r"[:=]", part)[0].strip()
            arguments.append(Argument(word, has_default(part), keyword_only))
    return arguments


def has_default(part: str) -> bool:
    return bool(re.search(r"(?<![=!<>])=(?!=)", re.sub(r"\[.*?\]|\(.*?\)", "", part)))


def stub_arguments(node: ast.FunctionDef) -> list[Argument]:
    a = node.args
    assert a.vararg is None, f"{node.name} takes any number of arguments"
    positional = [*a.posonlyargs, *a.args]
    required = len(positional) - len(a.defaults)
    first = [Argument(arg.arg, i >= required, False) for i, arg in enumerate(positional)]
    pairs = zip(a.kwonlyargs, a.kw_defaults, strict=True)
    return first + [Argument(arg.arg, default is not None, True) for arg, default in pairs]


def public(names: list[str]) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def declared(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """Names that a stub's body declares; imports and aliases of types are not declarations."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) != "TypeAlias":
            found[ast.unparse(node.target)] = node
    return {name: node for name, node in found.items() if not name.startswith("_")}


STUBBED = declared(TREE.body)


def test_names_are_the_same() -> None:
    assert set(STUBBED) == public(dir(_core))


@pytest.mark.parametrize("name", sorted(public(dir(_core))))
def test_declaration_matches(name: str) -> None:
    check(getattr(_core, name), STUBBED[name], name)


def check(value: object, node: ast.stmt, name: str) -> None:
    if isinstance(node, ast.FunctionDef):
        if any(ast.unparse(d) == "property" for d in node.decorator_list):
            return
        assert stub_arguments(node) == documented_arguments(value, name)
    elif isinstance(node, ast.ClassDef):
        assert isinstance(value, type)
        members = declared(node.body)
        assert set(members) == public(list(vars(value)))
        for member, declaration in members.items():
            check(getattr(value, member), declaration, member)
    else:
        assert isinstance(node, ast.AnnAssign)
        expected = re.sub(r"^Final\[(.*)\]$", r"\1", ast.unparse(node.annotation))
        assert expected == type(value).__name__


def test_a_renamed_argument_is_seen() -> None:
    def module_function() -> None:
        """f(n: int, p: typing.Annotated[numpy.typing.NDArray[f8], "[m, n]"] = None, *, k: int) -> int"""  # noqa: E501

    arguments = documented_arguments(module_function, "f")
    same = ast.parse("def f(n: int, p: Array | None = None, *, k: int) -> int: ...").body[0]
    other = ast.parse("def f(m: int, p: Array | None = None, *, k: int) -> int: ...").body[0]
    assert isinstance(same, ast.FunctionDef)
    assert isinstance(other, ast.FunctionDef)
    assert stub_arguments(same) == arguments != stub_arguments(other)
