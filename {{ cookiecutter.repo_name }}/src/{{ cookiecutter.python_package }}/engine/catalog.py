"""What is wrong with the catalog and its files, in plain words."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from kedro.io import DataCatalog

from .errors import ConfigurationError

PLACEHOLDER = re.compile(r"\{\w+\}")


def find_entries(catalog: DataCatalog) -> Callable[[str], tuple[str, str]]:
    """Return what tells entry (or pattern) and file of a dataset, each "" for none.

    Kedro's own look-up takes 0.6 ms, which is 6 s for 300 models on four data sets.
    """
    resolver = catalog.config_resolver
    # Private, for there is no public way to what a pattern says.
    patterns = resolver._dataset_patterns | resolver._user_catch_all_pattern
    compiled = {
        pattern: (pattern.rpartition("}")[2].lower(), _compile(pattern))
        for pattern in patterns
    }

    def find(name: str) -> tuple[str, str]:
        if name in resolver.config:
            return name, str(resolver.config[name].get("filepath", ""))
        lower = name.lower()
        for pattern, (end, expression) in compiled.items():
            if lower.endswith(end) and (found := expression.fullmatch(name)):
                filepath = str(patterns[pattern].get("filepath", ""))
                return pattern, filepath.format_map(found.groupdict())
        return "", ""

    return find


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    """Return a pattern as Kedro reads it."""
    expression = re.escape(pattern)
    for field in {*PLACEHOLDER.findall(pattern)}:
        group, text = f"(?P<{field[1:-1]}>.+?)", re.escape(field)
        again = f"(?P={field[1:-1]})"
        expression = expression.replace(text, group, 1).replace(text, again)
    return re.compile(expression, re.IGNORECASE | re.DOTALL)


def shared_files(catalog: DataCatalog, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the files that several of the datasets have, and these."""
    find, owners = find_entries(catalog), dict[str, dict[str, None]]()
    for name in sorted(names):
        if file := find(name)[1]:
            # Transcoded names, table@pandas and table@spark, are one dataset.
            dataset = {name.partition("@")[0]: None}
            owners.setdefault(os.path.normpath(file), {}).update(dataset)
    return {file: [*owned] for file, owned in owners.items() if len(owned) > 1}


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
