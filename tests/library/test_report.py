"""The report: charts without a script, and a page that holds whatever people do."""

import math
import re
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.report import explain as explaining
from kedro_dynamic.report import page as report
from kedro_dynamic.report.charts import Chart, charts_of
from kedro_dynamic.report.explain import explain
from kedro_dynamic.report.page import (
    _add_output,
    _output_sections,
    _render,
    describe_changes,
    write_report,
)
from kedro_dynamic.report.section import Section
from kedro_dynamic.tracking.payload import ModelPayload, Payload
from plotly import express
from plotly import graph_objects as go
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from library.a_run import make_run

HOSTILE = "<script>alert('x')</script> & \"quotes\""


def chart(*traces: object) -> Chart:
    """Return the one chart of a figure."""
    (drawn,) = charts_of(go.Figure(traces))
    return drawn


def table(value: object) -> Section:
    """Return a section that shows a value."""
    part = Section("Leaderboard")
    _add_output(part, value)
    return part


def page(*parts: Section) -> str:
    """Return the page of some parts."""
    return _render(title="Iris", parts=parts, story=["Champion: tree"])


def inside(drawn: Chart) -> bool:
    """Return True if everything is drawn inside the picture."""
    xs = [x for x, _ in drawn.x.ticks()]
    ys = [y for y, _ in drawn.y.ticks()]
    for one in drawn.series:
        for x, y, error, _ in one["points"]:
            xs += [drawn.x.at(x - error), drawn.x.at(x + error)]
            ys.append(drawn.y.at(y))
    return all(0 <= x <= drawn.width for x in xs) and all(
        0 <= y <= drawn.height for y in ys
    )


def shapes(drawn: Chart, kind: str) -> list[dict[str, float]]:
    """Return the numbers of all shapes of a kind as the page has them, but the grid."""
    found = re.findall(rf"<{kind} (c?[xy].*?)>", page(Section("", charts=[drawn])))
    numbers = (re.findall(r'(\w+)="(-?[\d.]+)"', one) for one in found)
    return [{key: float(value) for key, value in one} for one in numbers]


def test_dots_stand_in_rows_with_their_errors() -> None:
    drawn = chart(
        go.Scatter(
            x=[0.9, math.nan, 0.5],
            y=["a", "b", "c"],
            error_x={"array": [0.1, math.nan, math.nan]},
            mode="markers",
        )
    )
    (series,) = drawn.series
    assert series["points"] == [(0.9, 0, 0.1, "a: 0.9"), (0.5, 2, 0, "c: 0.5")]
    assert [name for _, name in drawn.y.ticks()] == ["a", "b", "c"]
    first, last = shapes(drawn, "circle")
    (error,) = shapes(drawn, "line")
    assert error["x1"] < first["cx"] < error["x2"]
    assert error["y1"] == first["cy"] < last["cy"]
    assert inside(drawn)


def test_lines_and_bars_are_drawn_from_zero_and_by_value() -> None:
    line = chart(go.Scatter(x=[1, 2, 3], y=[0.1, 0.2, 0.3], mode="lines"))
    heights = [line.y.at(y) for _, y, _, _ in line.series[0]["points"]]
    assert heights == sorted(heights, reverse=True)
    bar = chart(go.Bar(x=[2.0, -1.0], y=["a", "b"], orientation="h"))
    first, second = shapes(bar, "rect")
    assert second["x"] + second["width"] == pytest.approx(first["x"], abs=0.2)
    assert first["width"] == pytest.approx(2 * second["width"], abs=0.2)
    assert inside(line)
    assert inside(bar)


def test_a_heat_map_rounds_and_leaves_out_what_is_no_number() -> None:
    drawn = chart(
        go.Heatmap(z=[[1 / 3, math.nan], [2, 10]], x=["a", "b"], y=["c", "d"])
    )
    assert [cell[2:] for cell in drawn.cells] == [(0, "0.333"), (0.17, "2"), (1, "10")]
    first, below, last = shapes(drawn, "rect")
    assert first["x"] == below["x"] == pytest.approx(last["x"] - last["width"], abs=0.2)
    assert first["y"] + first["height"] == below["y"] == last["y"]


@pytest.mark.parametrize("value", [0.0, 1e-9, 1e9, -5.0, math.nan])
def test_one_value_alone_has_a_place(value: float) -> None:
    assert inside(chart(go.Scatter(x=[value], y=["a"], mode="markers")))


