"""Columns that give the target away: they will not be known when it is predicted."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kedro_dynamic.models.advice.rows import is_sorted_by
from kedro_dynamic.models.advice.view import Advice, View
from kedro_dynamic.models.snippets import in_yaml

Array = np.ndarray[Any, Any]

# How far a tree of one column gets from the best constant answer (0) to perfect (1):
# titanic's `alive` 1.00, the stock market's `Today` .998; innocent: iris' petal width
# .93, breast cancer .73, crops .34.
GIVES_CLASSES_AWAY = 0.98
# r2 of a tree of one column: the total of a taxi ride .947, the registered riders of
# bike rentals .942; innocent: diamonds' carat .85, flights' departure delay .78.
GIVES_NUMBERS_AWAY = 0.93
# How far one gets by whether there is a value other than 0: by what was spent with a
# credit card .92, by the day of a cancellation 1.00; innocent: .77 and less.
PRESENCE_GIVES_AWAY = 0.85
# Bikes' casual + registered 1.000; no other sum or difference on 18 tables above this.
CORRELATION = 0.999
# Two columns are reported together only if neither of them is a leak alone.
TELLS_MUCH_ALONE = 0.9

MIN_ROWS = 50
TREE_ROWS = 3_000
TREE_DEPTH = 8

# A column whose neighbours in sorted order agree less is not tried with a tree.
PROMISING = {"classes": 0.9, "numbers": 0.85}
SCREENED_CELLS = 500_000
MAX_TRIED = 10
PAIRED_COLUMNS = 50
# Of classes, pairs have to be sorted: 190 pairs of 300 rows take 0.02 s.
PAIRED_FOR_CLASSES = 20
PAIRED_ROWS = 300

LEAVE_OUT = "Leave out what is not known yet when the target is to be predicted."


def find_leaks(view: View, explained: set[str]) -> Iterator[Advice]:
    """Yield columns, or else a sum or difference of two, that give the target away.

    Args:
        view: The table.
        explained: Names of columns that have another advice already.
    """
    if len(view.y) < MIN_ROWS or np.ptp(view.y) == 0:
        return
    explained = explained | {str(view.time_column)}
    for advice in _find_presence(view, explained):
        explained = explained | {*advice.columns}
        yield advice
    places = _places(view, explained)
    if not places.size:
        return
    if not view.is_classification:
        for advice in _find_sum(view, places):
            yield advice
            is_part = np.array(
                [view.names[place] in advice.columns for place in places]
            )
            places = places[~is_part]

    if not places.size:
        return
    agreements = _screen(view.codes[:, places], view.y, view.is_classification)
    is_promising = agreements >= _promising(view)
    by_agreement = np.argsort(-agreements)[: min(MAX_TRIED, is_promising.sum())]

    leaks = {}
    for place in places[by_agreement]:
        column = view.codes[:, place]
        is_number = bool(view.is_number[place] or view.is_date[place])
        share = _share_alone(view, column, is_number)
        if share >= _limit(view):
            leaks[int(place)] = share
    if leaks:
        yield _advise_on_columns(view, leaks)
    elif view.is_classification:
        yield from _find_hidden_column(view, places)


def _advise_on_columns(view: View, leaks: dict[int, float]) -> Advice:
    """Return the advice on columns that tell the target alone.

    Args:
        view: The table.
        leaks: By the place of a column how much it tells.
    """
    names = [view.names[place] for place in leaks]
    quoted = ", ".join(f"'{name}'" for name in names)
    measure = "of the way to perfect" if view.is_classification else "r2"
    verb = "gives" if len(names) == 1 else "each give"
    message = (
        f"{quoted} alone {verb} '{view.y_train.name}' away ({max(leaks.values()):.3f} "
        f"{measure}). {LEAVE_OUT}"
    )
    write = ""
    times = [
        view.names[place]
        for place in leaks
        if view.is_random_split and is_sorted_by(view, place)
    ]
    if times:
        message += (
            f" The rows are sorted by '{times[0]}': if it is a time and the future is "
            "to be predicted, test on the last rows."
        )
        write = f"  # a time: time_column: {in_yaml(times[0])}"
    return Advice("target-given-away", message, write, tuple(names), is_drop=True)


def _find_presence(view: View, explained: set[str]) -> Iterator[Advice]:
    """Yield the columns that are missing or 0 in nearly all rows of a class alone."""
    if not view.is_classification:
        return
    is_missing = np.isnan(view.codes)
    is_zero = (view.codes == 0) & view.is_number
    is_varied = view.numbers_of_values > 2  # two values are a category
    baseline = np.bincount(view.y).max() / len(view.y)

    names, reasons, most = [], [], 0.0
    for place in np.flatnonzero((is_missing | is_zero).any(axis=0) & is_varied):
        is_absent = is_missing[:, place] | is_zero[:, place]
        counts = [np.bincount(view.y[rows]) for rows in (is_absent, ~is_absent)]
        right = sum(count.max(initial=0) for count in counts) / len(view.y)
        share = (right - baseline) / (1 - baseline)
        if share < PRESENCE_GIVES_AWAY or view.names[place] in explained:
            continue
        kinds = {"0": is_zero[:, place].any(), "missing": is_missing[:, place].any()}
        absent = " or ".join(kind for kind, is_there in kinds.items() if is_there)
        names.append(view.names[place])
        reasons.append(f"'{view.names[place]}' is {absent}")
        most = max(most, share)
    if names:
        yield Advice(
            "target-given-away",
            f"Whether {' or '.join(reasons)} gives '{view.y_train.name}' away "
            f"({most:.3f} of the way to perfect). {LEAVE_OUT}",
            columns=tuple(names),
            is_drop=True,
        )


def _places(view: View, explained: set[str]) -> Array:
    """Return the places of columns that can give the target away.

    A text that differs in most rows cannot.
    """
    is_repeated = view.numbers_of_values <= len(view.y) / 2
    is_explained = np.array([name in explained for name in view.names], dtype=bool)
    usable = (view.is_number | view.is_date | is_repeated) & ~is_explained
    return np.flatnonzero(usable & (view.numbers_of_values > 1))


def _limit(view: View) -> float:
    return GIVES_CLASSES_AWAY if view.is_classification else GIVES_NUMBERS_AWAY


def _promising(view: View) -> float:
    return PROMISING["classes" if view.is_classification else "numbers"]


def _screen(columns: Array, y: Array, is_classification: bool) -> Array:
    """Return how well neighbours in the order of each column agree in the target.

    Returns:
        Per column 0 if as in a random order, 1 if perfectly: cheap, and not far from
        what a tree of the column would get.
    """
    rows = min(len(y), max(PAIRED_ROWS, SCREENED_CELLS // columns.shape[1]))
    chosen = _spread(len(y), rows)
    order = np.argsort(columns[chosen], axis=0, kind="stable")
    ordered = y[chosen][order]
    if not is_classification:
        squares = np.diff(ordered, axis=0) ** 2
        agreements: Array = 1 - squares.mean(axis=0) / (2 * y[chosen].var() or 1)
        return agreements
    is_same = ordered[1:] == ordered[:-1]
    shares = np.bincount(y) / len(y)
    chance = (shares**2).sum()
    # Between classes there is a border where neighbours differ.
    borders = len(shares) / rows
    agreements = (is_same.mean(axis=0) + borders - chance) / (1 - chance)
    return agreements


def _spread(rows: int, wanted: int) -> Array:
    """Return the positions of wanted rows, evenly spread."""
    return np.linspace(0, rows - 1, min(rows, wanted)).astype(int)


def _share_alone(view: View, column: Array, is_number: bool) -> float:
    """Return how much of the target one column tells, in three folds: 1 is all."""
    chosen = _spread(len(column), TREE_ROWS)
    values, y = column[chosen], view.y[chosen]
    folds = np.arange(len(y)) % 3
    predicted = np.empty(len(y))
    for fold in range(3):
        held_out = folds == fold
        predict = _predict_by_tree if is_number else _predict_by_value
        known = values[~held_out], y[~held_out]
        predicted[held_out] = predict(*known, values[held_out], view.is_classification)

    if view.is_classification:
        baseline = np.bincount(y).max() / len(y)
        return float(((predicted == y).mean() - baseline) / (1 - baseline))
    return float(1 - ((predicted - y) ** 2).mean() / y.var())


def _predict_by_tree(
    values: Array, y: Array, new_values: Array, is_classification: bool
) -> Array:
    """Return the target of new values as a decision tree predicts it."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeClassifier if is_classification else DecisionTreeRegressor
    tree = kind(max_depth=TREE_DEPTH, random_state=0).fit(values[:, None], y)
    return np.asarray(tree.predict(new_values[:, None]))


