"""Lines of YAML for messages, ready to paste into ``parameters.yml``."""

from typing import Any

import numpy as np
import yaml


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
