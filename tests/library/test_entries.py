"""Entries of the catalog: which one a dataset has, and which ones are rejected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import parse
import pytest
from kedro.io import DataCatalog, catalog_config_resolver
from kedro_dynamic.catalog.entries import check_entries, config_of, entry_of
from kedro_dynamic.config import allowlist
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


CATALOG = """
_place: ${runtime_params:place,data}
table:
  type: pandas.${runtime_params:kind,CSVDataset}
  filepath: ${_place}/table.csv
  load_args: {sep: "${runtime_params:sep,tab}", nrows: "${runtime_params:rows}"}
model:
  type: kedro_mlflow.io.models.MlflowModelTrackingDataset
  load_args: {model_uri: "${runtime_params:of.model_uri,/of/the/owner}"}
"models.{name}.model":
  type: wrapper.Dataset
  dataset: {type: pickle.PickleDataset, filepath: "${_place}/{name}.pkl"}
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that reads the catalog above with parameters of --params."""
    (tmp_path / "conf/base").mkdir(parents=True)
    (tmp_path / "conf/base/catalog.yml").write_text(CATALOG)
    monkeypatch.chdir(tmp_path)
    trusted = {"TRUSTED_MODEL_STORES": ("s3://ours/",)}
    monkeypatch.setattr(allowlist, "settings", trusted)

    def read(**params: Any) -> dict[str, Any]:
        loader = ProjectConfigLoader(
            str(tmp_path / "conf"),
            runtime_params={"rows": 5, **params},
            base_env="base",
            default_run_env="base",
        )
        return loader["catalog"]

    yield read
    put_in_force(None)


@pytest.mark.parametrize(
    ("uri", "is_own"),
    [
        ("models:/iris@champion", True),
        ("runs:/0a1b/model", True),
        ("mlflow-artifacts:/1/models/m-2/artifacts", True),
        ("mlartifacts/1/models/m-2", True),
        ("s3://ours/model", True),
        ("s3://ours/../model", False),
        ("s3://elsewhere/model", False),
        ("https://user:secret@elsewhere/model", False),
        ("simplecache::s3://elsewhere/model", False),
        ("mlflow-artifacts://elsewhere/1", False),
        ("models://elsewhere/1", False),
        ("../other/model", False),
        ("/tmp/model", False),
        ("file:///tmp/model", False),
        ("C:\\model", False),
    ],
)
def test_parameters_name_models_of_the_project_only(
    uri: str, is_own: bool, load: Any
) -> None:
    # In two parts, which the text of the parameters does not show together.
    parts = {"a": uri[:3], "b": uri[3:], "of": {"model_uri": "${a}${b}"}}
    if is_own:
        assert load(**parts)["model"]["load_args"]["model_uri"] == uri
        return
    with pytest.raises(ConfigurationError) as caught:
        load(**parts)
    assert caught.match(r"model\.load_args\.model_uri: .* is not used")
    assert caught.match("TRUSTED_MODEL_STORES in settings.py")
    assert "secret" not in caught.value.message


def test_parameters_may_set_what_is_not_a_place(load: Any) -> None:
    # Only what --params decides is checked: the catalog names a model elsewhere.
    entries = load(sep=",", place="data/march")
    assert entries["table"]["filepath"] == "data/march/table.csv"
    assert entries["table"]["load_args"] == {"sep": ",", "nrows": 5}
    assert entries["model"]["load_args"]["model_uri"] == "/of/the/owner"


@pytest.mark.parametrize(
    ("params", "lines"),
    [
        ({"place": "/tmp"}, ["table.filepath: ", "models.{name}.model.dataset.filep"]),
        ({"place": "data/../.."}, ["table.filepath: '", "models.{name}.model.dataset"]),
        ({"kind": "evil"}, ["table.type: --params may not name classes"]),
    ],
)
def test_parameters_name_files_of_the_project_only(
    params: dict[str, str], lines: list[str], load: Any
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(**params)
    title, *found = caught.value.message.split("\n  ")
    assert title.startswith("The catalog has ")
    assert len(found) == len(lines)
    for problem, line in zip(found, lines, strict=True):
        assert problem.startswith(line)


def test_the_storage_root_is_not_a_parameter(load: Any) -> None:
    with pytest.raises(ConfigurationError, match="'storage' is not a parameter"):
        load(storage="/elsewhere")


def test_patterns_that_match_the_same_names_are_rejected(
    tmp_path: Path,
) -> None:
    for env, name in {"base": "namespace", "local": "name"}.items():
        (tmp_path / "conf" / env).mkdir(parents=True)
        entry = f'"models.{{{name}}}.table": {{type: a.B, filepath: "{{{name}}}"}}'
        (tmp_path / "conf" / env / "catalog.yml").write_text(entry)
    loader = ProjectConfigLoader(
        str(tmp_path / "conf"), base_env="base", default_run_env="local"
    )
    with pytest.raises(ConfigurationError) as caught:
        loader["catalog"]
    put_in_force(None)
    assert caught.match("matches the same names as models.{name")
    assert caught.match("its entry is in conf/(local|base)/catalog.yml")
