"""Distributes rows over parts of given shares: whole groups, or whole spans of time.

All results are deterministic, and none depends on the order of the rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]

# Orders of groups that are tried. Few groups need many orders until one is balanced;
# from some thousand groups on, each order is.
MAX_ORDERS = 20
GROUPS_IN_ALL_ORDERS = 5_000


def deal_groups(
    groups: "pd.Series[Any]",
    y: "pd.Series[Any]",
    shares: Sequence[float],
    seed: int,
    by_class: bool,
) -> Array:
    """Distribute whole groups over parts, so that classes keep their shares.

    Groups are dealt in the order of a hash, each to the part where it disturbs the
    balance of rows and of classes least. Of several orders the most balanced one is
    returned.

    Args:
        groups: The group of each row; at least as many groups as parts.
        y: The target of each row.
        shares: The share of the rows that each part should have.
        seed: Another seed gives another order.
        by_class: False balances the numbers of rows alone.

    Returns:
        The part of each row, from 0.
    """
    hashes = pd.util.hash_pandas_object(groups, index=False).to_numpy()
    # Sorted by their hashes, groups have the same numbers in any order of the rows.
    hash_of_group, group_of_row = np.unique(hashes, return_inverse=True)
    counts = _count_rows(group_of_row, y, len(hash_of_group), by_class)
    number_of_orders = GROUPS_IN_ALL_ORDERS // len(hash_of_group)

    best_parts, least_imbalance = np.zeros(0, dtype=int), np.inf
    for attempt in range(min(MAX_ORDERS, max(1, number_of_orders))):
        order = np.argsort(salted(hash_of_group, seed, attempt), kind="stable")
        parts, imbalance = _deal(counts, np.asarray(shares, dtype=float), order)
        # The margin keeps rounding errors from choosing between equal orders.
        if imbalance < least_imbalance - 1e-9:
            best_parts, least_imbalance = parts, imbalance
    return best_parts[group_of_row]


def _count_rows(
    group_of_row: Array, y: "pd.Series[Any]", number_of_groups: int, by_class: bool
) -> Array:
    """Return each group's rows, in all and by class, as shares of all such rows."""
    sizes = np.bincount(group_of_row, minlength=number_of_groups)
    table = sizes[:, None].astype(float)
    if by_class:
        classes, labels = pd.factorize(y)
        cells = np.bincount(
            group_of_row * len(labels) + classes,
            minlength=number_of_groups * len(labels),
        )
        table = np.hstack([table, cells.reshape(number_of_groups, len(labels))])
    # As shares, the rows of a rare class weigh as much as those of a frequent one.
    shares: Array = table / table.sum(axis=0)
    return shares


def _deal(counts: Array, shares: Array, order: Array) -> tuple[Array, float]:
    """Deal groups to parts in an order; return the parts and their imbalance.

    The imbalance is the sum of squared loads over the shares of the parts: it is least
    where each part has its share of the rows, and of the rows of each class.
    """
    parts = np.zeros(len(counts), dtype=int)
    loads = np.zeros((len(shares), counts.shape[1]))
    sizes = np.zeros(len(shares), dtype=int)
    for place, group in enumerate(order):
        added = counts[group]
        increase = (2 * loads @ added + added @ added) / shares
        is_empty = sizes == 0
        if len(order) - place <= is_empty.sum():
            increase[~is_empty] = np.inf
        part = int(np.argmin(increase))
        parts[group] = part
        loads[part] += added
        sizes[part] += 1
    return parts, float((loads**2 / shares[:, None]).sum())


def cut_by_time(times: "pd.Series[Any]", shares: Sequence[float]) -> Array:
    """Cut rows into parts, the earliest first; rows of one time stay together.

    Args:
        times: The time of each row; at least as many different times as parts.
        shares: The share of the rows that each part should have.

    Returns:
        The part of each row, from 0.
    """
    different, time_of_row = np.unique(times.to_numpy(), return_inverse=True)
    rows_until = np.cumsum(np.bincount(time_of_row))
    wanted = np.cumsum(shares)[:-1] * len(times)

    part_of_time = np.zeros(len(different), dtype=int)
    previous = 0
    for place, rows in enumerate(wanted, start=1):
        # The number of times before the cut: nearest to the share, and such that each
        # part has at least one time.
        cut = int(np.argmin(np.abs(rows_until - rows))) + 1
        last = len(different) - (len(wanted) - place) - 1
        cut = min(max(cut, previous + 1), last)
        part_of_time[cut:] = place
        previous = cut
    return part_of_time[time_of_row]


def lowest_hashes(
    X: pd.DataFrame,
    y: "pd.Series[Any]",
    share: float,
    seed: int,
    by_class: bool,
) -> Array:
    """Choose a share of the rows, of each class, by a hash of the row.

    Args:
        X: Features, one row per sample.
        y: The target, same rows.
        share: The share of the rows to choose.
        seed: Another seed chooses other rows.
        by_class: False chooses among all rows, whatever their target.

    Returns:
        True for the chosen rows.
    """
    try:
        of_features = pd.util.hash_pandas_object(X, index=False)
    except TypeError:  # cells such as lists cannot be hashed
        of_features = pd.util.hash_pandas_object(X.astype(str), index=False)
    of_target = pd.util.hash_pandas_object(y, index=False)
    mixed = of_features.to_numpy() ^ pd.util.hash_array(of_target.to_numpy())
    hashes = salted(mixed, seed)

    classes = pd.factorize(y)[0] if by_class else np.zeros(len(y), dtype=int)
    is_chosen = np.zeros(len(y), dtype=bool)
    for number in np.unique(classes):
        rows = np.flatnonzero(classes == number)
        by_hash = rows[np.argsort(hashes[rows], kind="stable")]
        is_chosen[by_hash[: int(share * len(rows) + 0.5)]] = True
    return is_chosen


def salted(hashes: Array, *salts: int) -> Array:
    """Return other 64-bit hashes of the same things, which depend on the salts."""
    for salt in salts:
        hashes = pd.util.hash_array(hashes ^ np.uint64(salt + 1))
    return hashes
