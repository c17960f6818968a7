"""The best model of a run, or an inference pipeline, that may become champion."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from kedro.framework import project
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_datasets.pickle import PickleDataset
from kedro_dynamic import DataSpec, ModelSpec, build_model
from kedro_dynamic.champion import pipelines
from kedro_dynamic.champion.pipelines import promote_pipeline
from kedro_dynamic.champion.promote import promote
from kedro_dynamic.champion.recipe import RECIPE_FILE
from kedro_dynamic.champion.registry import current_champion, make_champion
from kedro_dynamic.config.tracking import ChampionRule, TrackingConfig
from kedro_dynamic.runs import makers
from kedro_dynamic.tracking.payload import ModelPayload, Payload
from kedro_mlflow.pipeline import pipeline_ml_factory
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow import MlflowClient

from library.a_run import make_run
from library.mlflow_store import open_run

TREE = ModelSpec.model_validate(
    {
        "class": "sklearn.tree.DecisionTreeClassifier",
        "search_space": {"max_depth": {"int": [1, 5]}},
        "trials": 20,
    }
)
DATA = DataSpec(target_column="kind", table="animals")
ROWS = pd.DataFrame(
    {"legs": [4, 2] * 20, "weight": [0.5, 1.5] * 20, "fur": ["long", "none"] * 20}
)
KIND = pd.Series(["cat", "bird"] * 20, name="kind")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    """Return a client of a new store, with a run open."""
    with open_run(tmp_path_factory.mktemp("store")) as client:
        yield client


FIRST = "tree is the first champion: validation accuracy 0.800, the baseline 0.500."
AGAIN = (
    "Keep tree: the same model on the same data, validation accuracy 0.800, the "
    "baseline 0.500."
)


class TreeRun:
    """A run of one tree, which promotes it.

    Attributes:
        run: The run, whose catalog tests change.
        model: What the run says of the tree.
    """

    def __init__(self, client: MlflowClient, folder: Path, target: pd.Series[str]):
        """Fit the tree to the rows and their target."""
        self.client = client
        catalog = DataCatalog()
        catalog["parameters"] = {
            "data": {"target_column": "kind", "table": "animals"},
            "comparison": {},
            "random_state": 3,
        }
        catalog["X_train"] = catalog["X_test"] = ROWS
        catalog["y_train"] = catalog["y_test"] = target.to_frame()
        catalog["folds"] = pd.DataFrame({"fold": [1, 2, 3, 4, 5] * 8})
        catalog["models.tree.validation"] = {"accuracy": [0.8, 0.9, 0.8, 0.7, 0.8]}
        fitted_model: Any = build_model(TREE, DATA, ROWS, target, 3)
        catalog["models.tree.fitted_model"] = fitted_model.fit(ROWS, target)
        row = {"validation_accuracy": 0.8}
        catalog["leaderboard"] = pd.DataFrame(
            {"model": ["tree", "baseline"], "validation_accuracy": [0.8, 0.5]}
        )
        rank = Node(lambda scores: scores, "scores", "leaderboard", name="rank")
        self.run = make_run(Pipeline([rank]), catalog, folder, client)
        self.run.mlflow.experiment_id = "1"
        self.model = ModelPayload(
            name="tree",
            namespace="models.tree",
            spec=TREE,
            start=1000,
            end=2000,
            metrics=row,
            id=client.create_run("1").info.run_id,
        )

    def promote(self) -> str | None:
        """Promote the tree; return what is said about it."""
        payload = Payload(name="run", start=0, end=0, models=[self.model])
        active = mlflow.active_run()
        assert active
        payload.id = active.info.run_id
        payload.headline = "tree is best."
        outcome = promote(self.run, payload, self.client)
        self.champion = outcome.champion if outcome else ""
        return outcome.sentence if outcome else None


def test_a_promoted_model_has_files_recipe_and_facts(
    client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = TreeRun(client, tmp_path, KIND)
    # What the run has fitted is not fitted again.
    monkeypatch.setattr("kedro_dynamic.champion.promote.build_model", None)
    run, model, child_run = tree.run, tree.model, tree.model.id
    assert tree.promote() == FIRST
    assert tree.champion == "tree"
    champion = current_champion(client, "iris")
    assert champion
    assert champion.run_id == child_run
    assert champion.tags.items() >= {
        ("model", "tree"),
        ("metric", "accuracy"),
        ("score", "0.8"),
        ("folds", "5"),
        ("table", "animals"),
        ("columns", "legs, weight, fur, kind"),
    }
    assert champion.tags["project"].endswith(str(tmp_path))
    assert champion.description
    recipe = mlflow.artifacts.load_dict(f"runs:/{child_run}/{RECIPE_FILE}")
    assert recipe["model"]["class"] == TREE.class_path
    assert recipe["model"]["trials"] == 0  # a recipe is not tuned again
    assert champion.tags["split_digest"] == recipe["split_digest"]
    assert client.get_run(child_run).info.end_time == 2000
    loaded = mlflow.pyfunc.load_model("models:/iris@champion")
    assert loaded.predict(ROWS).tolist() == KIND.tolist()

    verdict = tree.promote()
    assert verdict == AGAIN
    assert tree.champion == "tree"
    assert len(client.search_model_versions("name = 'iris'")) == 1
    rule = ChampionRule(metric="recall")
    run.store.config = TrackingConfig(champion=rule)
    verdict = tree.promote()
    assert verdict == (
        "The champion stays as before: no model of this run has a finite score "
        "'recall'."
    )
    run.store.config = TrackingConfig()
    parameters = run.catalog["parameters"].load()
    parameters["data"]["table"] = "plants"
    run.catalog["parameters"] = parameters
    verdict = tree.promote()
    assert verdict
    assert verdict.startswith(
        "tree is best. The champion stays as before: it is of the table animals, this "
        "run of plants; "
    )
    assert tree.champion == ""
    parameters["data"]["table"] = "animals"
    run.catalog["parameters"] = parameters
    run.plan.outdated = {"leaderboard": "X_train"}
    verdict = tree.promote()
    assert verdict == (
        "The champion stays as before: files of other parameters, data or code were "
        "taken (X_train)."
    )
    run.plan.outdated = {}
    run.catalog["models.tree.validation"] = {"accuracy": [0.9, 0.4, 0.9, 0.2, 0.9]}
    model.spec = TREE.with_arguments({"max_depth": 2})
    verdict = tree.promote()
    assert verdict == (
        "Keep tree: no model of this run beats the baseline: tree has validation "
        "accuracy 0.660, the baseline 0.500."
    )
    run.pipeline = Pipeline([])
    assert tree.promote() is None


def test_a_model_with_the_name_of_the_champion(
    client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With other arguments it is another model, also on the leaderboard."""
    monkeypatch.setattr(project, "PACKAGE_NAME", "iris_of_names")
    TreeRun(client, tmp_path, KIND).promote()
    tree = TreeRun(client, tmp_path, KIND)
    tree.model.spec = TREE.with_arguments({"max_depth": 1})
    assert tree.promote() == (
        "Keep tree: tree of this run scored 0.800 against 0.800, the same."
    )
    assert tree.champion == ""


