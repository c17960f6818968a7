"""Lines of YAML for messages, ready to paste into ``parameters.yml``."""

import yaml


def in_yaml(value: object) -> str:
    """Return a value as YAML writes it on one line.

    Args:
        value: Numbers, texts, lists and dictionaries.
    """
    text = yaml.safe_dump(
        value,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
    )
    return text.removesuffix("\n").removesuffix("\n...")
