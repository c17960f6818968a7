"""What the `metadata` of catalog entries may say."""

from __future__ import annotations

from typing import Any

import pytest
from kedro.io import DataCatalog
from kedro_dynamic.catalog.entries import check_entries
from kedro_dynamic.catalog.metadata import read_metadata, section_title
from kedro_dynamic.config.errors import ConfigurationError

TABLE = {"type": "pandas.CSVDataset", "filepath": "{name}.csv"}


def problems(metadata: Any) -> list[str]:
    """Return the problems of an entry with this metadata."""
    entries = {"models.{name}.table": TABLE | {"metadata": metadata}}
    with pytest.raises(ConfigurationError) as caught:
        check_entries(entries)

    title, *lines = caught.value.message.split("\n  models.{name}.table.metadata")
    assert title.startswith("The catalog has ")
    return lines


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("consol", "console"),
        ("Console", "console"),
        ("repotr", "report"),
        ("mlflwo", "mlflow"),
        ("made-by", "made_by"),
        ("registred_by", "registered_by"),
        ("kedro_viz", "kedro-viz"),
    ],
)
def test_a_misspelt_key_gets_the_nearest_one(key: str, nearest: str) -> None:
    assert problems({key: "Leaderboard"}) == [
        f".{key}: unknown key; did you mean '{nearest}'?"
    ]


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"mlflow": "metric"}, ".mlflow: Input should be 'metrics' or 'artifact'"),
        ({"console": True}, ".console: Input should be a valid string, not True"),
        ({"made_by": ["kedro run"]}, ".made_by: Input should be a valid string"),
        ("report", ": not a mapping"),
    ],
)
def test_a_value_of_another_type_is_an_error(metadata: Any, problem: str) -> None:
    (line,) = problems(metadata)
    assert line.startswith(problem)


def test_all_problems_are_listed_at_once() -> None:
    assert len(problems({"consol": "a", "reprot": "b", "mlflow": "c"})) == 3


def test_keys_of_the_project_and_of_plugins_are_allowed() -> None:
    metadata = {"owner": "us", "port": 80, "tags": {"consol": 1}, "kedro-mlflow": None}
    check_entries({"a": TABLE | {"metadata": metadata}})
    check_entries({"a": TABLE | {"metadata": None}, "b": TABLE})


def test_metadata_is_read_from_entry_and_pattern() -> None:
    catalog = DataCatalog.from_config(
        {
            "own": TABLE
            | {"metadata": {"console": "Ranks", "kedro-viz": {"layer": 1}}},
            "models.{name}.table": TABLE | {"metadata": {"made_by": "make {name}"}},
            "without": TABLE | {"metadata": None},
            "memory": {"type": "MemoryDataset"},
        }
    )
    assert read_metadata(catalog, "own").console == "Ranks"
    assert read_metadata(catalog, "own").kedro_viz == {"layer": 1}
    assert read_metadata(catalog, "models.a.table").made_by == "make a"
    for name in ("without", "memory"):
        metadata = read_metadata(catalog, name)
        assert (metadata.made_by, metadata.registered_by) == (None, "kedro run")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("leaderboard", "Scores"),
        ("benchmark.ranks", "Scores"),
        ("benchmark.iris.leaderboard", "Scores of iris"),
        ("benchmark.iris.tree.plot", "Scores of iris of tree"),
    ],
)
def test_the_title_of_a_section_names_what_it_is_about(name: str, title: str) -> None:
    assert section_title("Scores", name) == title
