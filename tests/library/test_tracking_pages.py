"""What people read on MLflow's pages."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.runs.provenance import Plan, plans
from kedro_dynamic.tracking.payload import (
    NOTE,
    KedroRun,
    ModelOutcome,
    Outcome,
    describe,
    introduce,
)

from library.mlflow_store import open_run

TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})
BOARD = pd.DataFrame({"model": ["baseline", "b", "a"], "validation_accuracy": 0.5})
KIND = "mlflow.experimentKind"


def told(board: object, tmp_path: Path, name: str = "__default__") -> Outcome:
    """Return what MLflow is told of a run of two models, one of which failed."""
    compare = Node(lambda x: x, "x", "leaderboard", name="compare", namespace="models")
    catalog, pipeline = DataCatalog(), Pipeline([compare])
    catalog["leaderboard"] = board
    plans[id(catalog)] = Plan(pipeline, catalog, tmp_path)
    run = KedroRun(params={}, pipeline=pipeline, catalog=catalog, tags={}, files={})
    about = {
        "start": 1,
        "end": 2,
        "tags": {"kedro_command": "kedro run"},
        "entry": TREE,
    }
    models = [
        ModelOutcome(name="a", namespace="models.a", status="FAILED", **about),
        ModelOutcome(name="b", namespace="models.b", **about),
    ]
    models[1].metrics = {"validation_accuracy": 0.987}
    outcome = Outcome(name=name, models=models, **about)
    describe(run, outcome)
    return outcome


def test_a_run_is_called_by_its_best_model(tmp_path: Path) -> None:
    outcome = told(BOARD, tmp_path)
    assert outcome.name == outcome.tags["mlflow.runName"] == "default: b 0.987"
    assert outcome.tags["winner"] == "b"
    assert outcome.metrics == {
        "validation_accuracy": 0.987,
        "models": 2,
        "models_failed": 1,
    }
    assert "**b** is best: validation_accuracy 0.987" in outcome.tags[NOTE]
    assert "DecisionTreeClassifier" in outcome.models[0].tags[NOTE]


def test_a_run_that_a_person_has_named_keeps_its_name(tmp_path: Path) -> None:
    outcome = told(BOARD, tmp_path, name="mine")
    assert outcome.name == "mine"
    assert "mlflow.runName" not in outcome.tags


@pytest.mark.parametrize("board", [pd.DataFrame({"other": [1]}), BOARD[:1], BOARD[2:]])
def test_without_a_best_model_nothing_is_said_of_it(
    board: pd.DataFrame, tmp_path: Path
) -> None:
    outcome = told(board, tmp_path)
    assert outcome.name == "__default__"
    assert outcome.metrics == {"models": 2, "models_failed": 1}


def test_an_experiment_is_of_machine_learning_and_keeps_what_people_wrote(
    tmp_path: Path,
) -> None:
    with open_run(tmp_path) as client:
        client.set_experiment_tag("1", NOTE, "mine")
        introduce(client, "1")
        introduce(client, "of nobody")
        tags = client.get_experiment("1").tags
    assert tags[KIND] == "custom_model_development"
    assert tags[NOTE] == "mine"
