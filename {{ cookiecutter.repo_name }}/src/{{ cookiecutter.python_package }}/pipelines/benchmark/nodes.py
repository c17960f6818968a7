"""What the benchmark does beyond the nodes of ``models``, and ``tune`` of the engine.

scikit-learn and plotly are imported where they are used.
"""

import warnings
from typing import Any

import pandas as pd

from {{ cookiecutter.python_package }}.engine import (
    BASELINE,
    ComparisonSpec,
    DataSpec,
    ModelSpec,
    build_model,
    held_out_scores,
    is_failure,
)

# Of the training rows of each fold.
SHARES = (0.1, 0.325, 0.55, 0.775, 1.0)


def learning_curve(
    entry: dict[str, Any],
    data: DataSpec,
    comparison: ComparisonSpec,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
) -> list[dict[str, float]]:
    """Measure a model on growing shares of the training part.

    Args:
        entry: From the study.
        data: Says how features are encoded.
        comparison: Says by which score.
        X_train: Features, one row per sample.
        y_train: The target, one column, same rows.
        random_state: Seed of the folds.

    Returns:
        A row per share: mean number of ``samples``, mean over the folds of
        ``train_score``, ``validation_score`` and ``fit_seconds``, and the standard
        deviation of each as ``<name>_std``.
    """
    from sklearn.model_selection import learning_curve as measure

    model, y = ModelSpec.model_validate(entry), y_train.iloc[:, 0]

    def score(fitted_model: Any, X: pd.DataFrame, y: "pd.Series[Any]") -> float:
        return next(iter(held_out_scores(fitted_model, comparison, X, y).values()))

    with warnings.catch_warnings():
        # Of shares that are too small for the model: they have no score.
        warnings.simplefilter("ignore")
        samples, train, validation, seconds, _ = measure(
            build_model(model, data, X_train, y, random_state),
            X_train,
            y,
            train_sizes=SHARES,
            cv=comparison.folds or 5,
            scoring=score,
            shuffle=True,
            random_state=random_state,
            return_times=True,
        )
    measured = {"train_score": train, "validation_score": validation}
    measured["fit_seconds"] = seconds
    curve = pd.DataFrame({"samples": samples})
    for name, values in measured.items():
        curve[name], curve[f"{name}_std"] = values.mean(axis=1), values.std(axis=1)
    return [dict(row) for _, row in curve.dropna().iterrows()]


def plot_learning_curves(**curves: Any) -> Any:
    """Draw the learning curves of all models on a data set.

    Args:
        curves: From ``learning_curve``, by the model's name; of one that failed its
            error.

    Returns:
        A figure of plotly: score (dotted: on the training rows) and time by samples.
        In its legend, a click hides a model, a double click the others.
    """
    from plotly.colors import qualitative
    from plotly.subplots import make_subplots

    titles = ["score (dotted: on the training rows)", "seconds to fit"]
    figure = make_subplots(1, 2, subplot_titles=titles)
    lines = [("validation_score", 1, "solid"), ("train_score", 1, "dot")]
    lines += [("fit_seconds", 2, "solid")]
    for i, (name, rows) in enumerate(curves.items()):
        curve = pd.DataFrame([] if is_failure(rows) else rows)
        for measured, column, dash in lines if len(curve) else []:
            figure.add_scatter(
                x=curve["samples"],
                y=curve[measured],
                error_y={"array": curve[f"{measured}_std"]},
                line={"color": qualitative.Plotly[i % 10], "dash": dash},
                name=name,
                legendgroup=name,
                showlegend=measured == "validation_score",
                row=1,
                col=column,
            )
    figure.update_xaxes(title="training samples")
    return figure.update_layout(title="Learning curves", template="plotly_white")


def collect_trials(**trials: Any) -> pd.DataFrame:
    """Put the trials of all models on a data set into one table.

    Args:
        trials: From the study, by the model's name; of one that failed its error.

    Returns:
        One row per trial, the name of its model first.
    """
    rows = [
        {"model": name, **row}
        for name, table in trials.items()
        for row in ([table] if is_failure(table) else table)
    ]
    return pd.DataFrame(rows).drop(columns="traceback", errors="ignore")


def compare_datasets(
    **leaderboards: pd.DataFrame,
) -> tuple[pd.DataFrame, Any, pd.DataFrame]:
    """Set the leaderboards of all data sets side by side, by the test part's score.

    Args:
        leaderboards: By name of the data set.

    Returns:
        The scores, one row per data set and one column per model, the model best on
        average first; the same as a heat map; and the models by their mean rank, one
        row each, where 1 is best and equals share the mean of their ranks.
    """
    from plotly import express as px

    scores = pd.DataFrame(
        {
            name: board.set_index("model")["model_score"]
            for name, board in leaderboards.items()
        }
    ).T
    models = scores.drop(columns=BASELINE)
    # A model that failed on a data set is last on it.
    ranks = models.rank(axis="columns", ascending=False, na_option="bottom")
    best = ranks.eq(ranks.min(axis="columns"), axis="index") & models.notna()
    columns = {"mean_rank": ranks.mean(), "mean_score": models.mean()}
    table = pd.DataFrame({**columns, "best_on": best.sum()}).sort_values(
        "mean_rank", kind="stable"
    )
    scores = scores[[*table.index, BASELINE]]
    heat_map = px.imshow(
        scores, text_auto=".3f", color_continuous_scale="Viridis", aspect="auto"
    ).update_layout(title="Score on the test part", template="plotly_white")
    return (
        scores.rename_axis("dataset").reset_index(),
        heat_map,
        table.rename_axis("model").reset_index(),
    )
