"""The project that the library works for: its package, folder and configuration.

Kedro reads pipelines and catalog from many places, most of them before or without any
hook. So a config loader notes itself here when a session creates it.
"""

import os
import sys
import threading
from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.framework import project
from kedro.utils import find_kedro_project, is_kedro_project

from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.library import (
    LIBRARY,
    PACKAGE_VARIABLE,
    came_with_model,
    find_other_copy,
)

if TYPE_CHECKING:
    from kedro.config import OmegaConfigLoader


class _InForce(threading.local):
    """What is in force in a thread.

    Thread-local, not a ContextVar: all cells of a notebook share a thread.
    """

    config_loader: "OmegaConfigLoader | None" = None
    project_path: Path | None = None


_in_force = _InForce()


def put_in_force(config_loader: "OmegaConfigLoader | None") -> None:
    """Note the config loader of this thread's session; None ends the session."""
    _in_force.config_loader, _in_force.project_path = config_loader, None


def put_path_in_force(path: Path) -> None:
    """Note the root folder of the project of this thread's session."""
    _in_force.project_path = path


def loader_in_force() -> "OmegaConfigLoader | None":
    """Return the config loader of this thread's session, if there is a session."""
    return _in_force.config_loader


def project_path() -> Path:
    """Return the root folder of the project; a packaged one runs where it is called."""
    if _in_force.project_path is not None:
        return _in_force.project_path

    # The configuration and the working directory may be elsewhere, the code is not.
    package_file = getattr(sys.modules.get(package_name()), "__file__", None)
    if package_file is not None:
        for folder in Path(package_file).resolve().parents[1:3]:
            if is_kedro_project(folder):
                return folder

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


def check_library() -> None:
    """Reject a copy of the library that is not the one that the project uses.

    A project uses the copy beside its package, or else the installed one. Where a model
    was loaded first, the copy may be the one that was logged with the model.

    Raises:
        ConfigurationError: Names both copies.
    """
    package = sys.modules.get(package_name())
    package_file = getattr(package, "__file__", None)
    if package_file is None:
        return

    project_copy = Path(package_file).parents[1] / LIBRARY.name
    if project_copy.is_dir():
        expected, is_right = str(project_copy), project_copy.samefile(LIBRARY)
    else:
        expected = str(find_other_copy() or "the installed one")
        is_right = not came_with_model()
    if not is_right:
        raise ConfigurationError(
            f"{LIBRARY.name} was imported from {LIBRARY}, but the project "
            f"{package_name()} uses {expected}. Start Python anew, and open the "
            "project before you load a model or another project"
        )


def code_paths(packages: Collection[str]) -> list[Path]:
    """Return the folders that go with a model that uses these top-level packages.

    Neither the project's package nor this library can be installed from a registry of
    packages. Modules of the project may import the library.
    """
    paths = []
    if package_name() in packages:
        paths.append(package_path())
    if paths or LIBRARY.name in packages:
        paths.append(LIBRARY)
    return paths
