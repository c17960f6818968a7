"""Entries of the catalog that Kedro has no type for."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import sklearn.datasets
from kedro.io import DataCatalog

PACKAGE = "{{ cookiecutter.python_package }}.pipelines.benchmark.datasets"


def test_data_of_openml_come_by_name_and_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, Any] = {}

    def fetch_openml(name: str, **options: Any) -> SimpleNamespace:
        asked.update(options, name=name)
        classes = pd.Categorical(["good", "bad", "good"], ["good", "bad", "ugly"])
        return SimpleNamespace(frame=pd.DataFrame({"age": [1, 2, 3], "class": classes}))

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch_openml)
    catalog = DataCatalog.from_config(
        {
            "benchmark.{dataset}.raw": {
                "type": f"{PACKAGE}.OpenMLDataset",
                "name": "{dataset}",
                "data_version": 2,
                "filepath": "/cache",
            }
        }
    )
    table = catalog["benchmark.adult.raw"].load()
    assert asked == {
        "name": "adult",
        "version": 2,
        "data_home": "/cache",
        "as_frame": True,
    }
    assert table["class"].tolist() == ["good", "bad", "good"]
    assert not isinstance(table["class"].dtype, pd.CategoricalDtype)


def test_studies_have_the_name_and_the_file_of_their_entry(tmp_path: Path) -> None:
    catalog = DataCatalog.from_config(
        {
            "benchmark.{dataset}.studies": {
                "type": f"{PACKAGE}.StudiesDataset",
                "filepath": f"{tmp_path}/new/studies.db",
                "name": "{dataset}",
            }
        }
    )
    place = catalog["benchmark.iris.studies"].load()
    assert place.name == "iris"
    assert place.address == f"sqlite:///{tmp_path.as_posix()}/new/studies.db"
    assert (tmp_path / "new").is_dir()
