"""The error for faults in the project's configuration files."""

from collections.abc import Sequence
from difflib import get_close_matches

import click


class ConfigurationError(click.ClickException):
    """A fault that a person mends in a configuration file.

    Kedro's commands show a ``ClickException`` as its message alone, without a
    traceback: where the fault is in YAML, a traceback through Python helps nobody.
    """

    @classmethod
    def listing(cls, file: str, problems: Sequence[str]) -> "ConfigurationError":
        """Make one error of everything that is wrong with a file.

        Args:
            file: Name of the configuration file, such as ``parameters.yml``.
            problems: One line each, beginning with the path of the key.
        """
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        return cls("\n  ".join([f"{file} has {count}:", *problems]))


def did_you_mean(word: object, known: Sequence[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known word, else ``""``."""
    nearest = get_close_matches(str(word), known, n=1)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""
