"""Files of datasets: where they are, which of them are shared, how to delete them."""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import fsspec
from kedro.io import AbstractVersionedDataset, DataCatalog, Version

from kedro_dynamic.catalog.entries import PLACEHOLDER, config_of

# Distinguishes a file from the one that replaces it: time of modification in
# nanoseconds, size in bytes, inode. None if the file does not exist.
State = list[int] | None


def state(path: Path) -> State:
    """Return what tells a file from one that replaces it; None if it is missing."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size, status.st_ino]


def local_path(catalog: DataCatalog, name: str) -> Path | None:
    """Return the file of a dataset, if it is one on this machine."""
    return path_in(config_of(catalog, name)) if name in catalog else None


def path_in(config: Mapping[str, Any]) -> Path | None:
    """Return the file that a catalog entry names, if it is one on this machine."""
    filepath = filepath_of(config)
    return Path(filepath) if filepath and "://" not in filepath else None


def filepath_of(config: Mapping[str, Any]) -> str:
    """Return the path or URL of the file that a catalog entry names, "" without one.

    An entry may wrap another, as those of kedro-mlflow do, which then names the file.
    """
    wrapped = config.get("dataset")
    if "filepath" not in config and isinstance(wrapped, Mapping):
        return filepath_of(wrapped)
    return str(config.get("filepath") or "").removeprefix("file://")


def has_data(catalog: DataCatalog, name: str) -> bool:
    """Return True if the data of a dataset exist.

    A class of one's own may have a file without saying whether it exists.
    """
    path = local_path(catalog, name)
    # Unlike a Path, os.path takes a name that is too long for one that is not there.
    return (path is not None and os.path.isfile(path)) or catalog.exists(name)


def shown_path(catalog: DataCatalog, name: str) -> str:
    """Return the path of a dataset or pattern as people see it, or "" without a file.

    It is relative to the working directory if it is inside of that.
    """
    filepath = filepath_of(config_of(catalog, name))
    return filepath.removeprefix(f"{Path.cwd().as_posix()}/")


def shown_dataset(catalog: DataCatalog, name: str) -> str:
    """Return how messages name a dataset: by its path, if it has one, and its name."""
    path = shown_path(catalog, name)
    return f"{path} ({name})" if path else name


def shared_files(catalog: DataCatalog, names: Iterable[str]) -> list[list[str]]:
    """Return groups of datasets that share a file.

    Args:
        catalog: The catalog that they belong to.
        names: Names of datasets, and patterns.
    """
    owners = defaultdict[str, set[str]](set)
    for name in names:
        file = filepath_of(config_of(catalog, name))
        if file:
            # Two patterns may have one path with placeholders of other names.
            path = PLACEHOLDER.sub("{}", os.path.normpath(file))
            # Transcoded names, table@pandas and table@spark, are one dataset.
            owners[path].add(name.partition("@")[0])
    return sorted(sorted(group) for group in owners.values() if len(group) > 1)


def discard(catalog: DataCatalog, names: Iterable[str]) -> None:
    """Delete the files of datasets, so that Kedro makes them again.

    Of a dataset with versions, the version of this run is deleted. Older ones stay, and
    are not loaded any more.
    """
    for name in names:
        path = local_path(catalog, name)
        dataset = catalog.get(name)
        if path is None:
            _delete_remote(config_of(catalog, name))
        elif not path.is_dir():
            path.unlink(missing_ok=True)
        elif isinstance(dataset, AbstractVersionedDataset):
            version = dataset.resolve_save_version()
            shutil.rmtree(path / str(version), ignore_errors=True)
            # Private: Kedro offers no way to say that older versions do not count.
            dataset._version = Version(version, version)
        catalog.release(name)


def _delete_remote(config: Mapping[str, Any]) -> None:
    """Delete the file at a URL that a catalog entry names, if it names one."""
    url = config.get("filepath")
    if not url or config.get("versioned"):
        return

    arguments = {**(config.get("credentials") or {}), **(config.get("fs_args") or {})}
    # These are for opening files, not for the file system.
    for key in ("open_args_load", "open_args_save"):
        arguments.pop(key, None)
    file_system, path = fsspec.core.url_to_fs(url, **arguments)
    with suppress(FileNotFoundError):
        file_system.rm(path)
