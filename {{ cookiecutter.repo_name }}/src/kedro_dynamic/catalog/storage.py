"""TODO."""

import os
from collections.abc import Mapping
from typing import Any


def move_to(storage: str | None, config: Mapping[str, Any]) -> None:
    """Let relative paths start at a folder or a URL, if there is one."""
    for entry in config.values() if storage else ():
        path = entry.get("filepath", "")
        if path and "://" not in path and not os.path.isabs(path):
            entry["filepath"] = f"{storage}/{path}"
