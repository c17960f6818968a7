"""This copy of the library: where it is, and what it leaves in logged models.

A model is logged together with the code of the library, and MLflow puts that code first
on the import path when it loads the model. The copy that a process imports first serves
all models of the process, so a model checks that its state and the copy fit together.

Where a model is served, this module is imported with no more than numpy, pandas and
scikit-learn installed.
"""

import sys
from pathlib import Path
from typing import Any

VERSION = "0.4.0"

# The folder of this copy.
LIBRARY = Path(__file__).parents[1]

# Processes that ParallelRunner spawns learn the project's package from this variable.
PACKAGE_VARIABLE = "KEDRO_DYNAMIC_PACKAGE"

# The key of the version in the state of a pickled object.
_KEY = "_kedro_dynamic_version"


def came_with_model() -> bool:
    """Return True if this copy was logged with a model: below ``<model>/code``."""
    return (LIBRARY.parents[1] / "MLmodel").is_file()


def find_other_copy() -> Path | None:
    """Return the first copy of the library on the import path that is not this one."""
    for folder in sys.path:
        path = Path(folder, LIBRARY.name)
        if (path / "__init__.py").is_file() and not path.samefile(LIBRARY):
            return path
    return None


class Versioned:
    """Base of the classes that are pickled into models: their state has a version.

    A project reads models that older versions have logged, so a class that changes its
    attributes must still take their state. Everything else is an error.
    """

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {**(state or {}), _KEY: VERSION}

    def __setstate__(self, state: dict[str, Any]) -> None:
        attributes = dict(state)
        _check_version(str(attributes.pop(_KEY, "0")))
        vars(self).update(attributes)


def _check_version(version: str) -> None:
    """Raise an error if this copy cannot serve a model of a version."""
    is_older = _parts(version) < _parts(VERSION)
    if version == VERSION or (is_older and not came_with_model()):
        return
    path = find_other_copy()
    place = f", whose code is in {path}" if path else ""
    raise ImportError(
        f"The model was logged with {LIBRARY.name} {version}{place}, but this process "
        f"has imported {LIBRARY.name} {VERSION} from {LIBRARY}: load the model in a "
        "process of its own"
    )


def _parts(version: str) -> list[int]:
    """Return the numbers of a version, which compare as versions do."""
    return [int(part) for part in version.split(".")]
