"""The catalog's files: whole or not there, where they are, what to make again."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileOpener, LocalFileSystem
from kedro.config import OmegaConfigLoader
from kedro.io import AbstractVersionedDataset, DataCatalog
from kedro.io.core import get_protocol_and_path
from kedro.pipeline import Pipeline

# Disks may be shared: a process is known by its number and its machine.
HOST = platform.node()
TEMPORARY = re.compile(r"\..+\.(\d+)@(.*)\.tmp")


class AtomicFile(LocalFileOpener):  # type: ignore[misc]
    """A file that is written under another name, and renamed when it is whole."""

    def __init__(self, path: str, mode: str, **options: Any):
        self._target = os.path.realpath(path)  # of a link, what it points to
        folder, name = os.path.split(self._target)
        # An error that is being handled around the saving is none of its own.
        self._around = sys.exc_info()[1]
        hidden = os.path.join(folder, f".{name}.{os.getpid()}@{HOST}.tmp")
        super().__init__(hidden, mode, **options)

    def close(self) -> None:
        """Put the file in its place, or take it away if writing it has failed."""
        if self.closed:
            return
        super().close()
        if sys.exc_info()[1] is not self._around:
            os.unlink(self.path)
            return
        if os.path.exists(self._target):
            shutil.copymode(self._target, self.path)
        os.replace(self.path, self._target)

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
    """Delete what processes of this machine were writing when they were killed."""
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


class StorageConfigLoader(OmegaConfigLoader):
    """Kedro's config loader; the global ``storage`` is where relative paths start."""

    def __getitem__(self, key: str) -> dict[str, Any]:
        config: dict[str, Any] = super().__getitem__(key)
        if key != "catalog":
            return config
        given = (self.runtime_params or {}).get("storage")
        storage = given or self["globals"].get("storage")
        for entry in config.values() if storage else ():
            path = str(entry.get("filepath") or "/") if isinstance(entry, dict) else "/"
            if "://" not in path and not Path(path).is_absolute():
                entry["filepath"] = f"{storage}/{path}"
        return config


def url_of(catalog: DataCatalog, name: str) -> str:
    """Return path or URL of a dataset that is a file somewhere, else ""."""
    if name not in catalog:
        return ""
    return str(catalog.config_resolver.resolve_pattern(name).get("filepath") or "")


def local_path(catalog: DataCatalog, name: str) -> Path | None:
    """Return the file of a dataset, if it is one on this machine."""
    path = url_of(catalog, name).removeprefix("file://")
    return Path(path) if path and "://" not in path else None


def remote_file(catalog: DataCatalog, name: str) -> tuple[AbstractFileSystem, str]:
    """Return file system and path of a dataset that is elsewhere, as it is now."""
    config = catalog.config_resolver.resolve_pattern(name)
    options = {**(config.get("credentials") or {}), **(config.get("fs_args") or {})}
    protocol, path = get_protocol_and_path(config["filepath"])
    system = fsspec.filesystem(protocol, **options)
    system.invalidate_cache()
    return system, path


def shown_path(catalog: DataCatalog, name: str) -> str:
    """Return where a dataset is kept, relative to the working directory if it can be.

    The name may be that of a pattern, braces included.
    """
    filepath = str(catalog.config_resolver.resolve_pattern(name).get("filepath", ""))
    path = Path(filepath)
    inside = path.is_relative_to(Path.cwd())
    return path.relative_to(Path.cwd()).as_posix() if inside else filepath


def discard(catalog: DataCatalog, names: Iterable[str]) -> None:
    """Delete the files of datasets; of those with versions, the version of this run."""
    for name in names:
        path, dataset = local_path(catalog, name), catalog.get(name)
        if path is None:
            if url_of(catalog, name) and catalog.exists(name):
                system, remote = remote_file(catalog, name)
                system.rm(remote)
            continue
        if path.is_dir() and isinstance(dataset, AbstractVersionedDataset):
            version = dataset.resolve_save_version()
            shutil.rmtree(path / str(version), ignore_errors=True)
        elif not path.is_dir():
            path.unlink(missing_ok=True)
        catalog.release(name)


def outdated(pipeline: Pipeline, catalog: DataCatalog) -> set[str]:
    """Return what depends on something that is missing, and so has to be made again.

    ``--only-missing-outputs`` itself looks only at what is there, and would keep a
    leaderboard without the models that were missing in it.
    """
    missing: set[str] = set()
    for node in pipeline.nodes:
        lacks = any(
            url_of(catalog, name) and not catalog.exists(name) for name in node.outputs
        )
        if lacks or missing.intersection(node.inputs):
            missing.update(node.outputs)
    return missing
