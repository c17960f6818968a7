"""Learning curves, and tables that compare models over data sets."""

import pandas as pd
import pytest

from kedro_dynamic import ComparisonSpec, DataSpec

from {{ cookiecutter.python_package }}.pipelines.benchmark.nodes import (
    collect_trials,
    compare_datasets,
    learning_curve,
    plot_learning_curves,
)
from {{ cookiecutter.python_package }}.pipelines.models.nodes import (
    split_data,
    split_for_tuning,
)

TREE = {"class": "sklearn.tree.DecisionTreeClassifier"}
DATA = DataSpec(target_column="kind", drop=["id"])
COMPARISON = ComparisonSpec(folds=3)
FAILURE = {"error": "ValueError: no", "traceback": "..."}


def test_the_split_keeps_rows_for_tuning(table: pd.DataFrame) -> None:
    split = split_for_tuning(table, DATA, 3, 3)
    folds = split[-1]
    assert (folds["fold"] == "tuning").sum() == 15  # of 48, 5 of each kind
    plain = split_data(table, DATA, 3, 3)
    for part, plain_part in zip(split[:4], plain[:4], strict=True):
        assert part.equals(plain_part)


def test_the_learning_curves_of_all_models_are_one_plot(table: pd.DataFrame) -> None:
    X_train, _, y_train, _, folds = split_data(table, DATA, 3, 3)
    rows = learning_curve(TREE, DATA, COMPARISON, X_train, y_train, folds, 3)
    scores = [row for row in rows if row["measured"] == "validation accuracy"]
    samples = [row["samples"] for row in scores]
    assert samples == sorted(samples)
    assert samples[-1] == 32  # of 48 training rows, without those of one fold
    parts = plot_learning_curves(tree=rows, broken=FAILURE).axes
    kinds = ["validation accuracy", "training accuracy", "seconds to fit"]
    assert [axes.get_title() for axes in parts] == kinds
    drawn = parts[0].containers[0].lines[0].get_xydata().tolist()
    assert drawn == [[row["samples"], row["mean"]] for row in scores]
    assert len(plot_learning_curves(broken=FAILURE).axes) == 1


def test_samples_that_are_too_few_for_a_model_are_left_out(table: pd.DataFrame) -> None:
    X_train, _, y_train, _, folds = split_data(table, DATA, 3, 3)
    neighbors = {"class": "sklearn.neighbors.KNeighborsClassifier"}
    entry = {**neighbors, "model_kwargs": {"n_neighbors": 20}}
    rows = learning_curve(entry, DATA, COMPARISON, X_train, y_train, folds, 3)
    assert min(row["samples"] for row in rows) >= 20
    assert len({row["measured"] for row in rows}) == 3


def test_the_trials_of_all_models_are_one_table() -> None:
    rows = [{"number": 0, "value": 0.5}, {"number": 1, "value": 0.7}]
    trials = collect_trials(tree=rows, broken=FAILURE)
    assert trials["model"].tolist() == ["tree", "tree", "broken"]
    assert trials["error"].tolist()[2] == "ValueError: no"
    assert "traceback" not in trials


def leaderboard(name: str = "accuracy", **scores: float | None) -> pd.DataFrame:
    """Return a leaderboard with these scores on the test set."""
    values = [*scores.values()]
    columns = {"model": [*scores], f"test_{name}": values, "model_score": values}
    return pd.DataFrame(columns)


def test_models_are_ranked_over_all_data_sets() -> None:
    scores, figure, ranks = compare_datasets(
        small=leaderboard(baseline=0.1, tree=0.5, svm=0.9, broken=None),
        large=leaderboard(svm=0.8, tree=0.8, broken=0.7, baseline=0.9),
    )
    assert list(scores) == ["dataset", "svm", "tree", "broken", "baseline"]
    assert scores["dataset"].tolist() == ["small", "large"]
    assert [text.get_text() for text in figure.axes[0].texts][:2] == ["0.9", "0.5"]
    assert ranks["model"].tolist() == ["svm", "tree", "broken"]
    # Equal scores share the mean of their ranks; a model that failed is last.
    assert ranks["mean_rank"].tolist() == [1.25, 1.75, 3]
    assert ranks["best_on"].tolist() == [2, 1, 0]
    assert ranks["mean_score"].tolist()[:2] == pytest.approx([0.85, 0.65])


def test_losses_are_ranked_and_shown_but_not_averaged() -> None:
    rmse = "neg_root_mean_squared_error"
    scores, figure, ranks = compare_datasets(
        houses=leaderboard(rmse, baseline=-90_000, tree=-30_000, ridge=-20_000),
        wages=leaderboard(rmse, baseline=-9, tree=-3, ridge=-2),
    )
    assert ranks["model"].tolist() == ["ridge", "tree"]
    assert "mean_score" not in ranks
    assert scores["ridge"].tolist() == [-20_000, -2]  # stored: higher is better
    (axes,) = figure.axes
    assert axes.get_yticklabels()[0].get_text() == "houses (RMSE)"
    assert axes.texts[0].get_text() == "2e+04"
