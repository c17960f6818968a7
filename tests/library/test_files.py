"""Files of datasets: where they are, which are shared, and how they are deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.io import AbstractDataset, DataCatalog
from kedro_dynamic.catalog.files import (
    discard,
    has_data,
    local_path,
    shared_files,
    shown_dataset,
    shown_path,
)
from kedro_dynamic.catalog.storage import set_storage_root


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataCatalog:
    """Return a catalog of a project that is the working directory."""
    monkeypatch.chdir(tmp_path)

    def json(name: str) -> dict[str, Any]:
        path = tmp_path / "data" / f"{name}.json"
        return {"type": "json.JSONDataset", "filepath": str(path)}

    return DataCatalog.from_config(
        {
            "raw": json("raw"),
            "memory": {"type": "MemoryDataset"},
            "versioned": json("versioned") | {"versioned": True},
            "remote": json("x") | {"filepath": "memory://bucket/x.json"},
            "outside": json("x") | {"filepath": "/elsewhere/x.json"},
            "models.{namespace}.metrics": json("{namespace}"),
        }
    )


def test_where_datasets_are(catalog: DataCatalog, tmp_path: Path) -> None:
    assert local_path(catalog, "models.a.metrics") == tmp_path / "data/a.json"
    for name in ("memory", "remote", "no_such"):
        assert local_path(catalog, name) is None
    assert shown_path(catalog, "models.{namespace}.metrics") == "data/{namespace}.json"
    assert shown_path(catalog, "outside") == "/elsewhere/x.json"
    assert shown_path(catalog, "remote") == "memory://bucket/x.json"
    assert shown_path(catalog, "memory") == ""
    assert shown_dataset(catalog, "raw") == "data/raw.json (raw)"
    assert shown_dataset(catalog, "memory") == "memory"


def test_what_is_discarded_is_gone(catalog: DataCatalog, tmp_path: Path) -> None:
    names = ["raw", "models.a.metrics", "versioned", "memory"]
    for name in names:
        catalog.save(name, 1)
    older = tmp_path / "data/versioned.json/2020/versioned.json"
    older.parent.mkdir()
    older.touch()
    discard(catalog, [*names[:3], "models.b.metrics"])
    assert [path for path in tmp_path.rglob("*.json") if path.is_file()] == [older]
    assert not catalog.exists("raw")
    assert catalog.load("memory") == 1
    # Kedro makes it again, as the older version does not count.
    assert not catalog.exists("versioned")


class Note(AbstractDataset[str, str]):
    """A dataset of one's own, which does not say whether it exists."""

    def __init__(self, filepath: str) -> None:
        """Keep the path."""
        self._path = Path(filepath)

    def load(self) -> str:
        """Return the text of the file."""
        return self._path.read_text()

    def save(self, data: str) -> None:
        """Write the text into the file."""
        self._path.write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._path}


@pytest.mark.parametrize("kind", ["url", "wrapped", "note"])
def test_files_that_an_entry_names_in_another_way(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    entry: dict[str, Any] = {"type": "json.JSONDataset", "filepath": str(path)}
    if kind == "url":
        entry["filepath"] = f"file://{path}"
    elif kind == "wrapped":
        entry = {"type": "kedro.io.CachedDataset", "dataset": entry}
    else:
        entry["type"] = Note
    catalog = DataCatalog.from_config({"x": entry, "y": entry})

    assert local_path(catalog, "x") == path
    assert shared_files(catalog, "xy") == [["x", "y"]]
    assert not has_data(catalog, "x")
    catalog.save("x", "1")
    assert has_data(catalog, "x")
    discard(catalog, ["x"])
    assert not path.exists()


@pytest.mark.parametrize(
    ("files", "owners"),
    [
        (
            {"models.{name}.table": "data/table.csv"},
            ["models.a.table", "models.b.table"],
        ),
        (
            {"models.{name}.table": "data/{name}.csv", "other": "data/./b.csv"},
            ["models.b.table", "other"],
        ),
        ({"models.{name}.table": "{name}.csv", "x@p": "x.csv", "x@s": "x.csv"}, []),
    ],
)
def test_datasets_that_share_a_file_are_found(
    files: dict[str, str], owners: list[str]
) -> None:
    catalog = DataCatalog.from_config(
        {
            name: {"type": "pandas.CSVDataset", "filepath": file}
            for name, file in files.items()
        }
    )
    outputs = {"models.a.table", "models.b.table", "other", "x@p", "x@s"}
    assert shared_files(catalog, outputs) == ([owners] if owners else [])


@pytest.mark.parametrize(
    ("root", "path"), [("s3://bucket", "s3://bucket/data/a.csv"), (None, "data/a.csv")]
)
def test_relative_paths_begin_at_the_storage_root(root: str | None, path: str) -> None:
    entries = {
        "relative": {"filepath": "data/a.csv"},
        "absolute": {"filepath": "/data/a.csv"},
        "remote": {"filepath": "https://host/a.csv"},
        "memory": {},
    }
    set_storage_root(entries, root)
    paths = [entry.get("filepath") for entry in entries.values()]
    assert paths == [path, "/data/a.csv", "https://host/a.csv", None]
