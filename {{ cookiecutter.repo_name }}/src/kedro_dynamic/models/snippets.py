"""How parameters are shown: as YAML, ready to paste, and what changed in them."""

import re
from typing import Any

import numpy as np
import yaml

ARROW = " \N{RIGHTWARDS ARROW} "

# An argument that an entry of ``parameters.yml`` does not name.
DEFAULT = "default"

LONG_NUMBER = re.compile(r"\d+\.\d{4,}(e-?\d+)?")


def display_argument(value: Any) -> str:
    """Return an argument as text, its numbers with at most four digits."""
    return LONG_NUMBER.sub(lambda number: f"{float(number[0]):.4g}", str(value))


def display_change(name: str, before: Any, after: Any) -> str:
    """Return an argument with both of its values, such as ``C 0.025`` and the new."""
    return f"{name} {display_argument(before)}{ARROW}{display_argument(after)}"


class _Dumper(yaml.SafeDumper):
    """Writes the cells of a table, too: numbers and booleans of numpy."""

    def represent_data(self, data: Any) -> yaml.Node:
        """Return a value as YAML has it."""
        value = data.item() if isinstance(data, np.generic) else data
        return super().represent_data(value)


def in_yaml(value: Any) -> str:
    """Return a value as YAML writes it on one line.

    Args:
        value: Numbers, texts, lists and dictionaries.
    """
    text = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
    )
    return text.removesuffix("\n").removesuffix("\n...")
