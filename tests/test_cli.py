from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autophage import cli, reproduce

Run = Callable[..., tuple[int, str, str]]

LINE = "the cat sat on the mat, the dog sat on the log; a man ran, a hen ate, and so on and on\n"
QUICK = ("--min-count", "20", "--context", "1", "--samples", "8", "--runs", "20")


@pytest.fixture
def text(tmp_path: Path) -> str:
    file = tmp_path / "text"
    file.write_text(LINE * 20)
    return str(file)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in a directory of its own; give status, output and error output."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)

    def call(*arguments: str) -> tuple[int, str, str]:
        status = cli.run(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def files_in(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_text_becomes_a_summary_data_and_figures(run: Run, text: str) -> None:
    status, out, err = run("collapse", text, *QUICK, "--out", "out")
    assert (status, err) == (0, "")
    for words in (
        "1,740 chars",
        "mean over contexts",
        "half the contexts",
        "90 percent",
        "seconds",
    ):
        assert words in out
    assert set(files_in(Path("out"))) == {
        "collapse.nc",
        "contexts.csv",
        "generations.csv",
        *(
            f"{name}.{kind}"
            for name in ("collapse", "contexts", "vocabulary")
            for kind in ("png", "svg")
        ),
    }
    assert names_in(Path()) == ["out"]


def test_results_do_not_depend_on_threads_and_repeat(run: Run, text: str) -> None:
    for name, threads in (("a", "1"), ("b", "1"), ("c", "3")):
        assert run("collapse", text, *QUICK, "--threads", threads, "--out", name)[0] == 0
    first = {name: data for name, data in files_in(Path("a")).items() if not name.endswith(".nc")}
    for other in ("b", "c"):
        found = files_in(Path(other))
        assert {name: found[name] for name in first} == first
    assert run("collapse", text, *QUICK, "--seed", "1", "--out", "d")[0] == 0
    assert files_in(Path("d"))["contexts.csv"] != first["contexts.csv"]


def test_standard_input_and_the_default_text(
    run: Run, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(text).open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        status, out, _ = run("collapse", "-", *QUICK)
    assert status == 0
    assert out.startswith("standard input\n")
    status, out, _ = run(
        "collapse", "--min-count", "5000", "--context", "1", "--runs", "5", "--samples", "4"
    )
    assert status == 0
    assert out.startswith("Python 3.")
    assert "language reference (pydoc_data.topics)" in out


WRONG = [
    (["collapse", "missing"], "cannot read missing: No such file or directory"),
    (["collapse", "."], "cannot read .: Is a directory"),
    (["collapse", "empty"], "empty is empty"),
    (["collapse", "binary"], "is a binary file"),
    (["collapse", "latin"], "latin is not UTF-8: byte 0xe9 at offset 3"),
    (["collapse", "TEXT", "--context", "1740"], "context must be shorter than the text"),
    (["collapse", "TEXT", "--min-count", "1000000"], "--min-count must be at most"),
    (["collapse", "TEXT", "--tokens", "syllables"], "'--tokens'"),
    (["collapse", "TEXT", "--context", "0"], "'--context'"),
    (["collapse", "TEXT", "--context", "-1"], "'--context'"),
    (["collapse", "TEXT", "--min-count", "-1"], "'--min-count'"),
    (["collapse", "TEXT", "--runs", "0"], "'--runs'"),
    (["collapse", "TEXT", "--runs", "1e9"], "'--runs'"),
    (["collapse", "TEXT", "--generations", "-3"], "'--generations'"),
    (["collapse", "TEXT", "--generations", str(2**32)], "'--generations'"),
    (["collapse", "TEXT", "--samples", "0"], "'--samples'"),
    (["collapse", "TEXT", "--samples", "-5"], "'--samples'"),
    (["collapse", "TEXT", "--samples", "2.5"], "'--samples'"),
    (["collapse", "TEXT", "--samples", "-10%"], "'--samples'"),
    (["collapse", "TEXT", "--samples", "nan%"], "'--samples'"),
    (["collapse", "TEXT", "--samples", "ten"], "'--samples'"),
    (["collapse", "TEXT", "--samples", str(2**60)], "'--samples'"),
    (["collapse", "TEXT", "--seed", "-1"], "'--seed'"),
    (["collapse", "TEXT", "--seed", str(2**64)], "'--seed'"),
    (["collapse", "TEXT", "--threads", "0"], "'--threads'"),
    (["collapse", "TEXT", "--threads", "5000"], "'--threads'"),
    (["collapse", "TEXT", "--regime", "greedy"], "'--regime'"),
    (["collapse", "TEXT", "--regime", "contaminated"], "needs --alpha"),
    (["collapse", "TEXT", "--regime", "contaminated", "--alpha", "1.1"], "'--alpha'"),
    (["collapse", "TEXT", "--regime", "contaminated", "--alpha", "nan"], "alpha"),
    (["collapse", "TEXT", "--regime", "most-recent"], "needs --window"),
    (["collapse", "TEXT", "--regime", "partially-synthetic"], "needs --real"),
    (["collapse", "TEXT", "--regime", "adaptive"], "needs --constant"),
    (["collapse", "TEXT", "--regime", "adaptive", "--constant", "0"], "constant"),
    (["collapse", "TEXT", "--regime", "adaptive", "--constant", "inf"], "constant"),
    (["collapse", "TEXT", "--regime", "filtered", "--alpha", "0.1"], "type1"),
    (["collapse", "TEXT", "--window", "2"], "--window does not belong to --regime fully-synthetic"),
    (["collapse", "TEXT", "--replace"], "--replace does not belong"),
    (["collapse", "TEXT", "TEXT"], "unexpected extra argument"),
    (["collapse", "TEXT", "--speed", "9"], "No such option"),
    (["collapse", "TEXT", "--out", "latin"], "cannot write to latin: Not a directory"),
    (
        ["collapse", "TEXT", "--out", "latin/deeper"],
        "cannot write to latin/deeper: Not a directory",
    ),
    (["collapse", "TEXT", "--out", "/proc/here"], "cannot write to /proc/here"),
    (["collapse", "TEXT", "--out", "x" * 300], "cannot write to"),
    (["reproduce", "seddik2024"], "ITEM"),
    (["reproduce", "seddik2024", "fig9"], "has no 'fig9': choose from fig1"),
    (["reproduce", "nobody2020", "fig1"], "nobody2020"),
    (["reproduce", "seddik2024", "fig1", "--scale", "huge"], "'--scale'"),
    (["reproduce", "seddik2024", "fig1", "--out", "latin"], "cannot write to latin"),
    (["info", "more"], "unexpected extra argument"),
    (["colapse"], "No such command"),
    (["--verbose"], "No such option"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(a)[:60] for a, _ in WRONG])
def test_wrong_input_gets_one_line_and_status_two(
    run: Run, text: str, arguments: list[str], words: str
) -> None:
    Path("empty").touch()
    Path("binary").write_bytes(b"ab\0cd" * 50)
    Path("latin").write_bytes(b"caf\xe9" * 50)
    before = names_in(Path())
    status, _, err = run(*(text if argument == "TEXT" else argument for argument in arguments))
    assert status == 2
    assert err.startswith("autophage: ")
    assert err.count("\n") == 1
    assert words in err
    assert names_in(Path()) == before


@pytest.mark.parametrize("value", ["many", "0", "-1", "5000", "1.5", ""])
def test_a_wrong_environment_is_refused(
    run: Run, text: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOPHAGE_NUM_THREADS", value)
    status, _, err = run("collapse", text, *QUICK)
    assert (status, err.count("\n")) == (2, 1)
    assert "AUTOPHAGE_NUM_THREADS" in err


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OSError(28, "No space left on device"), 1, "cannot write to old: No space left on device"),
        (MemoryError("needs 9 TB"), 1, "not enough memory: needs 9 TB"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_failures_leave_older_results_as_they_were(
    run: Run,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: int,
    words: str,
) -> None:
    Path("old").mkdir()
    Path("old/contexts.csv").write_text("older")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("autophage.report.draw", fail)
    found, _, err = run("collapse", text, *QUICK, "--out", "old")
    assert (found, err.count("\n")) == (status, 1)
    assert words in err
    assert files_in(Path("old")) == {"contexts.csv": b"older"}
    assert names_in(Path()) == ["old"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_and_gives_130(tmp_path: Path, number: int) -> None:
    program = [sys.executable, "-m", "autophage.cli", "collapse"]
    program += ["--runs", "20000", "--out", "out"]
    process = subprocess.Popen(
        program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "language reference" in process.stdout.readline()  # imports are done
    time.sleep(1.0)
    start = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - start < 2.0
    assert process.returncode == 130
    assert err == "autophage: interrupted: nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_early_causes_no_traceback(tmp_path: Path) -> None:
    program = f"{sys.executable} -m autophage.cli collapse --help"
    script = f"{program} | (exec 0<&-; sleep 2)"
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_info_says_what_is_there(run: Run) -> None:
    status, out, _ = run("info")
    assert status == 0
    words = [line.split()[0] for line in out.splitlines()]
    assert words == ["autophage", "built", "python", "packages", "system", "cpu", "gpu"]
    assert "numpy" in out


def test_help_is_shown_without_arguments(run: Run) -> None:
    for arguments in ((), ("--help",), ("collapse", "-h"), ("reproduce", "-h")):
        status, out, err = run(*arguments)
        assert (status, err) == (0, "")
        assert "Usage: autophage" in out


def test_items_offered_are_those_that_exist() -> None:
    assert reproduce.items() == cli.ITEMS


def test_reproduction_ends_with_its_verdict(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, err = run("reproduce", "seddik2024", "fig1", "--out", "out", "--threads", "1")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1].startswith("seddik2024 fig1 agrees: ")
    assert "(chosen)" in out
    assert {path.suffix for path in Path("out").iterdir()} == {".nc", ".csv", ".png", ".svg"}

    make = reproduce.make

    def disagree(*arguments: Any, **options: Any) -> reproduce.Reproduction:
        result = make(*arguments, **options)
        object.__setattr__(result, "checks", (reproduce.matches("mean T", 9.0, 5.0, 0.1),))
        return result

    monkeypatch.setattr("autophage.reproduce.make", disagree)
    status, out, err = run("reproduce", "seddik2024", "fig1", "--out", "out")
    assert (status, err) == (1, "")
    last = "seddik2024 fig1 DISAGREES: mean T: expected 5.00, found 9.00 +- 0.10"
    assert out.splitlines()[-1] == last
