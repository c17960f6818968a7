"""The files of models, and an inference pipeline that competes to be champion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_datasets.pickle import PickleDataset
from kedro_dynamic import DataSpec, ModelSpec, build_model
from kedro_dynamic.champion.promote import promote
from kedro_dynamic.champion.recipe import FILE
from kedro_dynamic.champion.registry import current_champion
from kedro_dynamic.champion.serialize import log_model
from kedro_dynamic.config.tracking import ChampionRule
from kedro_dynamic.tracking.payload import KedroRun, ModelOutcome
from kedro_mlflow.pipeline import pipeline_ml_factory
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow import MlflowClient

from library.mlflow_store import open_run

TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})
DATA = DataSpec(target_column="kind")
ROWS = pd.DataFrame(
    {"legs": [4, 2] * 20, "weight": [0.5, 1.5] * 20, "fur": ["long", "none"] * 20}
)
KIND = pd.Series(["cat", "bird"] * 20, name="kind")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    """Return a client of a new store, with a run open."""
    with open_run(tmp_path_factory.mktemp("store")) as one:
        yield one


def fitted(model: ModelSpec = TREE) -> Any:
    """Return a model that has seen the rows."""
    return build_model(model, DATA, ROWS, KIND, 3).fit(ROWS, KIND)


def test_a_logged_model_takes_new_rows_as_they_come(client: MlflowClient) -> None:
    info = log_model(fitted(), ROWS)
    model = mlflow.pyfunc.load_model(info.model_uri)
    assert model.metadata.flavors["sklearn"]["serialization_format"] == "skops"
    assert model.metadata.signature.outputs
    assert model.predict(ROWS).tolist() == KIND.tolist()
    # Integers with gaps are floats, and floats that happen to be whole are integers.
    gaps = pd.DataFrame(
        {"legs": [4, None], "weight": [1, 2], "fur": ["long", None], "more": [0, 0]}
    )
    assert gaps["legs"].dtype == float
    assert len(model.predict(gaps)) == 2
    assert len(model.predict(gaps.assign(fur=[np.nan, np.nan]).astype({"fur": str})))
    unseen = ROWS.head(1).assign(fur="curly")
    assert model.predict(unseen).tolist() == ["cat"]


def test_what_a_model_needs_is_pinned_and_its_code_goes_along(
    client: MlflowClient,
) -> None:
    from kedro_dynamic.models.columns import LabelEncodedClassifier
    from sklearn.tree import DecisionTreeClassifier

    own = LabelEncodedClassifier(DecisionTreeClassifier()).fit(ROWS[["legs"]], KIND)
    info = log_model(own, ROWS[["legs"]])
    folder = Path(mlflow.artifacts.download_artifacts(info.model_uri))
    required = (folder / "requirements.txt").read_text().splitlines()
    assert {line.partition("==")[0] for line in required} >= {"mlflow", "scikit-learn"}
    assert all("==" in line for line in required)
    assert list((folder / "code").rglob("columns.py"))
    assert log_model(fitted(), ROWS).flavors["sklearn"]["code"] is None


def test_what_skops_cannot_store_is_pickled(client: MlflowClient) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.tree import DecisionTreeClassifier

    model = make_pipeline(FunctionTransformer(lambda X: X), DecisionTreeClassifier())
    info = log_model(model.fit(ROWS[["legs"]], KIND), ROWS[["legs"]])
    assert info.flavors["sklearn"]["serialization_format"] == "cloudpickle"


def test_a_promoted_model_has_files_recipe_and_facts(
    client: MlflowClient, tmp_path: Path
) -> None:
    catalog = DataCatalog()
    catalog["parameters"] = {
        "data": {"target_column": "kind"},
        "comparison": {},
        "random_state": 3,
    }
    catalog["X_train"] = catalog["X_test"] = ROWS
    catalog["y_train"] = catalog["y_test"] = KIND.to_frame()
    catalog["models.tree.validation"] = {"accuracy": [1.0, 0.5, 1.0, 0.5, 1.0]}
    catalog["models.tree.fitted_model"] = fitted()
    row = {"validation_accuracy": 0.8}
    catalog["leaderboard"] = pd.DataFrame([{"model": "tree", **row}])
    compare = Node(lambda x: x, "scores", "leaderboard", name="compare")
    run = KedroRun({}, Pipeline([compare]), catalog, experiment_id="1")
    child = client.create_run("1").info.run_id
    model = ModelOutcome(
        name="tree",
        namespace="models.tree",
        entry=TREE,
        start=1000,
        end=2000,
        metrics=row,
        id=child,
    )

    assert promote(run, client, [model], ChampionRule()) == "tree (first)"
    champion = current_champion(client, "iris")
    assert champion
    assert champion.run_id == child
    assert champion.tags.items() >= {
        ("model", "tree"),
        ("metric", "accuracy"),
        ("score", "0.8"),
        ("folds", "5"),
    }
    assert champion.description
    assert mlflow.artifacts.load_dict(f"runs:/{child}/{FILE}")["model"]["class"]
    assert client.get_run(child).info.end_time == 2000
    loaded = mlflow.pyfunc.load_model("models:/iris@champion")
    assert loaded.predict(ROWS).tolist() == KIND.tolist()

    verdict = promote(run, client, [model], ChampionRule())
    assert verdict == "tree (kept: 0.800 again: the same model on the same data)"
    assert len(client.search_model_versions("name = 'iris'")) == 1
    none = promote(run, client, [model], ChampionRule(metric="recall"))
    assert none == "as before (no model of this run has a finite score 'recall')"
    run.pipeline = Pipeline([])
    assert promote(run, client, [model], ChampionRule()) is None


HUMIDITY = pd.DataFrame({"humidity": [percent / 100 for percent in range(100)]})


def fit(weather: pd.DataFrame) -> float:
    return float(weather["humidity"].median())


def hold_out(weather: pd.DataFrame) -> pd.DataFrame:
    return weather.head()


def predict(weather: pd.DataFrame, threshold: float, names: list[str]) -> pd.DataFrame:
    wet = weather["humidity"] >= threshold
    return pd.DataFrame({"label": wet.map({False: names[0], True: names[1]})})


def forecast(title: str | None, *, tested: bool = True) -> PipelineML:
    """Return a training pipeline: a threshold, and what it is tested on."""
    training = [Node(fit, "weather", "threshold", name="fit")]
    if tested:
        training.append(Node(hold_out, "weather", "test_weather", name="hold_out"))
    inputs = ["weather", "threshold", "params:names"]
    return pipeline_ml_factory(
        Pipeline(training),
        Pipeline([Node(predict, inputs, "predictions", name="predict")]),
        input_name="weather",
        log_model_kwargs={
            "registered_model_name": title,
            "pip_requirements": ["kedro-mlflow"],
        },
    )


@dataclass
class Contest:
    """Thresholds compete to be champion."""

    client: MlflowClient
    title: str
    folder: Path

    def enter(
        self,
        threshold: object,
        pipeline: PipelineML = None,
        test: pd.DataFrame = HUMIDITY,
        **rule: object,
    ) -> Any:
        """Log a forecast where half of the weather is wet, and let it compete."""
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
        pipeline = pipeline or forecast(self.title)
        run = KedroRun({}, pipeline, catalog, id=active.info.run_id)
        return promote(run, self.client, [], ChampionRule.model_validate(rule))

    @property
    def champion(self) -> str | None:
        """Return the champion's version."""
        champion = current_champion(self.client, self.title)
        return champion and str(champion.version)


