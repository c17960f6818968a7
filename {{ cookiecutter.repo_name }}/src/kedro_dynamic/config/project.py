"""The project that the library works for: its package, folder and configuration.

Kedro reads pipelines and catalog from many places, most of them before or without any
hook. So a config loader notes itself here when a session creates it.
"""

import os
import threading
from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.framework import project
from kedro.utils import find_kedro_project, is_kedro_project

if TYPE_CHECKING:
    from kedro.config import OmegaConfigLoader

# Processes that ParallelRunner spawns do not learn the package's name from Kedro.
PACKAGE_VARIABLE = "KEDRO_DYNAMIC_PACKAGE"

# The folder of this library.
LIBRARY = Path(__file__).parents[1]


class _InForce(threading.local):
    """What is in force in a thread.

    Thread-local, not a ContextVar: all cells of a notebook share a thread.
    """

    config_loader: "OmegaConfigLoader | None" = None


_in_force = _InForce()


def put_in_force(config_loader: "OmegaConfigLoader | None") -> None:
    """Note the config loader of this thread's session; None ends the session."""
    _in_force.config_loader = config_loader


def loader_in_force() -> "OmegaConfigLoader | None":
    """Return the config loader of this thread's session, if there is a session."""
    return _in_force.config_loader


def project_path() -> Path:
    """Return the root folder of the project; a packaged one runs where it is called."""
    loader = loader_in_force()
    # An unread config loader is an empty mapping, hence false: test for None.
    if loader is not None:
        path = Path(loader.conf_source).resolve().parent
        if is_kedro_project(path):
            return path
    return find_kedro_project(Path.cwd()) or Path.cwd()


def package_name() -> str:
    """Return the name of the project's package, or "" without a project."""
    return project.PACKAGE_NAME or os.environ.get(PACKAGE_VARIABLE, "")


def package_path() -> Path:
    """Return the folder of the project's package."""
    return Path(str(import_module(package_name()).__file__)).parent


def code_paths(modules: Collection[str]) -> list[Path]:
    """Return the folders that go with a model that uses these top-level modules.

    Neither the project's package nor this library can be installed from a registry of
    packages.
    """
    paths = []
    if package_name() in modules:
        paths.append(package_path())
    if LIBRARY.name in modules:
        paths.append(LIBRARY)
    return paths
