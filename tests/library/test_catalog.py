"""Entries of the catalog: which one a dataset has, and which share a file."""

from __future__ import annotations

import parse
import pytest
from kedro.io import DataCatalog, catalog_config_resolver
from kedro_dynamic.catalog.entries import config_of, entry_of, shared_files
from kedro_dynamic.patches import match_patterns_fast

TABLE = "pandas.CSVDataset"


def catalog_of(files: dict[str, str], kind: str = TABLE) -> DataCatalog:
    config = {name: {"type": kind, "filepath": file} for name, file in files.items()}
    return DataCatalog.from_config(config)


@pytest.mark.parametrize("fast", [False, True])
def test_an_entry_is_found_whether_or_not_it_was_resolved(
    fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_config_resolver, "parse", parse.parse)
    if fast:  # the same
        match_patterns_fast()
    catalog = catalog_of(
        {
            "own": "own.csv",
            "a.{name}.table": "of_a/{name}.csv",
            "{family}.{name}.table": "{family}/{name}.csv",
            "{family}.{name}.special_table": "{family}/{name}_special.csv",
        }
    )
    for name, entry, file in (
        ("own", "own", "own.csv"),
        ("a.c.table", "a.{name}.table", "of_a/c.csv"),
        ("b.c.d.table", "{family}.{name}.table", "b/c.d.csv"),
        ("A.x.Table", "a.{name}.table", "of_a/x.csv"),
        ("b.x.special_table", "{family}.{name}.special_table", "b/x_special.csv"),
        ("a.memory", "", ""),
    ):
        for _ in range(2):
            assert entry_of(catalog, name) == entry
            assert config_of(catalog, name).get("filepath", "") == file


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
def test_one_file_one_dataset(files: dict[str, str], owners: list[str]) -> None:
    outputs = {"models.a.table", "models.b.table", "other", "x@p", "x@s"}
    shared = shared_files(catalog_of(files), outputs)
    assert shared == ([owners] if owners else [])
