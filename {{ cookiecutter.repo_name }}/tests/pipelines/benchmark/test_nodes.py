"""Learning curves, and tables that compare models over data sets."""

import pandas as pd
import pytest

from kedro_dynamic import ComparisonSpec, DataSpec

from {{ cookiecutter.python_package }}.pipelines.benchmark.nodes import (
    collect_rows,
    compare_datasets,
    learning_curve,
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


def test_a_learning_curve_is_measured_on_the_folds(table: pd.DataFrame) -> None:
    X_train, _, y_train, _, folds = split_data(table, DATA, 3, 3)
    rows = learning_curve(TREE, DATA, COMPARISON, X_train, y_train, folds, 3)
    scores = [row for row in rows if row["measured"] == "validation accuracy"]
    samples = [row["samples"] for row in scores]
    assert samples == sorted(samples)
    assert samples[-1] == 32  # of 48 training rows, without those of one fold
    kinds = ["validation accuracy", "training accuracy", "seconds to fit"]
    assert [*dict.fromkeys(row["measured"] for row in rows)] == kinds


def test_samples_that_are_too_few_for_a_model_are_left_out(table: pd.DataFrame) -> None:
    X_train, _, y_train, _, folds = split_data(table, DATA, 3, 3)
    neighbors = {"class": "sklearn.neighbors.KNeighborsClassifier"}
    entry = {**neighbors, "model_kwargs": {"n_neighbors": 20}}
    rows = learning_curve(entry, DATA, COMPARISON, X_train, y_train, folds, 3)
    assert min(row["samples"] for row in rows) >= 20
    assert len({row["measured"] for row in rows}) == 3


def test_the_trials_of_all_models_are_one_table() -> None:
    rows = [{"number": 0, "value": 0.5}, {"number": 1, "value": 0.7}]
    trials = collect_rows(tree=rows, broken=FAILURE)
    assert trials["model"].tolist() == ["tree", "tree", "broken"]
    assert trials["error"].tolist()[2] == "ValueError: no"
    assert "traceback" not in trials


def leaderboard(name: str = "accuracy", **scores: float | None) -> pd.DataFrame:
    """Return a leaderboard with these scores on the test set."""
    values = [*scores.values()]
    columns = {"model": [*scores], f"test_{name}": values, "model_score": values}
    return pd.DataFrame(columns)


def test_models_are_ranked_over_all_data_sets() -> None:
    scores, figure, ranks, conclusion = compare_datasets(
        small=leaderboard(baseline=0.1, tree=0.5, svm=0.9, broken=None),
        large=leaderboard(svm=0.8, tree=0.8, broken=0.7, baseline=0.9),
    )
    assert list(scores) == ["dataset", "svm", "tree", "broken", "baseline"]
    assert scores["dataset"].tolist() == ["small", "large"]
    assert figure.axes[0].texts[0].get_text() == "0.900"
    assert ranks["model"].tolist() == ["svm", "tree", "broken"]
    # Equal scores share the mean of their ranks; a model that failed is last.
    assert ranks["mean_rank"].tolist() == [1.25, 1.75, 3]
    assert ranks["best_on"].tolist() == [2, 1, 0]
    assert ranks["mean_score"].tolist()[:2] == pytest.approx([0.85, 0.65])
    assert conclusion == (
        "svm ranks first of 3 by the test sets of 2 data sets (mean rank 1.25). Tuning "
        "improved none of 0 models by more than chance."
    )


def test_the_conclusion_says_what_tuning_has_gained_and_found() -> None:
    rmse = "neg_root_mean_squared_error"
    tuned = leaderboard(rmse, **{"a.tuned": -2, "b.tuned": -5, "a.baseline": -4})
    tuned.loc[3] = ["b.baseline", -5, -5]
    tuned.loc[4] = ["baseline", -9, -9]
    tuned["gain"], tuned["gain_low"] = [2, 0, None, None, None], [0.1, -1] + [None] * 3
    tuned["found"] = ["C 1 to 9", "", None, None, None]
    conclusion = compare_datasets(houses=tuned)[-1]
    arrow = "\N{RIGHTWARDS ARROW}"
    assert conclusion.endswith(
        "Tuning improved 1 of 2 models by more than chance: a on houses (RMSE 4.000 "
        f"{arrow} 2.000, C 1 to 9)."
    )


def test_losses_are_ranked_and_shown_but_not_averaged() -> None:
    rmse = "neg_root_mean_squared_error"
    scores, figure, ranks, _ = compare_datasets(
        houses=leaderboard(rmse, baseline=-90_000, tree=-30_000, ridge=-20_000),
        wages=leaderboard(rmse, baseline=-9, tree=-3, ridge=-2),
    )
    assert ranks["model"].tolist() == ["ridge", "tree"]
    assert "mean_score" not in ranks
    assert scores["ridge"].tolist() == [-20_000, -2]  # stored: higher is better
    (axes,) = figure.axes
    assert axes.get_yticklabels()[0].get_text() == "houses (RMSE)"
    assert axes.texts[0].get_text() == "20,000"
