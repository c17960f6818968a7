"""Predictions in batches, and what people are told of them."""

import json
from math import log

import pandas as pd
import pytest

from {{ cookiecutter.python_package }}.engine import (
    ConfigurationError,
)
from {{ cookiecutter.python_package }}.pipelines.user_app import (
    create_pipelines,
)
from {{ cookiecutter.python_package }}.pipelines.user_app.nodes import (
    predict_in_batches,
    report_sentiment,
    score_predictions,
)

LABELS = {"worse": [0], "better": [1]}
INSTANCES = pd.DataFrame({"text": ["x" * length for length in range(1, 11)]})
TEXT = {
    "splits": {"labelled": ["test"], "unlabelled": ["new"]},
    "labels": LABELS,
    "batch_size": 10,
}


class LengthModel:
    """Calls long texts better."""

    def predict(self, instances: pd.DataFrame) -> pd.DataFrame:
        length = instances["text"].str.len().astype("int64")
        label = (length > 5).map({True: "better", False: "worse"})
        return pd.DataFrame({"label": label, "probability": 1 - 1 / (2 + length)})


@pytest.mark.parametrize("batch_size", [1, 4, 10, 1000])
@pytest.mark.parametrize("rows", [0, 10])
def test_batches_give_what_one_call_gives(batch_size: int, rows: int) -> None:
    model, instances = LengthModel(), INSTANCES.head(rows)
    predictions = predict_in_batches(model, instances.iloc[::-1], batch_size)
    expected = model.predict(instances.iloc[::-1]).reset_index(drop=True)
    assert predictions.to_dict("list") == expected.to_dict("list")


def test_the_report_names_the_reviews_to_read() -> None:
    predictions = LengthModel().predict(INSTANCES)
    report = report_sentiment(predictions, INSTANCES, LABELS, "test")
    assert (report["reviews"], report["better_share"]) == (10, 0.5)
    assert [review["text"] for review in report["most_uncertain"]][:2] == ["x", "xx"]
    assert json.loads(json.dumps(report)) == report


def test_predictions_are_scored_by_the_probability_of_the_positive_label() -> None:
    predicted = ["better", "worse", "better", "worse", "worse"]
    predictions = pd.DataFrame(
        {"label": predicted, "probability": [0.9, 0.8, 0.6, 0.7, 0.9]}
    )
    truth = pd.DataFrame({"label": ["better", "worse", "worse", "better", "worse"]})
    assert score_predictions(predictions, truth, LABELS) == pytest.approx(
        {
            "accuracy": 3 / 5,
            "f1_macro": (1 / 2 + 2 / 3) / 2,
            "log_loss": -(log(0.9) + log(0.8) + log(0.4) + log(0.3) + log(0.9)) / 5,
            "auc": 5 / 6,
        }
    )


@pytest.mark.parametrize(("split", "scored"), [("test", True), ("new", False)])
def test_only_a_split_with_labels_is_scored(split: str, scored: bool) -> None:
    pipeline = create_pipelines({"scored_split": split, "text": TEXT})["user_app"]
    assert ("prediction_metrics" in pipeline.outputs()) == scored
    assert ("labels_to_score" in pipeline.inputs()) == scored


def test_a_split_that_there_is_not() -> None:
    with pytest.raises(ConfigurationError, match=r"no split 'tets'.* mean 'test'"):
        create_pipelines({"scored_split": "tets", "text": TEXT})
