"""The storage root: one folder or URL that relative paths of the catalog begin at."""

import os
from collections.abc import Mapping
from typing import Any

# The environment variable of the storage root, which precedes globals.yml.
STORAGE_VARIABLE = "KEDRO_DYNAMIC_STORAGE"


def set_storage_root(entries: Mapping[str, Any], root: str | None) -> None:
    """Put the storage root before the relative paths of catalog entries.

    Args:
        entries: The catalog's entries and patterns, by name; their paths are changed.
        root: A folder or a URL; without one, paths stay as they are.
    """
    if not root:
        return

    for entry in entries.values():
        path = entry.get("filepath", "")
        if path and "://" not in path and not os.path.isabs(path):
            entry["filepath"] = f"{root}/{path}"
