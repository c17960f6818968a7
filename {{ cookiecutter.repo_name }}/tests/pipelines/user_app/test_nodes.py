"""Predictions in batches, and what people are told of them."""

import json
from math import log

import pandas as pd
import pytest

from {{ cookiecutter.python_package }}.pipelines.user_app.nodes import (
    MOST_UNCERTAIN,
    predict_in_batches,
    report_sentiment,
    score_predictions,
)

LABELS = {"worse": [0], "better": [1]}


class LengthModel:
    """Calls long texts better, and notes how many it was asked for at a time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def predict(self, instances: pd.DataFrame) -> pd.DataFrame:
        assert list(instances) == ["text"]
        self.asked.append(len(instances))
        length = instances["text"].str.len().astype("int64")
        label = (length > 5).map({True: "better", False: "worse"})
        return pd.DataFrame({"label": label, "probability": 1 - 1 / (2 + length)})


INSTANCES = pd.DataFrame({"text": ["x" * length for length in range(1, 11)]})


@pytest.mark.parametrize(
    ("batch_size", "asked"),
    [(1, [1] * 10), (4, [4, 4, 2]), (5, [5, 5]), (10, [10]), (1000, [10])],
)
def test_batches_give_what_one_call_gives(batch_size: int, asked: list[int]) -> None:
    model = LengthModel()
    predictions = predict_in_batches(model, INSTANCES, batch_size)
    assert predictions.equals(LengthModel().predict(INSTANCES))
    assert model.asked == asked


def test_predictions_are_numbered_from_0() -> None:
    instances = INSTANCES.set_index(pd.Index(range(20, 10, -1)))
    predictions = predict_in_batches(LengthModel(), instances, 3)
    assert predictions.index.tolist() == list(range(10))
    assert predictions["label"].tolist() == ["worse"] * 5 + ["better"] * 5


def test_no_reviews_get_no_predictions() -> None:
    predictions = predict_in_batches(LengthModel(), INSTANCES.head(0), 3)
    assert list(predictions) == ["label", "probability"]
    assert predictions.empty


def test_the_report_says_what_there_is_and_what_to_read() -> None:
    count = MOST_UNCERTAIN + 2
    # From the surest to the least sure; every third one is better.
    predictions = pd.DataFrame(
        {
            "label": ["better", "worse", "worse"] * (count // 3),
            "probability": [1 - number / 40 for number in range(count)],
        }
    )
    instances = pd.DataFrame(
        {"text": [f"text {number}" for number in range(count)]},
        index=range(100, 100 + count),
    )
    report = report_sentiment(predictions, instances, LABELS, "test")
    most_uncertain = report.pop("most_uncertain")
    assert report == {
        "split": "test",
        "reviews": count,
        "better_share": pytest.approx(1 / 3),
        "mean_probability": pytest.approx(1 - (count - 1) / 80),
    }
    assert [review["text"] for review in most_uncertain] == [
        f"text {number}" for number in reversed(range(2, count))
    ]
    assert most_uncertain[0] == {
        "text": f"text {count - 1}",
        "label": "worse",
        "probability": 1 - (count - 1) / 40,
    }
    assert json.loads(json.dumps(most_uncertain)) == most_uncertain


def test_predictions_are_scored_by_the_probability_of_the_positive_label() -> None:
    predictions = pd.DataFrame(
        {
            "label": ["better", "worse", "better", "worse", "worse"],
            "probability": [0.9, 0.8, 0.6, 0.7, 0.9],
        }
    )
    # Another index, as files have: rows count.
    true_labels = pd.DataFrame(
        {"label": ["better", "worse", "worse", "better", "worse"]}, range(5, 0, -1)
    )
    assert score_predictions(predictions, true_labels, LABELS) == pytest.approx(
        {
            "accuracy": 3 / 5,
            "f1_macro": (1 / 2 + 2 / 3) / 2,
            "log_loss": -(log(0.9) + log(0.8) + log(0.4) + log(0.3) + log(0.9)) / 5,
            "auc": 5 / 6,
        }
    )
