"""The vectorizer of texts that are read by their characters.

This module imports scikit-learn, so it is itself imported only where it is needed.
"""

from collections.abc import Callable

from sklearn.feature_extraction.text import TfidfVectorizer

from kedro_dynamic.config.library import Versioned


class EdgeTfidfVectorizer(
    Versioned,
    TfidfVectorizer,  # type: ignore[misc]
):
    """scikit-learn's ``TfidfVectorizer``, which also sees where a text begins and ends.

    A space is put on either side of a text, as ``analyzer: char_wb`` does with a word.
    So a name that ends in "a" has a feature that a name with "a" in it has not. A space
    alone is not a feature: it would make every text a known one.
    """

    def build_analyzer(self) -> Callable[[str], list[str]]:
        """Return the function that turns a text into sequences of characters."""
        analyze = super().build_analyzer()
        return lambda text: [part for part in analyze(f" {text} ") if part != " "]
