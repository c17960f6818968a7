"""The pipeline that applies the logged model to a split."""

from typing import Any, Literal

from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel, Field

from {{ cookiecutter.python_package }}.engine import (
    ConfigurationError,
    did_you_mean,
    parse,
)

from .nodes import predict_in_batches, report_sentiment, score_predictions

FILE = "parameters_text.yml"


class Text(BaseModel):
    """What this pipeline reads below ``text:``."""

    splits: dict[Literal["labelled", "unlabelled"], list[str]]
    labels: dict[str, Any] = Field(min_length=2, max_length=2)
    batch_size: int = Field(gt=0)


def create_pipelines(parameters: dict[str, Any]) -> dict[str, Pipeline]:
    """Build the pipeline; it scores the model only where the split has labels.

    Args:
        parameters: They say which split, and whether it has labels.

    Raises:
        ConfigurationError: If something in ``parameters_text.yml`` is wrong.
    """
    text = parse(Text, parameters.get("text"), FILE, prefix="text")
    split = parameters.get("scored_split")
    known = [name for names in text.splits.values() for name in names]
    if split not in known:
        problem = f"scored_split: there is no split '{split}' in text.splits"
        problem += f"{did_you_mean(split, known)}; known: {', '.join(known)}"
        raise ConfigurationError.listing(FILE, [problem])
    labels, split_name = "params:text.labels", "params:scored_split"
    nodes = [
        Node(
            predict_in_batches,
            ["sentiment_model", "instances_to_score", "params:text.batch_size"],
            "predictions",
            name="predict_in_batches",
        ),
        Node(
            report_sentiment,
            ["predictions", "instances_to_score", labels, split_name],
            "sentiment_report",
            name="report_sentiment",
        ),
        Node(
            score_predictions,
            ["predictions", "labels_to_score", labels],
            "prediction_metrics",
            name="score_predictions",
        ),
    ]
    if split not in text.splits.get("labelled", []):
        nodes.pop()
    return {"user_app": Pipeline(nodes, tags="user_app")}
