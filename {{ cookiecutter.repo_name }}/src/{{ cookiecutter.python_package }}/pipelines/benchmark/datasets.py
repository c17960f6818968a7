"""Entries of the catalog that Kedro has no type for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from kedro.io import AbstractDataset, DatasetError


class OpenMLDataset(AbstractDataset[NoReturn, pd.DataFrame]):
    """A data set of https://www.openml.org, downloaded when it is first loaded.

    Args:
        name: Its name there.
        data_version: Which of the data sets of that name.
        filepath: Folder for downloaded files; without one, scikit-learn's own.
        metadata: For plugins; Kedro ignores it.
    """

    def __init__(
        self,
        *,
        name: str,
        data_version: int = 1,
        filepath: str | None = None,
        metadata: dict[str, Any] | None = None,
    ):
        self._name = name
        self._data_version = data_version
        self._filepath = filepath
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Return the table, one row per sample, the target among the columns."""
        from sklearn.datasets import fetch_openml

        table: pd.DataFrame = fetch_openml(
            self._name,
            version=self._data_version,
            data_home=self._filepath,
            as_frame=True,
        ).frame
        # As in a table read from CSV: plain values, without a list of possible ones.
        categories = table.select_dtypes("category")
        return table.astype(
            {column: table[column].cat.categories.dtype for column in categories}
        )

    def save(self, data: NoReturn) -> NoReturn:
        """Refuse: nothing is uploaded."""
        raise DatasetError("OpenML's data sets are only read.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"name": self._name, "data_version": self._data_version}


@dataclass(frozen=True)
class StudiesPlace:
    """Where the studies of a data set are kept."""

    name: str
    """What their names begin with."""

    address: str
    """Of the database, as Optuna writes it."""


class StudiesDataset(AbstractDataset[NoReturn, StudiesPlace]):
    """Studies in Optuna's SQLite file: where they are, so that tuning opens them.

    Args:
        filepath: The file, which may not exist yet.
        name: What their names begin with.
        metadata: For plugins; Kedro ignores it.
    """

    def __init__(
        self, *, filepath: str, name: str, metadata: dict[str, Any] | None = None
    ):
        self._filepath = Path(filepath)
        self._name = name
        self.metadata = metadata

    def load(self) -> StudiesPlace:
        """Return name and address; the folder of the file is made if need be."""
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        return StudiesPlace(self._name, f"sqlite:///{self._filepath.as_posix()}")

    def save(self, data: NoReturn) -> NoReturn:
        """Refuse: Optuna itself writes the file."""
        raise DatasetError("Optuna itself writes its studies.")

    def _exists(self) -> bool:
        return True  # Optuna makes a file that is missing

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "name": self._name}
