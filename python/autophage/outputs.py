"""Output directories that are complete or untouched."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import xarray


def check_writable(directory: str | Path) -> None:
    """Raise OSError unless `directory` can be made or, if it exists, written to; leave no trace.

    Parameters
    ----------
    directory : str or Path
        Where results are to go. It need not exist, nor need its parents.

    Raises
    ------
    OSError
        With the reason.

    Examples
    --------
    >>> from autophage.outputs import check_writable
    >>> check_writable("/dev/null/results")
    Traceback (most recent call last):
        ...
    NotADirectoryError: [Errno 20] Not a directory: '/dev/null'
    """
    existing = _existing(Path(directory))
    if not existing.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(existing))
    with tempfile.TemporaryDirectory(prefix=".autophage-", dir=existing):
        pass


@contextmanager
def complete(directory: str | Path) -> Iterator[Path]:
    r"""Give a directory to write to, whose files replace those in `directory` only at the end.

    When the block raises, everything it wrote goes, as do the directories made for it, and files
    that were in `directory` before stay as they were.

    Parameters
    ----------
    directory : str or Path
        Where results are to go. It need not exist, nor need its parents.

    Yields
    ------
    Path
        An empty directory on the same file system.

    Raises
    ------
    OSError
        The directory cannot be made or written to, or holds a directory where a file is to go.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from autophage.outputs import complete
    >>> with tempfile.TemporaryDirectory() as home:
    ...     with complete(Path(home) / "results") as stage:
    ...         _ = (stage / "numbers.csv").write_text("1\n")
    ...     [path.name for path in (Path(home) / "results").iterdir()]
    ['numbers.csv']
    """
    target = Path(directory)
    existing = _existing(target)
    made = [path for path in (target, *target.parents) if len(path.parts) > len(existing.parts)]
    if target.is_symlink() and not target.exists():
        raise FileNotFoundError(2, "Dangling symbolic link", str(target))
    stage = Path(tempfile.mkdtemp(prefix=".autophage-", dir=existing))
    try:
        yield stage
        _publish(stage, target)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        raise


def write_netcdf(path: Path, groups: Iterable[tuple[str | None, xarray.Dataset]]) -> None:
    """Write Datasets as the groups of one file; None is the root.

    The file is made in memory, because HDF5 can crash the process where a disk is full.

    Parameters
    ----------
    path : Path
        The file.
    groups : iterable of (str or None, xarray.Dataset)
        What goes where; a root comes first.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    buffer = io.BytesIO()
    for position, (group, data) in enumerate(groups):
        packed = {
            name: {"zlib": True, "complevel": 1}
            for name, values in data.data_vars.items()
            if values.size > 1000 and values.dtype.kind in "iuf"
        }
        mode: Literal["w", "a"] = "a" if position else "w"
        data.to_netcdf(buffer, mode=mode, group=group, engine="h5netcdf", encoding=packed)
    path.write_bytes(buffer.getbuffer())


def _existing(path: Path) -> Path:
    """Return the closest of the path and its parents that exists."""
    for candidate in (path, *path.parents):
        if candidate.exists():
            return candidate
    return Path.cwd()


def _publish(stage: Path, target: Path) -> None:
    """Move every file of `stage` into `target`, replacing files of the same name."""
    files = sorted(stage.iterdir())
    for file in files:
        if (target / file.name).is_dir():
            raise IsADirectoryError(21, "Is a directory", str(target / file.name))
    target.mkdir(parents=True, exist_ok=True)
    for file in files:
        os.replace(file, target / file.name)  # noqa: PTH105  (Path.replace is the same call)
    stage.rmdir()
