"""The split as data: which rows test, which rows validate, which rows are for tuning.

The table of folds has one row per training row, and these columns:

``fold``
    The number of the fold that validates on the row: "1", "2", and so on; ``tuning``
    if studies see the row; missing if the row only trains.
``tuning_fold``
    The number of the fold of studies, for the rows that are kept for tuning. The column
    is there if such rows are.
``block``
    The place of the row in time, a number or a time. The column is there if time
    matters: a model that is validated on a fold then trains on earlier blocks alone.

Without ``block``, a model that is validated on a fold trains on all rows outside of it.
So a split of one's own is a table with a column ``fold`` of numbers, and for a split in
time with a column ``block`` beside it. The project's node returns it after the features
and targets of both sets. If models are tuned, ``make_folds`` can mark the rows for it.

scikit-learn is imported where it is used: every Kedro command imports this module.
"""

import warnings
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from kedro_dynamic.config.errors import ConfigurationError, DataError
from kedro_dynamic.config.schema import FILE, DataSpec
from kedro_dynamic.models.balance import cut_by_time, deal_groups, lowest_hashes
from kedro_dynamic.models.columns.cells import read_dates
from kedro_dynamic.models.columns.kinds import read_as_dates
from kedro_dynamic.models.target import values_repeat

Array = np.ndarray[Any, Any]
Pairs = list[tuple[Array, Array]]

TUNING = "tuning"

# What tells rows of one thing apart: a number or a single letter, such as that of an
# eye, and the ending of a file.
LAST_PART = r"([\W_]*(\d+|(?<![^\W\d_])[^\W\d_]))?(\.[a-zA-Z]\w{1,4})?$"

# The share of the training rows that is kept for tuning, if a model is tuned.
TUNING_SHARE = 1 / 3


def split_rows(
    table: pd.DataFrame, data: DataSpec, random_state: int
) -> tuple[Array, Array]:
    """Choose the training rows and the test rows of a table.

    Rows are drawn at random; if there are enough rows of each class, classes keep their
    shares. With a group column, all rows of a group are on one side, and classes keep
    their shares as far as possible. With a time column, the last rows in time are the
    test set, and rows of one time are on one side.

    Args:
        table: One row per sample; features and the target as columns.
        data: The columns' roles, and the share of rows to train on.
        random_state: Seed of the shuffle.

    Returns:
        Positions of the training rows and of the test rows, from 0.

    Raises:
        DataError: If the rows cannot be split like that.
    """
    y = table[data.target_column]
    shares = [data.train_fraction, 1 - data.train_fraction]
    by_class = values_repeat(y)
    groups, times = groups_and_times(table, data, np.arange(len(table)))
    if groups is not None:
        _check_groups(groups)
        parts = deal_groups(groups, y, shares, random_state, by_class)
    elif times is not None:
        if times.nunique() < 2:
            _refuse(f"{times.name}: all {len(times)} rows have the same time")
        parts = cut_by_time(times, shares)
    else:
        return _split_at_random(y, data.train_fraction, random_state)

    training, test = np.flatnonzero(parts == 0), np.flatnonzero(parts == 1)
    _check_part(y, "training", training)
    if by_class:
        _check_part(y, "test", test)
    return training, test


def _split_at_random(
    y: "pd.Series[Any]", train_fraction: float, random_state: int
) -> tuple[Array, Array]:
    """Return shuffled positions, stratified by the target if its values allow it."""
    from sklearn.model_selection import train_test_split

    smaller_part = min(train_fraction, 1 - train_fraction)
    # A continuous target has next to no rows of each value.
    is_enough = y.value_counts().min() * smaller_part > 0.999  # 5 * 0.2 is below 1
    training, test = train_test_split(
        np.arange(len(y)),
        train_size=train_fraction,
        random_state=random_state,
        stratify=y if is_enough else None,
    )
    _check_part(y, "training", training)
    return training, test


