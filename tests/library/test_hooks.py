"""Checks before a run, and what is left of it after."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro_dynamic.config.errors import ConfigurationError, DataError
from kedro_dynamic.config.schema import ComparisonSpec, ModelSpec
from kedro_dynamic.runs.failures import FailureCatcher, FailureHook, ModelsFailed
from kedro_dynamic.runs.preflight import CheckHook

TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})
FAILURE = {"error": "ValueError: no", "traceback": "..."}
RUN = {
    "only_missing_outputs": False,
    "runner": "SequentialRunner",
    "pipeline_names": [],
}


def run_params(**changes: Any) -> dict[str, Any]:
    return RUN | changes


def node(inputs: Any, outputs: Any, name: str, namespace: str = "models.a") -> Node:
    def function(*_: object) -> Any:
        raise AssertionError("is not run")

    return Node(function, inputs, outputs, name=name, namespace=namespace)


def entry(kind: str, file: str, **metadata: Any) -> dict[str, Any]:
    return {"type": kind, "filepath": file, "metadata": metadata}


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataCatalog:
    """Return a catalog of a project that is the working directory."""
    monkeypatch.chdir(tmp_path)
    data = f"{tmp_path}/data"
    table = "pandas.CSVDataset"
    return DataCatalog.from_config(
        {
            "part": entry(table, f"{data}/part.csv", made_by="kedro run -p split"),
            "raw": entry(table, f"{data}/raw.csv"),
            "models.{namespace}.table": entry(table, f"{data}/{{namespace}}.csv"),
            "models.{namespace}.plot": entry(
                "plotly.JSONDataset", f"{data}/{{namespace}}_plot.json"
            ),
            "models.{namespace}.metrics": entry(
                "json.JSONDataset", f"{data}/{{namespace}}_metrics.json"
            ),
            "leaderboard": entry(
                table, f"{data}/leaderboard.csv", console="Leaderboard"
            ),
        }
    )


def refused(catalog: DataCatalog, *nodes: Node) -> str:
    with pytest.raises(ConfigurationError) as caught:
        CheckHook().before_pipeline_run(RUN, Pipeline([*nodes]), catalog)
    return str(caught.value.message)


def test_what_would_not_be_saved_is_named_with_its_pattern(
    catalog: DataCatalog,
) -> None:
    both = [
        node([], f"models.{name}.confusion", name, f"models.{name}") for name in "ab"
    ]
    assert refused(catalog, *both) == (
        "The catalog has a problem:\n  models.a.confusion: matches no entry and no "
        "pattern, so it would not be saved; add 'models.{namespace}.confusion'"
    )
    # What sums models up has no namespace in its name.
    ranks = node(["models.a.table"], "ranks", "rank", "models")
    assert "ranks: matches no entry and no pattern" in refused(catalog, ranks)


def test_data_without_a_namespace_may_stay_in_memory(catalog: DataCatalog) -> None:
    catalog.save("raw", pd.DataFrame({"a": [1]}))
    steps = [node("raw", "words", "clean", "prepare"), node("words", "x", "fit", "fit")]
    CheckHook().before_pipeline_run(RUN, Pipeline(steps), catalog)


def test_what_is_missing_is_named_with_what_makes_it(catalog: DataCatalog) -> None:
    made = node(["part", "raw"], "models.a.table", "make")
    assert refused(catalog, made) == (
        "Data is missing:\n  part: does not exist yet; 'kedro run -p split' makes it"
        "\n  raw: put it at data/raw.csv, or correct the catalog"
    )
    table = pd.DataFrame({"a": [1]})
    for name in ("part", "raw"):
        catalog.save(name, table)
    CheckHook().before_pipeline_run(RUN, Pipeline([made]), catalog)


def test_models_and_scores_are_checked_before_anything_is_fitted(
    catalog: DataCatalog,
) -> None:
    gone = TREE.model_copy(update={"class_path": "sklearn.tree.DecisionTreeClasifier"})
    catalog["params:models.a"] = gone
    catalog["params:comparison"] = ComparisonSpec(scoring=["acuracy"])
    text = refused(
        catalog, node(["params:models.a", "params:comparison"], "models.a.table", "fit")
    )
    assert "models.a.class: 'sklearn.tree.DecisionTreeClasifier' does not exist" in text
    assert "comparison.scoring: scikit-learn has no score 'acuracy'" in text


def test_an_error_of_the_data_gets_its_name(catalog: DataCatalog) -> None:
    error = DataError.listing("The data", ["a: infinite"])
    split = node(["raw", "params:data"], "models.a.table", "split")
    CheckHook().on_node_error(error=error, node=split, catalog=catalog)
    assert error.message.startswith("data/raw.csv (raw) has a problem:")


def fails(_: Any) -> Any:
    raise ValueError("no")


def run_of_a_failing_model(catalog: DataCatalog) -> Pipeline:
    """Run a model that fails, all its datasets being there from another run."""
    catalog.save("raw", pd.DataFrame({"a": [1]}))
    outputs = [f"models.a.{name}" for name in ("table", "plot", "metrics")]
    for suffix in (".csv", "_plot.json", "_metrics.json"):
        Path(f"data/a{suffix}").write_text("{}")
    pipeline = Pipeline(
        [Node(FailureCatcher(fails, outputs), "raw", outputs, namespace="models.a")]
    )
    hooks = _create_hook_manager()
    hooks.register(FailureHook())
    SequentialRunner().run(pipeline, catalog, hooks)
    return pipeline


def test_files_that_cannot_hold_an_error_are_none_of_this_run(
    catalog: DataCatalog,
) -> None:
    pipeline = run_of_a_failing_model(catalog)
    assert catalog.load("models.a.metrics")["error"] == "ValueError: no"
    assert sorted(os.listdir("data")) == ["a_metrics.json", "raw.csv"]
    with pytest.raises(ModelsFailed) as caught:
        FailureHook().after_pipeline_run(run_params(), pipeline, catalog)
    assert caught.value.message.startswith(
        "1 of 1 models failed:\n  models.a: ValueError: no\nEverything else is saved."
    )
    assert caught.value.message.endswith("--only-missing-outputs")
