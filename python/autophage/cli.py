"""The command line: `autophage collapse`, `autophage reproduce` and `autophage info`.

What a user got wrong is one line on standard error and exit status 2; work that failed, or a
reproduction that disagrees, is 1; an interrupt is 130.
"""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, get_args

import click

from autophage.corpus import CorpusError, Unit, next_token_counts, read_text
from autophage.options import REGIMES, Amount, AmountType, OptionError, build_regime
from autophage.outputs import check_writable, complete
from autophage.study import Plan, StudyError, run_study

COUNT = click.IntRange(min=1)
RUNS = click.IntRange(1, 2**38)
GENERATIONS = click.IntRange(1, 2**32 - 1)
THREADS = click.IntRange(1, 4096)
SHARE = click.FloatRange(0.0, 1.0)
SEED = click.IntRange(0, 2**64 - 1)
ITEMS = {
    "seddik2024": ("fig1", "fig2", "fig3", "fig4", "fig6"),
    "contaminated2026": ("fig2", "fig3", "fig6"),
    "interactive2025": ("fig2", "fig4", "homogenisation"),
    "webdynamics2025": ("fig4", "fig5", "fig6", "floor", "extinction"),
}


class Refused(click.ClickException):
    """Input that cannot be used."""

    exit_code = 2


class Failed(click.ClickException):
    """Work that could not be finished."""

    exit_code = 1


class Stopped(click.ClickException):
    """Ctrl-C."""

    exit_code = 130


_PARAMETER = re.compile(r"^(context|min_count|type1|type2|alpha|threshold|constant)(?= )")


def _option(parameter: re.Match[str]) -> str:
    """Name a parameter as it is typed."""
    return "--" + parameter[0].replace("_", "-")


@contextmanager
def reported() -> Iterator[None]:
    """Turn what users can cause into one line; faults of ours keep their traceback."""
    threads = os.environ.get("AUTOPHAGE_NUM_THREADS", "1")
    if not (threads.isdecimal() and 1 <= int(threads) <= 4096):
        _refuse(f"AUTOPHAGE_NUM_THREADS must be an integer in [1, 4096], got {threads!r}")
    try:
        yield
    except (CorpusError, OptionError, StudyError) as error:
        raise Refused(_PARAMETER.sub(_option, str(error), count=1)) from error
    except KeyboardInterrupt:
        message = "interrupted: nothing was written"
        raise Stopped(message) from None
    except MemoryError as error:
        message = f"not enough memory: {error}"
        raise Failed(message) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="autophage", message="%(prog)s %(version)s")
def cli() -> None:
    """Simulate models that are trained on models' output, and compare with exact results."""


