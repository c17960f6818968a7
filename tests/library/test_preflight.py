"""Checks before a run, and plain words for datasets that fail in it."""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import click
import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework import project
from kedro.framework.context import KedroContext
from kedro.io import AbstractDataset, DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline
from kedro_dynamic.config.errors import ConfigurationError, DataError
from kedro_dynamic.config.schema import ComparisonSpec, ModelSpec
from kedro_dynamic.registry.lazy import LazyPipeline
from kedro_dynamic.runs import preflight
from kedro_dynamic.runs.preflight import (
    check_pipelines_exist,
    check_run,
    explain,
    make_datasets,
    name_tables,
    validate_default_pipeline_only,
)

TABLE = "pandas.CSVDataset"
TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})


def catalog_of(files: dict[str, str]) -> DataCatalog:
    """Return a catalog of tables, by name their file."""
    config = {name: {"type": TABLE, "filepath": file} for name, file in files.items()}
    return DataCatalog.from_config(config)


def node(inputs: Any, outputs: Any, name: str, namespace: str = "models.a") -> Node:
    def function(*_: object) -> Any:
        raise AssertionError("is not run")

    return Node(function, inputs, outputs, name=name, namespace=namespace)


def making(*outputs: str) -> Pipeline:
    """Return a pipeline with a node for each output."""
    nodes = [node(None, name, "make", name.rpartition(".")[0]) for name in outputs]
    return Pipeline(nodes)


def refused(catalog: DataCatalog, *nodes: Node) -> str:
    """Return the message for a pipeline that is rejected."""
    with pytest.raises(ConfigurationError) as caught:
        check_run(Pipeline([*nodes]), catalog)
    return str(caught.value.message)


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataCatalog:
    """Return a catalog of a project that is the working directory."""
    monkeypatch.chdir(tmp_path)

    def table(file: str, **metadata: Any) -> dict[str, Any]:
        path = f"{tmp_path}/data/{file}"
        return {"type": TABLE, "filepath": path, "metadata": metadata}

    return DataCatalog.from_config(
        {
            "part": table("part.csv", made_by="kedro run -p split"),
            "raw": table("raw.csv"),
            "models.{namespace}.table": table("{namespace}.csv"),
        }
    )


def command(**options: Any) -> click.Context:
    """Return ``kedro run`` as click notes it, with these options."""
    context = click.Context(click.Command("run"))
    context.params = options
    return context


def context_of(path: Path) -> KedroContext:
    """Return Kedro's context of a project."""
    loader = OmegaConfigLoader(str(path), base_env="base", default_run_env="local")
    return KedroContext(path, loader, None, "iris", Mock())


@pytest.mark.parametrize(
    "options",
    [{"pipelines": ["models.linearsvm"]}, {"pipeline": "models.linearsvm"}],
)
def test_an_unknown_pipeline_gets_the_nearest_name(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "pipelines", {"models.linear_svm": Pipeline([])})
    with command(**options), pytest.raises(ConfigurationError) as caught:
        check_pipelines_exist()
    assert caught.value.message == (
        "There is no pipeline 'models.linearsvm'; did you mean 'models.linear_svm'?"
    )
    check_pipelines_exist()  # there is no command, as in a notebook


def test_kedro_run_validates_the_parameters_of_its_own_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build() -> Pipeline:
        raise AssertionError("is not assembled")

    registered = {"__default__": Pipeline([]), "other": LazyPipeline(build)}
    monkeypatch.setattr(project, "pipelines", registered)
    for env in ("base", "local"):
        tmp_path.joinpath(env).mkdir()
    tmp_path.joinpath("base/parameters.yml").write_text("own: 1")

    context = context_of(tmp_path)
    validate_default_pipeline_only(context)
    assert context._pipelines_to_validate is None  # as in a notebook
    with command(pipelines=[], pipeline=None):
        validate_default_pipeline_only(context)
    assert context.params == {"own": 1}


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ({"lod_args": {}}, r"unexpected keyword argument 'lod_args'"),
        ({"type": "pandas.CSVDatset"}, "Dataset 'CSVDatset' not found in 'pandas'"),
        ({"type": "pandaz.CSVDataset"}, "No module named 'pandaz'"),
    ],
)
@pytest.mark.parametrize("entry", ["models.a.table", "models.{name}.table"])
def test_an_entry_that_makes_no_dataset_is_named(
    entry: str, argument: dict[str, Any], reason: str
) -> None:
    config = {"type": TABLE, "filepath": "{name}.csv" if "{" in entry else "a.csv"}
    catalog = DataCatalog.from_config({entry: config | argument})

    def make() -> None:
        make_datasets(catalog, catalog.keys())
        check_run(making("models.a.table"), catalog)

    with pytest.raises(ConfigurationError) as caught:
        make()
    assert caught.match(rf"^models\.a\.table: .*{reason}")


