"""Cross-validation: the same folds for all models, and only finite scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.schema import ComparisonSpec, DataSpec, ModelSpec
from kedro_dynamic.models.estimators import build_model
from kedro_dynamic.models.scoring import (
    check_models,
    check_scoring,
    cross_validate_model,
    infer_task,
    score_fitted_model,
)
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier

RANDOM = np.random.default_rng(1)
X = pd.DataFrame({"a": RANDOM.normal(size=30), "b": RANDOM.normal(size=30)})
CLASSES = pd.Series([*"xxy"] * 10, name="kind")
NUMBERS = pd.Series(X["a"] * 2 + RANDOM.normal(size=30), name="price")
WHOLE = pd.Series(range(1000, 1030), name="price")
DATA = DataSpec(target_column="kind")

TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})
LINEAR = ModelSpec.model_validate({"class": "sklearn.linear_model.LinearRegression"})
GONE = ModelSpec.model_validate({"class": "sklearn.tree.NoSuchTree"})
OFF = LINEAR.model_copy(update={"enabled": False})


def comparison(*scoring: str, folds: int = 3) -> ComparisonSpec:
    return ComparisonSpec(scoring=list(scoring) or ["auto"], folds=folds)


def scores(model: ModelSpec, y: Any, *scoring: str, folds: int = 3) -> Any:
    return cross_validate_model(model, DATA, comparison(*scoring, folds=folds), X, y, 5)


def test_folds_are_the_same_whatever_the_model() -> None:
    folds = StratifiedKFold(3, shuffle=True, random_state=5)
    for model in (TREE, TREE.with_arguments({"max_depth": 1})):
        tree = DecisionTreeClassifier(**model.model_kwargs, random_state=5)
        expected = cross_val_score(tree, X, CLASSES, cv=folds)
        assert scores(model, CLASSES)["accuracy"] == expected.tolist()


@pytest.mark.parametrize("y", [NUMBERS, WHOLE])
def test_regression_is_scored_as_such(y: Any) -> None:
    assert list(scores(LINEAR, y)) == ["r2", "neg_root_mean_squared_error"]
    assert list(scores(LINEAR, y, "neg_mean_absolute_error")) == [
        "neg_mean_absolute_error"
    ]


def test_without_folds_nothing_is_validated() -> None:
    assert scores(TREE, CLASSES, folds=0) == {}


@pytest.mark.parametrize(
    ("model", "y", "reason"),
    [
        (
            TREE,
            NUMBERS,
            "'price' is continuous and DecisionTreeClassifier for classification; name "
            "a column of classes, or a regressor",
        ),
        (
            LINEAR,
            CLASSES,
            "'kind' is no number and LinearRegression for regression; name a column of "
            "numbers, or a classifier",
        ),
    ],
)
def test_a_target_that_does_not_fit_is_an_error_of_the_run(
    model: ModelSpec, y: Any, reason: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        scores(model, y, folds=0)
    assert f"data.target_column: {reason}" in caught.value.message


@pytest.mark.parametrize(
    ("model", "y", "most"),
    [
        (TREE, CLASSES, "20 rows of its most frequent class"),
        (LINEAR, NUMBERS, "30 rows"),
    ],
)
def test_more_folds_than_rows(model: ModelSpec, y: Any, most: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        scores(model, y, folds=31)
    number = most.partition(" ")[0]
    assert f"comparison.folds: 31, but the training part has only {most}; write " in (
        caught.value.message
    )
    assert f"write {number} or less, or 0" in caught.value.message


def test_a_rare_class_is_no_error_and_warns_nobody() -> None:
    rare = CLASSES.where(CLASSES.index > 0, "z")
    assert len(scores(TREE, rare)["accuracy"]) == 3


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="r2 is not a finite number"):
        scores(LINEAR, NUMBERS, "r2", folds=30)  # of one row each: not defined
    fitted = build_model(LINEAR, DATA, X, NUMBERS, 0).fit(X, NUMBERS)
    with pytest.raises(ValueError, match="r2 is not a finite number"):
        score_fitted_model(fitted, comparison("r2"), X[:1], NUMBERS[:1])


def test_classifiers_and_regressors_do_not_compare() -> None:
    (problem,) = check_models({"tree": TREE, "linear": LINEAR, "gone": GONE})
    assert problem.startswith(
        "models: tree for classification; linear for regression: their scores do not"
    )
    assert check_models({"tree": TREE, "linear": OFF, "gone": GONE}) == []


def test_what_the_models_are_for() -> None:
    linear = LINEAR.model_dump(by_alias=True)
    off = TREE.model_dump(by_alias=True) | {"enabled": False}
    assert infer_task({"a": off, "b": linear}, CLASSES) == "regression"
    # None that can be built: the target says.
    assert infer_task({"a": off, "b": GONE}, CLASSES) == "classification"
    assert infer_task({"a": off}, NUMBERS) == "regression"


def test_scores_that_do_not_exist() -> None:
    assert check_scoring(comparison("f1", "acuracy")) == [
        "comparison.scoring: scikit-learn has no score 'acuracy'; did you mean "
        "'accuracy'?"
    ]
    assert check_scoring(comparison()) == []
