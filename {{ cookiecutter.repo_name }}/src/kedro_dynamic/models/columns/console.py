"""Shows what a model says of new rows that it cannot read."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from kedro_dynamic.config.errors import VERBATIM
from kedro_dynamic.models.columns.cells import UnreadCellsWarning

logger = logging.getLogger(__name__)


@contextmanager
def show_unread_cells() -> Iterator[None]:
    """Log, once each, which cells a model cannot read in the block.

    A model says so in Python's warnings, each time that it predicts. Other warnings are
    as before.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UnreadCellsWarning)
        yield

    lines: dict[str, None] = {}
    for warning in caught:
        if issubclass(warning.category, UnreadCellsWarning):
            lines |= dict.fromkeys(str(warning.message).splitlines())
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    for line in lines:
        logger.warning("New rows: %s", line, extra=VERBATIM)