def _shared(command: Any) -> Any:
    """Add the options that every study has."""
    options = (
        click.option(
            "--seed",
            type=SEED,
            metavar="N",
            default=0,
            show_default=True,
            help="Same seed, same bits.",
        ),
        click.option(
            "--threads",
            type=THREADS,
            metavar="N",
            help="Threads; default: the CPUs of this process.",
        ),
        click.option(
            "--progress/--no-progress",
            default=None,
            help="Progress bars; default: when standard error is a terminal.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@cli.command()
@click.argument("text", required=False)
@click.option(
    "--tokens",
    type=click.Choice(get_args(Unit)),
    default="chars",
    show_default=True,
    help="What the text is cut into.",
)
@click.option(
    "--context",
    type=COUNT,
    default=2,
    show_default=True,
    metavar="L",
    help="Tokens in a context.",
)
@click.option(
    "--min-count",
    type=COUNT,
    default=20,
    show_default=True,
    metavar="N",
    help="Leave out contexts that occur less often.",
)
@click.option(
    "--regime",
    type=click.Choice(REGIMES),
    metavar="NAME",
    default="fully-synthetic",
    show_default=True,
    help="What each generation trains on.",
)
@click.option(
    "--samples",
    type=AmountType(),
    default="100",
    show_default=True,
    metavar="N|N%",
    help="Samples a generation in every context, or a share of the context's occurrences.",
)
@click.option(
    "--real", type=AmountType(), metavar="N|N%", help="Real samples that partially-synthetic keeps."
)
@click.option(
    "--alpha", type=SHARE, metavar="P", help="Share of fresh real data: contaminated and relatives."
)
@click.option("--window", type=COUNT, metavar="K", help="Models that most-recent samples from.")
@click.option(
    "--replace/--no-replace", default=None, help="How accumulate-subsample draws from its pool."
)
@click.option(
    "--test", type=click.Choice(["agnostic", "likelihood_ratio"]), help="How filtered decides."
)
@click.option(
    "--type1", type=SHARE, metavar="P", help="Share of real data that filtered throws away."
)
@click.option(
    "--type2", type=SHARE, metavar="P", help="Share of synthetic data that filtered keeps."
)
@click.option("--threshold", type=float, metavar="X", help="Of filtered's likelihood ratio.")
@click.option(
    "--rule",
    type=click.Choice(["reciprocal", "exponential"]),
    help="How adaptive finds its share of fresh data.",
)
@click.option("--constant", type=float, metavar="X", help="Of adaptive's rule.")
@click.option(
    "--runs",
    type=RUNS,
    metavar="N",
    default=200,
    show_default=True,
    help="Simulated runs of every context.",
)
@click.option(
    "--generations",
    type=GENERATIONS,
    metavar="N",
    help="Generations to follow; default: until collapse, or 100 where there need be none.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="autophage-collapse",
    show_default=True,
    metavar="DIR",
    help="Where data, tables and figures go.",
)
@_shared
def collapse(
    text: str | None,
    tokens: Unit,
    context: int,
    min_count: int,
    regime: str,
    samples: Amount,
    runs: int,
    generations: int | None,
    out: Path,
    seed: int,
    threads: int | None,
    progress: bool | None,
    **options: Any,
) -> None:
    """Show how fast a language model of TEXT collapses when it trains on its own output.

    TEXT is a UTF-8 file, or - for standard input. Without it, the language reference that comes
    with Python is read. The model is the table of next-token frequencies of contexts of L tokens.

    Regimes: fully-synthetic, partially-synthetic (--real), most-recent (--window),
    randomly-sampled, contaminated (--alpha), accumulate (--alpha), accumulate-subsample
    (--replace, --alpha), filtered (--alpha, --test, --type1, --type2, --threshold), adaptive
    (--rule, --constant).
    """
    with reported():
        from autophage import report

        start = time.perf_counter()
        corpus = next_token_counts(
            read_text(text), tokens=tokens, context=context, min_count=min_count
        )
        regime_of = partial(build_regime, regime, samples, corpus.occurrences, options)
        regime_of(1)
        _require_writable(out)
        _echo(report.describe_corpus(corpus))
        study = run_study(
            corpus, regime_of, Plan(runs, generations, seed, threads, _shown(progress))
        )
        _echo(["", *report.describe_study(study)])
        with _writing(out), complete(out) as stage:
            written = report.write(study, stage)
        names = ", ".join(sorted(path.name for path in written))
        _echo([f"  {time.perf_counter() - start:.1f} seconds in all", "", f"wrote {out}: {names}"])


@cli.command(epilog=" ".join(f"{paper}: {', '.join(items)}." for paper, items in ITEMS.items()))
@click.argument("paper", type=click.Choice(list(ITEMS)))
@click.argument("item")
@click.option(
    "--scale",
    type=click.Choice(["smoke", "paper"]),
    default="smoke",
    show_default=True,
    help="smoke: within a minute on two cores; paper: in full, with the constants of the paper "
    "where it states them.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="autophage-reproduce",
    show_default=True,
    metavar="DIR",
    help="Where data and figure go.",
)
@_shared
def reproduce(
    paper: str,
    item: str,
    scale: Any,
    out: Path,
    seed: int,
    threads: int | None,
    progress: bool | None,
) -> int:
    """Make ITEM, a figure of PAPER, again; the last line says what was expected and found."""
    if item not in ITEMS[paper]:
        _refuse(f"{paper} has no {item!r}: choose from {', '.join(ITEMS[paper])}")
    with reported():
        from autophage.reproduce import make

        _require_writable(out)
        start = time.perf_counter()
        result = make(
            paper, item, scale=scale, seed=seed, threads=threads, progress=_shown(progress)
        )
        with _writing(out), complete(out) as stage:
            written = result.save(stage)
        _echo([f"{paper} {item}, scale {scale}, seed {seed}"])
        _echo(f"  {name}: {value}" for name, value in result.constants.items())
        _echo([f"  {time.perf_counter() - start:.1f} seconds"])
        _echo([f"wrote {out}: {', '.join(sorted(path.name for path in written))}"])
        _echo([result.verdict()])
    return 0 if result.agrees else 1


@cli.command()
def info() -> None:
    """Say what is installed and what this machine offers."""
    from autophage.info import describe

    _echo(describe())


def _echo(lines: Any) -> None:
    """Print lines."""
    for line in lines:
        click.echo(line)


def _shown(progress: bool | None) -> bool:
    """Return whether progress bars are shown."""
    return sys.stderr.isatty() if progress is None else progress


def _refuse(message: str) -> NoReturn:
    """Stop with a message and exit status 2."""
    raise Refused(message)


def _require_writable(out: Path) -> None:
    """Stop, before any work, where the output cannot be written."""
    try:
        check_writable(out)
    except OSError as error:
        _refuse(f"cannot write to {out}: {error.strerror or error}")


_pressed: list[int] = []


def _press(number: int, frame: FrameType | None) -> None:
    """Interrupt, and remember it: where Python calls a finaliser, the exception goes no further."""
    _pressed.append(number)
    signal.default_int_handler(number, frame)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Turn failures of writing into one line; begin only if nobody has pressed Ctrl-C."""
    if _pressed:
        raise KeyboardInterrupt
    try:
        yield
    except OSError as error:
        message = f"cannot write to {out}: {error.strerror or error}; it is as it was before"
        raise Failed(message) from error


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str or None
        What follows the program's name; None takes those of the process.

    Returns
    -------
    int
        0, or 1 for work that failed or a reproduction that disagrees, 2 for input that cannot be
        used, 130 for an interrupt.

    Examples
    --------
    >>> from autophage.cli import run
    >>> run(["--help"])  # doctest: +ELLIPSIS
    Usage: autophage [OPTIONS] COMMAND [ARGS]...
    ...
    0
    """
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        status = cli.main(args=given, prog_name="autophage", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        click.echo("autophage: " + " ".join(error.format_message().split()), err=True)
        return error.exit_code
    except click.Abort:
        click.echo("autophage: interrupted", err=True)
        return Stopped.exit_code
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Failed.exit_code
    return status if isinstance(status, int) else 0


def main() -> None:
    """Run the command line as a program; a termination signal cleans up as an interrupt does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _press)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # a file name may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run())


if __name__ == "__main__":
    main()
