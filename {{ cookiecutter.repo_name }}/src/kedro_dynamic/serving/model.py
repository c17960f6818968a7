"""The logged model: answers requests with the functions of the inference pipeline.

A served model imports this module with nothing more installed than the requirements
that it was logged with; see ``REQUIREMENTS`` of ``kedro_dynamic.serving.binding``.
"""

import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

import pandas as pd
from kedro_mlflow.mlflow import KedroPipelineModel
from mlflow.exceptions import MlflowException

from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.library import Versioned

# Rows and characters of a small request. Small requests are answered one after the
# other: threads that share the interpreter answer an eighth fewer. A large request
# holds none of them up.
SMALL = 100
SMALL_TEXT = 100_000

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
        refuse_requests_without_type()
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

        turn: AbstractContextManager[Any] = (
            _small_requests if is_small(model_input) else nullcontext()
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


def is_small(rows: pd.DataFrame) -> bool:
    """Return True if a request is answered sooner than others notice."""
    if len(rows) > SMALL:
        return False
    cells = rows.to_numpy(dtype=object).ravel()
    return sum(len(cell) for cell in cells if isinstance(cell, str)) <= SMALL_TEXT


def refuse_requests_without_type() -> None:
    """Make MLflow's server, if this is its process, refuse a request without a type.

    Reason: MLflow splits the header ``Content-Type`` without asking whether there is
    one, and answers with the status 500, as if the model were at fault.

    Upstream: "invocations() of the scoring server fails for content_type=None; take it
    as any other unsupported type, with the status 415."
    """
    server: Any = sys.modules.get("mlflow.pyfunc.scoring_server")
    if server is None or hasattr(server.invocations, "__wrapped__"):
        return
    answer = server.invocations

    @wraps(answer)
    def invocations(data: Any, content_type: str | None, *others: Any) -> Any:
        return answer(data, content_type or "", *others)

    server.invocations = invocations
