"""What has to be made again is deleted, and nothing else."""

import time
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.files import (
    discard,
    discard_outdated,
)

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
    entry = {"type": "json.JSONDataset"}
    return DataCatalog.from_config(
        {name: entry | {"filepath": str(tmp_path / f"{name}.json")} for name in "abc"}
    )


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
