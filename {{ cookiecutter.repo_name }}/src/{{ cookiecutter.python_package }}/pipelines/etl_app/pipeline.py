"""The pipelines that prepare reviews."""

from typing import Any, Literal

from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel, ConfigDict, Field

from {{ cookiecutter.python_package }}.engine import (
    ConfigurationError,
    did_you_mean,
    parse,
)

from .nodes import etl_instances, etl_labels

FILE = "parameters_text.yml"


class Text(BaseModel):
    """What these pipelines read below ``text:``."""

    model_config = ConfigDict(strict=True)  # nodes get what is written

    splits: dict[Literal["labelled", "unlabelled"], list[str]]
    text_column: str
    label_column: str
    labels: dict[str, list[str | int]] = Field(min_length=2, max_length=2)


def create_pipelines(parameters: dict[str, Any]) -> dict[str, Pipeline]:
    """Build ``etl``, and its halves: when a model is served, there are no labels.

    Args:
        parameters: They say what the raw data looks like.

    Raises:
        ConfigurationError: If something in ``parameters_text.yml`` is wrong.
    """
    text = parse(Text, parameters.get("text"), FILE, prefix="text")
    split = parameters.get("split")
    known = [name for names in text.splits.values() for name in names]
    if split not in known:
        problem = f"split: there is no split '{split}' in text.splits"
        problem += f"{did_you_mean(split, known)}; known: {', '.join(known)}"
        raise ConfigurationError.listing(FILE, [problem])
    labels = ["params:text.label_column", "params:text.labels", "params:split"]
    etl = Pipeline(
        [
            Node(
                etl_instances,
                ["reviews", "params:text.text_column"],
                "instances",
                name="etl_instances",
                tags="etl_instances",
            ),
            Node(
                etl_labels,
                ["reviews", *labels],
                "labels",
                name="etl_labels",
                tags="etl_labels",
            ),
        ]
    )
    return {
        "etl": etl,
        "etl_instances": etl.only_nodes_with_tags("etl_instances"),
        "etl_labels": etl.only_nodes_with_tags("etl_labels"),
    }
