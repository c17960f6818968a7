"""Every command and tool shows the same pipelines, nodes and datasets.

A view is a command or tool that shows pipelines. It returns sets by name: "pipelines"
(their names), "nodes of <pipeline>", "datasets of <pipeline>" and "datasets" (of all
pipelines). A view need not show all of them.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.conftest import Environment, InstalledProject, free_port, wait_for

Seen = dict[str, set[str]]

# Adds a model and switches one off. The other models come from base.
OTHER_PARAMETERS = """\
models:
  logistic:
    class: sklearn.linear_model.LogisticRegression
  linear_svm:
    enabled: false
"""
SPLIT = {"X_train", "X_test", "y_train", "y_test", "folds", "columns"}


@dataclass(frozen=True)
class Case:
    """A configuration and the models that are in force with it."""

    name: str
    models: tuple[str, ...]
    env: str = ""
    params: str = ""

    @property
    def options(self) -> list[str]:
        """The options of a command that takes them."""
        return [
            *([f"--env={self.env}"] if self.env else []),
            *([f"--params={self.params}"] if self.params else []),
        ]

    @property
    def env_option(self) -> list[str]:
        """The options of a command that takes only ``--env``."""
        return replace(self, params="").options

    @property
    def variables(self) -> dict[str, str]:
        """The variables for a command without options."""
        return {"KEDRO_ENV": self.env} if self.env else {}


BASE = Case("base", ("nearest_neighbors", "linear_svm", "decision_tree"))
OTHER = Case("env", ("nearest_neighbors", "decision_tree", "logistic"), env="other")
PARAMS = Case(
    "params",
    ("nearest_neighbors", "linear_svm"),
    params="models.decision_tree.enabled=false",
)
CASES = (BASE, OTHER, PARAMS)


@dataclass(frozen=True)
class Wheel:
    """The packaged project, installed without its source, and a folder to run it in."""

    installed: InstalledProject
    configuration: Path


@dataclass(eq=False)
class Lab:
    """The project that all views look at."""

    project: InstalledProject
    folder: Path

    def new_folder(self, name: str) -> Path:
        """Make an empty folder for what a view writes."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def run(self, *command: str, env: dict[str, str] | None = None) -> str:
        """Return what a command prints in the project's root."""
        return self.project.run(*command, env=env).stdout

    @functools.cached_property
    def wheel(self) -> Wheel:
        """The project packaged and installed elsewhere, without its source."""
        self.run("kedro", "package")
        dist = self.project.path / "dist"
        environment = Environment.create(self.folder / "wheel")
        # Uses the installed dependencies of the project, which would take minutes to
        # install again. Its editable install is not used: .pth files of another
        # environment have no effect.
        site_packages, borrowed = (
            next((home / "lib").glob("python*/site-packages"))
            for home in (environment.path, self.project.environment.path)
        )
        (site_packages / "borrowed.pth").write_text(f"{borrowed}\n")
        (wheel,) = dist.glob("*.whl")
        environment.install("--no-deps", str(wheel))
        elsewhere = self.new_folder("elsewhere")
        shutil.copytree(self.project.path / "data/01_raw", elsewhere / "data/01_raw")
        (configuration,) = dist.glob("conf-*.tar.gz")
        return Wheel(
            InstalledProject(elsewhere, self.project.package, environment),
            configuration,
        )


View = Callable[[Lab, Case], Seen]


def once(views: Callable[[Lab], dict[str, Seen]]) -> View:
    """Return a view of a function that looks at all cases in one process.

    One process is quicker, and shows whether a case affects the next one.

    Args:
        views: Returns what each case shows, by the name of the case.
    """
    look = functools.cache(views)
    return functools.wraps(views)(lambda lab, case: look(lab)[case.name])


# --- kedro run and its kin -----------------------------------------------------------


def completed_nodes(log: str) -> set[str]:
    """Return the names of the nodes that a run has completed."""
    return set(re.findall(r"Done: (\S+)", log))


def kedro_run(lab: Lab, case: Case) -> Seen:
    output = lab.run("kedro", "run", *case.options)
    return {"nodes of __default__": completed_nodes(output)}


def python_m(lab: Lab, case: Case) -> Seen:
    # This folder comes before the environment's editable install.
    source = {"PYTHONPATH": str(lab.project.path / "src")}
    package = lab.project.package
    output = lab.run("python", "-m", package, *case.options, env=source)
    return {"nodes of __default__": completed_nodes(output)}


