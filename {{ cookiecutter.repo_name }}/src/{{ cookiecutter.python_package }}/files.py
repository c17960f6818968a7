"""Where the catalog keeps its files, and what to delete so that it is made again."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from kedro.io import AbstractVersionedDataset, DataCatalog
from kedro.pipeline import Pipeline

from .errors import ConfigurationError, file_of

MAX_PROBLEMS = 10


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
