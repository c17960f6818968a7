"""The report: plots as SVG, and a page that holds whatever people do."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.report import explain as explaining
from kedro_dynamic.report import page as report
from kedro_dynamic.report.changes import collect_results, describe_changes, read_results
from kedro_dynamic.report.explain import explain
from kedro_dynamic.report.page import _output_sections, add_output, render, write_report
from kedro_dynamic.report.plots import plot_leaderboard, shorten, to_svg
from kedro_dynamic.report.section import Picture, Section
from kedro_dynamic.tracking.payload import ModelPayload, Payload, collect
from plotly import graph_objects
from sklearn.datasets import make_classification
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import check_scoring
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from library.a_run import make_run

HOSTILE = "<script>alert('x')</script> & \"quotes\" $x_1$"
TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})


def table(value: object) -> Section:
    """Return a section that shows a value."""
    part = Section("Leaderboard")
    add_output(part, value, "data/x.csv")
    return part


def page(*parts: Section, **errors: str) -> str:
    """Return the page of some parts, and of the errors of models."""
    story = ["tree is best"]
    return render(title="Iris", parts=parts, story=story, results="{}", errors=errors)


def board(**scores: float) -> pd.DataFrame:
    """Return a leaderboard of models with these scores."""
    return pd.DataFrame({"model": [*scores], "validation_accuracy": [*scores.values()]})


def texts(svg: str) -> list[str]:
    """Return the texts of a drawing."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_a_leaderboard_has_a_line_per_model_and_room_for_the_models() -> None:
    scores = board(good=0.95, fair=0.9, baseline=0.3)
    scores["validation_accuracy_stderr"] = 0.01
    folds = {"good": {"accuracy": [0.94, 0.96]}}
    (axes,) = plot_leaderboard(scores, folds).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["good", "fair"]
    assert axes.get_xlim()[0] > 0.8
    assert axes.get_xlabel() == "accuracy (baseline: 0.300)"
    assert axes.lines[0].get_xdata().tolist() == [0.94, 0.96]


def test_learning_curves_are_drawn_below_a_leaderboard() -> None:
    rows = [
        {"model": model, "samples": samples, "measured": kind, "mean": 0.5, "std": 0.1}
        for model in ("tree", "svm")
        for samples in (10, 1200)
        for kind in ("validation accuracy", "seconds to fit")
    ]
    failed = pd.DataFrame({"model": ["bad"], "error": ["no"]})
    (picture,) = report.learning_curves(pd.concat([pd.DataFrame(rows), failed]))
    assert "tree validation accuracy 0.500 with 1,200 rows" in picture.alt
    assert {"tree", "svm", "seconds to fit"} <= {*texts(picture.svg)}
    assert report.learning_curves(failed) == []


def test_losses_are_drawn_as_positive_numbers() -> None:
    rmse = "neg_root_mean_squared_error"
    columns = {f"test_{rmse}": [-1.0], f"test_{rmse}_low": [-3.0]}
    columns[f"test_{rmse}_high"] = [-0.5]
    scores = pd.DataFrame({"model": ["a"], **columns})
    (axes,) = plot_leaderboard(scores, {}).axes
    ((start, _), (end, _)) = axes.collections[0].get_segments()[0]
    assert (start, end) == (0.5, 3.0)
    assert axes.get_xlabel() == "RMSE"


@pytest.mark.parametrize("scores", [{}, {"baseline": 0.5}, {"a": float("nan")}])
def test_a_leaderboard_without_scores_is_drawn(scores: dict[str, float]) -> None:
    assert "<svg" in to_svg(plot_leaderboard(board(**scores), {}))


def test_long_names_stay_different() -> None:
    names = [f"the long name of category number {i} of products" for i in range(12)]
    short = report.short_names(names)
    assert len({*short.values()}) == 12
    assert max(map(len, short.values())) < 32


def test_long_names_lack_their_middle() -> None:
    assert shorten("short") == "short"
    assert shorten("a" * 40 + "b") == f"{'a' * 12}\N{HORIZONTAL ELLIPSIS}{'a' * 11}b"


