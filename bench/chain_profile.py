"""Where the time of token chains goes: `python -m bench.chain_profile`.

For each workload of `bench.run`: the time of a run, the random words that it draws, cycles a word,
and the share of the time that these words would take by themselves. Words are counted in the
portable chain, which draws the same ones as its vector forms; times are those of the package, with
the instruction set that it chooses (AUTOPHAGE_INSTRUCTIONS forces another). The least of many short
times of the processor counts, so that a busy machine tells nearly the same. Needs a C++ compiler.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import autophage as ap
from autophage import _core, chains, families
from bench import system, tell

SEED = 40_000
TOKENS = 600
INSTRUCTIONS = "AUTOPHAGE_INSTRUCTIONS"
REGIMES = {
    name: i
    for i, name in enumerate(
        ("fully_synthetic", "partially_synthetic", "most_recent", "randomly_sampled")
    )
}
PORTABLE_BLOCKS, VECTOR_BLOCKS = 2, 64  # computed together: by a stream, and at best
REPETITIONS = 20

# Where words leave a stream: code, and the same code with the words counted.
SITES = (
    ("return words_[used_++];", "++profile::words; return words_[used_++];"),
    ("used_ += words; return first;", "profile::words += words; used_ += words; return first;"),
)


@dataclass(frozen=True)
class Workload:
    """One of the workloads of `bench.run`, at one n or window."""

    name: str
    law: Callable[[], Any]
    regime: ap.Regime
    generations: int | None
    record: tuple[str, ...]
    runs: int


@dataclass(frozen=True)
class Row:
    """What is told of a workload; times in nanoseconds."""

    name: str
    run: float
    words: float
    word: float
    cycles: float
    portable_share: float
    vector_share: float


def geometric(support: int) -> Any:
    """Give the law of W1, W3, W4 and W5."""
    return ap.law_with(support, 0.1, tokens=TOKENS)


def zipf() -> Any:
    """Give the law of W2."""
    weights = 1.0 / np.arange(1, 32_001)
    return weights / weights.sum()


def _neutral(name: str, n: int, runs: int) -> Workload:
    return Workload(
        name, lambda: geometric(29), ap.FullySynthetic(n), None, ("collapse_time",), runs
    )


def _memory(name: str, regime: ap.Regime, generations: int, record: tuple[str, ...]) -> Workload:
    return Workload(name, lambda: geometric(52), regime, generations, record, 2000)


WORKLOADS = (
    *(_neutral(f"W1, n = {n}", n, 1000) for n in (10, 50, 150, 200, 300, 400)),
    Workload("W2", zipf, ap.FullySynthetic(1000), 200, ("sigma",), 100),
    _neutral("W3", 100, 5000),
    *(
        _memory(f"W4, n = {n}", ap.PartiallySynthetic(n, real=100), 50, ("sigma", "l1_to_first"))
        for n in (1, 10, 100, 500)
    ),
    *(
        _memory(name, regime, 500, ("sigma", "collapse_time"))
        for name, regime in (
            ("W5, 5 models", ap.MostRecent(10, 5)),
            ("W5, 10 models", ap.MostRecent(10, 10)),
            ("W5, all models", ap.RandomlySampled(10)),
        )
    ),
)


class Tools:
    """The compiled parts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        sources = count_words_in(system.ROOT / "cpp", folder / "cpp")
        kernels = sorted((sources / "simd").glob("chain_*.cpp"))
        words = self._compile("words", "profile_words.cpp", sources, *map(str, kernels))
        self._count = words.count_words
        self._count.restype = ctypes.c_uint64
        philox = ("profile_philox.cpp", system.ROOT / "cpp")
        blocks = "-DAUTOPHAGE_PHILOX_BLOCKS="
        self.portable = self._compile("portable", *philox, f"{blocks}{PORTABLE_BLOCKS}")
        self.vector = self._compile("vector", *philox, f"{blocks}{VECTOR_BLOCKS}", "-march=native")

    def _compile(self, name: str, source: str, headers: Path, *more: str) -> ctypes.CDLL:
        library = self._folder / f"{name}.so"
        command = [compiler(), "-std=c++20", "-O3", "-fPIC", "-shared", "-pthread"]
        command += ["-ffp-contract=off", "-I", str(headers), *more]
        command += [str(system.ROOT / "bench" / source), "-o", str(library)]
        subprocess.run(command, check=True)
        return ctypes.CDLL(str(library))

    def words(self, job: chains.ChainJob) -> int:
        """Count the words that a study draws."""
        told, schedule = job.kernel_study(0, job.study.runs), job.schedule
        keys = ("window", "runs", "generations", "seed")
        numbers = np.array([REGIMES[told["regime"]], *(told[k] for k in keys)], dtype=np.int64)
        laws = job.model.laws
        arrays = (schedule.n, schedule.alpha, schedule.real)
        with portable():
            counted = int(
                self._count(
                    _pointer(laws), ctypes.c_int64(laws.shape[1]), *map(_pointer, arrays),
                    ctypes.c_int64(len(schedule.n)), _pointer(numbers),
                )
            )  # fmt: skip
        if counted == 0:
            msg = "no word was counted: the portable chain did not run"
            raise RuntimeError(msg)
        return counted


