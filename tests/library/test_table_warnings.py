"""What is advised about a table is shown once, with the line and its place."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro_dynamic import (
    ComparisonSpec,
    ConfigurationError,
    DataSpec,
    advise_on_table,
)

RANDOM = np.random.default_rng(0)
ROWS = 300
X = pd.DataFrame(RANDOM.normal(size=(ROWS, 3)), columns=[*"abc"])
NOISE = RANDOM.normal(size=ROWS)
Y = pd.Series(np.where(X["a"] + NOISE > 0, "yes", "no"), name="y")
RIDGE = {"class": "sklearn.linear_model.Ridge"}
TREE = {"tree": {"class": "sklearn.tree.DecisionTreeClassifier"}}


def warnings_of(
    caplog: pytest.LogCaptureFixture,
    X: pd.DataFrame = X,
    y: Any = Y,
    models: Any = TREE,
    scoring: str = "auto",
    **data: Any,
) -> list[str]:
    """Return the warnings about a table whose last 60 rows test."""
    spec = DataSpec.model_validate({"target_column": "y"} | data)
    parts = (X[:-60], X[-60:], y[:-60].to_frame(), y[-60:].to_frame())
    with caplog.at_level(logging.WARNING):
        comparison = ComparisonSpec(scoring=[scoring])
        shown = advise_on_table(*parts, spec, comparison, models)
    messages = [record.getMessage() for record in caplog.records]
    assert [" ".join(line) for line in shown.to_numpy()] == messages
    return messages


def test_an_innocent_table(caplog: pytest.LogCaptureFixture) -> None:
    assert warnings_of(caplog) == []


def test_the_line_stands_with_its_section(caplog: pytest.LogCaptureFixture) -> None:
    alive = X.assign(alive=Y.map({"yes": 1, "no": 0}))
    (text,) = warnings_of(caplog, alive, drop=["id"])
    assert text.startswith("'alive' alone gives 'y' away")
    assert text.endswith(" Write below 'data' in parameters.yml: drop: [id, alive]")


def test_accuracy_that_hides_a_class(caplog: pytest.LogCaptureFixture) -> None:
    rare = pd.Series(np.where(X["a"] + NOISE > 2, "yes", "no"), name="y")
    assert warnings_of(caplog, y=rare) == []
    (text,) = warnings_of(caplog, y=rare, scoring="accuracy")
    assert text.endswith(
        "Write below 'comparison' in parameters.yml: scoring: [average_precision, "
        "roc_auc]"
    )


def test_other_lines_say_themselves_where(caplog: pytest.LogCaptureFixture) -> None:
    quantity = (100 * (X["a"] + NOISE)).round()
    (text,) = warnings_of(caplog, y=quantity.rename("y"))
    assert text.endswith("Write: class: sklearn.ensemble.HistGradientBoostingRegressor")


def test_texts_for_regressors_are_left_to_the_models(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert warnings_of(caplog, models={"ridge": RIDGE}) == []


def test_models_that_are_off_are_not_looked_at(
    caplog: pytest.LogCaptureFixture,
) -> None:
    long = pd.concat([X.assign(d=RANDOM.normal(size=ROWS)) for _ in range(80)])
    long = (long + RANDOM.normal(size=long.shape)).reset_index(drop=True)
    y = pd.Series(RANDOM.choice(["yes", "no"], len(long)), name="y")
    svc = {"class": "sklearn.svm.SVC"}
    off = {"tree": TREE["tree"], "svc": {**svc, "enabled": False}}
    assert warnings_of(caplog, long, y, models=off) == []
    (text,) = warnings_of(caplog, long, y, models={"svc": svc})
    assert text.startswith("models.svc: the time of SVC grows with the square")


def test_a_score_that_the_target_cannot_have_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    three = pd.Series(RANDOM.choice([*"xyz"], ROWS), name="y")
    with pytest.raises(ConfigurationError, match="'f1' is a score of two classes"):
        warnings_of(caplog, y=three, scoring="f1")


def test_it_is_said_which_class_the_scores_are_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def messages(**data: Any) -> list[str]:
        spec = DataSpec.model_validate({"target_column": "y"} | data)
        parts = (X[:-60], X[-60:], Y[:-60].to_frame(), Y[-60:].to_frame())
        caplog.clear()
        with caplog.at_level(logging.INFO):
            advise_on_table(*parts, spec, ComparisonSpec(scoring=["recall"]), TREE)
        return [record.getMessage() for record in caplog.records]

    rarer, other = Y[:-60].value_counts().index[::-1]
    (text,) = messages()
    assert text.startswith(f"Scores of the class '{rarer}', the rarer one of 'y':")
    assert text.endswith(f"positive_label: '{other}'")
    assert messages(positive_label=other) == []


@pytest.mark.parametrize("other", [0, 2.0, False, "0"])
def test_the_other_class_is_written_as_yaml_writes_it(
    other: Any, caplog: pytest.LogCaptureFixture
) -> None:
    y = Y.map(dict.fromkeys(Y.unique(), other))
    target = y.mask(y.index % 10 == 0, type(other)(1)).to_frame()
    data = DataSpec(target_column="y")
    with caplog.at_level(logging.INFO):
        advise_on_table(
            X[:-60], X[-60:], target[:-60], target[-60:], data, ComparisonSpec(), TREE
        )
    (text,) = [record.getMessage() for record in caplog.records]
    assert yaml.safe_load(text.partition("positive_label: ")[2]) == other
