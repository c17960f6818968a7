"""Builds estimators from entries in ``parameters.yml``, and finds faults in these.

scikit-learn is imported where it is used, as importing it takes a second.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol, get_type_hints

import pandas as pd

from kedro_dynamic.config.allowlist import (
    check_arguments,
    import_trusted,
    is_entry,
    nested_classes,
)
from kedro_dynamic.config.errors import ConfigurationError, did_you_mean
from kedro_dynamic.config.library import LIBRARY
from kedro_dynamic.config.project import package_name
from kedro_dynamic.config.schema import FILE, DataSpec, ModelSpec, TransformerSpec


class Estimator(Protocol):
    """The methods of a scikit-learn compatible estimator that pipelines use."""

    fit_seconds_: float
    """Seconds that fitting took; ``fit_model`` sets it."""

    def fit(self, X: Any, y: Any) -> "Estimator":
        """Fit the estimator to features X and target y, and return it."""

    def predict(self, X: Any) -> Any:
        """Return one prediction per row of X."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, those of nested estimators included."""

    def set_params(self, **params: Any) -> "Estimator":
        """Set parameters by name, and return the estimator."""


def build_model(
    model: ModelSpec,
    data: DataSpec,
    X: pd.DataFrame,
    y: Any,
    random_state: int,
    columns: pd.DataFrame | None = None,
) -> Estimator:
    """Build an unfitted model: the preparation and encoding of rows, the estimator.

    Args:
        model: The entry in ``parameters.yml``, or the same as a dict.
        data: Says if rows are prepared, and features encoded.
        X: Features of the training set, one row per sample.
        y: The target of the same rows.
        random_state: Seed for estimators that take one.
        columns: How each column is read, from ``read_columns``; by default, the rows
            of X decide.

    Raises:
        ConfigurationError: If the model is a classifier and the target is continuous,
            or the model is a regressor and the target is not numeric.
    """
    # The entry of a tuned model is a dict, since it is read from a file.
    model = ModelSpec.model_validate(model)
    estimator = build_estimator(model, random_state)
    _check_target(model, estimator, y)
    steps: list[Any] = [estimator]
    if data.encode == "auto":
        from kedro_dynamic.models.columns.encoder import ColumnEncoder
        from kedro_dynamic.models.columns.kinds import describe_columns, readings_of

        if columns is None:
            columns = describe_columns(X, data)
        task = task_of(estimator)
        is_regression = task == "regression" or (task is None and is_continuous(y))
        encoder = ColumnEncoder(readings_of(columns), is_regression, random_state)
        steps.insert(0, encoder)
    if data.prepare:
        from kedro_dynamic.models.preparing import RowPreparer, import_function

        steps.insert(0, RowPreparer(import_function(data.prepare)))
    if len(steps) == 1:
        return estimator

    from sklearn.pipeline import make_pipeline

    pipeline: Estimator = make_pipeline(*steps)
    return pipeline


def _check_target(model: ModelSpec, estimator: Estimator, y: Any) -> None:
    """Reject a continuous target for a classifier, and classes for a regressor."""
    task = task_of(estimator)
    if task == "classification" and is_continuous(y):
        fault = "is continuous"
        kind = "a classifier"
        advice = "name a column of classes, or use a regressor"
    elif task == "regression" and not pd.api.types.is_numeric_dtype(y):
        fault = "is not numeric"
        kind = "a regressor"
        advice = "name a column of numbers, or use a classifier"
    else:
        return
    class_name = model.class_path.rpartition(".")[2]
    raise ConfigurationError.listing(
        FILE,
        [
            f"data.target_column: '{y.name}' {fault}, but {class_name} is {kind}; "
            f"{advice}"
        ],
    )


def task_of(estimator: Any) -> str | None:
    """Return ``classification`` or ``regression``, or None for other estimators."""
    from sklearn.base import is_classifier, is_regressor

    if is_classifier(estimator):
        return "classification"
    return "regression" if is_regressor(estimator) else None


def is_continuous(y: Any) -> bool:
    """Return True if a target has numbers that cannot be classes, such as 1.5."""
    from sklearn.utils.multiclass import type_of_target

    return str(type_of_target(y)).startswith("continuous")


def build_estimator(model: ModelSpec, random_state: int) -> Estimator:
    """Build an unfitted estimator.

    Args:
        model: The entry in ``parameters.yml``.
        random_state: Seed of the estimator and of those nested in it, unless their
            arguments have one.

    Raises:
        ValueError: If a class cannot be imported or is not an estimator, or an argument
            names a place.
        TypeError: If a class does not take one of its arguments.
    """
    # However the entry was made: it may come from a study, or from a recipe in MLflow.
    check_arguments({"class": model.class_path, "model_kwargs": model.model_kwargs})
    estimator: Estimator = _build(model.class_path, model.model_kwargs)
    unseeded = [
        name
        for name, value in estimator.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value is None
    ]
    return estimator.set_params(**dict.fromkeys(unseeded, random_state))


