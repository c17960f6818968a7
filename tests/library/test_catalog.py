"""One file, one dataset; what cannot be made, read or written, in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import click
import parse
import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework import project
from kedro.framework.context import KedroContext
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, DatasetError, catalog_config_resolver
from kedro.pipeline import Node, Pipeline
from kedro_dynamic.catalog.entries import config_of, entry_of, shared_files
from kedro_dynamic.config import allowlist as trust
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.patches import match_patterns_fast
from kedro_dynamic.registry.lazy import LazyPipeline
from kedro_dynamic.runs import preflight
from kedro_dynamic.runs.preflight import CheckHook

TABLE = "pandas.CSVDataset"


def catalog_of(files: dict[str, str], kind: str = TABLE) -> DataCatalog:
    config = {name: {"type": kind, "filepath": file} for name, file in files.items()}
    return DataCatalog.from_config(config)


def making(*outputs: str) -> Pipeline:
    return Pipeline(
        [
            Node(print, None, name, name="make", namespace=name.rpartition(".")[0])
            for name in outputs
        ]
    )


def check(catalog: DataCatalog, pipeline: Pipeline, *names: str, **params: Any) -> None:
    run = {"pipeline_names": list(names), "runtime_params": params}
    CheckHook().before_pipeline_run(run, pipeline, catalog)


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


def test_a_pattern_of_another_pipeline_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = {"models": making("models.a.table"), "tuned": making("tuned.a.table")}
    monkeypatch.setattr(preflight, "pipelines", registered)
    files = {"models.{name}.table": "{name}.csv", "tuned.{model}.table": "{model}.csv"}
    with pytest.raises(ConfigurationError, match=r"models\.a\.table, tuned\.a\.table"):
        check(catalog_of(files), registered["models"])


def test_a_file_of_another_pipeline_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = {"models": making("models.a.table"), "text": making("other")}
    monkeypatch.setattr(preflight, "pipelines", registered)
    catalog = catalog_of({"models.{name}.table": "{name}.csv", "other": "a.csv"})
    for names in ((), ("models",), ("__default__",)):
        with pytest.raises(ConfigurationError, match=r"a\.csv: the file of models\.a"):
            check(catalog, registered["models"], *names)
    # As an input, it is a second look at the same data.
    del registered["text"]
    check(catalog, registered["models"], "models")


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ({"lod_args": {}}, r"unexpected keyword argument 'lod_args'$"),
        ({"type": "pandas.CSVDatset"}, "Dataset 'CSVDatset' not found in 'pandas'"),
        ({"type": "pandaz.CSVDataset"}, "No module named 'pandaz'"),
    ],
)
@pytest.mark.parametrize("entry", ["models.a.table", "models.{name}.table"])
def test_what_no_dataset_can_be_made_of(
    entry: str, argument: dict[str, Any], reason: str
) -> None:
    config = {"type": TABLE, "filepath": "{name}.csv" if "{" in entry else "a.csv"}
    catalog = DataCatalog.from_config({entry: config | argument})

    def make() -> None:
        CheckHook().after_catalog_created(catalog)
        check(catalog, making("models.a.table"))

    with pytest.raises(ConfigurationError) as caught:
        make()
    assert caught.match(rf"^models\.a\.table: .*{reason}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "No columns to parse from file"),
        (
            "a,b".encode("utf-16"),
            "can't decode .*; save it as UTF-8, or give load_args",
        ),
        (b"a,b\n1,2,3,4\n5,6\n7,8,9,1,2,3\n", "Expected 4 fields in line 4, saw 6"),
        (b'a,b\n"1,2\n', "EOF inside string starting at row 1"),
        (None, "Is a directory"),
    ],
)
def test_a_table_that_cannot_be_read(
    content: bytes | None, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "table.csv"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    catalog = catalog_of({"table": str(file)})
    with pytest.raises(DatasetError) as failed:
        catalog.load("table")
    hooks = _create_hook_manager()
    hooks.register(CheckHook())
    with pytest.raises(ConfigurationError) as caught:
        hooks.hook.on_pipeline_error(
            error=failed.value, run_params={}, pipeline=Pipeline([]), catalog=catalog
        )
    assert caught.match(rf"table\.csv \(table\) cannot be read: .*{reason}")
    assert "\n" not in caught.value.message
    # Others are none of its business.
    hooks.hook.on_pipeline_error(
        error=ValueError("no"), run_params={}, pipeline=Pipeline([]), catalog=catalog
    )


def context_of(path: Path) -> KedroContext:
    loader = OmegaConfigLoader(str(path), base_env="base", default_run_env="local")
    return KedroContext(path, loader, None, "iris", Mock())


def test_an_unknown_pipeline_gets_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(preflight, "pipelines", {"models.linear_svm": Pipeline([])})
    context = context_of(tmp_path)
    for params in (
        {"pipelines": ["models.linearsvm"]},
        {"pipeline": "models.linearsvm"},
    ):
        command = click.Context(click.Command("run"))
        command.params = params
        with command, pytest.raises(ConfigurationError) as caught:
            CheckHook().after_context_created(context)
        assert "no pipeline 'models.linearsvm'; did you mean 'models.linear_svm'?" in (
            caught.value.message
        )
    CheckHook().after_context_created(context)
    assert context._pipelines_to_validate is None  # as in a notebook


def test_kedro_run_validates_the_parameters_of_its_own_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build() -> Pipeline:
        raise AssertionError("is not looked into")

    registered = {"__default__": Pipeline([]), "other": LazyPipeline(build)}
    monkeypatch.setattr(project, "pipelines", registered)
    for env in ("base", "local"):
        tmp_path.joinpath(env).mkdir()
    tmp_path.joinpath("base/parameters.yml").write_text("own: 1")
    context = context_of(tmp_path)
    command = click.Context(click.Command("run"))
    command.params = {"pipelines": [], "pipeline": None}
    with command:
        CheckHook().after_context_created(context)
    assert context.params == {"own": 1}


@pytest.mark.parametrize(
    ("uri", "is_own"),
    [
        ("models:/iris@champion", True),
        ("runs:/0a1b/model", True),
        ("mlflow-artifacts:/1/models/m-2/artifacts", True),
        ("mlartifacts/1/models/m-2", True),
        ("s3://ours/model", True),
        ("s3://elsewhere/model", False),
        ("https://user:secret@elsewhere/model", False),
        ("mlflow-artifacts://elsewhere/1", False),
        ("models://elsewhere/1", False),
        ("../other/model", False),
        ("/tmp/model", False),
        ("file:///tmp/model", False),
    ],
)
def test_parameters_name_models_of_the_project_only(
    uri: str, is_own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "settings", {"TRUSTED_MODEL_STORES": ("s3://ours/",)})
    kind = "kedro_mlflow.io.models.MlflowModelTrackingDataset"
    entry = {"type": kind, "flavor": "mlflow.sklearn", "load_args": {"model_uri": uri}}
    catalog = DataCatalog.from_config({"model": entry})
    using = Pipeline([Node(print, "model", None, name="use")])
    # What the catalog itself names is trusted.
    check(catalog, using)
    if is_own:
        check(catalog, using, model_uri=uri)
        return
    with pytest.raises(ConfigurationError) as caught:
        check(catalog, using, model_uri=uri)
    assert caught.match("TRUSTED_MODEL_STORES in settings.py")
    assert "secret" not in caught.value.message
