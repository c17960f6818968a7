"""Cross-validation has the same folds for all models, and scores are finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.config.errors import ConfigurationError, DataError
from kedro_dynamic.config.schema import ComparisonSpec, DataSpec, ModelSpec
from kedro_dynamic.models.estimators import build_model
from kedro_dynamic.models.scoring import (
    build_scorers,
    cross_validate_model,
    find_mixed_tasks,
    infer_task,
    score_fitted_model,
)
from kedro_dynamic.models.split import make_folds
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


def comparison(*scoring: str) -> ComparisonSpec:
    return ComparisonSpec(scoring=list(scoring) or ["auto"])


def scores(model: ModelSpec, y: Any, *scoring: str, folds: int = 3) -> Any:
    table = make_folds(X, y, folds=folds, random_state=5)
    return cross_validate_model(model, DATA, comparison(*scoring), X, y, table, 5)


def test_all_models_have_the_same_folds() -> None:
    folds = StratifiedKFold(3, shuffle=True, random_state=5)
    for model in (TREE, TREE.with_arguments({"max_depth": 1})):
        tree = DecisionTreeClassifier(**model.model_kwargs, random_state=5)
        expected = cross_val_score(tree, X, CLASSES, cv=folds)
        assert scores(model, CLASSES)["accuracy"] == expected.tolist()


@pytest.mark.parametrize("y", [NUMBERS, WHOLE])
def test_the_default_scores_of_regression(y: Any) -> None:
    assert list(scores(LINEAR, y)) == ["neg_root_mean_squared_error", "r2"]
    assert list(scores(LINEAR, y, "neg_mean_absolute_error")) == [
        "neg_mean_absolute_error"
    ]


def test_without_folds_there_are_no_scores() -> None:
    assert scores(TREE, CLASSES, folds=0) == {}


@pytest.mark.parametrize(
    ("model", "y", "reason"),
    [
        (
            TREE,
            NUMBERS,
            "'price' is continuous, but DecisionTreeClassifier is a classifier; name a "
            "column of classes, or use a regressor",
        ),
        (
            LINEAR,
            CLASSES,
            "'kind' is not numeric, but LinearRegression is a regressor; name a column "
            "of numbers, or use a classifier",
        ),
    ],
)
def test_a_target_that_does_not_suit_the_model_is_an_error(
    model: ModelSpec, y: Any, reason: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        scores(model, y, folds=0)
    assert f"data.target_column: {reason}" in caught.value.message


@pytest.mark.parametrize(
    ("model", "y", "most", "number"),
    [
        (TREE, CLASSES, "20 rows of its most frequent class", 10),
        (LINEAR, NUMBERS, "30 rows", 30),
    ],
)
def test_more_folds_than_rows_are_an_error(
    model: ModelSpec, y: Any, most: str, number: int
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        scores(model, y, folds=31)
    assert caught.value.message.endswith(
        f"comparison.folds: 31, but the training set has only {most}; "
        f"write {number} or less"
    )


def test_folds_of_other_rows_are_an_error() -> None:
    folds = pd.DataFrame({"fold": [1, 2] * 10})
    with pytest.raises(DataError, match="folds has 20 rows, and the training set 30"):
        cross_validate_model(TREE, DATA, comparison(), X, CLASSES, folds, 5)


def test_a_rare_class_is_neither_an_error_nor_a_warning() -> None:
    rare = CLASSES.where(CLASSES.index > 0, "z")
    assert len(scores(TREE, rare)["accuracy"]) == 3


def test_a_score_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(ValueError, match="r2 is not a finite number"):
        scores(LINEAR, NUMBERS, "r2", folds=30)  # r2 of one row is not defined
    fitted = build_model(LINEAR, DATA, X, NUMBERS, 0).fit(X, NUMBERS)
    scorers = build_scorers(DATA, comparison("r2"), NUMBERS, fitted)
    with pytest.raises(ValueError, match="r2 is not a finite number"):
        score_fitted_model(fitted, scorers, X[:1], NUMBERS[:1])


def test_classifiers_and_regressors_cannot_be_compared() -> None:
    (problem,) = find_mixed_tasks({"tree": TREE, "linear": LINEAR, "gone": GONE})
    assert problem.startswith(
        "models: scores of classifiers (tree) and of regressors (linear) cannot be "
    )
    assert find_mixed_tasks({"tree": TREE, "linear": OFF, "gone": GONE}) == []


def test_the_models_decide_the_task() -> None:
    linear = LINEAR.model_dump(by_alias=True)
    off = TREE.model_dump(by_alias=True) | {"enabled": False}
    assert infer_task({"a": off, "b": linear}, CLASSES) == "regression"
    # Where no model can be built, the target decides.
    assert infer_task({"a": off, "b": GONE}, CLASSES) == "classification"
    assert infer_task({"a": off}, NUMBERS) == "regression"


def test_scores_of_one_class_leave_those_of_both_as_they_are() -> None:
    table = pd.DataFrame({"a": RANDOM.normal(size=300)})
    kind = pd.Series(np.where(table["a"] > 1.2, "fraud", "ok"), name="kind")
    names = ("average_precision", "roc_auc", "neg_log_loss")
    forest = TREE.with_arguments({"max_depth": 2})
    model = build_model(forest, DATA, table, kind, 5).fit(table, kind)
    scorers = build_scorers(DATA, comparison(*names), kind, model)
    found = score_fitted_model(model, scorers, table, kind)
    assert found["average_precision"] > 0.9
    assert found["roc_auc"] > 0.9
    assert found["neg_log_loss"] > -0.1

    folds = make_folds(table, kind, folds=3, random_state=5)
    spec = comparison(*names)
    by_fold = cross_validate_model(forest, DATA, spec, table, kind, folds, 5)
    assert min(by_fold["roc_auc"]) > 0.9