def _check_part(y: "pd.Series[Any]", part: str, positions: Array) -> None:
    """Raise if all rows of a part have the same target."""
    values = y.iloc[positions]
    if values.nunique() == 1:
        _refuse(
            f"{y.name}: all {len(values)} rows of the {part} set have the value "
            f"'{values.iloc[0]}'; of {len(y)} rows, the other part has all that differ"
        )


def group_keys(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the group of each row, by the values of a group column.

    If all values are different texts, groups are what the texts have in common without
    the number or letter at their end: ``S07_1`` and ``S07_2`` are rows of ``S07``, and
    ``img_001_a.png`` is one of ``img_001``. Rows without a value form one group, since
    they may belong together.

    Args:
        values: The group column, one value per row of the table.
    """
    is_number = pd.api.types.is_numeric_dtype(values)
    if is_number or values.hasnans or not values.is_unique:
        return values
    return values.astype(str).str.replace(LAST_PART, "", regex=True)


def _check_groups(groups: "pd.Series[Any]") -> None:
    """Raise if the groups keep no rows together, or all of them."""
    count = groups.nunique(dropna=False)
    if count == 1:
        _refuse(f"{groups.name}: all {len(groups)} rows are in one group")
    if count == len(groups):
        _refuse(
            f"{groups.name}: each of {count} rows is a group of its own, so nothing is "
            f"kept together; write another column as data.group_column in {FILE}"
        )


def read_times(values: "pd.Series[Any]", form: str = "") -> "pd.Series[Any]":
    """Return a time column as numbers or dates.

    Args:
        values: Numbers, dates, or texts of dates, which are read like a feature.
        form: The format of the texts, such as ``%d/%m/%Y``; found out if it is empty.

    Raises:
        DataError: If a value is missing or cannot be read.
    """
    if pd.api.types.is_numeric_dtype(values):
        times = values
    else:
        reading, problem = read_as_dates(values, form)
        if problem:
            _refuse(f"{values.name}: {problem}")
        dates, _ = read_dates(values, reading)
        times = pd.Series(dates, values.index, name=values.name)
    if missing := int(times.isna().sum()):
        _refuse(
            f"{values.name}: {missing} of {len(values)} rows have no time, so they are "
            "neither before nor after the others"
        )
    return times


def groups_and_times(
    table: pd.DataFrame, data: DataSpec, rows: Array
) -> tuple["pd.Series[Any] | None", "pd.Series[Any] | None"]:
    """Return the groups and the times of some rows of a table, for ``make_folds``.

    Args:
        table: One row per sample.
        data: Names the column of the groups or of the times.
        rows: Positions of the rows, from 0.

    Returns:
        The group of each row, and the time of each row; None without such a column.

    Raises:
        DataError: If times cannot be read.
    """
    groups, times = None, None
    if data.group_column:
        # Of all rows, since their values together tell what a group is.
        groups = group_keys(table[data.group_column]).iloc[rows]
    if data.time_column:
        wanted = data.columns.get(data.time_column, "")
        form = wanted if "%" in wanted else ""
        times = read_times(table[data.time_column], form).iloc[rows]
    return groups, times


def make_folds(
    X: pd.DataFrame,
    y: "pd.Series[Any]",
    groups: "pd.Series[Any] | None" = None,
    times: "pd.Series[Any] | None" = None,
    *,
    folds: int,
    is_tuned: bool = False,
    tuning_folds: int = 5,
    random_state: int,
) -> pd.DataFrame:
    """Assign the training rows to folds, and a share of them to tuning.

    Without groups and times, the folds are those of scikit-learn's ``KFold``, shuffled;
    of ``StratifiedKFold`` if the target has few values that repeat. With groups, all
    rows of a group are in one fold. With times, the rows are cut into folds + 1 blocks,
    and the model that is validated on a block trains on the blocks before it, so that
    the first block validates nothing.

    The rows for tuning are chosen by a hash of the row or of its group. With times they
    are the earliest rows, and take the place of the first block.

    Args:
        X: Features of the training rows.
        y: The target, same rows.
        groups: The group of each row, from ``group_keys``.
        times: The time of each row, from ``read_times``.
        folds: Number of folds; 0 leaves validation out.
        is_tuned: True keeps a third of the rows for tuning: nothing is validated on
            them, and every model may train on them.
        tuning_folds: Number of folds of studies, among these rows; fewer if there are
            too few rows for them.
        random_state: Seed of the shuffle.

    Returns:
        The table of folds, with the index of X; see the top of this module.

    Raises:
        ConfigurationError: If there are too few rows, groups, times or rows of a class
            for the folds; says how many folds there can be.
    """
    rows = _Rows(X, y, groups, times, random_state, values_repeat(y))
    is_tuning = rows.choose(TUNING_SHARE if is_tuned else 0)
    validated, tuning = rows.where(~is_tuning), rows.where(is_tuning)

    numbers = np.zeros(len(y), dtype=int)
    numbers[~is_tuning] = validated.assign(folds, tuning.y)
    table = pd.DataFrame({"fold": _labels(numbers)}, index=X.index)
    if is_tuned:
        tuning_numbers = np.zeros(len(y), dtype=int)
        tuning_numbers[is_tuning] = tuning.assign_for_tuning(tuning_folds)
        table.loc[is_tuning, "fold"] = TUNING
        table["tuning_fold"] = _labels(tuning_numbers)
        numbers = np.where(is_tuning, tuning_numbers, numbers + tuning_folds)
    if times is not None:
        table["block"] = numbers
    return table


def _labels(numbers: Array) -> Array:
    """Return the numbers of folds as texts, which stand beside others in one column."""
    labels: Array = numbers.astype(str).astype(object)
    labels[numbers == 0] = None
    return labels


@dataclass(frozen=True)
class _Rows:
    """Training rows to choose from, and to assign to folds."""

    X: pd.DataFrame
    y: "pd.Series[Any]"
    groups: "pd.Series[Any] | None"
    times: "pd.Series[Any] | None"
    random_state: int
    by_class: bool
    """True if folds have equal shares of the target's values."""

    def where(self, is_chosen: Array) -> "_Rows":
        """Return some of the rows."""
        return replace(
            self,
            X=self.X[is_chosen],
            y=self.y[is_chosen],
            groups=None if self.groups is None else self.groups[is_chosen],
            times=None if self.times is None else self.times[is_chosen],
        )

    def choose(self, share: float) -> Array:
        """Return which rows to keep for tuning."""
        if not share:
            return np.zeros(len(self.y), dtype=bool)
        if self.times is not None:
            return np.equal(cut_by_time(self.times, [share, 1 - share]), 0)
        how = (self.random_state, self.by_class)
        if self.groups is not None:
            parts = deal_groups(self.groups, self.y, [1 - share, share], *how)
            return np.equal(parts, 1)
        return lowest_hashes(self.X, self.y, share, *how)

    def assign(self, folds: int, known: "pd.Series[Any]") -> Array:
        """Return the number of each row's fold, from 1; 0 for rows that only train.

        Args:
            folds: The number of folds.
            known: The target of other rows, earlier if times matter, that the model of
                each fold trains on, too.

        Raises:
            ConfigurationError: If there cannot be that many folds; says how many.
        """
        numbers, problem = self._assign_most(folds, known, "the training set")
        if problem:
            advice = f"write {numbers.max()} or less" if numbers.any() else "write 0"
            raise ConfigurationError.listing(
                FILE, [f"comparison.folds: {folds}, but {problem}; {advice}"]
            )
        return numbers

    def assign_for_tuning(self, folds: int) -> Array:
        """Return the number of each row's fold, from 1; 0 for rows that only train.

        Args:
            folds: The number of folds, at most.

        Raises:
            ConfigurationError: If there cannot be two folds.
        """
        numbers, problem = self._assign_most(folds, self.y[:0], "it")
        if not numbers.any():
            share = "a third of the training set is for tuning"
            raise ConfigurationError.listing(
                FILE, [f"models: {share}, but {problem}; write 'trials: 0'"]
            )
        return numbers

    def _assign_most(
        self, folds: int, known: "pd.Series[Any]", part: str
    ) -> tuple[Array, str]:
        """Assign the rows to as many folds as there can be; say why not to more."""
        limit, units = self._limit(known)
        problem = ""
        if folds > limit:
            problem = f"{part} has only {units}"
            if len(known):
                problem += " besides the rows for tuning"
        for count in range(min(folds, limit), 1, -1):
            numbers = self._number(count, known)
            fault = self._find_problem(numbers, known)
            if not fault:
                return numbers, problem
            problem = problem or fault
        return np.zeros(len(self.y), dtype=int), problem

    def _limit(self, known: "pd.Series[Any]") -> tuple[int, str]:
        """Return how many folds there are rows for, and of what there are too few."""
        if self.times is not None:
            count = self.times.nunique()
            return count - _first_block(known), f"{count} different times"
        if self.groups is not None:
            count = self.groups.nunique(dropna=False)
            return count, f"{count} groups of '{self.groups.name}'"
        if self.by_class and len(self.y):
            count = int(self.y.value_counts().max())
            return count, f"{count} rows of its most frequent class"
        return len(self.y), f"{len(self.y)} rows"

    def _number(self, folds: int, known: "pd.Series[Any]") -> Array:
        """Return the number of each row's fold; the folds may lack classes."""
        if self.times is not None:
            blocks = folds + _first_block(known)
            first = 1 - _first_block(known)
            return cut_by_time(self.times, [1 / blocks] * blocks) + first
        # Tuning and validation use different rows, so both may use the same seed.
        if self.groups is not None:
            how = (self.random_state, self.by_class)
            return deal_groups(self.groups, self.y, [1 / folds] * folds, *how) + 1

        from sklearn.model_selection import KFold, StratifiedKFold

        kind = StratifiedKFold if self.by_class else KFold
        splitter = kind(folds, shuffle=True, random_state=self.random_state)
        with warnings.catch_warnings():
            # Of rare classes, which ``_find_problem`` looks at.
            warnings.simplefilter("ignore")
            pairs = list(splitter.split(self.X, self.y))
        numbers = np.zeros(len(self.y), dtype=int)
        for number, (_, validation) in enumerate(pairs, start=1):
            numbers[validation] = number
        return numbers

    def _find_problem(self, numbers: Array, known: "pd.Series[Any]") -> str:
        """Return what is wrong with the classes of a fold, or an empty text."""
        if not self.by_class:
            return ""
        repeated = self._repeated_classes()
        for number in range(1, numbers.max() + 1):
            is_validation = numbers == number
            is_training = numbers < number if self.times is not None else ~is_validation
            validated, trained = self.y[is_validation], {*self.y[is_training], *known}
            if validated.nunique() < 2:
                return f"all rows of fold {number} have the value '{validated.iloc[0]}'"
            if len(trained) < 2:
                return f"all rows that fold {number} trains on have the same value"
            if lacking := sorted(map(str, repeated - trained)):
                return f"fold {number} has all rows of the class '{lacking[0]}'"
        return ""

    def _repeated_classes(self) -> set[Any]:
        """Return the classes that the model of each fold can train on.

        A class of a single row or group cannot be both trained and validated on, and a
        class may begin in the middle of time.
        """
        if self.times is not None:
            return set()
        units = np.arange(len(self.y))
        if self.groups is not None:
            units = pd.factorize(self.groups, use_na_sentinel=False)[0]
        pairs = pd.DataFrame({"unit": units, "class": self.y.to_numpy()})
        counts = pairs.drop_duplicates()["class"].value_counts()
        return set(counts.index[counts > 1])


def _first_block(known: "pd.Series[Any]") -> int:
    """Return how many blocks only train: one, unless there are earlier rows."""
    return 0 if len(known) else 1


def check_length(folds: pd.DataFrame, X: pd.DataFrame) -> None:
    """Raise if a table of folds is not that of some training rows."""
    if len(folds) != len(X):
        _refuse(
            f"the table of folds has {len(folds)} rows, and the training set {len(X)}"
        )


def fold_pairs(folds: pd.DataFrame) -> Pairs:
    """Return the training and validation rows of each fold, for scikit-learn's ``cv``.

    Args:
        folds: The table of folds: from ``make_folds`` or of one's own, see the top of
            this module.

    Returns:
        Per fold, in the order of their numbers, two arrays of positions from 0. Empty
        if nothing is validated.

    Raises:
        DataError: If the table has other columns or values, or a fold trains on no row.
    """
    numbers = _read_numbers(folds, "fold")
    return _pairs(folds, numbers, np.ones(len(folds), dtype=bool))


def tuning_rows(folds: pd.DataFrame) -> Array:
    """Return the positions of the rows that are kept for tuning, from 0.

    Args:
        folds: The table of folds; see ``fold_pairs``.

    Raises:
        DataError: As ``fold_pairs`` does.
    """
    _read_numbers(folds, "fold")
    is_tuning = (folds["fold"] == TUNING).to_numpy(dtype=bool, na_value=False)
    return np.flatnonzero(is_tuning)


def tuning_pairs(folds: pd.DataFrame) -> Pairs:
    """Return the training and validation rows of each fold of a study.

    Args:
        folds: The table of folds; see ``fold_pairs``.

    Returns:
        As ``fold_pairs`` does, of the rows that are kept for tuning alone. Empty if
        none are kept.

    Raises:
        DataError: As ``fold_pairs`` does.
    """
    is_tuning = np.zeros(len(folds), dtype=bool)
    is_tuning[tuning_rows(folds)] = True
    if not is_tuning.any():
        return []
    numbers = _read_numbers(folds, "tuning_fold")
    return _pairs(folds, np.where(is_tuning, numbers, np.nan), is_tuning)


def _read_numbers(folds: pd.DataFrame, column: str) -> Array:
    """Return a column of folds as numbers, NaN for rows that are in none."""
    if column not in folds:
        known = ", ".join(map(str, folds.columns))
        _refuse(f"the table of folds lacks the column '{column}'; columns: {known}")
    # As objects, since in a file numbers beside texts become texts.
    labels = folds[column].astype(object)
    numbers = pd.to_numeric(labels, errors="coerce")
    is_unknown = numbers.isna() & labels.notna() & (labels != TUNING)
    if is_unknown.any():
        _refuse(
            f"the table of folds has '{labels[is_unknown].iloc[0]}' in the column "
            f"'{column}'; write the number of a fold, '{TUNING}', or nothing"
        )
    return numbers.to_numpy(dtype=float)


def _pairs(folds: pd.DataFrame, numbers: Array, is_usable: Array) -> Pairs:
    """Return the positions of each fold's rows, and of the usable rows to train on."""
    pairs = []
    for number in np.unique(numbers[~np.isnan(numbers)]):
        is_validation = numbers == number
        is_training = is_usable & ~is_validation
        if "block" in folds:
            first = folds["block"][is_validation].min()
            is_training &= (folds["block"] < first).to_numpy(dtype=bool, na_value=False)
        if not is_training.any():
            _refuse(f"fold {number:g} of the table of folds trains on no row")
        pairs.append((np.flatnonzero(is_training), np.flatnonzero(is_validation)))
    return pairs


def _refuse(problem: str) -> NoReturn:
    """Raise an error about the data."""
    raise DataError(problem)
