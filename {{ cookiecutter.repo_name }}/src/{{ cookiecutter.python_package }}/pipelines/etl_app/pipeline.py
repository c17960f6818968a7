"""The pipelines that prepare raw reviews."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from kedro_dynamic import read_text_parameters

from .nodes import etl_instances, etl_labels


def create_pipelines(parameters: dict[str, Any]) -> dict[str, Pipeline]:
    """Create ``etl`` and its halves ``etl_instances`` and ``etl_labels``.

    Of a split below ``text.unlabelled``, ``etl`` prepares the texts alone.

    Args:
        parameters: The parameters in force.

    Raises:
        ConfigurationError: Lists everything that is wrong with the parameters.
    """
    text = read_text_parameters(parameters)
    instances = Node(
        func=etl_instances,
        inputs=["reviews", "params:text.text_column", "params:text.id_column"],
        outputs="instances",
        name="etl_instances",
        tags="etl_instances",
    )
    labels = Node(
        func=etl_labels,
        inputs=[
            "reviews",
            "params:text.label_column",
            "params:text.labels",
            "params:text.missing_label",
            "params:text.id_column",
            "params:split",
        ],
        outputs="labels",
        name="etl_labels",
        tags="etl_labels",
    )
    is_unlabelled = parameters.get("split") in text.unlabelled
    return {
        "etl": Pipeline([instances] if is_unlabelled else [instances, labels]),
        "etl_instances": Pipeline([instances]),
        "etl_labels": Pipeline([labels]),
    }
