"""Turns: runs that would write the same files go one after the other.

Each run at work has a note and a lock in one folder. The system lets go of a lock when
its process ends, however it ends, so none is left behind.
"""

import json
import logging
import os
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .errors import ConfigurationError

logger = logging.getLogger(__name__)

LOOK_AGAIN = 0.2  # seconds


@dataclass
class Turn:
    """A run's place among those that are at work in the same project."""

    folder: Path
    """Where the notes are."""

    command: str
    reads: set[str]
    writes: set[str]
    """Files, as every run of the project names them."""

    _lock: FileLock | None = field(default=None, init=False)

    def take(self, wait: bool) -> None:
        """Wait until no other run is at work on these files, and say who is.

        Raises:
            ConfigurationError: If one is, and this one is not to wait.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        said = ""
        while True:
            with FileLock(self.folder / "turns.lock"):
                if (other := self._other()) is None:
                    self._begin()
                    return
            who = f"process {other['process']} ({other['command']}) since"
            who = f"{who} {other['since']}"
            if not wait:
                raise ConfigurationError(
                    f"At work on the same files is {who}. Wait for it, or write "
                    "'WAIT_FOR_OTHER_RUNS = True' in settings.py."
                )
            if said != who:
                logger.warning("Waiting: at work on the same files is %s", who)
                said = who
            time.sleep(LOOK_AGAIN)

    def release(self) -> None:
        """Let others go on."""
        if self._lock is not None:
            _note_of(self._lock).unlink(missing_ok=True)
            self._lock.release()
            Path(self._lock.lock_file).unlink(missing_ok=True)
            self._lock = None

    def _begin(self) -> None:
        """Leave a note, and hold the lock that says that it counts."""
        self._lock = FileLock(self.folder / f"{uuid.uuid4().hex}.run")
        self._lock.acquire()
        note = {
            "process": os.getpid(),
            "thread": threading.get_ident(),
            "command": self.command,
            "since": time.strftime("%H:%M:%S"),
            "reads": sorted(self.reads),
            "writes": sorted(self.writes),
        }
        _note_of(self._lock).write_text(json.dumps(note))

    def _other(self) -> dict[str, Any] | None:
        """Return the note of another run at work on these files, if there is one."""
        me = os.getpid(), threading.get_ident()
        for path in self.folder.glob("*.run"):
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                note: dict[str, Any] = json.loads(_note_of(lock).read_text())
                # A run within a run, or after one that Ctrl-C ended in a notebook.
                mine = (note["process"], note["thread"]) == me
                if not mine and self._meets(note):
                    return note
            else:  # of a process that has died
                _note_of(lock).unlink(missing_ok=True)
                lock.release()
                path.unlink(missing_ok=True)
        return None

    def _meets(self, note: dict[str, Any]) -> bool:
        """Tell whether one of two runs would write what the other reads or writes."""
        others = {*note["reads"], *note["writes"]}
        return bool(self.writes & others or self.reads.intersection(note["writes"]))


def _note_of(lock: FileLock) -> Path:
    """Return the file that says whose lock it is."""
    return Path(lock.lock_file).with_suffix(".json")
