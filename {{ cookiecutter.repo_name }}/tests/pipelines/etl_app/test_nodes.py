"""Texts and labels out of raw tables, whatever their layout."""

import pandas as pd
import pytest

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.etl_app.nodes import (
    etl_instances,
    etl_labels,
)

LABELS = {"negative": ["negative", 0], "positive": ["positive", 1]}
TEXTS = ["Dull.", "Great!", "Dull again."]
NAMES = ["negative", "positive", "negative"]


@pytest.mark.parametrize(
    ("reviews", "text_column", "label_column"),
    [
        ({"text": TEXTS, "label": NAMES}, "text", "label"),
        ({"text": TEXTS, "label": [0, 1, 0]}, "text", "label"),
        ({"review": TEXTS, "sentiment": NAMES}, "review", "sentiment"),
    ],
    ids=["shipped", "hub", "one csv"],
)
def test_every_layout_gives_the_same_tables(
    reviews: dict[str, list[str]], text_column: str, label_column: str
) -> None:
    table = pd.DataFrame(reviews)
    instances = etl_instances(table, text_column)
    labels = etl_labels(table, label_column, LABELS, "train")
    assert instances.to_dict("list") == {"text": TEXTS}
    assert labels.to_dict("list") == {"label": NAMES}
    assert table.equals(pd.DataFrame(reviews))


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, ""])
def test_a_missing_text_is_empty(missing: object) -> None:
    reviews = pd.DataFrame({"text": ["Dull.", missing]})
    assert etl_instances(reviews, "text")["text"].tolist() == ["Dull.", ""]


def test_texts_may_all_be_missing_or_numbers() -> None:
    for texts, expected in (([None, None], ["", ""]), ([1984, 300], ["1984", "300"])):
        instances = etl_instances(pd.DataFrame({"text": texts}), "text")
        assert instances["text"].tolist() == expected


@pytest.mark.parametrize(
    "reviews",
    [
        {"text": TEXTS},
        {"text": TEXTS, "label": [-1, -1, -1]},
        {"text": TEXTS, "label": ["", "", ""]},
        {"text": TEXTS, "label": [None, None, None]},
        {"text": [], "label": []},
    ],
    ids=["no column", "-1", "empty", "null", "no rows"],
)
def test_a_split_without_labels_says_what_to_run(
    reviews: dict[str, list[object]],
) -> None:
    with pytest.raises(ConfigurationError) as error:
        etl_labels(pd.DataFrame(reviews), "label", LABELS, "unsupervised")
    assert "The split 'unsupervised' has no labels" in error.value.message
    assert error.value.message.endswith(
        "kedro run --pipelines etl_instances --params split=unsupervised"
    )


def test_unknown_labels_are_counted_the_most_frequent_first() -> None:
    reviews = pd.DataFrame({"label": ["positive", "mixed", "fine", "fine", "negative"]})
    with pytest.raises(ConfigurationError) as error:
        etl_labels(reviews, "label", LABELS, "train")
    first, fine, mixed = error.value.message.splitlines()
    assert first == "parameters_text.yml has 2 problems:"
    assert "text.labels: 'fine', in 2 rows of the split 'train'" in fine
    assert "text.labels: 'mixed', in 1 rows of the split 'train'" in mixed


def test_some_reviews_without_a_label_are_not_passed_over() -> None:
    reviews = pd.DataFrame({"label": [1, -1, 0]})
    with pytest.raises(ConfigurationError, match="no label in 1 of 3 rows"):
        etl_labels(reviews, "label", LABELS, "train")


def test_a_wrong_column_is_named_with_those_there_are() -> None:
    reviews = pd.DataFrame({"text": TEXTS, "label": NAMES})
    with pytest.raises(ConfigurationError) as text_error:
        etl_instances(reviews, "txt")
    with pytest.raises(ConfigurationError) as label_error:
        etl_labels(reviews, "labels", LABELS, "train")
    problem = "{}: '{}' is no column of the reviews; did you mean '{}'?; columns: {}"
    for error, key, column, meant in (
        (text_error, "text.text_column", "txt", "text"),
        (label_error, "text.label_column", "labels", "label"),
    ):
        assert error.value.message.splitlines() == [
            "parameters_text.yml has a problem:",
            "  " + problem.format(key, column, meant, "text, label"),
        ]


def test_whole_numbers_beside_a_missing_one_are_still_whole() -> None:
    reviews = pd.DataFrame({"label": [1, None, 0]})
    with pytest.raises(ConfigurationError) as error:
        etl_labels(reviews, "label", LABELS, "train")
    assert "no label in 1 of 3 rows" in error.value.message
    assert "none of the labels" not in error.value.message


def test_rows_are_numbered_anew_whatever_the_raw_index_is() -> None:
    reviews = pd.DataFrame({"text": TEXTS, "label": [1, 0, 1]}, index=[7, 7, 0])
    instances = etl_instances(reviews, "text")
    labels = etl_labels(reviews, "label", LABELS, "train")
    assert instances.index.tolist() == labels.index.tolist() == [0, 1, 2]
    assert labels["label"].tolist() == ["positive", "negative", "positive"]