def test_of_a_thousand_long_names_the_first_are_shown_short() -> None:
    names = [f"{'long_' * 20}{number}" for number in range(1000)]
    drawn = chart(go.Scatter(x=list(range(1000)), y=names, mode="markers"))
    assert len(drawn.y.ticks()) == 40
    assert drawn.x_title == " (the first 40 of 1000)"
    assert max(len(name) for _, name in drawn.y.ticks()) == 30
    assert drawn.x.start < drawn.width / 2
    part = table(pd.DataFrame({"model": names, "score": 0.1}))
    assert len(part.rows) == 20
    assert part.text == "20 of 1000 rows; all are in the file"


@pytest.mark.parametrize("facets", ["facet_col", "facet_row"])
def test_each_facet_keeps_its_name_whatever_a_line_lacks(facets: str) -> None:
    rows = [("tree", "seconds", 9)]  # of the first line, the last facet alone
    rows += [("svm", what, y) for what, y in (("score", 1), ("seconds", 9))]
    tidy = pd.DataFrame(rows, columns=["model", "measured", "y"])
    figure = express.scatter(
        tidy, x="y", y="y", color="model", render_mode="webgl", **{facets: "measured"}
    )
    drawn = {one.title: one.series[0]["points"][0][1] for one in charts_of(figure)}
    assert drawn == {"score": 1, "seconds": 9}


def test_a_grid_of_facets_is_drawn_without_names() -> None:
    tidy = pd.DataFrame({"x": [1, 2] * 2, "a": [*"uuvv"], "b": [*"pqpq"]})
    figure = express.scatter(tidy, x="x", y="x", facet_col="a", facet_row="b")
    assert [one.title for one in charts_of(figure)] == [""] * 4


