"""The pipeline that applies the logged model to a split."""

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from ..etl_app.specs import read_spec
from .nodes import predict_in_batches, report_sentiment, score_predictions


def create_pipeline(catalog: DataCatalog) -> Pipeline:
    """Build the pipeline; it scores the model only where the split has labels.

    Args:
        catalog: Its ``parameters`` say which split, and whether it has labels.
    """
    parameters = catalog["parameters"].load()
    nodes = [
        Node(
            predict_in_batches,
            inputs=["sentiment_model", "instances_to_score", "params:text.batch_size"],
            outputs="predictions",
            name="predict_in_batches",
        ),
        Node(
            report_sentiment,
            inputs=[
                "predictions",
                "instances_to_score",
                "params:text.labels",
                "params:scored_split",
            ],
            outputs="sentiment_report",
            name="report_sentiment",
        ),
    ]
    if parameters["scored_split"] in read_spec(parameters).splits.labelled:
        nodes.append(
            Node(
                score_predictions,
                inputs=["predictions", "labels_to_score", "params:text.labels"],
                outputs="prediction_metrics",
                name="score_predictions",
            )
        )
    return Pipeline(nodes, tags="user_app")
