"""Adds the dataset and its file to errors about data."""

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Node

from .errors import DataError
from .files import shown_path


class DataHooks:
    """Knows what a node does not: the name of the table that it was given."""

    @hook_impl
    def on_node_error(self, error: Exception, node: Node, catalog: DataCatalog) -> None:
        """Name the data that a node has refused."""
        if isinstance(error, DataError):
            tables = [name for name in node.inputs if not name.startswith("params:")]
            error.name_data(" and ".join(_place(catalog, name) for name in tables))


def _place(catalog: DataCatalog, name: str) -> str:
    """Return the file of a dataset, and its name."""
    path = shown_path(catalog, name)
    return f"{path} ({name})" if path else name
