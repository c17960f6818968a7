"""Rows that a random split tears apart, or has on both sides."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.errors import DataError
from kedro_dynamic.models.advice.view import (
    SAMPLE_ROWS,
    Advice,
    View,
    target_numbers,
)
from kedro_dynamic.models.snippets import in_yaml
from kedro_dynamic.models.split import group_keys, read_times

Array = np.ndarray[Any, Any]

NODES = "pipelines/models/nodes.py"

# titanic 12 %, caravan 10 % of the table's rows; iris .7 %, diamonds .3 %, others less.
IDENTICAL_SHARE = 0.01
# Of 30 test rows, one is more than 1 %: iris has two identical rows by chance.
IDENTICAL_ROWS = 3
IDENTICAL_ROWS_SAMPLED = 1_000

MIN_NUMBERED = 20
ROW_NUMBER = r"Unnamed: \d+(\.\d+)?"

MIN_GROUPS = 8
GROUPED_SHARE = 0.8
# How much of the target's and of the features' variance is between groups, beyond that
# of random groups. Parkinsons' `name` 1.00 and .58, wages of men over years .48 and
# .47; innocent: Hitters' `RBI` .45 and .17, ramen's `brand` .31 and .30, flights by
# hour .12 and .49. So both have to be reached.
TARGET_BETWEEN = 0.4
FEATURES_BETWEEN = 0.3
# To tell ids from measurements, groups of neighbouring numbers are merged, 4 of many or
# 2 of few. With ids (eight panels), 9 to 45 % of the variance between groups remains;
# with measurements, such as the flipper lengths of penguins, 78 % or more.
NEIGHBOURS_ALIKE = 0.6
MANY_GROUPS = 40
# Things that are measured repeatedly: each comes at most once with each time, and this
# share of all pairs or more is there. By chance, some pairs would come twice.
CROSSED_SHARE = 0.25
# How much of the target's variance at one time is between the things that are measured:
# chicks .48, sleepers .53, cows .44, people who answer 24 questions .24.
MEASURED_BETWEEN = 0.3
# Things whose rows stand in blocks: a time rises in each, and starts again at the same
# value in this share of them. In a list by brand and price, prices start anywhere.
SAME_START = 0.5
BLOCK_EXCEPTIONS = 0.05
BLOCKS_OF_ONE = 3
MIN_COMPANY = 50
MOSTLY_DIFFERENT = 0.95
MAX_CLASSES = 50
TINY = 1e-12

SORTED_SHARE = 0.99
MIN_DATES = 20
SORTED_ROWS = 500


def find_identical_rows(view: View) -> Iterator[Advice]:
    """Yield how many test rows are identical to a training row.

    Rows of two groups are two things, though their features are the same.
    """
    if view.group_column:
        return
    is_identical = _identical_test_rows(view)
    share = float(is_identical.mean())
    if share < IDENTICAL_SHARE or is_identical.sum() < IDENTICAL_ROWS:
        return
    # Rows of a few categories are the same by chance.
    if share < 2 * _identical_by_chance(view):
        return
    yield Advice(
        "identical-rows",
        f"{share:.1%} of the test rows are identical to a training row, target "
        "included: models need only remember them. If the same thing was recorded "
        "twice, keep it once.",
        f"table = table.drop_duplicates()  # first line of split_data in {NODES}",
    )


def _identical_test_rows(view: View) -> Array:
    """Return for a sample of the test rows whether a training row is identical.

    Training rows that differ from all of them are left out column by column, the most
    telling columns first, so that most columns of a large table are never read whole.
    """
    test = np.linspace(0, len(view.X_test) - 1, IDENTICAL_ROWS_SAMPLED).astype(int)
    test = np.unique(test)
    train = np.arange(len(view.X_train))
    # Numbers first: texts take ten times as long.
    order = np.lexsort((-view.numbers_of_values, ~view.is_number))
    columns = (
        (view.X_train.iloc[:, place], view.X_test.iloc[:, place]) for place in order
    )
    target = (view.y_train, view.y_test)

    known, new = np.zeros(len(train), dtype="u8"), np.zeros(len(test), dtype="u8")
    for column, test_column in chain(columns, [target]):
        known = _mix(known, _hash(column.iloc[train]))
        new = _mix(new, _hash(test_column.iloc[test]))
        is_possible = pd.Series(known).isin(new).to_numpy()
        train, known = train[is_possible], known[is_possible]
        if not len(train):
            break
    return pd.Series(new).isin(known).to_numpy()


def _hash(values: "pd.Series[Any]") -> Array:
    """Return a number per value, the same for equal values."""
    if pd.api.types.is_numeric_dtype(values):
        return pd.util.hash_array(values.to_numpy(dtype=float, na_value=np.nan))
    try:
        return pd.util.hash_pandas_object(values, index=False).to_numpy()
    except TypeError:  # cells such as lists
        return pd.util.hash_pandas_object(values.astype(str), index=False).to_numpy()


def _mix(hashes: Array, others: Array) -> Array:
    """Return one hash of two."""
    return pd.util.hash_array(hashes) ^ others


def _identical_by_chance(view: View) -> float:
    """Return the share of identical rows to expect if columns were independent."""
    pairs = len(view.X_train) * 1.0
    for codes in [view.y, *view.codes.T]:
        counts = np.unique(codes, return_counts=True)[1]
        pairs *= (counts * (counts - 1)).sum() / (len(codes) * (len(codes) - 1))
        if pairs < IDENTICAL_SHARE / 10:
            return 0.0
    return float(1 - np.exp(-pairs))


def find_row_numbers(view: View) -> Iterator[Advice]:
    """Yield the columns that number the rows."""
    numbering = [
        place for place in range(len(view.names)) if _numbers_rows(view, place)
    ]
    names = [view.names[place] for place in numbering]
    names = [name for name in names if name != view.time_column]
    if names:
        quoted = ", ".join(f"'{name}'" for name in names)
        verb = "numbers" if len(names) == 1 else "number"
        yield Advice(
            "row-number",
            f"{quoted} {verb} the rows: new rows have other numbers.",
            columns=tuple(names),
            is_drop=True,
        )


def _numbers_rows(view: View, place: int) -> bool:
    """Return True if a column counts the rows, of which a few may be missing."""
    rows = len(view.X_train) + len(view.X_test)
    sample = view.codes[:, place]
    if rows < MIN_NUMBERED or not view.is_number[place]:
        return False
    if view.numbers_of_values[place] < len(sample) or (sample % 1 != 0).any():
        return False
    if re.fullmatch(ROW_NUMBER, view.names[place]):
        return True
    parts = view.X_train.iloc[:, place], view.X_test.iloc[:, place]
    numbers = np.concatenate([part.to_numpy(float, na_value=np.nan) for part in parts])
    span = numbers.max() - numbers.min() + 1
    return bool(span <= 1.1 * rows)


def find_groups(view: View) -> Iterator[Advice]:
    """Yield the column whose rows belong together, while rows are split one by one."""
    if not view.is_random_split:
        return
    advice = (
        _advise_on_like_rows(view)
        or _advise_on_repeated_measurements(view)
        or _advise_on_blocks(view)
    )
    if advice is not None:
        yield advice


def _advise_on_groups(name: str, reason: str) -> Advice:
    """Return the advice to keep the rows of one value together."""
    return Advice(
        "rows-belong-together",
        f"{reason}, and the random split has them on both sides. If rows of one "
        f"'{name}' belong together, keep them together.",
        f"group_column: {in_yaml(name)}",
        (name,),
    )


def _advise_on_like_rows(view: View) -> Advice | None:
    """Return the advice on the column whose rows are most alike, or None."""
    best_name, best_shares, most = "", (0.0, 0.0), 0.0
    for place in _group_places(view):
        if not _may_have_groups(view, int(place)):
            continue
        shares = _shares_of_whole_groups(view, int(place))
        strength = min(shares[0] / TARGET_BETWEEN, shares[1] / FEATURES_BETWEEN)
        if strength >= max(1.0, most):
            best_name, best_shares, most = view.names[place], shares, strength
    if not best_name:
        return None
    of_target, of_features = best_shares
    return _advise_on_groups(
        best_name,
        f"Rows of one '{best_name}' resemble each other ({of_target:.0%} of the "
        f"target's variance and {of_features:.0%} of the features' are between them)",
    )


def _advise_on_repeated_measurements(view: View) -> Advice | None:
    """Return the advice on what was measured repeatedly, such as at several times."""
    pairs = _crossed_pairs(view)
    if not pairs:
        return None
    y = target_numbers(view.y_train.iloc[view.table_order], view.is_classification)
    columns = _target_columns(view, y)

    best_names, most = ("", ""), MEASURED_BETWEEN
    for place, other, codes, times in pairs:
        at_one_time = columns - _means(columns, times)
        share = _share_between(at_one_time, codes)
        # Times themselves are not measured: neighbouring ones are alike.
        of_merged = _share_between(at_one_time, _merge_neighbours(codes))
        if share > most and of_merged <= NEIGHBOURS_ALIKE * share:
            best_names, most = (view.names[place], view.names[other]), share
    name, other_name = best_names
    if not name:
        return None
    return _advise_on_groups(
        name,
        f"'{name}' was measured repeatedly, once for each '{other_name}': of the "
        f"target's variance within one '{other_name}', {most:.0%} is between them",
    )


def _advise_on_blocks(view: View) -> Advice | None:
    """Return the advice on things whose rows stand together, in the order of a time."""
    index = np.concatenate([view.X_train.index, view.X_test.index])
    order = np.argsort(index, kind="stable")
    is_training = order < len(view.X_train)
    y = target_numbers(view.y_train.iloc[view.table_order], view.is_classification)
    columns = _target_columns(view, y)
    places = _group_places(view)

    for time in map(int, np.flatnonzero(view.is_number)):
        starts = _starts_of_blocks(_whole_column(view, time, order))
        if starts is None:
            continue
        for place in places[places != time]:
            # The first rows tell most columns apart, in a tenth of the time.
            if not _has_blocks(view, int(place), order[:SORTED_ROWS], starts):
                continue
            if not _has_blocks(view, int(place), order, starts):
                continue
            blocks = pd.factorize(np.cumsum(starts)[is_training], sort=True)[0]
            share = _share_between(columns, blocks)
            if share < MEASURED_BETWEEN:
                continue
            # The years of a table of months are in blocks, too: neighbours are alike.
            of_merged = _share_between(columns, _merge_neighbours(blocks))
            if view.is_number[place] and of_merged > NEIGHBOURS_ALIKE * share:
                continue
            name, time_name = view.names[place], view.names[time]
            return _advise_on_groups(
                name,
                f"The rows of each '{name}' stand together, in the order of "
                f"'{time_name}', as repeated measurements do: {share:.0%} of the "
                "target's variance is between them",
            )
    return None


def _has_blocks(view: View, place: int, order: Array, starts: Array) -> bool:
    """Return True if a column changes where blocks start, and few blocks share values.

    Numbers of patients may come again in each centre. In designed experiments and in
    calendars, each value comes in many blocks.
    """
    starts = starts[: len(order)]
    groups = _number_groups(_whole_column(view, place, order))
    changes = np.diff(groups, prepend=-1) != 0
    is_alike = (changes != starts).sum() <= BLOCK_EXCEPTIONS * starts.sum()
    return bool(is_alike and groups.max() + 1 >= starts.sum() / BLOCKS_OF_ONE)


def _whole_column(view: View, place: int, order: Array) -> "pd.Series[Any]":
    """Return a column of training and test rows, in the order of the table."""
    parts = [view.X_train.iloc[:, place], view.X_test.iloc[:, place]]
    whole: pd.Series[Any] = pd.concat(parts).iloc[order]
    return whole


def _starts_of_blocks(times: "pd.Series[Any]") -> Array | None:
    """Return the rows where a rising number starts again, or None if it is not one."""
    numbers = times.to_numpy(dtype=float, na_value=np.nan)
    if np.isnan(numbers).any():
        return None
    is_start = np.diff(numbers, prepend=np.inf) <= 0
    if not MIN_GROUPS <= is_start.sum() <= len(numbers) / 2:
        return None
    most_frequent = pd.Series(numbers[is_start]).value_counts(normalize=True).iloc[0]
    return is_start if most_frequent >= SAME_START else None


def _crossed_pairs(view: View) -> list[tuple[int, int, Array, Array]]:
    """Return pairs of columns whose values come together at most once, and often.

    Returns:
        The place of a column that may have groups and of another one, and the codes of
        both, in the order of the table's rows.
    """
    rows = len(view.X_train)
    is_repeated = view.numbers_of_values <= MOSTLY_DIFFERENT * len(view.sample)
    codes: dict[int, Array] = {}
    for place in map(int, np.flatnonzero(is_repeated & (view.numbers_of_values > 1))):
        column = view.X_train.iloc[:, place].iloc[view.table_order]
        codes[place] = _number_groups(column, is_sorted=bool(view.is_number[place]))

    pairs = []
    for place in codes.keys() & set(_group_places(view).tolist()):
        groups = codes[place]
        for other, times in codes.items():
            cells = (groups.max() + 1) * (times.max() + 1)
            if other == place or not rows <= cells <= rows / CROSSED_SHARE:
                continue
            if pd.Series(groups * (times.max() + 1) + times).is_unique:
                pairs.append((place, other, groups, times))
    return pairs


def _group_places(view: View) -> Array:
    """Return the places of columns of categories, texts or whole numbers."""
    is_whole = ~(np.nan_to_num(view.codes) % 1 != 0).any(axis=0)
    return np.flatnonzero(
        is_whole & ~view.is_date & (view.numbers_of_values >= MIN_GROUPS)
    )


def _may_have_groups(view: View, place: int) -> bool:
    """Return True if rows of the sample that share a group resemble each other.

    Most groups of a large table have one row in the sample, and tell nothing there; a
    column without others lacks groups of several rows.
    """
    codes = _number_groups(view.sample.iloc[:, place])
    has_company = np.bincount(codes)[codes] > 1
    codes = pd.factorize(codes[has_company])[0]
    if len(codes) < MIN_COMPANY or codes.max() + 1 < MIN_GROUPS:
        return False
    y = view.y[has_company]
    of_target = _share_of_target(view, y, codes)
    if of_target < TARGET_BETWEEN:
        return False
    features = view.codes[np.ix_(has_company, _feature_places(view, place))]
    of_features = _share_of_features(features, codes)
    if of_features < FEATURES_BETWEEN:
        return False
    if not view.is_number[place]:
        return True

    # In the order of a measurement neighbouring groups are as alike as rows of one.
    ranks = np.unique(view.codes[has_company, place], return_inverse=True)[1]
    merged = _merge_neighbours(ranks)
    of_merged = _share_of_target(view, y, merged) * _share_of_features(features, merged)
    return of_merged <= NEIGHBOURS_ALIKE * of_target * of_features


def _merge_neighbours(ranks: Array) -> Array:
    """Return groups of several neighbouring groups: 4 of many, or 2 of few."""
    return ranks // (4 if ranks.max() >= MANY_GROUPS else 2)


def _number_groups(values: "pd.Series[Any]", is_sorted: bool = False) -> Array:
    """Return the number of each row's group, from 0, in the order of appearance."""
    try:
        keys = group_keys(values)
        return pd.factorize(keys, sort=is_sorted, use_na_sentinel=False)[0]
    except TypeError:  # cells such as lists
        return pd.factorize(values.astype(str))[0]


