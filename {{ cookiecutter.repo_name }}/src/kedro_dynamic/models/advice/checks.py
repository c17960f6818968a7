"""All checks of a table in one call."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from kedro_dynamic.config.errors import VERBATIM, one_line
from kedro_dynamic.models.advice import leaks, rows, target
from kedro_dynamic.models.advice.models import find_slow_models
from kedro_dynamic.models.advice.view import Advice, View
from kedro_dynamic.models.snippets import in_yaml

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


def advise(view: View) -> list[Advice]:
    """Return what a senior colleague would say about a table, the worst first.

    Takes at most 0.2 s for 100,000 rows by 20 columns: large tables are sampled.

    Args:
        view: The split, with the table's index: it tells the order of the rows.
    """
    of_rows = _run(view, ROW_CHECKS)
    # A column has one reason to be left out.
    explained = {name for advice in of_rows for name in advice.columns}

    def find_other_leaks(view: View) -> Iterator[Advice]:
        return leaks.find_leaks(view, explained)

    found = [
        *_run(view, [find_other_leaks]),
        *of_rows,
        *_run(view, [*TARGET_CHECKS, find_slow_models]),
    ]
    return list(_write_drops(found, view.dropped))


def _write_drops(found: Sequence[Advice], dropped: Sequence[str]) -> Iterator[Advice]:
    """Yield each advice with its line of YAML, also if it is to leave columns out.

    A file has one such line, so it names the columns of earlier ones, too.
    """
    names = [*dropped]
    for advice in found:
        if not advice.is_drop:
            yield advice
            continue
        names += advice.columns
        yield replace(advice, write=f"drop: {in_yaml(names)}{advice.write}")


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
