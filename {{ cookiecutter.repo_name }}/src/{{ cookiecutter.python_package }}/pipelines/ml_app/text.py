"""Cleans texts. Training and inference share every function here."""

import re

import pandas as pd

from .data_types import Texts

# With the apostrophes inside: "don't" is one word, and "t" none.
WORD = re.compile(r"\w+(?:'\w+)*")


def lower_case(instances: pd.DataFrame) -> Texts:
    """Return the column ``text`` in lower case, with straight apostrophes.

    A missing text is empty.
    """
    text = instances["text"].fillna("").astype("str").str.lower()
    return text.str.replace("\u2019", "'", regex=False)


def remove_stopwords(text: Texts, english_stopwords: list[str]) -> Texts:
    """Remove whole words, however long the list is.

    Args:
        text: Texts in lower case.
        english_stopwords: The words, in lower case.
    """
    stopwords = frozenset(english_stopwords)

    def unless_stopword(match: re.Match[str]) -> str:
        return "" if match[0] in stopwords else match[0]

    def without_stopwords(review: str) -> str:
        # A look-up per word; the slower pattern only where punctuation is in the way.
        return " ".join(
            [
                part if part.isalpha() else WORD.sub(unless_stopword, part)
                for part in review.split()
                if part not in stopwords
            ]
        )

    return text.map(without_stopwords)


def remove_punctuation(text: Texts) -> Texts:
    """Replace all but letters, digits and white space of any language by spaces.

    Apostrophes just go: "won't" is another word than "won".
    """
    joined = text.str.replace("'", "", regex=False)
    return joined.str.replace(r"[^\w\s]+|_", " ", regex=True)
