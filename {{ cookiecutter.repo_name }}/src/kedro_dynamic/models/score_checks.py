"""Scores that a target or a model cannot have, found before anything is fitted.

scikit-learn is imported where it is used.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from kedro_dynamic.config.errors import did_you_mean
from kedro_dynamic.config.schema import ComparisonSpec, ModelSpec
from kedro_dynamic.models.estimators import build_estimator, task_of
from kedro_dynamic.models.snippets import in_yaml

SCORES_OF_NUMBERS = {
    "d2_absolute_error_score",
    "explained_variance",
    "neg_max_error",
    "neg_mean_absolute_error",
    "neg_mean_absolute_percentage_error",
    "neg_mean_gamma_deviance",
    "neg_mean_poisson_deviance",
    "neg_mean_squared_error",
    "neg_mean_squared_log_error",
    "neg_median_absolute_error",
    "neg_root_mean_squared_error",
    "neg_root_mean_squared_log_error",
    "r2",
}

# Scores of two classes, and what to write for more than two.
FOR_MORE_CLASSES = {
    "f1": "f1_macro",
    "jaccard": "jaccard_macro",
    "precision": "precision_macro",
    "recall": "recall_macro",
    "roc_auc": "roc_auc_ovr",
}

# Scores that a target needs such values for: the lowest one, and whether it is allowed.
LOWEST_TARGET = {
    "neg_mean_gamma_deviance": (0, False),
    "neg_mean_poisson_deviance": (0, True),
    "neg_mean_squared_log_error": (-1, False),
    "neg_root_mean_squared_log_error": (-1, False),
}

NEED_PROBABILITIES = {
    "d2_brier_score",
    "d2_log_loss_score",
    "neg_brier_score",
    "neg_log_loss",
    "roc_auc_ovo",
    "roc_auc_ovo_weighted",
    "roc_auc_ovr",
    "roc_auc_ovr_weighted",
}
# These take distances from the border between classes as well.
NEED_CONFIDENCES = {"average_precision", "roc_auc", "top_k_accuracy"}

# Without an ensemble the model is fitted once, to all rows.
CALIBRATED = "sklearn.calibration.CalibratedClassifierCV"


def find_unknown_scores(comparison: ComparisonSpec) -> list[str]:
    """Find names of scores that scikit-learn does not know, a line for each."""
    if comparison.scoring == ["auto"]:
        return []
    from sklearn.metrics import get_scorer_names

    known = get_scorer_names()
    return [
        f"comparison.scoring: scikit-learn has no score '{name}'"
        f"{did_you_mean(name, known)}"
        for name in comparison.scoring
        if name not in known
    ]


def find_impossible_scores(
    names: Sequence[str], models: Mapping[str, ModelSpec]
) -> list[str]:
    """Find scores that models cannot have, whatever the target.

    Args:
        names: Names of scikit-learn's scores.
        models: The enabled models by name.

    Returns:
        A line per problem, with what to write.
    """
    problems = []
    for model_name, model in models.items():
        try:
            estimator = build_estimator(model, random_state=0)
        except Exception:  # The model's own nodes fail with this error.
            continue
        for name in names:
            problem = _problem_of_model(name, model, estimator, model_name)
            if problem:
                problems.append(f"comparison.scoring: '{name}' {problem}")
    return problems


def _problem_of_model(
    name: str, model: ModelSpec, estimator: Any, model_name: str
) -> str:
    """Return why a model cannot have a score, or an empty text."""
    class_name = model.class_path.rpartition(".")[2]
    task = task_of(estimator)
    if task == "classification" and name in SCORES_OF_NUMBERS:
        return (
            f"is a score of numbers, and {class_name} of models.{model_name} predicts "
            "classes; write accuracy"
        )
    if task == "regression" and name not in SCORES_OF_NUMBERS:
        return (
            f"is a score of classes, and {class_name} of models.{model_name} predicts "
            "numbers; write neg_root_mean_squared_error or r2"
        )

    methods = []
    if name in NEED_PROBABILITIES | NEED_CONFIDENCES:
        methods.append("predict_proba")
    if name in NEED_CONFIDENCES:
        methods.append("decision_function")
    if not methods or any(hasattr(estimator, method) for method in methods):
        return ""
    inner = {"class": model.class_path, "model_kwargs": model.model_kwargs}
    arguments = {"estimator": inner, "ensemble": False}
    entry = in_yaml({"class": CALIBRATED, "model_kwargs": arguments})
    return (
        f"needs probabilities, which {class_name} of models.{model_name} does not "
        f"have; write {model_name}: {entry}"
    )


def find_scores_without_target(
    names: Sequence[str], y: "pd.Series[Any]", is_classification: bool
) -> list[str]:
    """Find scores that a target cannot have.

    Args:
        names: Names of scikit-learn's scores.
        y: The target of the training rows.
        is_classification: True if the target's values are classes.

    Returns:
        A line per problem, with what to write.
    """
    find_problem = _problem_of_classes if is_classification else _problem_of_numbers
    problems = {name: find_problem(name, y) for name in names}
    return [
        f"comparison.scoring: '{name}' {problem}"
        for name, problem in problems.items()
        if problem
    ]


def _problem_of_numbers(name: str, y: "pd.Series[Any]") -> str:
    """Return why numbers cannot have a score, or an empty text."""
    if name not in SCORES_OF_NUMBERS:
        return (
            f"is a score of classes, and '{y.name}' is a number; write "
            "neg_root_mean_squared_error or r2"
        )
    if name not in LOWEST_TARGET:
        return ""
    lowest, is_allowed = LOWEST_TARGET[name]
    if y.min() > lowest or (y.min() == lowest and is_allowed):
        return ""
    bound = f"of {lowest} or more" if is_allowed else f"above {lowest}"
    return (
        f"needs values {bound}, and the lowest '{y.name}' is {y.min():g}; write "
        "neg_root_mean_squared_error"
    )


def _problem_of_classes(name: str, y: "pd.Series[Any]") -> str:
    """Return why classes cannot have a score, or an empty text."""
    count = y.nunique()
    if name in SCORES_OF_NUMBERS:
        return f"is a score of numbers, and '{y.name}' has classes; write accuracy"
    if name.endswith("likelihood_ratio"):
        return "is not finite for many models; write balanced_accuracy"
    if name.endswith("_samples"):
        write = name.replace("_samples", "_macro")
        return f"is a score of several classes per row; write {write}"
    if count > 2 and name in FOR_MORE_CLASSES:
        write = FOR_MORE_CLASSES[name]
        return f"is a score of two classes, and '{y.name}' has {count}; write {write}"
    if count == 2 and name == "top_k_accuracy":
        return "is 1 for every model of two classes; write accuracy"
    return ""
