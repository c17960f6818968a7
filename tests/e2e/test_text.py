"""The family `text`: from raw reviews to a model that is served without the project."""

from __future__ import annotations

import json
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import Environment, InstalledProject, free_port, wait_for
from e2e.mlflow_store import edit, store_of, verdict_in

# The commands of a person on a fresh render, in this order.
STEPS = {
    "etl": ["--pipelines", "etl"],
    "training": ["--pipelines", "training"],
    "etl test": ["--pipelines", "etl", "--params", "split=test"],
    "user_app": ["--pipelines", "user_app"],
}

PREDICT = """
import json, sys
import mlflow
import pandas as pd

texts = pd.DataFrame({"text": json.load(open("texts.json"))})
print("SEEN", mlflow.pyfunc.load_model("model").predict(texts).to_json(orient="split"))
"""


@dataclass(frozen=True)
class Trained:
    """A project in which all steps were run, with their output."""

    project: InstalledProject
    printed: dict[str, str]


@pytest.fixture(scope="module")
def trained(
    installed: InstalledProject, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    project = installed.copy(tmp_path_factory.mktemp("text") / "iris")
    runs = {
        step: project.run("kedro", "run", *options) for step, options in STEPS.items()
    }
    return Trained(project, {step: run.stdout for step, run in runs.items()})


def test_the_steps_leave_files_metrics_and_a_champion(trained: Trained) -> None:
    project, package = trained.project, trained.project.package
    for split in ("train", "test"):
        for kind in ("instances", "labels"):
            path = project.path / f"data/02_intermediate/{kind}_{split}.parquet"
            assert path.is_file()
    assert "WARNING" not in "".join(trained.printed.values())
    assert "Features: " in trained.printed["training"]
    verdict = verdict_in(trained.printed["training"])

    # On reviews outside of training, the model is better than chance, and not perfect.
    reporting = project.path / "data/08_reporting"
    metrics = json.loads((reporting / "prediction_metrics.json").read_text())
    assert 0.75 < metrics["auc"] < 0.99
    assert (metrics["split"], metrics["model"]) == ("test", f"{package}_sentiment 1")
    assert f"ROC AUC {metrics['auc']:.3f}" in trained.printed["user_app"]
    first = re.findall(r"is the first champion: (log loss 0.\d+)", verdict)
    assert (
        f"Predicted by {package}_sentiment, version 1: {first[0]}"
        in (trained.printed["user_app"])
    )
    report = json.loads((reporting / "sentiment_report.json").read_text())
    assert (report["split"], report["reviews"]) == ("test", rows(project, "test"))
    assert 0.3 < report["shares"]["positive"] < 0.7
    to_read = (reporting / "reviews_to_read.csv").read_text(encoding="utf-8")
    assert to_read.splitlines()[0] == "review,text,label,probability,known_features"
    assert "Reviews most worth a look" in trained.printed["user_app"]
    assert metrics["accuracy_low"] < metrics["accuracy"] < metrics["accuracy_high"]
    assert metrics["judged_reviews"] <= metrics["reviews"] == rows(project, "test")

    store = store_of(project)
    runs = {run.name: run for run in store.runs()}
    assert len(store.runs()) == len(STEPS)
    assert {run.status for run in runs.values()} == {"FINISHED"}
    assert {"accuracy", "auc", "log_loss"} <= set(runs["training"].metrics)
    class_path = runs["training"].params["text.model.class"]
    assert class_path == "sklearn.ensemble.StackingClassifier"
    assert runs["user_app"].metrics["auc"] == pytest.approx(metrics["auc"])
    assert store.versions(f"{package}_sentiment") == {1: runs["training"].id}
    assert store.champion(f"{package}_sentiment") == 1
    for run, names in {
        "training": ["report_training.html"],
        "user_app": ["sentiment_report.json", "report_user_app.html"],
    }.items():
        for name in names:
            assert list(store.artifacts.rglob(f"{runs[run].id}/artifacts/{name}"))


def rows(project: InstalledProject, split: str) -> int:
    """Return how many reviews a shipped file has; each is one line."""
    file = project.path / f"data/01_raw/reviews/{split}.csv"
    return len(file.read_text(encoding="utf-8").splitlines()) - 1


def test_champion_slices_and_other_splits(trained: Trained, tmp_path: Path) -> None:
    project = trained.project.copy(tmp_path / "iris")
    store, name = store_of(project), f"{project.package}_sentiment"

    # An equally good model gets no version. Every runner makes one MLflow run.
    for runner in ("ParallelRunner", "ThreadRunner"):
        known = store.runs()
        command = ["kedro", "run", "--pipelines", "training", "--runner", runner]
        printed = project.run(*command).stdout
        assert verdict_in(printed).startswith("Keep ")
        parent, children = store.family(*known)
        assert (parent.status, children) == ("FINISHED", {})
        assert parent.id in store.logged_models()
    assert len(store.versions(name)) == store.champion(name) == 1

    # Both families in one run, with another tokenizer.
    class_path = "sklearn.feature_extraction.text.CountVectorizer"
    params = f"--params=random_state=8,text.tokenizer.class={class_path}"
    pipelines = "etl,training,split_data,models"
    done = project.run("kedro", "run", "--pipelines", pipelines, params)
    verdict = verdict_in(done.stdout)
    assert re.search(rf"first champion.+{name}", verdict)
    assert store.champion("iris") == 1
    assert len(store.logged_models()) == 5

    # A part of the pipeline logs no model.
    part = ["--pipelines=training", "--to-nodes=prepare.hold_out"]
    assert "it logs none" in project.run("kedro", "run", *part).stdout
    assert len(store.logged_models()) == 5

    by_version = ["--params", f"model_uri=models:/{name}/1"]
    project.run("kedro", "run", "--pipelines", "user_app", *by_version)
    metrics = project.path / "data/08_reporting/prediction_metrics.json"
    first = trained.project.path / "data/08_reporting/prediction_metrics.json"
    assert metrics.read_text() == first.read_text()
    by_run = ["--params", f"model_uri=runs:/{parent.id}/model"]
    project.run("kedro", "run", "--pipelines", "user_app", *by_run)
    known_first, known_now = (json.loads(file.read_text()) for file in (first, metrics))
    assert known_now.pop("model") != known_first.pop("model")
    assert known_now == known_first

    # The line that says what was kept out says how to set it all the same.
    by_hand = re.findall(r"kedro (run --pipelines promote --params \S+)", printed)
    project.run("kedro", *by_hand[0].split())
    assert store.versions(name)[store.champion(name) or 0] == parent.id

    # A file of somebody, with ids and without labels, in one command.
    raw = project.path / "data/01_raw/reviews"
    lines = ["key,text", "7,A wonderful film", "8,"]
    (raw / "mine.csv").write_text("\n".join(lines))
    known = store.runs()
    own = ["--params", "split=mine,text.id_column=key"]
    printed = project.run("kedro", "run", "--pipelines", "etl,user_app", *own).stdout
    assert "The split 'mine' lacks labels" in printed
    parent, _ = store.family(*known)
    assert "auc" not in parent.metrics
    assert parent.metrics["judged_reviews"] == 0
    scores = project.path / "data/08_reporting/prediction_label_scores.csv"
    assert scores.read_text() == "label,precision,recall,f1,rows\n"
    script = (
        "import pandas as pd; path = 'data/07_model_output/predictions.parquet';"
        "table = pd.read_parquet(path)[['key', 'label']];"
        "print('SEEN', table.to_json(orient='values'))"
    )
    assert seen(project.run("python", "-c", script).stdout) == [
        [7, "positive"],
        [8, None],
    ]


def test_reviews_in_published_layouts(project: InstalledProject) -> None:
    raw = project.path / "data/01_raw"
    script = (
        "import pandas as pd; path = 'data/01_raw/imdb/plain_text/{}-00000-of-00001';"
        "texts = ['Dull.', 'Great<br />film'];"
        "[pd.DataFrame({'text': texts, 'label': label}).to_parquet(path.format(split)"
        " + '.parquet') for split, label in (('train', [0, 1]), ('unsupervised', -1))]"
    )
    (raw / "imdb/plain_text").mkdir(parents=True)
    project.run("python", "-c", script)
    etl = ["kedro", "run", "--env", "imdb", "--pipelines", "etl"]
    project.run(*etl)
    labels = ["etl_labels", "--params", "split=unsupervised"]
    done = project.run(*etl[:-1], *labels)
    assert "'unsupervised' lacks labels; its column 'label' has -1" in done.stdout
    done = project.run(*etl, "--params", "split=test", check=False)
    assert "reviews: does not exist yet; 'hf download" in done.stdout

    # One file, in which a review may be "null" or empty.
    lines = ["review,sentiment", "Great film,positive", "null,negative", ",negative"]
    text = "\n".join(lines) + "\n"
    (raw / "IMDB Dataset.csv").write_text(text, encoding="utf-8-sig")
    project.run("kedro", "run", "--env", "imdb_csv", "--pipelines", "etl")
    for split, expected in {
        "train": [["Dull.", "negative"], ["Great<br />film", "positive"]],
        "all": [["Great film", "positive"], ["null", "negative"], ["", "negative"]],
    }.items():
        script = (
            "import json, pandas as pd; path = 'data/02_intermediate/{}_%s.parquet';"
            "read = lambda name: pd.read_parquet(path.format(name)).iloc[:, 0];"
            "print('SEEN', json.dumps([*zip(read('instances'), read('labels'))]))"
        )
        assert seen(project.run("python", "-c", script % split).stdout) == expected


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("training", "'kedro run --pipelines etl --params split=train' makes it"),
        ("user_app", "--params split=test' makes it"),
    ],
)
def test_missing_data_is_named_with_the_command_that_makes_it(
    pipeline: str, message: str, project: InstalledProject
) -> None:
    done = project.run("kedro", "run", "--pipelines", pipeline, check=False)
    assert done.returncode == 1
    assert done.stdout.strip().endswith(message)
    assert "Traceback" not in done.stdout


