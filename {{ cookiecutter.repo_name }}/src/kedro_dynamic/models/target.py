"""What the values of a target are: few that repeat, as of classes, or a quantity."""

from typing import Any

import pandas as pd

# More different numbers than this are rather a quantity than classes.
MANY_CLASSES = 20

# Rows per value, on average, from which numbers and other values repeat.
ROWS_PER_NUMBER = 10
ROWS_PER_VALUE = 2


def values_repeat(y: "pd.Series[Any]") -> bool:
    """Return True if few values repeat, so that sets of rows can have equal shares.

    It does not depend on the models: a rating from 1 to 5 can be a class or a quantity,
    and folds with equal shares of each rating suit both.

    Args:
        y: The target, one value per row.
    """
    count = y.nunique()
    if pd.api.types.is_numeric_dtype(y) and not pd.api.types.is_bool_dtype(y):
        return count <= MANY_CLASSES and count * ROWS_PER_NUMBER <= len(y)
    return count * ROWS_PER_VALUE <= len(y)
