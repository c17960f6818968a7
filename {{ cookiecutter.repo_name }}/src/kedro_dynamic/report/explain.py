"""How a model errs on the test set, and which columns it needs."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from kedro.io import DataCatalog

from kedro_dynamic.catalog.names import FITTED_MODEL, X_TEST, Y_TEST, dataset_name
from kedro_dynamic.models.estimators import task_of
from kedro_dynamic.report.charts import charts_of
from kedro_dynamic.report.section import Section
from kedro_dynamic.runs.console import MAX_ROWS

MAX_IMPORTANCE_ROWS, REPEATS = 1000, 3
# Rows of shuffled tables that are predicted at once. An encoder reads each different
# cell once in each call, so scikit-learn's permutation_importance, which makes a call
# per shuffle, took four times as long for a table with dates and money.
ROWS_AT_ONCE = 30_000
# All columns are encoded for each that is shuffled: of 800 columns it took 35 s.
MAX_IMPORTANCE_COLUMNS = 100
MAX_POINTS = 500


def explain(name: str, catalog: DataCatalog) -> list[Section]:
    """Return sections on how a model errs on the test set, and which columns it needs.

    Args:
        name: Of the model in ``parameters.yml``.
        catalog: Holds the fitted model and the test set.
    """
    model = catalog[dataset_name(f"models.{name}", FITTED_MODEL)].load()
    X, y = catalog[X_TEST].load(), catalog[Y_TEST].load().iloc[:, 0]
    # A model warns of cells that it cannot read, each time that it predicts.
    with warnings.catch_warnings(action="ignore"):
        sections = [_errors(name, model, X, y)]
        if X.shape[1] <= MAX_IMPORTANCE_COLUMNS:
            sections.append(_importance(name, model, X, y))
    return sections


def _errors(name: str, model: Any, X: pd.DataFrame, y: "pd.Series[Any]") -> Section:
    """Return the confusion matrix of a classifier, or the residuals of a regressor."""
    from plotly import graph_objects as go
    from sklearn.metrics import confusion_matrix

    predicted = model.predict(X)
    if task_of(model) == "regression":
        rows = slice(0, MAX_POINTS)
        residuals = (y - predicted)[rows]
        points = go.Scatter(x=predicted[rows], y=residuals, mode="markers")
        figure = go.Figure(points).update_xaxes(title="prediction")
        title, text = "Residuals", "True value minus prediction, on the test set."
    else:
        predicted = [str(label) for label in predicted]
        labels = sorted({*map(str, y), *predicted})
        matrix = confusion_matrix(y.astype(str), predicted, labels=labels)
        figure = go.Figure(go.Heatmap(z=matrix, x=labels, y=labels))
        title = "Confusion"
        text = "Rows of the test set: a row per class, a column per prediction."
    return Section(f"{title} of {name}", text, charts=charts_of(figure))


def _importance(name: str, model: Any, X: pd.DataFrame, y: "pd.Series[Any]") -> Section:
    """Return by how much the score of a model falls when a column is shuffled."""
    from plotly import graph_objects as go

    sample = X.sample(min(len(X), MAX_IMPORTANCE_ROWS), random_state=0)
    means = _mean_falls(model, sample, y.loc[sample.index])
    order = means.argsort()[::-1][:MAX_ROWS]
    columns = [str(X.columns[position]) for position in order]
    bars = go.Bar(x=means[order], y=columns, orientation="h")
    text = (
        "By how much its score falls when a column is shuffled: "
        f"{len(sample)} rows of the test set, mean of {REPEATS} repeats."
    )
    return Section(f"What {name} needs", text, charts=charts_of(go.Figure(bars)))


def _mean_falls(
    model: Any, X: pd.DataFrame, y: "pd.Series[Any]"
) -> np.ndarray[Any, Any]:
    """Return by how much accuracy or R2 fall when each column is shuffled, in mean."""
    from sklearn.metrics import accuracy_score, r2_score

    score = r2_score if task_of(model) == "regression" else accuracy_score
    random = np.random.default_rng(0)
    tables_at_once = max(1, ROWS_AT_ONCE // len(X))
    shuffled_columns = np.repeat(np.arange(X.shape[1]), REPEATS)
    scores: list[float] = []
    for start in range(0, len(shuffled_columns), tables_at_once):
        tables = []
        for position in shuffled_columns[start : start + tables_at_once]:
            table = X.copy()
            order = random.permutation(len(X))
            table.isetitem(position, X.iloc[order, position].array)
            tables.append(table)
        predicted = model.predict(pd.concat(tables, ignore_index=True))
        scores += [score(y, part) for part in np.split(predicted, len(tables))]
    means = np.reshape(scores, (-1, REPEATS)).mean(axis=1)
    return np.asarray(score(y, model.predict(X)) - means)
