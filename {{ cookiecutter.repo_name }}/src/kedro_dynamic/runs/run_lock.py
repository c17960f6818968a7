"""Locks for runs: two runs that share files run one after the other.

Each run writes a note of its files and holds a lock beside it, in one folder of the
project. The operating system releases a lock when its process ends, however it ends.
"""

import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, Field, TypeAdapter

from kedro_dynamic.config.errors import VERBATIM, ConfigurationError
from kedro_dynamic.config.process import HOST, is_alive
from kedro_dynamic.runs.state_files import errors_in_words, read_state

logger = logging.getLogger(__name__)

# In the root of a project, and in a storage root.
LOCKS_FOLDER, SHARED_LOCKS_FOLDER = Path("data", ".locks"), Path(".locks")

POLL_INTERVAL = 0.2  # seconds


class Note(BaseModel):
    """What a run writes beside its lock."""

    host: str
    process: int = Field(gt=0, lt=2**31)
    thread: int
    command: str
    since: str
    reads: set[str]
    writes: set[str]


SHAPE = TypeAdapter(Note)


def locks_folder(root: Path, storage: str | None) -> Path:
    """Return the folder of the locks: in the storage root, which projects may share.

    Args:
        root: The folder of the project.
        storage: The storage root, if there is one. If it is a URL, locks are in the
            project.
    """
    if storage and "://" not in storage:
        folder = root / storage
        if not folder.is_relative_to(root):
            return folder / SHARED_LOCKS_FOLDER
    return root / LOCKS_FOLDER


@dataclass
class RunLock:
    """A lock of the files that a run reads and writes."""

    folder: Path
    """The folder of the locks of all runs of the project."""

    command: str
    """The command that started the run."""

    reads: set[str]
    """The files that the run reads, named the same way by all runs of the folder."""

    writes: set[str]
    """The files that the run writes."""

    thread: int = field(default_factory=threading.get_ident)
    _lock: FileLock | None = field(default=None, init=False)

    def acquire(self, wait: bool) -> None:
        """Lock the files, after all other runs that use them have ended.

        A run within a run, in the same thread, does not wait for the outer one.

        Args:
            wait: Wait for other runs, and log a warning that names them.

        Raises:
            ConfigurationError: If another run uses the files and ``wait`` is False.
        """
        announced = ""
        while True:
            with errors_in_words():
                self.folder.mkdir(parents=True, exist_ok=True)
                blocker = self._try_acquire()
            if not blocker:
                return
            if not wait:
                raise ConfigurationError(
                    f"Another run is using the same files: {blocker}. Wait for it to "
                    "finish, or set 'WAIT_FOR_OTHER_RUNS = True' in settings.py."
                )
            if blocker != announced:
                message = "Waiting: another run is using the same files: %s"
                logger.warning(message, blocker, extra=VERBATIM)
                announced = blocker
            time.sleep(POLL_INTERVAL)

    def release(self) -> None:
        """Release the files, if they are locked."""
        if self._lock is None:
            return
        _note_of(self._lock).unlink(missing_ok=True)
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock = None

    def _try_acquire(self) -> str:
        """Lock the files and return "", or return which run uses them."""
        with FileLock(self.folder / "folder.lock"):
            for note in self._other_notes():
                if self._conflicts_with(note):
                    process = f"process {note.process} ({note.command})"
                    return f"{process} since {note.since}"

            # Workers know their run by its process; see ``catalog/atomic.py``.
            name = f"{os.getpid()}-{uuid.uuid4().hex}.run"
            self._lock = FileLock(self.folder / name)
            self._lock.acquire()
            note = Note(
                host=HOST,
                process=os.getpid(),
                thread=self.thread,
                command=self.command,
                since=time.strftime("%H:%M:%S"),
                reads=self.reads,
                writes=self.writes,
            )
            _note_of(self._lock).write_text(note.model_dump_json())
        return ""

    def _other_notes(self) -> Iterator[Note]:
        """Yield the notes of runs under way, and delete those of killed runs."""
        for path in self.folder.glob("*.run"):
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                # The note is gone if the run is just ending.
                note = read_state(_note_of(lock), SHAPE)
                if note is None:
                    continue
                if note.host == HOST and not is_alive(note.process):
                    # A worker of a killed run holds its lock. Without the note, it
                    # writes no more files.
                    _note_of(lock).unlink(missing_ok=True)
                    continue
                yield note
            else:
                _note_of(lock).unlink(missing_ok=True)
                lock.release()
                path.unlink(missing_ok=True)

    def _conflicts_with(self, note: Note) -> bool:
        """Return True if one of the two runs writes what the other reads or writes."""
        if note.host == HOST:
            owner = (note.process, note.thread)
            if owner == (os.getpid(), self.thread):  # the outer run
                return False

        is_written_to = bool(self.writes & (note.reads | note.writes))
        return is_written_to or bool(self.reads & note.writes)


def _note_of(lock: FileLock) -> Path:
    """Return the file that says which run holds a lock."""
    return Path(lock.lock_file).with_suffix(".json")
