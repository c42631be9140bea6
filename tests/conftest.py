"""What every test run shows (its header) and needs (a reason where a GPU test cannot run)."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import pytest


def pytest_report_header() -> list[str]:
    from autophage import _core

    versions = " ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "xarray"))
    threads = len(os.sched_getaffinity(0))
    return [
        f"backend: cpu ({threads} threads, {platform.machine()}), {_gpu_or_reason()}",
        f"compiler: {_core.compiler}, commit {_core.commit}",
        f"versions: {versions}",
    ]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and (reason := _gpu_or_reason()).startswith("no "):
        pytest.skip(reason)


def _gpu_or_reason() -> str:
    try:
        import cupy
    except ImportError:
        return "no GPU: CuPy is not installed"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"no GPU: {error}"
    return f"{count} CUDA device(s)"