@pytest.mark.parametrize("is_in_run", [True, False])
def test_the_files_of_a_champion_follow_the_data(
    client: MlflowClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_in_run: bool,
) -> None:
    monkeypatch.setattr(project, "PACKAGE_NAME", f"iris_{is_in_run}")
    TreeRun(client, tmp_path, KIND).promote()
    renamed = KIND.map({"cat": "CAT", "bird": "BIRD"})
    tree = TreeRun(client, tmp_path, renamed)
    if not is_in_run:  # another model is better, but not by more than the champion
        tree.model.spec = TREE.with_arguments({"max_depth": 2})
        tree.model.name = "other"
        tree.run.catalog["leaderboard"] = pd.DataFrame(
            [{"model": "other", "validation_accuracy": 0.8}]
        )
    verdict = tree.promote()
    assert verdict
    assert verdict.startswith("Keep tree, registered anew: its data changed; ")
    name = f"iris_{is_in_run}"
    loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    assert loaded.predict(ROWS).tolist() == renamed.tolist()
    champion = current_champion(client, name)
    assert champion
    child_run = client.get_run(str(champion.run_id))
    assert child_run.info.status == "FINISHED"
    recipe = mlflow.artifacts.load_dict(f"runs:/{champion.run_id}/{RECIPE_FILE}")
    assert "max_depth" not in recipe["model"]["model_kwargs"]
    if is_in_run:
        assert champion.run_id == tree.model.id
    else:
        assert child_run.data.tags["refitted"] == "true"
        assert child_run.data.params["class"] == "DecisionTreeClassifier"
    assert tree.promote() != verdict


