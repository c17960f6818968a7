"""The files of a fitted model: how it is logged, and what it needs elsewhere.

skops, which takes two seconds to import, is imported where it is used.
"""

import inspect
import warnings
from contextlib import nullcontext
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.models import infer_signature

from ..pipelines.models.estimators import Estimator
from .runs import ModelRun

PACKAGE = __name__.partition(".")[0]


def log_model(
    model: ModelRun,
    fitted_model: Estimator,
    X: pd.DataFrame,
    registered_model_name: str | None,
) -> str:
    """Log the files of a fitted model to its run.

    Args:
        model: The model, its run written.
        fitted_model: The estimator.
        X: Some rows of features: for the signature, and as the example.
        registered_model_name: Name to register it under, if any.

    Returns:
        The version registered, or an empty string.
    """
    active = mlflow.active_run()
    in_parent = active is not None and active.info.run_id == model.run_id
    with (
        warnings.catch_warnings(),
        nullcontext() if in_parent else mlflow.start_run(model.run_id, nested=True),
    ):
        # Of integer columns, that they cannot hold missing values.
        warnings.simplefilter("ignore", UserWarning)
        info = mlflow.sklearn.log_model(
            fitted_model,
            name="model",
            signature=infer_signature(X, fitted_model.predict(X)),
            input_example=X,
            registered_model_name=registered_model_name,
            **serialization(fitted_model),
            **sources(fitted_model),
        )
    if not in_parent:
        # Logging opened the run again.
        MlflowClient().set_terminated(model.run_id, end_time=int(model.end * 1000))
    return str(info.registered_model_version or "")


def serialization(fitted_model: Estimator) -> dict[str, Any]:
    """Choose the file format of a model.

    skops loads no code but that of the types it is told to trust, and here the types
    come from a model that this process fitted itself. What skops cannot store, such as
    a model with a function in it, is stored by cloudpickle.
    """
    from skops import io as skops

    try:
        stored = skops.dumps(fitted_model)
        trusted = skops.get_untrusted_types(data=stored)
        skops.loads(stored, trusted=trusted)
    except Exception:
        return {"serialization_format": "cloudpickle"}
    return {"serialization_format": "skops", "skops_trusted_types": trusted}


def sources(fitted_model: Estimator) -> dict[str, Any]:
    """Return what is needed to load the model elsewhere.

    Distributions are pinned to what is installed. The project's own package is in no
    registry: its code goes with the model.
    """
    parts = [fitted_model, *fitted_model.get_params().values()]
    types = [part if inspect.isroutine(part) else type(part) for part in parts]
    modules = {str(of.__module__).partition(".")[0] for of in types} - {"builtins"}
    installed = packages_distributions()
    names = {"mlflow", "numpy", "pandas", "scikit-learn", "skops"}
    for module in modules - {PACKAGE}:
        names.update(installed.get(module, []))
    return {
        "pip_requirements": [f"{name}=={version(name)}" for name in sorted(names)],
        "code_paths": [str(Path(__file__).parents[1])] if PACKAGE in modules else None,
    }
