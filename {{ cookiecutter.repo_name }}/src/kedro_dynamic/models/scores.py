"""Which scores models are compared by, for which class, and how they are shown.

Stored scores are higher-is-better, as scikit-learn's are. scikit-learn is imported
where it is used: every Kedro command imports this module.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from kedro_dynamic.config.errors import ConfigurationError, did_you_mean
from kedro_dynamic.config.schema import BASELINE, FILE
from kedro_dynamic.models.columns.cells import FALSE_WORDS, TRUE_WORDS

# If a class is rarer, a model that never predicts it has a good accuracy.
RARE = 0.2

AUTO_FOR_CLASSES = ["accuracy", "f1_macro"]
AUTO_FOR_A_RARE_CLASS = ["average_precision", "roc_auc"]
AUTO_FOR_NUMBERS = ["neg_root_mean_squared_error", "r2"]
AUTO_NAMES = {*AUTO_FOR_CLASSES, *AUTO_FOR_A_RARE_CLASS, *AUTO_FOR_NUMBERS}

# Scores of one of two classes, which have another value for the other class.
OF_ONE_CLASS = ("average_precision", "f1", "jaccard", "precision", "recall")

DISPLAY_NAMES = {
    "auc": "ROC AUC",
    "average_precision": "average precision",
    "neg_brier_score": "Brier score",
    "neg_mean_absolute_error": "MAE",
    "neg_mean_absolute_percentage_error": "MAPE",
    "neg_mean_squared_error": "MSE",
    "neg_mean_squared_log_error": "MSLE",
    "neg_root_mean_squared_error": "RMSE",
    "neg_root_mean_squared_log_error": "RMSLE",
    "roc_auc": "ROC AUC",
    "roc_auc_ovr": "ROC AUC",
}


def auto_scores(y: "pd.Series[Any]", is_classification: bool) -> list[str]:
    """Return the names of the scores that suit a target, the one that decides first.

    Args:
        y: The target of the training rows.
        is_classification: True if its values are classes.
    """
    if not is_classification:
        return AUTO_FOR_NUMBERS
    shares = y.value_counts(normalize=True)
    if len(shares) == 2 and shares.min() < RARE:
        return AUTO_FOR_A_RARE_CLASS
    return AUTO_FOR_CLASSES


def find_positive_label(y: "pd.Series[Any]", positive_label: object = None) -> Any:
    """Return the class that precision, recall and f1 are about.

    Args:
        y: The target of the training rows, classes.
        positive_label: The class as ``parameters.yml`` names it. YAML may have read
            ``yes`` as True and ``01`` as a number. None takes the rarer of two classes,
            and of equally frequent ones the second in sorted order.

    Returns:
        The class as it is in y; None if there are not two and none is named.

    Raises:
        ConfigurationError: If the class is not in y, or y does not have two classes.
    """
    counts = y.value_counts().sort_index(ascending=False)
    classes = counts.index.tolist()
    if positive_label is None:
        if len(classes) != 2:
            return None
        return classes[int(counts.to_numpy().argmin())]

    if len(classes) != 2:
        problem = f"'{y.name}' has {len(classes)} classes; write 'positive_label: null'"
        raise ConfigurationError.listing(FILE, [f"data.positive_label: {problem}"])
    for label in classes:
        if str(label) == str(positive_label) or _means(label, positive_label):
            return label

    names = sorted(map(str, classes))
    problem = f"'{positive_label}' is not a value of '{y.name}'"
    hint = did_you_mean(str(positive_label), names) or f": {', '.join(names)}"
    raise ConfigurationError.listing(FILE, [f"data.positive_label: {problem}{hint}"])


def _means(label: object, value: object) -> bool:
    """Return True if two values stand for the same of true and false."""
    words = {str(label).strip().lower(), str(value).strip().lower()}
    return words <= TRUE_WORDS or words <= FALSE_WORDS


def make_scorers(names: Sequence[str], positive_label: Any = None) -> dict[str, Any]:
    """Return scikit-learn's scorers by name, those of one class for the positive one.

    Args:
        names: Names of scikit-learn's scores.
        positive_label: From ``find_positive_label``.
    """
    from sklearn.metrics import get_scorer

    scorers = {name: get_scorer(name) for name in names}
    if positive_label is not None:
        for name in names:
            scorers[name] = _scorer_of_class(name, positive_label) or scorers[name]
    return scorers


def _scorer_of_class(name: str, positive_label: Any) -> Any:
    """Return the scorer of a class; None for scores that are of all classes."""
    from sklearn import metrics

    if name in ("f1", "jaccard", "precision", "recall"):
        function = getattr(metrics, f"{name}_score")
        return metrics.make_scorer(function, pos_label=positive_label)
    if name == "average_precision":
        return metrics.make_scorer(
            metrics.average_precision_score,
            response_method=("decision_function", "predict_proba"),
            pos_label=positive_label,
        )
    if name in ("d2_brier_score", "neg_brier_score"):
        is_loss = name.startswith("neg_")
        function = metrics.brier_score_loss if is_loss else metrics.d2_brier_score
        return metrics.make_scorer(
            function,
            greater_is_better=not is_loss,
            response_method="predict_proba",
            pos_label=positive_label,
        )
    return None


def display_name(name: str) -> str:
    """Return the name of a score for people: ``RMSE``, ``f1 macro``."""
    if name in DISPLAY_NAMES:
        return DISPLAY_NAMES[name]
    return name.removeprefix("neg_").replace("_", " ")


def display_value(name: str, value: Any) -> Any:
    """Return stored scores as people know them: losses are positive.

    Args:
        name: The name of the score.
        value: The stored score, or a series of them; higher is better.
    """
    # Adding zero turns -0.0, a loss of nothing, into 0.0.
    return -value + 0.0 if name.startswith("neg_") else value


def display_number(
    value: float, *, beside: float | None = None, signed: bool = False
) -> str:
    """Return a number as text: 0.967, 27,923 or 0.00012.

    Args:
        value: The number.
        beside: The number that it stands beside, which decides how many digits it has.
        signed: Also write the sign of positive numbers.
    """
    sign = "+" if signed else ""
    size = abs(value if beside is None else beside)
    if size >= 1000:
        return f"{value:{sign},.0f}"
    if 0 < size < 0.0005:
        return f"{value:{sign}.2g}"
    return f"{value:{sign}.3f}"


def display_stored(name: str, value: float) -> str:
    """Return a stored score as text: 0.967, 27,923; small losses with their digits."""
    value = float(value)  # those of NumPy round 0.2325 to another side
    if not name.startswith("neg_"):
        value = round(value, 3) + 0.0  # r2 of the mean is almost 0
    return display_number(display_value(name, value))


def display_score(name: str, value: float) -> str:
    """Return a stored score as text, a loss with its name: 0.967, RMSE 27,923."""
    is_loss = name.startswith("neg_")
    return display_named(name, value) if is_loss else display_stored(name, value)


def display_named(name: str, value: float) -> str:
    """Return a stored score as text, with its name: accuracy 0.967, RMSE 27,923."""
    return f"{display_name(name)} {display_stored(name, value)}"


def score_columns(leaderboard: pd.DataFrame) -> list[str]:
    """Return the columns of a leaderboard that hold scores; the first one decides.

    Args:
        leaderboard: As ``compare_models`` makes it. A column ``test_accuracy_low``
            counts, too. Empty if all models and the baseline failed.
    """
    names = map(str, leaderboard.columns)
    return [name for name in names if name.startswith(("validation_", "test_"))]


def baseline_score(leaderboard: pd.DataFrame, column: str) -> float | None:
    """Return a score of the baseline; None if it failed or is not on a leaderboard.

    Args:
        leaderboard: As ``compare_models`` makes it.
        column: The column of the score.
    """
    scores = leaderboard.loc[leaderboard["model"] == BASELINE, column].dropna()
    return float(scores.iloc[0]) if len(scores) else None


def describe_score(leaderboard: pd.DataFrame, column: str, value: float) -> str:
    """Return a score beside that of the baseline, if a leaderboard has it.

    Args:
        leaderboard: As ``compare_models`` makes it.
        column: The column of the score, such as ``validation_accuracy``.
        value: The stored score.

    Returns:
        Such as ``validation accuracy 0.967, the baseline 0.333``.
    """
    score = score_of_column(column)
    text = f"{display_column(column)} {display_stored(score, value)}"
    baseline = baseline_score(leaderboard, column) if column in leaderboard else None
    if baseline is None:
        return text
    return f"{text}, the baseline {display_stored(score, baseline)}"


def score_of_column(column: str) -> str:
    """Return the name of the score in a column of the leaderboard; else the column's.

    Args:
        column: Such as ``validation_accuracy``, ``test_r2`` or ``fit_seconds``.
    """
    return column.removeprefix("validation_").removeprefix("test_")


def display_column(column: str) -> str:
    """Return the header of a column for people: ``validation RMSE``, ``fit seconds``.

    Args:
        column: As for ``score_of_column``.
    """
    score = score_of_column(column)
    kind = column.removesuffix(score).replace("_", " ")
    return f"{kind}{display_name(score)}"
