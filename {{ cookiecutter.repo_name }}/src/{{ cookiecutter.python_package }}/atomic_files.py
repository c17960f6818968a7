"""Local files of the catalog are whole or not there, whatever happens to a process."""

import os
import platform
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileOpener, LocalFileSystem

# Disks may be shared: a process is known by its number and its machine.
HOST = platform.node()
TEMPORARY = re.compile(r"\..+\.(\d+)@(.*)-[0-9a-f]{32}\.tmp")


class AtomicFile(LocalFileOpener):  # type: ignore[misc]
    """A file that is written under another name, and renamed when it is whole.

    Args:
        path: What it is called in the end; what a link points to, if it is one.
        mode: To write, in bytes.
        autocommit: False if a transaction of fsspec renames it.
        options: As of any local file.
    """

    def __init__(self, path: str, mode: str, autocommit: bool = True, **options: Any):
        self._target = os.path.realpath(path)
        folder, name = os.path.split(self._target)
        temporary = f".{name}.{os.getpid()}@{HOST}-{uuid.uuid4().hex}.tmp"
        # An error that is being handled around the saving is none of its own.
        self._around = sys.exc_info()[1]
        super().__init__(os.path.join(folder, temporary), mode, **options)
        self.autocommit = autocommit

    def close(self) -> None:
        """Put the file in its place, or take it away if writing it has failed."""
        if self.closed:
            return
        super().close()
        if sys.exc_info()[1] is not self._around:
            self.discard()
        elif self.autocommit:
            self.commit()

    def commit(self) -> None:
        """Put the file in its place, unless writing it has failed."""
        if os.path.exists(self.path):
            os.replace(self.path, self._target)

    def discard(self) -> None:
        """Take the file away."""
        Path(self.path).unlink(missing_ok=True)

    def __exit__(self, *error: object) -> None:
        self.close()


class AtomicFileSystem(LocalFileSystem):  # type: ignore[misc]
    """The local file system, through which the catalog's datasets write."""

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> LocalFileOpener:
        path = self._strip_protocol(path)
        special = os.path.exists(path) and not os.path.isfile(path)  # as /dev/null
        if "w" not in mode or special:
            return super()._open(path, mode, **kwargs)
        if self.auto_mkdir:
            self.makedirs(self._parent(path), exist_ok=True)
        kwargs.pop("block_size", None)
        return AtomicFile(path, mode, fs=self, **kwargs)


def write_atomically() -> None:
    """Let every dataset of the catalog that writes to this machine's disk do so."""
    for protocol in AtomicFileSystem.protocol:
        fsspec.register_implementation(protocol, AtomicFileSystem, clobber=True)


def remove_leftovers(folder: Path) -> None:
    """Delete what processes of this machine were writing when they were killed.

    Args:
        folder: Where to look, its subfolders included.
    """
    for file in folder.rglob(".*.tmp"):
        begun_by = TEMPORARY.fullmatch(file.name)
        if begun_by and begun_by[2] == HOST and not is_alive(int(begun_by[1])):
            file.unlink(missing_ok=True)


def is_alive(process: int) -> bool:
    """Tell whether a process of this machine may still be at work."""
    if os.name == "nt":  # where asking with signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
