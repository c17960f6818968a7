"""Raw tables of texts: their columns, labels and keys, and which are held out."""

import logging

import pandas as pd

from kedro_dynamic.config.errors import ConfigurationError, did_you_mean
from kedro_dynamic.config.text import FILE
from kedro_dynamic.models.data_checks import check_type
from kedro_dynamic.models.held_out import fingerprints

logger = logging.getLogger(__name__)

# A label with fewer texts in the training set cannot be learned.
FEWEST_TEXTS = 2


def check_columns(table: pd.DataFrame, key: str, columns: list[str]) -> None:
    """Check that a raw table has the columns that a parameter names.

    Args:
        table: The raw table.
        key: The parameter below ``text``.
        columns: What it says.

    Raises:
        DataError: If it is not a table of pandas.
        ConfigurationError: If a column is missing; names those there are.
    """
    check_type(table)
    known = [str(name) for name in table.columns]
    problems = [
        f"text.{key}: '{column}' is not a column of the table"
        f"{did_you_mean(column, known)}; columns: {', '.join(known)}"
        for column in columns
        if column not in table
    ]
    if problems:
        raise ConfigurationError.listing(FILE, problems)


def row_keys(table: pd.DataFrame, id_column: str | None) -> pd.Index:
    """Return a hash of each row of a raw table, and its id.

    By them, ``check_same_rows`` sees whether texts and labels are of the same rows.

    Args:
        table: The raw table.
        id_column: The column with the ids, if there is one.
    """
    hashes = pd.util.hash_pandas_object(table, index=False)
    keys = pd.Index(hashes.to_numpy(), name="row")
    if id_column is None:
        return keys
    check_columns(table, "id_column", [id_column])
    return pd.MultiIndex.from_arrays([keys, table[id_column]])


def label_values(table: pd.DataFrame, label_column: str) -> pd.Series:
    """Return the values of the column with the labels as texts; missing where empty.

    Args:
        table: The raw table, which may lack the column.
        label_column: Name of the column.

    Raises:
        ConfigurationError: If the column is missing and another has a similar name.
    """
    check_type(table)
    if did_you_mean(label_column, [str(name) for name in table.columns]):
        check_columns(table, "label_column", [label_column])
    raw = table.get(label_column, pd.Series(None, table.index, dtype="object"))
    raw = raw.reset_index(drop=True)
    if pd.api.types.is_float_dtype(raw):
        # pandas reads whole numbers as floats if one is missing: 1.0 was 1.
        raw = raw.convert_dtypes()
    values: pd.Series = raw.astype("str")
    return values.mask(raw.isna() | (values.str.strip() == ""))


def check_labels(
    values: pd.Series,
    labels: pd.Series,
    label_column: str,
    missing_label: str,
    split: str,
) -> None:
    """Check that every row has a value, and every value a label.

    Warns of a split without labels, of labels that are missing, and of labels that
    differ by case or spaces alone.

    Args:
        values: From ``label_values``.
        labels: What they stand for; missing where they stand for nothing.
        label_column: Name of the column.
        missing_label: ``error``, or ``drop`` for rows that are not learned from.
        split: Name of the split.

    Raises:
        ConfigurationError: Lists values without a label, and rows without a value.
    """
    if labels.isna().all():
        shown = ", ".join(values.dropna().unique()[:3])
        found = f"; its column '{label_column}' has {shown}" if shown else ""
        logger.warning("The split '%s' lacks labels%s", split, found)
        return

    unnamed = values[labels.isna()].value_counts()  # ignores missing values
    problems = [
        f"text.labels: '{value}', in {rows} rows of the split '{split}', is not a "
        "value of any label; add it to the label that it stands for"
        for value, rows in unnamed.head().items()
    ]
    is_missing = values.isna()
    where = f"{is_missing.sum()} of {len(values)} rows of the split '{split}'"
    if is_missing.any() and missing_label == "error":
        problems.append(
            f"text.label_column: '{label_column}' lacks a label in {where}, the first "
            f"is row {is_missing.idxmax()}; 'missing_label: drop' leaves them out"
        )
    if problems:
        raise ConfigurationError.listing(FILE, problems)

    if is_missing.any():
        logger.warning("%s have no label, and are left out", where)
    for _, similar in labels.groupby(labels.str.strip().str.casefold()):
        if similar.nunique() > 1:
            logger.warning(
                "Labels differ by case or spaces alone: %s; text.labels can join them",
                ", ".join(f"'{name}'" for name in sorted(similar.unique())),
            )


def split_texts(
    table: pd.DataFrame, test_fraction: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split texts into a training set and a test set, by a hash of each text.

    So copies of a text are on the same side, and a text stays on its side when others
    are added.

    Args:
        table: Columns ``text`` and ``label``, one row per text; the label is missing
            where there is none.
        test_fraction: Share of the texts to hold out for the test.

    Returns:
        The rows of the training set, and those of the test set. Texts without a label
        are in neither, and the training set lacks labels of a single text.

    Raises:
        ConfigurationError: If there are too few texts.
    """
    has_label = table["label"].notna()
    if not has_label.any():
        raise ConfigurationError(
            "No text has a label to learn from: name the column of the labels as "
            f"text.label_column in {FILE}, or take another split."
        )
    is_held_out = fingerprints(table[["text"]]) < test_fraction * 2**64
    train, test = table[has_label & ~is_held_out], table[has_label & is_held_out]
    counts = train["label"].value_counts()
    single = counts.index[counts < FEWEST_TEXTS]
    if len(single):
        train = train[~train["label"].isin(single)]
        logger.warning(
            "Labels with a single training text are not learned: %s",
            ", ".join(single[:10]),
        )
    if train["label"].nunique() < 2 or test.empty:
        raise ConfigurationError(
            f"Of {len(table)} texts, {len(train)} are left to learn from. Training "
            "needs texts of two labels, and the test needs one text: add texts, or "
            f"change text.test_fraction in {FILE}."
        )
    return train, test
