# The compiled kernels. Arrays are C-contiguous and of the dtype named here: nothing is converted.

from collections.abc import Callable, Mapping
from typing import Any

from numpy import complex128, float64, int32, int64, uint32, uint64
from numpy.typing import NDArray

compiler: str
commit: str
stream_version: int

def philox4x32(counter: NDArray[uint32], key: NDArray[uint32]) -> NDArray[uint32]: ...

# Tables of the laws (contexts, tokens), for all calls of a study: "prepared" in its `study`.
class PreparedLaws:
    def __init__(self, laws: NDArray[float64]) -> None: ...

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

# The five tables of core::AncestralTables for one n: row, column, start, level, above.
def ancestral_table(
    n: int, callback: Callable[[int], object] | None
) -> tuple[NDArray[uint64], NDArray[uint64], NDArray[int64], NDArray[int32], NDArray[uint64]]: ...

# Contexts (c, s); tables of the numbers of draws n; which of them each context has. Returns 0, or 1
# where the poll asked to stop.
def run_ancestral(
    laws: NDArray[float64],
    n: NDArray[int64],
    table_of: NDArray[int64],
    tables: list[Any],
    study: Mapping[str, Any],
    out: Mapping[str, NDArray[Any]],
    reduce: bool,
    poll: Callable[[int], object] | None,
) -> int: ...

# Fills times[:, column] from columns (k, 2): thresholds, and outcomes as own | other << 32. Times
# beyond the horizon go on with chance ratio / 2^64.
def draw_times(
    columns: NDArray[uint64],
    horizon: int,
    ratio: int,
    seed: int,
    context: int,
    times: NDArray[int64],
    column: int,
    callback: Callable[[int], object] | None,
) -> None: ...
def run_linear_chains(
    network: Mapping[str, Any],
    study: Mapping[str, Any],
    out: Mapping[str, NDArray[Any]],
    reduce: bool,
    poll: Callable[[int], object] | None,
) -> tuple[int, int, int, int]: ...

# A network: models, components, features (r) as int, means (M, r), first_posts (P0, r), weights
# (K, M), posts and reads (G, K) int64, rate (G, K), prior as float, active, shared and single as
# bool. Exact sums of the distance are signed (4 and 7 limbs), those of distances and weights are of
# values in [0, 2] (2 and 3). Returns 0, or 1 where the poll asked to stop.
def run_mixtures(
    network: Mapping[str, Any],
    study: Mapping[str, Any],
    out: Mapping[str, NDArray[Any]],
    reduce: bool,
    poll: Callable[[int], object] | None,
) -> int: ...

# Bytes that one thread needs for the runs it has in hand, results and their exact sums aside.
def mixture_memory(network: Mapping[str, Any], study: Mapping[str, Any]) -> int: ...

# Raises ValueError where the covariance has no Cholesky factor.
def mixture_coordinates(
    means: NDArray[float64], covariance: NDArray[float64], first_posts: NDArray[float64]
) -> tuple[NDArray[float64], NDArray[float64]]: ...
def run_interacting(
    laws: NDArray[float64],
    public_law: NDArray[float64],
    n: NDArray[int64],
    alpha: NDArray[float64],
    beta: NDArray[float64],
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
def agreement(
    law: NDArray[float64], copies: NDArray[float64], rest: float, draws: int
) -> tuple[NDArray[float64], NDArray[float64]]: ...
def distinct_tokens(
    law: NDArray[float64],
    copies: NDArray[float64],
    draws: int,
    callback: Callable[[int], object] | None,
) -> NDArray[float64]: ...
def collapse_sums(
    boxes: int, differ: NDArray[float64], callback: Callable[[int], object] | None
) -> tuple[NDArray[float64], NDArray[float64]]: ...
def expect_occupied(
    boxes: int,
    balls: int,
    weight: NDArray[float64],
    callback: Callable[[int], object] | None,
) -> NDArray[float64]: ...
def occupied_law(
    boxes: int, chance: NDArray[float64], callback: Callable[[int], object] | None
) -> NDArray[float64]: ...
def ancestor_table(
    boxes: int, generations: int, callback: Callable[[int], object] | None
) -> tuple[NDArray[int64], NDArray[int32], NDArray[float64], bool]: ...
def expect_ancestors(
    start: NDArray[int64],
    first: NDArray[int32],
    probability: NDArray[float64],
    weight: NDArray[float64],
    generation: NDArray[int64],
    context: NDArray[int64],
) -> NDArray[float64]: ...
def binomial_laws(
    trials: int, hit: NDArray[float64], miss: NDArray[float64]
) -> NDArray[float64]: ...
def step_counts(
    trials: int,
    steps: int,
    law: NDArray[float64],
    callback: Callable[[int], object] | None,
) -> NDArray[float64]: ...
def stop_lineages(
    fresh: float,
    meets: NDArray[float64],
    value: NDArray[float64],
    callback: Callable[[int], object] | None,
) -> NDArray[float64]: ...
def solve_lyapunov(
    a: NDArray[float64],
    q: NDArray[float64],
    x: NDArray[float64],
    out: Mapping[str, NDArray[Any]],
    threads: int,
    poll: Callable[[int], object] | None,
) -> None: ...
def solve_lyapunov_complex(
    a: NDArray[complex128],
    q: NDArray[complex128],
    x: NDArray[complex128],
    out: Mapping[str, NDArray[Any]],
    threads: int,
    poll: Callable[[int], object] | None,
) -> None: ...
def linear_limits(
    private: NDArray[float64],
    public: NDArray[float64],
    synthetic: NDArray[float64],
    noise: float,
    alpha: NDArray[float64],
    beta: NDArray[float64],
    out: Mapping[str, NDArray[Any]],
    threads: int,
    poll: Callable[[int], object] | None,
) -> None: ...
def learn_mixture(
    points: NDArray[float64],
    weights: NDArray[float64],
    means: NDArray[float64],
    factors: NDArray[float64],
    rate: float,
    prior: float,
    floor: float,
    callback: Callable[[int], object] | None,
) -> int: ...
def mixture_log_densities(
    points: NDArray[float64],
    means: NDArray[float64],
    factors: NDArray[float64],
    callback: Callable[[int], object] | None,
) -> NDArray[float64]: ...
