"""The report: one page for people on what a run has made, readable without internet."""

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from kedro_dynamic.catalog.metadata import read_metadata, section_title
from kedro_dynamic.config.errors import VERBATIM, one_line
from kedro_dynamic.config.project import package_name
from kedro_dynamic.registry.config_loader import project_path
from kedro_dynamic.report.charts import Chart, charts_of
from kedro_dynamic.runs.console import MAX_ROWS, shown_rows
from kedro_dynamic.runs.provenance import Plan, plans

if TYPE_CHECKING:  # it writes the report, so one would wait for the other
    from kedro_dynamic.tracking.payload import KedroRun, Outcome


logger = logging.getLogger(__name__)


# Of the test part, to see which columns the best model needs.
MAX_IMPORTANCE_ROWS, REPEATS = 1000, 3


MAX_POINTS = 500


@dataclass
class Part:
    """A section of the page: a table, charts, facts by name, or all of them."""

    title: str
    text: str = ""
    columns: list[tuple[str, bool]] = field(default_factory=list)
    """Their names, and whether they hold numbers."""

    rows: list[list[str]] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


def write_report(run: "KedroRun", outcome: "Outcome", verdict: str | None) -> str:
    """Write the page of a run beside its other reports; return where, relative.

    A run that makes nothing for people has none: the path is empty.
    """
    catalog, root = run.catalog, project_path()
    parts = _parts_of(run.pipeline, catalog, plans[id(catalog)])
    story = [f"Champion: {verdict}"] if verdict else []
    if "leaderboard" in run.pipeline.all_outputs() and catalog.exists("leaderboard"):
        leaderboard = catalog["leaderboard"].load()
        story += filter(None, [_changes(run.leaderboard_before, leaderboard)])
        finished = [one.name for one in outcome.models if one.status == "FINISHED"]
        for name in [one for one in leaderboard["model"] if one in finished][:1]:
            with _or_warn(name):
                parts += _explain(name, catalog)
    failed = {m.name: m.tags["error"] for m in outcome.models if "error" in m.tags}
    if failed:
        parts.append(Part("Failed", facts=failed))
    if not parts:
        return ""
    parts.append(Part("How this was made", facts=_facts(outcome)))
    # Kedro tells the names in any order.
    names = "+".join(sorted(run.name.replace(".", "_").split("+")))
    name = "" if names == "__default__" else f"_{names}"
    path = root / "data" / "08_reporting" / f"report{name}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    title = package_name().replace("_", " ").capitalize()
    with _or_warn("all"):
        path.write_text(_render(title=title, story=story, parts=parts), "utf-8")
        return os.path.relpath(path)
    return ""


def _facts(outcome: "Outcome") -> dict[str, str]:
    """Return what the run was made from, for people."""
    tags, at = outcome.tags, time.localtime(outcome.start / 1000)
    facts = {
        "Command": tags["kedro_command"],
        "At": time.strftime("%Y-%m-%d %H:%M", at),
    }
    if commit := tags.get("mlflow.source.git.commit"):
        dirty = " with uncommitted changes" if tags["git.dirty"] == "true" else ""
        facts["Commit"] = f"{commit[:12]}{dirty}"
    for data in outcome.data:
        facts[data["name"]] = f"{data['path']} (digest {data['digest'][:12]})"
    if outcome.sent:
        facts["Run in MLflow"] = outcome.id
    return facts


def _render(**content: Any) -> str:
    """Return the page: a title, what is to be said first, and sections."""
    from jinja2 import Environment, FileSystemLoader

    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    return pages.get_template("report.html.j2").render(content)


def _parts_of(pipeline: Pipeline, catalog: DataCatalog, plan: Plan) -> list[Part]:
    """Return a section for all that a run has made and the catalog marks ``report``.

    The metadata says its title; entries of the same title share a section.
    """
    parts: dict[str, Part] = {}
    made = [name for node in pipeline.nodes for name in node.outputs]
    # What sums up comes first, then what it sums up.
    for name in sorted(made, key=lambda name: (name.count("."), name)):
        title = read_metadata(catalog, name).report
        if title and plan.made(name):
            title = section_title(title, name)
            part = parts.setdefault(title, Part(title))
            with _or_warn(name):
                _show(part, catalog[name].load())
    return [part for part in parts.values() if part.rows or part.charts]


