"""How a model errs on the test set, and which columns it needs."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from kedro.io import DataCatalog

from kedro_dynamic.catalog.names import (
    FITTED_MODEL,
    X_TEST,
    Y_TEST,
    Y_TRAIN,
    dataset_name,
)
from kedro_dynamic.config.schema import ComparisonSpec, DataSpec
from kedro_dynamic.models.bootstrap import RecordedModel
from kedro_dynamic.models.estimators import task_of
from kedro_dynamic.models.held_out import score_labels
from kedro_dynamic.models.scores import (
    display_name,
    display_number,
    display_stored,
    find_positive_label,
)
from kedro_dynamic.models.scoring import build_scorers
from kedro_dynamic.report.plots import (
    plot_bars,
    plot_confusion,
    plot_curves,
    plot_residuals,
    short_names,
    shorten,
    to_svg,
)
from kedro_dynamic.report.section import Picture, Section
from kedro_dynamic.runs.console import MAX_ROWS, format_rows, show_or_warn
from kedro_dynamic.runs.run import Run
from kedro_dynamic.tracking.payload import Payload

MAX_IMPORTANCE_ROWS, REPEATS = 1000, 3
# Rows of shuffled tables that are predicted at once. An encoder reads each different
# cell once in each call, so scikit-learn's permutation_importance, which makes a call
# per shuffle, took four times as long for a table with dates and money.
ROWS_AT_ONCE = 30_000
# All columns are encoded for each that is shuffled: of 800 columns it took 35 s.
MAX_IMPORTANCE_COLUMNS = 100
MAX_WRONG_ROWS = 10
MAX_LABELS_IN_ALT = 5
THRESHOLDS = 9
PROBABILITY = "probability"


@dataclass
class Subject:
    """A model, and what it is explained by."""

    name: str
    model: Any
    X: pd.DataFrame
    y: "pd.Series[Any]"
    """The target of the test rows; classes are texts or numbers of NumPy."""

    score: str
    """Name of the score that decides."""

    scorer: Any
    positive: Any
    """Of two classes, the one that precision and recall are about; else None."""

    def __post_init__(self) -> None:
        # It predicts the test rows once; all plots take their answers from there.
        self.recorded = RecordedModel(self.model, self.X)
        self.rows = np.arange(len(self.X))
        self.predicted = self.recorded.predict(self.rows)


def add_plots(run: Run, payload: Payload) -> None:
    """Add the plots of each model to its run in MLflow, if ``comparison.plots`` is all.

    Args:
        run: The run.
        payload: What it has made; changed.
    """
    comparison = run.catalog["parameters"].load().get("comparison")
    # Another project may mean something else by this name.
    if not isinstance(comparison, dict) or comparison.get("plots") != "all":
        return
    for model in payload.models:
        is_explained = model.namespace == f"models.{model.name}"
        if model.status != "FINISHED" or not is_explained:
            continue
        with show_or_warn(f"MLflow lacks the plots of {model.name}"):
            for section in explain(model.name, run.catalog):
                for picture in section.pictures:
                    name = (picture.title or section.title).lower().replace(" ", "_")
                    model.images[f"{name}.svg"] = picture.svg.encode()


def explain(name: str, catalog: DataCatalog) -> list[Section]:
    """Return sections on how a model errs on the test set, and which columns it needs.

    Args:
        name: Of the model in ``parameters.yml``.
        catalog: Holds the parameters, the fitted model, the test set and the target of
            the training set.
    """
    model = catalog[dataset_name(f"models.{name}", FITTED_MODEL)].load()
    parameters = catalog["parameters"].load()
    data = DataSpec.model_validate(parameters["data"])
    comparison = ComparisonSpec.model_validate(parameters["comparison"])
    y_train = catalog[Y_TRAIN].load().iloc[:, 0]
    X, y = catalog[X_TEST].load(), catalog[Y_TEST].load().iloc[:, 0]
    score, scorer = next(iter(build_scorers(data, comparison, y_train, model).items()))

    parts: list[Callable[[Subject], Iterator[Section]]]
    positive = None
    if task_of(model) == "regression":
        parts = [_explain_numbers]
    else:
        positive = find_positive_label(y_train, data.positive_label)
        parts = [_explain_classes] if positive is None else [_explain_two_classes]
    parts += [_find_wrong_rows, _explain_importance]

    sections: list[Section] = []
    # A model warns of cells that it cannot read, each time that it predicts.
    with warnings.catch_warnings(action="ignore"):
        subject = Subject(name, model, X, y, score, scorer, positive)
        for part in parts:
            with show_or_warn(f"The report lacks a part on {name}"):
                sections += part(subject)
    return sections


def _explain_numbers(subject: Subject) -> Iterator[Section]:
    """Yield predictions against true numbers, and what is left."""
    residuals = subject.y.to_numpy() - subject.predicted
    middle, low, high = (
        display_number(value) for value in np.quantile(residuals, [0.5, 0.05, 0.95])
    )
    alt = (
        f"True values less predictions: the median is {middle}, 90 % are from {low} "
        f"to {high}."
    )
    pictures = [
        Picture(title, alt, to_svg(figure))
        for title, figure in plot_residuals(subject.y, subject.predicted)
    ]
    yield Section(f"Errors of {subject.name}", alt, pictures=pictures)


def _explain_classes(subject: Subject) -> Iterator[Section]:
    """Yield the confusion matrix; precision and recall of each class, worst first."""
    scores = score_labels(subject.y, pd.DataFrame({"label": subject.predicted}))
    by_class = scores[scores["rows"] > 0].sort_values("recall").fillna(0.0)
    by_class = by_class.drop(columns="f1").rename(columns={"label": "class"})
    columns, rows = format_rows(by_class)
    text = f"{MAX_ROWS} of {len(by_class)} classes" if len(by_class) > MAX_ROWS else ""
    pictures = [_confusion(subject)]
    title = f"Errors of {subject.name}"
    yield Section(title, text, columns, rows, pictures=pictures)


def _explain_two_classes(subject: Subject) -> Iterator[Section]:
    """Yield the curves of two classes, and what thresholds find."""
    from sklearn.metrics import recall_score

    positive, y = subject.positive, subject.y
    pictures = [_confusion(subject)]
    score = subject.scorer(subject.recorded, subject.rows, y)
    shown = display_stored(subject.score, score)
    alt = f"{display_name(subject.score)} on the test set: {shown}"
    kind, values = _values(subject)
    is_probability = kind == PROBABILITY
    for title, figure in plot_curves(
        y, values, positive, are_probabilities=is_probability
    ):
        pictures.append(
            Picture(title, f"{title} of {subject.name}. {alt}", to_svg(figure))
        )

    count = int((y == positive).sum())
    found = round(recall_score(y, subject.predicted, pos_label=positive) * count)
    flagged = int((subject.predicted == positive).sum())
    text = (
        f"{subject.name} finds {found:,} of {count:,} rows of class '{positive}'. Of "
        f"the {flagged:,} rows that it takes for '{positive}', {flagged - found:,} are "
        "not."
    )
    yield Section(f"Errors of {subject.name}", text, pictures=pictures)
    yield _thresholds(subject)


def _values(subject: Subject) -> tuple[str, Any]:
    """Return what the model gives for the positive class, and what that is called."""
    model, rows, positive = subject.recorded, subject.rows, subject.positive
    if hasattr(model, "predict_proba"):
        position = [*model.classes_].index(positive)
        return PROBABILITY, model.predict_proba(rows)[:, position]
    values = model.decision_function(rows)
    return "score", values if model.classes_[1] == positive else -values


def _confusion(subject: Subject) -> Picture:
    """Return the confusion matrix, and the most frequent confusions in words."""
    from sklearn.metrics import confusion_matrix

    labels = np.unique(np.concatenate([subject.y, subject.predicted]))
    counts = confusion_matrix(subject.y, subject.predicted, labels=labels)
    wrong = counts - np.diag(counts.diagonal())
    lines = [f"{counts.diagonal().sum():,} of {counts.sum():,} rows are right"]
    for place in wrong.ravel().argsort()[::-1][:MAX_LABELS_IN_ALT]:
        true, predicted = np.unravel_index(place, wrong.shape)
        if wrong[true, predicted]:
            count = f"{wrong[true, predicted]:,} of {labels[true]}"
            lines.append(f"{count} are taken for {labels[predicted]}")
    figure = plot_confusion(counts, [*labels])
    return Picture("Confusion", "; ".join(lines), to_svg(figure))


def _thresholds(subject: Subject) -> Section:
    """Return what is found at which threshold of the model's probability or score."""
    kind, values = _values(subject)
    thresholds = np.linspace(0.1, 0.9, THRESHOLDS)
    if kind != PROBABILITY:
        thresholds = np.quantile(values, thresholds)

    is_positive = (subject.y == subject.positive).to_numpy()
    table = []
    for threshold in thresholds:
        is_flagged = values >= threshold
        found, flagged = int((is_flagged & is_positive).sum()), int(is_flagged.sum())
        table.append(
            {
                kind: f"{threshold:.2f}",
                "predicted": f"{flagged:,}",
                "right": f"{found:,}",
                "precision": f"{found / flagged:.3f}" if flagged else "",
                "recall": f"{found / max(is_positive.sum(), 1):.3f}",
            }
        )
    columns = [(name, True) for name in table[0]]
    text = (
        f"How many rows of the test set are predicted as '{subject.positive}' from "
        f"this {kind} on. Precision is the share of them that is right, recall the "
        "share of the class that is found."
    )
    return Section(
        f"Thresholds of {subject.name}",
        text,
        columns,
        [[*row.values()] for row in table],
    )


