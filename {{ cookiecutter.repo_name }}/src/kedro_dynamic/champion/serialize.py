"""TODO."""

import inspect
from importlib.metadata import packages_distributions, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from kedro.io import DataCatalog
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow.models import ModelSignature, infer_signature
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, Schema
from mlflow.types.schema import AnyType

from kedro_dynamic.config.project import code_paths, package_name
from kedro_dynamic.models.estimators import Estimator
from kedro_dynamic.models.held_out import fingerprints


def log_model(fitted_model: Estimator, X: pd.DataFrame) -> ModelInfo:
    """Log the files of a fitted model to the active run; X are raw rows.

    Any number may be whole or missing: MLflow's types would refuse new rows where the
    sample that the types were taken from happened to differ.
    """
    number = AnyType()  # type: ignore[no-untyped-call]
    columns: list[Any] = [
        ColSpec(number, str(name))
        if pd.api.types.is_numeric_dtype(column)
        else ColSpec("string", str(name), required=False)
        for name, column in X.items()
    ]
    predicted = infer_signature(model_output=fitted_model.predict(X.head())).outputs
    info: ModelInfo = mlflow.sklearn.log_model(
        fitted_model,
        name="model",
        signature=ModelSignature(Schema(columns), predicted),
        input_example=X.head(),
        **_serialization(fitted_model),
        **_requirements(fitted_model),
    )
    return info


def _log_pipeline(
    pipeline: PipelineML, catalog: DataCatalog, questions: pd.DataFrame
) -> ModelInfo:
    """Log the inference pipeline, with all that was fitted for it, as one model.

    It carries the fingerprints of the rows it was trained on: all but the questions.
    """
    from kedro_dynamic.serving.model import InferenceModel

    arguments = {**pipeline.log_model_kwargs, "registered_model_name": None}
    if arguments.get("signature") == "auto":
        example = catalog[pipeline.input_name].load()
        arguments["signature"] = infer_signature(example)
    model = InferenceModel(
        pipeline.inference, catalog, pipeline.input_name, **pipeline.kpm_kwargs
    )
    seen = fingerprints(catalog[pipeline.input_name].load())
    model.trained_on = seen[~np.isin(seen, fingerprints(questions))]
    with TemporaryDirectory() as folder:
        arguments["artifacts"] = model.extract_pipeline_artifacts(Path(folder))
        info: ModelInfo = mlflow.pyfunc.log_model(python_model=model, **arguments)
    return info


def _serialization(fitted_model: Estimator) -> dict[str, Any]:
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


def _requirements(fitted_model: Estimator) -> dict[str, Any]:
    """Return what is needed to load the model elsewhere.

    Distributions are pinned to what is installed. The project's own package is in no
    registry: its code goes with the model.
    """
    parts = [fitted_model, *fitted_model.get_params().values()]
    types = [part if inspect.isroutine(part) else type(part) for part in parts]
    modules = {str(of.__module__).partition(".")[0] for of in types} - {"builtins"}
    installed, package = packages_distributions(), package_name()
    names = {"mlflow", "numpy", "pandas", "scikit-learn", "skops"}
    for module in modules - {package, "kedro_dynamic"}:
        names.update(installed.get(module, []))
    return {
        "pip_requirements": [f"{name}=={version(name)}" for name in sorted(names)],
        "code_paths": [*map(str, code_paths(modules))] or None,
    }
