"""Addresses of databases, as SQLAlchemy writes them."""

from pathlib import Path

from kedro_dynamic.config.errors import ConfigurationError

SQLITE = "sqlite:///"


def is_sqlite(uri: str) -> bool:
    """Return True if the address is that of a SQLite file."""
    return uri.startswith(SQLITE)


def sqlite_path(uri: str) -> Path:
    """Return the file of a SQLite address."""
    return Path(uri.removeprefix(SQLITE))


def anchor(uri: str, root: Path) -> str:
    """Return the address, in which a relative SQLite file begins at the root folder.

    Raises:
        ConfigurationError: If an address cannot have the path of the folder.
    """
    if not is_sqlite(uri):
        return uri
    if "?" in root.as_posix():
        raise ConfigurationError(
            f"The project is in {root}, and the address of a database ends at '?'; "
            "rename the folder"
        )
    return f"{SQLITE}{(root / sqlite_path(uri)).as_posix()}"
