"""Turns: runs that would write the same files go one after the other.

Each run at work has a note and a lock in one folder. The system lets go of a lock when
its process ends, however it ends, so none is left behind.
"""

import json
import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kedro_dynamic.config.errors import VERBATIM, ConfigurationError

logger = logging.getLogger(__name__)


LOOK_AGAIN = 0.2  # seconds


# Disks may be shared: a process is known by its number and its machine.
HOST = platform.node()


@dataclass
class Turn:
    """A run's place among those that are at work in the same project."""

    folder: Path
    """Where the notes are."""

    command: str
    reads: set[str]
    writes: set[str]
    """Files, as every run of the project names them."""

    thread: int = field(default_factory=threading.get_ident)
    _lock: FileLock | None = field(default=None, init=False)

    def take(self, wait: bool) -> None:
        """Wait until no other run is at work on these files, and say who is.

        Raises:
            ConfigurationError: If one is, and this one is not to wait.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        said = ""
        while who := self._begin():
            if not wait:
                raise ConfigurationError(
                    f"At work on the same files is {who}. Wait for it, or write "
                    "'WAIT_FOR_OTHER_RUNS = True' in settings.py."
                )
            if who != said:
                message = "Waiting: at work on the same files is %s"
                logger.warning(message, who, extra=VERBATIM)
                said = who
            time.sleep(LOOK_AGAIN)

    def release(self) -> None:
        """Let others go on."""
        if self._lock is not None:
            _note_of(self._lock).unlink(missing_ok=True)
            self._lock.release()
            Path(self._lock.lock_file).unlink(missing_ok=True)
            self._lock = None

    def _begin(self) -> str:
        """Leave a note, and a lock that says that it counts; or return who is first."""
        with FileLock(self.folder / "turns.lock"):
            for other in self._notes():
                if self._meets(other):
                    who = f"process {other['process']} ({other['command']})"
                    return f"{who} since {other['since']}"
            self._lock = FileLock(self.folder / f"{uuid.uuid4().hex}.run")
            self._lock.acquire()
            note = {
                "host": HOST,
                "process": os.getpid(),
                "thread": self.thread,
                "command": self.command,
                "since": time.strftime("%H:%M:%S"),
                "reads": sorted(self.reads),
                "writes": sorted(self.writes),
            }
            _note_of(self._lock).write_text(json.dumps(note))
        return ""

    def _notes(self) -> Iterator[dict[str, Any]]:
        """Yield the notes of the runs at work, and delete what others have left."""
        for path in self.folder.glob("*.run"):
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                with suppress(FileNotFoundError):  # its run is just ending
                    yield json.loads(_note_of(lock).read_text())
            else:
                _note_of(lock).unlink(missing_ok=True)
                lock.release()
                path.unlink(missing_ok=True)

    def _meets(self, other: dict[str, Any]) -> bool:
        """Tell whether one of two runs would write what the other reads or writes."""
        if other["host"] == HOST:
            mine = (other["process"], other["thread"]) == (os.getpid(), self.thread)
            # A run within a run; or a worker that keeps the lock of its dead parent.
            if mine or not is_alive(other["process"]):
                return False
        others = {*other["reads"], *other["writes"]}
        return bool(self.writes & others or self.reads.intersection(other["writes"]))


def _note_of(lock: FileLock) -> Path:
    """Return the file that says whose lock it is."""
    return Path(lock.lock_file).with_suffix(".json")


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
