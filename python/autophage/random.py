"""Keys and the raw block of the counter-based generator Philox4x32-10.

Every decision of a simulation belongs to a stream of random words with a name, (key, run, context,
purpose), and the blocks of that stream are pure functions of name and number. So results do not
depend on threads, order, shards or device, and run 17 alone equals run 17 of a batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autophage import _check

KEY_LIMIT = 2**64 - 1
"""Largest key."""
BLOCK = 1 << 20
"""Counters at a time: an interrupt waits for no more."""


def resolve_key(rng: int | np.random.SeedSequence | np.random.Generator | None) -> int:
    """Make the key of a study from whatever stands for randomness.

    Parameters
    ----------
    rng : int, numpy.random.SeedSequence, numpy.random.Generator or None
        An integer in [0, 2^64) *is* the key. A SeedSequence gives the first 64 bits of its state,
        the same each time; a Generator draws 64 bits, so it advances. None takes fresh entropy from
        the operating system.

    Returns
    -------
    int
        The key, in [0, 2^64).

    Raises
    ------
    TypeError
        If rng is anything else, a bool or a float in particular.
    ValueError
        If an integer is out of range.

    Examples
    --------
    >>> from autophage.random import resolve_key
    >>> resolve_key(2024)
    2024
    >>> import numpy as np
    >>> resolve_key(np.random.SeedSequence(1)) == resolve_key(np.random.SeedSequence(1))
    True
    """
    if rng is None:
        rng = np.random.SeedSequence()
    if isinstance(rng, np.random.SeedSequence):
        return int(rng.generate_state(1, np.uint64)[0])
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(0, KEY_LIMIT, endpoint=True, dtype=np.uint64))
    if isinstance(rng, (bool, np.bool_)) or not isinstance(rng, (int, np.integer)):
        msg = (
            "rng must be None, an integer in [0, 2^64), a numpy SeedSequence or a numpy Generator, "
            f"got {type(rng).__name__}"
        )
        raise TypeError(msg)
    return _check.integer("rng", rng, 0, KEY_LIMIT)


def philox4x32(counter: ArrayLike, key: ArrayLike) -> NDArray[np.uint32]:
    """Turn counters into random words: ten rounds of Philox4x32.

    Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011). Under one
    key this is a bijection of the 2^128 counters, so different counters never give the same four
    words.

    Parameters
    ----------
    counter : array_like of integers in [0, 2^32), shape (..., 4)
        Counter words, low word first.
    key : array_like of integers in [0, 2^32), shape (..., 2)
        Key words, low word first. Leading axes broadcast against those of `counter`.

    Returns
    -------
    ndarray of uint32, shape (..., 4)
        Four independent uniform words a counter.

    Raises
    ------
    TypeError
        If counter or key does not hold integers.
    ValueError
        If a word is out of range, the last axis is not 4 or 2, or the leading axes do not fit
        together.

    Examples
    --------
    >>> from autophage.random import philox4x32
    >>> [f"{word:08x}" for word in philox4x32([0, 0, 0, 0], [0, 0])]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    from autophage import _core

    counters = _words("counter", counter, 4)
    keys = _words("key", key, 2)
    try:
        leading = np.broadcast_shapes(counters.shape[:-1], keys.shape[:-1])
    except ValueError as error:
        msg = f"key must broadcast against counter, got shapes {keys.shape} and {counters.shape}"
        raise ValueError(msg) from error
    flat_counters = np.broadcast_to(counters, (*leading, 4)).reshape(-1, 4)
    flat_keys = np.broadcast_to(keys, (*leading, 2)).reshape(-1, 2)
    words = np.empty((len(flat_counters), 4), dtype=np.uint32)
    for start in range(0, len(words), BLOCK):
        part = slice(start, start + BLOCK)
        words[part] = _core.philox4x32(
            np.ascontiguousarray(flat_counters[part]), np.ascontiguousarray(flat_keys[part])
        )
    return words.reshape(*leading, 4)


def _words(name: str, value: ArrayLike, length: int) -> NDArray[np.uint32]:
    words = _check.integers(name, value, 0, 2**32 - 1, ndim=None)
    if words.ndim == 0 or words.shape[-1] != length:
        msg = f"{name} must have {length} words on its last axis, got shape {words.shape}"
        raise ValueError(msg)
    return words.astype(np.uint32)
