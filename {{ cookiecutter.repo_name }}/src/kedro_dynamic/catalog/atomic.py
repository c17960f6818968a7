"""Files that are either complete or not there, and written by the run that owns them.

A worker process may outlive its run, whose files belong to the next run then. So it
puts a file in its place only while the note of its run exists.
"""

import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileOpener, LocalFileSystem

# The hidden file of a process that is still writing: .model.pkl.4711-<hex>.tmp
_TEMPORARY = re.compile(r"\..+\.(\d+)-[0-9a-f]{8}\.tmp")


@dataclass(frozen=True)
class Owner:
    """The run that a worker process works for."""

    notes: Path
    """The folder of the notes of runs under way."""

    process: int
    """The process of the run, with which the name of its note begins."""

    def is_running(self) -> bool:
        """Return True unless the note is gone: the run has ended, or was killed.

        The folder is not on the machine of a worker that shares no disk.
        """
        return not self.notes.exists() or any(self.notes.glob(f"{self.process}-*.json"))


class _Worker:
    """The state of this process."""

    owner: Owner | None = None


def work_for(owner: Owner | None) -> None:
    """Note which run this worker process works for; None if that is not known."""
    _Worker.owner = owner


def works_for_run() -> bool:
    """Return True if this process is a worker of a run."""
    return _Worker.owner is not None


class AtomicFile(LocalFileOpener):  # type: ignore[misc]
    """A file that is written under a hidden name, and renamed when it is complete."""

    def __init__(self, path: str, mode: str, **options: Any):
        # A link stays: the file that it points to is replaced.
        self._target = os.path.realpath(path)
        # An error that is being handled while the file is written is not about it.
        self._earlier_error = sys.exc_info()[1]
        folder, name = os.path.split(self._target)
        temporary = f".{name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp"
        super().__init__(os.path.join(folder, temporary), mode, **options)

    def close(self) -> None:
        """Put the file in its place, or delete it if writing it failed.

        Raises:
            PermissionError: If the run that this process works for has ended.
        """
        if self.closed:
            return
        super().close()
        if sys.exc_info()[1] is not self._earlier_error:
            os.unlink(self.path)
            return
        if _Worker.owner and not _Worker.owner.is_running():
            os.unlink(self.path)
            raise PermissionError(f"{self._target}: the run that makes it has ended")
        if os.path.exists(self._target):
            shutil.copymode(self._target, self.path)
        os.replace(self.path, self._target)

    def __exit__(self, *error: object) -> None:
        self.close()


class AtomicFileSystem(LocalFileSystem):  # type: ignore[misc]
    """The local file system, through which the catalog's datasets write."""

    def open(self, path: str, mode: str = "rb", *args: Any, **kwargs: Any) -> Any:
        """Open a file, a text as UTF-8, whatever the machine's own encoding is."""
        if "b" not in mode:
            kwargs.setdefault("encoding", "utf-8")
        return super().open(path, mode, *args, **kwargs)

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> LocalFileOpener:
        path = self._strip_protocol(path)
        # /dev/null, for instance, cannot be replaced.
        is_special = os.path.exists(path) and not os.path.isfile(path)
        if "w" not in mode or is_special:
            return super()._open(path, mode, **kwargs)

        if self.auto_mkdir:
            self.makedirs(self._parent(path), exist_ok=True)
        kwargs.pop("block_size", None)
        return AtomicFile(path, mode, fs=self, **kwargs)


def delete_abandoned(folders: Iterable[Path]) -> None:
    """Delete the hidden files that killed processes of this machine left behind.

    Args:
        folders: Where to look. Folders that do not exist are ignored.
    """
    for folder in folders:
        if not folder.is_dir():
            continue
        for entry in os.scandir(folder):
            match = _TEMPORARY.fullmatch(entry.name)
            if match and not is_alive(int(match[1])):
                Path(entry.path).unlink(missing_ok=True)


def is_alive(process: int) -> bool:
    """Return True if a process of this machine may still be running."""
    # On Windows, signal 0 would end it.
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # It belongs to another user.
    return True
