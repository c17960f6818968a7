"""Checks what is asked of a table, and shows each advice about it as one warning."""

import logging
from typing import Any

import pandas as pd

from kedro_dynamic.config.errors import VERBATIM
from kedro_dynamic.config.schema import FILE, ComparisonSpec, DataSpec, ModelSpec
from kedro_dynamic.models.advice.checks import advise
from kedro_dynamic.models.advice.view import Advice, View
from kedro_dynamic.models.scoring import check_scores, has_classes, score_names

logger = logging.getLogger(__name__)

# The section that a line belongs to, by its key.
SECTIONS = {
    "drop": "data",
    "group_column": "data",
    "time_column": "data",
    "scoring": "comparison",
}


def advise_on_table(
    X_train: pd.DataFrame,
    X_test: pd.DataFrame,
    y_train: pd.DataFrame,
    y_test: pd.DataFrame,
    data: DataSpec,
    comparison: ComparisonSpec,
    models: dict[str, Any],
) -> pd.DataFrame:
    """Warn of what makes the scores on a split flatter, each with the line to write.

    No score is computed yet, so this is also where impossible ones are refused.

    Args:
        X_train: Features of the training set, one row per sample.
        X_test: Features of the test set, one row per sample.
        y_train: Target of the training set, one column.
        y_test: Target of the test set, one column.
        data: How the table was split, and which columns are not features.
        comparison: The scores; the first one decides.
        models: The entries in ``parameters.yml``, by the names of the models.

    Returns:
        What was said: a row for each ``advice``, and what to ``write``.

    Raises:
        ConfigurationError: If the models or the target cannot have a score.
    """
    target = y_train.iloc[:, 0]
    is_classification = has_classes(models, target)
    check_scores(target, data, comparison, models, is_classification)

    if not is_classification and not pd.api.types.is_numeric_dtype(target):
        advices = []  # an error of the models says what they need
    else:
        entries = {name: ModelSpec.model_validate(models[name]) for name in models}
        view = View(
            X_train,
            target,
            X_test,
            y_test.iloc[:, 0],
            is_classification,
            decides=score_names(comparison, target, is_classification)[0],
            models={name: entry for name, entry in entries.items() if entry.enabled},
            group_column=data.group_column,
            time_column=data.time_column,
            dropped=tuple(data.drop),
        )
        advices = advise(view)

    lines = [(advice.message, _instruct(advice)) for advice in advices]
    for message, write in lines:
        logger.warning("%s %s", message, write, extra=VERBATIM)
    return pd.DataFrame(lines, columns=["advice", "write"])


def _instruct(advice: Advice) -> str:
    """Return what to write, and where."""
    section = SECTIONS.get(advice.write.partition(":")[0])
    if section is None:
        return f"Write: {advice.write}"
    return f"Write below '{section}' in {FILE}: {advice.write}"
