"""What is installed and what the machine offers, for `autophage info` and for bug reports."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

PACKAGES = ("numpy", "scipy", "xarray", "h5netcdf", "h5py", "matplotlib", "click", "tqdm", "cupy")
FEATURES = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "bmi2",
    "avx512f",
    "avx512bw",
    "avx512vbmi",
    "asimd",
    "sve",
)


def describe() -> list[str]:
    """Return versions, compiler, commit, CPU features and the GPU or why there is none.

    Returns
    -------
    list of str
        One line each.

    Examples
    --------
    >>> from autophage.info import describe
    >>> [line.split()[0] for line in describe()]
    ['autophage', 'built', 'python', 'packages', 'system', 'cpu', 'gpu']
    """
    from autophage import _core

    packages = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    lines = {
        "autophage": _version("autophage"),
        "built": f"from commit {_core.commit} with {_core.compiler}",
        "python": f"{platform.python_version()} ({sys.executable})",
        "packages": packages,
        "system": f"{platform.platform()}",
        "cpu": f"{_cpu_name()}, {cpus} for this process; {_cpu_features()}",
        "gpu": _gpu(),
    }
    return [f"{name:10}{text}" for name, text in lines.items()]


def _version(name: str) -> str:
    """Return the version of an installed distribution."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu_fields() -> dict[str, str]:
    """Return the fields of the first processor, empty where the system does not list them."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _cpu_name() -> str:
    """Return the name of the processor."""
    return _cpu_fields().get("model name") or platform.processor() or platform.machine()


def _cpu_features() -> str:
    """Return the vector instructions that the processor has, of those that matter here."""
    fields = _cpu_fields()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    if not flags:
        return "features unknown on this system"
    return " ".join(feature for feature in FEATURES if feature in flags) or "no vector extensions"


def _gpu() -> str:
    """Return the names of the CUDA devices, or why there are none."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "none: there is no NVIDIA driver (libcuda.so.1)"
    status = driver.cuInit(0)
    if status != 0:
        return f"none: the NVIDIA driver does not start (cuInit gives error {status})"
    count = ctypes.c_int(0)
    driver.cuDeviceGetCount(ctypes.byref(count))
    if not count.value:
        return "none: the NVIDIA driver finds no device"
    names = []
    for place in range(count.value):
        name = ctypes.create_string_buffer(128)
        driver.cuDeviceGetName(name, len(name), place)
        names.append(name.value.decode(errors="replace"))
    return ", ".join(names)