def test_without_a_model_user_app_says_which_command_makes_one(
    project: InstalledProject,
) -> None:
    project.run("kedro", "run", "--pipelines", "etl", "--params", "split=test")
    done = project.run("kedro", "run", "--pipelines", "user_app", check=False)
    assert done.returncode == 1
    assert "'kedro run --pipelines training' makes it" in done.stdout.splitlines()[-1]
    assert "Traceback" not in done.stdout


def test_an_object_only_in_memory_is_named_before_training(
    project: InstalledProject,
) -> None:
    project.run("kedro", "run", "--pipelines", "etl")
    edit(project, "catalog_text.yml", r"(?ms)^tokenizer:.*?\n\n", "")
    done = project.run("kedro", "run", "--pipelines", "training", check=False)
    assert done.returncode == 1
    assert "tokenizer: is not in a file of this machine" in done.stdout
    assert "filepath: data/06_models/tokenizer.pkl" in done.stdout
    assert "Completed" not in done.stdout


def records(*texts: object) -> dict[str, list[dict[str, object]]]:
    """Return the body of a request for some texts."""
    return {"dataframe_records": [{"text": text} for text in texts]}


def test_own_reviews_with_other_labels(project: InstalledProject) -> None:
    rows = [f"{word} film {n},{n % 3 + 1}" for n, word in enumerate(120 * ["A"])]
    for stars, word in enumerate(("Dull", "Fair", "Great"), start=1):
        rows = [
            row.replace("A", word) if row[-1] == str(stars) else row for row in rows
        ]
    reviews = project.path / "data/01_raw/reviews/own.csv"
    reviews.write_text("\n".join(["opinion,stars", *rows]))
    edit(project, "parameters_text.yml", "text_column: text", "text_column: opinion")
    edit(project, "parameters_text.yml", "label_column: label", "label_column: stars")
    command = ["kedro", "run", "--params", "split=own", "--pipelines"]
    assert "accuracy 1.000" in project.run(*command, "etl,training").stdout
    # The model is scored on the reviews of the file that it was not trained on.
    printed = project.run(*command, "user_app").stdout
    (judged,) = re.findall(r"not trained on (\d+) of 120 reviews", printed)
    assert 5 < int(judged) < 60
    metrics = project.path / "data/08_reporting/prediction_metrics.json"
    assert json.loads(metrics.read_text())["accuracy"] == 1


