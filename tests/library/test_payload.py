"""What MLflow is told of a run and its models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_dynamic.config.errors import one_line
from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.tracking.description import NOTE, describe
from kedro_dynamic.tracking.payload import (
    ModelPayload,
    Payload,
    _model,
    collect,
    flatten,
    numbers,
)
from mlflow import MlflowClient

from library.a_run import make_run

METRICS = "models.a.metrics"
TREE = ModelSpec.model_validate(
    {"class": "sklearn.tree.DecisionTreeClassifier", "model_kwargs": {"max_depth": 1}}
)


def score(raw: dict[str, float], model: ModelSpec, seed: int) -> dict[str, float]:
    return {}


MODEL = Pipeline(
    [Node(score, ["raw", "params:model", "params:random_state"], "metrics", name="s")]
)
BOTH = Pipeline(
    [
        Pipeline(
            MODEL,
            namespace=space,
            inputs="raw",
            parameters={
                "params:model": f"params:{space}",
                "params:random_state": "params:random_state",
            },
        )
        for space in ("models.a", "models.b")
    ]
)


class TwoModels:
    """A run of two models under way; tests write what it makes."""

    def __init__(
        self,
        folder: Path,
        client: MlflowClient | None = None,
        *,
        only_missing: bool = False,
    ):
        """Begin the run; the files of its models go into the folder."""
        self.folder = folder
        (folder / "raw.json").write_text("{}")
        path = f"{folder}/{{name}}.json"
        pattern = {"type": "json.JSONDataset", "filepath": path}
        catalog = DataCatalog.from_config(
            {
                "models.{name}.metrics": pattern,
                "models.{name}.fitted_model": pattern,
                "raw": pattern | {"filepath": f"{folder}/raw.json"},
            }
        )
        catalog["params:models.a"] = catalog["params:models.b"] = TREE
        catalog["params:random_state"] = 3
        catalog["parameters"] = {"random_state": 3, "models": {"a": {}}}
        self.run = make_run(
            BOTH, catalog, folder, client, only_missing_outputs=only_missing
        )

    def write(self, model: str, **metrics: Any) -> None:
        """Write the metrics of a model."""
        (self.folder / f"{model}.json").write_text(json.dumps(metrics))

    def payload(self, error: Exception | None = None) -> Payload:
        """Return what MLflow is told of the run."""
        payload = collect(self.run, error)
        describe(self.run, payload)
        return payload

    def models(self, error: Exception | None = None) -> dict[str, ModelPayload]:
        """Return what MLflow is told of the models, by their names."""
        return {model.name: model for model in self.payload(error).models}


def test_finished_models_have_metrics_and_times(tmp_path: Path) -> None:
    run = TwoModels(tmp_path)
    run.write("a", model_score=0.9, fit_seconds=3.0)
    model = run.models()["a"]
    assert (model.status, model.namespace) == ("FINISHED", "models.a")
    assert model.metrics["model_score"] == 0.9
    assert model.end == round((tmp_path / "a.json").stat().st_mtime * 1000)
    assert model.start == model.end - 3000


def test_a_failed_model_has_its_error(tmp_path: Path) -> None:
    run = TwoModels(tmp_path)
    run.write("a", model_score=0.9)
    run.write("b", error="ValueError: no", traceback="long " * 2000 + "end")
    payload = run.payload()
    models = {model.name: model for model in payload.models}
    assert payload.status == "FAILED"
    assert {name: model.status for name, model in models.items()} == {
        "a": "FINISHED",
        "b": "FAILED",
    }
    assert models["b"].tags["error"] == "ValueError: no"
    assert models["b"].tags["traceback"].endswith("end")


def test_results_of_another_run_are_not_reported_as_its_own(tmp_path: Path) -> None:
    TwoModels(tmp_path).write("a", model_score=0.9)
    # A full run that is stopped before it writes anew does not have the old score.
    assert TwoModels(tmp_path).models() == {}
    stopped = TwoModels(tmp_path).models(ValueError("stop"))
    assert {model.status for model in stopped.values()} == {"KILLED"}
    assert not any(model.metrics for model in stopped.values())

    resumed = TwoModels(tmp_path, only_missing=True)
    assert {model.is_reused for model in resumed.models().values()} == {True}
    resumed.write("b", model_score=0.8)
    models = resumed.models()
    assert (models["a"].is_reused, models["b"].is_reused) == (True, False)
    assert models["a"].metrics == {"model_score": 0.9}


def test_nothing_is_said_of_what_outdated_files_were_made_from(tmp_path: Path) -> None:
    run = TwoModels(tmp_path)
    run.write("a", model_score=0.9)
    run.write("b", model_score=0.8)
    fitted_model = "models.a.fitted_model"
    run.run.plan.disputed = {"params:random_state"}
    run.run.plan.outdated = dict.fromkeys((fitted_model, METRICS), fitted_model)
    payload = run.payload()
    assert payload.params == {}
    assert payload.tags["outdated"] == fitted_model
    model, of_today = payload.models
    assert (model.params, model.data) == ({}, [])
    assert model.metrics == {"model_score": 0.9}
    assert model.tags["outdated"] == fitted_model
    assert not model.tags.keys() & {"data", "data_digest", "kedro_command"}
    assert "is not known" in model.tags[NOTE]
    assert of_today.params["model_kwargs.max_depth"] == "1"
    assert "outdated" not in of_today.tags


def test_values_are_flat_texts_and_numbers() -> None:
    nested = {"a": {"b": {"c": 1}, "d": {}}, "e": [2], "tree": TREE}
    flat = flatten(nested)
    assert flat.items() >= {"a.b.c": "1", "a.d": "{}", "e": "[2]"}.items()
    assert flat["tree.model_kwargs.max_depth"] == "1"
    assert flatten({"at": "http://me:pw@host"}) == {"at": "http://***@host"}
    assert numbers({"a": 1, "b": "x", "c": None}) == {"a": 1.0}
    assert one_line(ValueError("a\n  b")) == "ValueError: a b"


def test_the_run_has_the_parameters_that_are_not_of_models(tmp_path: Path) -> None:
    assert TwoModels(tmp_path).payload().params == {"random_state": "3"}
    one_model = Pipeline([Node(score, ["raw", "params:models", "params:seed"], "x")])
    catalog = DataCatalog()
    catalog["raw"], catalog["params:models"], catalog["params:seed"] = {}, {"a": {}}, 1
    run = make_run(one_model, catalog, tmp_path)
    catalog["parameters"] = {"models": {"a": {}}}
    assert collect(run, None).params == {"seed": "1"}


def test_a_model_is_of_the_data_of_its_namespace_and_of_those_around_it(
    tmp_path: Path,
) -> None:
    names = ["raw", "benchmark.iris.raw", "benchmark.irises.raw"]
    data = [{"name": name, "path": name, "digest": name} for name in names]
    run = TwoModels(tmp_path).run
    model = _model("benchmark.iris.tree.baseline", {"model": TREE}, data, run)
    assert model.data == data[:2]