def test_the_page_escapes_names_and_asks_for_nothing_elsewhere() -> None:
    drawn = to_svg(plot_leaderboard(board(**{HOSTILE: 0.5}), {}))
    part = table(pd.DataFrame({"model": [HOSTILE], "accuracy": [2 / 3]}))
    part.title, part.details = HOSTILE, {HOSTILE: HOSTILE}
    part.pictures = [Picture(HOSTILE, HOSTILE, drawn)]
    text = page(part, Section("Facts", facts={HOSTILE: HOSTILE}), **{HOSTILE: HOSTILE})
    assert "<script" not in text
    assert escape(HOSTILE)[:10] in text
    assert "0.667" in text
    addresses = re.findall(r"https?:[^\"]*|src=|@import|url\([^#]", text)
    assert {*addresses} <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_failed_models_have_their_errors() -> None:
    scores = pd.DataFrame(
        {"model": ["a", "b"], "s": [1.0, None], "error": [None, "no"]}
    )
    text = page(table(scores), b="ValueError: no")
    assert '<tr class="failed"><td class="short">b</td>' in text
    assert "<dt>b</dt><dd>ValueError: no</dd>" in text


def payload_of(status: str = "FINISHED", **scores: float) -> Payload:
    """Return what MLflow is told of a run of some models."""
    models = [
        ModelPayload(
            name=name,
            namespace=f"models.{name}",
            spec=TREE,
            start=0,
            end=0,
            params={"class": "SVC", "model_kwargs.C": "1.0"},
            metrics={"validation_accuracy": score},
        )
        for name, score in scores.items()
    ]
    tags = {"kedro_command": "kedro run"}
    return Payload(name="a", start=0, end=0, tags=tags, models=models, status=status)


def test_changes_are_causes_and_effects(tmp_path: Path) -> None:
    before = payload_of(a=0.9, b=0.8, c=0.7)
    before.params = {"data.train_fraction": "0.8"}
    before.data = [{"name": "x", "path": "x.csv", "digest": "1"}]
    now = payload_of(a=0.9, b=0.85, d=0.6)
    now.params = {"data.train_fraction": "0.7"}
    now.data = [{"name": "x", "path": "x.csv", "digest": "2"}]
    now.models[1].params["model_kwargs.C"] = "10"
    old = collect_results(before, board(a=0.9))
    new = collect_results(now, board(a=0.9))
    assert describe_changes(old, new) == (
        "Since the previous report (validation accuracy): x.csv changed; "
        "data.train_fraction 0.8 \N{RIGHTWARDS ARROW} 0.7; "
        "b: C 1.0 \N{RIGHTWARDS ARROW} 10, 0.800 \N{RIGHTWARDS ARROW} 0.850; "
        "d is new; c is gone."
    )
    nothing = "Data, parameters and scores are those of the previous report."
    assert describe_changes(old, old) == nothing
    assert describe_changes(None, new) == ""
    failed = collect_results(payload_of(a=0.9, b=0.8), board(a=0.9))
    failed["models"]["a"]["score"] = None
    assert "a: failed; c is gone." in describe_changes(old, failed)
    assert "a: does not fail any more" in describe_changes(failed, old)

    page_file = tmp_path / "report.html"
    assert read_results(page_file) is None
    results = report.json.dumps(new)
    page_file.write_text(render(title="", parts=[], story=[], results=results))
    assert read_results(page_file) == new


def test_a_run_that_failed_leaves_the_last_good_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = Node(print, "x", "y", name="show")
    catalog = DataCatalog.from_config(
        {
            "y": {
                "type": "json.JSONDataset",
                "filepath": f"{tmp_path}/y.json",
                "metadata": {"report": "Scores"},
            }
        }
    )
    run = make_run(Pipeline([shown]), catalog, tmp_path)
    catalog.save("y", {"accuracy": 0.5})
    good = write_report(run, payload_of(a=0.5), "a is best")
    assert good == "data/08_reporting/report.html"
    text = Path(good).read_text()
    assert "0.500" in text
    assert "a is best" in text

    failed = payload_of("FAILED", a=0.5)
    failed.models[0].tags["error"] = "ValueError: no"
    bad = write_report(run, failed, "")
    assert bad == "data/08_reporting/report_failed.html"
    assert Path(good).read_text() == text
    first, second = re.findall(r"<h2>Failed</h2>|0\.500", Path(bad).read_text())
    assert (first, second) == ("<h2>Failed</h2>", "0.500")
    assert "last good run is report.html" in Path(bad).read_text()
    assert report.last_good_report(run) == good

    write_report(run, payload_of(a=0.5), "")
    assert not Path(bad).exists()
    monkeypatch.setattr(report, "render", lambda **_: 1 / 0)
    assert write_report(run, failed, "") == ""
    assert "The report was not written: ZeroDivisionError" in caplog.text