def _find_wrong_rows(subject: Subject) -> Iterator[Section]:
    """Yield the rows that the model is most wrong about, with the table's columns."""
    X, y, predicted = subject.X, subject.y.to_numpy(), subject.predicted
    if task_of(subject.model) == "regression":
        wrongness = np.abs(y - predicted)
        order = wrongness.argsort()[::-1]
        text = "The largest differences between prediction and truth, on the test set."
        shown = [display_number(number) for number in predicted]
        truth = [display_number(number) for number in y]
    else:
        text = "Rows of the test set that are taken for another class"
        wrongness = (y != predicted).astype(float)
        short = short_names([*np.unique(predicted), *np.unique(y)])
        shown, truth = (
            [short[str(label)] for label in labels] for labels in (predicted, y)
        )
        if hasattr(subject.recorded, "predict_proba"):
            sure = subject.recorded.predict_proba(subject.rows).max(axis=1)
            wrongness = wrongness * sure
            shown = [f"{label} ({p:.0%})" for label, p in zip(shown, sure, strict=True)]
            text += ", those first of which the model is surest"
        text += "."
        order = np.flatnonzero(wrongness)[wrongness[wrongness > 0].argsort()[::-1]]
    order = order[:MAX_WRONG_ROWS]
    if not len(order):
        return
    names = ["row", "true", "predicted", *map(shorten, X)]
    cells = []
    rows = X.iloc[order].to_dict("split")["data"]
    for position, row in zip(order, rows, strict=True):
        first = [str(X.index[position]), truth[position], shown[position]]
        cells.append([*first, *map(_show_cell, row)])
    is_number = [pd.api.types.is_numeric_dtype(X[name]) for name in X]
    is_regression = task_of(subject.model) == "regression"
    alignment = [True, is_regression, is_regression, *is_number]
    columns = [*zip(names, alignment, strict=True)]
    yield Section(f"Rows that {subject.name} gets most wrong", text, columns, cells)


