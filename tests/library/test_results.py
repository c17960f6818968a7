"""What is said at the end of a run."""

from __future__ import annotations

import logging
from typing import Any
from unittest.mock import Mock

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.runs import results
from kedro_dynamic.runs.results import show_places, warn_of_edges, warn_of_outdated

SVM = ModelSpec.model_validate(
    {
        "class": "sklearn.svm.SVC",
        "search_space": {"C": {"float": [0.01, 10], "log": True}},
        "trials": 20,
    }
)


def tune(model: Any) -> Any:
    """Stand for the node that tunes a model."""


@pytest.mark.parametrize(
    ("entry", "is_made", "namespace", "is_warned"),
    [
        ({"model_kwargs": {"C": 10}}, True, "models.svm", True),
        ({"model_kwargs": {"C": 1}}, True, "models.svm", False),
        ({"model_kwargs": {"C": 10}}, False, "models.svm", False),
        ({"model_kwargs": {"C": 10}}, True, "benchmark.iris.svm.tuned", False),
        ({"error": "ValueError: no", "traceback": ""}, True, "models.svm", False),
    ],
)
def test_the_best_value_at_an_edge_is_a_warning(
    entry: Any,
    is_made: bool,
    namespace: str,
    is_warned: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    output = f"{namespace}.entry"
    node = Node(tune, "params:models.svm", output, name="tune", namespace=namespace)
    catalog = DataCatalog()
    catalog["params:models.svm"] = SVM
    catalog[output] = entry
    plan = Mock(made=lambda name: is_made and name == output)
    with caplog.at_level(logging.WARNING):
        warn_of_edges(Mock(pipeline=Pipeline([node]), catalog=catalog, plan=plan))

    messages = [record.getMessage() for record in caplog.records]
    warned = [
        "models.svm.search_space.C: the best value, 10, is at the edge of [0.01, 10.0]"
        ". There may be a better one beyond. Write into parameters.yml: "
        "C: {float: [0.01, 100], log: true}"
    ]
    assert messages == (warned if is_warned else [])


def test_one_line_says_which_files_are_outdated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Predictions of rows that were prepared with other parameters claim nothing false.
    plan = Mock(outdated={"board": "x"}, disputed=set(), culprits=[*"abcdefg"])
    warn_of_outdated(Mock(plan=plan))
    assert not caplog.records
    plan.disputed = {"params:data"}
    warn_of_outdated(Mock(plan=plan))
    (record,) = caplog.records
    assert "or code (a, b, c, d, e, ...). So MLflow is not told" in record.getMessage()


@pytest.mark.parametrize("level", [logging.WARNING, logging.INFO])
def test_the_full_log_is_named_where_it_is_not_shown(
    level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Kedro's own logging, as of a wheel without ``conf``, it is shown."""
    printed: list[dict[str, str]] = []
    monkeypatch.setattr(results, "print_places", printed.append)
    logger = logging.getLogger("kedro")
    before = logger.level
    logger.setLevel(level)
    show_places(Mock(pipeline=Pipeline([])), {"report": "a.html"}, with_files=True)
    logger.setLevel(before)
    (places,) = printed
    assert ("full log" in places) is (level == logging.WARNING)
    assert places["report"] == "a.html"
