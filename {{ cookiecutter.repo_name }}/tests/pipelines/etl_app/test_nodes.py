"""Texts and labels from raw tables of different layouts."""

from typing import Any

import pandas as pd
import pytest

from kedro_dynamic import ConfigurationError

from {{ cookiecutter.python_package }}.pipelines.etl_app import (
    create_pipelines,
)
from {{ cookiecutter.python_package }}.pipelines.etl_app.nodes import (
    etl_instances,
    etl_labels,
)

LABELS: dict[str, list[str | int]] = {"worse": ["worse", 0], "better": ["better", 1]}
TEXTS = ["Dull.", "Great!", "Dull again."]
NAMES = ["worse", "better", "worse"]
PARAMETERS = {
    "text_column": "text",
    "label_column": "label",
    "labels": LABELS,
    "key_of_another_pipeline": 1,
}


def error_for(labels: list[Any]) -> str:
    """Return the error for a table with these labels."""
    with pytest.raises(ConfigurationError) as error:
        etl_labels(pd.DataFrame({"label": labels}), "label", LABELS, "train")
    return error.value.message


@pytest.mark.parametrize("written", [NAMES, [0, 1, 0]])
def test_all_values_of_a_label_give_its_name(written: list[Any]) -> None:
    reviews = pd.DataFrame({"review": TEXTS, "sentiment": written}, index=[7, 7, 0])
    instances = etl_instances(reviews, "review")
    labels = etl_labels(reviews, "sentiment", LABELS, "train")
    assert instances.to_dict("list") == {"text": TEXTS}
    assert labels.to_dict("list") == {"label": NAMES}
    assert instances.index.equals(labels.index)
    other_order = etl_labels(reviews[::-1], "sentiment", LABELS, "train")
    assert not instances.index.equals(other_order.index)
    assert instances.index[::-1].equals(other_order.index)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, ""])
def test_a_missing_text_is_empty(missing: object) -> None:
    reviews = pd.DataFrame({"text": ["Dull.", missing]})
    assert etl_instances(reviews, "text")["text"].tolist() == ["Dull.", ""]


def test_without_names_the_values_are_the_labels() -> None:
    for written in (["1", "5", "3"], [1, 5, 3], [1.0, 5.0, 3.0]):
        reviews = pd.DataFrame({"stars": written})
        labels = etl_labels(reviews, "stars", {}, "train")
        assert labels.to_dict("list") == {"label": ["1", "5", "3"]}


@pytest.mark.parametrize("labels", [[-1, -1], ["", " "], [None, None], []])
def test_an_error_says_what_to_run_without_labels(labels: list[Any]) -> None:
    message = error_for(labels)
    assert "The split 'train' has no labels" in message
    assert message.endswith("kedro run --pipelines etl_instances --params split=train")


def test_values_without_a_label_are_counted() -> None:
    first, fine, mixed = error_for(["better", "mixed", "fine", "fine"]).splitlines()
    assert first == "parameters_text.yml has 2 problems:"
    assert "text.labels: 'fine', in 2 rows of the split 'train'" in fine
    assert "text.labels: 'mixed', in 1 rows" in mixed


@pytest.mark.parametrize("labels", [[1, None, 0], ["better", "", "worse"]])
def test_reviews_without_a_label_are_an_error(labels: list[Any]) -> None:
    message = error_for(labels)
    assert "no label in 1 of 3 rows of the split 'train', the first is row 1" in message
    assert "not a value of any label" not in message


def test_an_error_names_the_wrong_column_and_those_there_are() -> None:
    reviews = pd.DataFrame({"text": TEXTS, "label": NAMES})
    with pytest.raises(ConfigurationError, match=r"text_column: 'txt'.*mean 'text'"):
        etl_instances(reviews, "txt")
    with pytest.raises(
        ConfigurationError, match=r"'labels' is not a column.*columns: text, lab"
    ):
        etl_labels(reviews, "labels", LABELS, "train")


def test_texts_can_be_prepared_without_labels() -> None:
    pipelines = create_pipelines({"text": PARAMETERS})
    assert pipelines["etl"].outputs() == {"instances", "labels"}
    assert pipelines["etl_instances"].inputs() == {"reviews", "params:text.text_column"}
    assert pipelines["etl_labels"].outputs() == {"labels"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ({"text_column": 1}, r"text\.text_column: .* valid string, not 1"),
        ({"labels": {"better": 1}}, r"text\.labels\.better: .* valid list"),
    ],
)
def test_wrong_parameters_are_named(text: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        create_pipelines({"text": PARAMETERS | text})
