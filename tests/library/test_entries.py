"""Entries of the catalog: which one a dataset has, and which ones are rejected."""

from __future__ import annotations

from pathlib import Path

import parse
import pytest
from kedro.io import DataCatalog, catalog_config_resolver
from kedro_dynamic.catalog.entries import check_entries, config_of, entry_of
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.project import put_in_force
from kedro_dynamic.patches import match_patterns_fast
from kedro_dynamic.registry.config_loader import ProjectConfigLoader

FILES = {
    "own": "own.csv",
    "a.{name}.table": "of_a/{name}.csv",
    "{family}.{name}.table": "{family}/{name}.csv",
    "{family}.{name}.special_table": "{family}/{name}_special.csv",
}


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    ("name", "entry", "file"),
    [
        ("own", "own", "own.csv"),
        ("a.c.table", "a.{name}.table", "of_a/c.csv"),
        ("b.c.d.table", "{family}.{name}.table", "b/c.d.csv"),
        ("A.x.Table", "a.{name}.table", "of_a/x.csv"),
        ("b.x.special_table", "{family}.{name}.special_table", "b/x_special.csv"),
        ("a.memory", "", ""),
    ],
)
def test_an_entry_is_found_whether_or_not_it_was_resolved(
    name: str, entry: str, file: str, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_config_resolver, "parse", parse.parse)
    if fast:  # the library's patch of Kedro finds the same
        match_patterns_fast()
    catalog = DataCatalog.from_config(
        {
            pattern: {"type": "pandas.CSVDataset", "filepath": path}
            for pattern, path in FILES.items()
        }
    )
    for _ in range(2):
        assert entry_of(catalog, name) == entry
        assert config_of(catalog, name).get("filepath", "") == file


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("table:", "table: give it a type"),
        ("table: {filepath: a.csv}", "table: give it a type"),
        ("table: {type: a.B, filepath: }", "table.filepath: None is not a path"),
        ('"{a}.table": {type: a.B, filepath: "{b}"}', "{a}.table: its name lacks {b}"),
        (
            "table: {type: a.B, metadata: {consol: Scores}}",
            "table.metadata.consol: unknown key; did you mean 'console'?",
        ),
    ],
)
def test_a_faulty_entry_is_named_with_its_file(
    tmp_path: Path, entry: str, problem: str
) -> None:
    for env in ("base", "local"):
        (tmp_path / "conf" / env).mkdir(parents=True)
    (tmp_path / "conf/local/catalog_own.yml").write_text(entry)
    loader = ProjectConfigLoader(
        str(tmp_path / "conf"), base_env="base", default_run_env="local"
    )
    with pytest.raises(ConfigurationError) as caught:
        loader["catalog"]
    put_in_force(None)
    assert caught.value.message.startswith(f"The catalog has a problem:\n  {problem}")
    assert caught.value.message.endswith("its entry is in conf/local/catalog_own.yml")


def test_all_faulty_entries_are_listed() -> None:
    with pytest.raises(ConfigurationError, match="The catalog has 2 problems:"):
        check_entries({"a": None, "b": {"type": 1}, "c": {"type": "a.B"}})