def test_a_run_of_some_nodes_knows_the_code_that_fitted(
    client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "PACKAGE_NAME", "iris_of_some_nodes")
    fitted_model = "models.tree.fitted_model"
    node = Node(fit, "weather", fitted_model, name="fit", namespace="models.tree")
    monkeypatch.setattr(makers, "pipelines", {"__default__": Pipeline([node])})
    whole = TreeRun(client, tmp_path, KIND)
    whole.run.pipeline += Pipeline([node])
    assert whole.promote() == FIRST
    verdict = TreeRun(client, tmp_path, KIND).promote()
    assert verdict == AGAIN


HUMIDITY = pd.DataFrame({"humidity": [percent / 100 for percent in range(100)]})


def fit(weather: pd.DataFrame) -> float:
    return float(weather["humidity"].median())


def hold_out(weather: pd.DataFrame) -> pd.DataFrame:
    return weather.head()


def predict(weather: pd.DataFrame, threshold: float, names: list[str]) -> pd.DataFrame:
    wet = weather["humidity"] >= threshold
    return pd.DataFrame({"label": wet.map({False: names[0], True: names[1]})})


def predict_surely(
    weather: pd.DataFrame, threshold: float, names: list[str]
) -> pd.DataFrame:
    return predict(weather, threshold, names).assign(probability=0.9)


def forecast(
    registered_name: str | None, *, is_tested: bool = True, is_sure: bool = False
) -> PipelineML:
    """Return a training pipeline: a threshold, and the rows that it is tested on."""
    answer = predict_surely if is_sure else predict
    training = [Node(fit, "weather", "threshold", name="fit")]
    if is_tested:
        training.append(Node(hold_out, "weather", "test_weather", name="hold_out"))
    inputs = ["weather", "threshold", "params:names"]
    return pipeline_ml_factory(
        Pipeline(training),
        Pipeline([Node(answer, inputs, "predictions", name="predict")]),
        input_name="weather",
        log_model_kwargs={
            "registered_model_name": registered_name,
            "pip_requirements": ["kedro-mlflow"],
        },
    )


@dataclass
class Contest:
    """A registered model that forecasts whether the weather is wet."""

    client: MlflowClient
    name: str
    folder: Path

    def enter(
        self,
        threshold: object,
        pipeline: PipelineML = None,
        test: pd.DataFrame = HUMIDITY,
        **rule: object,
    ) -> str | None:
        """Log a forecast and compare it with the champion.

        Args:
            threshold: The humidity from which it forecasts wet weather; 0.5 is right.
            pipeline: The training pipeline, if it is not the usual one.
            test: The rows to test it on.
            rule: The rule by which the champion changes.
        """
        catalog = DataCatalog(
            {"threshold": PickleDataset(filepath=f"{self.folder}/threshold.pkl")}
        )
        catalog["threshold"].save(threshold)
        catalog["params:names"] = ["dry", "wet"]
        catalog["weather"] = HUMIDITY
        label = (HUMIDITY["humidity"] >= 0.5).map({False: "dry", True: "wet"})
        catalog["test_weather"] = test.assign(label=label)

        active = mlflow.active_run()
        assert active
        pipeline = pipeline or forecast(self.name)
        run = make_run(pipeline, catalog, self.folder, self.client)
        run.mlflow.id = active.info.run_id
        champion_rule = ChampionRule.model_validate(rule)
        run.store.config = TrackingConfig(champion=champion_rule)
        outcome = promote_pipeline(run, pipeline, self.client)
        return outcome.sentence if outcome else None

    @property
    def champion(self) -> str | None:
        """Return the champion's version."""
        champion = current_champion(self.client, self.name)
        return str(champion.version) if champion else None


