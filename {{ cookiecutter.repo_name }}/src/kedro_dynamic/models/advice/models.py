"""Models that take too long, and studies that looked in too small a space."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from kedro_dynamic.config.allowlist import nested_classes
from kedro_dynamic.config.schema import Dimension, ModelSpec
from kedro_dynamic.models.advice.view import Advice, View
from kedro_dynamic.models.estimators import import_class
from kedro_dynamic.models.snippets import in_yaml

# Rows above which fitting takes minutes or more memory than there is, by class, and
# what is about as good and grows with the rows alone.
SLOW_ABOVE = {
    "GaussianProcessClassifier": 5_000,
    "GaussianProcessRegressor": 5_000,
    "NuSVC": 20_000,
    "NuSVR": 20_000,
    "SVC": 20_000,
    "SVR": 20_000,
}
FASTER = {
    "SVC": ("sklearn.svm.LinearSVC", "sklearn.linear_model.SGDClassifier"),
    "NuSVC": ("sklearn.svm.LinearSVC", "sklearn.linear_model.SGDClassifier"),
    "SVR": ("sklearn.svm.LinearSVR", "sklearn.linear_model.SGDRegressor"),
    "NuSVR": ("sklearn.svm.LinearSVR", "sklearn.linear_model.SGDRegressor"),
}
FASTER_CLASSIFIERS = (
    "sklearn.ensemble.HistGradientBoostingClassifier",
    "sklearn.linear_model.LogisticRegression",
)
FASTER_REGRESSORS = (
    "sklearn.ensemble.HistGradientBoostingRegressor",
    "sklearn.linear_model.Ridge",
)

# A value is at an edge if it is within this share of the space from it. After 20 trials
# of a score that grows up to the edge, 83 % of the best values are; of noise, 5 %.
EDGE = 0.02


def find_slow_models(view: View) -> Iterator[Advice]:
    """Yield models whose time grows with the square of the rows, or faster."""
    rows = len(view.X_train)
    for name, model in view.models.items():
        inner = nested_classes(model.model_kwargs)
        for path in [model.class_path, *(nested["class"] for nested in inner)]:
            class_name = path.rpartition(".")[2]
            if rows <= SLOW_ABOVE.get(class_name, rows):
                continue
            similar = FASTER_REGRESSORS
            if view.is_classification:
                similar = FASTER_CLASSIFIERS
            first, second = FASTER.get(class_name, similar)
            yield Advice(
                "slow-model",
                f"models.{name}: the time of {class_name} grows with the square of the "
                f"rows, or faster, and there are {rows:,}. {_short(first)} or "
                f"{_short(second)} take seconds.",
                f"class: {first}",
            )


def _short(class_path: str) -> str:
    return class_path.rpartition(".")[2]


def find_edges(
    name: str, model: ModelSpec, arguments: Mapping[str, Any]
) -> Iterator[Advice]:
    """Yield the arguments whose best value is at an edge of their search space.

    Args:
        name: The model's name in ``parameters.yml``.
        model: Its entry.
        arguments: The best arguments that a study has found.

    Yields:
        One advice per edge that the argument can go beyond.
    """
    for argument, dimension in model.search_space.items():
        value = arguments.get(argument)
        bounds = dimension.integers or dimension.reals
        if bounds is None or not isinstance(value, int | float):
            continue
        wider = _wider_bounds(dimension, bounds, float(value))
        if wider is None or not _is_valid(model, argument, wider, bounds):
            continue
        kind = "int" if dimension.integers else "float"
        # Whole numbers and few digits, as people write them.
        written = [int(b) if b == int(b) else float(f"{b:.6g}") for b in wider]
        entry = {kind: written} | ({"log": True} if dimension.log else {})
        shown = in_yaml(list(bounds))
        yield Advice(
            "edge-of-search-space",
            f"models.{name}.search_space.{argument}: the best value, {value:g}, is at "
            f"the edge of {shown}. There may be a better one beyond.",
            f"{argument}: {in_yaml(entry)}",
        )


def _wider_bounds(
    dimension: Dimension, bounds: tuple[float, float], value: float
) -> tuple[float, float] | None:
    """Return the bounds moved away from a value at one of them; None if it is not."""
    low, high = bounds
    position, start, end = value, low, high
    if dimension.log:
        position, start, end = math.log(value), math.log(low), math.log(high)
    width = end - start
    if position - start <= EDGE * width < width:
        if dimension.integers:
            return low // 2, high
        if low > 0:
            return low / 10, high
        return low - width, high
    if end - position <= EDGE * width < width:
        if dimension.integers:
            return low, high * 2
        return low, high * 10 if dimension.log else high + width
    return None


def _is_valid(
    model: ModelSpec,
    argument: str,
    wider: tuple[float, float],
    bounds: tuple[float, float],
) -> bool:
    """Return True if a model may take an argument with the wider bounds."""
    is_lower = wider[0] != bounds[0]
    bound = wider[0] if is_lower else wider[1]
    if is_lower and bound <= 0 and bounds[0] > 0:
        return False
    try:
        kind = import_class(model.class_path)
    except ValueError:  # it fails in its own nodes
        return False
    # Classes of scikit-learn say which values they take.
    rules = getattr(kind, "_parameter_constraints", {}).get(argument, [])
    intervals = [rule for rule in rules if hasattr(rule, "left")]
    if intervals:
        return any(interval.is_satisfied_by(bound) for interval in intervals)
    # Elsewhere 0 and 1 are where counts begin, and where shares begin and end.
    return bounds[0] not in (0, 1) if is_lower else bounds[1] != 1
