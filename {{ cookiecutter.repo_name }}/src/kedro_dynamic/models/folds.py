"""TODO."""

from typing import Any

import pandas as pd

from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.schema import FILE
from kedro_dynamic.models.estimators import is_continuous, task_of


def make_folds(folds: int, y: Any, estimator: Any, random_state: int) -> Any:
    """Return the folds: shuffled, classes with their shares, the same each time."""
    from sklearn.model_selection import KFold, StratifiedKFold

    regression = task_of(estimator) == "regression" or is_continuous(y)
    kind = KFold if regression else StratifiedKFold
    most = len(y) if regression else int(pd.Series(y).value_counts().max())
    if folds > most:
        of = "rows" if regression else "rows of its most frequent class"
        raise ConfigurationError.listing(
            FILE,
            [
                f"comparison.folds: {folds}, but the training part has only {most} "
                f"{of}; write {most} or less, or 0"
            ],
        )
    return kind(folds, shuffle=True, random_state=random_state)
