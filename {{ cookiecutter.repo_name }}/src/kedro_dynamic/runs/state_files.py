"""Files in which runs keep their state: locks and provenance.

They are checked like configuration, but a faulty one stops no run: it counts as not
there.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from kedro_dynamic.config.errors import VERBATIM, ConfigurationError

logger = logging.getLogger(__name__)

Content = TypeVar("Content")


def read_state(path: Path, shape: TypeAdapter[Content]) -> Content | None:
    """Return what a file of state says; None if it lacks the shape, or is not there."""
    try:
        return shape.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _warn_of(path)
        return None


# Once for each file: a run that waits reads the notes again and again.
@cache
def _warn_of(path: Path) -> None:
    """Say that a file counts as not there."""
    message = "%s is not what a run writes: it counts as not there."
    logger.warning(message, path, extra=VERBATIM)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Say in plain words why state cannot be written, such as on a full disk.

    Raises:
        ConfigurationError: In place of an error of the file system.
    """
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename or 'The data folder'} cannot be written: "
            f"{error.strerror or error}. Runs keep locks and provenance in the data "
            "folder of the project, so it needs space and must allow writing"
        ) from error
