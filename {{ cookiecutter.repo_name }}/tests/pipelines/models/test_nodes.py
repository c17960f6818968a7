"""Split, fit, score and compare, without Kedro."""

import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.tree import DecisionTreeClassifier

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.models.leaderboard import (
    compare_models,
)
from {{ cookiecutter.python_package }}.pipelines.models.nodes import (
    fit_model,
    score_model,
    split_data,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec

Split = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]


@pytest.fixture(scope="module")
def iris() -> Split:
    return split_data(load_iris(as_frame=True).frame, 0.8, 3, "target")


@pytest.fixture(scope="module")
def diabetes() -> Split:
    return split_data(load_diabetes(as_frame=True).frame, 0.8, 3, "target")


def test_the_split_keeps_the_shares_of_the_classes(iris: Split) -> None:
    X_train, X_test, y_train, y_test = iris
    assert (len(X_train), len(X_test)) == (120, 30)
    assert set(y_test["target"].value_counts()) == {10}
    assert X_train.index.equals(y_train.index)


def test_the_seed_decides_the_split() -> None:
    data = load_iris(as_frame=True).frame
    first, second, other = (split_data(data, 0.8, seed, "target") for seed in (3, 3, 4))
    assert first[0].equals(second[0])
    assert not first[0].equals(other[0])


def test_a_missing_target_column_is_suggested() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'target'"):
        split_data(load_iris(as_frame=True).frame, 0.8, 3, "taget")


def test_the_score_is_scikit_learns(iris: Split) -> None:
    X_train, X_test, y_train, y_test = iris
    tree = ModelSpec.model_validate(
        {
            "class": "sklearn.tree.DecisionTreeClassifier",
            "model_kwargs": {"max_depth": 2},
        }
    )
    model_score, metrics = score_model(
        fit_model(tree, X_train, y_train, 3), X_test, y_test
    )
    expected = DecisionTreeClassifier(max_depth=2, random_state=3).fit(X_train, y_train)
    assert model_score == expected.score(X_test, y_test)
    assert metrics["accuracy"] == model_score
    assert 0 < metrics["fit_seconds"] < 60
    assert metrics["model_bytes"] > 0


def test_regression_is_scored_as_such(diabetes: Split) -> None:
    X_train, X_test, y_train, y_test = diabetes
    linear = ModelSpec.model_validate(
        {"class": "sklearn.linear_model.LinearRegression"}
    )
    model_score, metrics = score_model(
        fit_model(linear, X_train, y_train, 3), X_test, y_test
    )
    assert metrics["r2"] == pytest.approx(model_score)
    leaderboard, figure = compare_models(*diabetes, 3, linear_metrics=metrics)
    assert leaderboard["model"].tolist() == ["linear", "baseline"]
    assert figure.data[0].error_x.array is None


def test_the_leaderboard_is_best_first_with_error_bars(iris: Split) -> None:
    metrics = {"fit_seconds": 1.0, "predict_seconds": 1.0, "model_bytes": 1}
    leaderboard, figure = compare_models(
        *iris,
        3,
        bad_metrics={"model_score": 0.2, "model_score_stderr": 0.1, **metrics},
        good_metrics={"model_score": 0.9, "model_score_stderr": 0.2, **metrics},
    )
    assert leaderboard["model"].tolist() == ["good", "baseline", "bad"]
    assert list(figure.data[0].y) == ["good", "baseline", "bad"]
    assert figure.data[0].error_x.array[0] == 0.2
