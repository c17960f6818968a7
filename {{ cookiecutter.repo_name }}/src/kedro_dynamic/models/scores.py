"""Which scores models are compared by, for which class, and how they are shown.

Stored scores are higher-is-better, as scikit-learn's are. scikit-learn is imported
where it is used: every Kedro command imports this module.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.errors import ConfigurationError, did_you_mean
from kedro_dynamic.config.schema import FILE, ModelSpec
from kedro_dynamic.models.estimators import build_estimator
from kedro_dynamic.models.snippets import in_yaml

# A class that is rarer leaves a model that never names it with a good accuracy.
RARE = 0.2

REGRESSION_SCORES = {
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
    "neg_negative_likelihood_ratio": "balanced_accuracy",
    "positive_likelihood_ratio": "balanced_accuracy",
    "precision": "precision_macro",
    "recall": "recall_macro",
    "roc_auc": "roc_auc_ovr",
}

# Scores that a target needs to have such values for: the lowest one, and whether it is
# allowed itself.
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

# Without an ensemble it is fitted once, to all rows.
CALIBRATED = "sklearn.calibration.CalibratedClassifierCV"

DISPLAY_NAMES = {
    "average_precision": "average precision",
    "neg_brier_score": "Brier score",
    "neg_max_error": "largest error",
    "neg_mean_absolute_error": "MAE",
    "neg_mean_absolute_percentage_error": "MAPE",
    "neg_mean_squared_error": "MSE",
    "neg_mean_squared_log_error": "MSLE",
    "neg_root_mean_squared_error": "RMSE",
    "neg_root_mean_squared_log_error": "RMSLE",
    "roc_auc": "ROC AUC",
}

TRUE_WORDS = {"1", "true", "yes", "y", "on"}
FALSE_WORDS = {"0", "false", "no", "n", "off"}

# Of a table with more classes, the best constant answer is looked for among these.
MAX_CONSTANT_CLASSES = 20


def auto_scores(y: "pd.Series[Any]", is_classification: bool) -> list[str]:
    """Return the names of the scores that suit a target, the one that decides first.

    Args:
        y: The target of the training rows.
        is_classification: True if its values are classes.
    """
    if not is_classification:
        return ["neg_root_mean_squared_error", "r2"]
    shares = y.value_counts(normalize=True)
    if len(shares) == 2 and shares.min() < RARE:
        return ["average_precision", "roc_auc"]
    return ["accuracy", "f1_macro"]


def find_positive_label(y: "pd.Series[Any]", positive_label: object = None) -> Any:
    """Return the class that precision, recall and f1 are about.

    Args:
        y: The target of the training rows, classes.
        positive_label: The class as ``parameters.yml`` names it: YAML may have read
            ``yes`` as True and ``01`` as a number. None takes the rarer of two classes,
            and of equally frequent ones the second in sorted order.

    Returns:
        The class as it is in y; None if there are more than two and none is named.

    Raises:
        ConfigurationError: If the class is not in y, or y has not two classes.
    """
    counts = y.value_counts().sort_index(ascending=False)
    classes = counts.index.tolist()
    if positive_label is None:
        rarer = classes[int(counts.to_numpy().argmin())]
        return rarer if len(classes) == 2 else None

    names = sorted(map(str, classes))
    if len(classes) != 2:
        problem = f"'{y.name}' has {len(classes)} classes; write 'positive_label: null'"
        raise ConfigurationError.listing(FILE, [f"data.positive_label: {problem}"])
    for label in classes:
        if str(label) == str(positive_label) or _means(label, positive_label):
            return label
    hint = did_you_mean(positive_label, names)
    raise ConfigurationError.listing(
        FILE,
        [
            f"data.positive_label: '{positive_label}' is not a value of '{y.name}'"
            f"{hint}; values: {', '.join(names)}"
        ],
    )


def _means(label: Any, value: object) -> bool:
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
            scorers[name] = _of_one_class(name, positive_label) or scorers[name]
    return scorers


def _of_one_class(name: str, positive_label: Any) -> Any:
    """Return the scorer of a class; None for scores that are of all classes.

    ``roc_auc`` is the same for both of two classes.
    """
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
    if name in LIKELIHOOD_RATIOS:
        return metrics.make_scorer(
            LIKELIHOOD_RATIOS[name],
            greater_is_better=not name.startswith("neg_"),
            positive_label=positive_label,
        )
    return None


def _positive_ratio(y: Any, predictions: Any, positive_label: Any) -> float:
    """Return how much likelier a positive answer is for rows of the class."""
    return _likelihood_ratios(y, predictions, positive_label)[0]


def _negative_ratio(y: Any, predictions: Any, positive_label: Any) -> float:
    """Return how much likelier a negative answer is for rows of the class."""
    return _likelihood_ratios(y, predictions, positive_label)[1]


def _likelihood_ratios(
    y: Any, predictions: Any, positive_label: Any
) -> tuple[float, float]:
    from sklearn.metrics import class_likelihood_ratios

    is_positive = np.asarray(y) == positive_label
    positive, negative = class_likelihood_ratios(
        is_positive, np.asarray(predictions) == positive_label
    )
    return float(positive), float(negative)


LIKELIHOOD_RATIOS = {
    "neg_negative_likelihood_ratio": _negative_ratio,
    "positive_likelihood_ratio": _positive_ratio,
}


def find_scoring_problems(
    names: Sequence[str],
    y: "pd.Series[Any]",
    models: Mapping[str, ModelSpec],
    is_classification: bool,
) -> list[str]:
    """Return which scores the target or a model cannot have, and what to write.

    Args:
        names: Names of scikit-learn's scores.
        y: The target of the training rows.
        models: The enabled models by name.
        is_classification: True if the target's values are classes.

    Returns:
        A line per problem; nothing is fitted.
    """
    problems = []
    for name in names:
        problem = _problem_of_target(name, y, is_classification)
        if problem:
            problems.append(f"comparison.scoring: '{name}' {problem}")
        elif name in NEED_PROBABILITIES | NEED_CONFIDENCES:
            problems += _problems_of_models(name, models)
    return problems


def _problem_of_target(name: str, y: "pd.Series[Any]", is_classification: bool) -> str:
    """Return why a target cannot have a score, or an empty text."""
    if is_classification and name in REGRESSION_SCORES:
        return "is a score of numbers, and the models name classes; write accuracy"
    if not is_classification:
        if name not in REGRESSION_SCORES:
            write = "neg_root_mean_squared_error, neg_mean_absolute_error or r2"
            return f"is a score of classes, and '{y.name}' is a number; write {write}"
        lowest, is_allowed = LOWEST_TARGET.get(name, (-np.inf, False))
        if y.min() < lowest or (y.min() == lowest and not is_allowed):
            bound = f"of {lowest} or more" if is_allowed else f"above {lowest}"
            return (
                f"needs values {bound}, and the least '{y.name}' is {y.min():g}; write "
                "neg_root_mean_squared_error"
            )
        return ""

    count = y.nunique()
    if name.endswith("_samples"):
        write = name.replace("_samples", "_macro")
        return f"is a score of several classes per row; write {write}"
    if count > 2 and name in FOR_MORE_CLASSES:
        write = FOR_MORE_CLASSES[name]
        return f"is a score of two classes, and '{y.name}' has {count}; write {write}"
    if count == 2 and name == "top_k_accuracy":
        return "is 1 for every model of two classes; write accuracy"
    return ""


def _problems_of_models(name: str, models: Mapping[str, ModelSpec]) -> Iterator[str]:
    """Yield which models have not what a score is computed from."""
    methods = ["predict_proba"]
    if name in NEED_CONFIDENCES:
        methods.append("decision_function")
    for model_name, model in models.items():
        try:
            estimator = build_estimator(model, 0)
        except Exception:  # it fails in its own nodes, with its own message
            continue
        if any(hasattr(estimator, method) for method in methods):
            continue
        short_name = model.class_path.rpartition(".")[2]
        inner = {"class": model.class_path, "model_kwargs": model.model_kwargs}
        arguments = {"estimator": inner, "ensemble": False}
        write = {"class": CALIBRATED, "model_kwargs": arguments}
        yield (
            f"comparison.scoring: '{name}' needs probabilities, which {short_name} of "
            f"models.{model_name} does not have; write {model_name}: {in_yaml(write)}"
        )


def best_constant(
    name: str, y: "pd.Series[Any]", is_classification: bool, positive_label: Any = None
) -> dict[str, Any]:
    """Return the baseline of a score: the best model that ignores the features.

    By ``f1`` it names the positive class in each row, by the mean absolute error it is
    the median. The default of scikit-learn's dummies wins if no other answer is better.

    Args:
        name: The score that decides.
        y: The target of the training rows.
        is_classification: True if its values are classes.
        positive_label: From ``find_positive_label``.

    Returns:
        The baseline as an entry for ``parameters.yml``.
    """
    if not is_classification:
        scorer = make_scorers([name])[name]
        best = _best_candidate("DummyRegressor", _constant_numbers(y), y, scorer)
        return {"class": "sklearn.dummy.DummyRegressor", "model_kwargs": best}

    # Numbers are compared several times faster than texts, and in the same order.
    labels, codes = np.unique(y.to_numpy(), return_inverse=True)
    positive = None
    if positive_label is not None:
        positive = labels.tolist().index(positive_label)
    scorer = make_scorers([name], positive)[name]
    candidates = _constant_classes(codes)
    best = _best_candidate("DummyClassifier", candidates, pd.Series(codes), scorer)
    if "constant" in best:
        best = {**best, "constant": labels.tolist()[best["constant"]]}
    return {"class": "sklearn.dummy.DummyClassifier", "model_kwargs": best}


def _constant_numbers(y: "pd.Series[Any]") -> list[dict[str, Any]]:
    """Return arguments of ``DummyRegressor``, its default first."""
    quantiles = [
        {"strategy": "quantile", "quantile": percent / 100}
        for percent in range(5, 100, 5)
    ]
    middle = {"strategy": "constant", "constant": float(y.min() + y.max()) / 2}
    return [{"strategy": "mean"}, {"strategy": "median"}, *quantiles, middle]


def _constant_classes(codes: "np.ndarray[Any, Any]") -> list[dict[str, Any]]:
    """Return arguments of ``DummyClassifier``, its default first."""
    by_frequency = np.argsort(-np.bincount(codes), kind="stable")
    return [
        {"strategy": "prior"},
        *(
            {"strategy": "constant", "constant": int(code)}
            for code in by_frequency[:MAX_CONSTANT_CLASSES]
        ),
    ]


def _best_candidate(
    class_name: str, candidates: list[dict[str, Any]], y: "pd.Series[Any]", scorer: Any
) -> dict[str, Any]:
    """Return the arguments of the dummy that scores best on its training rows."""
    from sklearn import dummy

    X = np.zeros((len(y), 1))
    best, best_score = candidates[0], -np.inf
    with warnings.catch_warnings():
        # A class that is never named has an undefined precision.
        warnings.simplefilter("ignore")
        for arguments in candidates:
            model = getattr(dummy, class_name)(**arguments).fit(X, y)
            try:
                score = scorer(model, X, y)
            except ValueError:  # the score is not defined for such an answer
                continue
            if score > best_score:
                best, best_score = arguments, score
    return best


def display_name(name: str) -> str:
    """Return the name of a score for people: ``RMSE``, ``f1 macro``."""
    if name in DISPLAY_NAMES:
        return DISPLAY_NAMES[name]
    return name.removeprefix("neg_").replace("_", " ")


def display_value(name: str, value: float) -> float:
    """Return a stored score as people know it: losses are positive.

    Args:
        name: The name of the score.
        value: The stored score; higher is better.
    """
    # Adding zero turns -0.0, a loss of nothing, into 0.0.
    return -value + 0.0 if name.startswith("neg_") else value
