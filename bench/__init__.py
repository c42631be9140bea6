"""Benchmarks: declared cases, the peers they are timed against, and the runner."""

from __future__ import annotations

import os

# Cases compare one thread with one thread; BLAS reads this when NumPy is first imported.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
