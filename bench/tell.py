"""What the programs print, and the tables of the guide that they renew."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def say(line: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def readable(seconds: float) -> str:
    """Write a time with three digits and a fitting unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1.0:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Give the lines of a Markdown table, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]


def renew(path: Path, name: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Put a table in place of the one between `<!-- NAME -->` and `<!-- end of NAME -->`."""
    text = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        msg = f"{path} must have one {begin.strip()} and one {end}"
        raise ValueError(msg)
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    lines = "\n".join(table(header, rows))
    path.write_text(f"{before}{begin}\n{lines}\n\n{end}{after}", encoding="utf-8")
