"""How many binomials a second: ours against NumPy, numba, torch, the C++ library, Boost and GSL.

`python -m bench.sampler` from the root of a checkout; it needs a C++ compiler. Boost and GSL take
part where their headers are installed (Debian: libboost-random-dev, libgsl-dev), torch where it is.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.numba_random import compiled
from bench.peers_numba import seed_numba

ROOT = Path(__file__).resolve().parent.parent
OWN = ("ours_lanes", "ours_middle", "ours_any")
CPP = ("standard", "boost_random", "gsl")
WHOLE = 1 << 20  # Shares are multiples of its inverse
SIZES = (10, 30, 100, 300, 1000, 10_000, 1_000_000)
SHARES = (0.5, 0.1, 0.01)
P_LIMIT = 1e-6
JUDGED = 1 << 18

Integers = NDArray[np.int64]
Draw = Callable[[int, int, int, int, int], Integers]
"""n, step, part, seed, count: every other draw has n - step."""


def library(folder: Path) -> ctypes.CDLL:
    """Compile binomials.cpp with what it needs of the package."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or "g++"
    kernels = sorted(map(str, (ROOT / "cpp" / "simd").glob("chain_*.cpp")))
    source, made = str(ROOT / "bench" / "binomials.cpp"), folder / "binomials.so"
    options = ["-std=c++20", "-O3", "-ffp-contract=off", "-fPIC", "-shared", f"-I{ROOT / 'cpp'}"]
    command = [compiler, *options, source, *kernels, "-o", str(made)]
    if Path("/usr/include/gsl/gsl_randist.h").exists():
        command += ["-lgsl", "-lgslcblas"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(made))


def _cpp(made: ctypes.CDLL, name: str) -> Draw:
    function = made[name]

    def draw(n: int, step: int, part: int, seed: int, count: int) -> Integers:
        out = np.empty(count, np.int64)
        numbers = map(ctypes.c_int64, (n, step, part, WHOLE, seed, count))
        missing = function(*numbers, out.ctypes.data_as(ctypes.c_void_p))
        return out[:0] if missing else out

    return draw


def _sizes(n: int, step: int, count: int) -> Integers:
    sizes = np.full(count, n, np.int64)
    sizes[1::2] -= step
    return sizes


def _numpy(n: int, step: int, part: int, seed: int, count: int) -> Integers:
    rng = np.random.default_rng(seed)
    found = rng.binomial(_sizes(n, step, count) if step else n, part / WHOLE, count)
    return np.asarray(found, np.int64)


@compiled
def _fill(n: int, step: int, p: float, out: Integers) -> None:
    for i in range(out.size):
        out[i] = np.random.binomial(n - i % 2 * step, p)  # noqa: NPY002


def _numba(n: int, step: int, part: int, seed: int, count: int) -> Integers:
    seed_numba(seed)
    out = np.empty(count, np.int64)
    _fill(n, step, part / WHOLE, out)
    return out


def _torch() -> Draw | None:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)

    def draw(n: int, step: int, part: int, seed: int, count: int) -> Integers:
        torch.manual_seed(seed)
        sizes = torch.from_numpy(_sizes(n, step, count).astype(np.float64))
        found = torch.binomial(sizes, torch.full_like(sizes, part / WHOLE))
        return np.asarray(found.numpy(), np.int64)

    return draw


def contenders(folder: Path) -> dict[str, Draw]:
    """Give everybody who takes part, ours first."""
    made = library(folder)
    found = {name: _cpp(made, name) for name in (*OWN, *CPP)} | {"numpy": _numpy, "numba": _numba}
    torch = _torch()
    return found | ({"torch": torch} if torch is not None else {})


def p_value(found: Integers, n: int, p: float) -> float:
    """Chi-square against the binomial law, in cells of at least 20 expected draws."""
    from scipy.stats import binom, chi2

    low, high = binom.ppf([1e-9, 1 - 1e-9], n, p).astype(int)
    width = max(1, (high - low) // 2000)
    edges = np.append(np.arange(low, high, width), high)
    cdf = np.concatenate([[0.0], binom.cdf(edges, n, p)[:-1], [1.0]])
    counts = np.bincount(np.searchsorted(edges[:-1], found), minlength=edges.size)
    cells, expected, seen = [], 0.0, 0
    for share, count in zip(np.diff(cdf), counts, strict=True):
        expected += share * found.size
        seen += int(count)
        if expected >= 20:
            cells.append([expected, seen])
            expected, seen = 0.0, 0
    cells[-1][0] += expected
    cells[-1][1] += seen
    statistic = sum((b - a) ** 2 / a for a, b in cells)
    return float(chi2.sf(statistic, max(len(cells) - 1, 1)))


def rates(
    draws: dict[str, Draw], n: int, step: int, part: int, count: int, repetitions: int
) -> Iterator[tuple[str, float]]:
    """Give millions a second of those who can and whose law is right, turn by turn."""
    right = {}
    for name, draw in draws.items():
        found = draw(n, step, part, 1, JUDGED)
        if found.size == 0:
            continue
        worst = min(
            p_value(found[0::2], n, part / WHOLE), p_value(found[1::2], n - step, part / WHOLE)
        )
        if worst >= P_LIMIT:
            right[name] = draw
        else:
            yield name, -worst
    best = dict.fromkeys(right, np.inf)
    for repetition in range(repetitions):
        for name, draw in right.items():
            start = time.perf_counter()
            draw(n, step, part, repetition, count)
            best[name] = min(best[name], time.perf_counter() - start)
    yield from ((name, count / seconds / 1e6) for name, seconds in best.items())


def _say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print a table: rows n and p, columns contenders, numbers millions a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1 << 14, help="draws of one timing")
    parser.add_argument("--repetitions", type=int, default=40)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        draws = contenders(Path(folder))
        for step in (1, 0):
            _say("every draw its own law" if step else "one law")
            _say(f"{'n':>8} {'p':>5}", *(f"{name:>12}" for name in draws))
            for n in SIZES:
                for share in SHARES:
                    part = round(share * WHOLE)
                    found = dict(rates(draws, n, step, part, chosen.count, chosen.repetitions))
                    cells = [
                        f"{found[name]:12.1f}" if found.get(name, -1.0) > 0
                        else f"{'wrong law' if name in found else '-':>12}"
                        for name in draws
                    ]  # fmt: skip
                    _say(f"{n:8} {share:5}", *cells)


if __name__ == "__main__":
    main()
