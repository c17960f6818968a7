"""Shows what is advised about a table, each as one warning."""

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd

from kedro_dynamic.config.errors import VERBATIM
from kedro_dynamic.config.schema import FILE, ComparisonSpec, DataSpec, ModelSpec
from kedro_dynamic.models.advice.checks import advise
from kedro_dynamic.models.advice.view import Advice
from kedro_dynamic.models.scores import auto_scores

logger = logging.getLogger(__name__)

# The section that a line belongs to, by its key.
SECTIONS = {
    "drop": "data",
    "group_column": "data",
    "time_column": "data",
    "scoring": "comparison",
}


def warn_about_table(
    X_train: pd.DataFrame,
    X_test: pd.DataFrame,
    y_train: "pd.Series[Any]",
    y_test: "pd.Series[Any]",
    data: DataSpec,
    comparison: ComparisonSpec,
    models: Mapping[str, Any],
    is_classification: bool,
) -> None:
    """Warn of what makes the scores on a split flatter, each with the line to write.

    Args:
        X_train: Features of the training set, one row per sample.
        X_test: Features of the test set, one row per sample.
        y_train: Target of the training set.
        y_test: Target of the test set.
        data: How the table was split, and which columns are not features.
        comparison: The scores; the first one decides.
        models: The entries in ``parameters.yml``, by the names of the models.
        is_classification: True if the target's values are classes.
    """
    if not is_classification and not pd.api.types.is_numeric_dtype(y_train):
        return  # an error of the models, which says what they need

    decides = comparison.scoring[0]
    if decides == "auto":
        decides = auto_scores(y_train, is_classification)[0]
    entries = {name: ModelSpec.model_validate(entry) for name, entry in models.items()}

    advices = advise(
        X_train,
        y_train,
        X_test,
        y_test,
        is_classification=is_classification,
        decides=decides,
        models={name: entry for name, entry in entries.items() if entry.enabled},
        group_column=data.group_column,
        time_column=data.time_column,
        dropped=data.drop,
    )
    for advice in advices:
        logger.warning("%s %s", advice.message, _instruct(advice), extra=VERBATIM)


def _instruct(advice: Advice) -> str:
    """Return what to write, and where."""
    section = SECTIONS.get(advice.write.partition(":")[0])
    if section is None:
        return f"Write: {advice.write}"
    return f"Write below '{section}' in {FILE}: {advice.write}"
