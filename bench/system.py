"""Timings of whole processes, and the description of the machine that goes with every result."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import autophage
from bench.judge import Outcome

ROOT = Path(__file__).resolve().parent.parent
TEXT_LENGTH = 1_000_000


def _environment() -> dict[str, str]:
    """Let a child process import the very package that is being timed."""
    home = str(Path(autophage.__path__[0]).parent)
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def import_time(_part: int, _runs: int, _seed: int) -> Outcome:
    """Import the package in a fresh interpreter, which times itself."""
    program = (
        "import time; start = time.perf_counter(); import autophage; "
        "autophage.simulate; print(time.perf_counter() - start)"
    )
    command = [sys.executable, "-c", program]
    finished = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=_environment()
    )
    return Outcome(1, seconds=float(finished.stdout))


def real_text() -> str:
    """Give a million characters of real text that every Python carries.

    The language reference, then the sources of the standard library in alphabetical order.
    """
    from pydoc_data.topics import topics

    text = "".join(topics[key] for key in sorted(topics))
    for source in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        if len(text) >= TEXT_LENGTH:
            break
        text += source.read_text(encoding="utf-8")
    return text[:TEXT_LENGTH]


def command_line(_part: int, runs: int, seed: int) -> Outcome:
    """Run `autophage collapse` on a text of a million characters, as a user would."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        text.write_text(real_text(), encoding="utf-8")
        options = f"--context 2 --samples 100 --runs {runs} --seed {seed} --threads 2"
        program = "from autophage.cli import main; main()"
        command = [sys.executable, "-c", program, "collapse", str(text), *options.split()]
        started = time.perf_counter()
        with Path(folder, "printed.txt").open("wb") as printed:
            child = subprocess.Popen(
                [*command, "--out", str(Path(folder, "out"))],
                stdout=printed,
                stderr=printed,
                env=_environment(),
            )
            _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise RuntimeError(Path(folder, "printed.txt").read_text(encoding="utf-8"))
    return Outcome(1, seconds=seconds, figures={"megabytes": _megabytes(usage)})


def _megabytes(usage: resource.struct_rusage) -> float:
    """Peak resident memory in units of 10^6 bytes (Linux counts in KiB, macOS in bytes)."""
    return usage.ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0) / 1e6


# Prints by how many units of 10^6 bytes a study raises the most memory that a process has held.
_HISTOGRAM = """
import sys
import autophage as ap

def largest():  # ru_maxrss would begin with that of the parent
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6

runs, seed = map(int, sys.argv[1:])
model, regime = ap.Categorical(ap.law_with(29, 0.1, tokens=600)), ap.FullySynthetic(100)
study = {"reduce": "histogram", "record": ["collapse_time"], "threads": 2}
ap.simulate(model, regime, runs=2, rng=seed, **study)
before = largest()
ap.simulate(model, regime, runs=runs, rng=seed, **study)
print(largest() - before)
"""


def histogram_memory(_part: int, runs: int, seed: int) -> Outcome:
    """Simulate W3, counting collapse times alone, in a process of its own (Linux)."""

    def growth(some: int) -> float:
        command = [sys.executable, "-c", _HISTOGRAM, str(some), str(seed)]
        finished = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=_environment()
        )
        return float(finished.stdout)

    whole = growth(runs)
    return Outcome(runs, figures={"megabytes": whole, "more than 1e5": whole - growth(100_000)})


def _git(*arguments: str) -> str:
    finished = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return finished.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def describe() -> dict[str, Any]:
    """Describe what a result depends on: commit, compiler, machine, versions."""
    from autophage import _core

    packages = ("autophage", "numpy", "scipy", "numba", "xarray")
    return {
        "commit": _git("rev-parse", "--verify", "--quiet", "HEAD") or None,
        "changed_files": len(_git("status", "--porcelain").splitlines()),
        "built_from": getattr(_core, "commit", None),
        "compiler": getattr(_core, "compiler", None),
        "flags": getattr(_core, "flags", None),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "load_before": list(os.getloadavg()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
        "command": ["python", *sys.orig_argv[1:]],
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def write_json(path: Path, content: object) -> None:
    """Write a result; a file that cannot be completed is not left behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
