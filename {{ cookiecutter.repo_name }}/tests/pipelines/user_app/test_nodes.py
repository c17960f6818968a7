"""Predictions in batches, their report, and their scores."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from kedro_dynamic import ConfigurationError, fingerprints

from {{ cookiecutter.python_package }}.pipelines.user_app import (
    create_pipelines,
    nodes,
)
from {{ cookiecutter.python_package }}.pipelines.user_app.nodes import (
    judge_predictions,
    predict_in_batches,
    report_sentiment,
)

INSTANCES = pd.DataFrame({"text": ["x" * length for length in range(1, 101)]})
TRUTH = pd.DataFrame({"label": ["worse"] * 10 + ["better"] * 90})
TEXT = {
    "text_column": "text",
    "label_column": "label",
    "tokenizer": "auto",
    "model": {"class": "sklearn.svm.SVC"},
    "unlabelled": ["new"],
}


class LengthModel:
    """A model that calls long texts better, with the texts that it was trained on."""

    def __init__(self, trained_on: pd.DataFrame = INSTANCES[:0]) -> None:
        self.trained_on = fingerprints(trained_on)

    def predict(self, instances: pd.DataFrame) -> pd.DataFrame:
        length = instances["text"].str.len().astype("int64")
        label = (length > 5).map({True: "better", False: "worse"})
        return pd.DataFrame({"label": label, "probability": 1 - 1 / (2 + length)})

    def unwrap_python_model(self) -> SimpleNamespace:
        return SimpleNamespace(trained_on=self.trained_on)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the version of the model without MLflow."""
    monkeypatch.setattr(nodes, "registered_version", lambda model: "sentiment 2")


@pytest.mark.parametrize("batch_size", [1, 4, 10, 1000])
@pytest.mark.parametrize("rows", [0, 10])
def test_batches_give_the_same_as_one_call(batch_size: int, rows: int) -> None:
    model, instances = LengthModel(), INSTANCES.head(rows)
    predictions = predict_in_batches(model, instances.iloc[::-1], batch_size)
    expected = model.predict(instances.iloc[::-1]).reset_index(drop=True)
    assert predictions.to_dict("list") == expected.to_dict("list")

    index = pd.MultiIndex.from_arrays([range(rows), range(rows)], names=["row", "id"])
    predictions = predict_in_batches(model, instances.set_index(index), batch_size)
    assert [*predictions] == ["id", "label", "probability"]


def test_the_report_names_the_reviews_to_read() -> None:
    predictions = LengthModel().predict(INSTANCES)
    predictions.loc[70] = [None, np.nan]
    report, to_read = report_sentiment(predictions, INSTANCES, "test")
    shares = {"better": 0.94, "worse": 0.05, "unknown": 0.01}
    assert report == {"split": "test", "reviews": 100, "shares": shares}
    assert json.loads(json.dumps(report)) == report
    assert to_read["review"].tolist() == [70, *range(9)]
    assert to_read["label"].tolist()[:2] == ["unknown", "worse"]
    assert to_read["text"].tolist()[:2] == ["x" * 39 + "\u2026", "x"]


@pytest.mark.parametrize(("known", "judged"), [(0, 100), (90, 10), (100, 0)])
def test_a_model_is_scored_on_reviews_that_it_was_not_trained_on(
    known: int, judged: int
) -> None:
    model = LengthModel(INSTANCES[100 - known :])
    predictions = model.predict(INSTANCES)
    scores, labels = judge_predictions(model, predictions, INSTANCES, TRUTH, "test")
    assert labels["rows"].sum() == judged
    assert (scores.pop("split"), scores.pop("model")) == ("test", "sentiment 2")
    counts = {"reviews": scores.pop("reviews"), "judged": scores.pop("judged_reviews")}
    assert counts == {"reviews": 100, "judged": judged}
    assert scores.get("accuracy") == {100: 0.95, 10: 0.5, 0: None}[judged]
    assert bool(scores) == bool(judged)


def test_reviews_without_a_label_are_not_judged() -> None:
    model = LengthModel()
    predictions, truth = model.predict(INSTANCES), TRUTH.astype("object")
    truth.loc[:49] = None
    scores, _ = judge_predictions(model, predictions, INSTANCES, truth, "test")
    assert (scores["judged_reviews"], scores["accuracy"]) == (50, 1)


def test_labels_of_other_rows_are_refused() -> None:
    model = LengthModel()
    predictions = model.predict(INSTANCES)
    with pytest.raises(ConfigurationError, match="not of the same rows in the same"):
        judge_predictions(model, predictions, INSTANCES, TRUTH[::-1], "test")


@pytest.mark.parametrize(("split", "scored"), [("test", True), ("new", False)])
def test_only_a_split_with_labels_is_scored(split: str, scored: bool) -> None:
    pipeline = create_pipelines({"scored_split": split, "text": TEXT})["user_app"]
    assert ("prediction_metrics" in pipeline.outputs()) == scored
    assert ("labels_to_score" in pipeline.inputs()) == scored


def test_a_split_that_is_prepared_in_the_same_run_is_waited_for() -> None:
    parameters = {"split": "mine", "scored_split": "mine", "text": TEXT}
    inputs = create_pipelines(parameters)["user_app"].inputs()
    assert {"instances", "labels"} <= inputs
