"""What is measured of a model on a data set, and the reports of all models."""

from typing import Any

import pandas as pd

from ...errors import ConfigurationError
from ..models.estimators import Estimator
from ..models.nodes import fit_model, score_model
from ..models.specs import ModelSpec
from .preparation import find_class
from .specs import FILE, DatasetSpec, TuningSpec
from .tuning import best_trial
from .validation import with_parameters

REPORT_COLUMNS = ["model", "fit", "part", "class"]
REPORT_COLUMNS += ["precision", "recall", "f1-score", "support"]


def fit_tuned(
    model: ModelSpec,
    tuned_parameters: dict[str, Any],
    encoded_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
) -> Estimator:
    """Fit a model with the parameters that tuning has found.

    Args:
        model: What ``parameters.yml`` says of the model.
        tuned_parameters: By name.
        encoded_train: Features, one row per sample, all of them numbers.
        y_train: The target, one column, same rows.
        random_state: Seed for models that take one.
    """
    tuned = with_parameters(model, tuned_parameters)
    return fit_model(tuned, encoded_train, y_train, random_state)


def evaluate(
    fitted_model: Estimator,
    dataset: DatasetSpec,
    tuning: TuningSpec,
    encoded_train: pd.DataFrame,
    encoded_test: pd.DataFrame,
    y_train: pd.DataFrame,
    y_test: pd.DataFrame,
    baseline_metrics: dict[str, Any] | None = None,
    trials: pd.DataFrame | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Score a fitted classifier, and report on each class.

    Args:
        fitted_model: The classifier.
        dataset: Says which class is of interest, if one is.
        tuning: Says by which score models are compared.
        encoded_train: Features of the training part.
        encoded_test: Features of the test part.
        y_train: Target of the training part, one column.
        y_test: Target of the test part, one column.
        baseline_metrics: If the model is tuned, those of it as it was before.
        trials: If the model is tuned, from ``tune_model``.

    Returns:
        The metrics of ``score_model`` by that score, with ``positive_class`` also
        precision, recall and roc_auc of it, and of a tuned model what tuning has
        brought; and the classification reports of both parts.

    Raises:
        ConfigurationError: If the model is no classifier, or every trial failed.
    """
    from sklearn.base import is_classifier
    from sklearn.metrics import classification_report

    if not is_classifier(fitted_model):
        raise ConfigurationError.listing(
            FILE,
            [
                f"benchmark.models: {type(fitted_model).__name__} is no classifier; "
                "leave such models out of the list"
            ],
        )
    _, metrics = score_model(fitted_model, encoded_test, y_test, tuning.scoring)
    y, predicted = y_test.iloc[:, 0], fitted_model.predict(encoded_test)
    if dataset.positive_class is not None:
        metrics |= _metrics_of_class(
            fitted_model, dataset.positive_class, encoded_test, y, predicted
        )
    if trials is not None:
        metrics |= _metrics_of_tuning(baseline_metrics or {}, trials)
    report = {
        part: classification_report(true, said, output_dict=True, zero_division=0)
        for part, true, said in [
            ("train", y_train.iloc[:, 0], fitted_model.predict(encoded_train)),
            ("test", y, predicted),
        ]
    }
    return metrics, report


def collect_reports(**reports: dict[str, Any]) -> pd.DataFrame:
    """Put the reports of all models on a data set into one table.

    Args:
        reports: From ``evaluate``, as ``<model>.baseline_report`` and
            ``<model>.report``.

    Returns:
        One row per model, baseline or tuned, part of the data (train or test) and
        class, and for the means over classes: precision, recall, f1-score and support.
    """
    rows = [
        {
            "model": name.partition(".")[0],
            "fit": "baseline" if name.endswith(".baseline_report") else "tuned",
            "part": part,
            "class": label,
            **values,
        }
        for name, report in reports.items()
        for part, by_class in report.items()
        for label, values in by_class.items()
        if isinstance(values, dict)  # the accuracy is of no class
    ]
    return pd.DataFrame(rows, columns=REPORT_COLUMNS)


def _metrics_of_tuning(
    baseline_metrics: dict[str, Any], trials: pd.DataFrame
) -> dict[str, float]:
    """Return what tuning has brought.

    cv_mean and cv_std are of cross-validation on the training part, baseline_cv_mean
    and baseline_score of the model as it was, if it did not fail, and tune_seconds of
    all trials.
    """
    best = best_trial(trials)
    found = {
        "cv_mean": best["value"],
        "cv_std": best["std"],
        "trials": len(trials),
        "tune_seconds": trials["seconds"].sum(),
    }
    if "model_score" in baseline_metrics:
        found["baseline_score"] = baseline_metrics["model_score"]
    baseline = trials[trials["baseline"] & (trials["state"] == "COMPLETE")]
    if not baseline.empty:
        found["baseline_cv_mean"] = baseline["value"].iloc[0]
    return {name: float(value) for name, value in found.items()}


def _metrics_of_class(
    fitted_model: Any,
    wanted: object,
    X: pd.DataFrame,
    y: "pd.Series[Any]",
    predicted: Any,
) -> dict[str, float]:
    """Return the metrics of one class against all others."""
    from sklearn import metrics

    classes = list(fitted_model.classes_)
    positive = find_class(classes, wanted)
    is_true, is_said = y == positive, predicted == positive
    found = {
        "precision": metrics.precision_score(is_true, is_said, zero_division=0),
        "recall": metrics.recall_score(is_true, is_said, zero_division=0),
    }
    if hasattr(fitted_model, "predict_proba"):
        confidence = fitted_model.predict_proba(X)[:, classes.index(positive)]
    elif hasattr(fitted_model, "decision_function"):
        confidence = fitted_model.decision_function(X)
        if confidence.ndim == 1:  # of two classes: how sure it is of the second
            confidence = confidence if classes.index(positive) else -confidence
        else:
            confidence = confidence[:, classes.index(positive)]
    else:
        return {name: float(value) for name, value in found.items()}
    found["roc_auc"] = metrics.roc_auc_score(is_true, confidence)
    return {name: float(value) for name, value in found.items()}
