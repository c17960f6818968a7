"""TODO."""

from typing import Any

from kedro.io import DataCatalog


def metadata(catalog: DataCatalog, name: str) -> dict[str, Any]:
    """Return what the catalog says of a dataset for others than Kedro."""
    return getattr(catalog.get(name), "metadata", None) or {}
