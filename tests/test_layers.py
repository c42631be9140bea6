"""The design's rules on who may use whom, and its ceilings on length, read from the sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "autophage"

# What a folder of cpp/ (or backend.hpp) may include.
CPP_LAYERS = {
    "core": {"core"},
    "simd": {"core", "simd"},
    "backend": {"core", "backend"},
    "cpu": {"core", "simd", "backend", "cpu"},
    "cuda": {"core", "backend", "cuda"},
    "bindings": {"core", "backend", "bindings"},
}
# The exact law judges the samplers, so it shares no more than this with them.
SHARED_WITH_THE_JUDGE = {"host_device.hpp", "math.hpp", "occupancy.hpp"}

DEFERRED = {"xarray", "scipy", "matplotlib", "cupy", "dask", "distributed", "zarr", "torch"}
WITHOUT_KERNELS = {"theory", "moments", "regimes", "models"}
TOP = {"reproduce", "cli", "__main__"}

# Lines that a file may have, by the pattern of its path; the first pattern that fits counts.
CEILINGS = [
    ("cpp/backend.hpp", 300),
    ("cpp/backend/*.hpp", 300),
    ("cpp/core/*.hpp", 300),
    ("cpp/simd/*", 300),
    ("cpp/cpu/*", 200),
    ("cuda/*", 200),
    ("cpp/bindings/*", 150),
    ("python/autophage/**/*.py", 450),
    ("tests/**/*.[chp]*", 400),
    ("bench/**/*.py", 400),
]
FUNCTION_CEILING = 50


def cpp_files() -> list[Path]:
    folders = [ROOT / "cpp", ROOT / "cuda"]
    return sorted(p for f in folders for p in f.rglob("*") if p.suffix in {".hpp", ".cpp", ".cu"})


def python_files(*folders: str) -> list[Path]:
    return sorted(p for f in folders for p in (ROOT / f).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def layer_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return "cuda" if relative.parts[0] == "cuda" else relative.parts[1].removesuffix(".hpp")


def own_includes(path: Path) -> Iterator[Path]:
    for name in re.findall(r'^\s*#\s*include\s+"(.+)"', path.read_text(), re.MULTILINE):
        found = [q for q in (path.parent / name, ROOT / "cpp" / name) if q.is_file()]
        assert found, f"{name_of(path)} includes {name}, which is nowhere"
        yield found[0].resolve()


def system_includes(path: Path) -> set[str]:
    return set(re.findall(r"^\s*#\s*include\s+<(.+)>", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", cpp_files(), ids=name_of)
def test_cpp_includes_point_downwards(path: Path) -> None:
    allowed = CPP_LAYERS[layer_of(path)]
    above = [name_of(q) for q in own_includes(path) if layer_of(q) not in allowed]
    assert not above, f"{name_of(path)} may use {sorted(allowed)}, and includes {above}"


@pytest.mark.parametrize("path", cpp_files(), ids=name_of)
def test_foreign_headers_stay_in_their_layer(path: Path) -> None:
    layer, includes = layer_of(path), system_includes(path)
    foreign = {
        "bindings": {i for i in includes if i.startswith(("pybind11", "Python"))},
        "cuda": {i for i in includes if i.startswith(("cuda", "cub", "thrust", "nv"))},
    }
    misplaced = [i for home, found in foreign.items() for i in found if layer != home]
    assert not misplaced, f"{name_of(path)} includes {misplaced}"


@pytest.mark.parametrize("path", [p for p in cpp_files() if layer_of(p) == "core"], ids=name_of)
def test_core_compiles_without_a_standard_library(path: Path) -> None:
    # NVRTC has no <cstdint>: host_device.hpp alone names it, and only where there is one.
    allowed = {"cstdint"} if path.name == "host_device.hpp" else set()
    assert system_includes(path) <= allowed
    macros = re.findall(r"^\s*#\s*define\s+(\w+)", path.read_text(), re.MULTILINE)
    assert path.name == "host_device.hpp" or not macros, f"macros {macros}: write templates"
    code = uncommented(path.read_text())
    assert not re.search(r"\b(throw|try|new|malloc)\b", code), "no exceptions and no allocation"


@pytest.mark.parametrize("path", [p for p in cpp_files() if p.suffix == ".hpp"], ids=name_of)
def test_headers_are_guarded(path: Path) -> None:
    assert "#pragma once\n" in path.read_text()


def test_the_exact_law_shares_no_code_with_the_samplers() -> None:
    seen: set[Path] = set()
    todo = [ROOT / "cpp" / "core" / "occupancy.hpp"]
    while todo:
        path = todo.pop()
        seen.add(path)
        todo += [q for q in own_includes(path) if q not in seen]
    assert {path.name for path in seen} <= SHARED_WITH_THE_JUDGE


def test_no_build_file_asks_for_fast_math() -> None:
    builds = [ROOT / "CMakeLists.txt", ROOT / "CMakePresets.json", ROOT / "pyproject.toml"]
    assert "-ffp-contract=off" in builds[0].read_text()
    for path in builds:
        assert not re.search(r"fast-math|-Ofast|-march|-mtune|-mfma|openmp", path.read_text(), re.I)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_of(path): path for path in python_files("python/autophage")}


def executed(tree: ast.AST, *, everywhere: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements that run when the module is imported, or (everywhere) at any time."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for branch in node.orelse:
                yield from executed(ast.Module([branch], []), everywhere=everywhere)
        elif everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from executed(node, everywhere=everywhere)


def imported(path: Path, *, everywhere: bool) -> set[str]:
    """Full names imported; `from a import b` counts as a.b, with relative names resolved."""
    names: set[str] = set()
    parent = ["autophage", *path.relative_to(PACKAGE).parts[:-1]]
    for node in executed(ast.parse(path.read_text()), everywhere=everywhere):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        else:
            base = parent[: len(parent) - node.level + 1] if node.level else []
            stem = ".".join(base + ([node.module] if node.module else []))
            names |= {f"{stem}.{alias.name}" for alias in node.names}
    return names


def own_imports(module: str, *, everywhere: bool = True) -> set[str]:
    """Modules of the package (as keys of MODULES, or _core) that a module imports."""
    found: set[str] = set()
    for name in imported(MODULES[module], everywhere=everywhere):
        parts = name.split(".")
        if parts[0] != "autophage":
            continue
        tails = [".".join(parts[1:k]) for k in range(len(parts), 1, -1)]
        found |= {next((t for t in tails if t in MODULES or t == "_core"), "__init__")}
    return found - {module}


def test_the_package_has_modules() -> None:
    assert {"__init__", "simulate", "regimes", "models", "law", "cli"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_slow_libraries_are_imported_inside_functions(module: str) -> None:
    roots = {name.split(".")[0] for name in imported(MODULES[module], everywhere=False)}
    assert not roots & DEFERRED
    everywhere = {name.split(".")[0] for name in imported(MODULES[module], everywhere=True)}
    assert "torch" not in everywhere or module.startswith("llm")


@pytest.mark.parametrize("module", MODULES)
def test_descriptions_and_theory_do_not_reach_the_kernels(module: str) -> None:
    if module.split(".")[0] not in WITHOUT_KERNELS:
        return
    seen: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        seen.add(name)
        if name in MODULES and name != "__init__":  # the package itself imports nothing early
            todo += own_imports(name) - seen
    assert not seen & {"_core", "simulate", "law"}, f"{module} reaches {sorted(seen)}"


@pytest.mark.parametrize("module", MODULES)
def test_python_imports_point_downwards(module: str) -> None:
    root = module.split(".")[0]
    above = {name for name in own_imports(module) if name.split(".")[0] in TOP}
    if root in {"cli", "__main__"}:
        return
    allowed = {name for name in above if root == "reproduce" and name.split(".")[0] == "reproduce"}
    assert above == allowed, f"{module} imports {sorted(above - allowed)}"


def test_no_module_needs_itself_to_be_imported() -> None:
    needs = {m: own_imports(m, everywhere=False) & set(MODULES) - {"__init__"} for m in MODULES}
    while ready := [m for m in needs if not needs[m] & set(needs)]:
        for module in ready:
            del needs[module]
    assert not needs, f"these import each other in a circle: {needs}"


def every_file() -> list[Path]:
    sources = cpp_files() + python_files("python/autophage", "tests", "bench")
    return sources + sorted((ROOT / "tests").rglob("*.cpp"))


@pytest.mark.parametrize("path", every_file(), ids=name_of)
def test_files_stay_short(path: Path) -> None:
    relative = path.relative_to(ROOT)
    ceiling = next(c for pattern, c in CEILINGS if matches(relative, pattern))
    lines = len(path.read_text().splitlines())
    assert lines <= ceiling, f"{relative} has {lines} lines; the ceiling is {ceiling}"
    assert not {"utils", "common", "helpers"} & set(relative.with_suffix("").parts)


def matches(path: Path, pattern: str) -> bool:
    return path.match(pattern) or ("**/" in pattern and path.match(pattern.replace("**/", "")))


@pytest.mark.parametrize("path", python_files("python/autophage", "tests", "bench"), ids=name_of)
def test_python_functions_stay_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or 0) - node.lineno + 1
        if ast.get_docstring(node) is not None:
            text = node.body[0]
            lines -= (text.end_lineno or 0) - text.lineno + 1
        assert lines <= FUNCTION_CEILING, f"{node.name} has {lines} lines without its docstring"


@pytest.mark.parametrize("path", cpp_files(), ids=name_of)
def test_cpp_functions_stay_short(path: Path) -> None:
    for name, lines in cpp_functions(path.read_text()):
        assert lines <= FUNCTION_CEILING, f"{name} has {lines} lines"


def uncommented(code: str) -> str:
    """The code with comments and literals blanked, line breaks kept."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m[0]), code, flags=re.DOTALL)


def cpp_functions(code: str) -> Iterator[tuple[str, int]]:
    """Name and length of each outermost function body: a block that follows a parameter list."""
    code = uncommented(code)
    depth, inside, start, head = 0, 0, 0, 0
    name = ""
    for match in re.finditer(r"[{};]", code):
        i = match.start()
        if match[0] == "{":
            before = code[head:i]
            called = re.search(r"([\w~]+|operator\S+)\s*\(", before)
            if not inside and called and not re.search(r"\bnamespace\b|=\s*$", before):
                inside, name = depth + 1, called[1]
                start = i - len(before.lstrip())
            depth += 1
        elif match[0] == "}":
            if inside == depth:
                yield name, code.count("\n", start, i) + 1
                inside = 0
            depth -= 1
        head = i + 1


def test_the_length_of_a_function_is_measured() -> None:
    body = "\n".join("  x += 1;" for _ in range(60))
    code = f"namespace a {{\nstruct S {{\n  int f(int x) const {{\n{body}\n  }}\n}};\n}}"
    assert list(cpp_functions(code)) == [("f", 62)]