def subject_catalog(model: Any, X: pd.DataFrame, y: Any, **data: Any) -> DataCatalog:
    """Return a catalog with a fitted model and the rows it is tested on."""
    catalog = DataCatalog()
    target = pd.DataFrame({"kind": y}, index=X.index)
    catalog["models.best.fitted_model"] = model.fit(X, target["kind"])
    catalog["X_test"], catalog["y_test"], catalog["y_train"] = X, target, target
    catalog["parameters"] = {
        "data": {"target_column": "kind", **data},
        "comparison": {"folds": 5},
    }
    return catalog


def rows_of(count: int) -> pd.DataFrame:
    """Return rows of two columns, in an order of their own."""
    numbers = np.arange(float(count))
    return pd.DataFrame(
        {"a": numbers % 4, "b": numbers}, index=numbers[::-1].astype(int)
    )


def test_a_classifier_of_several_classes_is_explained() -> None:
    X = rows_of(2000)
    model = DecisionTreeClassifier(max_depth=1)
    errors, wrong, needs = explain(
        "best", subject_catalog(model, X, ["x", "y", "z", "z"] * 500)
    )
    assert errors.title == "Errors of best"
    assert errors.pictures[0].alt == (
        "1,500 of 2,000 rows are right; 500 of y are taken for x"
    )
    assert "100%" in "".join(texts(errors.pictures[0].svg))
    assert errors.rows[0] == ["y", "0.000", "0.000", "500"]
    assert {row[0] for row in errors.rows} == {*"xyz"}
    assert len(wrong.rows) == 10
    assert wrong.rows[0][1:3] == ["y", "x (50%)"]
    assert "1,000 rows" in needs.text
    assert needs.pictures[0].alt.startswith("a +0.")
    assert len(page(errors, wrong, needs)) < 100_000


@pytest.mark.parametrize("model", [LogisticRegression(), LinearSVC()])
@pytest.mark.parametrize("positive", ["rare", "usual"])
def test_a_classifier_of_two_classes_is_explained(model: Any, positive: str) -> None:
    values, labels = make_classification(400, weights=[0.9], random_state=0)
    X = pd.DataFrame(values).rename(columns=str)
    y = np.where(labels == 1, "rare", "usual")
    errors, thresholds, *_ = explain(
        "best", subject_catalog(model, X, y, positive_label=positive)
    )
    found = ((y == positive) & (model.predict(X) == positive)).sum()
    count = (y == positive).sum()
    assert f"best finds {found} of {count} rows of class '{positive}'" in errors.text
    titles = [picture.title for picture in errors.pictures]
    has_probabilities = hasattr(model, "predict_proba")
    expected = ["Confusion", "ROC curve", "Precision and recall"]
    assert titles == [*expected, *["Calibration"] * has_probabilities]
    assert len(thresholds.rows) == 9
    recalls = [float(row[-1]) for row in thresholds.rows]
    assert recalls == sorted(recalls, reverse=True)
    # The rows of which the model is surest are not those of the other class.
    precisions = [float(row[3]) for row in thresholds.rows if row[3]]
    assert precisions[-1] > count / len(y)
    if has_probabilities:
        assert thresholds.rows[4][2] == str(found)


def test_a_regressor_is_explained() -> None:
    X = rows_of(2000)
    y = X["b"] + (X["a"] == 1) * 100.0
    errors, wrong, needs = explain("best", subject_catalog(LinearRegression(), X, y))
    assert [picture.title for picture in errors.pictures] == [
        "Predicted and true",
        "Residuals",
    ]
    assert len(wrong.rows) == 10
    assert "RMSE on the test set rises" in needs.text
    assert needs.pictures[0].alt.startswith("b +")


