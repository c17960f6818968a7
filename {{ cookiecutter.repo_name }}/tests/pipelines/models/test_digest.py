"""Whether data is still the same."""

import pandas as pd

from {{ cookiecutter.python_package }}.pipelines.models.digest import (
    data_digest,
)

TABLE = pd.DataFrame({"a": [1, 2], "b": [3, 4]})


def test_the_same_data_has_the_same_digest() -> None:
    assert data_digest(TABLE, TABLE) == data_digest(TABLE.copy(), TABLE.copy())


def test_values_rows_and_names_count() -> None:
    others = [
        TABLE + 1,
        TABLE[::-1],
        TABLE.rename(columns={"a": "c"}),
        TABLE.rename(columns={"a": "b", "b": "a"}),
        TABLE[["b", "a"]],
    ]
    assert len({data_digest(table) for table in [TABLE, *others]}) == 6