def _predict_by_value(
    values: Array, y: Array, new_values: Array, is_classification: bool
) -> Array:
    """Return the target of new categories: the usual one of rows with the same."""
    both = np.nan_to_num(np.concatenate([values, new_values]), nan=-1).astype(int) + 1
    known, new = both[: len(values)], both[len(values) :]
    rows = np.bincount(known, minlength=both.max() + 1)
    if is_classification:
        classes = int(y.max()) + 1
        cells = np.bincount(known * classes + y, minlength=len(rows) * classes)
        usual = cells.reshape(len(rows), classes).argmax(axis=1)
        fallback = np.bincount(y).argmax()
    else:
        usual = np.bincount(known, y, len(rows)) / np.maximum(rows, 1)
        fallback = y.mean()
    return np.where(rows[new] > 0, usual[new], fallback)


def _find_sum(view: View, places: Array) -> Iterator[Advice]:
    """Yield the sum or difference of two columns that is a target of numbers."""
    places = places[view.is_number[places]]
    columns = view.codes[:, places]
    is_complete = ~np.isnan(columns).any(axis=1)
    if len(places) < 2 or is_complete.sum() < MIN_ROWS:
        return
    y = view.y[is_complete]
    columns = columns[is_complete] - columns[is_complete].mean(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        alone = np.abs(columns.T @ (y - y.mean())) / np.sqrt((columns**2).sum(axis=0))
    best = np.argsort(-np.nan_to_num(alone))[:PAIRED_COLUMNS]
    names = [view.names[place] for place in places[best]]

    covariances = np.cov(columns[:, best], y, rowvar=False)
    variances, with_y = np.diag(covariances)[:-1], covariances[:-1, -1]
    # A column that is the target alone is so with any small one added.
    is_target = np.abs(with_y) >= CORRELATION * np.sqrt(variances * covariances[-1, -1])
    for sign, operator in ((1, "+"), (-1, "-")):
        total = variances[:, None] + variances + 2 * sign * covariances[:-1, :-1]
        shared = with_y[:, None] + sign * with_y
        with np.errstate(invalid="ignore", divide="ignore"):
            r = np.abs(shared) / np.sqrt(total * covariances[-1, -1])
        # The variance of the difference of two equal columns is rounding errors.
        r[total < 1e-9 * (variances[:, None] + variances)] = 0
        r[is_target] = r[:, is_target] = 0
        np.fill_diagonal(r, 0)
        first, second = np.unravel_index(np.nanargmax(r), r.shape)
        if r[first, second] < CORRELATION:
            continue
        pair = sorted((names[first], names[second]), key=view.names.index)
        found = f"r {r[first, second]:.3f}"
        yield _advise_on_pair(view, pair[0], pair[1], operator, found)
        return


def _find_hidden_column(view: View, places: Array) -> Iterator[Advice]:
    """Yield the sum or difference of two columns that separates the classes."""
    places = places[view.is_number[places]]
    most_values = np.argsort(-view.numbers_of_values[places], kind="stable")
    places = np.sort(places[most_values[:PAIRED_FOR_CLASSES]])
    if len(places) < 2:
        return
    first, second = np.triu_indices(len(places), k=1)
    chosen = _spread(len(view.y), PAIRED_ROWS)
    columns = view.codes[np.ix_(chosen, places)]
    for sign, operator in ((1, "+"), (-1, "-")):
        combined = columns[:, first] + sign * columns[:, second]
        agreements = _screen(combined, view.y[chosen], True)
        best = int(np.argmax(agreements))
        if agreements[best] < PROMISING["classes"]:
            continue
        a, b = places[first[best]], places[second[best]]
        pair = view.codes[:, a], view.codes[:, b]
        alone = max(_share_alone(view, column, True) for column in pair)
        share = _share_alone(view, pair[0] + sign * pair[1], True)
        if share >= GIVES_CLASSES_AWAY and alone < TELLS_MUCH_ALONE:
            found = f"{share:.3f} of the way to perfect"
            yield _advise_on_pair(view, view.names[a], view.names[b], operator, found)
            return


def _advise_on_pair(
    view: View, first: str, second: str, operator: str, found: str
) -> Advice:
    """Return the advice on two columns that tell the target together."""
    return Advice(
        "target-given-away",
        f"'{first}' {operator} '{second}' gives '{view.y_train.name}' away ({found}). "
        f"{LEAVE_OUT}",
        columns=(first, second),
        is_drop=True,
    )
