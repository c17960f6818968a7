"""Training and inference as one model: bound, packed for MLflow, and quick to answer.

The logged model imports this module where it is served, with no more installed than
``REQUIREMENTS`` and what its pipeline asks for.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro_mlflow.mlflow import KedroPipelineModel
from kedro_mlflow.pipeline.pipeline_ml import PipelineML

from .errors import ConfigurationError, did_you_mean
from .files import local_path
from .schema import ModelSpec
from .trust import PACKAGE, nested_classes

# What the engine's public face imports; click and OmegaConf come with Kedro.
REQUIREMENTS = "kedro kedro-datasets kedro-mlflow mlflow numpy pandas pydantic pyyaml"

_answering = threading.local()


def _is_for_people(record: logging.LogRecord) -> bool:
    """Let no log line of a node through while this thread answers a request."""
    return not getattr(_answering, "request", False)


logging.getLogger("kedro.pipeline.node").addFilter(_is_for_people)


class InferenceModel(KedroPipelineModel):  # type: ignore[misc]
    """kedro-mlflow's model, quick enough to answer single requests.

    For each request kedro-mlflow copies the catalog, with all that was fitted in it,
    makes a hook manager and starts a runner: more work than predicting one text. Here
    the nodes are called one after the other, in the thread of the request.
    """

    def predict(self, context: Any, model_input: pd.DataFrame) -> Any:
        """Return the output of the pipeline; the model takes no parameters."""
        data: dict[str, Any] = {self.input_name: model_input}
        _answering.request = True
        try:
            for node in self.pipeline.nodes:
                for name in node.inputs:
                    if name not in data:
                        data[name] = self.loaded_catalog[name].load()
                data |= node.run({name: data[name] for name in node.inputs})
        finally:
            _answering.request = False
        return data[self.output_name]


class TrainingPipeline(PipelineML):  # type: ignore[misc]
    """A ``PipelineML`` that can be run in part, or together with other pipelines.

    kedro-mlflow's own refuses ``--nodes`` and ``--from-nodes``, and forgets its model
    when ``kedro run --pipelines etl,training`` adds it to another.
    """

    def filter(self, *args: Any, **kwargs: Any) -> Pipeline:
        """Return the whole, or a part of it, which then logs no model."""
        part: Pipeline = self.training.filter(*args, **kwargs)
        return self if len(part.nodes) == len(self.nodes) else part

    def __add__(self, other: Pipeline) -> Pipeline:
        return TrainingPipeline(
            (self.training + other).nodes,
            inference=self.inference,
            input_name=self.input_name,
            kpm_kwargs=self.kpm_kwargs,
            log_model_kwargs=self.log_model_kwargs,
        )

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

    Raises:
        ConfigurationError: Names each dataset that breaks a rule of ``PipelineML``.
    """
    problems = []
    outputs, inputs = sorted(inference.outputs()), sorted(inference.inputs())
    if len(outputs) != 1:
        problems.append(
            f"it has the outputs {', '.join(outputs)}, and may have one: take the tag "
            "'inference' from the nodes that make the others"
        )
    if input_name not in inputs:
        problems.append(
            f"input_name '{input_name}' is no input of it"
            f"{did_you_mean(input_name, inputs)}; inputs: {', '.join(inputs)}"
        )
    known = training.inputs() | training.all_outputs() | {input_name}
    problems += [
        f"'{name}' is neither read nor made by training: tag the node that makes it "
        "'training', or make it a parameter"
        for name in inputs
        if name not in known and not name.startswith("params:")
    ]
    if problems:
        raise ConfigurationError.listing("The inference pipeline", problems)
    return TrainingPipeline(
        training.nodes,
        inference=inference,
        input_name=input_name,
        kpm_kwargs={"copy_mode": "assign"},
        log_model_kwargs=dict(log_model_kwargs or {}),
    )


def log_model_kwargs(
    registered_model_name: str,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    example: Mapping[str, Any],
    requirements: Sequence[str],
    model: ModelSpec,
) -> dict[str, Any]:
    """Return how MLflow logs a model that can be served on any machine.

    Columns have types in MLflow's words; the example is one row of a request. To
    ``REQUIREMENTS`` come distributions that the nodes import, and those of the model.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    columns_in, columns_out = (
        Schema([ColSpec(kind, name) for name, kind in columns.items()])
        for columns in (inputs, outputs)
    )
    required = {*REQUIREMENTS.split(), *requirements, *_distributions(model)}
    return {
        "name": "model",
        "registered_model_name": registered_model_name,
        # What MLflow infers has no outputs, and parameters that requests would share.
        "signature": ModelSignature(inputs=columns_in, outputs=columns_out),
        "input_example": pd.DataFrame([example]),
        # Functions are pickled by name, and no registry has this package.
        "code_paths": [str(Path(__file__).parents[1])],
        "pip_requirements": [f"{name}=={version(name)}" for name in sorted(required)],
    }


def _distributions(model: ModelSpec) -> list[str]:
    """Return the distributions of a model's classes, if they are not scikit-learn's."""
    entries = [{"class": model.class_path}, *nested_classes(model.model_kwargs)]
    modules = {entry["class"].partition(".")[0] for entry in entries}
    # Not asked about these, for the answer takes its time.
    if not (others := modules - {PACKAGE, "sklearn"}):
        return []
    distributions = packages_distributions()
    return [name for module in others for name in distributions.get(module, [])]


def check_artifacts(pipeline: PipelineML, catalog: DataCatalog) -> None:
    """Refuse a training pipeline whose fitted objects cannot go into the logged model.

    Raises:
        ConfigurationError: Names each dataset, and the catalog entry to add.
    """
    problems = []
    for name in sorted(pipeline.inference.inputs() - {pipeline.input_name}):
        if name.startswith("params:") or local_path(catalog, name):
            continue
        dataset = catalog.get(name)
        in_memory = dataset is None or isinstance(dataset, MemoryDataset)
        where = "only in memory" if in_memory else "not on this machine's disk"
        problems.append(
            f"{name}: is {where}, so the logged model could not take it along; write\n"
            f"    {name}:\n"
            f"      type: pickle.PickleDataset\n"
            f"      filepath: data/06_models/{name}.pkl"
        )
    if problems:
        raise ConfigurationError.listing("The catalog", problems)
