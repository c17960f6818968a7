"""The error for faults in the project's configuration files."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Self, get_args

import click
from pydantic import BaseModel, BeforeValidator, ValidationError

# For messages that quote errors or data: what they have in brackets would otherwise be
# taken for Rich's markup, and left out.
VERBATIM = {"markup": False}


class ConfigurationError(click.ClickException):
    """A configuration error that the user can fix.

    Kedro's commands show a ``ClickException`` as its message alone, without a
    traceback: where the fault is in YAML, a traceback through Python helps nobody.
    """

    @classmethod
    def listing(
        cls,
        file: str,
        problems: Sequence[str],
        most: int | None = None,
        advice: str = "",
    ) -> Self:
        """Make one error of everything that is wrong with a file.

        Args:
            file: Name of the configuration file, such as ``parameters.yml``.
            problems: One line each, beginning with the path of the key.
            most: How many of them to write out; without it, all.
            advice: A last line, if there is more to say.
        """
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"{file} has {count}:", *problems[:most]]
        if most is not None and len(problems) > most:
            lines.append(f"... and {len(problems) - most} more")
        return cls("\n  ".join(filter(None, [*lines, advice])))


class DataError(ConfigurationError):
    """A fault that only the data shows.

    A node does not know which table it is given: the message says "the data", until a
    hook, which knows the catalog, puts the name there.
    """

    def name_data(self, name: str) -> None:
        """Write the name of the dataset into the message."""
        named = re.sub("[Tt]he data", lambda _: name, self.message, count=1)
        ConfigurationError.__init__(self, named)


def file_of(kind: str, name: str) -> str:
    """Return the file that a name stands in: a family's are in one of its own.

    Args:
        kind: Such as ``parameters`` or ``catalog``.
        name: Of a parameter or of a dataset.
    """
    family = name.partition(".")[0]
    return f"{kind}_{family}.yml" if family not in ("models", name) else f"{kind}.yml"


def did_you_mean(word: object, known: Sequence[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known word, else ``""``."""
    nearest = get_close_matches(str(word), known, n=1)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


def empty_if_none(kind: type) -> BeforeValidator:
    """Take a key with nothing after it, which is None in YAML, as empty.

    Args:
        kind: ``dict`` or ``list``.
    """
    return BeforeValidator(lambda value: kind() if value is None else value)


def schema_problems(
    schema: type[BaseModel], value: object, prefix: str = ""
) -> list[str]:
    """Return what pydantic finds wrong, one line per key, in a reader's words.

    Args:
        schema: What is expected.
        value: What the file says.
        prefix: Path of the value in the file.
    """
    try:
        schema.model_validate(value)
    except ValidationError as error:
        problems = []
        for detail in error.errors():
            part = _schema_at(schema, detail["loc"][:-1])
            fields = [field.alias or name for name, field in part.model_fields.items()]
            key = ".".join(filter(None, [prefix, *map(str, detail["loc"])]))
            match detail["type"]:
                case "extra_forbidden":
                    hint = did_you_mean(detail["loc"][-1], fields)
                    known = "" if hint else f"; known keys: {', '.join(fields)}"
                    problems.append(f"{key}: unknown key{hint or known}")
                case "missing":
                    given = detail["input"] if isinstance(detail["input"], dict) else {}
                    written = [str(word) for word in given if word not in fields]
                    hint = did_you_mean(detail["loc"][-1], written)
                    # Where unknown keys are errors, the misspelt one is named as such.
                    if not (hint and part.model_config.get("extra") == "forbid"):
                        problems.append(f"{key}: missing{hint}")
                case "model_type":
                    expected = _schema_at(schema, detail["loc"])
                    required = [
                        field.alias or name
                        for name, field in expected.model_fields.items()
                        if field.is_required()
                    ]
                    give = f"; give at least {', '.join(required)}" if required else ""
                    problems.append(f"{key}: not a mapping{give}")
                case _:
                    value_given = _shorten(repr(detail["input"]))
                    problems.append(f"{key}: {detail['msg']}, not {value_given}")
        return problems
    return []


def _shorten(text: str) -> str:
    """Return a text, or its beginning: a value may be a whole file by mistake."""
    return text if len(text) <= 200 else f"{text[:200]}..."


def _schema_at(
    schema: type[BaseModel], location: Sequence[int | str]
) -> type[BaseModel]:
    """Return the schema of a nested mapping, or the nearest one above it."""
    for key in location:
        for name, field in schema.model_fields.items():
            if key in (name, field.alias):
                schema = _schema_in(field.annotation) or schema
    return schema


def _schema_in(annotation: object) -> type[BaseModel] | None:
    """Return the schema in an annotation: ``Schema | None``, ``dict[str, Schema]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_schema_in, get_args(annotation))), None)
