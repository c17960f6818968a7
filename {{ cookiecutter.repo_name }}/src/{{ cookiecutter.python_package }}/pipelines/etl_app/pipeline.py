"""The pipelines that prepare reviews."""

from typing import Any

from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel, ConfigDict

from kedro_dynamic import parse

from .nodes import FILE, etl_instances, etl_labels


class Text(BaseModel):
    """What these pipelines read below ``text:``."""

    model_config = ConfigDict(strict=True)  # nodes get what is written

    text_column: str
    label_column: str
    labels: dict[str, list[str | int]]


def create_pipelines(parameters: dict[str, Any]) -> dict[str, Pipeline]:
    """Build ``etl``, and its halves: when a model is served, there are no labels.

    Args:
        parameters: They say what the raw data looks like.

    Raises:
        ConfigurationError: If something in ``parameters_text.yml`` is wrong.
    """
    parse(Text, parameters.get("text"), FILE, prefix="text")
    text = ["reviews", "params:text.text_column"]
    label = ["reviews", "params:text.label_column", "params:text.labels"]
    nodes = [
        Node(etl_instances, text, "instances", name="etl_instances"),
        Node(etl_labels, [*label, "params:split"], "labels", name="etl_labels"),
    ]
    halves = {node.name: Pipeline([node], tags=node.name) for node in nodes}
    return {"etl": Pipeline(halves.values()), **halves}
