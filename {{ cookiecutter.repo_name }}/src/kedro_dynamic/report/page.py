"""The report: one page on what a run has made, readable without internet."""

import json
import mimetypes
import os
import time
import tomllib
from contextlib import suppress
from itertools import compress
from pathlib import Path
from typing import Any

import pandas as pd

from kedro_dynamic.catalog.files import shown_path
from kedro_dynamic.catalog.metadata import is_image, read_metadata, section_title
from kedro_dynamic.catalog.names import (
    COLUMNS,
    LEADERBOARD,
    LEARNING_CURVES,
    VALIDATION,
    dataset_name,
    split_name,
)
from kedro_dynamic.config.project import package_name
from kedro_dynamic.models.scores import display_name, display_number
from kedro_dynamic.models.snippets import display_argument
from kedro_dynamic.report.changes import (
    Results,
    arguments_of,
    collect_results,
    describe_changes,
    read_results,
)
from kedro_dynamic.report.explain import explain
from kedro_dynamic.report.plots import (
    plot_leaderboard,
    plot_learning_curves,
    short_names,
    to_svg,
)
from kedro_dynamic.report.section import Picture, Section
from kedro_dynamic.report.summary import summarize
from kedro_dynamic.runs.console import MAX_ROWS, format_rows, show_or_warn
from kedro_dynamic.runs.failures import is_failure
from kedro_dynamic.runs.run import Run, load_leaderboard
from kedro_dynamic.tracking.payload import Payload

FAILED = "failed"


def write_report(run: Run, payload: Payload, verdict: str, champion: str = "") -> str:
    """Write the page of a run beside its other reports.

    A run that failed has a page of its own: that of the last good run stays.

    Args:
        run: The run.
        payload: What the run has made.
        verdict: What the run means, in a sentence; "" if it compares no models.
        champion: Name of the champion, if there is one.

    Returns:
        The path of the page, relative to the working directory; empty if the run made
        nothing to show.
    """
    has_failed = payload.status == "FAILED"
    page = report_path(run)
    story = [verdict] if verdict else []
    strip: dict[str, str] = {}
    results: Results = {}
    sections, last_sections = _output_sections(run, payload, champion)

    leaderboard = load_leaderboard(run)
    if leaderboard is not None and run.plan.made(LEADERBOARD):
        results = collect_results(payload, leaderboard)
        with show_or_warn("The report lacks a summary"):
            strip = summarize(run, leaderboard)
        changes = describe_changes(read_results(page), results)
        story += [changes] if changes else []
        for name in _models_to_explain(leaderboard, payload, champion):
            with show_or_warn(f"The report does not explain {name}"):
                sections += explain(name, run.catalog)

    errors = _errors(payload)
    if not (errors or sections or last_sections):
        return ""

    facts = _facts(run, payload)
    sections += [*last_sections, Section("How this was made", facts=facts)]
    failed_page = page.with_stem(f"{page.stem}_{FAILED}")
    with show_or_warn("The report was not written"):
        html = render(
            title=_title(run),
            errors=errors,
            last_good=page.name if has_failed and page.exists() else "",
            story=story,
            strip=strip,
            parts=sections,
            results=json.dumps(results),
        )
        page.parent.mkdir(parents=True, exist_ok=True)
        (failed_page if has_failed else page).write_text(html, "utf-8")
        if not has_failed:
            failed_page.unlink(missing_ok=True)
        return os.path.relpath(failed_page if has_failed else page)
    return ""


def _errors(payload: Payload) -> dict[str, str]:
    """Return what ended the run, and what made models fail."""
    failed = {"The run": payload.tags, **{m.name: m.tags for m in payload.models}}
    return {name: tags["error"] for name, tags in failed.items() if "error" in tags}


def report_path(run: Run) -> Path:
    """Return where the page of a run is: runs of other pipelines have their own."""
    # Kedro passes the names in any order.
    names = "+".join(sorted(run.name.replace(".", "_").split("+")))
    suffix = "" if names == "__default__" else f"_{names}"
    return run.root / "data" / "08_reporting" / f"report{suffix}.html"


def last_good_report(run: Run) -> str:
    """Return the page of the last good run of these pipelines; "" without one."""
    page = report_path(run)
    return os.path.relpath(page) if page.exists() else ""


def _models_to_explain(
    leaderboard: pd.DataFrame, payload: Payload, champion: str
) -> list[str]:
    """Return the champion, if the run has made it, and the first model."""
    finished = [model.name for model in payload.models if model.status == "FINISHED"]
    first = next((name for name in leaderboard["model"] if name in finished), None)
    return [*dict.fromkeys(name for name in (champion, first) if name in finished)]


def _output_sections(
    run: Run, payload: Payload, champion: str
) -> tuple[list[Section], list[Section]]:
    """Return a section for each output that the catalog marks with ``report``.

    The metadata says the title; entries with the same title share a section.

    Returns:
        Those that come first, and those that come last: how columns are read.
    """
    sections: dict[str, Section] = {}
    makers = {name: node for node in run.pipeline.nodes for name in node.outputs}

    titles = {name: read_metadata(run.catalog, name).report for name in makers}
    shown = [name for name, title in titles.items() if title and run.plan.made(name)]
    last: list[str] = []

    def place(name: str) -> tuple[bool, int, bool, str]:
        # Scores come first; what sums up before what it sums up; tables before plots.
        is_scores = read_metadata(run.catalog, name).mlflow == "metrics"
        return not is_scores, name.count("."), is_image(run.catalog[name]), name

    for name in sorted(shown, key=place):
        title = section_title(str(titles[name]), name)
        section = sections.setdefault(title, Section(title))
        if split_name(name)[1] == COLUMNS:
            last.append(title)
        with show_or_warn(f"The report lacks {name}"):
            dataset = run.catalog[name]
            if is_image(dataset):
                section.pictures.append(image_of(dataset, title))
                continue
            value = dataset.load()
            if split_name(name)[1] == LEARNING_CURVES:
                section.pictures += learning_curves(value)
                continue
            add_output(section, value, shown_path(run.catalog, name), champion)
            if split_name(name)[1] == LEADERBOARD:
                namespace = makers[name].namespace or ""
                add_leaderboard(section, value, run, payload, namespace)
                section.badges = {champion: "champion"} if champion else {}
    filled = [
        section
        for section in sections.values()
        if section.rows or section.pictures or section.text
    ]
    return (
        [section for section in filled if section.title not in last],
        [section for section in filled if section.title in last],
    )