def _shares_of_whole_groups(view: View, place: int) -> tuple[float, float]:
    """Return how much of the target's and the features' variance is between groups.

    Groups are whole ones, about as many rows as a sample has. Both shares are 0 if most
    rows are alone in their group, or groups are few.
    """
    codes = _number_groups(view.X_train.iloc[:, place])
    sizes = np.bincount(codes)
    is_several = MIN_GROUPS <= len(sizes) <= len(codes) / 2
    if not is_several or sizes[sizes > 1].sum() < GROUPED_SHARE * len(codes):
        return 0.0, 0.0

    order = np.random.default_rng(0).permutation(len(sizes))
    number = int(np.searchsorted(np.cumsum(sizes[order]), SAMPLE_ROWS)) + 1
    rows = np.flatnonzero(np.isin(codes, order[: max(number, MIN_GROUPS)]))
    codes = pd.factorize(codes[rows])[0]
    y = target_numbers(view.y_train.iloc[rows], view.is_classification)
    features = view.X_train.iloc[rows, _feature_places(view, place)]
    numbers = features.to_numpy(dtype=float, na_value=np.nan)
    return _share_of_target(view, y, codes), _share_of_features(numbers, codes)


def _feature_places(view: View, place: int) -> Array:
    """Return the places of the columns of numbers, but for one."""
    is_feature = view.is_number.copy()
    is_feature[place] = False
    return np.flatnonzero(is_feature)


