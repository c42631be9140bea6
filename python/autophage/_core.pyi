"""The compiled kernels. Arrays are C-contiguous and of the dtype named here; nothing is checked or converted."""

from collections.abc import Callable, Mapping
from typing import Any

from numpy import float64, int64, uint32, uint64
from numpy.typing import NDArray

compiler: str
commit: str
stream_version: int

def philox4x32(counter: NDArray[uint32], key: NDArray[uint32]) -> NDArray[uint32]: ...
def run_chains(
    laws: NDArray[float64],
    n: NDArray[int64],
    alpha: NDArray[float64],
    real: NDArray[int64],
    study: Mapping[str, Any],
    out: Mapping[str, NDArray[Any]],
    reduce: bool,
    poll: Callable[[int], object] | None,
) -> tuple[int, int, int, int]: ...
def add_sums(total: NDArray[uint64], part: NDArray[uint64]) -> None: ...
def finish_means(
    sum: NDArray[uint64], squares: NDArray[uint64], count: NDArray[int64], scale: float
) -> tuple[NDArray[float64], NDArray[float64]]: ...
