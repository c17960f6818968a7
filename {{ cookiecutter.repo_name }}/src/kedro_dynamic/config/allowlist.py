"""Which classes, models and arguments the parameters may name.

To import a module is to run it, and to load a model is to run its code. So these checks
come before anything is imported or loaded.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.framework.project import settings

from kedro_dynamic.config.errors import ConfigurationError, did_you_mean, redact
from kedro_dynamic.config.project import package_name

# Packages that a class may come from, unless settings.py has its own TRUSTED_PACKAGES.
TRUSTED_PACKAGES = ("sklearn", "xgboost", "lightgbm")

# Addresses in the project's own store; after two slashes, another machine would follow.
OWN_STORE = re.compile(r"(models|runs|mlflow-artifacts):/(?!/)")

# Arguments of scikit-learn, xgboost and lightgbm that name files to read or write.
PLACE = re.compile(r"memory|(in|out)put_model|(\w+_)?(file|filename|path|dir|folder)")


def check_model_uri(uri: str, root: Path) -> None:
    """Reject the address of a model that somebody else may have written.

    Args:
        uri: The address, as MLflow writes it.
        root: The folder of the project.

    Raises:
        ConfigurationError: If the address is outside of the project and of the stores
            that settings.py trusts.
    """
    path = uri.removeprefix("file://")
    is_inside = ":" not in path and Path(root, path).resolve().is_relative_to(root)
    trusted = tuple(settings.get("TRUSTED_MODEL_STORES", ()))
    is_trusted = bool(trusted) and uri.startswith(trusted)
    if OWN_STORE.match(uri) or is_inside or is_trusted:
        return
    raise ConfigurationError(
        f"The model '{redact(uri)}' is not loaded, since --params may only name "
        "models in stores of the project; if you trust it, add the beginning of its "
        "address to TRUSTED_MODEL_STORES in settings.py"
    )


def check_class_path(path: str) -> str:
    """Return an import path if settings.py trusts its package.

    Raises:
        ValueError: Names what to write instead, or what to add to settings.py.
    """
    parts = path.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise ValueError(
            f"'{path}' is not an import path; write it with its module, "
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
    """Return arguments if, at any depth, they name trusted classes and no places.

    A file that is read may hold code, too.

    Raises:
        ValueError: Names the argument that is rejected.
    """
    if is_entry(value):
        _check_entry(value)

    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, argument in pairs:
        if argument and _is_place(str(key), argument):
            raise ValueError(
                f"'{key}' names a place to read or write, which parameters may not do; "
                "set it in a function of the project that builds the model"
            )
        if isinstance(argument, Mapping | list):
            check_arguments(argument)
    return value


def is_entry(value: object) -> bool:
    """Return True if an argument is ``{class: ..., model_kwargs: ...}``."""
    return isinstance(value, Mapping) and isinstance(value.get("class"), str)


def nested_classes(value: Any) -> list[dict[str, Any]]:
    """Return every ``{class: ..., model_kwargs: ...}`` in an argument, at any depth."""
    if is_entry(value):
        return [value, *nested_classes(value.get("model_kwargs"))]
    if not isinstance(value, Mapping | list):
        return []

    found = []
    for argument in value.values() if isinstance(value, Mapping) else value:
        found += nested_classes(argument)
    return found


def _check_entry(entry: Mapping[str, Any]) -> None:
    """Reject a class that is not trusted, and other keys than its arguments."""
    check_class_path(entry["class"])

    unknown = sorted({*entry} - {"class", "model_kwargs"})
    if unknown:
        hint = did_you_mean(unknown[0], ["model_kwargs"])
        raise ValueError(f"'{unknown[0]}' is an unknown key beside 'class'{hint}")

    if not isinstance(entry.get("model_kwargs") or {}, Mapping):
        raise ValueError(f"model_kwargs of {entry['class']} is not a mapping")


def _is_place(key: str, argument: object) -> bool:
    """Return True if an argument names a file, as its name or its value says."""
    name = key.rpartition("__")[2]
    if name == "input":  # of a vectorizer, which reads texts, files or names of files
        return "file" in str(argument)
    return PLACE.fullmatch(name) is not None
