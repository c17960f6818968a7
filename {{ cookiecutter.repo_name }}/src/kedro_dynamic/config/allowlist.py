"""Which classes parameters may name, and where in them.

Importing a module runs it, so what may be imported is asked before anything is.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.framework.project import settings

from kedro_dynamic.config.errors import ConfigurationError, did_you_mean, redact
from kedro_dynamic.config.project import package_name

# Packages that a class may come from where settings.py does not say.
TRUSTED_PACKAGES = ("sklearn", "xgboost", "lightgbm")
# Stores of the project's own. With two slashes, there follows another machine.
OWN_STORE = re.compile(r"(models|runs|mlflow-artifacts):/(?!/)")


# Arguments of scikit-learn, xgboost and lightgbm that name files to read or write.
PLACE = re.compile(r"memory|(in|out)put_model|(\w+_)?(file|filename|path|dir|folder)")


def check_model_uri(uri: str, root: Path) -> None:
    """Refuse a model that may be anybody's: to load one is to run its code."""
    path = uri.removeprefix("file://")
    is_inside = ":" not in path and Path(root, path).resolve().is_relative_to(root)
    trusted = tuple(settings.get("TRUSTED_MODEL_STORES", ()))
    if not (OWN_STORE.match(uri) or is_inside or (trusted and uri.startswith(trusted))):
        raise ConfigurationError(
            f"The model '{redact(uri)}' is not loaded, since --params may name only "
            "those in stores of the project; if you trust it, add what its address "
            "begins with to TRUSTED_MODEL_STORES in settings.py"
        )


def check_class_path(path: str) -> str:
    """Refuse an import path whose package settings.py does not trust."""
    parts = path.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise ValueError(
            f"'{path}' is no import path; write it with its module, "
            "such as sklearn.svm.SVC"
        )
    trusted = (package_name(), *settings.get("TRUSTED_PACKAGES", TRUSTED_PACKAGES))
    if parts[0] not in trusted:
        raise ValueError(
            f"'{path}' is not imported, since its package is not trusted"
            f"{did_you_mean(parts[0], trusted)}; if you trust it, add '{parts[0]}' to "
            "TRUSTED_PACKAGES in settings.py"
        )
    return path


def check_arguments(value: Any) -> Any:
    """Refuse, at any depth, classes that are not trusted, and names of places.

    What is read from a place may be code, too.
    """
    if is_entry(value):
        check_class_path(value["class"])
        if unknown := sorted({*value} - {"class", "model_kwargs"}):
            hint = did_you_mean(unknown[0], ["model_kwargs"])
            raise ValueError(f"'{unknown[0]}' is an unknown key beside 'class'{hint}")
        if not isinstance(value.get("model_kwargs") or {}, Mapping):
            raise ValueError(f"model_kwargs of {value['class']} is not a mapping")
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, inner in pairs:
        name = str(key).rpartition("__")[2]
        is_place = PLACE.fullmatch(name) or (name == "input" and "file" in str(inner))
        if inner and is_place:
            raise ValueError(
                f"'{key}' names a place to read or write, and no parameter may; give "
                "it in a function of the project that builds the model"
            )
        if isinstance(inner, Mapping | list):
            check_arguments(inner)
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