@contextmanager
def portable() -> Iterator[None]:
    """Let kernels take the portable form: vector forms do not draw through a stream's own words."""
    before = os.environ.get(INSTRUCTIONS)
    os.environ[INSTRUCTIONS] = "baseline"
    try:
        yield
    finally:
        del os.environ[INSTRUCTIONS]
        if before is not None:
            os.environ[INSTRUCTIONS] = before


def compiler() -> str:
    """Find a C++ compiler."""
    wanted = (os.environ.get("CXX"), "c++", "g++", "clang++")
    found = next((path for name in wanted if name and (path := shutil.which(name))), None)
    if found is None:
        msg = "bench.chain_profile needs a C++ compiler: c++, g++, clang++ or CXX"
        raise RuntimeError(msg)
    return found


def count_words_in(sources: Path, copy: Path) -> Path:
    """Copy the sources and count the words that leave a stream; each site must be there once."""
    shutil.copytree(sources, copy)
    path = copy / "core" / "stream.hpp"
    code = path.read_text(encoding="utf-8")
    for old, new in SITES:
        pattern = re.sub(r"\\ ", r"\\s+", re.escape(old))
        code, found = re.subn(pattern, lambda _, new=new: new, code)  # type: ignore[misc]
        if found != 1:
            msg = f"core/stream.hpp must have one place like {old!r}, and has {found}"
            raise RuntimeError(msg)
    counter = "namespace profile { extern unsigned long words; }"
    opened = "namespace autophage::core {"
    path.write_text(code.replace(opened, f"{counter}\n{opened}", 1), encoding="utf-8")
    return copy


def _pointer(array: Any) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


def least(act: Callable[[int], object], amount: int, repetitions: int) -> float:
    """Give the processor's seconds of the fastest of so many times."""
    seconds = []
    for _ in range(repetitions):
        started = time.process_time()
        act(amount)
        seconds.append(time.process_time() - started)
    return min(seconds)


def measure(work: Workload, tools: Tools, seconds: float, units: dict[str, float]) -> Row:
    """Time and count a workload."""
    model = ap.Categorical(work.law())

    def simulate(runs: int) -> object:
        return ap.simulate(
            model, work.regime, runs=runs, generations=work.generations, rng=SEED,
            record=work.record, reduce="mean", threads=1,
        )  # fmt: skip

    runs = work.runs
    while least(simulate, runs, 1) < seconds:
        runs *= 2
    run = 1e9 * least(simulate, runs, REPETITIONS) / runs
    family = families.of_model(model)
    study = family.study(
        model, reduce=None, runs=work.runs, first_run=0, generations=work.generations
    )
    job: Any = family.job(study, model, work.regime, SEED, 1, _core)
    words = tools.words(job) / work.runs
    return Row(
        work.name, run, words, run / words, run / words / units["cycle"],
        words * units["portable"] / run, words * units["vector"] / run,
    )  # fmt: skip


def units_of(tools: Tools) -> dict[str, float]:
    """Nanoseconds of a cycle, and of a word of Philox by itself."""
    amount = 1 << 14

    def nanoseconds(call: Callable[[int], object]) -> float:
        return 1e9 * least(call, amount, 100 * REPETITIONS) / amount

    return {
        "cycle": nanoseconds(tools.portable.wait_cycles),
        "portable": nanoseconds(tools.portable.draw_words),
        "vector": nanoseconds(tools.vector.draw_words),
    }


HEADER = ("workload", "a run", "words", "a word", "cycles a word", "Philox, portable", "vector")


def table(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """Give the cells of the table."""
    for row in rows:
        yield (
            row.name, tell.readable(row.run / 1e9), f"{row.words:,.0f}", f"{row.word:.2f} ns",
            f"{row.cycles:.1f}", f"{row.portable_share:.0%}", f"{row.vector_share:.0%}",
        )  # fmt: skip


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.chain_profile", description=__doc__)
    parser.add_argument("--workload", nargs="+", default=[""], metavar="NAME",
                        help="workloads by the beginning of their names")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=0.03, help="of each timing; default 0.03")
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    parser.add_argument("--readme", action="store_true", help="renew the table in bench/README.md")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile the workloads asked for."""
    options = parse(arguments)
    machine = system.describe()
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(Path(folder))
        units = units_of(tools)
        tell.say(
            f"{machine['processor']}: a cycle {units['cycle']:.3f} ns; a word of Philox alone "
            f"{units['portable']:.2f} ns portable, {units['vector']:.2f} ns in vectors"
        )
        chosen = [work for work in WORKLOADS if work.name.startswith(tuple(options.workload))]
        rows = [measure(work, tools, options.seconds, units) for work in chosen]
    for line in tell.table(HEADER, list(table(rows))):
        tell.say(line)
    if options.readme:
        tell.renew(system.ROOT / "bench" / "README.md", "profile", HEADER, list(table(rows)))
    if options.out is not None:
        content = {"machine": machine, "units": units, "rows": [asdict(row) for row in rows]}
        system.write_json(options.out, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
