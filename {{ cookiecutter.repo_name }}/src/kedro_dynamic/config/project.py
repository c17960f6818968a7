"""The project that the library works for."""

import os
from collections.abc import Collection
from importlib import import_module
from pathlib import Path

from kedro.framework import project

# Processes that ParallelRunner spawns do not learn the package's name from Kedro.
PACKAGE_VARIABLE = "KEDRO_DYNAMIC_PACKAGE"

# The folder of this library.
LIBRARY = Path(__file__).parents[1]


def package_name() -> str:
    """Return the name of the project's package; empty where there is no project."""
    return project.PACKAGE_NAME or os.environ.get(PACKAGE_VARIABLE, "")


def package_path() -> Path:
    """Return the folder of the project's package."""
    return Path(str(import_module(package_name()).__file__)).parent


def code_paths(modules: Collection[str]) -> list[Path]:
    """Return the folders that go with a model that uses these top-level modules.

    Neither the project's package nor this library is in a package registry.
    """
    paths = []
    if package_name() in modules:
        paths.append(package_path())
    if LIBRARY.name in modules:
        paths.append(LIBRARY)
    return paths
