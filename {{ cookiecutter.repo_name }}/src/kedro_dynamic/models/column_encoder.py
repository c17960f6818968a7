"""Reads and encodes the columns of raw tables: the first step of a fitted model.

How columns are read is decided in ``column_kinds.py``; scikit-learn's own parts encode
what was read. A fitted model needs this module and those that it imports, and no other
packages than numpy, pandas and scikit-learn.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import compress
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from kedro_dynamic.models.column_cells import (
    MARKS,
    date_features,
    is_numeric,
    read_cells,
    read_dates,
    read_numbers,
)
from kedro_dynamic.models.column_kinds import (
    MAX_LEVELS,
    columns_to_json,
    read_columns,
)
from kedro_dynamic.models.column_parts import (
    MAX_CLASSES,
    MISSING,
    UNKNOWN,
    Levels,
    NumberEncoder,
    TextEncoder,
    make_level_encoder,
    make_mean_encoder,
)

STATE_VERSION = 1
"""Version of a fitted encoder's state. Raise it when older code cannot read it."""

# Rows and cells that a finding names.
MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    """Cells of new rows that could not be read as the training rows were."""

    column: str
    problem: Literal["unread", "unseen", "ambiguous", "doubtful"]
    """What is wrong, see ``message``."""

    count: int
    """Number of such cells."""

    rows: tuple[Any, ...]
    """Labels of the first rows, at most ``MOST_EXAMPLES``."""

    examples: tuple[str, ...]
    """The cells in these rows."""

    @property
    def message(self) -> str:
        """The finding in one line."""
        pairs = zip(self.examples, self.rows, strict=True)
        listed = ", ".join(f"'{example}' in row {row}" for example, row in pairs)
        more = self.count - len(self.rows)
        suffix = f" and {more:,} more" if more else ""
        return f"{self.column}: {_PROBLEMS[self.problem]}: {listed}{suffix}"


_PROBLEMS = {
    "unread": "cells that cannot be read count as missing",
    "unseen": "most values are not in the training rows",
    "ambiguous": "these numbers are codes without their leading zeros, and several "
    "codes of the training rows can be meant; read the column as text",
    "doubtful": "the training rows are written as 1.234,56, so these numbers may have "
    "been misread; read the column as text or with decimal: ','",
}


class ColumnEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns raw rows of any types into numbers, new rows as it did training rows.

    - Missing numbers are imputed by the median; numbers are scaled.
    - Dates become the days since 2000, and those of month, weekday and hour that vary.
    - Categories become a feature per level, at most 40, and one for missing values.
    - Categories with many levels become the mean of the target.
    - Texts become 30 features that say which n-grams of letters they have.

    Args:
        columns: What each column holds, from ``columns_to_json``. Without it, the rows
            that the encoder is fitted to decide.
        task: Whether the target is classes or a number.
        random_state: Seed of the folds of target means and of the features of texts.

    Attributes:
        readings_: By column its kind, and how its cells are read.
        parts_: scikit-learn's encoders by name: ``numbers``, ``levels``, ``means``,
            and one for each column of texts.
        part_columns_: Which columns each of them encodes.
        levels_: By column the levels of categories.
        source_columns_: For each feature the column that it is made of.
        feature_names_in_: The columns of the training rows, as texts.
    """

    def __init__(
        self,
        columns: str | None = None,
        task: Literal["classification", "regression"] = "classification",
        random_state: int = 0,
    ):
        self.columns = columns
        self.task = task
        self.random_state = random_state

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled, with its version."""
        state: dict[str, Any] = super().__getstate__()
        return {**state, "state_version": STATE_VERSION}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what was pickled.

        Raises:
            ValueError: If newer code has pickled it.
        """
        state = dict(state)
        version = state.pop("state_version", STATE_VERSION)
        if version > STATE_VERSION:
            raise ValueError(
                "the model was saved by a newer kedro_dynamic: its encoder has version "
                f"{version}, and this one reads up to {STATE_VERSION}"
            )
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: texts and missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn medians, levels and the like from training rows.

        Args:
            X: Raw rows.
            y: The target, one per row; needed by categories with many levels.
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> "NDArray[np.float64]":
        """Fit to training rows and encode them.

        Target means of training rows are taken from other training rows. So this is
        not the same as ``fit(X, y).transform(X)``.

        Args:
            X: Raw rows.
            y: The target, one per row; needed by categories with many levels.

        Returns:
            Features, one row per row of X.

        Raises:
            ValueError: If columns are missing, no column is left, or the target is
                needed and not given.
        """
        table = _as_table(X)
        target = None if y is None else np.ravel(np.asarray(y))
        columns = self.columns or columns_to_json(read_columns(table))
        self.readings_ = {row["column"]: row for row in json.loads(columns)}
        self.feature_names_in_ = np.array([*map(str, table.columns)], dtype=object)
        self.n_features_in_ = len(self.feature_names_in_)
        self._choose_parts(target)
        self._learn_levels(table)

        blocks = []
        for part, rows in self._read(table, []):
            blocks.append(self.parts_[part].fit_transform(rows, target))
        self._name_features()
        return _join(blocks)

    def transform(self, X: Any) -> "NDArray[np.float64]":
        """Encode rows; cells that cannot be read count as missing.

        Args:
            X: Raw rows. Columns may be in any order, and further ones are ignored.

        Returns:
            Features, one row per row of X.

        Raises:
            ValueError: If columns are missing.
        """
        return self.encode(X)[0]

    def encode(self, X: Any) -> tuple["NDArray[np.float64]", list[Finding]]:
        """Encode rows, and say which cells could not be read as in training rows.

        Args:
            X: Raw rows. Columns may be in any order, and further ones are ignored.

        Returns:
            Features, one row per row of X; and what was found, mostly nothing.

        Raises:
            ValueError: If columns are missing.
        """
        check_is_fitted(self, "parts_")
        findings: list[Finding] = []
        blocks = []
        for part, rows in self._read(_as_table(X), findings):
            blocks.append(self.parts_[part].transform(rows))
        return _join(blocks), findings

    def get_feature_names_out(
        self, input_features: Any = None
    ) -> "NDArray[np.object_]":
        """Return the names of the features, such as ``age`` and ``sex_male``."""
        check_is_fitted(self, "parts_")
        return self.feature_names_

    # --- Fitting ---

    def _choose_parts(self, target: "NDArray[Any] | None") -> None:
        """Choose an encoder for the columns of each kind.

        Raises:
            ValueError: If no column is left, or the target is needed and not given.
        """
        by_kind: dict[str, list[str]] = {}
        for name, reading in self.readings_.items():
            by_kind.setdefault(reading["kind"], []).append(name)
        numbers = [*by_kind.get("number", []), *by_kind.get("date", [])]
        levels, means = by_kind.get("category", []), by_kind.get("many", [])
        texts = by_kind.get("text", [])
        if not (numbers or levels or means or texts):
            raise ValueError("every column has one value only or identifies rows")

        mean_encoder: Any = None
        if means:
            if target is None:
                raise ValueError(f"'{means[0]}' is encoded by the target: fit needs y")
            mean_encoder = self._make_mean_encoder(target)
            if mean_encoder is None:
                levels, means = [*levels, *means], []

        self.parts_: dict[str, Any] = {}
        self.part_columns_: dict[str, list[str]] = {}
        if numbers:
            self._add_part("numbers", numbers, NumberEncoder())
        if levels:
            # One more than levels: missing values are one, too.
            self._add_part("levels", levels, make_level_encoder(MAX_LEVELS + 1))
        if means:
            self._add_part("means", means, mean_encoder)
        for name in texts:
            self._add_part(f"text_{name}", [name], TextEncoder(self.random_state))

    def _make_mean_encoder(self, target: "NDArray[Any]") -> Any:
        """Return an encoder by the target; None if it would make too many features."""
        is_regression = self.task == "regression"
        if not is_regression and len(np.unique(target)) > MAX_CLASSES:
            return None
        return make_mean_encoder(target, is_regression, self.random_state)

    def _add_part(self, part: str, columns: list[str], encoder: Any) -> None:
        self.parts_[part] = encoder
        self.part_columns_[part] = columns

    def _learn_levels(self, table: pd.DataFrame) -> None:
        """Note the levels of categories, in alphabetical order."""
        positions = self._locate(table)
        self.levels_: dict[str, Levels] = {}
        for part in ("levels", "means"):
            for name in self.part_columns_.get(part, ()):
                texts = read_cells(table.iloc[:, positions[name]]).texts
                levels = sorted({text for text in texts if text.lower() not in MARKS})
                booleans = self.readings_[name].get("booleans", {})
                self.levels_[name] = Levels(levels, booleans)

    def _name_features(self) -> None:
        """Name each feature, and the column that it is made of."""
        names: list[str] = []
        sources: list[str] = []
        for part, columns in self.part_columns_.items():
            for position, column in enumerate(columns):
                suffixes = self._suffixes(part, position, column)
                names += [f"{column}_{end}" if end else column for end in suffixes]
                sources += [column] * len(suffixes)
        self.feature_names_ = np.array(names, dtype=object)
        self.source_columns_ = np.array(sources, dtype=object)

    def _suffixes(self, part: str, position: int, column: str) -> list[str]:
        """Return what follows a column's name in the names of its features."""
        encoder, reading = self.parts_[part], self.readings_[column]
        if part == "numbers" and reading["kind"] == "number":
            return [""]
        if part == "numbers":
            day = [] if reading.get("time") else [""]
            return [*day, *reading.get("parts", ())]
        if part == "levels":
            codes = encoder.categories_[position]
            rare = encoder.infrequent_categories_[position]
            rare_codes = set() if rare is None else set(rare.tolist())
            frequent = [code for code in codes.tolist() if code not in rare_codes]
            names = self.levels_[column].names_of(frequent)
            return [*names, "infrequent"] if rare_codes else names
        if part == "means":
            is_multiclass = encoder.target_type_ == "multiclass"
            return [*map(str, encoder.classes_)] if is_multiclass else [""]
        return [*map(str, range(encoder.width_))]

    # --- Reading ---

    def _locate(self, table: pd.DataFrame) -> dict[str, int]:
        """Return the position of each column by its name as a text.

        Raises:
            ValueError: If columns are missing.
        """
        positions = {str(name): place for place, name in enumerate(table.columns)}
        missing = [
            name
            for columns in self.part_columns_.values()
            for name in columns
            if name not in positions
        ]
        if missing:
            listed = ", ".join(f"'{name}'" for name in missing[:MOST_EXAMPLES])
            more = len(missing) - MOST_EXAMPLES
            suffix = f" and {more} more" if more > 0 else ""
            nearest = get_close_matches(missing[0], [*positions], n=1)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
            raise ValueError(f"columns are missing: {listed}{suffix}{hint}")
        return positions

    def _read(
        self, table: pd.DataFrame, findings: list[Finding]
    ) -> Iterator[tuple[str, Any]]:
        """Yield for each encoder what it encodes; add to the findings."""
        positions = self._locate(table)
        for part, columns in self.part_columns_.items():
            places = [positions[name] for name in columns]
            if part == "numbers":
                yield part, self._read_numbers(table, columns, places, findings)
            elif part in ("levels", "means"):
                yield part, self._read_codes(table, columns, places, findings)
            else:
                yield part, _read_texts(table.iloc[:, places[0]])

    def _read_numbers(
        self,
        table: pd.DataFrame,
        columns: Sequence[str],
        places: Sequence[int],
        findings: list[Finding],
    ) -> "NDArray[np.float64]":
        """Return numbers, and then dates and their parts, as a matrix of its own."""
        kinds = [self.readings_[name]["kind"] for name in columns]
        count = kinds.count("number")
        numbers = self._read_number_columns(
            table, columns[:count], places[:count], findings
        )
        features = []
        for name, place in zip(columns[count:], places[count:], strict=True):
            values, reading = table.iloc[:, place], self.readings_[name]
            dates, unread = read_dates(values, reading)
            _note(findings, name, "unread", unread, values)
            features += [*date_features(dates, reading).values()]
        return np.column_stack([numbers, *features]) if features else numbers

    def _read_number_columns(
        self,
        table: pd.DataFrame,
        columns: Sequence[str],
        places: Sequence[int],
        findings: list[Finding],
    ) -> "NDArray[np.float64]":
        """Return columns of numbers, those of numpy's types all at once."""
        dtypes = table.dtypes.tolist()
        is_plain = [
            isinstance(dtypes[place], np.dtype) and dtypes[place].kind in "iufb"
            for place in places
        ]
        plain_places = [*compress(places, is_plain)]
        if plain_places == [*range(table.shape[1])]:
            matrix = table.to_numpy(dtype=float, copy=True)
        else:
            matrix = np.empty((len(table), len(places)))
            plain = table.iloc[:, plain_places].to_numpy(dtype=float)
            matrix[:, np.flatnonzero(is_plain)] = plain

        for i, name in enumerate(columns):
            if not is_plain[i]:
                values = table.iloc[:, places[i]]
                matrix[:, i], unread = read_numbers(values, self.readings_[name])
                _note(findings, name, "unread", unread, values)
        for i in np.flatnonzero(np.isinf(matrix).any(axis=0)).tolist():
            infinite = np.isinf(matrix[:, i])
            _note(findings, columns[i], "unread", infinite, table.iloc[:, places[i]])
            matrix[infinite, i] = np.nan
        self._note_doubts(table, columns, places, matrix, findings)
        return matrix

    def _note_doubts(
        self,
        table: pd.DataFrame,
        columns: Sequence[str],
        places: Sequence[int],
        matrix: "NDArray[np.float64]",
        findings: list[Finding],
    ) -> None:
        """Add findings on numbers that a file's reader may have misread.

        By default, pandas reads 1.234 as a number even if 1234 is meant.
        """
        for i, name in enumerate(columns):
            if not self.readings_[name].get("thousands"):
                continue
            values = table.iloc[:, places[i]]
            if is_numeric(values):
                has_fraction = matrix[:, i] % 1 > 0
                _note(findings, name, "doubtful", has_fraction, values)

    def _read_codes(
        self,
        table: pd.DataFrame,
        columns: Sequence[str],
        places: Sequence[int],
        findings: list[Finding],
    ) -> "NDArray[np.int64]":
        """Return the codes of categories as a matrix."""
        matrix = np.empty((len(table), len(columns)), np.int64)
        for i, (name, place) in enumerate(zip(columns, places, strict=True)):
            values = table.iloc[:, place]
            cells, levels = read_cells(values), self.levels_[name]
            per_text = np.array([*map(levels.code_of, cells.texts)], np.int64)
            codes = cells.take(per_text, MISSING)
            matrix[:, i] = codes

            is_unknown = codes == UNKNOWN
            if is_unknown.sum() > (codes != MISSING).sum() / 2:
                _note(findings, name, "unseen", is_unknown, values)
            if cells.from_numbers:
                per_text = np.array([*map(levels.is_ambiguous, cells.texts)], bool)
                _note(findings, name, "ambiguous", cells.take(per_text, False), values)
        return matrix


def _as_table(X: Any) -> pd.DataFrame:
    """Return rows as a table."""
    return X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)


def _read_texts(values: "pd.Series[Any]") -> list[str]:
    """Return a text per row; it is empty where it is missing."""
    cells = read_cells(values)
    texts = ["" if text.lower() in MARKS else text for text in cells.texts]
    row_texts: list[str] = cells.take(np.array(texts, dtype=object), "").tolist()
    return row_texts


def _note(
    findings: list[Finding],
    column: str,
    problem: Literal["unread", "unseen", "ambiguous", "doubtful"],
    rows: "NDArray[np.bool_]",
    values: "pd.Series[Any]",
) -> None:
    """Add a finding if there are such rows."""
    if not rows.any():
        return
    found = values[rows]
    first = found.head(MOST_EXAMPLES)
    labels, examples = first.index.tolist(), map(str, first.tolist())
    findings.append(
        Finding(column, problem, len(found), tuple(labels), tuple(examples))
    )


def _join(blocks: Sequence["NDArray[np.float64]"]) -> "NDArray[np.float64]":
    """Return features side by side, without a copy if there is one block."""
    return blocks[0] if len(blocks) == 1 else np.hstack(blocks)
