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
    """Measure quality on the shipped reviews, and time and memory on many."""
    table.note(quality(copy(project, folder / "shipped", families=True)))
    mine, dense = (copy(project, folder / one, families=True) for one in ("a", "b"))
    make_dense(dense)
    for side in (mine, dense):
        raw = side / "data/01_raw/reviews/train.csv"
        python(HERE, "made_up.py", str(raw), str(reviews))
    other, measured = in_turn(*(partial(kedro, one, *TRAIN) for one in (dense, mine)))
    what = f"etl and training, {reviews:,} made-up reviews of 230 words"
    table.row(what, measured, "2,000 dense counts, xgboost", other)
    scores = "data/08_reporting/sentiment_metrics.json"
    auc = [json.loads((one / scores).read_text())["auc"] for one in (mine, dense)]
    table.note("AUC on made-up reviews: {:.3f}, against {:.3f}.".format(*auc))


def quality(project: Path) -> str:
    """Return the table of how good the model is, beside lines of scikit-learn."""
    kedro(project, *TRAIN)
    kedro(project, "run", "--pipelines", "etl", "--params", "split=test")
    kedro(project, "run", "--pipelines", "user_app")
    printed = python(HERE, "bare.py", "quality", str(project)).output
    fitted, judged, scores = json.loads(printed.splitlines()[-1])
    return "\n".join(
        [
            f"Fitted on {fitted} shipped reviews, judged by {judged} of the split "
            f"`test`; seconds of fitting are medians of {ROUNDS}, in turn:\n",
            "| | accuracy | AUC | log loss | seconds |",
            "| --- | ---: | ---: | ---: | ---: |",
        ]
        + [
            f"| {line} | {' | '.join(f'{one:.3f}' for one in row)} |"
            for line, row in zip(LINES, scores, strict=True)
        ]
    )


def make_dense(project: Path) -> None:
    """Let a project learn with xgboost from a dense table of counts."""
    nodes = package_of(project) / "pipelines/ml_app/nodes.py"
    code, sparse = nodes.read_text(), "return features, known_words"
    if sparse not in code:
        raise RuntimeError(f"{nodes.name} no longer has {sparse!r}: adapt this.")
    nodes.write_text(code.replace(sparse, sparse.replace(",", ".toarray(),")))
    tokenizer = {
        "class": "sklearn.feature_extraction.text.CountVectorizer",
        "model_kwargs": {"max_features": 2000, "lowercase": False},
    }
    model = {"class": "xgboost.XGBClassifier", "model_kwargs": {"n_estimators": 200}}
    file = "parameters_text.yml"
    edit(project, file, below="text", tokenizer=tokenizer, model=model)
