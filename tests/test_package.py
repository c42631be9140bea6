"""The package as a stranger meets it: import, examples, README, metadata, installed headers."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import autophage

ROOT = Path(__file__).parents[1]
IMPORT_SECONDS = 0.3
SLOW = ("xarray", "scipy", "matplotlib", "pandas", "h5netcdf", "cupy", "tqdm", "click", "sklearn")


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_is_fast() -> None:
    code = "import time; t = time.perf_counter(); import autophage; print(time.perf_counter() - t)"
    best = min(float(run_python(code)) for _ in range(5))
    assert best <= IMPORT_SECONDS, f"import autophage takes {best:.3f} s"


def test_import_pulls_no_slow_library() -> None:
    # Every public name but the drawing and reproducing modules, which still defer what they can.
    code = (
        "import autophage, sys\n"
        "for name in autophage.__all__: getattr(autophage, name)\n"
        f"print(*[name for name in {SLOW} if name in sys.modules])"
    )
    assert run_python(code).split() == []


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads in /proc")
def test_import_starts_no_thread() -> None:
    # NumPy's BLAS has threads of its own, so it comes first.
    code = (
        "import numpy, os\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "import autophage, autophage._core\n"
        "for name in autophage.__all__: getattr(autophage, name)\n"
        "print(len(os.listdir('/proc/self/task')) - before)"
    )
    assert run_python(code).split() == ["0"]


def test_import_leaves_subnormals_alone() -> None:
    code = (
        "import autophage, autophage._core, numpy\n"
        "for name in autophage.__all__: getattr(autophage, name)\n"
        "smallest = numpy.float64(2.0**-1022)\n"
        "print(smallest / 2 > 0, numpy.float64(5e-324) * 1.0 > 0, numpy.float32(1e-45) * 1 > 0)"
    )
    assert run_python(code).split() == ["True"] * 3


def test_all_names_exist_and_unknown_ones_are_refused() -> None:
    assert set(autophage.__all__) <= set(dir(autophage))
    for name in autophage.__all__:
        assert getattr(autophage, name) is not None
    assert autophage.__version__ == version("autophage")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        autophage.nothing  # noqa: B018


def modules() -> list[str]:
    found = pkgutil.walk_packages(autophage.__path__, "autophage.")
    return ["autophage", *sorted(m.name for m in found if not m.name.endswith("__main__"))]


def need_extra(name: str) -> None:
    if name in {"autophage.streaming", "RecursiveMixture"}:
        pytest.importorskip("sklearn", reason="the extra `streaming` is not installed")


@pytest.mark.parametrize("name", modules())
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_extra(name)
    monkeypatch.chdir(tmp_path)
    module: ModuleType = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    report = io.StringIO()
    with contextlib.redirect_stdout(report):
        failed, _ = doctest.testmod(module, optionflags=flags)
    assert failed == 0, report.getvalue()


def test_names_that_need_an_extra_are_listed() -> None:
    assert set(dir(autophage)) - set(autophage.__all__) == {"RecursiveMixture"}


@pytest.mark.parametrize("name", dir(autophage))
def test_public_functions_and_classes_have_examples(name: str) -> None:
    need_extra(name)
    value = getattr(autophage, name)
    if not callable(value) or (isinstance(value, type) and issubclass(value, BaseException)):
        return
    text = value.__doc__ or ""
    assert re.search(r"Examples\n *-+\n", text), f"{name} has no Examples section"
    assert ">>> " in text


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)


def test_readme_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    codes, texts = (blocks(ROOT / "README.md", language) for language in ("python", "text"))
    for code, promised in zip(codes, texts, strict=True):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
        assert printed.getvalue() == promised


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_documents_print_what_they_say(path: Path) -> None:
    runner = doctest.DocTestRunner()
    report = io.StringIO()
    for number, block in enumerate(blocks(path, "pycon")):
        example = doctest.DocTestParser().get_doctest(block, {}, path.name, str(path), number)
        runner.run(example, out=report.write)
    assert runner.failures == 0, report.getvalue()


def test_one_command_runs_the_tests_everywhere() -> None:
    commands = "".join(blocks(ROOT / "README.md", "sh"))
    (command,) = re.findall(r"^\.venv/bin/(pytest\b.*)$", commands, re.MULTILINE)
    script = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r'^"\$venv"/bin/(pytest\b.*)$', script, re.MULTILINE) == [command]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_one_version_and_one_list_of_test_requirements() -> None:
    table = project()
    number = table["project"]["version"]
    assert f"version: {number}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {number}" in (ROOT / "CHANGELOG.md").read_text()
    for name in ("test", "docs"):
        extra = table["project"]["optional-dependencies"][name]
        assert extra == table["dependency-groups"][name]


def test_pinned_tools_agree_with_pre_commit() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    revisions = dict(re.findall(r"repo: \S+/(\S+)\n\s+rev: v?(\S+)", hooks))
    homes = {"clang-format": "mirrors-clang-format", "mypy": "mirrors-mypy"}
    homes |= {"ruff": "ruff-pre-commit", "gersemi": "gersemi-pre-commit"}
    groups = project()["dependency-groups"]
    for requirement in groups["lint"]:
        name, _, pinned = requirement.partition("==")
        revision = revisions.get(homes.get(name, name))
        assert revision in {None, pinned}, f"{name} is pinned to {pinned}, the hook to {revision}"


def test_installed_headers_serve_a_stranger(tmp_path: Path) -> None:
    try:
        installed = distribution("autophage")
    except PackageNotFoundError:
        pytest.skip("autophage is imported from its sources, not installed")
    root = Path(str(installed.locate_file("autophage")))
    assert (root / "cmake" / "autophageConfig.cmake").is_file()
    source = ROOT / "tests" / "cmake_consumer"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # finds ninja
    for command in (
        ["-S", f"{source}", "-B", f"{tmp_path}", "-G", "Ninja", f"-Dautophage_ROOT={root}"],
        ["--build", f"{tmp_path}"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "cmake", *command],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PATH": path},
        )
        assert done.returncode == 0, done.stdout + done.stderr
    printed = subprocess.run([tmp_path / "consumer"], capture_output=True, text=True, check=True)
    assert printed.stdout == "6627e8d5 e169c58d bc57ac4c 9b00dbd8\n"
