"""The catalog: its entries, and their files, which are whole or not there."""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import fsspec
from kedro.io import AbstractVersionedDataset, DataCatalog

from kedro_dynamic.catalog.metadata import Metadata
from kedro_dynamic.config.errors import ConfigurationError, schema_problems

PLACEHOLDER = re.compile(r"\{\w+\}")


def entry_of(catalog: DataCatalog, name: str) -> str:
    """Return the pattern or the name of a dataset's entry, "" if it has none."""
    resolver = catalog.config_resolver
    pattern = resolver.match_dataset_pattern(name)
    pattern = pattern or resolver.match_user_catch_all_pattern(name)
    return pattern or (name if name in catalog else "")


def config_of(catalog: DataCatalog, name: str) -> dict[str, Any]:
    """Return what the catalog says of a dataset, itself or by a pattern."""
    known: dict[str, Any] = catalog.config_resolver.config
    if name not in known:
        known[name] = catalog.config_resolver.resolve_pattern(name)
    config: dict[str, Any] = known[name]
    return config


def local_path(catalog: DataCatalog, name: str) -> Path | None:
    """Return the file of a dataset, if it is one on this machine."""
    return path_in(config_of(catalog, name)) if name in catalog else None


def path_in(config: dict[str, Any]) -> Path | None:
    """Return the file that a catalog entry names, if it is one on this machine."""
    filepath = config.get("filepath")
    return Path(filepath) if filepath and "://" not in str(filepath) else None


def shown_path(catalog: DataCatalog, name: str) -> str:
    """Return where a dataset is kept, relative to the working directory if it can be.

    The name may be that of a pattern, braces included.
    """
    filepath = str(config_of(catalog, name).get("filepath", ""))
    return filepath.removeprefix(f"{Path.cwd().as_posix()}/")


def shown_dataset(catalog: DataCatalog, name: str) -> str:
    """Return how messages name a dataset: by its path, if it has one, and its name."""
    path = shown_path(catalog, name)
    return f"{path} ({name})" if path else name


def discard(catalog: DataCatalog, names: Iterable[str]) -> None:
    """Delete the files of datasets; of those with versions, the version of this run."""
    for name in names:
        path, dataset = local_path(catalog, name), catalog.get(name)
        if path is None:
            _delete_remote(config_of(catalog, name))
        elif path.is_dir() and isinstance(dataset, AbstractVersionedDataset):
            version = dataset.resolve_save_version()
            shutil.rmtree(path / str(version), ignore_errors=True)
        elif not path.is_dir():
            path.unlink(missing_ok=True)
        catalog.release(name)


def _delete_remote(config: dict[str, Any]) -> None:
    """Delete the file at a URL that a catalog entry names, if it names one."""
    if not (url := config.get("filepath")) or config.get("versioned"):
        return
    options = {**(config.get("credentials") or {}), **(config.get("fs_args") or {})}
    kept = {key: options[key] for key in options if not key.startswith("open_args_")}
    system, path = fsspec.core.url_to_fs(url, **kept)
    with suppress(FileNotFoundError):
        system.rm(path)


def shared_files(catalog: DataCatalog, names: Iterable[str]) -> list[list[str]]:
    """Return which of the datasets have one file."""
    owners = defaultdict[str, dict[str, None]](dict)
    for name in sorted(names):
        if file := config_of(catalog, name).get("filepath"):
            # Patterns differ in more than what their placeholders are called.
            place = PLACEHOLDER.sub("{}", os.path.normpath(file))
            # Transcoded names, table@pandas and table@spark, are one dataset.
            owners[place][name.partition("@")[0]] = None
    return [[*owned] for owned in owners.values() if len(owned) > 1]


def check_entries(config: Mapping[str, Any], where: Callable[[str], str]) -> None:
    """Reject entries that the catalog cannot use.

    Args:
        config: The catalog's entries and patterns, by name.
        where: Returns the end of a message: in which file an entry stands.

    Raises:
        ConfigurationError: Lists every problem with the entry and its file.
    """
    lines = []
    for name, entry in config.items():
        lines += [f"{problem}{where(name)}" for problem in _entry_problems(name, entry)]

    if lines:
        raise ConfigurationError.listing("The catalog", lines)


def _entry_problems(name: str, entry: Any) -> list[str]:
    """Return what is wrong with an entry, each problem with its key."""
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        return [f"{name}: give it a type, such as pandas.CSVDataset"]

    if not isinstance(entry.get("filepath", ""), str):
        return [f"{name}.filepath: {entry['filepath']!r} is not a path"]

    unknown = {*PLACEHOLDER.findall(str(entry))} - {*PLACEHOLDER.findall(name)}
    if unknown and "{" in name:
        return [f"{name}: its name lacks {', '.join(sorted(unknown))}"]

    return schema_problems(Metadata, entry.get("metadata") or {}, f"{name}.metadata")
