"""An inference pipeline logged as one model, and competing to be champion."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from kedro.io import AbstractDataset, DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_datasets.pickle import PickleDataset
from kedro_mlflow.pipeline import pipeline_ml_factory
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow import MlflowClient

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.tracking.champion import current_champion
from {{ cookiecutter.python_package }}.tracking.config import ChampionConfig
from {{ cookiecutter.python_package }}.tracking.pipeline_model import (
    check_artifacts,
    log_pipeline,
    promote_pipeline,
)

HUMIDITY = pd.DataFrame({"humidity": [tenths / 10 for tenths in range(10)]})


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


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path
) -> Iterator[MlflowClient]:
    """Return a client of a store of its own, with a run open."""
    folder = tmp_path_factory.mktemp("store")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{shutil.copy(empty_store, folder)}")
    mlflow.create_experiment("weather", artifact_location=folder.as_uri())
    mlflow.set_experiment("weather")
    with mlflow.start_run():
        yield MlflowClient()
    mlflow.set_tracking_uri(before)


@pytest.fixture
def contest(
    client: MlflowClient, tmp_path: Path, request: pytest.FixtureRequest
) -> "Contest":
    """Return a contest for a title of its own."""
    return Contest(client, request.node.name, tmp_path)


@dataclass
class Contest:
    """Thresholds compete to be champion."""

    client: MlflowClient
    title: str
    folder: Path

    def catalog(self, threshold: object, wet_from: float = 0.5) -> DataCatalog:
        """Return what a run leaves that fits one threshold, where another is right."""
        catalog = DataCatalog(
            {"threshold": PickleDataset(filepath=f"{self.folder}/threshold.pkl")}
        )
        catalog["threshold"].save(threshold)
        catalog["params:names"] = ["dry", "wet"]
        catalog["weather"] = HUMIDITY
        label = (HUMIDITY["humidity"] >= wet_from).map({False: "dry", True: "wet"})
        catalog["test_weather"] = HUMIDITY.assign(label=label)
        return catalog

    def enter(
        self, threshold: object, wet_from: float = 0.5, **rule: object
    ) -> str | None:
        """Log a forecast, and let it compete."""
        catalog, pipeline = self.catalog(threshold, wet_from), forecast(self.title)
        logged = log_pipeline(pipeline, catalog)
        return promote_pipeline(
            self.client, logged, pipeline, catalog, ChampionConfig.model_validate(rule)
        )

    def champion(self) -> str | None:
        """Return the champion's version."""
        champion = current_champion(self.client, self.title)
        return champion and str(champion.version)


def test_the_first_is_champion_and_answers(contest: Contest) -> None:
    assert contest.enter(0.5) == f"{contest.title} version 1 (first)"
    assert contest.champion() == "1"
    model = mlflow.pyfunc.load_model(f"models:/{contest.title}@champion")
    assert model.predict(HUMIDITY)["label"].tolist() == ["dry"] * 5 + ["wet"] * 5
    # What training fitted went along: the file may change.
    contest.catalog(threshold=0.0)
    assert model.predict(HUMIDITY.head(1))["label"].tolist() == ["dry"]
    assert model.metadata.signature.inputs.input_names() == ["humidity"]


def test_an_equal_or_worse_one_does_not_replace_the_champion(contest: Contest) -> None:
    contest.enter(0.4)
    for version, threshold, score in ((2, 0.4, "0.900"), (3, 0.3, "0.800")):
        assert contest.enter(threshold) == (
            f"{contest.title} version 1 (kept: {score} of {contest.title} version "
            f"{version} does not beat 0.900)"
        )
    assert contest.champion() == "1"


def test_a_better_one_does_if_it_beats_the_margin(contest: Contest) -> None:
    contest.enter(0.3)
    verdict = contest.enter(0.5, margin=0.3)
    assert verdict
    assert "(kept: 1.000 of" in verdict
    verdict = contest.enter(0.5)
    assert verdict == f"{contest.title} version 3 (promoted: 1.000 beats 0.800)"
    assert contest.champion() == "3"


def test_on_other_data_the_champion_is_asked_again(contest: Contest) -> None:
    contest.enter(0.5)
    verdict = contest.enter(0.3, wet_from=0.3)
    assert verdict == f"{contest.title} version 2 (promoted: 1.000 beats 0.800)"


def test_the_metric_of_the_rule_decides(contest: Contest) -> None:
    contest.enter(0.5, metric="f1_macro")
    verdict = contest.enter(0.3, metric="f1_macro")
    # Wet: 5 right, 2 too many. Dry: 3 right, 2 missed.
    assert verdict
    assert f"(kept: {(10 / 12 + 6 / 8) / 2:.3f} of" in verdict


def test_what_gives_no_answers_is_never_champion(contest: Contest) -> None:
    with pytest.raises(TypeError):
        contest.enter("no threshold")
    assert contest.champion() is None


@pytest.mark.parametrize("tested", [True, False])
def test_without_a_name_or_test_data_there_is_no_contest(
    tested: bool, client: MlflowClient, tmp_path: Path
) -> None:
    title = None if tested else "untested"
    pipeline = forecast(title, tested=tested)
    catalog = Contest(client, "", tmp_path).catalog(0.5)
    logged = log_pipeline(pipeline, catalog)
    rule = ChampionConfig()
    assert promote_pipeline(client, logged, pipeline, catalog, rule) is None
    assert current_champion(client, "untested") is None


@pytest.mark.parametrize(
    ("dataset", "where"),
    [
        (None, "only in memory"),
        (MemoryDataset(), "only in memory"),
        (PickleDataset(filepath="memory://threshold.pkl"), "not on this machine's"),
    ],
    ids=["no entry", "in memory", "elsewhere"],
)
def test_what_the_model_could_not_take_along_is_named_with_an_entry_to_add(
    dataset: AbstractDataset | None, where: str
) -> None:
    catalog = DataCatalog({"threshold": dataset} if dataset else {})
    with pytest.raises(ConfigurationError) as error:
        check_artifacts(forecast(None), catalog)
    first, problem, *entry = error.value.message.splitlines()
    assert first == "The catalog has a problem:"
    assert problem.startswith(f"  threshold: is {where}")
    assert entry == [
        "    threshold:",
        "      type: pickle.PickleDataset",
        "      filepath: data/06_models/threshold.pkl",
    ]


def test_files_can_be_taken_along() -> None:
    threshold = PickleDataset(filepath="data/06_models/threshold.pkl")
    check_artifacts(forecast(None), DataCatalog({"threshold": threshold}))
