"""The registered pipelines of the family, and a small study from end to end."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.io import DataCatalog
from mlflow import MlflowClient

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.benchmark.pipeline import (
    create_pipelines,
)
from {{ cookiecutter.python_package }}.recovery import ModelsFailed

TREE = {
    "class": "sklearn.tree.DecisionTreeClassifier",
    "search_space": {"max_depth": {"int": [1, 5]}},
}
BAYES = {"class": "sklearn.naive_bayes.GaussianNB"}
IRIS = {"target": "species"}
PARAMETERS: dict[str, Any] = {
    "train_fraction": 0.8,
    "random_state": 3,
    "target_column": "species",
    "models": {"tree": TREE, "bayes": BAYES},
    "benchmark": {
        "datasets": {"iris": IRIS, "wine": {"target": "cultivar"}},
        "tuning": {"trials": 2, "folds": 2},
    },
}
STAGES = {
    "baseline": {"fit_baseline", "evaluate_baseline"},
    "tune": {"tune_model"},
    "train": {"fit_tuned"},
    "report": {"evaluate_tuned", "measure_learning_curve"},
}


def registered(parameters: dict[str, Any]) -> dict[str, Any]:
    catalog = DataCatalog()
    catalog["parameters"] = parameters
    return create_pipelines(catalog)


def test_there_is_a_pipeline_for_all_and_one_per_data_set() -> None:
    named = registered(PARAMETERS)
    assert named.keys() == {"benchmark", "benchmark.iris", "benchmark.wine"}
    nodes = {node.name for node in named["benchmark"].nodes}
    assert nodes == {"benchmark.compare_datasets"} | {
        node.name
        for name in ("benchmark.iris", "benchmark.wine")
        for node in named[name].nodes
    }
    assert {
        "benchmark.iris.split_dataset",
        "benchmark.iris.encode",
        "benchmark.iris.tree.tune_model",
        "benchmark.iris.compare_models",
    } <= nodes


def test_without_parameters_there_is_none() -> None:
    others = {key: value for key, value in PARAMETERS.items() if key != "benchmark"}
    assert registered(others) == {}


@pytest.mark.parametrize("stage", STAGES)
def test_a_tag_stands_for_a_stage(stage: str) -> None:
    tagged = registered(PARAMETERS)["benchmark"].only_nodes_with_tags(stage)
    cells = {node.name for node in tagged.nodes if node.name.count(".") == 3}
    assert cells == {
        f"benchmark.{dataset}.{model}.{name}"
        for dataset in ("iris", "wine")
        for model in ("tree", "bayes")
        for name in STAGES[stage]
    }


@pytest.mark.parametrize("name", ["iris", "tree"])
def test_a_tag_stands_for_a_data_set_or_a_model(name: str) -> None:
    pipeline = registered(PARAMETERS)["benchmark"]
    tagged = {node.name for node in pipeline.only_nodes_with_tags(name).nodes}
    assert tagged == {
        node.name for node in pipeline.nodes if name in node.name.split(".")
    }


def test_what_kedro_viz_draws_beside_namespaces_does_not_grow_with_models() -> None:
    few = registered(PARAMETERS)["benchmark"]
    models = {f"m{i}": BAYES for i in range(20)}
    many = registered({**PARAMETERS, "models": models})["benchmark"]
    assert many.outputs() == few.outputs()
    data = {name for name in many.inputs() if not name.startswith("params:")}
    assert data == {
        f"benchmark.{dataset}.{name}"
        for dataset in ("iris", "wine")
        for name in ("raw", "studies")
    }


def test_no_estimator_is_imported_to_register_many() -> None:
    before = set(sys.modules)
    named = registered(
        {
            **PARAMETERS,
            "models": {
                f"m{i}": {**TREE, "class": f"sklearn.no.M{i}"} for i in range(50)
            },
            "benchmark": {
                "datasets": {f"d{i}": {"target": "y"} for i in range(20)},
                "tuning": {},
            },
        }
    )
    assert len(named) == 21
    assert len(named["benchmark.d7"].nodes) == 50 * 6 + 5
    assert not {name for name in set(sys.modules) - before if "optuna" in name}


@pytest.fixture
def study(project: Path) -> Callable[..., Path]:
    """Return a function that writes parameters, runs a pipeline, and says where."""

    def run(parameters: dict[str, Any] = PARAMETERS, **options: Any) -> Path:
        base = project / "conf/base"
        others = {key: value for key, value in parameters.items() if key != "benchmark"}
        (base / "parameters.yml").write_text(yaml.safe_dump(others))
        family = {"benchmark": parameters["benchmark"]}
        (base / "parameters_benchmark.yml").write_text(yaml.safe_dump(family))
        with KedroSession.create(project_path=project) as session:
            session.run(**{"pipeline_names": ["benchmark"], **options})
        return project / "data"

    return run


def test_a_study_from_end_to_end(
    study: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = {
        **PARAMETERS,
        "benchmark": {**PARAMETERS["benchmark"], "datasets": {"iris": IRIS}},
    }
    data = study(small)
    reports = data / "08_reporting/benchmark"
    leaderboard = pd.read_csv(reports / "iris/leaderboard.csv")
    assert {"tree", "bayes", "baseline"} == set(leaderboard["model"])
    assert {"cv_mean", "cv_std", "tune_seconds"} < set(leaderboard)
    tuned = leaderboard.set_index("model").loc["tree"]
    assert tuned["cv_mean"] >= tuned["baseline_cv_mean"]
    assert len(pd.read_csv(reports / "iris/tree_trials.csv")) == 2
    for name in ("metrics", "report", "baseline_report"):
        assert json.loads((reports / f"iris/tree_{name}.json").read_text())
    assert json.loads((reports / "iris/learning_curves_plot.json").read_text())["data"]
    of_fits = pd.read_csv(reports / "iris/reports.csv")[["model", "fit", "part"]]
    assert len(of_fits.drop_duplicates()) == 2 * 2 * 2
    assert pd.read_csv(reports / "ranks.csv")["model"].tolist()
    assert "Mean ranks of the models" in capsys.readouterr().out
    assert not [record for record in caplog.records if record.levelname == "WARNING"]

    # One table and one line add a data set; one block adds a model; nothing else does.
    shutil.copy(data / "01_raw/iris.csv", data / "01_raw/flowers.csv")
    small["benchmark"]["datasets"]["flowers"] = IRIS
    study({**small, "models": {**PARAMETERS["models"], "other": BAYES}})
    scores = pd.read_csv(reports / "scores.csv", index_col="dataset")
    assert set(scores.index) == {"iris", "flowers"}
    assert {"tree", "bayes", "other", "baseline"} == set(scores)
    assert scores.notna().all().all()


def test_cells_are_tracked_beside_models_but_cannot_be_champion(
    project: Path, study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    study(pipeline_names=["split_data", "models", "benchmark.iris"])
    assert re.search(r"^champion +(tree|bayes) ", capsys.readouterr().out, re.MULTILINE)
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name != 'Default'")
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}
    tracked = {run.data.tags.get("model") for run in runs}
    assert tracked == {None, "tree", "bayes", "iris.tree", "iris.bayes"}


def test_a_model_that_fails_does_not_stop_the_others(
    study: Callable[..., Path],
) -> None:
    crooked = {
        "class": "sklearn.svm.SVC",
        "model_kwargs": {"kernel": "crooked"},
        "search_space": {"C": {"float": [1, 2]}},
    }
    # It fits, but cannot predict: there are no 1000 neighbors.
    lonely = {
        "class": "sklearn.neighbors.KNeighborsClassifier",
        "model_kwargs": {"n_neighbors": 1000},
    }
    models = {"tree": TREE, "crooked": crooked, "lonely": lonely}
    parameters = {**PARAMETERS, "models": models}
    with pytest.raises(ModelsFailed) as error:
        study(parameters)
    first, *failed, _, again = error.value.message.splitlines()
    assert first == "4 of 6 models failed:"
    assert [line.split(":")[0].strip() for line in failed] == [
        f"benchmark.{dataset}.{model}"
        for dataset in ("iris", "wine")
        for model in ("crooked", "lonely")
    ]
    assert again.endswith("kedro run --pipelines benchmark --only-missing-outputs")

    models["crooked"]["model_kwargs"] = {}
    del models["lonely"]
    data = study(parameters, only_missing_outputs=True)
    reports = data / "08_reporting/benchmark"
    board = pd.read_csv(reports / "iris/leaderboard.csv")
    assert set(board["model"]) == {"tree", "crooked", "baseline"}
    assert board["model_score"].notna().all()
    assert "error" not in board
    assert len(pd.read_csv(reports / "iris/crooked_learning_curve.csv")) > 0
    table = pd.read_csv(reports / "iris/reports.csv")
    assert set(table["model"]) == {"tree", "crooked"}


def test_what_cannot_run_is_told_before_the_run(
    study: Callable[..., Path], tmp_path: Path
) -> None:
    benchmark = {
        "datasets": {"iris": IRIS, "roses": {"target": "y"}},
        "tuning": {"scoring": "acuracy"},
    }
    with pytest.raises(ConfigurationError) as error:
        study({**PARAMETERS, "benchmark": benchmark})
    assert error.value.message.splitlines() == [
        "parameters_benchmark.yml has a problem:",
        "  benchmark.tuning.scoring: 'acuracy' is no score of scikit-learn; did you "
        "mean 'accuracy'?",
    ]
    benchmark["tuning"] = {}
    with pytest.raises(ConfigurationError, match=r"benchmark\.roses\.raw: put it at "):
        study({**PARAMETERS, "benchmark": benchmark})
    assert not list(tmp_path.glob("data/05_model_input/*"))


def test_a_stage_fails_with_its_models(study: Callable[..., Path]) -> None:
    crooked = {"class": "sklearn.svm.SVC", "model_kwargs": {"kernel": "crooked"}}
    parameters = {**PARAMETERS, "models": {"tree": TREE, "crooked": crooked}}
    study(parameters, tags=["split"])
    with pytest.raises(ModelsFailed, match="2 of 4 models failed") as error:
        study(parameters, tags=["baseline"])
    assert "benchmark.wine.crooked: InvalidParameterError: " in error.value.message
    crooked["model_kwargs"] = {}
    data = study(parameters, tags=["baseline"], only_missing_outputs=True)
    models = {path.name for path in data.glob("06_models/benchmark/wine/*_model.pkl")}
    assert models == {"tree_baseline_model.pkl", "crooked_baseline_model.pkl"}


def test_with_raise_a_model_that_fails_ends_the_run(study: Callable[..., Path]) -> None:
    crooked = {"class": "sklearn.svm.SVC", "model_kwargs": {"kernel": "crooked"}}
    parameters = {**PARAMETERS, "models": {"crooked": crooked}}
    with pytest.raises(ValueError, match="crooked"):
        study({**parameters, "on_model_error": "raise"})


def test_a_catalog_that_would_lose_trials_is_refused(
    project: Path, study: Callable[..., Path]
) -> None:
    file = project / "conf/base/catalog_benchmark.yml"
    text = file.read_text()
    file.write_text(text.replace("{model}.trials:", "{model}.attempts:"))
    with pytest.raises(ConfigurationError) as error:
        study(pipeline_names=["benchmark.iris"])
    assert error.value.message.splitlines() == [
        "catalog_benchmark.yml has 2 problems:",
        *(
            f"  benchmark.iris.{model}.trials: matches no entry and no pattern, so it "
            "would not be saved; add 'benchmark.{namespace}.trials'"
            for model in ("bayes", "tree")
        ),
    ]


def test_a_stage_alone_needs_those_before(study: Callable[..., Path]) -> None:
    with pytest.raises(ConfigurationError) as error:
        study(tags=["tune"])
    assert "benchmark.iris.X_train: does not exist yet; 'kedro run" in str(error.value)
    assert "--pipelines benchmark.iris --tags split" in str(error.value)
    data = study(tags=["split"])
    study(tags=["tune"])
    written = {path.name for path in data.glob("*/benchmark/*/tree_*")}
    assert written == {"tree_tuned_parameters.json", "tree_trials.csv"}
