"""From an entry of ``parameters.yml`` to an estimator."""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol, get_type_hints

import pandas as pd

from kedro_dynamic.config.allowlist import check_class_path, is_entry, nested_classes
from kedro_dynamic.config.errors import ConfigurationError, did_you_mean, one_line
from kedro_dynamic.config.schema import FILE, DataSpec, ModelSpec, TransformerSpec


class Estimator(Protocol):
    """What a pipeline needs of a scikit-learn compatible estimator."""

    fit_seconds_: float
    """Seconds that fitting took; ``fit_model`` sets it."""

    def fit(self, X: Any, y: Any) -> "Estimator":
        """Learn from features X and target y; return the estimator itself."""

    def predict(self, X: Any) -> Any:
        """Return one prediction per row of X."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, those of nested estimators included."""

    def set_params(self, **params: Any) -> "Estimator":
        """Set parameters by name; return the estimator itself."""


def build_estimator(model: ModelSpec, random_state: int) -> Estimator:
    """Make an unfitted estimator, seeded wherever it takes a seed and has none.

    Raises:
        ValueError: If a class cannot be imported or the outermost is no estimator.
        TypeError: If a class does not take one of its arguments.
    """
    estimator: Estimator = _build(model.class_path, model.model_kwargs)
    unseeded = [
        name
        for name, value in estimator.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value is None
    ]
    return estimator.set_params(**dict.fromkeys(unseeded, random_state))


def _build(class_path: str, model_kwargs: Mapping[str, Any] | None) -> Any:
    """Call a class with its arguments, those that name classes built before."""
    arguments = {name: _value(value) for name, value in (model_kwargs or {}).items()}
    # As scikit-learn does, <part>__<parameter> names a parameter of a part.
    of_parts = {name: arguments.pop(name) for name in [*arguments] if "__" in name}
    built = import_class(class_path)(**arguments)
    if of_parts:
        built.set_params(**of_parts)
    if class_path.startswith("xgboost.") and hasattr(built, "predict_proba"):
        # Of classifiers, only xgboost's take no names for classes.
        from kedro_dynamic.models.columns import LabelEncodedClassifier

        return LabelEncodedClassifier(built)
    return built


def _value(value: Any) -> Any:
    """Return an argument with every ``{class: ...}`` in it built."""
    if is_entry(value):
        return _build(value["class"], value.get("model_kwargs"))
    if isinstance(value, Mapping):
        return {key: _value(inner) for key, inner in value.items()}
    return [_value(inner) for inner in value] if isinstance(value, list) else value


def find_problems(model: ModelSpec, key: str) -> list[str]:
    """Return what is wrong with a model that only imports can tell, a line each.

    Args:
        model: What the parameters say.
        key: Path of its entry, such as ``models.linear_svm``.
    """
    sections = {"model_kwargs": model.model_kwargs, "search_space": model.search_space}
    problems = _problems_of_call(model.class_path, sections, key)
    does = "transform" if isinstance(model, TransformerSpec) else "predict"
    if not problems and not _builds_estimator(import_class(model.class_path), does):
        problems = [
            f"{key}.class: '{model.class_path}' is no estimator; give a class with fit "
            f"and {does}"
        ]
    for nested in nested_classes(model.model_kwargs):
        arguments = {"model_kwargs": nested.get("model_kwargs") or {}}
        problems += _problems_of_call(nested["class"], arguments, key)
    return problems


def _problems_of_call(
    class_path: str, sections: Mapping[str, Mapping[str, Any]], key: str
) -> list[str]:
    """Return why a class cannot be imported, or be called with the arguments."""
    try:
        factory = import_class(class_path)
    except ValueError as error:
        return [f"{key}.class: {error}"]
    try:
        takes = inspect.signature(factory).parameters.values()
    except ValueError:  # no signature: compiled classes need not have one
        return []
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes):
        return []
    unnamed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    named = {one.name: one for one in takes if one.kind not in unnamed}
    name = class_path.rpartition(".")[2]
    return [
        f"{key}.{section}.{kwarg}: {name} takes no such argument"
        f"{did_you_mean(kwarg, list(named))}"
        for section, kwargs in sections.items()
        for kwarg in kwargs
        # Which parts an estimator has is known only when it is built.
        if kwarg not in named and "__" not in kwarg
    ] + [
        f"{key}.model_kwargs.{kwarg}: missing, {name} needs it"
        for kwarg, parameter in named.items()
        if parameter.default is parameter.empty
        and kwarg not in sections["model_kwargs"]
    ]


def import_class(class_path: str) -> Callable[..., Any]:
    """Import a class, or a function that builds an estimator; nothing is called.

    Raises:
        ValueError: Says what is wrong and the nearest valid path.
    """
    module_name, _, name = class_path.rpartition(".")
    try:
        module = import_module(module_name)
    except Exception as error:  # whatever a module of one's own may raise
        reason = f"'{class_path}' cannot be imported: {one_line(error)}"
        raise ValueError(reason) from error
    imported: Callable[..., Any] | None = getattr(module, name, None)
    if imported is None:
        nearest = [f"{module_name}.{known}" for known in dir(module)]
        raise ValueError(
            f"'{class_path}' does not exist{did_you_mean(class_path, nearest)}"
        )
    if not inspect.isclass(imported) and not _builds_estimator(imported):
        raise ValueError(
            f"'{class_path}' is no estimator; give a class, or a function whose return "
            "annotation is one with fit and predict"
        )
    # A trusted module may have imported what is not to be called.
    check_class_path(f"{imported.__module__}.{name}")
    return imported


def _builds_estimator(factory: Callable[..., Any], does: str = "predict") -> bool:
    """Tell whether calling the object gives an estimator, without calling it.

    Of functions the return annotation says so: ``os.system`` has none.
    """
    try:
        is_class = inspect.isclass(factory)
        built = factory if is_class else get_type_hints(factory).get("return")
    except (NameError, TypeError):
        return False
    methods = ("fit", does, "get_params", "set_params")
    return inspect.isclass(built) and all(
        callable(getattr(built, method, None)) for method in methods
    )


def build_model(
    model: ModelSpec, data: DataSpec, X: pd.DataFrame, y: Any, random_state: int
) -> Estimator:
    """Return encoder and estimator as one, unfitted, for rows with these columns.

    Raises:
        ConfigurationError: If it classifies and the target is continuous, or the
            reverse.
    """
    from kedro_dynamic.models.columns import with_encoder

    # A tuned model comes as an entry that was read from a file.
    model = ModelSpec.model_validate(model)
    estimator = build_estimator(model, random_state)
    kind, fits = task_of(estimator), is_continuous(y)
    if kind == "classification" and fits:
        write = "a column of classes, or a regressor"
    elif kind == "regression" and not pd.api.types.is_numeric_dtype(y):
        write = "a column of numbers, or a classifier"
    else:
        built: Estimator = with_encoder(estimator, data, X)
        return built
    name = model.class_path.rpartition(".")[2]
    of = "continuous" if fits else "no number"
    raise ConfigurationError.listing(
        FILE,
        [f"data.target_column: '{y.name}' is {of} and {name} for {kind}; name {write}"],
    )


def task_of(estimator: Any) -> str | None:
    """Return ``classification`` or ``regression``; None if the estimator is neither."""
    from sklearn.base import is_classifier, is_regressor

    if is_classifier(estimator):
        return "classification"
    return "regression" if is_regressor(estimator) else None


def is_continuous(y: Any) -> bool:
    """Tell whether a target is a number that has no classes, such as 1.5."""
    from sklearn.utils.multiclass import type_of_target

    return str(type_of_target(y)).startswith("continuous")
