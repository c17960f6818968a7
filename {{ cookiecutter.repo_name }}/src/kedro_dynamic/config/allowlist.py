"""Which classes, files and arguments the parameters may name.

To import a module is to run it, and to load a model is to run its code. So these checks
come before anything is imported or loaded.
"""

import os
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from kedro.framework.project import settings

from kedro_dynamic.config.errors import did_you_mean, one_line
from kedro_dynamic.config.library import LIBRARY
from kedro_dynamic.config.project import package_name

# Packages that a class may come from, unless settings.py has its own TRUSTED_PACKAGES.
TRUSTED_PACKAGES = ("sklearn", "xgboost", "lightgbm")

# Addresses in the project's own store; after two slashes, another machine would follow.
OWN_STORE = re.compile(r"(models|runs|mlflow-artifacts):/(?!/)")

# The beginning of an address, of a chain of addresses, or of a path on Windows.
ADDRESS = re.compile(r"[A-Za-z][\w+.-]*:[:/\\]")

# Arguments of scikit-learn, xgboost and lightgbm that name files to read or write.
PLACE = re.compile(
    r"memory|(in|out)put_model|(\w+_)?(file|filename|path|dir|directory|dirname|folder)"
)


def check_place(place: str, root: Path) -> None:
    """Reject the place of a file or model that somebody else may have written.

    Args:
        place: A path, or an address as fsspec and MLflow write it.
        root: The folder of the project.

    Raises:
        ValueError: If the place is outside of the project and of the stores that
            settings.py trusts.
    """
    # Links are not followed: those in the project are the owner's.
    path = os.path.normpath(root / place.removeprefix("file://"))
    is_address = ADDRESS.match(place) and not place.startswith("file://")
    is_inside = not is_address and Path(path).is_relative_to(root)
    trusted = tuple(settings.get("TRUSTED_MODEL_STORES", ()))
    is_trusted = bool(trusted) and place.startswith(trusted) and ".." not in place
    if OWN_STORE.match(place) or is_inside or is_trusted:
        return
    raise ValueError(
        f"'{place}' is not used, since --params may only name files and models "
        "of the project; if you trust it, add the beginning of its address to "
        "TRUSTED_MODEL_STORES in settings.py"
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

    others = settings.get("TRUSTED_PACKAGES", TRUSTED_PACKAGES)
    trusted = (package_name(), LIBRARY.name, *others)
    if parts[0] not in trusted:
        raise ValueError(
            f"'{path}' is not imported, since its package is not trusted"
            f"{did_you_mean(parts[0], trusted)}; if you trust it, add '{parts[0]}' to "
            "TRUSTED_PACKAGES in settings.py"
        )
    return path


def import_trusted(path: str) -> Any:
    """Import what a path names, which a trusted package must define.

    Raises:
        ValueError: If nothing has this path, or its package is not trusted.
    """
    check_class_path(path)
    module_name, _, name = path.rpartition(".")
    try:
        module = import_module(module_name)
        imported = getattr(module, name, None)
    except Exception as error:  # A module may raise any error, also at a look-up.
        raise ValueError(f"'{path}' cannot be imported: {one_line(error)}") from error

    if imported is None:
        existing_paths = [f"{module_name}.{existing}" for existing in dir(module)]
        raise ValueError(f"'{path}' does not exist{did_you_mean(path, existing_paths)}")
    # A trusted module may have imported what other packages define.
    origin = getattr(imported, "__module__", None)
    if origin is not None:
        check_class_path(f"{origin}.{name}")
    return imported


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
