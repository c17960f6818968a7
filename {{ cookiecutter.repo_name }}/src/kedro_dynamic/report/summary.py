"""What a leaderboard is about, in a few facts: the table, the target, the split."""

from typing import Any

import pandas as pd

from kedro_dynamic.catalog.names import FOLDS, X_TEST, X_TRAIN, Y_TEST, Y_TRAIN
from kedro_dynamic.config.schema import BASELINE, DataSpec
from kedro_dynamic.models.estimators import is_continuous
from kedro_dynamic.models.scores import (
    describe_score,
    display_number,
    score_columns,
    score_of_column,
)
from kedro_dynamic.models.split import fold_pairs
from kedro_dynamic.report.plots import short_names
from kedro_dynamic.runs.console import STDERR_SUFFIX
from kedro_dynamic.runs.run import Run

MAX_CLASSES = 6


def summarize(run: Run, leaderboard: pd.DataFrame) -> dict[str, str]:
    """Return what a run compares its models on, and what the best score is worth.

    Args:
        run: The run, whose catalog has the split and the parameters.
        leaderboard: Its leaderboard.
    """
    catalog = run.catalog
    X_train, X_test = catalog[X_TRAIN].load(), catalog[X_TEST].load()
    y = pd.concat([catalog[name].load().iloc[:, 0] for name in (Y_TRAIN, Y_TEST)])
    data = DataSpec.model_validate(catalog["parameters"].load()["data"])
    folds = len(fold_pairs(catalog[FOLDS].load()))

    way = "at random"
    if data.group_column:
        way = f"by {data.group_column}"
    elif data.time_column:
        way = f"by time ({data.time_column})"
    facts = {
        "Data": f"{len(y):,} rows, {X_train.shape[1]:,} features",
        "Target": f"{y.name}: {_describe_target(y)}",
        "Split": f"{len(X_train):,} rows to train and {len(X_test):,} to test, {way}; "
        f"{folds or 'no'} folds",
    }
    scores = score_columns(leaderboard)
    if scores:
        facts["Best score"] = _describe_best(leaderboard, scores)
    if any(column.endswith(STDERR_SUFFIX) for column in map(str, leaderboard)):
        facts["Notation"] = (
            "\N{PLUS-MINUS SIGN} is the standard error over the folds; in brackets is "
            "the 95 % interval of the score on the test set"
        )
    return facts


def _describe_target(y: "pd.Series[Any]") -> str:
    """Return the shares of the classes, the range of numbers."""
    if is_continuous(y) or (y.dtype.kind in "iuf" and y.nunique() > 2 * MAX_CLASSES):
        low, middle, high = (
            display_number(float(y.quantile(share))) for share in (0, 0.5, 1)
        )
        return f"from {low} to {high}, median {middle}"
    shares = y.value_counts(normalize=True)
    short = short_names(shares.index)
    named = [
        f"{short[str(label)]} {100 * share:.3g}\N{NO-BREAK SPACE}%"
        for label, share in shares.items()
    ]
    more = len(named) - MAX_CLASSES
    return ", ".join(named[:MAX_CLASSES]) + (f" and {more} more" if more > 0 else "")


def _describe_best(leaderboard: pd.DataFrame, columns: list[str]) -> str:
    """Return the deciding score of the first model, and the same on the test set."""
    models = leaderboard[leaderboard["model"] != BASELINE].set_index("model")
    if models.empty or pd.isna(models[columns[0]].iloc[0]):
        return "no model has a score"
    test = f"test_{score_of_column(columns[0])}"
    shown = [
        describe_score(leaderboard, column, models[column].iloc[0])
        for column in dict.fromkeys([columns[0], test])
    ]
    return f"{models.index[0]}: {'; '.join(shown)}"
