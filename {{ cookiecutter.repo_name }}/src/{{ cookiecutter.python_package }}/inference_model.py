"""The MLflow model that an inference pipeline becomes.

The logged model imports this module where it is served: it needs no more than Kedro
and kedro-mlflow.
"""

import logging
import threading
from typing import Any

import pandas as pd
from kedro_mlflow.mlflow import KedroPipelineModel
from mlflow.exceptions import MlflowException

_answering = threading.local()


def _is_for_people(record: logging.LogRecord) -> bool:
    """Let no log line of a node through while this thread answers a request."""
    return not getattr(_answering, "request", False)


logging.getLogger("kedro.pipeline.node").addFilter(_is_for_people)


class InferenceModel(KedroPipelineModel):  # type: ignore[misc]
    """kedro-mlflow's model, quick enough to answer single requests.

    For each request kedro-mlflow copies the catalog, with all that was fitted in it,
    makes a hook manager and starts a runner: more work than predicting one text. Here
    the nodes are called one after the other, in the thread of the request. What they
    are given beside the request is copied only if ``copy_mode`` says so.
    """

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: Any = None
    ) -> Any:
        """Return the output of the pipeline.

        Args:
            context: MLflow's, already used by ``load_context``.
            model_input: What the request brings for ``input_name``.
            params: Refused: requests that are answered at the same time would share
                them.
        """
        if params:
            raise MlflowException.invalid_parameter_value(
                f"This model takes no parameters, but {', '.join(params)} were given."
            )
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
