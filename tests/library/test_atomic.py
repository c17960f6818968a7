"""Files are complete or not there."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from threading import Thread
from typing import Any

import fsspec
import pytest
from kedro.io import DatasetError
from kedro_datasets.json import JSONDataset
from kedro_datasets.pickle import PickleDataset
from kedro_dynamic.catalog.atomic import AtomicFile, Owner, delete_abandoned


class BreaksOff:
    """An object whose pickling fails when half of it is written."""

    def __reduce__(self) -> tuple[object, ...]:
        """Raise."""
        raise RuntimeError("broken off")


pytestmark = pytest.mark.usefixtures("atomic_files")


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


def write_often(path: Path, letter: str, rounds: int) -> None:
    for _ in range(rounds):
        with fsspec.filesystem("file").open(str(path), "wb") as file:
            for _ in range(20):
                file.write(letter.encode() * 10_000)


def test_two_writers_never_share_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "X.bin"
    threads = [Thread(target=write_often, args=[path, one, 40]) for one in "ab"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            content = path.read_bytes()
            assert len(content) == 200_000
            assert len(set(content)) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_what_killed_processes_left_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "score.json"
    path.touch()
    file = fsspec.filesystem("file").open(str(path), "wb")
    (under_way,) = {*tmp_path.iterdir()} - {path}
    of_this_process = f"-{os.getpid()}-"
    assert of_this_process in under_way.name
    of_dead_process = under_way.name.replace(of_this_process, f"-{2**22 + 1}-")
    abandoned = tmp_path / of_dead_process
    # On a shared disk, the process may be alive on another machine.
    elsewhere = tmp_path / re.sub(
        r"[0-9a-f]{8}-", "01234567-", of_dead_process, count=1
    )
    other = tmp_path / ".own.tmp"
    for left in (abandoned, elsewhere, other):
        left.touch()
    delete_abandoned([tmp_path, tmp_path / "none"])
    assert {*tmp_path.iterdir()} == {path, under_way, elsewhere, other}
    file.close()


def test_a_worker_writes_only_while_its_run_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    note = notes / f"{os.getpid()}-ab.json"
    note.touch()
    dataset = JSONDataset(filepath=str(tmp_path / "score.json"))
    monkeypatch.setattr(
        AtomicFile, "owner", Owner(notes, os.getpid(), tmp_path / "journal")
    )
    dataset.save(1)
    note.unlink()
    with pytest.raises(DatasetError, match="the run that makes it has ended"):
        dataset.save(2)
    assert dataset.load() == 1
    files = {"notes", "score.json", "journal"}
    assert {path.name for path in tmp_path.iterdir()} == files
    monkeypatch.setattr(
        AtomicFile,
        "owner",
        Owner(tmp_path / "another machine", 1, tmp_path / "no folder/journal"),
    )
    dataset.save(3)
