"""The logged model: answers requests with the functions of the inference pipeline.

A served model imports this module with nothing more installed than the requirements
that it was logged with; see ``REQUIREMENTS`` of ``kedro_dynamic.serving.binding``.
"""

import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pandas as pd
from kedro_mlflow.mlflow import KedroPipelineModel
from mlflow.exceptions import MlflowException

from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.library import Versioned

# Rows of a small request. Small requests are answered one after the other: threads that
# share the interpreter answer an eighth fewer. A large request holds none of them up.
SMALL = 100

_small_requests = threading.RLock()


class Answers(pd.DataFrame):
    """A table whose rows become JSON quickly, with null for missing values.

    MLflow calls ``to_dict`` for it. pandas takes longer for one row than the model
    does, and writes NaN, which is not JSON.
    """

    def to_dict(self, orient: Any = "dict", **options: Any) -> Any:
        """Return the rows as dictionaries; other orients are those of pandas."""
        if orient != "records" or options:
            return super().to_dict(orient, **options)

        names = list(self.columns)
        records = []
        for row in self.to_numpy(dtype=object).tolist():
            # Only NaN differs from itself, and calls to pandas cost more than that.
            cells = [None if cell != cell else cell for cell in row]
            records.append(dict(zip(names, cells, strict=True)))
        return records


class InferenceModel(Versioned, KedroPipelineModel):  # type: ignore[misc]
    """kedro-mlflow's model, quick enough to answer single requests.

    For each request kedro-mlflow copies the catalog, makes a hook manager and starts a
    runner. This class calls the functions one after the other, in the thread of the
    request. A single output is returned as it is.
    """

    trained_on: Any = ()
    """Fingerprints of the rows that the model was trained on."""

    def load_context(self, context: Any) -> None:
        """Load the fitted objects once, for all requests."""
        super().load_context(context)
        names = self.pipeline.inputs() - {self.input_name}
        self.fitted = {name: self.loaded_catalog[name].load() for name in names}
        nodes = self.pipeline.nodes
        self.steps = [(node.func, node.inputs, node.outputs) for node in nodes]

    def predict(self, context: Any, model_input: pd.DataFrame) -> Any:
        """Return the output of the pipeline for the rows of a request.

        Raises:
            MlflowException: If the request is at fault, with the status 400.
        """
        from sklearn import config_context

        is_small = len(model_input) <= SMALL
        turn: AbstractContextManager[Any] = (
            _small_requests if is_small else nullcontext()
        )
        data: dict[str, Any] = {**self.fitted, self.input_name: model_input}
        try:
            # The estimators' parameters were checked when they were fitted.
            with turn, config_context(skip_parameter_validation=True):
                for function, inputs, outputs in self.steps:
                    result = function(*(data[name] for name in inputs))
                    results = [result] if len(outputs) == 1 else result
                    data |= zip(outputs, results, strict=True)
        except ConfigurationError as error:
            raise MlflowException.invalid_parameter_value(error.message) from error

        output = data[self.output_name]
        if isinstance(output, pd.DataFrame):
            output.__class__ = Answers  # a new table would take longer
        return output
