"""Names and values as MLflow can hold them."""

from {{ cookiecutter.python_package }}.tracking.values import (
    MAX_LENGTH,
    flatten,
    numbers,
    text,
)


def test_nested_parameters_are_joined_with_dots() -> None:
    nested = {"a": {"b": {"c": 1}, "d": {}}, "e": [2]}
    assert flatten(nested) == {"a.b.c": 1, "a.d": {}, "e": [2]}


def test_long_texts_and_passwords_are_cut() -> None:
    assert text("https://me:secret@host/") == "https://***@host/"
    assert len(text("x" * 10_000)) == MAX_LENGTH


def test_what_is_no_number_is_no_metric() -> None:
    assert numbers({"a": 1, "b": True, "c": "x", "d": None}) == {"a": 1.0, "b": 1.0}
    assert isinstance(numbers({"b": True})["b"], float)
