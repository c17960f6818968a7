"""The pipelines that prepare raw reviews."""

from typing import Any

from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel, ConfigDict

from kedro_dynamic import parse

from .nodes import FILE, etl_instances, etl_labels


class TextParameters(BaseModel):
    """The keys below ``text`` that these pipelines read."""

    # No conversion: the nodes are given what the file says.
    model_config = ConfigDict(strict=True)

    text_column: str
    label_column: str
    labels: dict[str, list[str | int]]


def create_pipelines(parameters: dict[str, Any]) -> dict[str, Pipeline]:
    """Create ``etl`` and its halves ``etl_instances`` and ``etl_labels``.

    Reviews to be classified often have no labels: for these, run ``etl_instances``.

    Args:
        parameters: The content of ``parameters_text.yml``.

    Raises:
        ConfigurationError: Lists everything that is wrong with the parameters.
    """
    parse(TextParameters, parameters.get("text"), FILE, prefix="text")

    instances = Node(
        func=etl_instances,
        inputs=["reviews", "params:text.text_column"],
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
            "params:split",
        ],
        outputs="labels",
        name="etl_labels",
        tags="etl_labels",
    )
    return {
        "etl": Pipeline([instances, labels]),
        "etl_instances": Pipeline([instances]),
        "etl_labels": Pipeline([labels]),
    }
