"""All checks of a table in one call."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from kedro_dynamic.config.errors import VERBATIM, one_line
from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.models.advice import leaks, rows, target
from kedro_dynamic.models.advice.models import find_slow_models
from kedro_dynamic.models.advice.view import Advice, View

Check = Callable[[View], Iterator[Advice]]

ROW_CHECKS: list[Check] = [
    rows.find_groups,
    rows.find_time_order,
    rows.find_identical_rows,
    rows.find_row_numbers,
]
TARGET_CHECKS: list[Check] = [
    target.find_majority,
    target.find_spellings,
    target.find_numeric_classes,
]

logger = logging.getLogger(__name__)


def advise(
    X_train: pd.DataFrame,
    y_train: "pd.Series[Any]",
    X_test: pd.DataFrame,
    y_test: "pd.Series[Any]",
    *,
    is_classification: bool,
    decides: str = "",
    models: Mapping[str, ModelSpec] | None = None,
    group_column: str | None = None,
    time_column: str | None = None,
    dropped: Sequence[str] = (),
) -> list[Advice]:
    """Return what a senior colleague would say about a table, the worst first.

    Takes at most 0.2 s for 100,000 rows by 20 columns: large tables are sampled.

    Args:
        X_train: Features of the training rows as they are in the table, with the
            table's index: it tells the order of the rows.
        y_train: The target, same rows.
        X_test: Features of the test rows.
        y_test: The target, same rows.
        is_classification: True if the target's values are classes.
        decides: The name of the score that decides.
        models: The enabled models by name.
        group_column: As in ``data``; rows of a group are on one side already.
        time_column: As in ``data``; the test rows are the last ones already.
        dropped: Names of columns that are left out already.
    """
    view = View(
        X_train,
        y_train,
        X_test,
        y_test,
        is_classification,
        decides,
        models or {},
        group_column,
        time_column,
        tuple(dropped),
    )
    of_rows = _run(view, ROW_CHECKS)
    # A column has one reason to be left out.
    explained = {name for advice in of_rows for name in advice.columns}

    def find_other_leaks(view: View) -> Iterator[Advice]:
        return leaks.find_leaks(view, explained)

    return [
        *_run(view, [find_other_leaks]),
        *of_rows,
        *_run(view, [*TARGET_CHECKS, find_slow_models]),
    ]


def _run(view: View, checks: Sequence[Check]) -> list[Advice]:
    """Return what checks find; a check that fails is a line in the log."""
    found: list[Advice] = []
    for check in checks:
        try:
            found += check(view)
        except Exception as error:  # advice does not decide about a run
            name = check.__name__.removeprefix("find_").replace("_", " ")
            logger.warning("Not checked: %s: %s", name, one_line(error), extra=VERBATIM)
    return found
