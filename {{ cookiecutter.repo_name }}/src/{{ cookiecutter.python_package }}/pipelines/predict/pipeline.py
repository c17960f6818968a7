"""The pipeline that predicts the target of new rows."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from .nodes import predict


def create_pipeline(**kwargs: Any) -> Pipeline:
    """Create the pipeline ``predict``."""
    return Pipeline(
        [
            Node(
                func=predict,
                inputs=["champion", "new_flowers"],
                outputs="flower_predictions",
                name="predict",
            )
        ],
        tags="predict",
    )
