"""Local files of the catalog: whole or not there, whatever happens to the process."""

import os
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileOpener, LocalFileSystem
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

TEMPORARY = re.compile(r"\..+\.(\d+)-[0-9a-f]{32}\.tmp")


class AtomicFile(LocalFileOpener):  # type: ignore[misc]
    """A file that is written under another name, and renamed when it is whole."""

    def __init__(self, path: str, mode: str, **kwargs: Any):
        folder, name = os.path.split(path)
        temporary = f".{name}.{os.getpid()}-{uuid.uuid4().hex}.tmp"
        self._target = path
        # What may be under way around the saving is none of its errors.
        self._around = sys.exc_info()[1]
        super().__init__(os.path.join(folder, temporary), mode, **kwargs)

    def close(self) -> None:
        """Put the file in its place, or take it away if writing it has failed."""
        if self.closed:
            return
        super().close()
        if sys.exc_info()[1] is self._around:
            os.replace(self.path, self._target)
        else:
            os.unlink(self.path)

    def __exit__(self, *error: object) -> None:
        self.close()


class AtomicFileSystem(LocalFileSystem):  # type: ignore[misc]
    """The local file system, through which the catalog's datasets write."""

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> LocalFileOpener:
        if "w" not in mode:
            return super()._open(path, mode, **kwargs)
        path = self._strip_protocol(path)
        if self.auto_mkdir:
            self.makedirs(self._parent(path), exist_ok=True)
        kwargs.pop("block_size", None)
        return AtomicFile(path, mode, fs=self, **kwargs)


def write_atomically() -> None:
    """Let every dataset of the catalog that writes to this machine's disk do so."""
    for protocol in AtomicFileSystem.protocol:
        fsspec.register_implementation(protocol, AtomicFileSystem, clobber=True)


def discard(catalog: DataCatalog, name: str) -> None:
    """Delete the file of a dataset, if it has one on this machine."""
    if path := local_path(catalog, name):
        path.unlink(missing_ok=True)
        catalog.release(name)


def discard_outdated(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Delete what depends on something that is missing, and so has to be made again.

    ``--only-missing-outputs`` itself looks only at what is there, and would keep a
    leaderboard without the models that were missing in it.
    """
    missing: set[str] = set()
    for node in pipeline.nodes:
        lacks = any(_is_missing(catalog, name) for name in node.outputs)
        if lacks or missing.intersection(node.inputs):
            for name in node.outputs:
                discard(catalog, name)
            missing.update(node.outputs)


def remove_leftovers(folder: Path) -> None:
    """Delete files below a folder that processes were writing when they were killed."""
    for file in folder.rglob(".*.tmp"):
        begun_by = TEMPORARY.fullmatch(file.name)
        if begun_by and not is_alive(int(begun_by[1])):
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


def local_path(catalog: DataCatalog, name: str) -> Path | None:
    """Return the file of a dataset, if it is one on this machine."""
    if name not in catalog:
        return None
    filepath = catalog.config_resolver.resolve_pattern(name).get("filepath")
    return Path(filepath) if filepath and "://" not in str(filepath) else None


def shown_path(catalog: DataCatalog, name: str) -> str:
    """Return where a dataset is kept, relative to the working directory if it can be.

    Args:
        catalog: Its patterns may be asked for as they are, braces included.
        name: The dataset, or pattern; without a ``filepath`` the answer is empty.
    """
    filepath = str(catalog.config_resolver.resolve_pattern(name).get("filepath", ""))
    path = Path(filepath)
    inside = path.is_relative_to(Path.cwd())
    return path.relative_to(Path.cwd()).as_posix() if inside else filepath


def _is_missing(catalog: DataCatalog, name: str) -> bool:
    """Tell whether a dataset that is kept on disk is not there."""
    path = local_path(catalog, name)
    return path is not None and not path.exists()
