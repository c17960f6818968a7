"""Binds an inference pipeline to the training pipeline that logs it as one model."""

import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any

import pandas as pd
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro_mlflow.pipeline.pipeline_ml import KedroMlflowPipelineMLError, PipelineML

from kedro_dynamic.catalog.files import local_path
from kedro_dynamic.config.allowlist import nested_classes
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.library import LIBRARY
from kedro_dynamic.config.project import code_paths, package_name
from kedro_dynamic.config.schema import ModelSpec

logger = logging.getLogger(__name__)

# What a logged model imports where it is served: `kedro_dynamic.serving.model`, and the
# public names of `kedro_dynamic` that nodes use. click and fsspec come with Kedro.
REQUIREMENTS = (
    "kedro",
    "kedro-datasets",
    "kedro-mlflow",
    "mlflow",
    "numpy",
    "pandas",
    "pydantic",
)


class TrainingPipeline(PipelineML):  # type: ignore[misc]
    """A ``PipelineML`` whose parts, and whose sums with others, are plain pipelines.

    A run finds out itself which models it logs; see ``completed_trainings``. The
    methods of kedro-mlflow fail for parts, and for ``sum``.
    """

    scoring: str
    """The score by which its models are compared."""

    __add__, __radd__ = Pipeline.__add__, Pipeline.__radd__
    __sub__, __and__, __or__ = Pipeline.__sub__, Pipeline.__and__, Pipeline.__or__
    filter, tag = Pipeline.filter, Pipeline.tag
    from_nodes, to_nodes = Pipeline.from_nodes, Pipeline.to_nodes
    from_inputs, to_outputs = Pipeline.from_inputs, Pipeline.to_outputs
    only_nodes = Pipeline.only_nodes
    only_nodes_with_tags = Pipeline.only_nodes_with_tags
    only_nodes_with_namespaces = Pipeline.only_nodes_with_namespaces
    only_nodes_with_inputs = Pipeline.only_nodes_with_inputs
    only_nodes_with_outputs = Pipeline.only_nodes_with_outputs


def bind_inference(
    training: Pipeline,
    inference: Pipeline,
    input_name: str,
    log_model_kwargs: Mapping[str, Any] | None = None,
    scoring: str = "accuracy",
) -> TrainingPipeline:
    """Return a training pipeline that logs the inference pipeline as one model.

    Args:
        training: Makes all inputs of ``inference`` but one.
        inference: Answers requests. Its nodes must not change their inputs, which
            requests share.
        input_name: The input of ``inference`` that a request brings.
        log_model_kwargs: Arguments of ``mlflow.pyfunc.log_model``; see the function
            ``log_model_kwargs``.
        scoring: The score by which a model replaces the champion: ``accuracy``,
            ``f1_macro``, ``neg_log_loss`` or ``roc_auc_ovr``.

    Raises:
        ConfigurationError: If the two break a rule of ``PipelineML``.
    """
    try:
        pipeline = TrainingPipeline(
            training.nodes,
            inference=inference,
            input_name=input_name,
            kpm_kwargs={"copy_mode": "assign"},
            log_model_kwargs=dict(log_model_kwargs or {}),
        )
    except KedroMlflowPipelineMLError as error:
        raise ConfigurationError(f"The inference pipeline: {error}") from error
    pipeline.scoring = scoring
    return pipeline


def log_model_kwargs(
    registered_model_name: str,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    example: Mapping[str, Any],
    requirements: Sequence[str],
    models: Sequence[ModelSpec],
) -> dict[str, Any]:
    """Return the arguments with which MLflow logs a model that any machine can serve.

    Args:
        registered_model_name: Name of the registered model.
        inputs: MLflow's type of each column of a request, such as ``string``; with a
            question mark if values may be null.
        outputs: The same of the answer; ``map`` is a number for each of some names.
        example: One row of a request.
        requirements: Distributions that the nodes of the inference pipeline import, as
            well as ``REQUIREMENTS``.
        models: Entries of what is fitted; the packages of their classes are required.
    """
    from mlflow.models import ModelSignature

    entries = nested_classes([model.model_dump(by_alias=True) for model in models])
    packages = {entry["class"].partition(".")[0] for entry in entries}

    # Both packages go along as code, and `requirements` name scikit-learn.
    unknown = packages - {package_name(), LIBRARY.name, "sklearn"}
    required = {*REQUIREMENTS, *requirements}
    if unknown:  # listing all distributions takes a tenth of a second
        distributions = packages_distributions()
        for package in unknown:
            required.update(distributions.get(package, []))

    return {
        "name": "model",
        "registered_model_name": registered_model_name,
        # MLflow infers no outputs, and parameters that requests would share.
        "signature": ModelSignature(_schema(inputs), _schema(outputs)),
        "input_example": pd.DataFrame([example]),
        # Functions are pickled by name, and neither package is in a registry.
        "code_paths": [*map(str, code_paths({package_name(), LIBRARY.name}))],
        "pip_requirements": [*map(_pin, sorted(required))],
    }


def _pin(name: str) -> str:
    """Return the requirement of the version that is installed."""
    try:
        return f"{name}=={version(name)}"
    except PackageNotFoundError:  # in `kedro viz --lite`, which logs no model
        return name


def _schema(columns: Mapping[str, str]) -> Any:
    """Return MLflow's schema of columns; a question mark allows null."""
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Map

    specs: list[Any] = []
    for name, kind in columns.items():
        plain: Any = kind.removesuffix("?")
        if plain == "map":
            plain = Map(DataType.double)
        specs.append(ColSpec(plain, name, required=not kind.endswith("?")))
    return Schema(specs)


def completed_trainings(pipeline: Pipeline) -> list[PipelineML]:
    """Return the registered training pipelines that a pipeline has all nodes of.

    Their models are logged at the end of its run, whatever else it has: ``--pipelines
    etl,training``, ``--tags``, a sum.
    """
    names = _names(pipeline)
    return [training for training in _trainings() if _names(training) <= names]


def _trainings() -> list[PipelineML]:
    """Return the training pipelines of the project."""
    return [found for found in pipelines.values() if isinstance(found, PipelineML)]


def _names(pipeline: Pipeline) -> set[str]:
    """Return the names of the nodes of a pipeline."""
    return {node.name for node in pipeline.nodes}


def check_artifacts(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Reject fitted objects that cannot become part of a logged model.

    Raises:
        ConfigurationError: If an input of an inference pipeline is not a file of this
            machine; names it and the entry to write.
    """
    names = _names(pipeline)
    problems = []
    for training in _trainings():
        if not _names(training) <= names:
            if names & (_names(training) - _names(training.inference)):
                logger.info("A part of a pipeline that logs a model: it logs none")
            continue
        fitted = training.inference.inputs() - {training.input_name}
        problems += [
            f"{name}: is not in a file of this machine, so the logged model could not "
            f"take it along; write\n    {name}:\n      type: pickle.PickleDataset\n"
            f"      filepath: data/06_models/{name}.pkl"
            for name in sorted(fitted)
            if not name.startswith("params:") and not local_path(catalog, name)
        ]
    if problems:
        raise ConfigurationError.listing("The catalog", problems)
