"""Digests of the code that the project itself has."""

import hashlib
import re
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from kedro_dynamic.config.project import package_name


def digest_named_code(text: str) -> str:
    """Return a digest of the project's own modules whose classes a text names.

    Args:
        text: Parameters as JSON, in which ``"<package>.<module>.<name>"`` is the import
            path of a class or a function.
    """
    paths = re.findall(rf'"({re.escape(package_name())}(?:\.\w+)*)\.\w+"', text)
    digests = []
    for module in sorted(set(paths)):
        # A module that does not exist, or raises, is an error before the first node.
        with suppress(Exception):
            spec = find_spec(module)
            digests.append(digest_source(spec.origin if spec else None))
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:20]


def digest_source(file: str | None) -> str:
    """Return a digest of a module's file, "" without one."""
    if not file:
        return ""
    path = Path(file)
    try:
        status = path.stat()
    except OSError:
        return ""
    return _digest_in_state(path, status.st_mtime_ns, status.st_size)


@cache
def _digest_in_state(path: Path, *state: int) -> str:
    """Return the digest of a file in a certain state."""
    return digest_file(path)


def digest_file(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
