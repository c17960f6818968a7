"""Extracts texts and labels from a raw table of reviews."""

from typing import Any

import pandas as pd

from kedro_dynamic import check_columns, check_labels, label_values, row_keys


def etl_instances(
    reviews: pd.DataFrame, text_column: Any, id_column: str | None
) -> pd.DataFrame:
    """Extract the texts.

    Args:
        reviews: The raw table, one row per review.
        text_column: The column with the texts, or a list of columns to join.
        id_column: The column with the ids of the reviews, if they have any.

    Returns:
        One column ``text``, one row per review. A missing text is an empty string. The
        index has a key of the raw row, the same as that of its label, and its id.

    Raises:
        ConfigurationError: If the table does not have the columns.
    """
    names = [text_column] if isinstance(text_column, str) else text_column
    check_columns(reviews, "text_column", names)
    columns = reviews[names].fillna("").astype("str")
    texts = ["\n".join(filter(None, row)) for row in columns.itertuples(index=False)]
    return pd.DataFrame({"text": texts}, index=row_keys(reviews, id_column))


def etl_labels(
    reviews: pd.DataFrame,
    label_column: str,
    labels: dict[str, list[str | int]],
    missing_label: str,
    id_column: str | None,
    split: str,
) -> pd.DataFrame:
    """Extract the labels.

    Args:
        reviews: The raw table, one row per review.
        label_column: Name of the column with the labels.
        labels: The raw values of each label, by the name of the label. If it is empty,
            the raw values are the names.
        missing_label: ``error``, or ``drop`` for rows that are not learned from.
        id_column: The column with the ids of the reviews, if they have any.
        split: Name of the split that the table holds.

    Returns:
        One column ``label``, one row per review; missing where there is none. The index
        is the same as that of the texts.

    Raises:
        ConfigurationError: If some reviews lack a label, or ``labels`` lacks a value;
            or if the column is missing and another one has a similar name.
    """
    values = names = label_values(reviews, label_column)
    if labels:
        name_of_value: dict[str, str] = {}
        for name, raw_values in labels.items():
            name_of_value |= {str(value): name for value in raw_values}
        names = values.map(name_of_value)
    check_labels(values, names, label_column, missing_label, split)
    index = row_keys(reviews, id_column)
    return pd.DataFrame({"label": names.astype("object").to_numpy()}, index=index)