def _share_of_target(view: View, y: Array, codes: Array) -> float:
    """Return the share of the target's variance that is between groups.

    The share that random groups have is 0.
    """
    return _share_between(_target_columns(view, y), codes)


def _target_columns(view: View, y: Array) -> Array:
    """Return the target as a column of numbers, or as a column per class."""
    columns = y[:, None]
    if view.is_classification:
        columns = (columns == np.arange(min(y.max() + 1, MAX_CLASSES))).astype(float)
    return columns


def _share_between(columns: Array, codes: Array) -> float:
    """Return the share of the variance of columns that is between groups."""
    between, total = _variances(columns, codes)
    by_chance = codes.max() / (len(codes) - 1)
    return float((between.sum() / max(total.sum(), TINY) - by_chance) / (1 - by_chance))


def _means(columns: Array, codes: Array) -> Array:
    """Return in each row the means of the columns in its group."""
    sizes = np.bincount(codes)
    means = [np.bincount(codes, column) / sizes for column in columns.T]
    return np.column_stack(means)[codes]


def _share_of_features(columns: Array, codes: Array) -> float:
    """Return the mean share of the columns' variance that is between groups.

    The share that random groups have is left out.
    """
    between, total = _variances(columns, codes)
    is_varied = total > TINY
    if not is_varied.any():
        return 0.0
    by_chance = codes.max() / (len(codes) - 1)
    return float((between[is_varied] / total[is_varied]).mean() - by_chance)


