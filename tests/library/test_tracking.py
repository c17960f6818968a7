"""What a run leaves in MLflow, and where."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import pytest
from conftest import git
from filelock import FileLock
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_dynamic import ConfigurationError, ModelSpec
from kedro_dynamic.config.errors import one_line, parse
from kedro_dynamic.runs.provenance import Plan, Provenance, plans
from kedro_dynamic.tracking import collect, lineage, sqlite, store
from kedro_dynamic.tracking import writer as write
from kedro_dynamic.tracking.payload import (
    KedroRun,
    ModelOutcome,
    Outcome,
    numbers,
    texts,
)
from mlflow import MlflowClient
from sqlalchemy import text

from library.mlflow_store import new_store, open_run

TREE = ModelSpec.model_validate(
    {"class": "sklearn.tree.DecisionTreeClassifier", "model_kwargs": {"max_depth": 1}}
)


def score(raw: dict[str, float], model: ModelSpec, seed: int) -> dict[str, float]:
    return {}


MODEL = Pipeline(
    [Node(score, ["raw", "params:model", "params:random_state"], "metrics", name="s")]
)
BOTH = Pipeline(
    [
        Pipeline(
            MODEL,
            namespace=space,
            inputs="raw",
            parameters={
                "params:model": f"params:{space}",
                "params:random_state": "params:random_state",
            },
        )
        for space in ("models.a", "models.b")
    ]
)


class Run:
    """A run of two models under way; what it makes is written by hand."""

    def __init__(self, folder: Path, client: Any = None, *, only_missing: bool = False):
        """Begin the run; its models' files go into the folder."""
        self.folder = folder
        (folder / "raw.json").write_text("{}")
        path = f"{folder}/{{name}}.json"
        pattern = {"type": "json.JSONDataset", "filepath": path}
        catalog = DataCatalog.from_config(
            {
                "models.{name}.metrics": pattern,
                "models.{name}.fitted_model": pattern,
                "raw": pattern | {"filepath": f"{folder}/raw.json"},
            }
        )
        catalog["params:models.a"] = catalog["params:models.b"] = TREE
        catalog["params:random_state"] = 3
        catalog["parameters"] = {"random_state": 3, "models": {"a": {}}}
        active = mlflow.active_run()
        self.run = KedroRun({"only_missing_outputs": only_missing}, BOTH, catalog)
        self.run.client = client
        if active:
            self.run.id = active.info.run_id
            self.run.experiment_id = active.info.experiment_id
        plan = Plan(BOTH, catalog, folder)
        with Provenance(folder).open() as provenance:
            provenance.begin(plan, only_missing=False)
        plans[id(catalog)] = plan

    def write(self, model: str, **metrics: Any) -> None:
        """Write the metrics of a model."""
        (self.folder / f"{model}.json").write_text(json.dumps(metrics))

    def outcome(self, error: Exception | None = None) -> Outcome:
        """Return what is to be said of the run."""
        return collect.collect(self.run, error)

    def models(self, error: Exception | None = None) -> dict[str, ModelOutcome]:
        """Return what is to be said of the models, by their names."""
        return {model.name: model for model in self.outcome(error).models}