def _show_cell(value: Any) -> str:
    """Return a cell of the table on one line, a number with few decimals."""
    if isinstance(value, float):
        if abs(value) < 1:
            return f"{value:.3g}"
        return np.format_float_positional(value, precision=3, trim="-")
    return shorten(value)


def _explain_importance(subject: Subject) -> Iterator[Section]:
    """Yield by how much the deciding score falls when a column is shuffled."""
    title = f"What {subject.name} needs"
    if subject.X.shape[1] > MAX_IMPORTANCE_COLUMNS:
        text = (
            f"Not measured: the table has {subject.X.shape[1]:,} columns, more than "
            f"{MAX_IMPORTANCE_COLUMNS} would take long to shuffle."
        )
        yield Section(title, text)
        return
    rows = subject.X.sample(min(len(subject.X), MAX_IMPORTANCE_ROWS), random_state=0)
    y = subject.y.loc[rows.index]
    means = mean_falls(subject.model, subject.scorer, rows, y)
    order = means.argsort()[::-1][:MAX_ROWS]
    names = [str(subject.X.columns[position]) for position in order]
    score = display_name(subject.score)
    is_loss = subject.score.startswith("neg_")
    change = f"{'rise' if is_loss else 'fall'} of {score}"
    text = (
        f"By how much {score} on the test set {'rises' if is_loss else 'falls'} when a "
        f"column is shuffled: {len(rows):,} rows, mean of {REPEATS} repeats."
    )
    alt = ", ".join(
        f"{name} {display_number(fall, signed=True)}"
        for name, fall in zip(names, means[order], strict=True)
    )
    picture = Picture("", alt, to_svg(plot_bars(names, means[order], change)))
    yield Section(title, text, pictures=[picture])


def mean_falls(
    model: Any, scorer: Any, X: pd.DataFrame, y: "pd.Series[Any]"
) -> np.ndarray[Any, Any]:
    """Return by how much a score falls when each column is shuffled, in mean.

    Args:
        model: The fitted model.
        scorer: A scorer of scikit-learn.
        X: The rows to predict.
        y: Their target.
    """
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
        recorded = RecordedModel(model, pd.concat(tables, ignore_index=True))
        for rows in np.split(np.arange(len(tables) * len(X)), len(tables)):
            scores.append(scorer(recorded, rows, y))
    means = np.reshape(scores, (-1, REPEATS)).mean(axis=1)
    return np.asarray(scorer(model, X, y) - means)
