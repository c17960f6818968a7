"""The leaderboard and its plot."""

from statistics import fmean
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


def results(name: str, validation: list[float], test: float) -> dict[str, Any]:
    """Return the results of a model on three folds."""
    metrics = {
        "validation_accuracy": fmean(validation),
        "test_accuracy": test,
        "test_accuracy_low": test - 0.1,
        "test_accuracy_high": test + 0.1,
        "model_score": test,
    }
    return {
        f"{name}_score": test,
        f"{name}_validation": {"accuracy": validation},
        f"{name}_metrics": metrics,
        f"{name}_resamples": [test] * 200,
    }


RESULTS = {
    **results("fair", [0.8, 0.8, 0.8], 0.9),
    **dict.fromkeys(["broken_score", "broken_validation", "broken_metrics"], FAILURE),
    **results("good", [0.95, 0.94, 0.96], 0.7),
}


def compare(
    table: pd.DataFrame,
    target: str = "kind",
    more: dict[str, Any] | None = None,
    **comparison: Any,
) -> tuple[pd.DataFrame, Any]:
    """Compare the results of two models, and of one that failed."""
    data = DataSpec(target_column=target, drop=["id"])
    spec = ComparisonSpec(**{"folds": 3, **comparison})
    kind = "Classifier" if target == "kind" else "Regressor"
    models = {"good": {"class": f"sklearn.tree.DecisionTree{kind}"}}
    split = split_data(table, data, spec.folds, 3)
    return compare_models(models, data, spec, 3, *split, **(RESULTS | (more or {})))


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
    # A difference that is the same on each resample of 15 rows says nothing.
    assert leaderboard["note"][1] == "within chance of the first"


def test_what_chance_explains_is_noted_beside_the_score(table: pd.DataFrame) -> None:
    near, lucky = [0.90, 0.99, 0.93], [0.2, 0.3, 0.9]
    more = {**results("near", near, 0.8), **results("lucky", lucky, 0.8)}
    more |= results("poor", [0.1, 0.1, 0.1], 0.1)
    leaderboard, _ = compare(table, more=more)
    notes = leaderboard.set_index("model")["note"].dropna().to_dict()
    assert notes == {
        "near": "within chance of the first",
        "lucky": "within chance of the baseline",
        "poor": "below the baseline",
    }
    columns = list(leaderboard)
    assert columns[columns.index("note") - 1] == "test_accuracy_high"


def test_without_folds_the_resamples_decide(table: pd.DataFrame) -> None:
    leaderboard, _ = compare(table, folds=0, more=results("unsure", [0.8] * 3, 0.9))
    assert leaderboard["model"].tolist()[:2] == ["fair", "unsure"]
    assert leaderboard["note"].tolist()[1] == "within chance of the first"


def test_the_baseline_of_regressors_is_a_regressor(table: pd.DataFrame) -> None:
    table = table.dropna().drop(columns="kind")
    leaderboard, _ = compare(table, target="width")
    baseline = leaderboard.set_index("model").loc["baseline"]
    assert baseline["test_r2"] == pytest.approx(0, abs=0.2)
    assert baseline["test_neg_root_mean_squared_error"] < 0


def test_a_baseline_without_such_a_score_is_ranked_as_failed(
    table: pd.DataFrame,
) -> None:
    data, spec = DataSpec(target_column="kind", drop=["id"]), ComparisonSpec(folds=3)
    models = {"good": {"class": "sklearn.tree.DecisionTreeClassifier"}}
    split = split_data(table, data, spec.folds, 3)
    spec = ComparisonSpec(scoring=["f1"])  # of two classes
    leaderboard, _ = compare_models(models, data, spec, 3, *split, **RESULTS)
    assert leaderboard["model"].tolist() == ["good", "fair", "baseline", "broken"]
    assert leaderboard["error"].notna().tolist() == [False, False, True, True]


def test_the_plot_has_a_line_per_model(table: pd.DataFrame) -> None:
    _, figure = compare(table)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["good", "fair"]
    assert axes.get_xlabel().startswith("accuracy (baseline: 0.")
