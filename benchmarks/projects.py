"""Projects to measure: changed copies of the rendered one, and one of plain Kedro."""

import shutil
import sys
from pathlib import Path
from typing import Any

import yaml
from measure import HERE

sys.path.insert(0, str(HERE.parent / "hooks"))
from post_gen_project import remove_unasked

# The same pipelines, written out for a fixed list of models.
REGISTRY = """
from kedro.pipeline import Node, Pipeline
from kedro_dynamic import advise_on_table, read_columns

from .pipelines.models.leaderboard import compare_models
from .pipelines.models.nodes import fit_model, score_model, split_data, validate_model

DATA, COMPARISON, SEED = "params:data", "params:comparison", "params:random_state"
SPLIT = ["X_train", "X_test", "y_train", "y_test", "folds"]


def model(name):
    namespace, entry = f"models.{name}", f"params:models.{name}"
    validation, fitted = f"{namespace}.validation", f"{namespace}.fitted_model"
    scores = [f"{namespace}.{made}" for made in ("model_score", "metrics", "resamples")]
    train = ["X_train", "y_train", SEED, "columns"]
    test = [fitted, validation, DATA, COMPARISON, "X_test", "y_train", "y_test"]
    return [
        Node(validate_model, [entry, DATA, COMPARISON, "X_train", "y_train", "folds", SEED, "columns"], validation, name="validate_model", namespace=namespace),
        Node(fit_model, [entry, DATA, *train], fitted, name="fit_model", namespace=namespace),
        Node(score_model, test, scores, name="score_model", namespace=namespace),
    ]


def register_pipelines():
    inputs = {"models": "params:models", "data": DATA, "comparison": COMPARISON, "random_state": SEED}
    inputs |= {part: part for part in SPLIT}
    inputs |= {f"{name}_score": f"models.{name}.model_score" for name in NAMES}
    for made in ("validation", "resamples", "metrics"):
        inputs |= {f"{name}_{made}": f"models.{name}.{made}" for name in NAMES}
    outputs = ["leaderboard", "leaderboard_plot"]
    nodes = [
        Node(split_data, ["example_iris_data", DATA, "params:comparison.folds", SEED], SPLIT, name="split_data"),
        Node(read_columns, ["X_train", DATA], "columns", name="read_columns"),
        Node(advise_on_table, [*SPLIT[:4], DATA, COMPARISON, "params:models"], "advice", name="advise_on_table"),
        Node(compare_models, inputs, outputs, name="compare_models", namespace="models"),
    ]
    if NAIVE:
        models = sum((Pipeline(model(name)) for name in NAMES), Pipeline([]))
        return {"__default__": models + Pipeline(nodes)}
    for name in NAMES:
        nodes += model(name)
    return {"__default__": Pipeline(nodes)}
"""  # noqa: E501


def copy(project: Path, path: Path, families: bool = False) -> Path:
    """Copy a project as it was rendered, by default without the families."""
    runs = shutil.ignore_patterns("mlflow.db", "mlartifacts", ".git", "__pycache__")
    shutil.copytree(project, path, ignore=runs)
    if not families:
        remove_unasked(path, "none")
    return path


def package_of(project: Path) -> Path:
    """Return the folder of a project's package."""
    (registry,) = project.glob("src/*/pipeline_registry.py")
    return registry.parent


def edit(project: Path, name: str, below: str = "", **values: Any) -> None:
    """Set values in a file of conf/base, at its top level or below a key."""
    file = project / "conf/base" / name
    content = yaml.safe_load(file.read_text())
    (content[below] if below else content).update(values)
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def set_models(project: Path, models: dict[str, Any], folds: int = 0) -> None:
    """Set the models of a project and the number of folds that compare them."""
    comparison = {"scoring": "auto", "folds": folds}
    edit(project, "parameters.yml", models=models, comparison=comparison)


def trees(count: int) -> dict[str, Any]:
    """Return entries of ``count`` cheap models."""
    return {
        f"tree_{i:04}": {
            "class": "sklearn.tree.DecisionTreeClassifier",
            "model_kwargs": {"max_depth": i % 5 + 1},
        }
        for i in range(count)
    }


def boosted(count: int, size: int) -> dict[str, Any]:
    """Return entries of ``count`` slow models, each of ``size`` trees."""
    name = "sklearn.ensemble.GradientBoostingClassifier"
    entry = {"class": name, "model_kwargs": {"n_estimators": size}}
    return {f"boosted_{i:04}": entry for i in range(count)}


def learn_digits(project: Path) -> None:
    """Give a project a larger table: 1,797 digits of 64 pixels."""
    (digits,) = HERE.parent.glob("*/data/01_raw/digits.csv")
    shutil.copy(digits, project / "data/01_raw/iris.csv")
    edit(project, "parameters.yml", below="data", target_column="digit")


def make_plain(project: Path, naive: bool = False) -> Path:
    """Turn a project into plain Kedro: same nodes, and everything written out."""
    package, base = package_of(project), project / "conf/base"
    models = yaml.safe_load((base / "parameters.yml").read_text())["models"]
    package.joinpath("settings.py").write_text(
        'DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",)\n'
        'TRUSTED_PACKAGES = ("sklearn",)\n'
    )
    constants = f"NAMES, NAIVE = {[*models]!r}, {naive}\n"
    package.joinpath("pipeline_registry.py").write_text(constants + REGISTRY)
    written_out: dict[str, Any] = {}
    for key, entry in yaml.safe_load((base / "catalog.yml").read_text()).items():
        for name in models if "{namespace}" in key else [""]:
            text = yaml.safe_dump({key: entry}).replace("{namespace}", name)
            written_out |= yaml.safe_load(text)
    (base / "catalog.yml").write_text(yaml.safe_dump(written_out, sort_keys=False))
    for name in ("mlflow.yml", "tracking.yml"):
        (base / name).unlink()
    return project