def image_of(dataset: Any, title: str) -> Picture:
    """Return the image that a dataset has saved, as a part of the page."""
    kind, _ = mimetypes.guess_type(str(dataset._describe()["filepath"]))
    address = f"data:{kind or 'image/png'};base64,{dataset.preview()}"
    return Picture("", title, address=address)


def add_output(section: Section, value: Any, path: str, champion: str = "") -> None:
    """Add the best rows of a table, scores, or where a plot is, to a section."""
    if isinstance(value, dict):
        value = _scores_table(value)
    if isinstance(value, pd.DataFrame):
        columns, rows = format_rows(value, champion)
        # Columns that are empty in all rows have nothing to say.
        filled = [any(cells) for cells in zip(*rows, strict=True)] or [True] * len(
            columns
        )
        section.columns = [*compress(columns, filled)]
        section.rows = [[*compress(row, filled)] for row in rows]
        if len(value) > MAX_ROWS:
            section.text = f"{len(rows)} of {len(value):,} rows; all are in {path}"
    elif hasattr(value, "to_html"):  # a figure of plotly, whose script weighs 4.6 MB
        section.text = f"An interactive plot, which `kedro viz run` shows: {path}"


def add_leaderboard(
    section: Section,
    leaderboard: pd.DataFrame,
    run: Run,
    payload: Payload,
    namespace: str,
) -> None:
    """Add the arguments of the models, and a plot of their scores, to a section."""
    by_namespace = {model.namespace: model for model in payload.models}
    validation = {}
    for name in leaderboard["model"].head(MAX_ROWS):
        model_namespace = dataset_name(namespace, name)
        if model_namespace in by_namespace:
            arguments = arguments_of(by_namespace[model_namespace].params)
            section.details[name] = ", ".join(
                f"{key}={display_argument(value)}"
                for key, value in arguments.items()
                if key != "class"
            )
        folds = dataset_name(model_namespace, VALIDATION)
        if folds in run.catalog and run.catalog.exists(folds):
            scores = run.catalog[folds].load()
            validation[name] = {} if is_failure(scores) else scores
    figure = plot_leaderboard(leaderboard, validation)
    alt = ", ".join(f"{row[0]} {row[1]}" for row in section.rows)
    section.pictures.append(Picture("", f"Scores: {alt}", to_svg(figure)))


def learning_curves(curves: pd.DataFrame) -> list[Picture]:
    """Return the plot of learning curves; none if all models failed."""
    if "measured" not in curves or curves["measured"].isna().all():
        return []
    last = curves.dropna(subset="measured").groupby(["measured", "model"]).tail(1)
    ends = []
    for row in last.to_dict("records"):
        mean, rows = display_number(row["mean"]), f"{row['samples']:,.0f} rows"
        ends.append(f"{row['model']} {row['measured']} {mean} with {rows}")
    figure = plot_learning_curves(curves)
    title = "Learning curves: mean and standard deviation over the folds"
    return [Picture(title, "; ".join(ends), to_svg(figure))]


def _scores_table(scores: dict[str, Any]) -> pd.DataFrame:
    """Return scores as rows, each with its interval if there is one."""
    rows = []
    for name, value in scores.items():
        if name.endswith(("_low", "_high")):
            continue
        shown = display_number(value) if isinstance(value, float) else str(value)
        if f"{name}_low" in scores:
            low, high = (
                display_number(scores[f"{name}_{end}"], beside=value)
                for end in ("low", "high")
            )
            shown += f" [{low}, {high}]"
        rows.append([display_name(name), shown])
    return pd.DataFrame(rows, columns=["score", "value"])


def _facts(run: Run, payload: Payload) -> dict[str, str]:
    """Return what the run was made from."""
    tags = payload.tags
    start = time.localtime(payload.start / 1000)
    facts = {
        "Command": tags["kedro_command"],
        "At": time.strftime("%Y-%m-%d %H:%M", start),
    }
    commit = tags.get("mlflow.source.git.commit")
    if commit:
        is_dirty = tags["git.dirty"] == "true"
        changes = " with uncommitted changes" if is_dirty else ""
        facts["Commit"] = f"{commit[:12]}{changes}"
    for data in payload.data:
        facts[data["name"]] = f"{data['path']} (digest {data['digest'][:12]})"
    if payload.id and not run.mlflow.problem:
        facts["Run in MLflow"] = payload.id
    return facts


def _title(run: Run) -> str:
    """Return the name of the project as it was typed, or else that of its package."""
    with suppress(OSError, ValueError, KeyError):
        text = (run.root / "pyproject.toml").read_text("utf-8")
        return str(tomllib.loads(text)["tool"]["kedro"]["project_name"])
    return package_name()


def render(**content: Any) -> str:
    """Return the page as HTML."""
    from jinja2 import Environment, FileSystemLoader

    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    pages.filters["short_names"] = short_names
    return pages.get_template("report.html.j2").render(content)