def _show(part: Part, value: Any) -> None:
    """Add to a section the best rows of a table, scores, or a figure of plotly."""
    if isinstance(value, dict):
        value = _scores_table(value)
    if isinstance(value, pd.DataFrame):
        columns, part.rows = shown_rows(value)
        numeric = pd.api.types.is_numeric_dtype
        part.columns = [(one.replace("_", " "), numeric(value[one])) for one in columns]
        if len(value) > MAX_ROWS:
            part.text = f"{MAX_ROWS} of {len(value)} rows; all are in the file"
    elif hasattr(value, "data"):
        if not (charts := charts_of(value)):
            raise ValueError("no dots, lines, horizontal bars or heat map")
        part.charts += charts


def _scores_table(scores: dict[str, Any]) -> pd.DataFrame:
    """Return scores as rows, those with ``_low`` and ``_high`` beside them in one."""
    rows = []
    for name, value in scores.items():
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        if f"{name}_low" in scores:
            shown += f" ({scores[f'{name}_low']:.3f} to {scores[f'{name}_high']:.3f})"
        if not name.endswith(("_low", "_high")):
            rows.append([name.replace("_", " "), shown])
    return pd.DataFrame(rows, columns=["score", "value"])


def _changes(before: pd.DataFrame | None, now: pd.DataFrame) -> str:
    """Say what differs from the leaderboard before, by the score that decides."""
    if before is None or len(now.columns) < 2 or now.columns[1] not in before:
        return ""
    score = now.columns[1]
    old, new = (one.set_index("model")[score] for one in (before, now))
    told = [f"{name} is new" for name in new.index.difference(old.index)]
    told += [f"{name} is gone" for name in old.index.difference(new.index)]
    moved = (new - old).dropna()
    told += [f"{name} {by:+.3f}" for name, by in moved.items() if abs(by) >= 0.0005]
    if not told:
        return f"Since the run before, no {score.replace('_', ' ')} has changed."
    return f"Since the run before, {score.replace('_', ' ')}: {', '.join(told[:10])}."


@contextmanager
def _or_warn(name: str) -> Iterator[None]:
    """Let what cannot be shown be a warning: no report is worth a run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        logger.warning("The report lacks %s: %s", name, one_line(error), extra=VERBATIM)


def _explain(name: str, catalog: DataCatalog) -> list[Part]:
    """Show how a model errs on the test part, and which columns it needs for that."""
    from plotly import graph_objects as go
    from sklearn.inspection import permutation_importance
    from sklearn.metrics import confusion_matrix

    from kedro_dynamic.models.estimators import task_of

    model = catalog[f"models.{name}.fitted_model"].load()
    X, y = catalog["X_test"].load(), catalog["y_test"].load().iloc[:, 0]
    predicted = model.predict(X)
    if task_of(model) == "regression":
        rows = slice(0, MAX_POINTS)
        figure = go.Figure(
            go.Scatter(x=predicted[rows], y=(y - predicted)[rows], mode="markers")
        ).update_xaxes(title="prediction")
        title, text = "Residuals", "Truth less prediction, on the test part."
    else:
        labels = sorted({*map(str, y), *map(str, predicted)})
        matrix = confusion_matrix(y.astype(str), [*map(str, predicted)], labels=labels)
        figure = go.Figure(go.Heatmap(z=matrix, x=labels, y=labels))
        title = "Confusion"
        text = "Test rows: a row per class, a column per prediction."
    errors = Part(f"{title} of {name}", text, charts=charts_of(figure))
    some = X.sample(min(len(X), MAX_IMPORTANCE_ROWS), random_state=0)
    found = permutation_importance(
        model, some, y.loc[some.index], n_repeats=REPEATS, random_state=0
    )
    order = found.importances_mean.argsort()[::-1][:MAX_ROWS]
    bars = go.Bar(
        x=found.importances_mean[order],
        y=[str(X.columns[i]) for i in order],
        orientation="h",
    )
    importance = Part(
        f"What {name} needs",
        "By how much its score falls when a column is shuffled: "
        f"{len(some)} rows of the test part, mean of {REPEATS}.",
        charts=charts_of(go.Figure(bars)),
    )
    return [errors, importance]
