"""Files that are either complete or not there, and written by the run that owns them.

A worker process may outlive its run, whose files belong to the next run then. So it
puts a file in its place only while the note of its run exists. What was put in its
place is noted in a journal: a person may edit it after the run was killed.
"""

import json
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fsspec.implementations.local import LocalFileOpener, LocalFileSystem

from kedro_dynamic.catalog.files import State, state
from kedro_dynamic.config.process import HOST_DIGEST, is_alive

# The hidden file of a process that is still writing: .model.pkl.<host>-4711-<hex>.tmp
_TEMPORARY = re.compile(rf"\..+\.{HOST_DIGEST}-(\d+)-[0-9a-f]+\.tmp")


@dataclass(frozen=True)
class Owner:
    """The run that a process works for: its own, or that of its parent."""

    notes: Path
    """The folder of the notes of runs under way."""

    process: int
    """The process of the run, with which the name of its note begins."""

    journal: Path
    """The file of what the run has written, a line of JSON each: path and state."""

    def is_running(self) -> bool:
        """Return True unless the note is gone: the run has ended, or was killed.

        The folder is not on the machine of a worker that shares no disk.
        """
        return not self.notes.exists() or any(self.notes.glob(f"{self.process}-*.json"))

    def note_file(self, path: str) -> None:
        """Note that a file is in its place.

        A file without its line is made again, so an error here does not end a run.
        """
        with suppress(OSError), self.journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps([path, state(Path(path))]) + "\n")


def read_journals(folder: Path, pattern: str) -> dict[str, list[State]]:
    """Return the states in which files were written, by their paths.

    Args:
        folder: The folder of the journals.
        pattern: Of their names.
    """
    written: dict[str, list[State]] = {}
    for journal in folder.glob(pattern):
        for line in journal.read_text(encoding="utf-8").splitlines():
            # The last line may have been broken off.
            with suppress(ValueError):
                path, status = json.loads(line)
                written.setdefault(path, []).append(status)
    return written


class AtomicFile(LocalFileOpener):  # type: ignore[misc]
    """A file that is written under a hidden name, and renamed when it is complete.

    Attributes:
        owner: The run that this process works for, if there is one.
    """

    owner: ClassVar[Owner | None] = None

    def __init__(self, path: str, mode: str, **options: Any):
        # A link stays: the file that it points to is replaced.
        self._target = os.path.realpath(path)
        # An error that is being handled while the file is written is not about it.
        self._earlier_error = sys.exc_info()[1]
        folder, name = os.path.split(self._target)
        writer = f"{HOST_DIGEST}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        super().__init__(os.path.join(folder, f".{name}.{writer}.tmp"), mode, **options)

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
        if self.owner and not self.owner.is_running():
            os.unlink(self.path)
            raise PermissionError(f"{self._target}: the run that makes it has ended")
        if os.path.exists(self._target):
            shutil.copymode(self._target, self.path)
        os.replace(self.path, self._target)
        if self.owner:
            self.owner.note_file(self._target)

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
