"""Binds training and inference, or says in a reader's words why they do not fit."""

from typing import Any

from kedro.pipeline import Pipeline
from kedro_mlflow.pipeline.pipeline_ml import PipelineML

from ...errors import ConfigurationError, did_you_mean


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
        return self._training_as(self.training + other)

    def __radd__(self, other: Pipeline) -> Pipeline:
        return self._training_as(other + self.training)

    def _training_as(self, training: Pipeline) -> "TrainingPipeline":
        return TrainingPipeline(
            training.nodes,
            inference=self.inference,
            input_name=self.input_name,
            kpm_kwargs=self.kpm_kwargs,
            log_model_kwargs=self.log_model_kwargs,
        )


def bind(
    training: Pipeline, inference: Pipeline, input_name: str, **kwargs: Any
) -> PipelineML:
    """Make a training pipeline that logs the inference pipeline as one model.

    Like ``pipeline_ml_factory`` of kedro-mlflow, with the class above.

    Args:
        training: Fits what inference needs.
        inference: Predicts; one output.
        input_name: The input of inference that a request brings.
        kwargs: ``kpm_kwargs`` and ``log_model_kwargs``, see ``PipelineML``.

    Raises:
        ConfigurationError: Names each dataset that breaks a rule of ``PipelineML``.
    """
    problems = []
    if len(inference.outputs()) != 1:
        outputs = ", ".join(sorted(inference.outputs()))
        problems.append(
            f"it has the outputs {outputs}, and may have one: take the tag 'inference' "
            "from the nodes that make the others"
        )
    if input_name not in inference.inputs():
        known = sorted(inference.inputs())
        problems.append(
            f"input_name '{input_name}' is no input of it"
            f"{did_you_mean(input_name, known)}; inputs: {', '.join(known)}"
        )
    known_to_training = training.inputs() | training.all_outputs()
    problems += [
        f"'{name}' is neither read nor made by training: tag the node that makes it "
        "'training', or make it a parameter"
        for name in sorted(inference.inputs() - known_to_training - {input_name})
        if not name.startswith("params:")
    ]
    if problems:
        raise ConfigurationError.listing("The inference pipeline", problems)
    return TrainingPipeline(
        training.nodes, inference=inference, input_name=input_name, **kwargs
    )
