"""Logs models to MLflow: in which format, with which code and requirements."""

import inspect
import warnings
from collections.abc import Sequence
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
from kedro_dynamic.models.columns.cells import UnreadCellsWarning
from kedro_dynamic.models.estimators import Estimator
from kedro_dynamic.models.held_out import fingerprints
from kedro_dynamic.serving.answers import POSITIVE_LABEL


def log_model(
    fitted_model: Estimator,
    X: pd.DataFrame,
    positive_label: object = None,
    left_out: Sequence[str] = (),
    name: str = "model",
) -> ModelInfo:
    """Log the files of a fitted model to the active run.

    Args:
        fitted_model: The model.
        X: Raw rows that it can predict, for the signature and the example.
        positive_label: Of two classes, the one whose probability ``predict`` shows.
        left_out: Columns of the table that are not features, such as ids.
        name: What MLflow calls the model.
    """
    # That the model cannot read a cell of the example is worth no line.
    with warnings.catch_warnings(action="ignore", category=UnreadCellsWarning):
        answer = infer_signature(model_output=fitted_model.predict(X.head())).outputs
        info: ModelInfo = mlflow.sklearn.log_model(
            fitted_model,
            name=name,
            signature=ModelSignature(_inputs(fitted_model, X, left_out), answer),
            input_example=X.head(),
            metadata={
                POSITIVE_LABEL: None if positive_label is None else str(positive_label)
            },
            **_serialization(fitted_model),
            **_requirements(fitted_model),
        )
    return info


def _inputs(
    fitted_model: Estimator, X: pd.DataFrame, left_out: Sequence[str]
) -> Schema:
    """Return the columns that the model needs, and those that rows may have besides.

    MLflow warns of columns that are in neither list.
    """
    from sklearn.pipeline import Pipeline

    from kedro_dynamic.models.columns.encoder import ColumnEncoder

    # The model reads its columns itself. MLflow's own types reject a whole number where
    # the example has fractions, and True where it has a text.
    of_any_type = AnyType()  # type: ignore[no-untyped-call]
    names = [*map(str, X)]
    first_step = fitted_model[0] if isinstance(fitted_model, Pipeline) else None
    if isinstance(first_step, ColumnEncoder):
        needed = first_step.used_columns
        names = [*dict.fromkeys([*names, *left_out])]
    else:  # it may use any column, and not know others
        needed = names
    columns: list[Any] = [
        ColSpec(of_any_type, name, required=name in needed) for name in names
    ]
    return Schema(columns)


def log_pipeline(
    pipeline: PipelineML, catalog: DataCatalog, questions: pd.DataFrame
) -> ModelInfo:
    """Log the inference pipeline and the objects fitted for it as one model.

    Args:
        pipeline: The training pipeline, which knows its inference pipeline.
        catalog: Catalog with the fitted objects and the input.
        questions: Rows of the input that were held out. The model carries the
            fingerprints of all others: the rows that it was trained on.
    """
    from kedro_dynamic.serving.model import InferenceModel

    arguments = {**pipeline.log_model_kwargs, "registered_model_name": None}
    if arguments.get("signature") == "auto":
        example = catalog[pipeline.input_name].load()
        arguments["signature"] = infer_signature(example)
    model = InferenceModel(
        pipeline.inference, catalog, pipeline.input_name, **pipeline.kpm_kwargs
    )
    rows = fingerprints(catalog[pipeline.input_name].load())
    model.trained_on = rows[~np.isin(rows, fingerprints(questions))]
    with TemporaryDirectory() as folder:
        arguments["artifacts"] = model.extract_pipeline_artifacts(Path(folder))
        info: ModelInfo = mlflow.pyfunc.log_model(python_model=model, **arguments)
    return info


def _serialization(fitted_model: Estimator) -> dict[str, Any]:
    """Return the arguments that say in which format MLflow stores a model.

    skops loads only the types that it is told to trust: those of a model that this
    process has fitted itself. What it cannot store, such as a model with a lambda
    function in it, is pickled.
    """
    from skops import io as skops

    # In a file, since a large model takes no room in memory there.
    with TemporaryDirectory() as folder:
        stored = Path(folder) / "model.skops"
        try:
            skops.dump(fitted_model, stored)
            trusted = skops.get_untrusted_types(file=stored)
            skops.load(stored, trusted=trusted)
        except Exception:
            return {"serialization_format": "cloudpickle"}
    return {"serialization_format": "skops", "skops_trusted_types": trusted}


def _requirements(fitted_model: Estimator) -> dict[str, Any]:
    """Return the arguments that say what is needed to load a model elsewhere.

    Distributions are pinned to the installed versions. The project's package and this
    library are in no package registry: their code goes along.
    """
    parts = [fitted_model, *fitted_model.get_params().values()]
    packages = {_package_of(part) for part in parts} - {"builtins"}

    names = {"mlflow", "numpy", "pandas", "scikit-learn", "skops"}
    distributions = packages_distributions()
    for package in packages - {package_name(), "kedro_dynamic"}:
        names.update(distributions.get(package, []))
    return {
        "pip_requirements": [f"{name}=={version(name)}" for name in sorted(names)],
        "code_paths": [*map(str, code_paths(packages))] or None,
    }


def _package_of(part: Any) -> str:
    """Return the top-level package of a function, or of the class of an object."""
    definition = part if inspect.isroutine(part) else type(part)
    return str(definition.__module__).partition(".")[0]