# --- served without the project ------------------------------------------------------


@dataclass(frozen=True)
class Served:
    """The folder of a model, served in an environment of its own."""

    folder: Path
    environment: Environment
    url: str
    log: Path

    def ask(self, question: object, content_type: str = "application/json") -> Any:
        """Return the server's predictions, or the status and text of an error."""
        body = question if isinstance(question, bytes) else json.dumps(question)
        request = urllib.request.Request(
            f"{self.url}/invocations",
            body if isinstance(body, bytes) else body.encode(),
            {"Content-Type": content_type},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["predictions"]
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def served(
    trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    (logged,) = store_of(trained.project).logged_models().values()
    shutil.copytree(logged, folder / "model")
    environment = Environment.create(folder / "venv")
    environment.install("-r", str(folder / "model/requirements.txt"))
    # The folder has nothing of the project but the model.
    elsewhere = InstalledProject(folder, trained.project.package, environment)
    url, log = f"http://127.0.0.1:{free_port()}", folder / "log"
    command = ["mlflow", "models", "serve", "--model-uri", "model"]
    command += ["--env-manager", "local", "--host", "127.0.0.1"]
    command += ["--port", url.rpartition(":")[2]]

    def ready() -> bool:
        try:
            return bool(urllib.request.urlopen(f"{url}/ping", timeout=5))
        except OSError:
            return False

    with elsewhere.background(*command, log=log) as process:
        wait_for(ready, process, log)
        yield Served(folder, environment, url, log)


def test_batch_pyfunc_and_http_agree(trained: Trained, served: Served) -> None:
    project = trained.project
    script = (
        "import json, pandas as pd; path = 'data/02_intermediate/instances_{}.parquet';"
        "texts = [pd.read_parquet(path.format(s)).text for s in ('train', 'test')];"
        "print('SEEN', json.dumps(pd.concat(texts).tail(500).tolist()))"
    )
    texts = seen(project.run("python", "-c", script).stdout)
    assert len(texts) == 500

    (served.folder / "texts.json").write_text(json.dumps(texts))
    alone = InstalledProject(served.folder, project.package, served.environment)
    table = seen(alone.run("python", "-c", PREDICT).stdout)
    pyfunc = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    script = (
        "import pandas as pd; path = 'data/07_model_output/predictions.parquet';"
        "print('SEEN', pd.read_parquet(path).to_json(orient='records'))"
    )
    batch = seen(project.run("python", "-c", script).stdout)

    with ThreadPoolExecutor(50) as clients:
        answers = clients.map(lambda text: served.ask(records(text)), texts)
    http = [prediction for (prediction,) in answers]

    assert are_same(http, pyfunc)
    test = min(500, len(batch))
    assert are_same(http[-test:], batch[-test:])
    labels = {prediction["label"] for prediction in http}
    assert labels - {None} == {"negative", "positive"}
    assert are_same(served.ask(records(*texts)), http)


def seen(output: str) -> Any:
    """Return the value that a script printed as ``SEEN <JSON>``."""
    (found,) = re.findall(r"^SEEN (.*)$", output, re.MULTILINE)
    return json.loads(found)


def are_same(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> bool:
    """Return True if predictions differ in the last digits at most."""

    def numbers(row: dict[str, Any]) -> dict[str, Any]:
        each = row.get("probabilities") or {
            name.removeprefix("probability_"): value
            for name, value in row.items()
            if name.startswith("probability_") and row["label"]
        }
        return {"probability": row["probability"], **each}

    return len(left) == len(right) and all(
        a["label"] == b["label"] and numbers(a) == pytest.approx(numbers(b), abs=1e-9)
        for a, b in zip(left, right, strict=True)
    )


def test_unusual_requests_get_an_answer(served: Served) -> None:
    unknown = {"label": None, "probability": None, "known_features": 0}
    for text in ("", "\N{GRINNING FACE}", "\u65e5\u672c"):
        assert served.ask(records(text)) == [unknown | {"probabilities": None}], text
    (long,) = served.ask(records("wonderful " * 110_000))
    assert long["label"] == "positive"
    (loud,) = served.ask(records("WONDERFUL, \N{GRINNING FACE} wonderful!"))
    assert loud["label"] == "positive"


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (
            {"dataframe_records": [{"txt": "A film"}]},
            "Model is missing inputs ['text']",
        ),
        ({"dataframe_records": []}, "Model is missing inputs ['text']"),
        ({"dataframe_split": {"columns": ["text"], "data": []}}, "the table is empty"),
        ({}, "exactly one of the input fields"),
        ([], "Received a list"),
        (b"{", "valid JSON"),
        (records("dull", None), "row 1, counted from 0, is not a text but None"),
        (records(5), "row 0, counted from 0, is not a text but 5"),
        (records({"a": 1}), "is not a text but {'a': 1}"),
        (b'{"dataframe_records": [{"text": "\xff"}]}', "valid JSON"),
        (b'{"dataframe_records": [{"text": "\\ud83d"}]}', "surrogates not allowed"),
    ],
)
def test_bad_requests_are_refused_with_a_reason(
    question: object, message: str, served: Served
) -> None:
    status, text = served.ask(question)
    assert 400 <= status < 500
    assert message in text
    assert "Traceback" not in text
    # The next request is answered.
    assert len(served.ask(records("dull"))) == 1
    assert "500 Internal" not in served.log.read_text()


def test_nox_serves_asks_and_stops(trained: Trained, tmp_path: Path) -> None:
    project = trained.project.copy(tmp_path / "iris")
    command = ["python", "-m", "nox", "--session=serve"]
    printed = project.run(*command, "--", f"{project.package}_sentiment").stdout
    assert re.search(r'{"predictions": \[{"label": "\w+"', printed)