def _variances(columns: Array, codes: Array) -> tuple[Array, Array]:
    """Return per column the variance between groups, and all of it, times the rows."""
    is_missing = np.isnan(columns)
    values = np.maximum((~is_missing).sum(axis=0), 1)
    centred = columns - np.where(is_missing, 0, columns).sum(axis=0) / values
    centred[is_missing] = 0
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=codes.min() - 1))
    sums = np.add.reduceat(centred[order], starts, axis=0)
    sizes = np.diff(starts, append=len(codes))
    return (sums**2 / sizes[:, None]).sum(axis=0), (centred**2).sum(axis=0)


def find_time_order(view: View) -> Iterator[Advice]:
    """Yield the date column that rows are sorted by, while the split is random."""
    if not view.is_random_split:
        return
    for place in np.flatnonzero(view.is_date):
        if is_sorted_by(view, int(place)):
            name = view.names[place]
            yield Advice(
                "sorted-by-time",
                f"The rows are sorted by '{name}', and the split is random: models are "
                "tested between rows that they trained on. If they are to predict the "
                "future, test them on the last rows.",
                f"time_column: {in_yaml(name)}",
                (name,),
            )
            return


def is_sorted_by(view: View, place: int) -> bool:
    """Return True if the table's rows are sorted by a column of dates or numbers."""
    spread = np.linspace(0, len(view.X_train) - 1, SORTED_ROWS).astype(int)
    column = view.X_train.iloc[view.table_order[np.unique(spread)], place]
    try:
        times = read_times(column.dropna()).to_numpy()
    except DataError:
        return False
    if len(np.unique(times)) < MIN_DATES:
        return False
    steps = np.diff(times).astype(float)
    # Neighbours may be in another order, such as flights by hour that stand by day.
    correlation = np.corrcoef(pd.Series(times).rank(), np.arange(len(times)))[0, 1]
    shares = (steps >= 0).mean(), (steps <= 0).mean(), abs(correlation)
    return bool(max(shares) >= SORTED_SHARE)
