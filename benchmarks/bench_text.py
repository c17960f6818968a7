"""How fast the text pipelines train, against a dense bag of words and xgboost.

Usage: ``python bench_text.py PROJECT [REVIEWS]``, in the environment that the rendered
project is installed in, with xgboost; ``nox -s bench`` does both. The baseline is the
same project with 2,000 words as a dense table and 200 rounds of xgboost. Prints a
Markdown table, peak memory, the areas under the ROC curve, and the slowest steps.
"""

import json
import re
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import yaml
from measure import Measured, copy, header, report, run_measured
from reviews import write_reviews


def main() -> None:
    """Measure and print."""
    project = Path(sys.argv[1]).resolve()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 25_000
    with tempfile.TemporaryDirectory() as folder:
        ours = copy(project, Path(folder, "ours"))
        dense = copy(project, Path(folder, "dense"))
        make_dense(dense)
        for side in (ours, dense):
            write_reviews(side / "data/01_raw/reviews/train.csv", count)
        baseline, measured = train(dense), train(ours)
        aucs = [auc(side) for side in (dense, ours)]
    header()
    report(
        f"etl and training, {count:,} reviews, against dense + xgboost",
        baseline.seconds,
        measured.seconds,
    )
    print(f"\nPeak memory: {baseline.mib:,.0f} MiB, ours {measured.mib:,.0f} MiB.")
    print(f"AUC: {aucs[0]:.3f}, ours {aucs[1]:.3f}.")
    for side in (baseline, measured):
        steps = seconds_per_node(side.output)
        slowest = sorted(steps, key=steps.__getitem__, reverse=True)[:5]
        print("Slowest:", ", ".join(f"{node} {steps[node]:.0f} s" for node in slowest))


def train(project: Path) -> Measured:
    """Run etl and training in one command."""
    return run_measured(project, "-m", "kedro", "run", "--pipelines", "etl,training")


def auc(project: Path) -> float:
    """Return the area under the ROC curve on the held-out reviews."""
    metrics = json.loads(
        (project / "data/08_reporting/sentiment_metrics.json").read_text()
    )
    return float(metrics["auc"])


def make_dense(project: Path) -> None:
    """Change the project into the baseline."""
    (nodes,) = project.glob("src/*/pipelines/ml_app/nodes.py")
    text, sparse = nodes.read_text(), "return features, (features > 0)"
    if sparse not in text:
        sys.exit(f"{nodes.name} no longer has {sparse!r}: adapt this benchmark.")
    nodes.write_text(text.replace(sparse, sparse.replace(",", ".toarray(),")))
    file = project / "conf/base/parameters_text.yml"
    parameters = yaml.safe_load(file.read_text())
    parameters["text"] |= {
        "tokenizer": {
            "class": "sklearn.feature_extraction.text.CountVectorizer",
            "model_kwargs": {"max_features": 2_000, "lowercase": False},
        },
        "model": {
            "class": "xgboost.XGBClassifier",
            "model_kwargs": {"n_estimators": 200},
        },
    }
    file.write_text(yaml.safe_dump(parameters))


def seconds_per_node(log: str) -> dict[str, float]:
    """Return how long each node took, to the second, from the log of a run."""
    times: list[tuple[str, float]] = []
    clock = 0.0
    for line in log.splitlines():
        # The time is printed where it differs from that of the line before.
        if stamp := re.match(r"\d\d:\d\d:\d\d ", line):
            clock = datetime.strptime(stamp[0], "%H:%M:%S ").timestamp()
        if done := re.search(r"INFO +Done: (\S+)", line):
            times.append((done[1], clock))
    return {
        node: end - start
        for (node, end), (_, start) in zip(times[1:], times, strict=False)
    }


if __name__ == "__main__":
    main()