def wheel_with_folder(lab: Lab, case: Case) -> Seen:
    conf = f"--conf-source={lab.project.path / 'conf'}"
    wheel = lab.wheel.installed
    done = wheel.run("python", "-m", wheel.package, conf, *case.options)
    return {"nodes of __default__": completed_nodes(done.stdout)}


def wheel_with_archive(lab: Lab, case: Case) -> Seen:
    conf = f"--conf-source={lab.wheel.configuration}"
    done = lab.wheel.installed.run("iris", conf, *case.options)
    return {"nodes of __default__": completed_nodes(done.stdout)}


# --- kedro registry, kedro catalog ---------------------------------------------------


def registry_list(lab: Lab, case: Case) -> Seen:
    output = lab.run("kedro", "registry", "list", env=case.variables)
    return {"pipelines": set(re.findall(r"^- (\S+)$", output, re.MULTILINE))}


def registry_describe(lab: Lab, case: Case) -> Seen:
    name = f"models.{case.models[-1]}"
    output = lab.run("kedro", "registry", "describe", name, env=case.variables)
    return {f"nodes of {name}": set(re.findall(r"^- (\S+)", output, re.MULTILINE))}


def without_log(output: str) -> str:
    """Return what a command prints besides its log."""
    lines = output.splitlines()
    return "\n".join(line for line in lines if not re.search(r" (INFO|WARN\w+) ", line))


def describe_datasets(lab: Lab, case: Case) -> Seen:
    output = lab.run("kedro", "catalog", "describe-datasets", *case.env_option)
    described = yaml.safe_load(without_log(output))
    seen: Seen = {"pipelines": set(described)}
    for pipeline, groups in described.items():
        lists = [names for group in groups.values() for names in group.values()]
        seen[f"datasets of {pipeline}"] = {name for names in lists for name in names}
    return seen


def resolve_patterns(lab: Lab, case: Case) -> Seen:
    output = lab.run("kedro", "catalog", "resolve-patterns", *case.env_option)
    return {"datasets": set(yaml.safe_load(without_log(output)))}


# --- Kedro-Viz -----------------------------------------------------------------------


def in_api(api: Path) -> Seen:
    """Return what Kedro-Viz would draw from the API's answers in a folder."""
    main = json.loads((api / "main").read_text())
    seen: Seen = {"pipelines": {pipeline["id"] for pipeline in main["pipelines"]}}
    for pipeline in seen["pipelines"]:
        drawn = json.loads((api / "pipelines" / pipeline).read_text())["nodes"]
        tasks = [entry for entry in drawn if entry["type"] == "task"]
        data = [entry for entry in drawn if entry["type"] == "data"]
        seen[f"nodes of {pipeline}"] = {entry["full_name"] for entry in tasks}
        seen[f"datasets of {pipeline}"] = {entry["name"] for entry in data}
    return seen


def viz(lab: Lab, case: Case, *options: str) -> Seen:
    folder = lab.new_folder("viz")
    command = ["kedro", "viz", "run", "--no-browser", f"--port={free_port()}"]
    command += [f"--save-file={folder / 'saved'}", *options, *case.options]
    log = folder / "log"
    with lab.project.background(*command, log=log) as process:
        # This file is written last, just before the server starts.
        wait_for((folder / "saved/api/version").exists, process, log)
    return in_api(folder / "saved/api")


def viz_with_hooks(lab: Lab, case: Case) -> Seen:
    return viz(lab, case, "--include-hooks")


def viz_lite(lab: Lab, case: Case) -> Seen:
    return viz(lab, case, "--lite")


def viz_build(lab: Lab, case: Case) -> Seen:
    build = lab.project.path / "build"
    shutil.rmtree(build, ignore_errors=True)
    lab.run("kedro", "viz", "build", env=case.variables)
    return in_api(build / "api")


# --- the inspection snapshot and the server ------------------------------------------


def in_snapshot(snapshot: dict[str, Any]) -> Seen:
    """Return what a snapshot shows, given as a dict."""
    seen: Seen = {"pipelines": {entry["name"] for entry in snapshot["pipelines"]}}
    for pipeline in snapshot["pipelines"]:
        nodes, name = pipeline["nodes"], pipeline["name"]
        seen[f"nodes of {name}"] = {node["name"] for node in nodes}
        datasets = datasets_of(nodes)
        # A dataset without a catalog entry would be missing here.
        known = IN_MEMORY | set(snapshot["datasets"])
        seen[f"datasets of {name}"] = datasets & known
    return seen


