from __future__ import annotations

from pathlib import Path

import pytest

from autophage.outputs import check_writable, complete, write_netcdf


def fill(out: Path, files: dict[str, str], error: type[BaseException] | None = None) -> None:
    """Write files through a stage, and fail at the end if asked to."""
    with complete(out) as stage:
        for name, content in files.items():
            (stage / name).write_text(content)
        if error is not None:
            raise error


def test_files_appear_together_and_replace_older_ones(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    with complete(out) as stage:
        assert not out.exists()
        (stage / "one").write_text("1")
    assert [path.name for path in out.iterdir()] == ["one"]
    (out / "other").write_text("kept")
    with complete(out) as stage:
        (stage / "one").write_text("2")
        assert (out / "one").read_text() == "1"
    assert {path.name: path.read_text() for path in out.iterdir()} == {"one": "2", "other": "kept"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_stays_behind_when_the_block_raises(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "one").write_text("1")
    for out in (tmp_path / "old", tmp_path / "new" / "deeper"):
        with pytest.raises(error):
            fill(out, {"one": "half"}, error)
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == [
        "old",
        "old/one",
    ]
    assert (tmp_path / "old" / "one").read_text() == "1"


def test_a_directory_in_the_way_of_a_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "out" / "b").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        fill(tmp_path / "out", {"a": "1", "b": "2"})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b"]


def test_targets_that_cannot_be_directories_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for out in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(NotADirectoryError):
            check_writable(out)
        with pytest.raises(OSError, match="Not a directory"):
            fill(out, {})
    with pytest.raises(OSError, match="symbolic link"):
        fill(tmp_path / "link", {})


def test_checking_leaves_no_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "x" / "y")
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_error_of_the_system(tmp_path: Path) -> None:
    xr = pytest.importorskip("xarray")
    file = tmp_path / "data.nc"
    file.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        write_netcdf(file, [(None, xr.Dataset({"x": ("t", [1.0, 2.0])}))])


def test_groups_are_read_back(tmp_path: Path) -> None:
    xr = pytest.importorskip("xarray")
    one, two = xr.Dataset({"x": ("t", [1.0, 2.0])}), xr.Dataset({"y": ("t", [3, 4, 5])})
    write_netcdf(tmp_path / "data.nc", [(None, one), ("two", two)])
    for group, expected in ((None, one), ("two", two)):
        found = xr.load_dataset(tmp_path / "data.nc", group=group, engine="h5netcdf")
        assert found.identical(expected)
