"""What the checks look at: a table's split, a sample of it, and how it is used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.models.columns.cells import (
    date_format,
    is_date_type,
    is_number_type,
    read_dates,
)
from kedro_dynamic.models.columns.kinds import read_as_dates

Array = np.ndarray[Any, Any]

SAMPLE_ROWS = 5_000

# Texts that are looked at to see whether a column holds dates.
DATES_SAMPLED = 200


@dataclass(frozen=True)
class Advice:
    """One warning: what may be wrong, and what to write against it."""

    code: str
    """Names the check, for tests and for pages that explain it."""

    message: str
    """What was found, with its figures, and what it means."""

    write: str = ""
    """The line that mends it: of YAML, or of Python where no YAML can. If columns are
    to be left out, what follows ``drop: [...]``, which ``advise`` writes."""

    columns: tuple[str, ...] = ()
    """The columns that it is about."""

    is_drop: bool = False
    """True if the columns are to be left out."""


@dataclass(frozen=True)
class View:
    """The training and test rows of one table, and what the parameters say of it."""

    X_train: pd.DataFrame
    y_train: "pd.Series[Any]"
    X_test: pd.DataFrame
    y_test: "pd.Series[Any]"
    is_classification: bool
    decides: str = ""
    """The name of the score that decides."""
    models: Mapping[str, ModelSpec] = field(default_factory=dict)
    group_column: str | None = None
    time_column: str | None = None
    dropped: tuple[str, ...] = ()
    """The columns that ``data.drop`` names already."""

    @property
    def is_random_split(self) -> bool:
        """Return True if rows were drawn one by one."""
        return not self.group_column and not self.time_column

    @cached_property
    def table_order(self) -> Array:
        """Positions of the training rows in the order of the table, by their index."""
        return np.argsort(self.X_train.index, kind="stable")

    @cached_property
    def positions(self) -> Array:
        """Positions of the sample's rows in the training set, in ascending order."""
        rows = len(self.X_train)
        if rows <= SAMPLE_ROWS:
            return np.arange(rows)
        random = np.random.default_rng(0)
        return np.sort(random.choice(rows, SAMPLE_ROWS, replace=False))

    @cached_property
    def sample(self) -> pd.DataFrame:
        """The sample's features."""
        return self.X_train.iloc[self.positions]

    @cached_property
    def y(self) -> Array:
        """The sample's target as numbers: of classes their codes."""
        return target_numbers(self.y_train.iloc[self.positions], self.is_classification)

    @cached_property
    def is_number(self) -> Array:
        """Return per column whether it holds numbers; booleans are categories."""
        columns = (self.X_train.iloc[:, place] for place in range(len(self.names)))
        return np.array([is_number_type(column) for column in columns], dtype=bool)

    @cached_property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [str(name) for name in self.X_train.columns]

    @cached_property
    def codes(self) -> Array:
        """The sample's features as numbers, rows x columns.

        Dates are times, and categories are codes. A missing value is NaN.
        """
        codes = np.empty(self.sample.shape)
        codes[:, self.is_number] = self.sample.loc[:, self.is_number].to_numpy(
            dtype=float, na_value=np.nan
        )
        for place in np.flatnonzero(~self.is_number):
            to_codes = date_codes if self.is_date[place] else category_codes
            codes[:, place] = to_codes(self.sample.iloc[:, int(place)])
        return codes

    @cached_property
    def numbers_of_values(self) -> Array:
        """Return per column how many different values the sample has."""
        ordered = np.sort(self.codes, axis=0)
        # NaN differs from itself, so missing values are counted apart.
        is_new = (np.diff(ordered, axis=0) != 0) & ~np.isnan(ordered[1:])
        has_missing = np.isnan(ordered).any(axis=0)
        has_value = ~np.isnan(ordered[0])
        numbers: Array = is_new.sum(axis=0) + has_value + has_missing
        return numbers

    @cached_property
    def is_date(self) -> Array:
        """Return per column whether it holds dates, or texts of dates."""
        is_date = np.zeros(self.sample.shape[1], dtype=bool)
        for place in np.flatnonzero(~self.is_number):
            is_date[place] = looks_like_dates(self.sample.iloc[:, int(place)])
        return is_date


def looks_like_dates(values: "pd.Series[Any]") -> bool:
    """Return True if a column holds dates, or texts that are read as dates."""
    if is_date_type(values):
        return True
    texts = values.iloc[:DATES_SAMPLED].dropna().astype(str)
    return len(texts) > 0 and all(date_format(text.strip(), True) for text in texts)


def date_codes(values: "pd.Series[Any]") -> Array:
    """Return dates as numbers in the order of time, NaN for missing."""
    reading, _ = read_as_dates(values)
    dates, _ = read_dates(values, reading)
    return np.where(np.isnat(dates), np.nan, dates.astype("int64"))


def category_codes(values: "pd.Series[Any]") -> Array:
    """Return values as numbers in the order of their appearance, NaN for missing."""
    try:
        codes, _ = pd.factorize(values)
    except TypeError:  # cells such as lists
        codes, _ = pd.factorize(values.astype(str))
    return np.where(codes < 0, np.nan, codes)


def target_numbers(y: "pd.Series[Any]", is_classification: bool) -> Array:
    """Return a target as numbers: of classes their codes from 0."""
    if is_classification:
        return pd.factorize(y)[0]
    return y.to_numpy(dtype=float)
