"""Which classes parameters may name, and where in them.

Importing a module runs it, so what may be imported is asked before anything is.
"""

from collections.abc import Mapping
from typing import Any

from kedro.framework.project import settings

from .errors import did_you_mean

PACKAGE = __name__.partition(".")[0]


def check_class_path(path: str) -> str:
    """Refuse an import path whose package settings.py does not trust."""
    parts = path.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise ValueError(
            f"'{path}' is no import path; write it with its module, "
            "such as sklearn.svm.SVC"
        )
    trusted = (PACKAGE, *settings.get("TRUSTED_PACKAGES", ()))
    if parts[0] not in trusted:
        raise ValueError(
            f"'{path}' is not imported, since its package is not trusted"
            f"{did_you_mean(parts[0], trusted)}; if you trust it, add '{parts[0]}' to "
            "TRUSTED_PACKAGES in settings.py"
        )
    return path


def check_nested(value: Any) -> Any:
    """Check every ``{class: ...}`` inside of an argument."""
    for nested in nested_classes(value):
        check_class_path(nested["class"])
        if unknown := sorted({*nested} - {"class", "model_kwargs"}):
            hint = did_you_mean(unknown[0], ["model_kwargs"])
            raise ValueError(f"'{unknown[0]}' is an unknown key beside 'class'{hint}")
        if not isinstance(nested.get("model_kwargs") or {}, Mapping):
            raise ValueError(f"model_kwargs of {nested['class']} is not a mapping")
    return value


def nested_classes(value: Any) -> list[dict[str, Any]]:
    """Return the mappings inside of an argument that say which class to build."""
    if is_entry(value):
        return [value, *nested_classes(value.get("model_kwargs"))]
    inner = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, Mapping | list):
        return []
    return [nested for one in inner for nested in nested_classes(one)]


def is_entry(value: object) -> bool:
    """Tell whether an argument is ``{class: ..., model_kwargs: ...}``."""
    return isinstance(value, Mapping) and isinstance(value.get("class"), str)
