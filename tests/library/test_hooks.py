"""What is left of a run in which a model fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import MagicMock

import pandas as pd
import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro_dynamic import hooks
from kedro_dynamic.config.errors import ConfigurationError, DataError
from kedro_dynamic.config.tracking import TrackingConfig
from kedro_dynamic.hooks import RunHook
from kedro_dynamic.runs.failures import ModelsFailed, raise_failures

RUN = {
    "only_missing_outputs": False,
    "runner": "SequentialRunner",
    "pipeline_names": [],
}


def run_params(**changes: Any) -> dict[str, Any]:
    return RUN | changes


def entry(kind: str, file: str, **metadata: Any) -> dict[str, Any]:
    return {"type": kind, "filepath": file, "metadata": metadata}


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataCatalog:
    """Return a catalog of a project that is the working directory."""
    monkeypatch.chdir(tmp_path)
    data = f"{tmp_path}/data"
    table = "pandas.CSVDataset"
    return DataCatalog.from_config(
        {
            "part": entry(table, f"{data}/part.csv", made_by="kedro run -p split"),
            "raw": entry(table, f"{data}/raw.csv"),
            "models.{namespace}.table": entry(table, f"{data}/{{namespace}}.csv"),
            "models.{namespace}.plot": entry(
                "plotly.JSONDataset", f"{data}/{{namespace}}_plot.json"
            ),
            "models.{namespace}.metrics": entry(
                "json.JSONDataset", f"{data}/{{namespace}}_metrics.json"
            ),
            "leaderboard": entry(
                table, f"{data}/leaderboard.csv", console="Leaderboard"
            ),
        }
    )


def fails(_: Any) -> Any:
    raise ValueError("no")


def run_of_a_failing_model(catalog: DataCatalog) -> Pipeline:
    """Run a model that fails, all its datasets being there from another run."""
    catalog.save("raw", pd.DataFrame({"a": [1]}))
    outputs = [f"models.a.{name}" for name in ("table", "plot", "metrics")]
    for suffix in (".csv", "_plot.json", "_metrics.json"):
        Path(f"data/a{suffix}").write_text("{}")
    node = Node(
        fails, "raw", outputs, name="fails", namespace="models.a", tags="keep_going"
    )
    pipeline = Pipeline([node])
    manager = _create_hook_manager()
    manager.register(RunHook())
    SequentialRunner().run(pipeline, catalog, manager)
    return pipeline


def test_files_that_cannot_hold_an_error_are_none_of_this_run(
    catalog: DataCatalog,
) -> None:
    pipeline = run_of_a_failing_model(catalog)
    assert catalog.load("models.a.metrics")["error"] == "ValueError: no"
    assert sorted(os.listdir("data")) == ["a_metrics.json", "raw.csv"]
    with pytest.raises(ModelsFailed) as caught:
        raise_failures(run_params(), pipeline, catalog)
    assert caught.value.message.startswith(
        "1 of 1 models failed:\n  models.a: ValueError: no\nEverything else is saved."
    )
    assert caught.value.message.endswith("--only-missing-outputs")


class TriesTwice:
    """A hook that runs each node again after an error, as in Kedro's documentation."""

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Replace the function of the node."""
        node.func = partial(try_twice, node.func)


def try_twice(function: Callable[..., Any], *args: Any) -> Any:
    with suppress(ValueError):
        return function(*args)
    return function(*args)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("errors", [1, 2])
def test_another_hook_may_replace_the_function_of_a_node(
    order: int, errors: int, catalog: DataCatalog
) -> None:
    calls: list[Any] = []

    def fails_first(table: Any) -> Any:
        calls.append(table)
        if len(calls) <= errors:
            raise ValueError("no")
        return {}

    catalog.save("raw", pd.DataFrame({"a": [1]}))
    node = Node(
        fails_first,
        "raw",
        "models.a.metrics",
        name="a",
        tags="keep_going",
        namespace="models.a",
    )
    manager = _create_hook_manager()
    for hook in [RunHook(), TriesTwice()][::order]:
        manager.register(hook)
    SequentialRunner().run(Pipeline([node]), catalog, manager)
    assert len(calls) == 2
    metrics = catalog.load("models.a.metrics")
    assert metrics == {} if errors == 1 else metrics["error"] == "ValueError: no"


class Debugger:
    """A hook that looks at the errors of nodes, as in Kedro's documentation."""

    seen: ClassVar[list[Any]] = []

    @hook_impl
    def on_node_error(self, node: Node, error: Exception) -> None:
        """Note what a debugger would show."""
        self.seen.append((node.name, str(error), sys.exc_info()[1]))


def test_hooks_are_told_of_the_error_of_a_model(
    catalog: DataCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_hooks = (RunHook(), Debugger())
    monkeypatch.setattr(hooks, "settings", SimpleNamespace(HOOKS=project_hooks))
    run_of_a_failing_model(catalog)
    ((name, message, current),) = Debugger.seen
    assert (name, message) == ("models.a.fails", "no")
    assert isinstance(current, ValueError)


def test_metrics_of_kedro_mlflow_are_named_after_their_datasets() -> None:
    kind = "kedro_mlflow.io.metrics.Mlflow"
    catalog = DataCatalog.from_config(
        {
            "loss": {"type": f"{kind}MetricDataset", "save_args": {"mode": "append"}},
            "named": {"type": f"{kind}MetricDataset", "key": "own"},
            "all": {"type": f"{kind}MetricsHistoryDataset"},
        }
    )
    RunHook().after_catalog_created(catalog)
    datasets: Any = catalog
    assert (datasets["loss"].key, datasets["named"].key) == ("loss", "own")
    assert datasets["all"]._prefix == "all"


def test_a_run_of_no_node_is_not_tracked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("end_part", "collect", "close_parent_run"):
        monkeypatch.setattr(hooks, name, MagicMock(return_value=False))
    run = MagicMock()
    run.store.config = TrackingConfig()
    run.ran_nothing.return_value = True
    hooks.finish(run)
    run.restore_provenance.assert_called_once_with()
    hooks.close_parent_run.assert_any_call(run, "KILLED")  # type: ignore[attr-defined]
    assert not hooks.collect.called  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "is_written"),
    [
        (None, True),
        (RuntimeError("no"), True),
        (DataError("'spezies' is not a column of the table"), False),
        (ConfigurationError("models.a.clas: unknown key"), False),
    ],
)
def test_an_error_of_data_or_configuration_leaves_the_report_alone(
    error: Exception | None, is_written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("results", "failures", "collect", "describe", "write_to_mlflow"):
        monkeypatch.setattr(hooks, name, MagicMock())
    for name in ("close_parent_run", "report_problem", "write_report", "links"):
        monkeypatch.setattr(hooks, name, MagicMock())
    monkeypatch.setattr(hooks, "attempt", lambda *_: None)
    run = MagicMock()
    run.store.config = TrackingConfig()
    run.parts = None
    run.ran_nothing.return_value = False
    hooks.finish(run, error)
    assert hooks.write_report.called is is_written  # type: ignore[attr-defined]
