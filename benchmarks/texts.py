"""How good and how fast the text model is."""

import json
from functools import partial
from pathlib import Path

from measure import HERE, ROUNDS, Table, in_turn, kedro, python
from projects import copy, edit, package_of

TRAIN = ("run", "--pipelines", "etl,training")
LINES = (
    "the project",
    "its cleaning, tf-idf, SGDClassifier(loss=log_loss, alpha=1e-4)",
    "tf-idf of words and pairs (sublinear), LogisticRegression(C=10)",
)


def text(table: Table, project: Path, folder: Path, reviews: int = 25_000) -> None:
    """Measure quality on the shipped reviews, and time and memory on many reviews."""
    table.note(quality(copy(project, folder / "shipped", families=True)))
    sparse = copy(project, folder / "sparse", families=True)
    dense = copy(project, folder / "dense", families=True)
    make_dense(dense)
    for side in (sparse, dense):
        raw = side / "data/01_raw/reviews/train.csv"
        python(HERE, "made_up.py", str(raw), str(reviews))
    measured_dense, measured_sparse = in_turn(
        partial(kedro, dense, *TRAIN), partial(kedro, sparse, *TRAIN)
    )
    title = f"etl and training, {reviews:,} made-up reviews of 230 words"
    table.row(title, measured_sparse, "2,000 dense counts, xgboost", measured_dense)
    scores = "data/08_reporting/sentiment_metrics.json"
    auc = [json.loads((side / scores).read_text())["auc"] for side in (sparse, dense)]
    table.note("AUC on made-up reviews: {:.3f}, against {:.3f}.".format(*auc))


def quality(project: Path) -> str:
    """Return a table of the scores of the text model and of lines of scikit-learn."""
    kedro(project, *TRAIN)
    kedro(project, "run", "--pipelines", "etl", "--params", "split=test")
    kedro(project, "run", "--pipelines", "user_app")
    printed = python(HERE, "bare.py", "quality", str(project)).output
    fitted, judged, scores = json.loads(printed.splitlines()[-1])
    return "\n".join(
        [
            f"Fitted on {fitted} shipped reviews, scored on {judged} of the split "
            f"`test`; seconds to fit are medians of {ROUNDS} alternating fits:\n",
            "| | accuracy | AUC | log loss | seconds |",
            "| --- | ---: | ---: | ---: | ---: |",
        ]
        + [
            "| {} | {:.3f} | {:.3f} | {:.3f} | {:.3f} |".format(line, *row)
            for line, row in zip(LINES, scores, strict=True)
        ]
    )


def make_dense(project: Path) -> None:
    """Change a project to learn with xgboost from a dense table of counts."""
    nodes = package_of(project) / "pipelines/ml_app/nodes.py"
    code = nodes.read_text()
    for sparse in ("train_features, codes", "model.predict_proba(features"):
        if sparse not in code:
            raise RuntimeError(f"{nodes.name} no longer has {sparse!r}: adapt this.")
        code = code.replace(sparse, sparse.replace("features", "features.toarray()"))
    nodes.write_text(code)
    tokenizer = {
        "class": "sklearn.feature_extraction.text.CountVectorizer",
        "model_kwargs": {"max_features": 2000, "lowercase": False},
    }
    model = {"class": "xgboost.XGBClassifier", "model_kwargs": {"n_estimators": 200}}
    file = "parameters_text.yml"
    edit(project, file, below="text", tokenizer=tokenizer, model=model)
