"""Names and values as MLflow can hold them."""

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from ..redaction import redact

# MLflow's limits, with something left: of a name, and of a parameter and a tag.
MAX_NAME = 240
MAX_LENGTH = 5000


def text(value: Any) -> str:
    """Return a value as MLflow may store it: no passwords, not too long."""
    return redact(str(value))[:MAX_LENGTH]


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the values that MLflow can hold as metrics."""
    return {
        key: float(value)
        for key, value in values.items()
        if isinstance(value, int | float)
    }


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Join the keys of nested mappings with dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def with_valid_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under names that MLflow takes on every system, each its own."""
    valid: dict[str, Any] = {}
    for key, value in values.items():
        name = re.sub(r"[^/\w.\- ]", "_", key)[:MAX_NAME]
        # Names may be paths, but none that leads upwards or can be written shorter.
        if name.startswith(("/", ".")) or name != posixpath.normpath(name):
            name = "_" + name.replace("/", "_")
        while name in valid:
            name += "_"
        valid[name] = value
    return valid
