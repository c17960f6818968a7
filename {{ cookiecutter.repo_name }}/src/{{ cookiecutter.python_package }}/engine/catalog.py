"""What is wrong with the catalog and its files, in plain words."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kedro.io import DataCatalog

from .errors import ConfigurationError
from .files import config_of

PLACEHOLDER = re.compile(r"\{\w+\}")


def entry_of(catalog: DataCatalog, name: str) -> str:
    """Return the pattern or the name of a dataset's entry, "" if it has none."""
    resolver = catalog.config_resolver
    pattern = resolver.match_dataset_pattern(name)
    pattern = pattern or resolver.match_user_catch_all_pattern(name)
    return pattern or (name if name in catalog else "")


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


def check_shape(config: Mapping[str, Any], where: Callable[[str], str]) -> None:
    """Refuse entries that no catalog can be made of."""
    problems = {}
    for name, entry in config.items():
        unknown = {*PLACEHOLDER.findall(str(entry))} - {*PLACEHOLDER.findall(name)}
        if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
            problems[name] = ": give it a type, such as pandas.CSVDataset"
        elif not isinstance(entry.get("filepath", ""), str):
            problems[name] = f".filepath: {entry['filepath']!r} is no path"
        elif unknown and "{" in name:
            problems[name] = f": its name lacks {', '.join(sorted(unknown))}"
    if problems:
        lines = [f"{name}{line}{where(name)}" for name, line in problems.items()]
        raise ConfigurationError.listing("The catalog", lines)


def move_to(storage: str | None, config: Mapping[str, Any]) -> None:
    """Let relative paths start at a folder or a URL, if there is one."""
    for entry in config.values() if storage else ():
        path = entry.get("filepath", "")
        if path and "://" not in path and not os.path.isabs(path):
            entry["filepath"] = f"{storage}/{path}"
