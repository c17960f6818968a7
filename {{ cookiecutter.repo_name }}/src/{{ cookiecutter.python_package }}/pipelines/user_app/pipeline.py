"""The pipeline that applies the logged model to a split."""

from typing import Any

from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel, Field

from kedro_dynamic import parse

from .nodes import judge_predictions, predict_in_batches, report_sentiment


class Text(BaseModel):
    """What this pipeline reads below ``text:``."""

    unlabelled: list[str]
    batch_size: int = Field(gt=0)


def create_pipelines(parameters: dict[str, Any]) -> dict[str, Pipeline]:
    """Build the pipeline; it judges the model only where the split has labels.

    Args:
        parameters: They say which split, and whether it has labels.

    Raises:
        ConfigurationError: If something in ``parameters_text.yml`` is wrong.
    """
    text = parse(Text, parameters.get("text"), "parameters_text.yml", prefix="text")
    model, reviews = "sentiment_model", "instances_to_score"
    batches = [model, reviews, "params:text.batch_size"]
    summed = ["predictions", reviews, "params:scored_split"]
    reports = ["sentiment_report", "reviews_to_read"]
    judged = [model, "predictions", reviews, "labels_to_score"]
    nodes = [
        Node(predict_in_batches, batches, "predictions", name="predict_in_batches"),
        Node(report_sentiment, summed, reports, name="report_sentiment"),
        Node(judge_predictions, judged, "prediction_metrics", name="judge_predictions"),
    ]
    if parameters.get("scored_split") in text.unlabelled:
        nodes.pop()
    return {"user_app": Pipeline(nodes, tags="user_app")}
