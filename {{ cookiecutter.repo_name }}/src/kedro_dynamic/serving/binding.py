"""Training and inference as one model: bound, packed for MLflow, and quick to answer.

The logged model imports this module where it is served, with no more installed than
``REQUIREMENTS`` and what its pipeline asks for.
"""

import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import packages_distributions, version
from typing import Any

import pandas as pd
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro_mlflow.pipeline.pipeline_ml import KedroMlflowPipelineMLError, PipelineML

from kedro_dynamic.catalog.entries import local_path
from kedro_dynamic.config.allowlist import nested_classes
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.project import code_paths, package_name
from kedro_dynamic.config.schema import ModelSpec

logger = logging.getLogger(__name__)


# What the engine's public face imports; click, OmegaConf and Rich come with Kedro.
REQUIREMENTS = "kedro kedro-datasets kedro-mlflow mlflow numpy pandas pydantic pyyaml"


class TrainingPipeline(PipelineML):  # type: ignore[misc]
    """A ``PipelineML`` that can be run in part, or together with other pipelines.

    kedro-mlflow's refuses ``--nodes``, and forgets its model in ``etl,training``.
    """

    def filter(self, *args: Any, **kwargs: Any) -> Pipeline:
        """Return the whole, or a part of it, which then logs no model."""
        part: Pipeline = self.training.filter(*args, **kwargs)
        if part.nodes == self.nodes:
            return self
        logger.info("This is a part of a pipeline that logs a model: it logs none")
        return part

    def __add__(self, other: Pipeline) -> Pipeline:
        whole = self.training + other
        return bind(whole, self.inference, self.input_name, self.log_model_kwargs)

    __radd__ = __add__  # the nodes are sorted anyway


def bind(
    training: Pipeline,
    inference: Pipeline,
    input_name: str,
    log_model_kwargs: Mapping[str, Any] | None = None,
) -> TrainingPipeline:
    """Make a training pipeline that logs the inference pipeline as one model.

    A request brings the input of that name. No node of inference may change what it is
    given, for requests share it.
    Two that break a rule of ``PipelineML`` are a ``ConfigurationError``.
    """
    try:
        return TrainingPipeline(
            training.nodes,
            inference=inference,
            input_name=input_name,
            kpm_kwargs={"copy_mode": "assign"},
            log_model_kwargs=dict(log_model_kwargs or {}),
        )
    except KedroMlflowPipelineMLError as error:
        raise ConfigurationError(f"The inference pipeline: {error}") from error


def log_model_kwargs(
    registered_model_name: str,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    example: Mapping[str, Any],
    requirements: Sequence[str],
    models: Sequence[ModelSpec],
) -> dict[str, Any]:
    """Return how MLflow logs a model that can be served on any machine.

    Columns have MLflow's types, with a question mark if null is allowed; the example is
    one row. To ``REQUIREMENTS`` come what the nodes import, and what the models are of.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    columns_in, columns_out = (
        Schema([ColSpec(kind.strip("?"), name, "?" not in kind) for name, kind in some])
        for some in (inputs.items(), outputs.items())
    )
    entries = nested_classes([one.model_dump(by_alias=True) for one in models])
    modules = {entry["class"].partition(".")[0] for entry in entries}
    required = {*REQUIREMENTS.split(), *requirements}
    if others := modules - {
        package_name(),
        "sklearn",
    }:  # or not asked, for it takes its time
        installed = packages_distributions()
        required.update(*(installed.get(module, []) for module in others))
    return {
        "name": "model",
        "registered_model_name": registered_model_name,
        # What MLflow infers has no outputs, and parameters that requests would share.
        "signature": ModelSignature(columns_in, columns_out),
        "input_example": pd.DataFrame([example]),
        # Functions are pickled by name, and no registry has this package.
        "code_paths": [*map(str, code_paths({package_name(), "kedro_dynamic"}))],
        "pip_requirements": [f"{name}=={version(name)}" for name in sorted(required)],
    }


def check_artifacts(pipeline: PipelineML, catalog: DataCatalog) -> None:
    """Refuse fitted objects that could not go into the logged model."""
    problems = [
        f"{name}: is in no file of this machine, so the logged model could not take it "
        f"along; write\n    {name}:\n      type: pickle.PickleDataset\n"
        f"      filepath: data/06_models/{name}.pkl"
        for name in sorted(pipeline.inference.inputs() - {pipeline.input_name})
        if not name.startswith("params:") and not local_path(catalog, name)
    ]
    if problems:
        raise ConfigurationError.listing("The catalog", problems)
