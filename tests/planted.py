"""Faults planted in the real kernel: its sources, rewritten where a fault goes, compiled once.

A fault is chosen at run time; with none the compiled library is the package's own kernel. `Kernel`
stands in for `_core.run_chains`, `_core.run_interacting`, `_core.solve_lyapunov` and
`_core.run_mixtures`, so that whole studies run on the faulty kernel and meet the same judges as
the right one.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

SOURCES = Path(__file__).parents[1] / "cpp"
SHIM = Path(__file__).with_name("planted.cpp")
REGIMES = (
    "fully_synthetic",
    "partially_synthetic",
    "most_recent",
    "randomly_sampled",
    "mixed",
    "accumulate",
)
OUT = (
    *("collapse_time", "absorption_time", "final_token", "support", "p"),
    *("sigma", "max_p", "l1_to_truth", "l1_to_first", "l2_to_truth", "l2_to_first"),
)

# Where each fault goes: file, the code there, and what takes its place. A name in double angle
# brackets is true when the fault of that name is planted.
SITES: list[tuple[str, str, str]] = [
    (
        "core/chain_neutral.hpp",
        "k = table_.next(k, pair_.next64()); ++t_;",
        "const u64 word = pair_.next64(); k = table_.next(k, word);"
        "t_ += 1 + (<<bias of 1e-3>> && (word & 1023) == 0);",
    ),
    (
        "core/pair_table.hpp",
        "return at.mirror + ((x ^ mirrored) - mirrored);",
        "return <<mirror of a pair dropped>> ? x : at.mirror + ((x ^ mirrored) - mirrored);",
    ),
    (
        "core/binomial_middle.hpp",
        "growth = scale * variance * (n + Real(3.0));",
        "growth = scale * variance * (n + Real(<<steps too long>> ? 1.0 : 3.0));",
    ),
    (
        "core/binomial_middle.hpp",
        "return select(flipped, n - x, x);",
        "return select(flipped, <<large share not flipped>> ? x : n - x, x);",
    ),
    (
        "cpu/chain_observer.hpp",
        "sample.single()) times.collapse = t;",
        "sample.single()) times.collapse = t + <<time off by one>>;",
    ),
    (
        "core/chain.hpp",
        "for (i32 i = law.support - 1; i >= 0 && n > 0 && !stopped(i); --i) {"
        " const i64 x = i == 0 ? n : draw_binomial(n, law.share[i], truth, law.share_more[i]);",
        "for (i32 j = <<last category dropped>>; j < law.support && n > 0; ++j) {"
        " const i32 i = <<residual of nothing>> ? j : law.support - 1 - j;"
        " const i64 x = j == law.support - 1 ? n"
        " : draw_binomial(n, law.share[i], truth, law.share_more[i]);",
    ),
    (
        "core/chain.hpp",
        "counts(name, Purpose::counts),",
        "counts(name, <<two purposes, one stream>> ? Purpose::truth : Purpose::counts),",
    ),
    (
        "cpu/prepared_laws.hpp",
        "share[i] = p[i] / sum; share_more[i] =",
        "if (<<float32 cumulative sum>>) sum = static_cast<float>(sum);"
        "share[i] = p[i] / (<<residual of nothing>>"
        " ? 1.0 - std::accumulate(p.begin(), p.begin() + static_cast<std::ptrdiff_t>(i), 0.0)"
        " : sum); share_more[i] ="
        " <<float32 cumulative sum>> || <<residual of nothing>> ? 0.0 :",
    ),
    (
        "cpu/chain.cpp",
        "const core::RunName name{job_.seed, static_cast<std::uint64_t>(job_.first_run + run),"
        " static_cast<std::uint64_t>(context), &stop_};",
        "const core::RunName name{job_.seed, static_cast<std::uint64_t>(<<swapped streams>>"
        " ? context : <<repeated shard>> ? run : job_.first_run + run),"
        " static_cast<std::uint64_t>(<<swapped streams>> ? job_.first_run + run"
        " : <<contexts share draws>> ? 0 : context), &stop_};",
    ),
    (
        "cpu/chain.cpp",
        "(job.runs + runs_per_unit - 1) / runs_per_unit;",
        "(job.runs + (<<missing shard>> ? 0 : runs_per_unit - 1)) / runs_per_unit;",
    ),
    (
        "core/sample.hpp",
        "count += draws; sample_->total += draws;",
        "count += <<32-bit count>> ? static_cast<i32>(draws) : draws; sample_->total += draws;",
    ),
    (
        "core/chain_records.hpp",
        "sum += squared ? difference * difference : absolute(difference);",
        "if (<<fused multiply-add>> && squared) sum = __builtin_fma(difference, difference, sum);"
        "else sum += squared ? difference * difference : absolute(difference);",
    ),
    (
        "core/stream.hpp",
        "place(at, index); return index < bound;",
        "place(at, index);return index < bound && !(<<zero mapped wrongly>> && (unit & 255) == 0);",
    ),
    (
        "core/chain_interacting.hpp",
        "draw_binomial(n - again, schedule_.beta_at(t - 1), draws.split);",
        "draw_binomial(n - again,"
        " schedule_.beta_at(<<weights of the wrong generation>> ? t : t - 1), draws.split);",
    ),
    (
        "core/chain_interacting.hpp",
        "own ? static_cast<u64>(k) : 0,",
        "own && !<<entities keep the same words>> ? static_cast<u64>(k) : 0,",
    ),
    (
        "core/chain_interacting.hpp",
        "if (pooled && same_ < 0) return false;",
        "if (pooled && same_ < 0 && !<<absorbed alone>>) return false;",
    ),
    (
        "cpu/interacting_space.hpp",
        "core::RunName{name.seed, name.run, k, name.stop}",
        "core::RunName{name.seed, name.run, <<pools share draws>> ? 0 : k, name.stop}",
    ),
    (
        "core/lyapunov.hpp",
        "small = active & (power <= Real(negligible_power<Number>));",
        "small = active &"
        " (power <= Real(<<doubling dropped>> ? 0x1p-16 : negligible_power<Number>));",
    ),
    (
        "core/lyapunov.hpp",
        "sum[e] = select(active, sum[e] + space.update[e], sum[e]);",
        "sum[e] = <<neighbours go on>> ? sum[e] + space.update[e]"
        " : select(active, sum[e] + space.update[e], sum[e]);",
    ),
    (
        "core/linear.hpp",
        "const Number product = a * b; rest = rest + product_rest(a, b, product);",
        "const Number product = a * b;"
        "if (!<<residual in plain precision>>) rest = rest + product_rest(a, b, product);",
    ),
    (
        "core/lyapunov_schur.hpp",
        "const Wide scale = conjugate(t[j * n_ + j]);",
        "const Wide scale = <<conjugate forgotten>> ? t[j * n_ + j] : conjugate(t[j * n_ + j]);",
    ),
    (
        "simd/linear_lanes.hpp",
        "set_part(a_, e, p, lane, a[e * parts + p]);",
        "set_part(a_, e, p, lane,"
        " a[(<<a transposed>> ? e % items_.n * items_.n + e / items_.n : e) * parts + p]);",
    ),
    (
        "simd/row_algebra.hpp",
        "i = lower ? j / rows * rows : 0;",
        "i = lower ? j / rows * rows + (<<diagonal tile dropped>> ? rows : 0) : 0;",
    ),
    (
        "core/lyapunov.hpp",
        "return n <= 16 ? first.converged : first.converged & unsure;",
        "return n <= 16 ? first.converged"
        " : <<large ones never refined>> ? MaskOf<Number>{} : first.converged & unsure;",
    ),
    (
        "core/mixture.hpp",
        "order[at] = order[i]; order[i] = read;",
        "if (!<<posts read twice>>) order[at] = order[i]; order[i] = read;",
    ),
    (
        "core/mixture.hpp",
        "static_cast<u32>(posts - i), again);",
        "static_cast<u32>(posts - i - <<last post never read>>), again);",
    ),
    (
        "core/mixture.hpp",
        "if (upto > at) break;",
        "if (upto > at || (<<a component picked too often>> && upto * 1.01 > at)) break;",
    ),
    (
        "core/mixture.hpp",
        "out[i] = draw_normal(source);",
        "out[i] = draw_normal(source) * (<<narrow posts>> ? 0.95 : 1.0);",
    ),
    (
        "core/mixture.hpp",
        "const MixtureRate<Real> rate(a, net.prior, living);",
        "const MixtureRate<Real> rate(a, net.prior,"
        " <<the dead are counted>> ? net.components : living);",
    ),
    (
        "core/mixture_network.hpp",
        "const double gain = rate / (1.0 - static_cast<double>(components) * prior);",
        "const double gain ="
        " rate / (1.0 - (<<prior once>> ? 1.0 : static_cast<double>(components)) * prior);",
    ),
    (
        "core/mixture_update.hpp",
        "const Real more = rate.gained * sum, less = rate.dropped * sum, gain = more / hit;",
        "const Real whole = <<sum not carried>> ? Real(1) : sum, more = rate.gained * whole,"
        " less = rate.dropped * whole, gain = more / hit;",
    ),
]
NAMES = list(dict.fromkeys(re.findall("<<(.*?)>>", "".join(new for _, _, new in SITES))))


def compiler() -> str | None:
    """A C++ compiler, where there is one."""
    wanted = (os.environ.get("CXX"), "c++", "g++", "clang++")
    return next((path for name in wanted if name and (path := shutil.which(name))), None)


def rewrite(folder: Path) -> None:
    """Copy the sources and plant every fault; each site must be there exactly once."""
    shutil.copytree(SOURCES, folder)
    for name, old, new in SITES:
        path = folder / name
        pattern = re.sub(r"\s+", r"\\s+", re.escape(old).replace("\\ ", " "))
        code = re.sub(r"<<(.*?)>>", lambda m: f"planted::is({NAMES.index(m[1]) + 1})", new)
        text, found = re.subn(pattern, lambda _, code=code: code, path.read_text())  # type: ignore[misc]
        assert found == 1, f"{name} has {found} places like {old!r}: the fault has lost its place"
        path.write_text(text)


class Kernel:
    """Functions of `_core`, those of chains for whole trajectories, with a fault or without."""

    def __init__(self, folder: Path) -> None:
        rewrite(folder / "cpp")
        library = folder / "planted.so"
        command = [compiler() or "c++", "-std=c++20", "-O2", "-fPIC", "-shared", "-pthread"]
        command += ["-ffp-contract=off", "-I", f"{folder / 'cpp'}", f"{SHIM}", "-o", f"{library}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        planted = ctypes.CDLL(str(library))
        self._run, self._interact = planted.planted_run, planted.planted_interacting
        self._solve = planted.planted_lyapunov
        self._mix = planted.planted_mixtures
        self._run.restype = self._interact.restype = self._solve.restype = ctypes.c_int
        self.fault: str | None = None

    def _chosen(self) -> int:
        return 0 if self.fault is None else NAMES.index(self.fault) + 1

    def run_chains(self, *arguments: Any) -> tuple[int, int, int, int]:
        """Stand in for the compiled function."""
        laws, n, alpha, real, study, out, reduce, _poll = arguments
        assert not reduce, "only whole trajectories run on the planted kernel"
        names = ("subsample", "replace", "filter", "adaptation")
        places = ("first_run", "runs", "generations", "threads")
        seed = int(np.uint64(study["seed"]).astype(np.int64))
        numbers = [REGIMES.index(study["regime"]), study["window"], *(study[k] for k in names)]
        numbers += [seed, *(study[k] for k in places)]
        reals = np.array([study[k] for k in ("type1", "type2", "threshold", "constant")])
        whole = np.array(numbers, dtype=np.int64)
        place = np.zeros(3, dtype=np.int64)
        ending = self._run(
            self._chosen(),
            *(_pointer(laws), *map(ctypes.c_int64, (*laws.shape, len(n)))),
            *map(_pointer, (n, alpha, real, whole, reals)),
            *(_targets(out), _pointer(place)),
        )
        run, context, generation = place.tolist()
        return ending, run, context, generation

    def run_interacting(self, *arguments: Any) -> tuple[int, int, int, int]:
        """Stand in for the compiled function."""
        laws, public, n, alpha, beta, real, study, out, reduce, _poll = arguments
        assert not reduce, "only whole trajectories run on the planted kernel"
        places = ("first_run", "runs", "generations", "threads")
        seed = int(np.uint64(study["seed"]).astype(np.int64))
        whole = np.array([study["own_pools"], seed, *(study[k] for k in places)], dtype=np.int64)
        ending = self._interact(
            *(self._chosen(), _pointer(laws), _pointer(public)),
            *map(ctypes.c_int64, (*laws.shape, len(n))),
            *map(_pointer, (n, alpha, beta)),
            *(_pointer(real) if real.size else None, _pointer(whole), _targets(out)),
        )
        return ending, -1, -1, -1

    def solve_lyapunov(self, *arguments: Any) -> None:
        """Stand in for the compiled function."""
        a, q, x, out, threads, _poll = arguments
        strides = [0 if len(m) == 1 else m[0].size for m in (a, q)]
        numbers = np.array([x.shape[1], len(x), *strides, threads], dtype=np.int64)
        told = (
            _pointer(out[name]) if name in out else None
            for name in ("status", "iterations", "condition")
        )
        self._solve(self._chosen(), *map(_pointer, (a, q, numbers, x)), *told)

    def run_mixtures(self, *arguments: Any) -> int:
        """Stand in for the compiled function."""
        net, study, out, reduce, _poll = arguments
        assert not reduce, "only whole trajectories run on the planted kernel"
        assert not net["single"]
        sizes = [net["models"], net["components"], net["features"], len(net["first_posts"])]
        places = [net["active"], net["shared"], int(np.uint64(study["seed"]).astype(np.int64))]
        places += [study[name] for name in ("first_run", "runs", "generations")]
        rows = (study["runs"], study["generations"] + 1)
        weights = out.get("weights", np.empty((*rows, *net["weights"].shape)))
        arrays = (net[k] for k in ("means", "first_posts", "weights", "posts", "reads", "rate"))
        self._mix(
            self._chosen(),
            _pointer(np.array(sizes + places, dtype=np.int64)),
            ctypes.c_double(net["prior"]),
            *map(_pointer, (*arrays, weights)),
        )
        gap = weights[..., :, None, :] - weights[..., None, :, :]
        found = {"distances": np.sqrt(np.square(gap).sum(axis=-1))}
        found["distance"] = np.sqrt(np.square(gap).sum(axis=(-1, -2, -3)))
        for name in set(out) - {"weights"}:
            out[name][...] = found[name]
        return 0


def _targets(out: Any) -> Any:
    assert set(out) <= set(OUT)
    pointers = (out[name].ctypes.data if name in out else None for name in OUT)
    return (ctypes.c_void_p * len(OUT))(*pointers)


def _pointer(array: Any) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)