@pytest.mark.parametrize("figure", [go.Bar(x=["a"], y=[1]), go.Scatter(y=[1])])
def test_what_cannot_be_drawn_is_said_and_ends_no_run(
    figure: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entry = {"type": "plotly.JSONDataset", "filepath": f"{tmp_path}/plot.json"}
    entry["metadata"] = {"report": "Plot"}  # type: ignore[assignment]
    catalog = DataCatalog.from_config({"plot": entry})
    pipeline = Pipeline([Node(lambda: None, None, "plot", name="draw")])
    run = make_run(pipeline, catalog, tmp_path)
    catalog["plot"].save(go.Figure(figure))
    assert _output_sections(run) == []
    assert "The report lacks plot: " in caplog.text


def test_a_page_that_cannot_be_written_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = make_run(Pipeline([]), DataCatalog(), tmp_path)
    failed = ModelPayload(
        name="a",
        start=0,
        end=0,
        namespace="a",
        tags={"error": "no"},
        spec=ModelSpec.model_validate({"class": "sklearn.svm.SVC"}),
    )
    tags = {"kedro_command": "kedro run"}
    payload = Payload(name="a", start=0, end=0, tags=tags, models=[failed])
    page = write_report(run, payload, None)
    assert "<dt>a</dt><dd>no</dd>" in Path(page).read_text()
    monkeypatch.setattr(report, "_render", lambda **_: 1 / 0)
    assert write_report(run, payload, None) == ""
    assert "The report was not written: ZeroDivisionError" in caplog.text


WORDS = ["caf\u00e9", "\u0434\u0430", "\U0001f600", "1", "two", "three"]
TABLES = {
    "confusion_matrix_plot": pd.DataFrame(np.eye(6), WORDS, WORDS),
    "reliability_plot": pd.DataFrame(
        {"probability": [0.6, 0.9], "share that is right": [0.5, 1.0]}
    ),
    "telling_words_plot": pd.DataFrame(
        {"label": WORDS, "word": WORDS[::-1], "log odds": [3.0, 2, 1, 0, -1, 9]}
    ),
    "benchmark.iris.learning_curves_plot": pd.DataFrame(
        [
            {"model": model, "samples": count, "measured": what, "mean": 1.0, "std": 0}
            for model in "ab"
            for what in ("validation score", "training score", "seconds to fit")
            for count in (10, 20)
        ]
    ),
    "benchmark.heat_map": pd.DataFrame(
        {"svm.tuned": [0.9, np.nan], "baseline": [0.1, 0.2]}, ["iris", "1"]
    ),
}


@pytest.mark.parametrize("rows", [slice(None), slice(1), slice(0)])
def test_what_the_catalog_draws_the_report_shows(rows: slice, tmp_path: Path) -> None:
    conf = REPOSITORY / "{{ cookiecutter.repo_name }}/conf/base"
    config: dict[str, Any] = {}
    for family in ("text", "benchmark"):
        text = (conf / f"catalog_{family}.yml").read_text()
        config |= yaml.safe_load(text.replace("data/", f"{tmp_path}/"))
    drawn = {name: one for name, one in config.items() if "plotly_args" in one}
    catalog = DataCatalog.from_config(drawn)
    assert {*TABLES} == {one.replace("{dataset}", "iris") for one in drawn}
    for name, table in TABLES.items():
        if rows == slice(0) and name in ("confusion_matrix_plot", "benchmark.heat_map"):
            continue  # there is a label, or a data set
        catalog[name].save(table[rows])
        charts = charts_of(catalog[name].load())
        if rows == slice(None):
            assert sum(bool(one.series or one.cells) for one in charts) in (1, 3)
            titles = [*dict.fromkeys(table.get("measured", [""]))]
            assert [one.title for one in charts] == titles


def test_the_page_escapes_names_and_asks_for_nothing_elsewhere() -> None:
    drawn = chart(go.Bar(x=[1.0], y=[HOSTILE], orientation="h"))
    part = table(pd.DataFrame({"model": [HOSTILE], "accuracy": [2 / 3]}))
    part.title, part.charts = HOSTILE, [drawn]
    text = page(part, Section("Failed", facts={HOSTILE: HOSTILE}))
    assert "<script" not in text
    assert escape(HOSTILE)[:10] in text
    assert "0.667" in text
    assert not re.search(r"https?:|src=|@import|url\(", text)
    assert len(text) < 1_000_000


def test_failed_models_have_their_errors() -> None:
    board = pd.DataFrame({"model": ["a", "b"], "s": [1.0, None], "error": [None, "no"]})
    text = page(table(board), Section("Failed", facts={"b": "ValueError: no"}))
    assert '<tr class="failed"><td>b</td>' in text
    assert "<dt>b</dt><dd>ValueError: no</dd>" in text


def test_changes_since_the_run_before() -> None:
    before = pd.DataFrame(
        {"model": ["a", "b", "c"], "validation_accuracy": [0.9, 0.8, 0.7]}
    )
    now = pd.DataFrame(
        {"model": ["a", "b", "d"], "validation_accuracy": [0.9, 0.85, 0.6]}
    )
    told = "Since the previous run, validation accuracy: d is new, c is gone, b +0.050."
    assert describe_changes(before, now) == told
    assert describe_changes(before, before) == (
        "Since the previous run, no validation accuracy has changed."
    )
    other = before.assign(validation_accuracy=[float("nan"), 0.8, 0.7])
    since = "Since the previous run, "
    assert describe_changes(before, other) == f"{since}validation accuracy: a failed."
    assert describe_changes(other, before).endswith(" a does not fail any more.")
    slightly = before.assign(validation_accuracy=[0.9001, 0.8, 0.7])
    by = "no validation accuracy has changed by 0.0005."
    assert describe_changes(before, slightly) == f"{since}{by}"
    assert describe_changes(None, now) == ""
    assert (
        describe_changes(before.rename(columns={"validation_accuracy": "other"}), now)
        == ""
    )


@pytest.mark.parametrize(
    ("model", "target", "title"),
    [
        (LinearRegression(), [float(number) for number in range(2000)], "Residuals"),
        (DecisionTreeClassifier(max_depth=1), ["x", "y", "z", "z"] * 500, "Confusion"),
    ],
)
def test_the_best_model_is_explained(model: object, target: object, title: str) -> None:
    X = pd.DataFrame({"a": np.arange(2000.0) % 4, "b": np.arange(2000.0)})
    y = pd.Series(target, index=X.index[::-1])
    X.index = y.index
    catalog = DataCatalog()
    catalog["models.best.fitted_model"] = model.fit(X, y)  # type: ignore[attr-defined]
    catalog["X_test"], catalog["y_test"] = X, y.to_frame()
    errors, needs = explain("best", catalog)
    assert errors.title == f"{title} of best"
    assert {name for _, name in needs.charts[0].y.ticks()} == {"a", "b"}
    assert "1000 rows" in needs.text
    points = errors.charts[0].series
    assert not points or len(points[0]["points"]) == 500
    assert len(page(errors, needs)) < 200_000


@pytest.mark.parametrize("rows_at_once", [1, 30_000])
@pytest.mark.parametrize(
    ("model", "target"),
    [
        (LinearRegression(), lambda X: X["a"] + 0.1 * X["b"]),
        (DecisionTreeClassifier(max_depth=2), lambda X: np.where(X["a"] > 0, "x", "y")),
    ],
)
def test_importance_is_that_of_scikit_learn(
    model: Any, target: Any, rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "ROWS_AT_ONCE", rows_at_once)
    draw = np.random.default_rng(0)
    X = pd.DataFrame(draw.normal(size=(500, 3)), columns=["a", "b", "unused"])
    y = pd.Series(target(X))
    model.fit(X, y)
    falls = explaining._mean_falls(model, X, y)
    expected = permutation_importance(model, X, y, n_repeats=20, random_state=0)
    np.testing.assert_allclose(falls, expected.importances_mean, atol=0.1)
    assert falls[2] == pytest.approx(0)
