"""Errors that the user can mend: all problems at once, with key and remedy."""

from __future__ import annotations

import pickle

import pytest
from kedro_dynamic.config.errors import ConfigurationError, DataError, parse, redact
from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A mapping in a file."""

    model_config = ConfigDict(extra="forbid")
    depth: int
    kind: str = Field(default="a", alias="class")


class File(BaseModel):
    """What a file may say."""

    part: Part | None = None
    parts: dict[str, Part] = {}
    listed: list[int] = []


def problems(value: object, prefix: str = "") -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(File, value, "own.yml", prefix)
    lines: list[str]
    title, *lines = caught.value.message.split("\n  ")
    assert title.startswith("own.yml has ")
    assert title.endswith(f"{len(lines)} problems:" if lines[1:] else "a problem:")
    return lines


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"part": {}}, "part.depth: missing"),
        ({"part": {"dept": 1}}, "part.dept: unknown key; did you mean 'depth'?"),
        (
            {"part": {"depth": 1, "zzz": 1}},
            "part.zzz: unknown key; known keys: depth, class",
        ),
        (
            {"part": {"depth": 1, "clas": "b"}},
            "part.clas: unknown key; did you mean 'class'?",
        ),
        ({"part": 3}, "part: not a mapping; give at least depth"),
        ({"parts": {"a": None}}, "parts.a: not a mapping; give at least depth"),
        ({"parts": {"a": {"dept": 1}}}, "parts.a.dept: unknown key; did you mean"),
        (
            {"parts": {"forest": {"depth": 1}, "forrest": {"class": "b"}}},
            "parts.forrest.depth: missing in a new entry; did you mean 'forest'?",
        ),
        ({"listed": [1, "x"]}, "listed.1: Input should be a valid integer"),
    ],
)
def test_a_problem_has_its_key_and_a_remedy(value: object, line: str) -> None:
    (found,) = problems(value)
    assert found.startswith(line)


def test_all_problems_come_at_once_below_their_prefix() -> None:
    found = problems({"part": {"depth": "x"}, "listed": ["y"]}, "own")
    assert [line.split(":")[0] for line in found] == ["own.part.depth", "own.listed.0"]


def test_a_long_list_is_cut() -> None:
    letters = "abcdefghijklmnopqrstuv"
    error = ConfigurationError.listing("a.yml", [*letters], advice="Sleep on it")
    assert error.message.split("\n  ") == [
        "a.yml has 22 problems:",
        *letters[:20],
        *("... and 2 more", "Sleep on it"),
    ]


@pytest.mark.parametrize(
    ("problems", "tables", "title"),
    [
        (["a: infinite"], [], "The table has a problem:"),
        (
            ["a: infinite"],
            [r"data\1.csv (table)"],
            r"data\1.csv (table) has a problem:",
        ),
        (["a: infinite", "b: empty"], ["c", "d"], "c and d have 2 problems:"),
    ],
)
def test_an_error_of_the_data_names_its_tables(
    problems: list[str], tables: list[str], title: str
) -> None:
    error = DataError(*problems)
    error.name_tables(tables)
    # From a worker process, errors come as bytes.
    for copy in (error, pickle.loads(pickle.dumps(error))):
        assert str(copy).split("\n  ") == [title, *problems]


def test_an_error_of_the_data_names_the_file_that_does_not_fit() -> None:
    error = DataError("data.drop: 'a' is not a column of the table", file="own.yml")
    assert error.message.startswith("own.yml does not fit the table:\n  data.drop: ")
    error.name_tables(["a.csv (a)"])
    copy = pickle.loads(pickle.dumps(error))
    assert copy.message.startswith("own.yml does not fit a.csv (a):\n  data.drop: ")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://me:p@ss@host/a", "http://***@host/a"),
        ("postgresql://me:pa/ss@host/db", "postgresql://***@host/db"),
        ("postgresql://me:p@s/s@host/db", "postgresql://***@host/db"),
        ("postgresql://me:pa?token=x@host/db", "postgresql://***@host/db"),
        ("mysql+pymysql://me:p#a'\"ss@host:1/db", "mysql+pymysql://***@host:1/db"),
        ("https://token@host/repository@v1", "https://***@host/repository@v1"),
        ("https://host/a?version=3&token=x", "https://host/a?version=3&token=***"),
        ("https://host/a?X-Amz-Signature=x", "https://host/a?X-Amz-Signature=***"),
        ("https://host/a@b", "https://host/a@b"),
        ("http://host:5000/#/experiments/1", "http://host:5000/#/experiments/1"),
    ],
)
def test_addresses_lose_user_password_and_tokens(address: str, shown: str) -> None:
    assert redact(f"at {address} b@c") == f"at {shown} b@c"
    assert str(ConfigurationError(f"at {address}")) == f"at {shown}"
