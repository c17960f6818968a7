"""Files are whole or not there."""

import os
from pathlib import Path

import fsspec
import pytest
from kedro.io import DatasetError
from kedro_datasets.json import JSONDataset
from kedro_datasets.pickle import PickleDataset

from {{ cookiecutter.python_package }}.atomic_files import (
    HOST,
    TEMPORARY,
    remove_leftovers,
    write_atomically,
)

DEAD = 2**22 + 1  # more than the highest number a process can have


class BreaksOff:
    """An object whose pickling fails when half of it is written."""

    def __reduce__(self) -> tuple[object, ...]:
        raise RuntimeError("broken off")


def test_what_breaks_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    write_atomically()
    path = tmp_path / "model.pkl"
    dataset = PickleDataset(filepath=str(path))
    dataset.save("whole")
    with pytest.raises(DatasetError, match="broken off"):
        dataset.save(["x" * 10**6, BreaksOff()])
    assert dataset.load() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_text_that_breaks_off_is_no_file(tmp_path: Path) -> None:
    write_atomically()
    with pytest.raises(DatasetError):
        JSONDataset(filepath=str(tmp_path / "score.json")).save([1, object()])
    assert not list(tmp_path.iterdir())


def test_files_saved_while_an_error_is_handled_are_kept(tmp_path: Path) -> None:
    write_atomically()
    dataset = JSONDataset(filepath=str(tmp_path / "deeper/score.json"))
    try:
        raise ValueError
    except ValueError:
        dataset.save(1)
    assert dataset.load() == 1


def test_a_file_closed_by_hand_is_kept(tmp_path: Path) -> None:
    write_atomically()
    path = tmp_path / "model.bin"
    file = fsspec.open(str(path), "wb").open()
    file.write(b"whole")
    assert not path.exists()
    file.close()
    assert path.read_text() == "whole"


def test_a_transaction_keeps_all_files_or_none(tmp_path: Path) -> None:
    write_atomically()
    system, path = fsspec.filesystem("file"), tmp_path / "a"

    def save(text: bytes, error: Exception | None = None) -> None:
        with system.transaction:
            with system.open(str(path), "wb") as file:
                file.write(text)
            assert not path.exists() or path.read_bytes() != text
            if error:
                raise error

    save(b"whole")
    with pytest.raises(ValueError, match="broken off"):
        save(b"half", ValueError("broken off"))
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    write_atomically()
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere/score.json"
    link = tmp_path / "score.json"
    link.symlink_to(target)
    JSONDataset(filepath=str(link)).save(1)
    assert link.is_symlink()
    assert target.read_text() == "1"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    write_atomically()
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with fsspec.filesystem("file").open(str(path), "wb") as file:
        file.write(b"1")
    assert path.is_fifo()
    assert os.read(reader, 10) == b"1"
    os.close(reader)


def test_leftovers_of_dead_processes_are_removed(tmp_path: Path) -> None:
    end = f"{HOST}-{'0' * 32}.tmp"
    dead = tmp_path / f"deeper/.a.json.{DEAD}@{end}"
    kept = [
        tmp_path / f".a.json.{os.getpid()}@{end}",
        tmp_path / f".a.json.{DEAD}@of.another.{end}",
        tmp_path / ".a.json.tmp",
    ]
    dead.parent.mkdir()
    for file in (dead, *kept):
        file.touch()
    remove_leftovers(tmp_path)
    assert set(tmp_path.rglob("*.tmp")) == set(kept)


def test_the_name_of_a_file_under_way_says_whose_it_is(tmp_path: Path) -> None:
    write_atomically()
    with fsspec.filesystem("file").open(str(tmp_path / "a.json"), "wb"):
        (file,) = tmp_path.iterdir()
        begun_by = TEMPORARY.fullmatch(file.name)
        assert begun_by
        assert begun_by.groups() == (str(os.getpid()), HOST)
