"""Takes secrets out of what is shown and stored."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"

# Whole words of a name: a `secretary` has no secret, and neither has a `token_pattern`.
SECRET = re.compile(
    r"""
    (?:^|_)
    (?:
        (?: pass(?:word|wd|phrase) | pwd | secret | credential | authorization
          | (?:access|account|api|auth|encryption|private|signing|ssh)_?key
        ) s?\d* (?:_|$)
      | (?: pass | token | sig | signature ) \d* $
    )
    """,
    re.VERBOSE,
)


def redact(text: str) -> str:
    """Take user names and passwords out of addresses, and secrets out of queries."""
    text = re.sub(r"://[^\s@]*@(?:[^\s/@]*@)*", f"://{HIDDEN}@", text)
    return re.sub(
        r"([?&])([^\s?&=#]+)=([^\s&#'\"]+)",
        lambda found: (
            f"{found[1]}{found[2]}={HIDDEN}" if is_secret(found[2]) else found[0]
        ),
        text,
    )


def is_secret(name: str) -> bool:
    """Tell whether a name, or a part of one that has dots, is that of a secret."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    parts = (re.sub(r"[\W_]+", "_", part).strip("_") for part in words.split("."))
    return any(map(SECRET.search, parts))


def hide_secrets(value: Any) -> Any:
    """Replace the values of keys that name a secret, however deep they lie."""
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if is_secret(str(key)) else hide_secrets(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide_secrets(inner) for inner in value]
    return value
