"""TODO."""

import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pandas as pd
from kedro_mlflow.mlflow import KedroPipelineModel
from mlflow.exceptions import MlflowException

from kedro_dynamic.config.errors import ConfigurationError

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
