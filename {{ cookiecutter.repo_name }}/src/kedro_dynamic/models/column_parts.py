"""What encodes the columns of each kind: scikit-learn's own parts, and their settings.

A fitted model needs this module, so it imports numpy and scikit-learn only.
"""

import re
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from kedro_dynamic.models.column_cells import FALSE_WORDS, NUMBER_MARKS, TRUE_WORDS

MAX_CLASSES = 20
"""A target encoder makes a feature per class. With more classes there is none."""

TEXT_COMPONENTS = 30
"""Features that a column of texts becomes."""

# Codes of what is not a level.
MISSING, UNKNOWN = -2, -1

# The number of a code, such as 7 of "007", that several levels have.
AMBIGUOUS = -3

_WHOLE = re.compile(r"([-+]?)0*(\d+)(?:\.0+)?")


class NumberEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Imputes missing numbers by the median, and scales.

    It works in place, and without the overhead of a pipeline for each row served.
    """

    def fit_transform(self, X: "NDArray[np.float64]", y: Any = None) -> Any:
        """Learn medians and scales; return the encoded rows."""
        self.imputer_ = SimpleImputer(
            strategy="median", keep_empty_features=True, copy=False
        )
        self.scaler_ = StandardScaler(copy=False)
        return self.scaler_.fit_transform(self.imputer_.fit_transform(X))

    def fit(self, X: "NDArray[np.float64]", y: Any = None) -> Self:
        """Learn medians and scales."""
        self.fit_transform(X.copy())
        return self

    def transform(self, X: "NDArray[np.float64]") -> Any:
        """Return the encoded rows."""
        return self.scaler_.transform(self.imputer_.transform(X))


def make_level_encoder(max_levels: int) -> OneHotEncoder:
    """Return what makes a feature per level; rare and new levels share one.

    Args:
        max_levels: The number of features per column.
    """
    return OneHotEncoder(
        min_frequency=2,
        max_categories=max_levels,
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
    )


def make_mean_encoder(
    target: "NDArray[Any]", is_regression: bool, random_state: int
) -> TargetEncoder:
    """Return what encodes a level by the mean of the target.

    Args:
        target: The target of the training rows.
        is_regression: False if the target is classes. By itself, scikit-learn takes
            whole numbers for classes, and makes a feature of each.
        random_state: Seed of the folds in which training rows are encoded.
    """
    folds = {"shuffle": True, "random_state": random_state}
    number = max(2, min(5, len(target)))
    if is_regression:
        return TargetEncoder(target_type="continuous", cv=KFold(number, **folds))
    _, counts = np.unique(target, return_counts=True)
    target_type = "multiclass" if len(counts) > 2 else "binary"
    # Stratified folds warn of classes that have fewer rows than there are folds.
    split = StratifiedKFold if counts.min() >= number else KFold
    return TargetEncoder(target_type=target_type, cv=split(number, **folds))


class TextEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns texts into a few features that say which n-grams of letters they have.

    Args:
        random_state: Seed of the decomposition.

    Attributes:
        width_: The number of features; 0 if no text has letters or digits.
    """

    def __init__(self, random_state: int = 0):
        self.random_state = random_state

    def fit_transform(self, X: Sequence[str], y: Any = None) -> "NDArray[np.float64]":
        """Learn the n-grams of texts; return one row per text."""
        vectorizer, weights = _count_ngrams(X)
        # A decomposition needs two n-grams.
        if weights is None or weights.shape[1] < 2:
            self.width_ = 0
            return np.empty((len(X), 0))

        self.width_ = min(TEXT_COMPONENTS, *weights.shape)
        self.vectorizer_ = vectorizer
        self.components_ = TruncatedSVD(self.width_, random_state=self.random_state)
        features: NDArray[np.float64] = self.components_.fit_transform(weights)
        return features

    def fit(self, X: Sequence[str], y: Any = None) -> Self:
        """Learn the n-grams of texts."""
        self.fit_transform(X)
        return self

    def transform(self, X: Sequence[str]) -> "NDArray[np.float64]":
        """Return one row per text."""
        if self.width_ == 0:
            return np.empty((len(X), 0))
        weights = self.vectorizer_.transform(X)
        features: NDArray[np.float64] = self.components_.transform(weights)
        return features


def _count_ngrams(texts: Sequence[str]) -> tuple[TfidfVectorizer, Any]:
    """Return which n-grams there are, at best in two texts, and their weights."""
    for min_rows in (2, 1):
        vectorizer = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 4), min_df=min_rows
        )
        try:
            return vectorizer, vectorizer.fit_transform(texts)
        except ValueError:  # there are none
            continue
    return vectorizer, None


class Levels:
    """The levels of a category, and which of them a new value means.

    Args:
        texts: The levels; their codes are their positions.
        booleans: The levels that mean true and false.
    """

    def __init__(self, texts: Sequence[str], booleans: dict[str, str]):
        self.codes = {text: code for code, text in enumerate(texts)}
        self.alike: dict[str, int] = {}
        for text, code in self.codes.items():
            common = _common_form(text)
            self.alike[common] = AMBIGUOUS if common in self.alike else code
        self.booleans = {
            word: self.codes[level]
            for word, level in booleans.items()
            if level in self.codes
        }

    def code_of(self, text: str) -> int:
        """Return the code of the level that a text means, MISSING or UNKNOWN.

        Besides the level itself these are texts that differ in case only, numbers for
        codes of digits (7 for "007", if "07" is not a level, too), and words for
        booleans.
        """
        code = self.codes.get(text)
        if code is not None:
            return code
        code = self.alike.get(_common_form(text))
        if code is not None and code != AMBIGUOUS:
            return code
        lower = text.lower()
        if self.booleans and lower in TRUE_WORDS:
            return self.booleans.get("true", UNKNOWN)
        if self.booleans and lower in FALSE_WORDS:
            return self.booleans.get("false", UNKNOWN)
        return MISSING if lower in NUMBER_MARKS else UNKNOWN

    def is_ambiguous(self, text: str) -> bool:
        """Return True if a number can be the rest of more than one level."""
        return self.alike.get(_common_form(text)) == AMBIGUOUS

    def names_of(self, codes: Sequence[int]) -> list[str]:
        """Return the names of levels, and of missing values, by their codes."""
        texts = [*self.codes]
        missing = "(missing)" if "missing" in self.codes else "missing"
        return [missing if code == MISSING else texts[code] for code in codes]


def _common_form(text: str) -> str:
    """Return what texts have in common that mean the same level."""
    match = _WHOLE.fullmatch(text)
    return "".join(match.groups()) if match else text.casefold()
