"""Local files of the catalog: whole or not there, whatever happens to the process."""

import os
import platform
import re
import shutil
import sys
import uuid
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileOpener, LocalFileSystem
from kedro.io import AbstractVersionedDataset, DataCatalog
from kedro.pipeline import Pipeline

from .errors import ConfigurationError, file_of

MAX_PROBLEMS = 10
# Disks may be shared: a process is known by its number and its machine.
HOST = platform.node()
TEMPORARY = re.compile(r"\..+\.(\d+)@(.*)-[0-9a-f]{32}\.tmp")


class AtomicFile(LocalFileOpener):  # type: ignore[misc]
    """A file that is written under another name, and renamed when it is whole.

    Args:
        path: What it is called in the end; what a link points to, if it is one.
        mode: To write, in bytes.
        autocommit: False if a transaction of fsspec renames it.
        closed_by_hand: False if those who write leave it to Python to close the file.
        options: As of any local file.
    """

    def __init__(
        self,
        path: str,
        mode: str,
        autocommit: bool = True,
        closed_by_hand: bool = True,
        **options: Any,
    ):
        self._target = os.path.realpath(path)
        folder, name = os.path.split(self._target)
        temporary = f".{name}.{os.getpid()}@{HOST}-{uuid.uuid4().hex}.tmp"
        # What may be under way around the saving is none of its errors.
        self._around = sys.exc_info()[1]
        self._closed_by_hand = closed_by_hand
        self._abandoned = False
        super().__init__(os.path.join(folder, temporary), mode, **options)
        self.autocommit = autocommit

    def close(self) -> None:
        """Put the file in its place, or take it away if writing it has failed."""
        if self.closed:
            return
        super().close()
        if self._abandoned or sys.exc_info()[1] is not self._around:
            self.discard()
        elif self.autocommit:
            self.commit()

    def commit(self) -> None:
        """Put the file in its place, unless writing it has failed."""
        super().close()
        if os.path.exists(self.path):
            os.replace(self.path, self._target)

    def discard(self) -> None:
        """Take the file away."""
        super().close()
        Path(self.path).unlink(missing_ok=True)

    def _dealloc_warn(self, source: object) -> None:
        """Hear that a text in this file is closed by Python, since nobody has done so.

        Python's text files tell that to whatever file of bytes they write to.
        """
        self._abandoned = True

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        if vars(self).get("f") and not self.closed:
            # Nobody said that it is whole.
            (self.discard if self._closed_by_hand else self.close)()


class AtomicFileSystem(LocalFileSystem):  # type: ignore[misc]
    """The local file system, through which the catalog's datasets write."""

    def open(
        self, path: str, mode: str = "rb", compression: str | None = None, **kwargs: Any
    ) -> Any:
        """Open a file, as any file system of fsspec does."""
        # What compresses closes itself, and not the file that it writes to.
        if compression and "b" in mode and "w" in mode:
            kwargs["closed_by_hand"] = False
        return super().open(path, mode, compression=compression, **kwargs)

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


def discard(catalog: DataCatalog, name: str) -> None:
    """Delete the file of a dataset, if it has one on this machine.

    If it has versions, that of this run is deleted, and the older ones are kept.
    """
    if path := local_path(catalog, name):
        if version := _version(catalog, name):
            shutil.rmtree(path / version, ignore_errors=True)
        elif not path.is_dir():
            path.unlink(missing_ok=True)
        catalog.release(name)


def discard_to_remake(catalog: DataCatalog, names: Iterable[str]) -> None:
    """Delete what ``--only-missing-outputs`` would otherwise not make again.

    Raises:
        ConfigurationError: If that would take older versions, or a whole folder.
    """
    kept = []
    for name in names:
        discard(catalog, name)
        if local_path(catalog, name) and catalog.exists(name):
            kept.append(name)
    if kept:
        problems = [
            f"{name}: has to be made again, but is a folder, such as one of versions, "
            "which is not deleted"
            for name in sorted(kept)
        ]
        files = sorted({file_of("catalog", name) for name in kept})
        raise ConfigurationError.listing(
            " and ".join(files),
            problems,
            MAX_PROBLEMS,
            "Run without --only-missing-outputs",
        )


def discard_outdated(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Delete what depends on something that is missing, and so has to be made again.

    ``--only-missing-outputs`` itself looks only at what is there, and would keep a
    leaderboard without the models that were missing in it.
    """
    missing: set[str] = set()
    for node in pipeline.nodes:
        lacks = any(_is_missing(catalog, name) for name in node.outputs)
        if lacks or missing.intersection(node.inputs):
            missing.update(node.outputs)
    discard_to_remake(catalog, missing)


def remove_leftovers(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Delete files that processes of this machine were writing when they were killed.

    Only where the pipeline writes: there may be many other files beside its own.
    """
    found = (local_path(catalog, name) for name in pipeline.all_outputs())
    paths = {path for path in found if path}
    folders = {path.parent for path in paths}
    for path in paths:
        if path.is_dir():  # of versions
            folders.update(path.iterdir())
    for file in chain.from_iterable(folder.glob(".*.tmp") for folder in folders):
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
    return local_path(catalog, name) is not None and not catalog.exists(name)


def _version(catalog: DataCatalog, name: str) -> str | None:
    """Return the version that a dataset has in this run, if it has versions."""
    dataset = catalog.get(name)
    if not isinstance(dataset, AbstractVersionedDataset):
        return None
    return dataset.resolve_save_version()
