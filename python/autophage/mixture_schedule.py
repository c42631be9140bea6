"""What a network of mixtures does in every generation: posts, shares of the pool, rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autophage import _check

__all__ = ["POOL_LIMIT", "MixtureSchedule", "Scheduled", "checked", "spell_out"]

Floats: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]
Scheduled: TypeAlias = float | npt.ArrayLike | Callable[[int], float | npt.ArrayLike]
"""A number, an array that broadcasts to (generations, models), or a function of t = 1, 2, ..."""

POOL_LIMIT = 2**31 - 1
"""Posts that one pool can hold."""
SHARE_SLACK = 1e-9
"""A share of the pool that falls so little short of a whole number of posts counts as it."""


@dataclass(frozen=True, eq=False)
class MixtureSchedule:
    """What every generation does; row t - 1 is generation t, read-only.

    Attributes
    ----------
    posts : ndarray of int64, shape (G, K)
        Posts that each model adds.
    read : ndarray of float64, shape (G, K)
        Share of the pool that each model reads then.
    reads : ndarray of int64, shape (G, K)
        The same in posts.
    rate : ndarray of float64, shape (G, K)
        The learning rate.
    pool : ndarray of int64, shape (G,)
        Posts in the pool once all have posted.
    """

    posts: Counts
    read: Floats
    reads: Counts
    rate: Floats
    pool: Counts


def checked(name: str, value: Any, models: int) -> Any:
    """Check a parameter by its form; arrays become read-only copies, callables wait."""
    if callable(value):
        return value
    return _checked(name, name, value, models, (1, 2))


def _checked(kind: str, name: str, value: Any, models: int, ndim: tuple[int, ...]) -> Any:
    number, numbers = _KINDS[kind]
    value = _check.without_axes(value)
    if not _check.is_array_like(value):
        return number(name, value)
    array = numbers(name, value, ndim)
    if array.shape[-1] not in (1, models):
        msg = (
            f"{name} must have one column for each of {models} models, or one for all, "
            f"got shape {array.shape}"
        )
        raise ValueError(msg)
    array.flags.writeable = False
    return array


def refuse_empty_start(posts: Any, read: Any) -> None:
    """Refuse that generation 1 reads though nothing is posted, as far as numbers and arrays say."""
    if callable(posts) or callable(read):
        return
    _refuse_empty_pool(np.atleast_2d(posts)[:1], np.atleast_2d(read)[:1])


def spell_out(
    posts: Any, read: Any, rate: Any, shape: tuple[int, int], first_posts: int
) -> MixtureSchedule:
    """Make the schedule of shape (generations, models) from parameters that were checked."""
    tables = [
        _table(name, value, *shape)
        for name, value in (("posts", posts), ("read", read), ("rate", rate))
    ]
    if first_posts == 0:
        _refuse_empty_pool(*tables[:2])
    pool = _pool(tables[0], first_posts)
    # A product of two numbers is off by a rounding, which in a large pool exceeds the slack.
    share = tables[1] * pool[:, None] * (1.0 + 4.0 * np.finfo(float).eps) + SHARE_SLACK
    reads = np.floor(share).astype(np.int64)
    for table in (*tables, reads, pool):
        table.flags.writeable = False
    return MixtureSchedule(tables[0], tables[1], reads, tables[2], pool)


def _table(name: str, value: Any, generations: int, models: int) -> npt.NDArray[Any]:
    """Make the values of one parameter, (generations, models); callables get t = 1, 2, ..."""
    if callable(value):
        rows = (
            _checked(name, f"{name} at generation {t}", value(t), models, (1,))
            for t in range(1, generations + 1)
        )
        return np.array([np.broadcast_to(row, models) for row in rows])
    array = np.atleast_2d(value)
    if 1 < len(array) < generations:
        msg = f"{name} must cover all {generations} generations, got an array over {len(array)}"
        raise ValueError(msg)
    return np.array(np.broadcast_to(array[:generations], (generations, models)))


def _refuse_empty_pool(posts: npt.NDArray[Any], read: npt.NDArray[Any]) -> None:
    """Refuse a first reading before anything was posted; rows are generations 1, 2, ..."""
    reading = read.any(axis=1)
    first = int(np.argmax(reading))
    if reading.any() and not posts[: first + 1].any():
        msg = (
            "posts must be positive by the first reading where there are no first_posts, got an "
            f"empty pool in generation {first + 1}, of which a share of "
            f"{read[first].max().item()!r} is to be read"
        )
        raise ValueError(msg)


def _pool(posts: Counts, first_posts: int) -> Counts:
    """Count the posts in the pool of each generation, once all have posted."""
    # Cut off, the sums over at most 2^32 - 1 generations stay below 2^63.
    added = np.minimum(posts.sum(axis=1), POOL_LIMIT + 1)
    pool: Counts = first_posts + np.cumsum(added)
    over = pool > POOL_LIMIT
    if over.any():
        t = int(np.argmax(over))
        msg = (
            "posts must add up to a pool of at most 2^31 - 1 posts, "
            f"got {pool[t]} or more in generation {t + 1}"
        )
        raise ValueError(msg)
    return pool


def _counts(name: str, value: Any, ndim: tuple[int, ...]) -> Counts:
    return _check.integers(name, value, 0, POOL_LIMIT, ndim=ndim)


def _shares(name: str, value: Any, ndim: tuple[int, ...]) -> Floats:
    return _check.numbers(name, value, 0.0, 1.0, ndim=ndim)


def _rates(name: str, value: Any, ndim: tuple[int, ...]) -> Floats:
    return _check.numbers(name, value, 0.0, 1.0, ndim=ndim, open_ends=True)


def _count(name: str, value: object) -> int:
    return _check.integer(name, value, 0, POOL_LIMIT)


def _rate(name: str, value: object) -> float:
    return _check.number(name, value, 0.0, 1.0, low_open=True, high_open=True)


_KINDS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "posts": (_count, _counts),
    "read": (_check.probability, _shares),
    "rate": (_rate, _rates),
}