def test_finished_models_have_metrics_and_times(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write("a", model_score=0.9, fit_seconds=3.0)
    model = run.models()["a"]
    assert (model.status, model.namespace) == ("FINISHED", "models.a")
    assert model.metrics["model_score"] == 0.9
    assert model.end == round((tmp_path / "a.json").stat().st_mtime * 1000)
    assert model.start == model.end - 3000


def test_a_failed_model_has_its_error(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write("a", model_score=0.9)
    run.write("b", error="ValueError: no", traceback="long " * 2000 + "end")
    outcome = run.outcome()
    models = {model.name: model for model in outcome.models}
    assert outcome.status == "FAILED"
    assert {name: model.status for name, model in models.items()} == {
        "a": "FINISHED",
        "b": "FAILED",
    }
    assert models["b"].tags["error"] == "ValueError: no"
    assert models["b"].tags["traceback"].endswith("end")


def test_what_a_run_did_not_make_is_none_of_its_own(tmp_path: Path) -> None:
    Run(tmp_path).write("a", model_score=0.9)
    # A full run writes anew; one that is stopped before is not to have the old score.
    assert Run(tmp_path).models() == {}
    stopped = Run(tmp_path).models(ValueError("stop"))
    assert {model.status for model in stopped.values()} == {"KILLED"}
    assert not any(model.metrics for model in stopped.values())

    resumed = Run(tmp_path, only_missing=True)
    assert {model.reused for model in resumed.models().values()} == {True}
    resumed.write("b", model_score=0.8)
    models = resumed.models()
    assert (models["a"].reused, models["b"].reused) == (True, False)
    assert models["a"].metrics == {"model_score": 0.9}


def children_of(client: MlflowClient, parent: Any) -> dict[str, Any]:
    """Return the runs below a run, by name."""
    query = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    found = client.search_runs([parent.info.experiment_id], query)
    children = {child.info.run_name: child for child in found}
    assert len(children) == len(found)
    return children


def test_runs_in_the_store(tmp_path: Path) -> None:
    with open_run(tmp_path) as client:
        run = Run(tmp_path, client)
        run.write("a", model_score=0.9, fit_seconds=900.0)
        run.write("b", error="ValueError: no", traceback="at http://me:pw@host")
        write.send(client, run.run.experiment_id, run.outcome())
        parent = client.get_run(run.run.id)
        children = children_of(client, parent)
        parameters = client.download_artifacts(run.run.id, "parameters.yml")
    told = {"a.model_score": 0.9, "models": 2, "models_failed": 1}
    assert parent.data.metrics == told
    assert parent.data.params == {"random_state": "3"}
    assert Path(parameters).read_text() == "random_state: 3\nmodels:\n  a: {}\n"
    assert parent.inputs
    (data,) = parent.inputs.dataset_inputs
    assert data.dataset.name == "raw"
    assert json.loads(data.dataset.source) == {"uri": "raw.json"}
    assert len(data.dataset.digest) == 32
    assert children["a"].data.params == {
        "class": "DecisionTreeClassifier",
        "model_kwargs.max_depth": "1",
        "random_state": "3",
    }
    assert children["a"].data.tags.items() >= {
        ("model", "a"),
        ("namespace", "models.a"),
        ("kedro_command", "kedro run --pipelines models.a"),
        ("data", "raw.json"),
        ("data_digest", data.dataset.digest),
    }
    # However long ago it was fitted.
    assert children["a"].info.start_time >= parent.info.start_time
    assert children["b"].info.status == "FAILED"
    assert children["b"].data.tags["traceback"] == "at http://***@host"


class Forgetful:
    """A client that carries out some calls, and whose answer to the next is lost."""

    def __init__(self, client: MlflowClient, calls: int):
        """Let this many calls be answered."""
        self._client, self._calls = client, calls

    def __getattr__(self, name: str) -> Any:
        """Return a method of the client."""

        def call(*given: Any, **named: Any) -> Any:
            answer = getattr(self._client, name)(*given, **named)
            self._calls -= 1
            if self._calls < 0:
                raise ConnectionError("lost")
            return answer

        return call


def test_whatever_is_lost_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(write, "project_path", lambda: tmp_path)
    store.limit_mlflow(1)
    uri = new_store(tmp_path)
    client, told, lost = MlflowClient(uri), [], 0
    mlflow.set_tracking_uri(uri)
    for calls in range(100):
        experiment = client.create_experiment(str(calls), tmp_path.as_uri())
        run = Run(tmp_path)
        run.write("a", model_score=0.9, fit_seconds=1.0, nan=float("nan"))
        run.write("b", error="ValueError: no", traceback="at")
        outcome = run.outcome()
        run.run.client, run.run.experiment_id = Forgetful(client, calls), experiment
        write.deliver(run.run, outcome, uri, str(calls))
        if not run.run.problem:
            break
        lost += 1
        # The store of another time, or experiment, has nothing to do with it.
        again = KedroRun({}, BOTH, run.run.catalog, client=client)
        again.experiment_id = experiment
        for place in (f"{uri} other", f"sqlite:///other.db {calls}"):
            write.send_kept(client, experiment, place, tmp_path / "data/.untracked")
        own = f"{store.address(uri, tmp_path)} {calls}"
        write.send_kept(client, experiment, own, tmp_path / "data/.untracked")
        (parent,) = (
            run
            for run in client.search_runs([experiment])
            if write.PARENT not in run.data.tags
        )
        children = children_of(client, parent)
        assert parent.info.end_time == outcome.end, calls
        told.append((parent.info.status, parent.info.start_time == outcome.start))
        assert len(client.search_runs([experiment])) == 3, calls
        assert children["a"].data.metrics["model_score"] == 0.9
        assert children["a"].info.end_time == outcome.models[0].end
        assert children["b"].data.tags["error"] == "ValueError: no"
        assert not list((tmp_path / "data/.untracked").glob("*.json"))
    assert lost >= 8
    assert set(told) == {("FAILED", True)}


def test_a_kept_run_of_another_version_is_left_and_keeps_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.limit_mlflow(5)
    client = MlflowClient(new_store(tmp_path))
    experiment = client.create_experiment("iris", tmp_path.as_uri())
    mine = Outcome(name="a", start=1, end=2, place="here")
    (tmp_path / "0.json").write_text(json.dumps({"place": "here", "run": {}}))
    (tmp_path / "1.json").write_text(mine.model_dump_json())
    write.send_kept(client, experiment, "here", tmp_path)
    assert [run.info.run_name for run in client.search_runs([experiment])] == ["a"]
    assert [path.name for path in tmp_path.glob("?.json")] == ["0.json"]
    assert "0.json is of another version" in caplog.text


@pytest.mark.parametrize(("calls", "status"), [(100, "RUNNING"), (1, "FAILED")])
def test_a_callers_run_is_its_callers_to_end_unless_it_is_written_later(
    calls: int, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(write, "project_path", lambda: tmp_path)
    uri = new_store(tmp_path)
    client = MlflowClient(uri)
    experiment = client.create_experiment("iris", tmp_path.as_uri())
    run = Run(tmp_path)
    run.write("b", error="ValueError: no", traceback="at")
    outcome = run.outcome()
    outcome.id, outcome.stays_open = client.create_run(experiment).info.run_id, True
    run.run.client, run.run.experiment_id = Forgetful(client, calls), experiment
    write.deliver(run.run, outcome, uri, "iris")
    own = f"{store.address(uri, tmp_path)} iris"
    write.send_kept(client, experiment, own, tmp_path / "data/.untracked")
    assert client.get_run(outcome.id).info.status == status


def test_who_made_a_model_is_found(tmp_path: Path) -> None:
    with open_run(tmp_path) as client:
        run = Run(tmp_path, client)
        run.write("a", model_score=0.9, fit_seconds=0.1 + 0.2)
        outcome = run.outcome()
        write.send(client, run.run.experiment_id, outcome)
        made = outcome.models[0]
        (model,) = (
            model
            for model in Run(tmp_path, only_missing=True).outcome().models
            if model.name == "a"
        )
        assert model.reused
        write.find_maker(client, run.run.experiment_id, model)
        assert (model.id, model.end) == (made.id, made.end)
        model.id, model.metrics["fit_seconds"] = "", 0.3
        write.find_maker(client, run.run.experiment_id, model)
        assert model.id == ""


def test_a_run_holds_what_mlflow_itself_would_refuse(tmp_path: Path) -> None:
    odd = {"setosa>50K": 2, "setosa<50K": 1, "a//b": 3, "../c": 4, "": 5}
    given = texts({"class_weight": odd, "x" * 300: "y" * 9000})
    many = {str(number): float(number) for number in range(1100)}
    with open_run(tmp_path) as client:
        run_id = client.create_run("0").info.run_id
        run = Outcome(name="", start=0, end=1, id=run_id, params=given)
        run.metrics = {"%": 1} | many
        write.log_batch(client, run, {"a": "b"})
        data = client.get_run(run_id).data
    assert len(data.metrics) == 1101
    assert data.params["class_weight.setosa_50K"] == "2"
    assert data.params["class_weight.setosa_50K_"] == "1"
    assert max(map(len, data.params.values())) == write.MAX_LENGTH
    assert len(data.params) == 6


def test_values_are_told_as_mlflow_holds_them() -> None:
    nested = {"a": {"b": {"c": 1}, "d": {}}, "e": [2], "tree": TREE}
    flat = texts(nested)
    assert flat.items() >= {"a.b.c": "1", "a.d": "{}", "e": "[2]"}.items()
    assert flat["tree.model_kwargs.max_depth"] == "1"
    assert texts({"at": "http://me:pw@host"}) == {"at": "http://***@host"}
    assert numbers({"a": 1, "b": "x", "c": None}) == {"a": 1.0}
    assert one_line(ValueError("a\n  b")) == "ValueError: a b"


@pytest.mark.parametrize(
    ("uri", "anchored"),
    [
        ("sqlite:///mlflow.db", "sqlite:////project/mlflow.db"),
        ("sqlite:////elsewhere/mlflow.db", "sqlite:////elsewhere/mlflow.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_relative_stores_begin_at_the_project(uri: str, anchored: str) -> None:
    assert store.anchor(uri, Path("/project")) == anchored


@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg2"])
def test_a_port_where_nobody_listens_does_not_answer(scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"{scheme}://127.0.0.1:{unused.getsockname()[1]}/db"
        assert not store.answers(address, timeout_seconds=1)


def test_a_server_that_accepts_and_says_nothing_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert not store.answers(address, timeout_seconds=0.2)
    assert store.answers("sqlite:///mlflow.db", timeout_seconds=1)


def test_a_lock_that_is_held_is_told_and_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    uri = new_store(tmp_path)
    monkeypatch.setattr(sqlite, "SILENT", 0.05)
    monkeypatch.setattr(sqlite, "PATIENT", 0.05)
    with FileLock(tmp_path / "mlflow.db.lock"):
        with pytest.raises(ConfigurationError, match=r"mlflow\.db\.lock"):
            sqlite.store_lock(uri).__enter__()
        assert "Another process is at work in mlflow.db" in caplog.text
    with sqlite.store_lock(uri):
        pass


def test_a_lock_within_a_call_is_waited_for_as_long_as_configured(
    tmp_path: Path,
) -> None:
    sessions = MlflowClient(new_store(tmp_path))._tracking_client.store

    def waiting() -> int:
        with sessions.ManagedSessionMaker() as session:
            return int(session.execute(text("PRAGMA busy_timeout")).scalar())

    for seconds in (0.2, 7, 5):
        sqlite.limit_waiting(seconds)
        assert waiting() == 1000 * seconds
    with ThreadPoolExecutor() as another:
        another.submit(sqlite.limit_waiting, 1).result()
    assert waiting() == 5000


def test_runs_of_dead_processes_are_closed(tmp_path: Path) -> None:
    client = MlflowClient(new_store(tmp_path))
    dead, alive, odd, huge = (client.create_run("0").info.run_id for _ in range(4))
    child = client.create_run("0", tags={"mlflow.parentRunId": dead}).info.run_id
    mine = client.create_run("0").info.run_id
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    processes = {dead: pid, alive: os.getppid(), odd: "x", huge: "9" * 30}
    for run_id, process in processes.items():
        client.set_tag(run_id, store.PROCESS, f"{process}@{store.HOST}")
    store.close_interrupted(client, mine)
    status = {
        run_id: client.get_run(run_id).info.status
        for run_id in (dead, child, alive, odd, huge, mine)
    }
    assert [status[one] for one in (dead, child)] == ["KILLED", "KILLED"]
    assert {status[one] for one in (alive, odd, huge, mine)} == {"RUNNING"}


def test_a_store_is_set_up_in_the_project(tmp_path: Path) -> None:
    config: dict[str, Any] = {"server": {}}
    uri = new_store(tmp_path)
    began = time.monotonic()
    store.configure(config, uri, tmp_path, 1)
    assert time.monotonic() - began < 2
    created = config["tracking"]["experiment"]["create_experiment_kwargs"]
    assert created["artifact_location"] == (tmp_path / "mlartifacts").as_uri()
    assert config["tracking"]["run"] == {"nested": False}
    with pytest.raises(ConnectionError):
        store.configure(config, "http://127.0.0.1:9", tmp_path, 1)


def test_off_is_not_false_and_mistakes_are_named() -> None:
    config = parse(store.TrackingConfig, {"on_unreachable": False}, "tracking.yml")
    assert config.on_unreachable == "off"
    wrong = {"timeout_second": 1, "champion": {"margin": -1}}
    with pytest.raises(ConfigurationError) as error:
        parse(store.TrackingConfig, wrong, "tracking.yml")
    assert "did you mean 'timeout_seconds'?" in error.value.message
    assert "champion.margin" in error.value.message


def repository(folder: Path) -> Path:
    """Return a project of one commit in a folder below its repository's root."""
    project = folder / "my work" / "iris"
    project.mkdir(parents=True)
    (project / "code.py").write_bytes(b"a = 1\r\n\nb = 2\n")
    (project / ".gitignore").write_text("secret.yml\n")
    git(project.parent, "init", "--quiet")
    git(project.parent, "add", "--all")
    git(project.parent, "commit", "--quiet", "--message", "one")
    return project


def test_what_is_not_committed_can_be_applied_again(tmp_path: Path) -> None:
    project = repository(tmp_path)
    commit = git(project, "rev-parse", "HEAD").strip()
    tags, files = lineage.source_of(project)
    assert tags == {"mlflow.source.git.commit": commit, "git.dirty": "false"}
    assert "scikit-learn==" in files["versions.txt"]
    assert "uncommitted.diff" not in files

    (project.parent / "elsewhere.py").touch()
    assert lineage.source_of(project)[0]["git.dirty"] == "false"

    # Whatever a person has set for their own eyes.
    git(project, "config", "color.ui", "always")
    git(project, "config", "diff.noprefix", "true")
    git(project, "config", "status.showUntrackedFiles", "no")
    (project / "secret.yml").write_text("password: hunter2")
    (project / "new.py").write_text("c = 3\n\n")
    assert lineage.source_of(project)[0]["git.dirty"] == "true"
    (project / "code.py").write_bytes(b"a = 2\r\n\nb = 2\n")
    (project / "table.xlsx").write_bytes(bytes(range(256)))
    (project / "store.yml").write_text("uri: http://me:hunter2@host\n")
    git(project, "add", "table.xlsx")
    before = git(project, "status", "--porcelain", "--untracked-files=all")
    tags, files = lineage.source_of(project)
    assert git(project, "status", "--porcelain", "--untracked-files=all") == before
    assert tags == {"mlflow.source.git.commit": commit, "git.dirty": "true"}
    assert "hunter2" not in files["uncommitted.diff"]

    fresh = tmp_path / "fresh"
    git(tmp_path, "clone", "--quiet", str(project.parent), str(fresh))
    (tmp_path / "x.diff").write_bytes(files["uncommitted.diff"].encode())
    git(fresh, "apply", str(tmp_path / "x.diff"))
    for name in ("code.py", "new.py", "table.xlsx"):
        assert (fresh / "iris" / name).read_bytes() == (project / name).read_bytes()


def test_a_large_diff_is_cut(tmp_path: Path) -> None:
    project = repository(tmp_path)
    (project / "large.txt").write_text("\u00e9" * lineage.MAX_DIFF)
    diff = lineage.source_of(project)[1]["uncommitted.diff"]
    assert lineage.MAX_DIFF <= len(diff.encode()) < lineage.MAX_DIFF + 100
    assert "... and more" in diff[-100:]


def test_without_git_or_a_commit_there_is_nothing_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Temporary directories may lie within a repository.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert lineage.source_of(tmp_path)[0] == {}
    git(tmp_path, "init", "--quiet")
    (tmp_path / "new.py").touch()
    assert lineage.source_of(tmp_path)[0] == {}
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    assert lineage.source_of(tmp_path)[0].keys() == {
        "mlflow.source.git.commit",
        "git.dirty",
    }
    monkeypatch.setenv("PATH", "")
    tags, files = lineage.source_of(tmp_path)
    assert (tags, files.keys()) == ({}, {"versions.txt"})


def located(uri: str) -> dict[str, set[str]]:
    """Return all addresses of files in a store."""
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as database:
        return {
            table: {one for (one,) in database.execute(f"SELECT {column} FROM {table}")}
            for table, column in sqlite.ADDRESSES
        }


def test_a_moved_project_finds_its_files(tmp_path: Path) -> None:
    there, here = ((tmp_path / name).as_uri() for name in ("there", "now here"))
    config: dict[str, Any] = {"server": {}}
    (tmp_path / "now here").mkdir()
    uri = new_store(tmp_path / "now here")
    client = MlflowClient(uri)
    old = client.create_experiment("iris", f"{there}/mlartifacts")
    client.create_experiment("older", f"{there}/mlartifacts")
    others = {"s3://bucket/mlartifacts", "file:///mine", f"{there}/mlartifacts2"}
    for number, other in enumerate(others):
        client.create_experiment(str(number), other)
    run = client.create_run(old)
    default = client.get_experiment("0").artifact_location
    client.create_registered_model("iris")
    client.create_model_version("iris", f"{there}/mlartifacts/1/m", run.info.run_id)

    store.configure(config, uri, tmp_path / "now here", 1)
    found = located(uri)
    assert found["experiments"] == {f"{here}/mlartifacts", default, *others}
    assert found["runs"] == {
        run.info.artifact_uri.replace(f"{there}/", f"{here}/"),
    }
    assert found["model_versions"] == {f"{here}/mlartifacts/1/m"}


@pytest.mark.parametrize("whose", ["its own place", "another store"])
def test_where_a_person_wants_the_files_they_stay(tmp_path: Path, whose: str) -> None:
    uri = new_store(tmp_path)
    client, there = MlflowClient(uri), "file:///mine/mlartifacts"
    client.create_run(client.create_experiment("iris", there))
    before = located(uri)
    config: dict[str, Any] = {"server": {}}
    if whose == "its own place":
        options = {"create_experiment_kwargs": {"artifact_location": there}}
        config["tracking"] = {"experiment": options}
    store.configure(
        config, uri, tmp_path / ("x" if whose == "another store" else ""), 1
    )
    assert located(uri) == before
