"""Run the cases: check every contender, then time them turn by turn, and print a table.

python -m bench.run [--case NAME ...] [--quick] [--repetitions N] [--out FILE] [--list]
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench import system
from bench.cases import CASES as CHAINS
from bench.cases import Case, Contender
from bench.cases_ancestral import CASES as ANCESTRAL
from bench.cases_linear import CASES as LINEAR
from bench.cases_mixture import CASES as MIXTURES
from bench.cases_streaming import CASES as STREAMING
from bench.judge import Check, Outcome
from bench.tell import readable, say

CASES = (*CHAINS, *ANCESTRAL, *LINEAR, *MIXTURES, *STREAMING)
CHECK_SEED, TIMING_SEED = 20_000, 30_000
QUICK_SHARE = 10  # --quick does a tenth of the runs of every large case
LEAST_RUNS = 1000
CASE_SECONDS, LEAST_REPETITIONS = 180.0, 3  # A case that takes longer is repeated less


def quick(case: Case) -> Case:
    """Cut the runs of a case; below `LEAST_RUNS` it stays as it is."""
    contenders = tuple(
        replace(one, runs=min(one.runs, max(LEAST_RUNS, one.runs // QUICK_SHARE)))
        for one in case.contenders
    )
    return replace(case, contenders=contenders)


def check(case: Case) -> list[Check]:
    """Let every contender do every part once, unmeasured (numba compiles here), and judge it."""
    found: list[Check] = []
    for part in case.parts:
        outcomes = {one.name: one.run(part, one.runs, CHECK_SEED) for one in case.contenders}
        found += case.judge(part, outcomes)
    return found


def measure(one: Contender, part: int, seed: int) -> tuple[float, Outcome]:
    """Give the seconds of one part, by the clock or as a child process told them."""
    started = time.perf_counter()
    outcome = one.run(part, one.runs, seed)
    elapsed = time.perf_counter() - started
    return elapsed if outcome.seconds is None else outcome.seconds, outcome


def time_case(case: Case, repetitions: int) -> dict[str, dict[str, Any]]:
    """Time contenders turn by turn: seconds[part][repetition] and the largest figures of each."""
    results: dict[str, dict[str, Any]] = {
        one.name: {"runs": one.runs, "seconds": {part: [] for part in case.parts}, "figures": {}}
        for one in case.contenders
    }
    started = time.perf_counter()
    for repetition in range(repetitions):
        if repetition >= LEAST_REPETITIONS and time.perf_counter() - started > CASE_SECONDS:
            break
        for one in case.contenders:
            result = results[one.name]
            for part in case.parts:
                seconds, outcome = measure(one, part, TIMING_SEED + repetition)
                result["seconds"][part].append(seconds)
                for name, value in outcome.figures.items():
                    result["figures"][name] = max(value, result["figures"].get(name, value))
    return results


def per_run(result: Mapping[str, Any]) -> list[float]:
    """Give seconds a run, all parts together, for every repetition."""
    return [sum(parts) / result["runs"] for parts in zip(*result["seconds"].values(), strict=True)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Give median, least and largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def goal(wanted: float | None, reached: bool) -> str:
    """Say what was wanted and whether it was reached."""
    return "" if wanted is None else f"{wanted:g} {'reached' if reached else 'MISSED'}"


def tell_ratios(case: Case, results: dict[str, dict[str, Any]]) -> None:
    """Print and keep the time of a run of every contender, and how many times ours it takes."""
    ours = per_run(results[case.contenders[0].name])
    say(f"  {'':20} {'a run':>9} {'least':>9} {'most':>9}   {'times ours':>10}  range")
    for one in case.contenders:
        result = results[one.name]
        result["per_run"] = spread(per_run(result))
        times = [peer / mine for peer, mine in zip(per_run(result), ours, strict=True)]
        result["ratio"] = spread(times)
        columns = " ".join(f"{readable(value):>9}" for value in result["per_run"].values())
        low, high = result["ratio"]["min"], result["ratio"]["max"]
        wanted = case.ratios.get(one.name)
        say(
            f"  {one.name:20} {columns}   {result['ratio']['median']:10.2f}  "
            f"{low:.2f} to {high:.2f}  {goal(wanted, result['ratio']['median'] >= (wanted or 0))}"
        )


def tell_limits(case: Case, results: dict[str, dict[str, Any]]) -> None:
    """Print the times and figures of ours that have a limit."""
    result = results[case.contenders[0].name]
    for part, limit in case.seconds.items():
        seconds = spread(result["seconds"][part])
        label = f"n = {part:,}" if part else "time"
        least, most = readable(seconds["min"]), readable(seconds["max"])
        reached = goal(limit, seconds["median"] <= limit)
        say(f"  {label:20} {readable(seconds['median']):>9}  {least} to {most}  limit {reached}")
    for name, limit in case.figures.items():
        value = result["figures"][name]
        say(f"  {name:20} {value:9.4g}  limit {goal(limit, value <= limit)}")


def plain(one: Check) -> dict[str, Any]:
    """Give a check as data that JSON can hold: it knows no NaN and no infinity."""
    value = one.value if math.isfinite(one.value) else None
    return {**asdict(one), "value": value}


def run_case(case: Case, repetitions: int) -> dict[str, Any]:
    """Check and time a case, print what came of it and give it as plain data."""
    say(f"{case.name}: {case.title}")
    checks = check(case)
    failed = [one for one in checks if not one.passed]
    scores = [abs(one.value) for one in checks if "z of" in one.what]
    say(f"  {len(checks)} checks" + (f", largest |z| {max(scores):.2f}" if scores else ""))
    for one in failed:
        say(f"  FAILED {one.contender}: {one.what}: {one.value:.4g}")
    data: dict[str, Any] = {"title": case.title, "checks": [plain(one) for one in checks]}
    if not failed:
        data["contenders"] = time_case(case, repetitions)
        if len(case.contenders) > 1:
            tell_ratios(case, data["contenders"])
        tell_limits(case, data["contenders"])
    data["wanted"] = {
        "ratios": case.ratios,
        "seconds": {str(part): limit for part, limit in case.seconds.items()},
        "figures": case.figures,
    }
    say()
    return data


def choose(names: Sequence[str]) -> list[Case]:
    """Give the cases of these names, or whose names begin so; all where there are no names."""
    exact = {case.name for case in CASES} & set(names)
    begun = tuple(name for name in names if name not in exact)
    return [c for c in CASES if not names or c.name in exact or c.name.startswith(begun)]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--case", nargs="+", default=[], metavar="NAME",
                        help="cases by name or beginning of a name; all by default")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs, 3 repetitions")
    parser.add_argument("--repetitions", type=int, help="default 7, with --quick 3")
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    parser.add_argument("--list", action="store_true", help="list the cases")
    options = parser.parse_args(arguments)
    for name in options.case:
        if not choose([name]):
            parser.error(f"no case begins with {name!r}; --list shows them")
    if options.repetitions is not None and options.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases asked for; 1 if any contender fails a check."""
    options = parse(arguments)
    chosen = choose(options.case)
    if options.list:
        for case in chosen:
            say(f"{case.name:10} {case.title}")
        return 0
    machine = system.describe()
    say(f"{machine['processor']}, {machine['cpus']} CPUs, load {machine['load_before'][0]:.2f}; "
        f"{machine['compiler']}; {machine['packages']}")  # fmt: skip
    say()
    repetitions = options.repetitions or (3 if options.quick else 7)
    results = {
        case.name: run_case(quick(case) if options.quick else case, repetitions) for case in chosen
    }
    if options.out is not None:
        content = {"machine": machine, "repetitions": repetitions, "cases": results}
        system.write_json(options.out, content)
    failed = [
        name for name, data in results.items() if not all(one["passed"] for one in data["checks"])
    ]
    if failed:
        say(f"failed checks in {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