@pytest.fixture
def contest(
    client: MlflowClient, tmp_path: Path, request: pytest.FixtureRequest
) -> Contest:
    """Return a registered model that no other test uses."""
    return Contest(client, request.node.name, tmp_path)


def test_the_better_pipeline_is_registered_and_answers(contest: Contest) -> None:
    name = f"{contest.name} of this run"
    assert contest.enter(0.3) == (
        f"{name} is the first champion: accuracy 0.800 (the majority 0.500), on 100 "
        "test rows."
    )
    rows = "on 100 of 100 test rows, new to both"
    assert contest.enter(0.5, margin=0.3) == (
        f"Keep version 1: {name} scored 1.000 against 0.800, within the margin (0.3), "
        f"{rows}."
    )

    verdict = contest.enter(0.5)
    assert verdict
    assert verdict.startswith(f"{name} replaces version 1: 1.000 against 0.800, beyond")
    assert verdict.endswith(f"{rows}.")
    verdict = contest.enter(0.5)
    assert verdict
    assert "scored 1.000 against 1.000, the same, on" in verdict

    # Each run has logged a model, and only the two that became champion are registered.
    assert contest.champion == "2"
    model = mlflow.pyfunc.load_model(f"models:/{contest.name}@champion")
    assert model.predict(HUMIDITY)["label"].tolist() == ["dry"] * 50 + ["wet"] * 50


def test_only_rows_that_neither_was_trained_on_are_compared(contest: Contest) -> None:
    held_out = HUMIDITY[30:70]
    contest.enter(0.3, test=held_out)
    verdict = contest.enter(0.5, test=HUMIDITY.drop(index=held_out.index))
    assert verdict
    assert "cannot be compared on 0 of 60" in verdict
    verdict = contest.enter(0.5)
    assert verdict
    assert "1.000 against 0.500, beyond chance" in verdict
    assert "on 40 of 100 test rows, new to both" in verdict


def test_a_model_without_answers_is_never_champion(contest: Contest) -> None:
    with pytest.raises(TypeError):
        contest.enter("no threshold")
    assert contest.champion is None


def test_a_model_below_the_majority_is_champion_by_hand_alone(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "pipelines", {"promote": Pipeline([])})
    verdict = contest.enter(0.3, test=HUMIDITY[:50])
    assert verdict
    assert verdict.startswith(
        "No champion is set: accuracy 0.600 is below the majority, 1.000. To set it: "
    )
    assert contest.champion is None
    (uri,) = re.findall(r"--pipelines promote --params model_uri=(\S+)", verdict)
    model = mlflow.pyfunc.load_model(uri)
    make_champion(model, contest.name)
    make_champion(model, contest.name)
    assert contest.champion == "1"


@pytest.mark.parametrize(
    ("scoring", "first", "shown"),
    [
        ("neg_log_loss", "log loss 0.545", "log loss 0.105"),
        ("roc_auc_ovr", "ROC AUC 0.800", "1.000"),
        ("f1_macro", "f1 macro 0.792", "1.000"),
    ],
)
def test_the_score_of_the_pipeline_decides(
    scoring: str, first: str, shown: str, contest: Contest
) -> None:
    pipeline = forecast(contest.name, is_sure=True)
    pipeline.scoring = scoring
    verdict = contest.enter(0.3, pipeline)
    assert verdict
    assert f"is the first champion: {first}, accuracy 0.800 (the maj" in verdict
    champion = current_champion(contest.client, contest.name)
    assert champion
    assert champion.tags["metric"] == scoring
    verdict = contest.enter(0.5, pipeline)
    assert verdict
    assert f"replaces version 1: {shown}" in verdict


@pytest.mark.parametrize("is_tested", [True, False])
def test_without_a_name_or_test_rows_nothing_is_registered(
    contest: Contest, is_tested: bool
) -> None:
    name = None if is_tested else contest.name
    assert contest.enter(0.5, forecast(name, is_tested=is_tested)) is None
    assert contest.champion is None
