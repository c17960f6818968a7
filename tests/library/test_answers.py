"""What a served model knows besides its predictions."""

from __future__ import annotations

from collections.abc import Iterator

import mlflow
import pandas as pd
import pytest
from kedro_dynamic.champion.registry import register_version
from kedro_dynamic.champion.serialize import log_model
from kedro_dynamic.serving.answers import (
    class_probabilities,
    registered_version,
    shown_probability,
)
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from library.mlflow_store import open_run

X = pd.DataFrame({"width": [1.0, 2.0, 3.0, 4.0]}, index=[5, 6, 7, 8])
CLASSES = ["no", "no", "yes", "yes"]


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    """Open a run in a new store, which models are logged to."""
    with open_run(tmp_path_factory.mktemp("store")) as client:
        yield client


def test_probabilities_have_the_rows_and_a_column_for_each_class() -> None:
    info = log_model(DecisionTreeClassifier().fit(X, CLASSES), X)
    probabilities = class_probabilities(mlflow.pyfunc.load_model(info.model_uri), X)
    assert probabilities is not None
    assert probabilities.index.tolist() == [5, 6, 7, 8]
    assert probabilities["yes"].tolist() == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("positive_label", "shown"),
    [("yes", [0.0, 0.0, 1.0, 1.0]), ("no", [1.0, 1.0, 0.0, 0.0]), (None, [1.0] * 4)],
)
def test_of_two_classes_the_positive_one_is_shown(
    positive_label: str | None, shown: list[float]
) -> None:
    info = log_model(DecisionTreeClassifier().fit(X, CLASSES), X, positive_label)
    model = mlflow.pyfunc.load_model(info.model_uri)
    probabilities = class_probabilities(model, X)
    assert probabilities is not None
    assert shown_probability(model, probabilities).tolist() == shown


@pytest.mark.parametrize("estimator", [LinearSVC(), SVC(), LinearRegression()])
def test_a_model_without_probabilities(
    estimator: LinearSVC, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "kedro_dynamic")
    is_classifier = not isinstance(estimator, LinearRegression)
    info = log_model(estimator.fit(X, CLASSES if is_classifier else [1, 2, 3, 4]), X)
    assert class_probabilities(mlflow.pyfunc.load_model(info.model_uri), X) is None
    assert ("without probabilities" in caplog.text) == is_classifier


def test_the_version_is_that_of_the_files(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "kedro_dynamic")
    facts = {"model": "ridge", "metric": "neg_root_mean_squared_error", "score": "-2"}
    run = mlflow.active_run()
    assert run
    estimator = DecisionTreeClassifier().fit(X, CLASSES)
    first, second = log_model(estimator, X), log_model(estimator, X)
    model = mlflow.pyfunc.load_model(first.model_uri)
    assert registered_version(model) == first.model_id

    for info in (first, second):
        register_version(MlflowClient(), "iris", info, run.info.run_id, facts)
    assert registered_version(model) == "iris 1"
    assert "Predicted by ridge, version 1: RMSE 2.000" in caplog.text
    assert registered_version(mlflow.pyfunc.load_model(second.model_uri)) == "iris 2"

    del facts["model"]
    register_version(MlflowClient(), "iris", first, run.info.run_id, facts)
    assert registered_version(model) == "iris 3"
    assert "Predicted by iris, version 3: RMSE 2.000" in caplog.text