def datasets_of(nodes: Iterable[dict[str, Any]]) -> set[str]:
    """Return the datasets that the nodes of a snapshot read and write."""
    names = {name for node in nodes for name in node["inputs"] + node["outputs"]}
    return {name for name in names if not name.startswith("params:")}


@once
def snapshot(lab: Lab) -> dict[str, Seen]:
    script = """
import json, sys
from dataclasses import asdict
from kedro.framework.cli.utils import _split_params
from kedro.inspection import get_project_snapshot

for name, env, params in json.loads(sys.argv[1]):
    params = _split_params(None, None, params)
    snapshot = get_project_snapshot(".", env=env or None, runtime_params=params)
    print("SEEN", json.dumps([name, asdict(snapshot)]))
"""
    cases = json.dumps([[case.name, case.env, case.params] for case in CASES])
    output = lab.run("python", "-c", script, cases)
    return {name: in_snapshot(seen) for name, seen in answers(output)}


def answers(output: str) -> list[Any]:
    """Return each value that a script printed as ``SEEN <JSON>``."""
    return [json.loads(line) for line in re.findall(r"^SEEN (.*)$", output, re.M)]


def server(lab: Lab, case: Case) -> Seen:
    folder = lab.new_folder("server")
    url = f"http://127.0.0.1:{free_port()}"
    command = ["kedro", "server", "start", f"--port={url.rpartition(':')[2]}"]
    log = folder / "log"

    def healthy() -> bool:
        try:
            return bool(ask(f"{url}/health"))
        except OSError:
            return False

    with lab.project.background(*command, *case.env_option, log=log) as process:
        wait_for(healthy, process, log)
        query = urllib.parse.urlencode({"params": case.params}) if case.params else ""
        seen = in_snapshot(ask(f"{url}/snapshot?{query}"))
        # A request does not inherit the parameters of the one before it.
        for params in ({}, nested(case.params)):
            answer = ask(f"{url}/run", {"params": params})
            assert answer["status"] == "success", log.read_text()
    runs = re.split(r"^files", log.read_text(), flags=re.MULTILINE)
    without_params = replace(case, params="", models=BASE.models)
    if case.params:
        default = "nodes of __default__"
        assert completed_nodes(runs[0]) == expected(without_params)[default]
    return seen | {"nodes of __default__": completed_nodes(runs[1])}


