"""Encodes raw rows as numbers: the first step of a fitted model.

``cells`` reads the columns; scikit-learn's own parts encode what was read. A fitted
model needs this module, and no other packages than numpy, pandas and scikit-learn.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from kedro_dynamic.config.library import Versioned
from kedro_dynamic.models.columns.cells import (
    DATE_PARTS,
    FALSE_WORDS,
    MARKS,
    NUMBER_MARKS,
    TRUE_WORDS,
    Array,
    Reading,
    UnreadCellsWarning,
    date_features,
    is_number_type,
    lacks_offset,
    read_dates,
    read_numbers,
    read_texts,
    take,
)

# A column of categories becomes at most so many features, rare ones sharing one.
MAX_FEATURES = 40

# The mean of the target makes a feature per class. With more classes there is none.
MAX_CLASSES = 20

# Features of a column of texts, and n-grams of letters that are told apart.
TEXT_FEATURES, NGRAMS = 30, 2**12

# What is said of new rows, and how many cells are quoted.
UNREAD = "cells that cannot be read count as missing"
UNSEEN = "most values are not in the training rows"
COMMA = "training rows have a decimal comma, so these numbers may be misread"
PERCENT = "training rows have a % sign, so these numbers may be fractions"
NO_OFFSET = "training rows have an offset from UTC, so these dates are taken for UTC"
FAR = "most values are far from those of the training rows, whose mean is {:.3g}"
MAX_QUOTED = 5

# Numbers are far if they are more standard deviations from the mean. At most 4 % of the
# training rows are, whatever their distribution.
FAR_DEVIATIONS = 5

_WHOLE = re.compile(r"([-+]?)0*(\d+)(?:\.0+)?")


class ColumnEncoder(
    Versioned,
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Turns raw rows of any types into numbers, new rows as it did training rows.

    - Missing numbers are filled by the median; numbers are scaled.
    - A date becomes days, month, weekday and hour, treated like numbers.
    - A category becomes a feature per level; rare ones share one, missing ones, too.
    - A category with many levels becomes the mean of the target.
    - A text becomes 30 features of its n-grams of letters.

    Cells of new rows that cannot be read count as missing, with a warning.

    Args:
        readings: By column its kind, and how its cells are read; see ``cells``.
        is_regression: False if the target's values are classes.
        random_state: Seed of the folds of target means and of the features of texts.

    Attributes:
        parts_: scikit-learn's encoders, by ``numbers``, ``levels``, ``means``, and a
            name for each column of texts.
        columns_: Which columns each of them encodes.
        levels_: By column of categories, the level that a new text means.
    """

    def __init__(
        self,
        readings: Mapping[str, Reading],
        is_regression: bool = False,
        random_state: int = 0,
    ):
        self.readings = readings
        self.is_regression = is_regression
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "ColumnEncoder":
        """Learn medians, scales, levels and the like from training rows."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any) -> Array:
        """Fit to training rows and encode them.

        The mean of the target of a training row is taken from other training rows. So
        this is not the same as ``fit(X, y).transform(X)``.

        Args:
            X: Raw rows.
            y: The target, one per row.
        """
        table, target = pd.DataFrame(X), np.asarray(y)
        self._choose_parts(target)
        self._learn_levels(table)
        blocks = []
        for name, rows in self._read(table, []):
            blocks.append(self.parts_[name].fit_transform(rows, target))
        return np.hstack(blocks)

    def transform(self, X: Any) -> Array:
        """Encode rows. Columns may be in any order, and further ones are ignored.

        Args:
            X: Raw rows.

        Raises:
            ValueError: If columns are missing.
        """
        table = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
        problems: list[str] = []
        blocks = []
        for name, rows in self._read(table, problems):
            blocks.append(self.parts_[name].transform(rows))
            if name == "numbers":
                self._note_far(table, blocks[-1], problems)
        if problems:
            warnings.warn("\n".join(problems), UnreadCellsWarning, stacklevel=2)
        return blocks[0] if len(blocks) == 1 else np.hstack(blocks)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the features, such as ``age`` and ``sex_male``."""
        names: list[str] = []
        for part, columns in self.columns_.items():
            if part == "numbers":
                for column, date_part in self._number_features():
                    names.append(f"{column}_{date_part}" if date_part else column)
            elif part in ("levels", "means"):
                names += [*self.parts_[part].get_feature_names_out(columns)]
            else:
                count = len(self.parts_[part][-1].components_)
                names += [f"{columns[0]}_{number}" for number in range(count)]
        return np.array(names, dtype=object)

    @property
    def used_columns(self) -> list[str]:
        """The columns that are encoded: rows need no others."""
        return [column for columns in self.columns_.values() for column in columns]

    def _number_features(self) -> list[tuple[str, str]]:
        """Return the features of numbers: their columns, and which parts of a date."""
        features = []
        for column in self.columns_["numbers"]:
            is_date = self.readings[column]["kind"] == "date"
            parts = DATE_PARTS if is_date else ("",)
            features += [(column, part) for part in parts]
        return features

    # --- Fitting ---

    def _choose_parts(self, target: Array) -> None:
        """Choose an encoder for the columns of each kind."""
        by_kind: dict[str, list[str]] = {}
        for column, reading in self.readings.items():
            by_kind.setdefault(reading["kind"], []).append(column)
        numbers = by_kind.get("number", []) + by_kind.get("date", [])
        levels, means = by_kind.get("category", []), by_kind.get("many", [])
        if not self.is_regression and len(np.unique(target)) > MAX_CLASSES:
            levels, means = levels + means, []

        self.parts_: dict[str, Any] = {}
        self.columns_ = {"numbers": numbers, "levels": levels, "means": means}
        if numbers:
            self.parts_["numbers"] = NumberEncoder()
        if levels:
            self.parts_["levels"] = OneHotEncoder(
                min_frequency=2,
                max_categories=MAX_FEATURES,
                handle_unknown="infrequent_if_exist",
                sparse_output=False,
            )
        if means:
            self.parts_["means"] = self._make_mean_encoder(target)
        for column in by_kind.get("text", []):
            self.columns_[f"text {column}"] = [column]
            self.parts_[f"text {column}"] = make_pipeline(
                HashingVectorizer(
                    analyzer="char_wb",
                    ngram_range=(3, 4),
                    n_features=NGRAMS,
                    alternate_sign=False,
                ),
                TfidfTransformer(),
                # 2 iterations instead of 5: as good, at a tenth of the time.
                TruncatedSVD(TEXT_FEATURES, n_iter=2, random_state=self.random_state),
            )
        self.columns_ = {part: self.columns_[part] for part in self.parts_}
        if not self.parts_:
            raise ValueError("no column has more than one value, or all are dropped")

    def _make_mean_encoder(self, target: Array) -> TargetEncoder:
        """Return what encodes a level by the mean of the target."""
        if self.is_regression:  # "auto" takes whole numbers for classes
            kind = "continuous"
        else:
            kind = "binary" if len(np.unique(target)) == 2 else "multiclass"
        folds = min(5, len(target))
        splitter = KFold(folds, shuffle=True, random_state=self.random_state)
        return TargetEncoder(target_type=kind, cv=splitter)

    def _learn_levels(self, table: pd.DataFrame) -> None:
        """Learn which level a new text means: by itself, or by its common form."""
        places = self._locate(table)
        self.levels_: dict[str, dict[str, str]] = {}
        for part in ("levels", "means"):
            for column in self.columns_.get(part, ()):
                _, texts = read_texts(table.iloc[:, places[column]])
                reading = self.readings[column]
                self.levels_[column] = _levels_by_form(texts, reading)

    # --- Reading ---

    def _locate(self, table: pd.DataFrame) -> dict[str, int]:
        """Return the position of each column by its name.

        Raises:
            ValueError: If columns are missing.
        """
        places = {str(name): place for place, name in enumerate(table.columns)}
        missing = [column for column in self.used_columns if column not in places]
        if missing:
            nearest = get_close_matches(missing[0], list(places), n=1)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
            raise ValueError(f"the column '{missing[0]}' is missing{hint}")
        return places

    def _read(
        self, table: pd.DataFrame, problems: list[str]
    ) -> Iterator[tuple[str, Any]]:
        """Yield the rows that each encoder encodes; note what cannot be read."""
        places = self._locate(table)
        for part, columns in self.columns_.items():
            if part == "numbers":
                yield part, self._read_numbers(table, places, problems)
            elif part in ("levels", "means"):
                matrix = np.empty((len(table), len(columns)), dtype=object)
                for position, column in enumerate(columns):
                    values = table.iloc[:, places[column]]
                    matrix[:, position] = self._read_levels(column, values, problems)
                yield part, matrix
            else:
                codes, texts = read_texts(table.iloc[:, places[columns[0]]])
                plain = ["" if text.lower() in MARKS else text for text in texts]
                yield part, take(np.array(plain, dtype=object), codes, "").tolist()

    def _read_numbers(
        self, table: pd.DataFrame, places: dict[str, int], problems: list[str]
    ) -> Array:
        """Return numbers, and after them the parts of dates, as a matrix."""
        columns, dtypes = self.columns_["numbers"], table.dtypes.tolist()
        is_plain = [
            self._is_plain(column, dtypes[places[column]]) for column in columns
        ]
        # Columns of numpy's numbers are taken as one block: there may be thousands.
        plain = [places[column] for column in compress(columns, is_plain)]
        block = table.iloc[:, plain].to_numpy(dtype=float)
        if np.isinf(block).any():
            is_plain = [False] * len(columns)  # these are looked at one by one
        if all(is_plain):
            return block

        blocks = []
        plain_columns = iter(block.T)
        for column, is_number in zip(columns, is_plain, strict=True):
            if is_number:
                blocks.append(next(plain_columns))
                continue
            values = table.iloc[:, places[column]]
            if self.readings[column]["kind"] == "date":
                dates, is_unread = read_dates(values, self.readings[column])
                blocks.append(date_features(dates))
                is_doubtful = lacks_offset(values, self.readings[column])
                is_doubtful &= ~np.isnat(dates)
                _note(problems, column, NO_OFFSET, values[is_doubtful])
            else:
                numbers, is_unread = read_numbers(values, self.readings[column])
                blocks.append(numbers)
            _note(problems, column, UNREAD, values[is_unread])
            if is_number_type(values):
                _note_doubtful(problems, column, self.readings[column], values)
        return np.column_stack(blocks)

    def _is_plain(self, column: str, dtype: Any) -> bool:
        """Return True if a column is numbers of numpy's that mean what they say."""
        reading = self.readings[column]
        is_numpy = isinstance(dtype, np.dtype) and dtype.kind in "iufb"
        is_written = reading.get("decimal") == "," or reading.get("sign") == "%"
        return is_numpy and reading["kind"] == "number" and not is_written

    def _note_far(
        self, table: pd.DataFrame, encoded: Array, problems: list[str]
    ) -> None:
        """Note columns of numbers most of which are far away, as in another unit.

        Dates are not looked at: those of new rows are later.
        """
        is_far = (encoded > FAR_DEVIATIONS) | (encoded < -FAR_DEVIATIONS)
        is_mostly_far = is_far.sum(axis=0) > max(1, len(table) / 2)
        if not is_mostly_far.any():
            return
        places, features = self._locate(table), self._number_features()
        for feature in is_mostly_far.nonzero()[0]:
            column, date_part = features[feature]
            if not date_part:
                values = table.iloc[:, places[column]][is_far[:, feature]]
                problem = FAR.format(self.parts_["numbers"].scaler_.mean_[feature])
                _note(problems, column, problem, values)

    def _read_levels(
        self, column: str, values: "pd.Series[Any]", problems: list[str]
    ) -> Array:
        """Return a column of categories as levels of the training rows, or None."""
        codes, texts = read_texts(values)
        levels = self.levels_[column]
        read, is_unseen = [], []
        for text in texts:
            level = levels.get(text) or levels.get(_common_form(text))
            is_missing = level is None and text.lower() in NUMBER_MARKS
            read.append(None if is_missing else level or text)
            is_unseen.append(not is_missing and level is None)

        unseen = take(np.array(is_unseen, dtype=bool), codes, False)
        if "booleans" in self.readings[column]:
            _note(problems, column, UNREAD, values[unseen])
        elif unseen.sum() > max(1, len(values) / 2):
            _note(problems, column, UNSEEN, values[unseen])
        return take(np.array(read, dtype=object), codes, None)


class NumberEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fills missing numbers by the median, if there are any, and scales numbers."""

    def fit_transform(self, X: Array, y: Any = None) -> Array:
        """Learn medians and scales; return the encoded rows."""
        self.imputer_ = SimpleImputer(strategy="median", keep_empty_features=True)
        self.scaler_ = StandardScaler()
        self.imputer_.fit(X)
        encoded: Array = self.scaler_.fit_transform(self._fill(X))
        return encoded

    def transform(self, X: Array) -> Array:
        """Return the encoded rows."""
        encoded: Array = self.scaler_.transform(self._fill(X))
        return encoded

    def _fill(self, X: Array) -> Array:
        """Return rows without missing numbers."""
        filled: Array = self.imputer_.transform(X) if np.isnan(X).any() else X
        return filled


def _levels_by_form(texts: list[str], reading: Reading) -> dict[str, str]:
    """Return the level that each text means, by the text or its common form."""
    present = [text for text in texts if text.lower() not in MARKS]
    by_form: dict[str, str] = {}
    ambiguous = set()
    for text in present:
        form = _common_form(text)
        if by_form.setdefault(form, text) != text:
            ambiguous.add(form)
    for form in ambiguous:  # 7 may be both 07 and 007
        del by_form[form]

    words: dict[str, str] = {}
    if "booleans" in reading:
        true, false = reading["booleans"]
        words = dict.fromkeys(TRUE_WORDS, true) | dict.fromkeys(FALSE_WORDS, false)
    return words | by_form | {text: text for text in present}


def _common_form(text: str) -> str:
    """Return what texts have in common that mean the same: 7 and 007, Red and red."""
    match = _WHOLE.fullmatch(text)
    return "".join(match.groups()) if match else text.casefold()


def _note_doubtful(
    problems: list[str], column: str, reading: Reading, numbers: "pd.Series[Any]"
) -> None:
    """Note numbers that may mean something else than those of the training rows.

    Whoever wrote the table has read their texts already: 1.234 as a fraction, although
    it was a thousand, or 7 % as 0.07, as Excel does.
    """
    if reading.get("decimal") == ",":
        _note(problems, column, COMMA, numbers[numbers % 1 > 0])
    elif reading.get("sign") == "%" and not (numbers.abs() > 1).any():
        _note(problems, column, PERCENT, numbers[numbers % 1 > 0])


def _note(
    problems: list[str], column: str, problem: str, cells: "pd.Series[Any]"
) -> None:
    """Note a problem of a column, if there are such cells."""
    if cells.empty:
        return
    first = cells.head(MAX_QUOTED)
    quoted = ", ".join(f"'{cell}' in row {label}" for label, cell in first.items())
    more = f" and {len(cells) - len(first)} more" if len(cells) > len(first) else ""
    problems.append(f"{column}: {problem}: {quoted}{more}")
