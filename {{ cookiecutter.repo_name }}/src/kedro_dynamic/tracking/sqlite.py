"""MLflow's store where it is a file: who is at work in it, and where the files are."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kedro_dynamic.config.errors import ConfigurationError

logger = logging.getLogger(__name__)


SQLITE = "sqlite:///"


# Seconds to wait for another process in silence, and then with a word about it.
SILENT, PATIENT = 3.0, 7.0


# How long MLflow waits, in each thread.
_waiting = threading.local()


# Where MLflow writes absolute addresses of files: private, but there is no other way.
ADDRESSES = (
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("experiments", "artifact_location"),
)


@contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """Let one process at a time into the block; for a SQLite store only.

    Raises:
        ConfigurationError: If another process does not leave it in time.
    """
    if not uri.startswith(SQLITE):
        yield
        return
    lock = FileLock(f"{uri.removeprefix(SQLITE)}.lock")
    try:
        lock.acquire(timeout=SILENT)
    except Timeout:
        logger.warning(
            "Another process is at work in %s: waiting %.0f seconds at most.",
            Path(lock.lock_file).stem,
            PATIENT,
        )
        try:
            lock.acquire(timeout=PATIENT)
        except Timeout:
            raise ConfigurationError(
                f"{lock.lock_file} is still held by another process: end that first."
            ) from None
    try:
        yield
    finally:
        lock.release()


def limit_waiting(seconds: float) -> None:
    """Let MLflow, in this thread, wait so long for a lock, not 20 seconds a call."""
    _replace_limit()
    _waiting.seconds = seconds


@cache
def _replace_limit() -> None:
    """Change what MLflow tells SQLite in each session: it has no setting for it."""
    from sqlalchemy import Engine, event

    @event.listens_for(Engine, "before_cursor_execute", retval=True)
    def replace(_: Any, __: Any, statement: str, values: Any, *___: Any) -> Any:
        if statement.startswith("PRAGMA busy_timeout ="):
            seconds = getattr(_waiting, "seconds", 5)
            statement = f"PRAGMA busy_timeout = {seconds * 1000:.0f}"
        return statement, values


def check_writable(uri: str, timeout_seconds: float) -> None:
    """Refuse a file that cannot be written to: MLflow would keep trying for minutes.

    Raises:
        sqlite3.Error: Says why.
    """
    path = Path(uri.removeprefix(SQLITE))
    if path.exists():
        with closing(sqlite3.connect(path, timeout=timeout_seconds)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("SELECT count(*) FROM sqlite_master")
            database.rollback()


def follow_move(uri: str, artifacts: str, experiment: str) -> None:
    """Let a project's own store find its files where the project is now.

    MLflow notes absolute addresses, even of relative ones: a project that was copied
    would write into the original, and one that was moved would find nothing.
    """
    folder = f"/{artifacts.rpartition('/')[2]}"
    with closing(sqlite3.connect(uri.removeprefix(SQLITE))) as database, database:
        (old,) = database.execute(
            "SELECT artifact_location FROM experiments WHERE name = ?", (experiment,)
        ).fetchone() or [artifacts]
        # Anywhere else is where its owner wants them.
        if old == artifacts or not (old.startswith("file:") and old.endswith(folder)):
            return
        for table, column in ADDRESSES:
            database.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE substr({column} || '/', 1, ?) = ?",
                (artifacts, len(old) + 1, len(old) + 1, f"{old}/"),
            )
