"""What is left of a text before its words are counted."""

import pandas as pd
import pytest

from {{ cookiecutter.python_package }}.pipelines.ml_app.text import (
    lower_case,
    remove_punctuation,
    remove_stopwords,
)


def cleaned(text: object, *stopwords: str) -> list[str]:
    """Return the words that all three steps leave of one text."""
    lower_cased = lower_case(pd.DataFrame({"text": [text]}))
    (clean,) = remove_punctuation(remove_stopwords(lower_cased, list(stopwords)))
    return str(clean).split()


@pytest.mark.parametrize(
    ("text", "stopwords", "words"),
    [
        ("The theatre, the bathe, the", ["the"], ["theatre", "bathe"]),
        ("the,the.the (the) 'the' \"the\" the-the", ["the"], []),
        ("at-the-end", ["the"], ["at", "end"]),
        ("THE Great FILM", ["the"], ["great", "film"]),
        ("It's its own", ["it's"], ["its", "own"]),
        ("It's, it's.", ["it", "s"], ["its", "its"]),
        ("Don't!", ["don", "t"], ["dont"]),
        ("It\u2019s a won\u2019t", ["it's", "won"], ["a", "wont"]),
        ("rock'n'roll", ["n", "roll"], ["rocknroll"]),
        ("'tis the dogs' day", ["dogs"], ["tis", "the", "day"]),
        ("10/10, 1 of 100", ["1", "10"], ["of", "100"]),
        ("so_so", ["so"], ["so", "so"]),
        ("snake__case_", [], ["snake", "case"]),
        ("!?\u2026 \u2014 ***", [], []),
        ("one\n\ttwo\u00a0three", ["two"], ["one", "three"]),
    ],
)
def test_whole_words_are_removed(
    text: str, stopwords: list[str], words: list[str]
) -> None:
    assert cleaned(text, *stopwords) == words


def test_letters_of_any_language_are_letters() -> None:
    text = "\u00c9t\u00c9 na\u00efve\u2014Stra\u00dfe, \u041c\u0418! \u6620\u753b\u3002"
    words = "\u00e9t\u00e9 na\u00efve stra\u00dfe \u043c\u0438 \u6620\u753b"
    assert " ".join(cleaned(text)) == words
    left = cleaned(text, "\u00e9t\u00e9", "na", "ve", "stra")
    assert " ".join(left) == words.partition(" ")[2]


@pytest.mark.parametrize("text", ["", " ", None, float("nan")])
def test_a_text_without_words_is_left_empty(text: object) -> None:
    assert cleaned(text, "the") == []


def test_no_rows_at_all_and_rows_of_any_index() -> None:
    instances = pd.DataFrame({"text": ["The end", "the"]}, index=[7, 3])
    for rows in (instances, instances.head(0)):
        text = remove_punctuation(remove_stopwords(lower_case(rows), ["the"]))
        assert text.index.equals(rows.index)
        assert text.dtype == "str"
    assert instances["text"].tolist() == ["The end", "the"]


def test_ten_thousand_stopwords() -> None:
    stopwords = [f"word{number}" for number in range(10_000)]
    text = "word0, film word9999 word10000 (word5) sword5 " * 100
    assert cleaned(text, *stopwords) == ["film", "word10000", "sword5"] * 100
