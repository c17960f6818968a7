"""Errors that the user can mend: what is wrong, in which file, and what to write."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

import click
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

# For messages that quote errors or data: what they have in brackets would otherwise be
# taken for Rich's markup, and left out.
VERBATIM = {"markup": False}


# Problems that one error lists at most.
MAX_PROBLEMS = 20


Schema = TypeVar("Schema", bound=BaseModel)


class ConfigurationError(click.ClickException):
    """A fault in a configuration file; Kedro shows its message without a traceback."""

    @staticmethod
    def listing(
        file: str, problems: Sequence[str], advice: str = ""
    ) -> "ConfigurationError":
        """Return one error about everything that is wrong with a file.

        Args:
            file: Name of the file.
            problems: What is wrong, a line each.
            advice: A last line.
        """
        title = f"{file} has {_count(problems)}:"
        return ConfigurationError(_list_below(title, problems, advice))


class DataError(ConfigurationError):
    """A fault that only the data shows, such as a missing column.

    A node raises it without knowing which table it was given. A hook, which knows,
    completes the message: ``data/01_raw/iris.csv (example_iris_data) has a problem:``.
    """

    def __init__(self, *problems: str, file: str = ""):
        """Describe what is wrong.

        Args:
            problems: What is wrong with the table, a line each.
            file: The configuration file that does not fit the table, if that is the
                problem.
        """
        self.problems = problems
        self.file = file
        self.name_tables([])

    def name_tables(self, tables: Sequence[str]) -> None:
        """Say in the message which tables the node was given."""
        super().__init__(self._describe(tables))
        # Python makes an error that comes from another process anew with these.
        self.args = self.problems

    def _describe(self, tables: Sequence[str]) -> str:
        """Return the message; "the table" stands for tables that nobody has named."""
        names = " and ".join(tables)
        if self.file:
            title = f"{self.file} does not fit {names or 'the table'}:"
        else:
            verb = "have" if len(tables) > 1 else "has"
            title = f"{names or 'The table'} {verb} {_count(self.problems)}:"
        return _list_below(title, self.problems)


def _count(problems: Sequence[str]) -> str:
    """Return how many problems there are, in words."""
    return "a problem" if len(problems) == 1 else f"{len(problems)} problems"


def _list_below(title: str, problems: Sequence[str], advice: str = "") -> str:
    """Return a message with a line for each problem."""
    lines = [title, *problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        lines.append(f"... and {len(problems) - MAX_PROBLEMS} more")
    if advice:
        lines.append(advice)
    return "\n  ".join(lines)


def redact(text: str) -> str:
    """Take user names and passwords out of addresses."""
    return re.sub(r"://[^\s/@]*@(?:[^\s/@]*@)*", "://***@", text)


def one_line(error: BaseException) -> str:
    """Return an error as one line for people, without passwords."""
    return redact(" ".join(f"{type(error).__name__}: {error}".split()))[:1000]


def did_you_mean(word: object, known: Sequence[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known word, else ``""``."""
    nearest = get_close_matches(str(word), known, n=1)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


def parse(schema: type[Schema], value: object, file: str, prefix: str = "") -> Schema:
    """Return what a configuration file says, as an object of the schema.

    Args:
        schema: What is expected.
        value: What the file says.
        file: Its name, for the message.
        prefix: Path of the value in the file.

    Raises:
        ConfigurationError: Lists every problem with its key.
    """
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        problems = _describe(error, schema, value, prefix)
        raise ConfigurationError.listing(file, problems) from None


def schema_problems(schema: type[BaseModel], value: object, prefix: str) -> list[str]:
    """Return what is wrong with a value of a configuration file, a line per problem.

    Args:
        schema: What is expected.
        value: What the file says.
        prefix: Path of the value in the file.
    """
    try:
        schema.model_validate(value)
    except ValidationError as error:
        return _describe(error, schema, value, prefix)
    return []


def _describe(
    error: ValidationError, schema: type[BaseModel], value: object, prefix: str
) -> list[str]:
    """Return a line for each of pydantic's errors that needs one."""
    lines = [_in_words(detail, schema, prefix, value) for detail in error.errors()]
    return [line for line in lines if line]


def _in_words(
    detail: ErrorDetails, schema: type[BaseModel], prefix: str, value: Any
) -> str:
    """Say one of pydantic's errors in a reader's words; "" if another line says it."""
    location = [part for part in detail["loc"] if part != "[key]"]
    key = ".".join(filter(None, [prefix, *map(str, location)]))
    name, part = location[-1] if location else "", _schema_at(schema, location[:-1])
    fields = {field.alias or name: field for name, field in part.model_fields.items()}
    match detail["type"]:
        case "extra_forbidden":
            hint = did_you_mean(name, list(fields))
            known = "" if hint else f"; known keys: {', '.join(fields)}"
            return f"{key}: unknown key{hint or known}"
        case "missing":
            given = detail["input"] if isinstance(detail["input"], dict) else {}
            hint = did_you_mean(name, [str(one) for one in given if one not in fields])
            # Where unknown keys are errors, the misspelt one is named as such.
            silent = hint and part.model_config.get("extra") == "forbid"
            if not hint and len(location) > 1:
                for part_of in location[:-2]:
                    value = value.get(part_of, {}) if isinstance(value, dict) else {}
                # A misspelt name, as of --params, looks like a new entry.
                others = [str(one) for one in value if one != location[-2]]
                near = did_you_mean(location[-2], others)
                hint = near and f" in a new entry{near}"
            return "" if silent else f"{key}: missing{hint}"
        case "model_type":
            expected = _schema_at(schema, location).model_fields.items()
            needs = [one.alias or of for of, one in expected if one.is_required()]
            give = f"; give at least {', '.join(needs)}" if needs else ""
            return f"{key}: not a mapping{give}"
        case "value_error":
            return f"{key}: {detail['ctx']['error']}"
        case _:
            shown = repr(detail["input"])[:200]
            return f"{key}: {detail['msg']}, not {shown}"


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
