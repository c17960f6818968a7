"""MLflow's store where it is a SQLite file: its lock, and projects that move."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from filelock import FileLock, Timeout

from kedro_dynamic.config.addresses import is_sqlite, sqlite_path
from kedro_dynamic.config.errors import ConfigurationError

# Seconds to wait for another process.
PATIENCE = 10.0

# Where MLflow writes absolute addresses of files: private, since it offers no other way
# to change them.
ADDRESSES = (
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("experiments", "artifact_location"),
)
REPLACE_BEGINNING = (
    "UPDATE {table} SET {column} = ? || substr({column}, ?) "
    "WHERE substr({column} || '/', 1, ?) = ?"
)


@contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """Allow one process at a time in the block, if the store is a SQLite file.

    Raises:
        ConfigurationError: If another process does not leave the block in time.
    """
    if not is_sqlite(uri):
        yield
        return
    lock = FileLock(f"{sqlite_path(uri)}.lock")
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise ConfigurationError(
            f"{lock.lock_file} has been held by another process for {PATIENCE:.0f} "
            "seconds: end that first."
        ) from None
    try:
        yield
    finally:
        lock.release()


def check_writable(uri: str, timeout_seconds: float) -> None:
    """Reject a file that cannot be written: MLflow would retry for minutes.

    Raises:
        sqlite3.Error: Says why.
    """
    path = sqlite_path(uri)
    if path.exists():
        with closing(sqlite3.connect(path, timeout=timeout_seconds)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("SELECT count(*) FROM sqlite_master")
            database.rollback()


def follow_move(uri: str, artifacts: str, experiment: str) -> None:
    """Point a project's own store to the files where the project is now.

    MLflow stores absolute addresses, even of relative ones. A project that was copied
    would write into the original, and one that was moved would find nothing.

    Args:
        uri: Address of the store.
        artifacts: Where artifacts are now.
        experiment: Name of the project's experiment, which has the old address.
    """
    folder = f"/{artifacts.rpartition('/')[2]}"
    with closing(sqlite3.connect(sqlite_path(uri))) as database, database:
        row = database.execute(
            "SELECT artifact_location FROM experiments WHERE name = ?", (experiment,)
        ).fetchone()
        old = row[0] if row else artifacts
        # An address of another kind is where its owner wants the files.
        is_own = old.startswith("file:") and old.endswith(folder)
        if old == artifacts or not is_own:
            return
        for table, column in ADDRESSES:
            statement = REPLACE_BEGINNING.format(table=table, column=column)
            values = (artifacts, len(old) + 1, len(old) + 1, f"{old}/")
            database.execute(statement, values)
