"""What parameters.yml may say, and what is said of the rest."""

from typing import Any

import pytest

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.models.specs import (
    enabled_models,
)

TREE = {"class": "sklearn.tree.DecisionTreeClassifier"}
SPLIT = {"train_fraction": 0.8, "random_state": 3, "target_column": "species"}


def test_enabled_models_come_in_the_order_of_the_file() -> None:
    models = {"b": TREE, "off": {**TREE, "enabled": False}, "a": TREE}
    assert enabled_models({**SPLIT, "models": models}) == ["b", "a"]


def test_empty_model_kwargs_are_none_at_all() -> None:
    models = {"tree": {**TREE, "model_kwargs": None}}
    assert enabled_models({**SPLIT, "models": models}) == ["tree"]


@pytest.mark.parametrize(
    ("models", "problem"),
    [
        (
            {"tree": {"clas": "x"}},
            "models.tree.clas: unknown key; did you mean 'class'?",
        ),
        ({"tree": {}}, "models.tree.class: missing"),
        ({"tree": None}, "models.tree: not a mapping"),
        ({"tree": {**TREE, "model_kwargs": 3}}, "models.tree.model_kwargs: "),
        ({"Tree": TREE}, "models.Tree: a name is lower-case letters"),
        ({"my-tree": TREE}, "write 'my_tree'"),
        ({2024: TREE}, "write 'model_2024'"),
        ({"baseline": TREE}, "models.baseline: the leaderboard's own"),
        ({"tree": {**TREE, "enabled": False}}, "models: every model has"),
        ({}, "models: empty"),
        (None, "models: empty"),
        ([TREE], "models: not a mapping"),
    ],
)
def test_wrong_models(models: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        enabled_models({**SPLIT, "models": models})
    assert "parameters.yml has" in error.value.message
    assert problem in error.value.message


def test_all_problems_are_listed_at_once() -> None:
    models = {"Tree": TREE, "empty": {}}
    wrong = {"train_fraction": 2, "target_colum": "species", "models": models}
    with pytest.raises(ConfigurationError) as error:
        enabled_models(wrong)
    message = error.value.message
    assert "parameters.yml has 5 problems" in message
    assert "train_fraction: Input should be less than 1, not 2" in message
    assert "random_state: missing" in message
    assert "target_column: missing; did you mean 'target_colum'?" in message


def test_a_misspelt_section_is_suggested() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'modles'"):
        enabled_models({**SPLIT, "modles": {"tree": TREE}})