def _build(class_path: str, model_kwargs: Mapping[str, Any] | None) -> Any:
    """Call a class with its arguments, after building the classes among these."""
    arguments: dict[str, Any] = {}
    arguments_of_parts: dict[str, Any] = {}
    for name, value in (model_kwargs or {}).items():
        # As in scikit-learn, <part>__<parameter> is a parameter of a part.
        target = arguments_of_parts if "__" in name else arguments
        target[name] = _build_argument(value)

    factory = import_class(class_path)
    estimator = factory(**_with_tuples(arguments, _defaults_of(factory)))
    if arguments_of_parts:
        defaults = estimator.get_params()
        estimator.set_params(**_with_tuples(arguments_of_parts, defaults))

    if class_path.startswith("xgboost.") and hasattr(estimator, "predict_proba"):
        # xgboost's classifiers are the only ones that do not take labels as classes.
        from kedro_dynamic.models.labels import LabelEncodedClassifier

        return LabelEncodedClassifier(estimator)
    return estimator


def _defaults_of(factory: Callable[..., Any]) -> dict[str, Any]:
    """Return the defaults of arguments by name; compiled classes may hide them."""
    try:
        parameters = inspect.signature(factory).parameters
    except ValueError:
        return {}
    return {name: parameter.default for name, parameter in parameters.items()}


def _with_tuples(
    arguments: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Return arguments with a tuple, which YAML does not have, where the default is."""
    return {
        name: tuple(value)
        if isinstance(value, list) and isinstance(defaults.get(name), tuple)
        else value
        for name, value in arguments.items()
    }


def _build_argument(value: Any) -> Any:
    """Return an argument, with every ``{class: ...}`` in it built."""
    if is_entry(value):
        return _build(value["class"], value.get("model_kwargs"))
    if isinstance(value, Mapping):
        return {key: _build_argument(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_build_argument(item) for item in value]
    return value


def find_problems(model: ModelSpec, key: str) -> list[str]:
    """Find classes and arguments in an entry that do not exist.

    The classes are imported for this, but not called.

    Args:
        model: The entry in ``parameters.yml``.
        key: The path of the entry, such as ``models.linear_svm``.

    Returns:
        A line per problem, with its key and, if there is one, the nearest valid name.
    """
    sections = {"model_kwargs": model.model_kwargs, "search_space": model.search_space}
    problems = _find_call_problems(model.class_path, sections, key)

    method = "transform" if isinstance(model, TransformerSpec) else "predict"
    if not problems and not _builds_estimator(import_class(model.class_path), method):
        problems.append(
            f"{key}.class: '{model.class_path}' is not an estimator; give a class with "
            f"fit and {method}"
        )

    choices = [dimension.categorical for dimension in model.search_space.values()]
    for nested in nested_classes([model.model_kwargs, *choices]):
        sections = {"model_kwargs": nested.get("model_kwargs") or {}}
        problems += _find_call_problems(nested["class"], sections, key)
    return problems


def _find_call_problems(
    class_path: str, sections: Mapping[str, Mapping[str, Any]], key: str
) -> list[str]:
    """Find out why a class cannot be imported, or not called with its arguments."""
    try:
        factory = import_class(class_path)
    except ValueError as error:
        return [f"{key}.class: {error}"]
    try:
        parameters = inspect.signature(factory).parameters.values()
    except ValueError:  # Compiled classes may lack a signature.
        return []
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return []

    unnamed_kinds = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.VAR_POSITIONAL,
    )
    named = {
        parameter.name: parameter
        for parameter in parameters
        if parameter.kind not in unnamed_kinds
    }
    class_name = class_path.rpartition(".")[2]
    problems = []
    for section, arguments in sections.items():
        for name in arguments:
            # Which parts an estimator has is only known when it is built.
            if name not in named and "__" not in name:
                hint = did_you_mean(name, list(named))
                problems.append(
                    f"{key}.{section}.{name}: {class_name} takes no such argument{hint}"
                )
    for name, parameter in named.items():
        is_required = parameter.default is parameter.empty
        if is_required and name not in sections["model_kwargs"]:
            problems.append(
                f"{key}.model_kwargs.{name}: missing, {class_name} needs it"
            )
    return problems


def import_class(class_path: str) -> Callable[..., Any]:
    """Import a class, or a function that builds an estimator, without calling it.

    Args:
        class_path: Import path, such as ``sklearn.svm.SVC``.

    Raises:
        ValueError: If nothing that may be called has this path.
    """
    imported: Callable[..., Any] = import_trusted(class_path)
    if not _may_be_called(imported):
        raise ValueError(
            f"'{class_path}' is not an estimator; give a class with fit and predict or "
            "transform, or a function whose return annotation is such a class"
        )
    return imported


def _may_be_called(imported: Any) -> bool:
    """Return True if an entry may call what it names.

    The project's package and this library have more than models, and other libraries
    have callbacks that write files.
    """
    package = str(getattr(imported, "__module__", "")).partition(".")[0]
    if inspect.isclass(imported) and package not in (package_name(), LIBRARY.name):
        # Splitters, kernels and selectors of columns are arguments of estimators.
        methods = ("fit", "get_n_splits", "__call__")
        return any(method in dir(imported) for method in methods)
    return any(_builds_estimator(imported, kind) for kind in ("predict", "transform"))


def _builds_estimator(factory: Callable[..., Any], method: str) -> bool:
    """Return True if a call of the class or function would build an estimator.

    A function needs a return annotation, so ``os.system`` is not called.
    """
    if inspect.isclass(factory):
        built_class: Any = factory
    else:
        try:
            built_class = get_type_hints(factory).get("return")
        except (NameError, TypeError):
            return False
    if not inspect.isclass(built_class):
        return False
    methods = ("fit", method, "get_params", "set_params")
    return all(callable(getattr(built_class, name, None)) for name in methods)