@pytest.fixture
def contest(
    client: MlflowClient, tmp_path: Path, request: pytest.FixtureRequest
) -> Contest:
    """Return a contest for a title of its own."""
    return Contest(client, request.node.name, tmp_path)


def test_the_better_pipeline_is_registered_and_answers(contest: Contest) -> None:
    name = f"{contest.title} of this run"
    assert contest.enter(0.3) == f"{name} (first)"
    verdict = contest.enter(0.5, margin=0.3)
    rows = "on 100 of 100 test rows, which it did not train on"
    assert verdict == (
        f"version 1 (kept: 1.000 of {name} beats 0.800 by 0.200, the margin is 0.3, "
        f"{rows})"
    )
    verdict = contest.enter(0.5)
    assert verdict.startswith(f"{name} (promoted: 1.000 beats 0.800 by 0.200, chance")
    assert verdict.endswith(f"{rows})")
    verdict = contest.enter(0.5)
    assert verdict
    assert "does not beat 1.000" in verdict
    # What is not promoted is logged, but no version.
    assert contest.champion == "2"
    model = mlflow.pyfunc.load_model(f"models:/{contest.title}@champion")
    assert model.predict(HUMIDITY)["label"].tolist() == ["dry"] * 50 + ["wet"] * 50


def test_they_are_compared_on_rows_that_neither_was_trained_on(
    contest: Contest,
) -> None:
    contest.enter(0.3, test=HUMIDITY[:40])
    assert "cannot be compared on 0 of 60" in contest.enter(0.5, test=HUMIDITY[40:])
    verdict = contest.enter(0.5)
    assert "promoted: 1.000 beats 0.750 by 0.250" in verdict
    assert "on 40 of 100 test rows, which it did not train on" in verdict


def test_what_gives_no_answers_is_never_champion(contest: Contest) -> None:
    with pytest.raises(TypeError):
        contest.enter("no threshold")
    assert contest.champion is None


@pytest.mark.parametrize("tested", [True, False])
def test_without_a_name_or_test_data_there_is_no_contest(
    contest: Contest, tested: bool
) -> None:
    title = None if tested else contest.title
    assert contest.enter(0.5, forecast(title, tested=tested)) is None
    assert contest.champion is None
