"""Configuration files that cannot be read: which one it is, where in it, and why.

YAML may refer to itself, or grow beyond all bounds by a few lines that refer to each
other; libraries answer with tracebacks that name neither file nor key, or never.
"""

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from .errors import ConfigurationError

# How many values a file may have, all references written out. A model has ten or so.
MAX_VALUES = 200_000
MAX_DEPTH = 1000
# Written in C, where PyYAML has that: ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
ALIAS = re.compile(r"(?:^|[\s\[{,:-])\*\w", re.MULTILINE)


def find_files(folders: Iterable[Path], patterns: Sequence[str]) -> list[Path]:
    """Return the configuration files in folders, those of the first folder first."""
    return [
        file
        for folder in folders
        for file in sorted({file for glob in patterns for file in folder.glob(glob)})
        if file.suffix in (".yml", ".yaml", ".json") and file.is_file()
    ]


def check_growth(files: Iterable[Path]) -> None:
    """Refuse files whose references would fill the memory when they are written out.

    Raises:
        ConfigurationError: Names the file.
    """
    for file in files:
        text = file.read_bytes().decode(errors="replace")
        # At most threefold by three references: nearly no file needs a closer look.
        growth = len(ALIAS.findall(text)) / 3 * math.log(3)
        if growth < math.log(100 * MAX_VALUES / max(len(text), 1)):
            continue
        try:
            values = _count_values(text)
        except yaml.YAMLError:
            continue  # reading it says why
        if values > MAX_VALUES:
            raise ConfigurationError(
                f"{file} is too large: with its references (*) written out, it has "
                f"more than {MAX_VALUES:,} values"
            )


def unreadable(key: str, files: Iterable[Path], error: Exception) -> ConfigurationError:
    """Make the error for files that cannot be read, or not be merged and resolved.

    Args:
        key: What the files are about, such as ``parameters``.
        files: Those that were read, the last one overriding the others.
        error: What reading them has raised.
    """
    section = _section(error)
    place = f"The configuration '{key}'"
    for file in files:
        try:
            config = OmegaConf.load(file)
            if not isinstance(config, DictConfig):
                raise ValueError("it is not a mapping; write 'key: value'")
            repr(OmegaConf.to_container(config))
            if section and section in config:
                place = str(file)
        except Exception as fault:  # whatever readers of YAML raise
            return ConfigurationError(f"{file} cannot be read: {_reason(fault)}")
    return ConfigurationError(f"{place} cannot be read: {_reason(error)}")


def _count_values(text: str) -> int:
    """Count the values in a text of YAML, one that is referred to each time.

    Event by event, since a tree of them could be too deep; and no further than is
    needed to say that they are too many, or that reading them would fail.
    """
    values = 0
    sizes: dict[str | None, int] = {}
    begun: list[tuple[str | None, int]] = []
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.AliasEvent):
            values += sizes.get(event.anchor, 0)
        elif isinstance(event, yaml.ScalarEvent):
            sizes[event.anchor] = 1
            values += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            sizes[event.anchor] = MAX_VALUES  # found again below itself
            begun.append((event.anchor, values))
            values += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = begun.pop()
            sizes[anchor] = values - before
        if values > MAX_VALUES or len(begun) > MAX_DEPTH:
            break
    return values


def _section(error: Exception) -> str:
    """Return the outermost key that an error speaks of, or ""."""
    if not isinstance(error, OmegaConfBaseException) or not error.full_key:
        return ""
    return re.split(r"[.\[]", str(error.full_key))[0]


def _reason(error: Exception) -> str:
    """Say in one line what is wrong, and where."""
    if isinstance(error, RecursionError):
        return "it contains itself, or is nested too deeply"
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        return f"{where}{error.problem or error.context or 'no YAML'}"
    lines = str(error).splitlines() or [type(error).__name__]
    key = getattr(error, "full_key", None)
    return (f"{key}: " if key else "") + lines[0][:300]
