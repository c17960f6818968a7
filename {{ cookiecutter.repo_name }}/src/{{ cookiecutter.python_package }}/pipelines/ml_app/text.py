"""Cleans texts. Training and inference share every function here."""

import re

import pandas as pd

# With the apostrophes inside: "don't" is one word, and "t" none.
WORD = re.compile(r"\w+(?:'\w+)*")
PUNCTUATION = re.compile(r"[^\w\s]+|_")


def lower_case(instances: pd.DataFrame) -> list[str]:
    """Return the column ``text`` in lower case, with straight apostrophes.

    A missing text is empty.
    """
    texts = instances["text"].fillna("").astype("str")
    return [text.lower().replace("\u2019", "'") for text in texts]


def remove_stopwords(texts: list[str], english_stopwords: list[str]) -> list[str]:
    """Remove whole words, given in lower case, however many they are."""
    stopwords = frozenset(english_stopwords)

    def unless_stopword(match: re.Match[str]) -> str:
        return "" if match[0] in stopwords else match[0]

    def without_stopwords(text: str) -> str:
        # A look-up per word; the slower pattern only where punctuation is in the way.
        words = [word for word in text.split() if word not in stopwords]
        return " ".join(
            [w if w.isalpha() else WORD.sub(unless_stopword, w) for w in words]
        )

    return [without_stopwords(text) for text in texts]


def remove_punctuation(texts: list[str]) -> list[str]:
    """Replace all but letters, digits and white space of any language by spaces.

    Apostrophes just go: "won't" is another word than "won".
    """
    return [PUNCTUATION.sub(" ", text.replace("'", "")) for text in texts]