def test_outputs_that_would_not_be_saved_are_named_with_a_pattern(
    catalog: DataCatalog,
) -> None:
    both = [
        node([], f"models.{name}.confusion", name, f"models.{name}") for name in "ab"
    ]
    assert refused(catalog, *both) == (
        "The catalog has a problem:\n  models.a.confusion: matches no entry and no "
        "pattern, so it would not be saved; add 'models.{namespace}.confusion'"
    )
    # An output that compares models has no namespace in its name.
    ranks = node(["models.a.table"], "ranks", "rank", "models")
    assert "ranks: matches no entry and no pattern" in refused(catalog, ranks)


def test_data_without_a_namespace_may_stay_in_memory(catalog: DataCatalog) -> None:
    catalog.save("raw", pd.DataFrame({"a": [1]}))
    steps = [node("raw", "words", "clean", "prepare"), node("words", "x", "fit", "fit")]
    check_run(Pipeline(steps), catalog)


def test_a_pattern_of_another_pipeline_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = {"models": making("models.a.table"), "tuned": making("tuned.a.table")}
    monkeypatch.setattr(preflight, "pipelines", registered)
    files = {"models.{name}.table": "{name}.csv", "tuned.{model}.table": "{model}.csv"}
    with pytest.raises(ConfigurationError, match=r"models\.a\.table, tuned\.a\.table"):
        check_run(registered["models"], catalog_of(files))


def test_a_file_of_another_pipeline_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = {"models": making("models.a.table"), "text": making("other")}
    monkeypatch.setattr(preflight, "pipelines", registered)
    catalog = catalog_of({"models.{name}.table": "{name}.csv", "other": "a.csv"})
    with pytest.raises(ConfigurationError, match=r"a\.csv: the file of models\.a"):
        check_run(registered["models"], catalog)
    # As an input, it is the same data under a second name.
    del registered["text"]
    check_run(registered["models"], catalog)


def test_missing_data_is_named_with_the_command_that_makes_it(
    catalog: DataCatalog,
) -> None:
    make = node(["part", "raw"], "models.a.table", "make")
    assert refused(catalog, make) == (
        "Data is missing:\n  part: does not exist yet; 'kedro run -p split' makes it"
        "\n  raw: put it at data/raw.csv, or correct the catalog"
    )
    table = pd.DataFrame({"a": [1]})
    for name in ("part", "raw"):
        catalog.save(name, table)
    check_run(Pipeline([make]), catalog)


def test_models_and_scores_are_checked_before_anything_is_fitted(
    catalog: DataCatalog,
) -> None:
    misspelt = "sklearn.tree.DecisionTreeClasifier"
    catalog["params:models.a"] = TREE.model_copy(update={"class_path": misspelt})
    catalog["params:comparison"] = ComparisonSpec(scoring=["acuracy"])
    text = refused(
        catalog, node(["params:models.a", "params:comparison"], "models.a.table", "fit")
    )
    assert f"models.a.class: '{misspelt}' does not exist" in text
    assert "comparison.scoring: scikit-learn has no score 'acuracy'" in text