def ask(url: str, json_body: object = None) -> Any:
    """Return a server's answer to a GET request, or to a POST with a body."""
    data = None if json_body is None else json.dumps(json_body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def nested(params: str) -> dict[str, Any]:
    """Convert a parameter of the command line to the nested form of a request."""
    if not params:
        return {}
    path, _, value = params.partition("=")
    tree: Any = yaml.safe_load(value)
    for key in reversed(path.split(".")):
        tree = {key: tree}
    assert isinstance(tree, dict)
    return tree


# --- notebooks -----------------------------------------------------------------------

# Cells: SHOW after the extension is loaded, and after each change of configuration.
SHOW = """\
import json
nodes = {name: [node.name for node in pipelines[name].nodes] for name in pipelines}
print("\\nSEEN", json.dumps(nodes))"""
CELLS = ["%load_ext kedro.ipython", SHOW]
for changed in (OTHER, PARAMS, BASE):
    CELLS += [" ".join(["%reload_kedro", *changed.options]), SHOW]


def in_cells(output: str) -> dict[str, Seen]:
    """Return what the cells showed, by case."""
    seen: list[Seen] = []
    for pipelines in answers(output):
        shown = {f"nodes of {name}": set(nodes) for name, nodes in pipelines.items()}
        seen.append({"pipelines": set(pipelines), **shown})
    first, *after_reload = seen
    assert first == after_reload[-1]
    return dict(zip([OTHER.name, PARAMS.name, BASE.name], after_reload, strict=True))


@once
def ipython(lab: Lab) -> dict[str, Seen]:
    script = lab.folder / "cells.ipy"
    script.write_text("\n".join(CELLS))
    return in_cells(lab.run("ipython", "--colors=NoColor", str(script)))


@once
def notebook(lab: Lab) -> dict[str, Seen]:
    # ipykernel runs each cell in a task of its own, unlike IPython in a terminal.
    script = """
import json, sys
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel()
try:
    for cell in json.loads(sys.argv[1]):
        def show(message):
            content = message["content"]
            print(content.get("text", ""), *content.get("traceback", []), end="")
        reply = client.execute_interactive(cell, output_hook=show, timeout=120)
        assert reply["content"]["status"] == "ok", cell
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""
    return in_cells(lab.run("python", "-c", script, json.dumps(CELLS)))


# Runs the cells that the magic makes of the nodes of the default pipeline. The data of
# other nodes is missing, so only their imports and functions are run. Kedro cannot load
# functions that take `**`, and functions of the library are not tried.
LOAD_NODE = """\
%load_ext kedro.ipython
import inspect, json
from kedro.ipython import _load_node
run, loaded = [], []
named = {}
for pipeline in pipelines.values():
    named |= {node.name: node.func for node in pipeline.nodes}
first = [node.name for node in pipelines["__default__"].nodes]
for name in dict.fromkeys([*first, *named]):
    function = named[name]
    of_library = function.__module__.startswith("kedro_dynamic")
    if of_library or "**" in str(inspect.signature(function)):
        continue
    if name in first:
        get_ipython().run_line_magic("load_node", name)
        get_ipython().run_cell(get_ipython().rl_next_input).raise_error()
        run.append(name)
    *_, imports, code, _ = _load_node(name, pipelines)
    exec(imports + "\\n" + code, {"__name__": "__main__"})
    loaded.append(name)
print("\\nSEEN", json.dumps(run))
print("\\nSEEN", json.dumps(loaded))
"""

# --- the comparison ------------------------------------------------------------------

# Views that take --env and --params, and views that take only --env or KEDRO_ENV.
FULL: list[View] = [viz, snapshot, server, ipython, notebook]
# The same ways into the project, in other wrappings.
WRAPPED: list[View] = [python_m, wheel_with_folder, wheel_with_archive]
WRAPPED += [viz_with_hooks, viz_lite]
ENV_ONLY: list[View] = [registry_list, registry_describe, describe_datasets]
ENV_ONLY += [resolve_patterns, viz_build]


# Datasets of the text pipelines that have no catalog entry.
IN_MEMORY = {"cleaned_text", "features"}
IN_MEMORY |= {"probabilities", "train_instances"}
IN_MEMORY |= {"cleaned_train_text", "train_features"}

# The nodes and datasets of the text pipelines.
CLEAN = ["prepare.clean_text", "fit.tokenize_text"]
CLEANED = ["english_stopwords"]
CLEANED += ["cleaned_text", "tokenizer", "features", "model"]
CLEANED += ["probabilities"]
FIT = ["prepare.hold_out", "prepare.clean_train_text"]
FIT += ["fit.fit_tokenizer", "fit.fit_label_encoder"]
FIT += ["fit.train_model", "score.evaluate", "score.find_telling_words"]
FITTED = ["instances", "labels", "train_instances", "test_instances"]
FITTED += ["cleaned_train_text", "train_features"]
FITTED += ["sentiment_metrics", "confusion_matrix_plot", "reliability_plot"]
FITTED += ["telling_words", "label_scores", "features_comparison"]
JUDGED = ["prediction_metrics", "prediction_label_scores"]
SCORED = ["sentiment_model", "instances_to_score", "labels_to_score", "predictions"]
TEXT = {
    "etl": (["etl_instances", "etl_labels"], ["reviews", "instances", "labels"]),
    "etl_instances": (["etl_instances"], ["reviews", "instances"]),
    "etl_labels": (["etl_labels"], ["reviews", "labels"]),
    "training": ([*CLEAN, "score.predict", *FIT], [*CLEANED, "label_encoder", *FITTED]),
    "inference": (
        [*CLEAN, "score.predict", "score.decode_predictions"],
        ["instances", *CLEANED, "label_encoder", "predictions"],
    ),
    "ml_app": (
        [*CLEAN, "score.predict", *FIT, "score.decode_predictions"],
        [*CLEANED, "label_encoder", *FITTED, "predictions"],
    ),
    "user_app": (
        ["predict_in_batches", "report_sentiment", "judge_predictions"],
        [*SCORED, "sentiment_report", "reviews_to_read", *JUDGED],
    ),
    "promote": (["promote_model"], ["sentiment_model"]),
}


# Datasets and nodes of a data set in the benchmark.
DATASETS = ["iris", "wine", "breast_cancer", "digits"]
OF_DATASET = {"raw", "leaderboard", "trials", "learning_curves", "advice", *SPLIT}
NODES = ["split_data", "read_columns", "advise_on_table", "rank_models"]
NODES += ["collect_trials", "collect_learning_curves"]
# Nodes and datasets of a model, and those that a study adds to a tuned one.
OF_MODEL = ["validate_model", "fit_model", "score_model"]
MADE = ["validation", "fitted_model", "model_score", "metrics", "resamples"]
OF_STUDY = ["tune_model", "learning_curve"]
FOUND = ["entry", "trials", "learning_curve"]


def in_spaces(spaces: Iterable[str], names: Iterable[str]) -> set[str]:
    """Return each name in each namespace."""
    return {f"{space}.{name}" for space in spaces for name in names}


def benchmark(models: Iterable[str]) -> dict[str, tuple[set[str], set[str]]]:
    """Return the nodes and datasets of the benchmark's pipelines."""
    pipelines = {}
    for name in DATASETS:
        space = f"benchmark.{name}"
        cells = in_spaces([space], in_spaces(models, ["baseline", "tuned"]))
        tuned = in_spaces([space], in_spaces(models, ["tuned"]))
        pipelines[space] = (
            in_spaces([space], NODES)
            | in_spaces(cells, OF_MODEL)
            | in_spaces(tuned, OF_STUDY),
            in_spaces([space], OF_DATASET)
            | in_spaces(cells, MADE)
            | in_spaces(tuned, FOUND),
        )
    everything = [set.union(*parts) for parts in zip(*pipelines.values(), strict=True)]
    compared = ("scores", "heat_map", "ranks", "conclusion")
    overview = {f"benchmark.{made}" for made in compared}
    pipelines["benchmark"] = (
        everything[0] | {"benchmark.compare_datasets"},
        everything[1] | overview,
    )
    return pipelines


def expected(case: Case) -> Seen:
    """Return what a view that shows everything must show."""
    families = {**TEXT, **benchmark(case.models)}
    split = {"split_data", "read_columns"}
    advised = split | {"advise_on_table"}
    by_model = {
        model: in_spaces([f"models.{model}"], OF_MODEL) for model in case.models
    }
    models = set.union({"models.compare_models"}, *by_model.values())
    nodes = {
        "__default__": advised | models,
        "split_data": advised,
        "models": models,
        **{f"models.{model}": split | names for model, names in by_model.items()},
        "predict": {"predict"},
        **{name: set(nodes) for name, (nodes, _) in families.items()},
    }
    made_by_model = {
        model: in_spaces([f"models.{model}"], MADE) for model in case.models
    }
    read = {"example_iris_data"} | SPLIT
    advised = read | {"advice"}
    made = set.union({"leaderboard", "leaderboard_plot"}, *made_by_model.values())
    datasets = {
        "__default__": advised | made,
        "split_data": advised,
        "models": SPLIT | made,
        **{f"models.{model}": read | names for model, names in made_by_model.items()},
        "predict": {"champion", "new_flowers", "new_flowers_predictions"},
        **{name: set(datasets) for name, (_, datasets) in families.items()},
    }
    return {
        "pipelines": set(nodes),
        "datasets": set.union(*datasets.values()),
        **{f"nodes of {name}": names for name, names in nodes.items()},
        **{f"datasets of {name}": names for name, names in datasets.items()},
    }


@pytest.fixture(scope="module")
def lab(installed: InstalledProject, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Return a project with a second configuration environment."""
    folder = tmp_path_factory.mktemp("views")
    project = installed.copy(folder / "iris")
    environment = project.path / "conf/other"
    environment.mkdir()
    (environment / "parameters.yml").write_text(OTHER_PARAMETERS)
    return Lab(project, folder)


@pytest.mark.parametrize(
    ("view", "case"),
    [
        pytest.param(view, case, id=f"{view.__name__}-{case.name}")
        for views, cases in (
            ([kedro_run], CASES),
            (FULL, (OTHER, PARAMS)),
            (WRAPPED, (PARAMS,)),
            (ENV_ONLY, (OTHER,)),
        )
        for view in views
        for case in cases
    ],
)
def test_view(lab: Lab, view: View, case: Case) -> None:
    seen = view(lab, case)
    everything = expected(case)
    assert seen == {name: everything.get(name) for name in seen}


def test_load_node(lab: Lab) -> None:
    lab.run("kedro", "run")
    script = lab.folder / "load_node.ipy"
    script.write_text(LOAD_NODE)
    run, loaded = answers(lab.run("ipython", "--colors=NoColor", str(script)))
    assert set(run) == {"split_data"} | in_spaces(
        [f"models.{model}" for model in BASE.models], OF_MODEL
    )
    assert {"fit.tokenize_text", "predict", "benchmark.iris.split_data"} < set(loaded)
