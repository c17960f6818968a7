"""Files are whole or not there."""

import gc
import os
import time
from pathlib import Path
from typing import Any

import fsspec
import pytest
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset
from kedro_datasets.pickle import PickleDataset

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.files import (
    HOST,
    TEMPORARY,
    discard,
    discard_outdated,
    remove_leftovers,
    write_atomically,
)

DEAD = 2**22 + 1  # more than the highest number a process can have

# a, and from it b; and c by itself.
PIPELINE = Pipeline(
    [
        Node(lambda: 1, None, "a", name="a"),
        Node(lambda a: a, "a", "b", name="b"),
        Node(lambda: 1, None, "c", name="c"),
    ]
)


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    write_atomically()
    entry = {"type": "json.JSONDataset"}
    return DataCatalog.from_config(
        {name: entry | {"filepath": str(tmp_path / f"{name}.json")} for name in "abc"}
    )


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


def write_half(path: Path, mode: str) -> None:
    file = fsspec.filesystem("file").open(str(path), mode)
    file.write("half" if mode == "w" else b"half")
    raise ValueError("broken off")


@pytest.mark.parametrize("mode", ["w", "wb"])
def test_what_nobody_has_closed_is_no_file(mode: str, tmp_path: Path) -> None:
    write_atomically()
    path = tmp_path / "model.bin"
    path.write_text("whole")
    with pytest.raises(ValueError, match="broken off") as error:
        write_half(path, mode)
    del error
    gc.collect()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_closed_by_hand_is_kept(tmp_path: Path) -> None:
    write_atomically()
    path = tmp_path / "model.bin"
    file = fsspec.open(str(path), "wb").open()
    file.write(b"whole")
    assert not path.exists()
    file.close()
    assert path.read_text() == "whole"


@pytest.mark.parametrize("mode", ["w", "wb"])
@pytest.mark.parametrize("compression", ["gzip", "bz2", "xz"])
def test_compressed_files_are_whole_too(
    compression: str, mode: str, tmp_path: Path
) -> None:
    write_atomically()
    system, path = fsspec.filesystem("file"), str(tmp_path / "model.bin")
    for text in ("whole", "again"):
        with system.open(path, mode, compression=compression) as file:
            file.write(text if mode == "w" else text.encode())
    with (
        pytest.raises(ValueError, match="broken off"),
        system.open(path, mode, compression=compression) as file,
    ):
        raise ValueError("broken off")
    with system.open(path, compression=compression) as file:
        assert file.read() == b"again"
    assert os.listdir(tmp_path) == ["model.bin"]


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_transaction_keeps_all_files_or_none(
    compression: str | None, tmp_path: Path
) -> None:
    write_atomically()
    system = fsspec.filesystem("file")

    def save(text: bytes, error: Exception | None = None) -> None:
        with system.transaction:
            path = str(tmp_path / "a")
            with system.open(path, "wb", compression=compression) as file:
                file.write(text)
            assert len(os.listdir(tmp_path)) == (2 if error else 1)
            if error:
                raise error

    save(b"whole")
    with pytest.raises(ValueError, match="broken off"):
        save(b"half", ValueError("broken off"))
    with system.open(str(tmp_path / "a"), compression=compression) as file:
        assert file.read() == b"whole"
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


def test_leftovers_of_dead_processes_are_removed(
    tmp_path: Path, catalog: DataCatalog
) -> None:
    end = f"{HOST}-{'0' * 32}.tmp"
    versions = tmp_path / "a.json/2020-01-01"
    elsewhere = tmp_path / "elsewhere"
    versions.mkdir(parents=True)
    elsewhere.mkdir()
    dead = [folder / f".a.json.{DEAD}@{end}" for folder in (tmp_path, versions)]
    kept = [
        tmp_path / f".a.json.{os.getpid()}@{end}",
        tmp_path / f".a.json.{DEAD}@of.another.{end}",
        tmp_path / ".a.json.tmp",
        elsewhere / f".a.json.{DEAD}@{end}",
    ]
    for file in (*dead, *kept):
        file.touch()
    remove_leftovers(PIPELINE, catalog)
    assert set(tmp_path.rglob("*.tmp")) == set(kept)


def test_the_name_of_a_file_under_way_says_whose_it_is(tmp_path: Path) -> None:
    write_atomically()
    with fsspec.filesystem("file").open(str(tmp_path / "a.json"), "wb"):
        (file,) = tmp_path.iterdir()
        begun_by = TEMPORARY.fullmatch(file.name)
        assert begun_by
        assert begun_by.groups() == (str(os.getpid()), HOST)


@pytest.mark.parametrize(
    ("there", "kept"), [("abc", "abc"), ("bc", "c"), ("ac", "ac"), ("ab", "ab")]
)
def test_what_was_made_from_something_missing_is_outdated(
    there: str, kept: str, catalog: DataCatalog
) -> None:
    for name in there:
        catalog.save(name, 1)
    discard_outdated(PIPELINE, catalog)
    assert {name for name in "abc" if catalog.exists(name)} == set(kept)


def with_versions(tmp_path: Path) -> DataCatalog:
    """Return the catalog of one more run; b has versions in it."""
    entry = {"type": "json.JSONDataset"}
    entries: dict[str, Any] = {
        name: entry | {"filepath": str(tmp_path / f"{name}.json")} for name in "abc"
    }
    entries["b"]["versioned"] = True
    return DataCatalog.from_config(entries, save_version=f"run_{time.time_ns()}")


def test_of_versions_that_of_the_run_is_discarded(tmp_path: Path) -> None:
    with_versions(tmp_path).save("b", 1)
    catalog = with_versions(tmp_path)
    catalog.save("b", 2)
    discard(catalog, "b")
    discard(catalog, "b")
    assert catalog.load("b") == 1
    assert len(list(tmp_path.glob("b.json/*"))) == 1


def test_a_version_is_missing_if_there_is_none(tmp_path: Path) -> None:
    catalog = with_versions(tmp_path)
    for name in "ac":
        catalog.save(name, 1)
    (tmp_path / "b.json").mkdir()
    discard_outdated(PIPELINE, catalog)
    assert [name for name in "abc" if catalog.exists(name)] == ["a", "c"]


def test_versions_that_are_outdated_are_kept_and_named(tmp_path: Path) -> None:
    with_versions(tmp_path).save("b", 1)
    with pytest.raises(ConfigurationError) as error:
        discard_outdated(PIPELINE, with_versions(tmp_path))
    first, problem, advice = error.value.message.splitlines()
    assert first == "catalog.yml has a problem:"
    assert problem.startswith("  b: has to be made again, but is a folder")
    assert advice == "  Run without --only-missing-outputs"
    assert with_versions(tmp_path).load("b") == 1