def test_all_models_have_plots_in_mlflow_if_they_are_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = subject_catalog(DecisionTreeClassifier(), rows_of(40), [*"xyzz"] * 10)
    run = make_run(Pipeline([]), catalog, tmp_path)
    payload = payload_of(best=0.5, other=0.5)
    payload.models[1].status = "FAILED"
    explaining.add_plots(run, payload)
    assert payload.models[0].images == {}

    parameters = catalog.load("parameters")
    catalog["parameters"] = parameters | {"comparison": {"plots": "all"}}
    payload.models[1].status = "FINISHED"  # but its files are gone
    explaining.add_plots(run, payload)
    best, other = (model.images for model in payload.models)
    assert [*best] == ["confusion.svg", "what_best_needs.svg"]
    assert best["confusion.svg"].startswith(b"<svg xmlns")
    assert other == {}
    assert "MLflow lacks the plots of other: " in caplog.text


def test_a_wide_table_is_not_shuffled_and_says_so() -> None:
    X = pd.DataFrame(np.eye(101)).rename(columns=str)
    model = DecisionTreeClassifier()
    catalog = subject_catalog(model, X, [*"ab" * 50, "a"])
    *_, needs = explain("best", catalog)
    assert needs.text.startswith("Not measured: the table has 101 columns")


def test_a_part_that_fails_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(explaining, "plot_confusion", lambda *_: 1 / 0)
    catalog = subject_catalog(
        DecisionTreeClassifier(), rows_of(8), [*"xyz"] * 2 + [*"xy"]
    )
    sections = explain("best", catalog)
    assert sections[-1].title == "What best needs"
    assert "The report lacks a part on best: ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("rows_at_once", [1, 30_000])
@pytest.mark.parametrize(
    ("model", "target", "score"),
    [
        (LinearRegression(), lambda X: X["a"] + 0.1 * X["b"], "r2"),
        (
            LogisticRegression(),
            lambda X: np.where(X["a"] > 0, "x", "y"),
            "neg_log_loss",
        ),
    ],
)
def test_importance_is_that_of_scikit_learn(
    model: Any,
    target: Any,
    score: str,
    rows_at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(explaining, "ROWS_AT_ONCE", rows_at_once)
    draw = np.random.default_rng(0)
    X = pd.DataFrame(draw.normal(size=(500, 3)), columns=["a", "b", "unused"])
    y = pd.Series(target(X))
    scorer = check_scoring(model.fit(X, y), scoring=score)
    falls = explaining.mean_falls(model, scorer, X, y)
    expected = permutation_importance(
        model, X, y, scoring=score, n_repeats=20, random_state=0
    )
    means = expected.importances_mean
    np.testing.assert_allclose(falls, means, atol=0.1 * means.max())
    assert abs(falls[2]) < 0.01


def test_plots_of_ones_own_are_shown_or_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    figure = plot_leaderboard(board(a=0.5), {})
    plots = {
        "own": (figure, "matplotlib.MatplotlibDataset", "own.png"),
        "drawing": (figure, "matplotlib.MatplotlibDataset", "drawing.svg"),
        "interactive": (graph_objects.Figure(), "plotly.JSONDataset", "plot.json"),
    }
    entries = {}
    for name, (_, kind, file) in plots.items():
        metadata = {"report": name, "mlflow": "artifact"}
        entry = {"type": kind, "filepath": f"{tmp_path}/{file}", "metadata": metadata}
        entries[name] = entry
    entries["drawing"]["save_args"] = {"format": "svg"}
    catalog = DataCatalog.from_config(entries)
    run = make_run(
        Pipeline([Node(lambda: None, None, [*plots], name="plot")]), catalog, tmp_path
    )
    catalog["parameters"] = {}
    for name, (value, *_) in plots.items():
        catalog.save(name, value)
    sections, _ = _output_sections(run, payload_of(), "")
    interactive, drawing, own = sections
    assert own.pictures[0].address.startswith("data:image/png;base64,iVBOR")
    assert drawing.pictures[0].address.startswith("data:image/svg+xml;base64,")
    assert interactive.text.endswith("`kedro viz run` shows: plot.json")
    assert 'alt="own"' in page(*sections)

    images = collect(run, None).images
    assert images["own.png"] == (tmp_path / "own.png").read_bytes()
    assert [*images] == ["drawing.svg", "own.png"]
