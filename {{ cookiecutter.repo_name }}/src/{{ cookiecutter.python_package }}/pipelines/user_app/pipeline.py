"""The pipeline that applies the registered model to a split."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from kedro_dynamic import read_text_parameters

from .nodes import (
    judge_predictions,
    predict_in_batches,
    promote_model,
    report_sentiment,
)


def create_pipelines(parameters: dict[str, Any]) -> dict[str, Pipeline]:
    """Create ``user_app``, and ``promote``, which sets the champion by hand.

    Args:
        parameters: The parameters in force.

    Raises:
        ConfigurationError: Lists everything that is wrong with the parameters.
    """
    text = read_text_parameters(parameters)
    split = parameters.get("scored_split")
    # What `etl` makes in the same run has its own names.
    suffix = "" if split == parameters.get("split") else "_to_score"
    instances, labels = f"instances{suffix}", f"labels{suffix}"
    nodes = [
        Node(
            func=predict_in_batches,
            inputs=["sentiment_model", instances, "params:text.batch_size"],
            outputs="predictions",
            name="predict_in_batches",
        ),
        Node(
            func=report_sentiment,
            inputs=["predictions", instances, "params:scored_split"],
            outputs=["sentiment_report", "reviews_to_read"],
            name="report_sentiment",
        ),
    ]
    if split not in text.unlabelled:
        nodes.append(
            Node(
                func=judge_predictions,
                inputs=[
                    "sentiment_model",
                    "predictions",
                    instances,
                    labels,
                    "params:scored_split",
                ],
                outputs=["prediction_metrics", "prediction_label_scores"],
                name="judge_predictions",
            )
        )
    promote = Node(
        func=promote_model,
        inputs=["sentiment_model"],
        outputs=None,
        name="promote_model",
    )
    return {
        "user_app": Pipeline(nodes, tags="user_app"),
        "promote": Pipeline([promote], tags="promote"),
    }
