"""What a person writes without Kedro: ``python bare.py NAME PROJECT [ARGUMENT]``."""

import json
import pickle
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import yaml

ROUNDS = 5


def loop(project: Path) -> None:
    """Validate, fit, store and score the models of parameters.yml, one by one."""
    from sklearn.metrics import check_scoring
    from sklearn.model_selection import (
        StratifiedKFold,
        cross_validate,
        train_test_split,
    )

    parameters = yaml.safe_load((project / "conf/base/parameters.yml").read_text())
    seed, folds = parameters["random_state"], parameters["comparison"]["folds"]
    table = pd.read_csv(project / "data/01_raw/iris.csv")
    target = parameters["data"]["target_column"]
    X, y = table.drop(columns=target), table[target]
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, train_size=0.8, random_state=seed, stratify=y
    )
    scoring, rows = ["accuracy", "f1_macro"], []
    for name, entry in parameters["models"].items():
        module, _, class_name = entry["class"].rpartition(".")
        make = getattr(import_module(module), class_name)
        model = make(**entry["model_kwargs"], random_state=seed)
        split = StratifiedKFold(folds, shuffle=True, random_state=seed)
        scores = cross_validate(model, X_train, y_train, cv=split, scoring=scoring)
        model.fit(X_train, y_train)
        (project / f"data/06_models/{name}.pkl").write_bytes(pickle.dumps(model))
        tested = check_scoring(model, scoring=scoring)(model, X_test, y_test)
        validated = {key: scores[f"test_{key}"].mean() for key in scoring}
        rows.append({"model": name, **tested, **validated})
    board = pd.DataFrame(rows).sort_values("accuracy", ascending=False)
    board.to_csv(project / "data/08_reporting/leaderboard.csv", index=False)


def quality(project: Path) -> None:
    """Print, as JSON, how good the project and two pipelines of scikit-learn are.

    All are fitted on the reviews that the project trains on, and scored on the reviews
    of the test split that are not copies of them.
    """
    _, nodes = import_project(project)
    # The library is in the project's folder of sources, which Python knows by now.
    import kedro_dynamic

    parameters = yaml.safe_load((project / "conf/base/parameters_text.yml").read_text())
    spec, clean = parameters["text"], cleaning(project, nodes)

    def read(name: str) -> pd.DataFrame:
        return pd.read_parquet(project / f"data/02_intermediate/{name}.parquet")

    X, labels = read("instances_train"), read("labels_train")
    reviews, _ = nodes.hold_out(X, labels, spec["test_fraction"])
    X = reviews[["text"]]

    X_test, trained_on = read("instances_test"), {*kedro_dynamic.fingerprints(X)}
    fingerprints = kedro_dynamic.fingerprints(X_test)
    is_new = np.array([fingerprint not in trained_on for fingerprint in fingerprints])
    X_test = X_test[is_new]
    truth = read("labels_test")["label"][is_new].reset_index(drop=True)

    def fit_project() -> None:
        cleaned = clean.transform(X)
        words = kedro_dynamic.TokenizerSpec.model_validate(spec["tokenizer"])
        model = kedro_dynamic.ModelSpec.model_validate(spec["model"])
        _, features, _ = nodes.fit_tokenizer(cleaned, reviews, words, model, 3)
        encoder = nodes.fit_label_encoder(reviews)
        nodes.train_model(features, reviews, encoder, model, "accuracy", 3)

    pipelines = bare_pipelines(clean)
    fits: list[Callable[[], Any]] = [fit_project]
    fits += [partial(pipeline.fit, X, reviews["label"]) for pipeline in pipelines]
    seconds = [[timed(fit) for fit in fits] for _ in range(ROUNDS + 1)][1:]

    # The project's own run has scored its model already.
    metrics = project / "data/08_reporting/prediction_metrics.json"
    scores = [json.loads(metrics.read_text())]
    assert scores[0]["judged_reviews"] == len(truth)
    for pipeline in pipelines:
        predicted = predict(pipeline, X_test)
        scores.append(kedro_dynamic.score_predictions(truth, predicted))

    table = [
        [score["accuracy"], score["auc"], score["log_loss"], median(fit_seconds)]
        for score, fit_seconds in zip(scores, zip(*seconds, strict=True), strict=True)
    ]
    print(json.dumps([len(X), len(truth), table]))


def bare_pipelines(clean: Any) -> list[Any]:
    """Return two pipelines of scikit-learn, the first with the project's cleaning."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    sgd = SGDClassifier(loss="log_loss", alpha=1e-4, random_state=3)
    column = FunctionTransformer(lambda instances: instances["text"])
    pairs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return [
        make_pipeline(clean, TfidfVectorizer(), sgd),
        make_pipeline(column, pairs, LogisticRegression(C=10)),
    ]


def predict(pipeline: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Return the most probable label of each row, with its probability."""
    probabilities = pipeline.predict_proba(X)
    label = pipeline.classes_[probabilities.argmax(axis=1)]
    return pd.DataFrame({"label": label, "probability": probabilities.max(axis=1)})


def timed(fit: Callable[[], Any]) -> float:
    """Return how many seconds a fit takes."""
    start = time.perf_counter()
    fit()
    return time.perf_counter() - start


def cleaning(project: Path, nodes: Any) -> Any:
    """Return the project's cleaning of texts as a step of scikit-learn."""
    from sklearn.preprocessing import FunctionTransformer

    stopwords = (project / "data/01_raw/stopwords.yml").read_text()
    parameters = yaml.safe_load((project / "conf/base/parameters_text.yml").read_text())
    steps = parameters["text"]["cleaning"]
    arguments = {"cleaning": steps, "english_stopwords": stopwords}
    return FunctionTransformer(nodes.clean_text, kw_args=arguments)


def served(project: Path, folder: str) -> None:
    """Save the model that the project has logged, and its steps as one pipeline."""
    import mlflow
    from mlflow.models import infer_signature
    from sklearn.pipeline import make_pipeline

    package, nodes = import_project(project)
    mlflow.set_tracking_uri(f"sqlite:///{project}/mlflow.db")
    logged = mlflow.artifacts.download_artifacts(
        f"models:/{package}_sentiment@champion", dst_path=f"{folder}/project"
    )
    models = project / "data/06_models"
    fitted = (
        pickle.loads((models / f"{name}.pkl").read_bytes())
        for name in ("tokenizer", "sentiment_model")
    )
    mlflow.sklearn.save_model(
        make_pipeline(cleaning(project, nodes), *fitted),
        f"{folder}/bare",
        serialization_format="cloudpickle",
        pyfunc_predict_fn="predict_proba",
        signature=infer_signature(pd.DataFrame({"text": ["A quiet film."]})),
        pip_requirements=["scikit-learn"],
    )
    print(json.dumps([logged, f"{folder}/bare"]))


def import_project(project: Path) -> tuple[str, Any]:
    """Return the name of a project's package and the nodes of its text model."""
    from kedro.framework.startup import bootstrap_project

    package = bootstrap_project(project).package_name
    return package, import_module(f"{package}.pipelines.ml_app.nodes")


if __name__ == "__main__":
    functions: dict[str, Callable[..., None]] = {
        "loop": loop,
        "quality": quality,
        "served": served,
    }
    functions[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
