"""From an import path in ``parameters.yml`` to an estimator."""

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, get_type_hints

import pandas as pd

from ...errors import did_you_mean
from .specs import ModelSpec
from .trust import import_path_problem


class Estimator(Protocol):
    """What a pipeline needs of a scikit-learn compatible estimator."""

    fit_seconds_: float
    """Seconds that fitting took; ``fit_model`` sets it."""

    def fit(self, X: pd.DataFrame, y: "pd.Series[Any]") -> "Estimator":
        """Learn from features X and target y; return the estimator itself."""
        ...

    def predict(self, X: pd.DataFrame) -> Any:
        """Return one prediction per row of X."""
        ...

    def score(self, X: pd.DataFrame, y: "pd.Series[Any]") -> float:
        """Return how well the predictions for X meet y; higher is better."""
        ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, those of nested estimators included."""
        ...

    def set_params(self, **params: Any) -> "Estimator":
        """Set parameters by name; return the estimator itself."""
        ...


def build_estimator(model: ModelSpec, random_state: int) -> Estimator:
    """Make an unfitted estimator, seeded wherever it takes a seed.

    Args:
        model: What ``parameters.yml`` says of the model.
        random_state: Seed for every ``random_state`` left at None, also nested ones.

    Raises:
        ValueError: If the class cannot be imported or is no estimator.
        TypeError: If the class does not take one of the arguments.
    """
    # As scikit-learn does, <part>__<parameter> names a parameter of a part.
    arguments = dict(model.model_kwargs)
    names = [name for name in arguments if "__" in name]
    of_parts = {name: arguments.pop(name) for name in names}
    estimator = import_factory(model.class_path)(**arguments)
    if of_parts:
        estimator.set_params(**of_parts)
    if model.class_path.startswith("xgboost.") and hasattr(estimator, "predict_proba"):
        # Of classifiers, only xgboost's take no names for classes.
        from .labels import LabelEncodedClassifier

        estimator = LabelEncodedClassifier(estimator)
    unseeded = [
        name
        for name, value in estimator.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value is None
    ]
    return estimator.set_params(**dict.fromkeys(unseeded, random_state))


def find_problems(model: ModelSpec, key: str) -> list[str]:
    """Check that a model can be built, without building it.

    Args:
        model: What ``parameters.yml`` says of the model.
        key: Path of its entry, such as ``models.linear_svm``.

    Returns:
        One line per problem, beginning with the path of the key; empty if all is well.
    """
    try:
        factory = import_factory(model.class_path)
    except ValueError as error:
        return [f"{key}.class: {error}"]
    try:
        takes = inspect.signature(factory).parameters.values()
    except ValueError:  # no signature: compiled classes need not have one
        return []
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes):
        return []
    names = [
        parameter.name
        for parameter in takes
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL)
    ]
    required = [
        parameter.name
        for parameter in takes
        if parameter.name in names and parameter.default is parameter.empty
    ]
    name = model.class_path.rpartition(".")[2]
    return [
        f"{key}.{section}.{kwarg}: {name} takes no such argument"
        f"{did_you_mean(kwarg, names)}"
        for section in ("model_kwargs", "search_space")
        for kwarg in getattr(model, section)
        if not _takes(factory, names, kwarg)
    ] + [
        f"{key}.model_kwargs.{kwarg}: missing, {name} needs it"
        for kwarg in required
        if kwarg not in model.model_kwargs
    ]


def _takes(factory: object, names: Sequence[str], kwarg: str) -> bool:
    """Tell whether a factory, whose arguments have these names, takes an argument."""
    part, of_part, _ = kwarg.partition("__")
    # Which parts there are in what a function builds is known only when it is called.
    return part in names or bool(of_part and not inspect.isclass(factory))


def import_factory(class_path: str) -> Callable[..., Estimator]:
    """Import the class of an estimator, or a function that builds one.

    Nothing is called. A function counts only if its return annotation is an estimator
    class, so that ``os.system`` does not.

    Raises:
        ValueError: Says what is wrong and the nearest valid path.
    """
    if problem := import_path_problem(class_path):
        raise ValueError(problem)
    module_name, _, name = class_path.rpartition(".")
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise ValueError(
            f"'{class_path}' cannot be imported: {error}{_nearest_module(class_path)}"
        ) from error
    except Exception as error:  # whatever a module of one's own may raise
        raise ValueError(
            f"'{class_path}' cannot be imported: {type(error).__name__}: {error}"
        ) from error
    try:
        factory = getattr(module, name)
    except AttributeError:
        nearest = [f"{module_name}.{known}" for known in dir(module)]
        raise ValueError(
            f"'{class_path}' does not exist{did_you_mean(class_path, nearest)}"
        ) from None
    if not _builds_estimator(factory):
        raise ValueError(
            f"'{class_path}' is no estimator; give a class with fit, predict and "
            "score, or a function whose return annotation is such a class, "
            "for example sklearn.pipeline.Pipeline"
        )
    built: Callable[..., Estimator] = factory
    return built


def _builds_estimator(factory: object) -> bool:
    """Tell whether calling the object gives an estimator, without calling it."""
    try:
        built = (
            factory
            if inspect.isclass(factory)
            else get_type_hints(factory).get("return")
        )
    except (NameError, TypeError):
        return False
    methods = ("fit", "predict", "score", "get_params", "set_params")
    return inspect.isclass(built) and all(
        callable(getattr(built, method, None)) for method in methods
    )


def _nearest_module(class_path: str) -> str:
    """Suggest a spelling for the first part of an import path that is not found."""
    parts = class_path.split(".")
    for depth in range(1, len(parts)):
        try:
            package = import_module(".".join(parts[:depth]))
        except ImportError:
            if depth == 1:
                known = ["sklearn", "xgboost", "lightgbm"]
            else:
                parent = import_module(".".join(parts[: depth - 1]))
                known = [module.name for module in iter_modules(parent.__path__)]
            hint = did_you_mean(parts[depth - 1], known)
            return hint and hint.replace("mean", "mean the module")
        if not hasattr(package, "__path__"):
            break
    return ""
