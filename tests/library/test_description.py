"""What people read on MLflow's pages."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.tracking.description import NOTE, describe, describe_experiment
from kedro_dynamic.tracking.payload import ModelPayload, Payload

from library.a_run import make_run
from library.mlflow_store import open_run

TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})
BOARD = pd.DataFrame({"model": ["baseline", "b", "a"], "validation_accuracy": 0.5})
KIND = "mlflow.experimentKind"


def described(
    leaderboard: object, tmp_path: Path, name: str = "__default__"
) -> Payload:
    """Return what MLflow is told of a run of two models, one of which failed."""
    compare = Node(lambda x: x, "x", "leaderboard", name="compare", namespace="models")
    catalog, pipeline = DataCatalog(), Pipeline([compare])
    catalog["leaderboard"] = leaderboard
    catalog["x"] = 1
    run = make_run(pipeline, catalog, tmp_path)
    tags = {"kedro_command": "kedro run", "data": "iris.csv"}
    models = [
        ModelPayload(
            name=model,
            namespace=f"models.{model}",
            spec=TREE,
            start=1,
            end=2,
            tags={**tags},
        )
        for model in "ab"
    ]
    models[0].status = "FAILED"
    models[1].metrics = {"validation_accuracy": 0.987}
    payload = Payload(name=name, models=models, start=1, end=2, tags={**tags})
    describe(run, payload)
    return payload


def test_a_run_is_called_by_its_best_model(tmp_path: Path) -> None:
    payload = described(BOARD, tmp_path)
    assert payload.title == payload.tags["mlflow.runName"] == "b 0.987"
    assert payload.models[1].title == "b 0.987"
    assert payload.tags["best_model"] == "b"
    assert payload.metrics == {"validation_accuracy": 0.987}
    assert payload.headline == (
        "b is best: validation accuracy 0.987, the baseline 0.500."
    )
    assert payload.tags[NOTE].startswith(
        f"**{payload.headline}**\n\n1 of 2 models failed: a"
    )
    assert "DecisionTreeClassifier" in payload.models[0].tags[NOTE]


def test_a_text_of_the_catalog_may_be_the_verdict(tmp_path: Path) -> None:
    catalog = DataCatalog()
    text = MemoryDataset("Trees rank first.", metadata={"verdict": True})
    catalog["conclusion"] = text
    run = make_run(
        Pipeline([Node(lambda: "", None, "conclusion", name="conclude")]),
        catalog,
        tmp_path,
    )
    payload = Payload(name="benchmark", start=1, end=2, tags={"kedro_command": ""})
    describe(run, payload)
    assert payload.headline == "Trees rank first."


def test_a_model_of_another_run_is_first(tmp_path: Path) -> None:
    board = pd.DataFrame({"model": ["c", "b"], "validation_accuracy": [1.0, 0.9]})
    payload = described(board, tmp_path)
    assert "best_model" not in payload.tags
    assert "is best" not in payload.tags[NOTE]


def test_a_model_has_its_note_of_the_leaderboard(tmp_path: Path) -> None:
    notes = pd.Series([None, None, "within chance of the first"])
    board = BOARD.assign(note=notes)
    payload = described(board, tmp_path)
    assert payload.models[0].tags["note"] == "within chance of the first"
    assert "note" not in payload.models[1].tags


def test_a_run_that_a_person_has_named_keeps_its_name(tmp_path: Path) -> None:
    payload = described(BOARD, tmp_path, name="mine")
    assert payload.title == "mine"
    assert "mlflow.runName" not in payload.tags


@pytest.mark.parametrize("board", [pd.DataFrame({"other": [1]}), BOARD[:1], BOARD[2:]])
def test_without_a_best_model_nothing_is_said_of_it(
    board: pd.DataFrame, tmp_path: Path
) -> None:
    payload = described(board, tmp_path)
    assert payload.name == "__default__"
    assert payload.metrics == {}


def test_an_experiment_is_of_machine_learning_and_keeps_what_people_wrote(
    tmp_path: Path,
) -> None:
    with open_run(tmp_path) as client:
        client.set_experiment_tag("1", NOTE, "mine")
        describe_experiment(client, "1")
        describe_experiment(client, "of nobody")
        tags = client.get_experiment("1").tags
    assert tags[KIND] == "custom_model_development"
    assert tags[NOTE] == "mine"
