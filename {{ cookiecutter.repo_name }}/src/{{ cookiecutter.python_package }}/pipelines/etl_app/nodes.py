"""Extracts texts and labels from a raw table of reviews."""

import logging
from typing import Any

import pandas as pd

from kedro_dynamic import ConfigurationError, check_table, did_you_mean

logger = logging.getLogger(__name__)

FILE = "parameters_text.yml"


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
    check_table(reviews)
    names = [text_column] if isinstance(text_column, str) else text_column
    for name in names:
        _check_column(reviews, "text_column", name)
    columns = reviews[names].fillna("").astype("str")
    texts = ["\n".join(filter(None, row)) for row in columns.itertuples(index=False)]
    return pd.DataFrame({"text": texts}, index=_row_keys(reviews, id_column))


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
    check_table(reviews)
    columns = [str(name) for name in reviews.columns]
    if did_you_mean(label_column, columns):
        _check_column(reviews, "label_column", label_column)
    raw = reviews.get(label_column, pd.Series(None, reviews.index, dtype="object"))
    raw = raw.reset_index(drop=True)
    if pd.api.types.is_float_dtype(raw):
        # pandas reads whole numbers as floats if one is missing: 1.0 was 1.
        raw = raw.convert_dtypes()

    values = raw.astype("str")
    values = values.mask(raw.isna() | (values.str.strip() == ""))
    names = values
    if labels:
        name_of_value: dict[str, str] = {}
        for name, raw_values in labels.items():
            name_of_value |= {str(value): name for value in raw_values}
        names = values.map(name_of_value)
    _check_labels(values, names, label_column, missing_label, split)
    index = _row_keys(reviews, id_column)
    return pd.DataFrame({"label": names.astype("object").to_numpy()}, index=index)


def _row_keys(reviews: pd.DataFrame, id_column: str | None) -> pd.Index:
    """Return a hash of each row, and its id.

    By it the other pipelines see if texts and labels are of tables in another order.
    """
    hashes = pd.util.hash_pandas_object(reviews, index=False)
    keys = pd.Index(hashes.to_numpy(), name="review")
    if id_column is None:
        return keys
    _check_column(reviews, "id_column", id_column)
    return pd.MultiIndex.from_arrays([keys, reviews[id_column]])


def _check_labels(
    values: pd.Series,
    names: pd.Series,
    label_column: str,
    missing_label: str,
    split: str,
) -> None:
    """Raise an error unless every review has a value, and every value a name."""
    if names.isna().all():
        shown = ", ".join(values.dropna().unique()[:3])
        found = f"; its column '{label_column}' has {shown}" if shown else ""
        logger.warning("The split '%s' has no labels%s", split, found)
        return

    problems = []
    unnamed = values[names.isna()].value_counts()  # ignores missing values
    for value, rows in unnamed.head().items():
        problems.append(
            f"text.labels: '{value}', in {rows} rows of the split '{split}', is not a "
            "value of any label; add it to the label that it stands for"
        )
    is_missing = values.isna()
    where = f"{is_missing.sum()} of {len(values)} rows of the split '{split}'"
    if is_missing.any() and missing_label == "error":
        problems.append(
            f"text.label_column: '{label_column}' has no label in {where}, the first is"
            f" row {is_missing.idxmax()}; 'missing_label: drop' leaves them out"
        )
    if problems:
        raise ConfigurationError.listing(FILE, problems)
    if is_missing.any():
        logger.warning("%s have no label, and are left out", where)
    for _, similar in names.groupby(names.str.strip().str.casefold()):
        if similar.nunique() > 1:
            logger.warning(
                "Labels differ by case or spaces alone: %s; text.labels can join them",
                ", ".join(f"'{name}'" for name in sorted(similar.unique())),
            )


def _check_column(reviews: pd.DataFrame, key: str, column: str) -> None:
    """Raise an error if the table does not have the column that a parameter names."""
    if column in reviews:
        return
    columns = [str(name) for name in reviews.columns]
    problem = (
        f"text.{key}: '{column}' is not a column of the reviews"
        f"{did_you_mean(column, columns)}; columns: {', '.join(columns)}"
    )
    raise ConfigurationError.listing(FILE, [problem])
