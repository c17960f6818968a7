"""Predicts the target of new rows."""

from typing import Any

import pandas as pd

from kedro_dynamic import (
    DataError,
    PredictSpec,
    check_table,
    class_probabilities,
    find_unknown_columns,
    registered_version,
    show_unread_cells,
    shown_probability,
)


def predict(
    champion: Any, new_rows: pd.DataFrame, options: PredictSpec
) -> pd.DataFrame:
    """Predict the target of new rows.

    Args:
        champion: The model, as MLflow's flavor ``pyfunc`` loads it.
        new_rows: One row per sample, with the columns that the champion uses. Other
            columns are passed through.
        options: Whether to add the probability of every class.

    Returns:
        The new rows with the columns ``prediction``, ``probability`` if the champion
        has probabilities, and ``model_version``. Of two classes it is the probability
        of the positive one, of more that of the prediction.

    Raises:
        DataError: If a column is missing that the champion uses, or the new rows are
            not a table of pandas with rows.
    """
    check_table(new_rows)
    # In a file without names, columns are numbers.
    new_rows = new_rows.rename(columns=str)
    schema = champion.metadata.get_input_schema()
    needed = {"the champion's features": schema.required_input_names()}
    problems = find_unknown_columns(needed, [*new_rows])
    if problems:
        raise DataError(*problems)

    rows = new_rows[[name for name in schema.input_names() if name in new_rows]]
    with show_unread_cells():
        predicted = new_rows.assign(prediction=champion.predict(rows))
        probabilities = class_probabilities(champion, rows)

    if probabilities is not None:
        predicted["probability"] = shown_probability(champion, probabilities)
        if options.class_probabilities:
            columns = probabilities.add_prefix("probability_")
            predicted = pd.concat([predicted, columns], axis="columns")
    return predicted.assign(model_version=registered_version(champion))
