"""Errors that the user can mend: what is wrong, in which file, and what to write."""

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

import click
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

# For log messages that quote errors or data: Rich would take words in brackets for
# markup, and leave them out.
VERBATIM = {"markup": False}

# An address in a text. Only white space ends it, since passwords hold anything else.
ADDRESS = re.compile(r"://(\S+)")

# A password may hold "/", "?" and "@", so it ends at the last "@"; without a colon, an
# "@" after the host belongs to the path.
USER_INFO = re.compile(r"^(?:[^/?#:@]*:.*|[^/?#]*)@")

SECRET_ARGUMENT = re.compile(
    r"([?&;#][^=&;\s]{0,40}(?:token|secret|passw|pwd|key|sig|cred|auth|connect)"
    r"[^=&;\s]{0,40}=)[^&\s]*",
    re.IGNORECASE,
)

# Problems that one error lists at most.
MAX_PROBLEMS = 20

SchemaType = TypeVar("SchemaType", bound=BaseModel)


class ConfigurationError(click.ClickException):
    """A fault in a configuration file; Kedro shows its message without a traceback."""

    def __init__(self, message: str):
        super().__init__(redact(message))

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
    """Replace the user names, passwords and tokens of addresses by ``***``."""
    return ADDRESS.sub(_redact_address, text)


def _redact_address(match: re.Match[str]) -> str:
    """Return an address without its secrets."""
    rest = USER_INFO.sub("***@", match[1])
    return "://" + SECRET_ARGUMENT.sub(r"\1***", rest)


def one_line(error: BaseException) -> str:
    """Return the type and the message of an error as one line, without passwords."""
    return redact(" ".join(f"{type(error).__name__}: {error}".split()))[:1000]


def did_you_mean(word: object, known: Sequence[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known word, or ``""``."""
    by_form = {str(name).casefold(): name for name in known}
    nearest = get_close_matches(str(word).casefold(), by_form, n=1)
    return f"; did you mean '{by_form[nearest[0]]}'?" if nearest else ""


def find_unknown_columns(
    named: Mapping[str, Collection[str]], columns: Sequence[str]
) -> list[str]:
    """Return a line for each name that a parameter has and a table lacks.

    Args:
        named: The names of columns by the parameter.
        columns: The names of the table's columns.
    """
    return [
        f"{key}: '{name}' is not a column of the table{did_you_mean(name, columns)}; "
        f"columns: {', '.join(columns[:50])}"
        for key, names in named.items()
        for name in names
        if name not in columns
    ]


def parse(
    schema: type[SchemaType], value: object, file: str, prefix: str = ""
) -> SchemaType:
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
        problems = _problems_of(error, schema, value, prefix)
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
        return _problems_of(error, schema, value, prefix)
    return []


def _problems_of(
    error: ValidationError, schema: type[BaseModel], value: object, prefix: str
) -> list[str]:
    """Return a line for each of pydantic's errors that needs one."""
    lines = [_in_words(detail, schema, value, prefix) for detail in error.errors()]
    return [line for line in lines if line]


def _in_words(
    detail: ErrorDetails, schema: type[BaseModel], value: object, prefix: str
) -> str:
    """Return one of pydantic's errors in plain words, or "" if another line says it."""
    location = [part for part in detail["loc"] if part != "[key]"]
    key = ".".join(str(part) for part in (prefix, *location) if part != "")

    match detail["type"]:
        case "extra_forbidden":
            known = list(_fields_by_key(_schema_at(schema, location[:-1])))
            hint = did_you_mean(location[-1], known)
            all_keys = f"; known keys: {', '.join(known)}"
            return f"{key}: unknown key{hint or all_keys}"
        case "missing":
            return _missing_in_words(detail, location, key, schema, value)
        case "model_type":
            fields = _fields_by_key(_schema_at(schema, location))
            required = [name for name, field in fields.items() if field.is_required()]
            advice = f"; give at least {', '.join(required)}" if required else ""
            return f"{key}: not a mapping{advice}"
        case "value_error":
            return f"{key}: {detail['ctx']['error']}"
        case _:
            shown = repr(detail["input"])[:200]
            return f"{key}: {detail['msg']}, not {shown}"


def _missing_in_words(
    detail: ErrorDetails,
    location: list[int | str],
    key: str,
    schema: type[BaseModel],
    value: object,
) -> str:
    """Return that a key is missing, with a hint where it or its entry is misspelt."""
    parent = _schema_at(schema, location[:-1])
    known = _fields_by_key(parent)
    mapping = detail["input"] if isinstance(detail["input"], dict) else {}
    unknown = [str(name) for name in mapping if name not in known]

    hint = did_you_mean(location[-1], unknown)
    if hint and parent.model_config.get("extra") == "forbid":
        return ""  # the misspelt key has a line of its own
    return f"{key}: missing{hint or _new_entry_hint(location, value)}"


def _new_entry_hint(location: list[int | str], value: object) -> str:
    """Return a hint for an entry that exists only because its name is misspelt.

    The parameter ``models.forrest.enabled`` of ``--params`` makes an entry ``forrest``.
    """
    if len(location) < 2:
        return ""
    *path, entry, _ = location
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None

    entries = value if isinstance(value, dict) else {}
    hint = did_you_mean(entry, [str(name) for name in entries if name != entry])
    return f" in a new entry{hint}" if hint else ""


def _fields_by_key(schema: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Return the fields of a schema by the keys that a file has for them."""
    return {field.alias or name: field for name, field in schema.model_fields.items()}


def _schema_at(
    schema: type[BaseModel], location: Sequence[int | str]
) -> type[BaseModel]:
    """Return the schema of a nested mapping, or the nearest one above it."""
    for key in location:
        for name, field in schema.model_fields.items():
            if key in (name, field.alias):
                schema = _schema_in(field.annotation) or schema
    return schema


def _schema_in(annotation: Any) -> type[BaseModel] | None:
    """Return the schema in an annotation: ``Schema | None``, ``dict[str, Schema]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        schema = _schema_in(argument)
        if schema is not None:
            return schema
    return None
