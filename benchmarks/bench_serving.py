"""What the logged sentiment model costs per review, against plain function calls.

Usage: ``python bench_serving.py PROJECT``, in the environment that the rendered project
is installed in; ``nox -s bench`` does both. Trains on made-up reviews, loads the logged
model, and asks it and the functions it is made of for one review at a time: median of
200, with a vocabulary of 20,000 words.
"""

import pickle
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import yaml
from measure import copy, run_measured
from reviews import write_reviews

TRAIN_REVIEWS = 5_000
QUESTIONS = 200

Predict = Callable[[pd.DataFrame], pd.DataFrame]


def main() -> None:
    """Measure and print the table."""
    project = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        ours = copy(project, Path(folder, "ours"))
        raw = ours / "data/01_raw/reviews"
        write_reviews(raw / "train.csv", TRAIN_REVIEWS)
        for pipeline in ("etl", "training"):
            run_measured(ours, "-m", "kedro", "run", "--pipelines", pipeline)
        (package,) = (path.name for path in (ours / "src").iterdir())
        mlflow.set_tracking_uri(f"sqlite:///{ours}/mlflow.db")
        logged = mlflow.pyfunc.load_model(f"models:/{package}_sentiment@champion")
        functions = plain_calls(package, ours / "data")
        texts = pd.read_csv(raw / "train.csv")["text"].head(QUESTIONS)
        questions = [pd.DataFrame({"text": [text]}) for text in texts]
        for question in questions[:10]:
            pd.testing.assert_frame_equal(logged.predict(question), functions(question))
        plain, served = median(functions, questions), median(logged.predict, questions)
    print("| one review | baseline | ours | ratio |\n| --- | ---: | ---: | ---: |")
    print(
        f"| the logged model against plain calls | {plain * 1000:.2f} ms "
        f"| {served * 1000:.2f} ms | {served / plain:.2f} |"
    )


def plain_calls(package: str, data: Path) -> Predict:
    """Return the inference pipeline as one would write it without Kedro and MLflow."""
    nodes = import_module(f"{package}.pipelines.ml_app.nodes")
    tokenizer, model, label_encoder = (
        pickle.loads((data / f"06_models/{name}.pkl").read_bytes())
        for name in ("tokenizer", "sentiment_model", "label_encoder")
    )
    stopwords = yaml.safe_load((data / "01_raw/stopwords.yml").read_text())
    assert len(tokenizer.vocabulary_) == 20_000

    def predict(instances: pd.DataFrame) -> Any:
        cleaned = nodes.clean_text(instances, stopwords)
        features = nodes.tokenize_text(tokenizer, cleaned)
        return nodes.decode_predictions(label_encoder, nodes.predict(model, features))

    return predict


def median(predict: Predict, questions: list[pd.DataFrame]) -> float:
    """Return the median time of one call, in seconds."""
    seconds = []
    for question in questions:
        start = time.perf_counter()
        predict(question)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
