"""The pipeline that puts the champion to use."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from .nodes import predict


def create_pipeline(**kwargs: Any) -> Pipeline:
    """Build the pipeline that scores ``new_flowers``."""
    return Pipeline(
        [
            Node(
                predict,
                inputs=["champion", "new_flowers"],
                outputs="flower_predictions",
                name="predict",
            )
        ]
    )
