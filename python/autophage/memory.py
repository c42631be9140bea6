"""The memory that there is, and the refusal of what would take more."""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence
from pathlib import Path

MEMORY_SHARE = 0.9  # of the memory available that one result may take
SMALL = 1 << 26  # bytes; what is below is not checked, which saves reading the system's tables


def available_memory() -> int:
    """Return the bytes that this process may take: the machine's, its group's, or its own limit."""
    page = os.sysconf("SC_PAGE_SIZE")
    limits = [page * os.sysconf("SC_PHYS_PAGES")]
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    taken = Path("/proc/self/statm")
    if most != resource.RLIM_INFINITY and taken.exists():
        limits.append(most - page * int(taken.read_text().split()[0]))
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        fields = dict(
            line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line
        )
        if "MemAvailable" in fields:
            limits.append(1024 * int(fields["MemAvailable"].split()[0]))
    group = Path("/sys/fs/cgroup")
    if (group / "memory.max").exists() and (group / "memory.current").exists():
        allowed = (group / "memory.max").read_text().strip()
        if allowed != "max":
            limits.append(int(allowed) - int((group / "memory.current").read_text()))
    return max(min(limits), 0)


def refuse_memory(what: str, wanted: int, ways: Sequence[str]) -> None:
    """Raise MemoryError where `what` would take more bytes than there are, with the ways out."""
    if wanted < SMALL:
        return
    available = available_memory()
    if wanted <= MEMORY_SHARE * available:
        return
    msg = (
        f"{what} would take about {wanted / 2**30:.3g} GiB, "
        f"but {available / 2**30:.3g} GiB are available, of which a tenth stays free; "
        f"ways out: {', '.join(ways)}"
    )
    raise MemoryError(msg)
