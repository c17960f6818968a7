"""Entries of the catalog: which one a dataset has, what it says, and in which file."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog

from kedro_dynamic.catalog.metadata import Metadata
from kedro_dynamic.config.allowlist import check_place
from kedro_dynamic.config.errors import ConfigurationError, schema_problems
from kedro_dynamic.config.project import loader_in_force

PLACEHOLDER = re.compile(r"\{\w+\}")

# Stands for a value of --params.
MARK = "<--params>"


def entry_of(catalog: DataCatalog, name: str) -> str:
    """Return the name or the pattern of a dataset's entry, or "" if it has none."""
    resolver = catalog.config_resolver
    pattern = resolver.match_dataset_pattern(name)
    if not pattern:
        pattern = resolver.match_user_catch_all_pattern(name)
    if pattern:
        return pattern
    return name if name in catalog else ""


def config_of(catalog: DataCatalog, name: str) -> dict[str, Any]:
    """Return what a dataset's entry says, with the placeholders of a pattern filled."""
    known: dict[str, Any] = catalog.config_resolver.config
    if name not in known:
        known[name] = catalog.config_resolver.resolve_pattern(name)
    config: dict[str, Any] = known[name]
    return config


def check_entries(entries: Mapping[str, Any]) -> None:
    """Reject entries that the catalog cannot use.

    Args:
        entries: The catalog's entries and patterns, by name.

    Raises:
        ConfigurationError: Lists every problem with the entry and its file.
    """
    lines = []
    first_names: dict[str, str] = {}
    for name, entry in entries.items():
        problems = _find_problems(name, entry)
        first = first_names.setdefault(PLACEHOLDER.sub("{}", name), name)
        if first != name:
            problems.append(f"{name}: matches the same names as {first}; keep one")
        lines += [f"{problem}{in_which_file(name)}" for problem in problems]

    if lines:
        raise ConfigurationError.listing("The catalog", lines)


def mark(params: Any) -> Any:
    """Return parameters with a mark in place of each value, at any depth."""
    if isinstance(params, Mapping):
        return {key: mark(value) for key, value in params.items()}
    if isinstance(params, list):
        return [mark(value) for value in params]
    return MARK


def check_params(
    entries: Mapping[str, Any], marked: Mapping[str, Any] | None, root: Path
) -> None:
    """Reject what ``--params`` put into the catalog, unless it is of the project.

    What a value resolves to is checked, since parameters may name each other.

    Args:
        entries: The catalog's entries and patterns, by name.
        marked: The same with marks for the values of ``--params``; without it, every
            value may be one of these.
        root: The folder of the project.

    Raises:
        ConfigurationError: Lists every problem with its key.
    """
    lines = []
    for key, value in _values_of_params(entries, marked):
        if key.endswith(".type"):
            lines.append(
                f"{key}: --params may not name classes; write it into the file"
            )
            continue
        try:
            check_place(value, root)
        except ValueError as error:
            lines.append(f"{key}: {error}")
    if lines:
        raise ConfigurationError.listing("The catalog", lines)


def _values_of_params(
    value: Any, marked: Any, key: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield the key and the text of each value that has a mark, at any depth."""
    if isinstance(value, str) and (marked is None or MARK in str(marked)):
        yield key, value
    marked_parts = _parts(marked)
    for name, part in _parts(value).items():
        path = f"{key}.{name}" if key else str(name)
        yield from _values_of_params(part, marked_parts.get(name), path)


def _parts(value: Any) -> dict[Any, Any]:
    """Return the items of a mapping or list by key, nothing of other values."""
    if isinstance(value, Mapping):
        return dict(value)
    return dict(enumerate(value)) if isinstance(value, list) else {}


def in_which_file(entry: str) -> str:
    """Return the end of a message, which says in which file an entry stands.

    Args:
        entry: Name or pattern of the entry.

    Returns:
        Such as ``; its entry is in conf/base/catalog.yml``; "" if it is not found.
    """
    loader = loader_in_force()
    # An unread config loader is an empty mapping, hence false: test for None.
    if loader is None:
        return ""

    source = Path(loader.conf_source)
    key = re.compile(rf"^['\"]?{re.escape(entry)}['\"]? *:", re.MULTILINE)
    for env in (loader.env or loader.default_run_env, loader.base_env):
        for file in (source / str(env)).rglob("*catalog*.y*ml"):
            if key.search(file.read_text("utf-8")):
                return f"; its entry is in {file.relative_to(source.parent).as_posix()}"
    return ""


def _find_problems(name: str, entry: Any) -> list[str]:
    """Return what is wrong with an entry, each problem with its key."""
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        return [f"{name}: give it a type, such as pandas.CSVDataset"]

    if not isinstance(entry.get("filepath", ""), str):
        return [f"{name}.filepath: {entry['filepath']!r} is not a path"]

    unknown = {*PLACEHOLDER.findall(str(entry))} - {*PLACEHOLDER.findall(name)}
    if unknown and "{" in name:
        return [f"{name}: its name lacks {', '.join(sorted(unknown))}"]

    return schema_problems(Metadata, entry.get("metadata") or {}, f"{name}.metadata")
