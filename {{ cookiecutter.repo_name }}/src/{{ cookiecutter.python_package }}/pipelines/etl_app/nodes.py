"""Extracts texts and labels from a raw table of reviews."""

import pandas as pd

from kedro_dynamic import ConfigurationError, check_table, did_you_mean

FILE = "parameters_text.yml"


def etl_instances(reviews: pd.DataFrame, text_column: str) -> pd.DataFrame:
    """Extract the texts.

    Args:
        reviews: The raw table, one row per review.
        text_column: Name of the column with the texts.

    Returns:
        One column ``text``, one row per review. A missing text is an empty string. The
        index has a key of the raw row, the same as that of its label.

    Raises:
        ConfigurationError: If the table does not have the column.
    """
    check_table(reviews)
    _check_column(reviews, "text_column", text_column)
    texts = reviews[text_column].fillna("").astype("str")
    return pd.DataFrame({"text": texts.to_numpy()}, index=_row_keys(reviews))


def etl_labels(
    reviews: pd.DataFrame,
    label_column: str,
    labels: dict[str, list[str | int]],
    split: str,
) -> pd.DataFrame:
    """Extract the labels.

    Args:
        reviews: The raw table, one row per review.
        label_column: Name of the column with the labels.
        labels: The raw values of each label, by the name of the label. If it is empty,
            the raw values are the names.
        split: Name of the split that the table holds.

    Returns:
        One column ``label``, one row per review. The index has a key of the raw row,
        the same as that of its text.

    Raises:
        ConfigurationError: If the table lacks the column or the labels, if
            reviews lack a label, or if ``labels`` lacks a value.
    """
    check_table(reviews)
    # A table of one column lacks labels altogether, which is a different error.
    if reviews.shape[1] > 1:
        _check_column(reviews, "label_column", label_column)
    raw = reviews.get(label_column, pd.Series(dtype="str")).reset_index(drop=True)
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
    _check_labels(values, names, label_column, split)
    labels_of_rows = names.astype("str").to_numpy()
    return pd.DataFrame({"label": labels_of_rows}, index=_row_keys(reviews))


def _row_keys(reviews: pd.DataFrame) -> pd.Index:
    """Return a hash of each row.

    By it the other pipelines see if texts and labels are of tables in another order.
    """
    hashes = pd.util.hash_pandas_object(reviews, index=False)
    return pd.Index(hashes.to_numpy(), name="review")


def _check_labels(
    values: pd.Series, names: pd.Series, label_column: str, split: str
) -> None:
    """Raise an error unless every review has a value, and every value a name."""
    if names.isna().all():
        shown = ", ".join(values.dropna().unique()[:3])
        found = f"; its column '{label_column}' has {shown}" if shown else ""
        raise ConfigurationError(
            f"The split '{split}' has no labels{found}. To prepare its texts alone:\n"
            f"  kedro run --pipelines etl_instances --params split={split}"
        )

    problems = []
    unnamed = values[names.isna()].value_counts()  # ignores missing values
    for value, rows in unnamed.head().items():
        problems.append(
            f"text.labels: '{value}', in {rows} rows of the split '{split}', is not a "
            "value of any label; add it to the label that it stands for"
        )
    is_missing = values.isna()
    if is_missing.any():
        problems.append(
            f"text.label_column: '{label_column}' has no label in {is_missing.sum()} of"
            f" {len(values)} rows of the split '{split}', the first is row "
            f"{is_missing.idxmax()}"
        )
    if problems:
        raise ConfigurationError.listing(FILE, problems)


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