def failure_of_loading(catalog: DataCatalog, name: str) -> DatasetError:
    """Return what Kedro raises for a dataset that cannot be loaded."""
    with pytest.raises(DatasetError) as caught:
        catalog.load(name)
    return caught.value


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
def test_a_table_that_cannot_be_read_is_named(
    content: bytes | None, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "table.csv"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    catalog = catalog_of({"table": str(file)})
    error = failure_of_loading(catalog, "table")
    explained = explain(error, catalog, "table", "read")
    assert isinstance(explained, ConfigurationError)
    with pytest.raises(ConfigurationError) as caught:
        raise explained
    assert caught.match(rf"table\.csv \(table\) cannot be read: .*{reason}")
    assert "\n" not in explained.message


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.joinpath("file").touch()
    catalog = catalog_of({"table": str(tmp_path / "file/table.csv")})
    with pytest.raises((DatasetError, OSError)) as caught:
        catalog.save("table", pd.DataFrame({"a": [1]}))
    explained = explain(caught.value, catalog, "table", "written")
    assert "file/table.csv (table) cannot be written: " in str(explained)


def test_a_dataset_without_a_file_is_named_too() -> None:
    catalog = DataCatalog.from_config({"table": {"type": "MemoryDataset"}})
    error = failure_of_loading(catalog, "table")
    assert str(explain(error, catalog, "table", "read")) == (
        "table cannot be read: Data for MemoryDataset has not been saved yet"
    )


def test_an_unknown_dataset_leaves_the_words_to_kedro(tmp_path: Path) -> None:
    catalog = catalog_of({"table": str(tmp_path / "table.csv")})
    error = failure_of_loading(catalog, "table")
    explained = explain(error, catalog, "", "read")
    assert isinstance(explained, ConfigurationError)
    assert explained.message == str(error)


class OwnDataset(AbstractDataset[Any, Any]):
    """A dataset of the project, with an error of its code or of the system."""

    def __init__(self, error: Exception):
        """Take the error to raise."""
        self._error = error

    def load(self) -> Any:
        """Raise the error."""
        raise self._error

    def save(self, data: Any) -> None:
        """Do nothing."""

    def _describe(self) -> dict[str, Any]:
        return {}


def test_errors_in_code_of_the_project_keep_their_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(OwnDataset, "__module__", "iris.datasets")
    catalog = DataCatalog(
        {"faulty": OwnDataset(KeyError("a")), "lost": OwnDataset(FileNotFoundError(2))}
    )
    error = failure_of_loading(catalog, "faulty")
    assert explain(error, catalog, "faulty", "read") is error
    # A file that is missing is not a fault in the code.
    error = failure_of_loading(catalog, "lost")
    assert str(explain(error, catalog, "lost", "read")) == "lost cannot be read: 2"

    raised_by_node = ValueError("no")
    for name in ("", "faulty"):
        assert explain(raised_by_node, catalog, name, "read") is raised_by_node


def test_an_error_of_the_data_gets_its_name(catalog: DataCatalog) -> None:
    error = DataError("a: infinite")
    table = pd.DataFrame({"a": [1]})
    name_tables(error, {"raw": table, "model": print, "params:data": table}, catalog)
    assert error.message.startswith("data/raw.csv (raw) has a problem:")

    # Not all data are tables.
    name_tables(error, {"texts": ["a"], "params:data": table}, catalog)
    assert error.message.startswith("texts has a problem:")
    name_tables(ValueError("no"), {"raw": table}, catalog)


def test_a_worker_that_was_killed_gets_advice() -> None:
    killed = BrokenProcessPool("terminated abruptly")
    explained = explain(killed, DataCatalog(), "", "")
    assert isinstance(explained, ConfigurationError)
    for words in ("memory", "--only-missing-outputs", "--runner-params=max_workers=2"):
        assert words in explained.message


def test_a_name_that_is_too_long_for_a_file_is_missing_data() -> None:
    catalog = catalog_of({"table": f"/tmp/{'a' * 300}.csv"})
    using = node(["table"], None, "use")
    assert "table: put it at /tmp/aaaa" in refused(catalog, using)


@pytest.mark.parametrize(
    "name", ["models.../../../tmp/evil.fitted_model", "/etc/x", "..\\x", "s3://b/x"]
)
def test_a_name_does_not_lead_out_of_the_folder_of_a_pattern(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the name of a dataset"):
        check_run(Mock(datasets=lambda: {"raw", name}), DataCatalog())
