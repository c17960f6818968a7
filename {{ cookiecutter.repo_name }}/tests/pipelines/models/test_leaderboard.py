"""The leaderboard and its plot."""

from typing import Any

import pandas as pd
import pytest

from kedro_dynamic import ComparisonSpec, DataSpec

from {{ cookiecutter.python_package }}.pipelines.models.leaderboard import (
    compare_models,
)
from {{ cookiecutter.python_package }}.pipelines.models.nodes import (
    split_data,
)

FAILURE = {"error": "ValueError: no", "traceback": "..."}


def metrics(validation: float, test: float) -> dict[str, float]:
    scores = {"validation_accuracy": validation, "test_accuracy": test}
    return {**scores, "model_score": test}


RESULTS = {
    "fair_score": 0.9,
    "fair_metrics": metrics(0.8, 0.9),
    "broken_score": FAILURE,
    "broken_metrics": FAILURE,
    "good_score": 0.7,
    "good_metrics": metrics(0.95, 0.7),
}


def compare(
    table: pd.DataFrame, target: str = "kind", **comparison: Any
) -> tuple[pd.DataFrame, Any]:
    """Compare the results of two models, and of one that failed."""
    data = DataSpec(target_column=target, drop=["id"])
    spec = ComparisonSpec(**{"folds": 3, **comparison})
    kind = "Classifier" if target == "kind" else "Regressor"
    models = {"good": {"class": f"sklearn.tree.DecisionTree{kind}"}}
    split = split_data(table, data, spec, models, 3)
    return compare_models(models, data, spec, 3, *split, **RESULTS)


def test_the_best_model_is_first_and_failed_models_are_last(
    table: pd.DataFrame,
) -> None:
    leaderboard, _ = compare(table)
    assert leaderboard["model"].tolist() == ["good", "fair", "baseline", "broken"]
    assert leaderboard["model_score"].tolist()[:2] == [0.7, 0.9]
    assert leaderboard["error"].tolist()[3] == "ValueError: no"
    assert "traceback" not in leaderboard


def test_without_folds_the_test_set_ranks(table: pd.DataFrame) -> None:
    leaderboard, _ = compare(table, folds=0)
    assert leaderboard["model"].tolist() == ["fair", "good", "baseline", "broken"]


def test_the_baseline_of_regressors_is_a_regressor(table: pd.DataFrame) -> None:
    table = table.dropna().drop(columns="kind")
    leaderboard, _ = compare(table, target="width")
    baseline = leaderboard.set_index("model").loc["baseline"]
    assert baseline["test_r2"] == pytest.approx(0, abs=0.2)


def test_a_baseline_without_such_a_score_is_ranked_as_failed(
    table: pd.DataFrame,
) -> None:
    leaderboard, _ = compare(table, scoring=["f1"])  # f1 needs the classes 0 and 1
    assert leaderboard["model"].tolist() == ["good", "fair", "baseline", "broken"]
    assert leaderboard["error"].notna().tolist() == [False, False, True, True]


def test_the_plot_has_two_marks_per_model(table: pd.DataFrame) -> None:
    leaderboard, figure = compare(table)
    validation, test = figure.data
    assert list(validation.y) == list(test.y) == leaderboard["model"].tolist()
    assert list(test.x)[:2] == [0.7, 0.9]
