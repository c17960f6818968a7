"""Training and inference as one model: bound, packed for MLflow, and quick to answer.

The logged model imports this module where it is served, with no more installed than
``REQUIREMENTS`` and what its pipeline asks for.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro_mlflow.mlflow import KedroPipelineModel
from kedro_mlflow.pipeline.pipeline_ml import KedroMlflowPipelineMLError, PipelineML
from mlflow.exceptions import MlflowException

from .errors import ConfigurationError
from .files import local_path
from .schema import ModelSpec
from .trust import PACKAGE, nested_classes

logger = logging.getLogger(__name__)

# What the engine's public face imports; click, OmegaConf and Rich come with Kedro.
REQUIREMENTS = "kedro kedro-datasets kedro-mlflow mlflow numpy pandas pydantic pyyaml"

# Rows of a small request. Those go one after the other: threads that take turns in the
# midst of them answer an eighth less. A large one holds none of them up.
FEW = 100
TURN = threading.RLock()


class Answers(pd.DataFrame):
    """A table whose rows become JSON as MLflow does it, quickly and with null for gaps.

    pandas takes longer for one row than the model does, and NaN is no JSON.
    """

    def to_dict(self, orient: Any = "dict", **options: Any) -> Any:
        """Return the rows as dictionaries, or whatever else pandas would return."""
        if orient != "records" or options:
            return super().to_dict(orient, **options)
        names, rows = list(self.columns), self.to_numpy(dtype=object).tolist()
        cells = ([None if one != one else one for one in row] for row in rows)
        return [dict(zip(names, row, strict=True)) for row in cells]


class InferenceModel(KedroPipelineModel):  # type: ignore[misc]
    """kedro-mlflow's model, quick enough to answer single requests.

    For each request kedro-mlflow copies the catalog, makes a hook manager and starts a
    runner. Here the functions are called in turn, in the thread of the request; a
    single output is the result as it is.
    """

    trained_on: Any = ()
    """Fingerprints of the rows that it was trained on."""

    def load_context(self, context: Any) -> None:
        """Load what was fitted, once."""
        super().load_context(context)
        names = self.pipeline.inputs() - {self.input_name}
        self.fitted = {name: self.loaded_catalog[name].load() for name in names}
        nodes = self.pipeline.nodes
        self.steps = [(node.func, node.inputs, node.outputs) for node in nodes]

    def predict(self, context: Any, model_input: pd.DataFrame) -> Any:
        """Return the output of the pipeline; the model takes no parameters."""
        from sklearn import config_context

        small = len(model_input) <= FEW
        turn: AbstractContextManager[Any] = TURN if small else nullcontext()
        data: dict[str, Any] = {**self.fitted, self.input_name: model_input}
        try:
            # Their arguments were checked when they were fitted.
            with turn, config_context(skip_parameter_validation=True):
                for function, inputs, outputs in self.steps:
                    result = function(*(data[name] for name in inputs))
                    results = [result] if len(outputs) == 1 else result
                    data |= zip(outputs, results, strict=True)
        except ConfigurationError as error:  # as MLflow says that it is the request's
            raise MlflowException.invalid_parameter_value(error.message) from error
        output = data[self.output_name]
        if isinstance(output, pd.DataFrame):
            output.__class__ = Answers  # at no cost
        return output


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
    if others := modules - {PACKAGE, "sklearn"}:  # or not asked, for it takes its time
        installed = packages_distributions()
        required.update(*(installed.get(module, []) for module in others))
    return {
        "name": "model",
        "registered_model_name": registered_model_name,
        # What MLflow infers has no outputs, and parameters that requests would share.
        "signature": ModelSignature(columns_in, columns_out),
        "input_example": pd.DataFrame([example]),
        # Functions are pickled by name, and no registry has this package.
        "code_paths": [str(Path(__file__).parents[1])],
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
