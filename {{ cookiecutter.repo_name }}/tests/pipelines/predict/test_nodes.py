"""Predictions stand beside the rows they are of."""

import pandas as pd
from sklearn.dummy import DummyClassifier

from {{ cookiecutter.python_package }}.pipelines.predict.nodes import predict


def test_predictions_are_added_as_a_column() -> None:
    data = pd.DataFrame({"x": [1, 2]})
    champion = DummyClassifier().fit(data, ["a", "a"])
    assert predict(champion, data)["prediction"].tolist() == ["a", "a"]
    assert list(data) == ["x"]
