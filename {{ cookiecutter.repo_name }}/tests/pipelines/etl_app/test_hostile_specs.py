"""What parameters_text.yml may say, and what is said of the rest."""

from typing import Any

import pytest

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.etl_app.specs import read_spec

TEXT = {
    "splits": {"labelled": ["train", "test"]},
    "text_column": "text",
    "label_column": "label",
    "labels": {"negative": [0], "positive": [1]},
    "vocabulary_size": 100,
    "test_fraction": 0.2,
    "batch_size": 10,
    "model": {"class": "sklearn.linear_model.LogisticRegression"},
}
GOOD = {"split": "train", "scored_split": "test", "text": TEXT}


def test_what_is_right_is_accepted() -> None:
    assert read_spec(GOOD).vocabulary_size == 100


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"text": None}, "text: not a mapping"),
        ({"split": "trian"}, "split: there is no split 'trian' in text.splits"),
        ({"split": ["train"]}, "split: there is no split '['train']' in text.splits"),
        ({"scored_split": {}}, "scored_split: there is no split '{}'"),
        (
            {"text": {**TEXT, "model": {"class": "os.system"}}},
            "text.model.class: 'os.system' is not imported, since its package is not "
            "trusted; if you trust it, add the line '- os' to trusted_packages",
        ),
        (
            {"text": {**TEXT, "model": {"class": "."}}},
            "text.model.class: '.' is no import path",
        ),
    ],
)
def test_what_is_wrong_is_explained(parameters: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_spec({**GOOD, **parameters})
    assert error.value.message.startswith("parameters_text.yml has a problem")
    assert problem in error.value.message


def test_a_wrong_list_of_packages_is_of_another_file() -> None:
    with pytest.raises(ConfigurationError, match=r"parameters\.yml has a problem"):
        read_spec({**GOOD, "trusted_packages": "sklearn"})
