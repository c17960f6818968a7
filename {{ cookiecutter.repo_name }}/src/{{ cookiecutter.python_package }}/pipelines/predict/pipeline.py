"""The pipeline that predicts the target of new rows."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from kedro_dynamic import read_parameters

from .nodes import predict


def create_pipelines(parameters: dict[str, Any]) -> dict[str, Pipeline]:
    """Create the pipeline ``predict``, if ``parameters.yml`` names a table for it.

    Args:
        parameters: The content of ``parameters.yml``.
    """
    spec = read_parameters(parameters).predict
    if spec is None:
        return {}
    node = Node(
        func=predict,
        inputs=["champion", spec.table, "params:predict"],
        outputs=f"{spec.table}_predictions",
        name="predict",
    )
    return {"predict": Pipeline([node], tags="predict")}
