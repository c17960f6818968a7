"""The pipelines that prepare reviews."""

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from .nodes import etl_instances, etl_labels
from .specs import read_spec


def create_pipelines(catalog: DataCatalog) -> dict[str, Pipeline]:
    """Build ``etl``, and its halves: when a model is served, there are no labels.

    Args:
        catalog: Its ``parameters`` say what the raw data looks like.

    Raises:
        ConfigurationError: Lists all that is wrong with ``parameters_text.yml``.
    """
    read_spec(catalog["parameters"].load())
    etl = create_pipeline()
    return {
        "etl": etl,
        "etl_instances": etl.only_nodes_with_tags("etl_instances"),
        "etl_labels": etl.only_nodes_with_tags("etl_labels"),
    }


def create_pipeline() -> Pipeline:
    """Build the pipeline that prepares texts and labels."""
    return Pipeline(
        [
            Node(
                etl_instances,
                inputs=["reviews", "params:text.text_column"],
                outputs="instances",
                name="etl_instances",
                tags="etl_instances",
            ),
            Node(
                etl_labels,
                inputs=[
                    "reviews",
                    "params:text.label_column",
                    "params:text.labels",
                    "params:split",
                ],
                outputs="labels",
                name="etl_labels",
                tags="etl_labels",
            ),
        ]
    )
