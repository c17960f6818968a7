"""The pipeline that applies the registered model to a split."""

from typing import Any

from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel, Field

from kedro_dynamic import parse

from .nodes import judge_predictions, predict_in_batches, report_sentiment

FILE = "parameters_text.yml"


class TextParameters(BaseModel):
    """The keys below ``text`` that this pipeline reads."""

    unlabelled: list[str]
    batch_size: int = Field(gt=0)


def create_pipelines(parameters: dict[str, Any]) -> dict[str, Pipeline]:
    """Create ``user_app``, which scores the predictions if the split has labels.

    Args:
        parameters: The content of ``parameters_text.yml``.

    Raises:
        ConfigurationError: Lists everything that is wrong with the parameters.
    """
    text = parse(TextParameters, parameters.get("text"), FILE, prefix="text")
    nodes = [
        Node(
            func=predict_in_batches,
            inputs=["sentiment_model", "instances_to_score", "params:text.batch_size"],
            outputs="predictions",
            name="predict_in_batches",
        ),
        Node(
            func=report_sentiment,
            inputs=["predictions", "instances_to_score", "params:scored_split"],
            outputs=["sentiment_report", "reviews_to_read"],
            name="report_sentiment",
        ),
    ]
    has_labels = parameters.get("scored_split") not in text.unlabelled
    if has_labels:
        nodes.append(
            Node(
                func=judge_predictions,
                inputs=[
                    "sentiment_model",
                    "predictions",
                    "instances_to_score",
                    "labels_to_score",
                ],
                outputs="prediction_metrics",
                name="judge_predictions",
            )
        )
    return {"user_app": Pipeline(nodes, tags="user_app")}
