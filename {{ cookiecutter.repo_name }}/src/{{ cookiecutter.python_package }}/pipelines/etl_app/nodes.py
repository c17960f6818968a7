"""Takes texts and labels out of a raw table of reviews."""

import pandas as pd

from kedro_dynamic import ConfigurationError, did_you_mean

FILE = "parameters_text.yml"


def etl_instances(reviews: pd.DataFrame, text_column: str) -> pd.DataFrame:
    """Take the texts.

    Args:
        reviews: The raw table, one row per review.
        text_column: Name of the column with the texts.

    Returns:
        One column ``text`` of strings, one row per review; a missing text is empty.

    Raises:
        ConfigurationError: If the table has no such column.
    """
    _check_column(reviews, "text_column", text_column)
    texts = reviews[text_column].reset_index(drop=True)
    return pd.DataFrame({"text": texts.fillna("").astype("str")})


def etl_labels(
    reviews: pd.DataFrame,
    label_column: str,
    labels: dict[str, list[str | int]],
    split: str,
) -> pd.DataFrame:
    """Take the labels, by name.

    Args:
        reviews: The raw table, one row per review.
        label_column: Name of the column with the labels.
        labels: How the table may write each label, by its name; empty: as it has them.
        split: Name of the split that the table is of.

    Returns:
        One column ``label`` with a name for each review.

    Raises:
        ConfigurationError: If the split has no labels, or others than those named.
    """
    if label_column not in reviews and reviews.shape[1] > 1:
        _check_column(reviews, "label_column", label_column)
    written = reviews.get(label_column, pd.Series(dtype="str")).reset_index(drop=True)
    if pd.api.types.is_float_dtype(written):  # whole numbers, where one is missing
        written = written.convert_dtypes()
    is_missing = written.isna() | (written.astype("str").str.strip() == "")
    names = {str(value): name for name, values in labels.items() for value in values}
    label = written.astype("str").mask(is_missing)
    label = label.map(names) if names else label
    if label.isna().all():
        values = ", ".join(written[~is_missing].astype("str").unique()[:3])
        found = f"; its column '{label_column}' has {values}" if values else ""
        raise ConfigurationError(
            f"The split '{split}' has no labels{found}. Its texts alone are prepared by"
            f"\n  kedro run --pipelines etl_instances --params split={split}"
        )
    unknown = written[label.isna() & ~is_missing].value_counts().head()
    problems = [
        f"text.labels: '{value}', in {rows} rows of the split '{split}', is "
        "none of the labels; add it to the one that it means"
        for value, rows in unknown.items()
    ]
    if is_missing.any():
        problems.append(
            f"text.label_column: '{label_column}' has no label in {is_missing.sum()} of"
            f" {len(written)} rows of the split '{split}', the first is row "
            f"{is_missing.idxmax()}"
        )
    if problems:
        raise ConfigurationError.listing(FILE, problems)
    return pd.DataFrame({"label": label.astype("str")})


def _check_column(reviews: pd.DataFrame, key: str, column: str) -> None:
    """Refuse a table without the column that a parameter names."""
    if column not in reviews:
        columns = [str(name) for name in reviews]
        hint = did_you_mean(column, columns)
        problem = f"text.{key}: '{column}' is no column of the reviews{hint}"
        problem += f"; columns: {', '.join(columns)}"
        raise ConfigurationError.listing(FILE, [problem])
