"""Files are complete or not there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from kedro.io import DatasetError
from kedro_datasets.json import JSONDataset
from kedro_datasets.pickle import PickleDataset
from kedro_dynamic.patches import write_atomically


class BreaksOff:
    """An object whose pickling fails when half of it is written."""

    def __reduce__(self) -> tuple[object, ...]:
        """Raise."""
        raise RuntimeError("broken off")


@pytest.fixture(autouse=True)
def atomic_files() -> Iterator[None]:
    """Write through the library's file system, in these tests alone."""
    write_atomically()
    yield
    for protocol in LocalFileSystem.protocol:
        fsspec.register_implementation(protocol, LocalFileSystem, clobber=True)


def test_what_breaks_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    dataset = PickleDataset(filepath=str(path))
    dataset.save("whole")
    with pytest.raises(DatasetError, match="broken off"):
        dataset.save(["x" * 10**6, BreaksOff()])
    assert dataset.load() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_texts_are_utf_8_whatever_the_machine_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = io.TextIOWrapper

    def in_ascii(file: Any, encoding: str = "ascii", **options: Any) -> Any:
        return opened(file, encoding=encoding, **options)

    monkeypatch.setattr(io, "TextIOWrapper", in_ascii)
    path = tmp_path / "words.json"
    dataset = JSONDataset(filepath=str(path), save_args={"ensure_ascii": False})
    dataset.save("caf\u00e9")
    assert path.read_bytes().decode() == '"caf\u00e9"'
    assert dataset.load() == "caf\u00e9"


def test_files_saved_while_an_error_is_handled_are_kept(tmp_path: Path) -> None:
    dataset = JSONDataset(filepath=str(tmp_path / "deeper/score.json"))
    try:
        raise ValueError
    except ValueError:
        dataset.save(1)
    assert dataset.load() == 1


def test_the_mode_of_a_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    path.touch(mode=0o600)
    JSONDataset(filepath=str(path)).save(1)
    assert (path.stat().st_mode & 0o777, path.read_text()) == (0o600, "1")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    link = tmp_path / "score.json"
    link.symlink_to(disk / "score.json")
    JSONDataset(filepath=str(link)).save(1)
    assert link.is_symlink()
    assert (disk / "score.json").read_text() == "1"


def test_what_a_killed_process_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".value.json.tmp").write_text('{"half')
    JSONDataset(filepath=str(tmp_path / "value.json")).save(1)
    assert [path.name for path in tmp_path.iterdir()] == ["value.json"]
    assert (tmp_path / "value.json").read_text() == "1"
