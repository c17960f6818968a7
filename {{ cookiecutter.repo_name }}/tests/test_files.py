"""Files are whole or not there."""

import os
from pathlib import Path

import pytest
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset
from kedro_datasets.pickle import PickleDataset

from {{ cookiecutter.python_package }}.files import (
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


def test_leftovers_of_dead_processes_are_removed(tmp_path: Path) -> None:
    token = "0" * 32
    (tmp_path / "models").mkdir()
    dead = tmp_path / f"models/.a.json.{DEAD}-{token}.tmp"
    alive = tmp_path / f".a.json.{os.getpid()}-{token}.tmp"
    of_others = tmp_path / ".a.json.tmp"
    for file in (dead, alive, of_others):
        file.touch()
    remove_leftovers(tmp_path)
    assert set(tmp_path.rglob("*.tmp")) == {alive, of_others}


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
