"""How a model errs on the test set, and which columns it needs."""

import warnings
from typing import Any

import pandas as pd
from kedro.io import DataCatalog

from kedro_dynamic.catalog.names import FITTED_MODEL, X_TEST, Y_TEST, dataset_name
from kedro_dynamic.models.estimators import task_of
from kedro_dynamic.report.charts import charts_of
from kedro_dynamic.report.section import Section
from kedro_dynamic.runs.console import MAX_ROWS

MAX_IMPORTANCE_ROWS, REPEATS = 1000, 3
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
    from sklearn.inspection import permutation_importance

    sample = X.sample(min(len(X), MAX_IMPORTANCE_ROWS), random_state=0)
    importance = permutation_importance(
        model, sample, y.loc[sample.index], n_repeats=REPEATS, random_state=0
    )
    means = importance.importances_mean
    order = means.argsort()[::-1][:MAX_ROWS]
    columns = [str(X.columns[position]) for position in order]
    bars = go.Bar(x=means[order], y=columns, orientation="h")
    text = (
        "By how much its score falls when a column is shuffled: "
        f"{len(sample)} rows of the test set, mean of {REPEATS} repeats."
    )
    return Section(f"What {name} needs", text, charts=charts_of(go.Figure(bars)))
