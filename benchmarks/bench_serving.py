"""How fast the logged sentiment model is served, against a bare scikit-learn pipeline.

Usage: ``python bench_serving.py PROJECT``, in the environment that the rendered project
is installed in; ``nox -s bench`` does both. Trains on made-up reviews, logs the same
cleaning, tokenizer and classifier as one pipeline of scikit-learn, and serves both side
by side with the same command. Medians of five rounds, in turn.
"""

import json
import pickle
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from importlib import import_module
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import yaml
from measure import copy, run_measured
from mlflow.models import infer_signature
from reviews import write_reviews
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

TRAIN_REVIEWS = 5_000
CLIENTS = 16
ROUNDS = 5
HOST = "127.0.0.1"
PORTS = (5021, 5022)  # bare, ours


def main() -> None:
    """Measure and print the table."""
    project = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        ours = copy(project, Path(folder, "ours"))
        raw = ours / "data/01_raw/reviews/train.csv"
        write_reviews(raw, TRAIN_REVIEWS)
        run_measured(ours, "-m", "kedro", "run", "--pipelines", "etl,training")
        (package,) = (path.name for path in (ours / "src").iterdir())
        mlflow.set_tracking_uri(f"sqlite:///{ours}/mlflow.db")
        uri = f"models:/{package}_sentiment@champion"
        logged = mlflow.artifacts.download_artifacts(uri, dst_path=f"{folder}/logged")
        texts = pd.read_csv(raw)["text"].tolist()
        bare = log_bare(package, ours, Path(folder, "bare"))
        for model, port in zip((bare, logged), PORTS, strict=True):
            servers.enter_context(serve(str(model), port))
        check(texts[:50])
        print("| reviews over HTTP | bare scikit-learn | ours | ratio |")
        print("| --- | ---: | ---: | ---: |")
        row("one at a time", "ms", lambda port: one_by_one(port, texts[:200]))
        row("16 clients", "a second", lambda port: at_once(port, texts[:800]))
        row("2,000 in one request", "ms", lambda port: batch(port, texts[:2000]))


def log_bare(package: str, project: Path, folder: Path) -> Path:
    """Save what the project has fitted as a pipeline of scikit-learn alone."""
    nodes = import_module(f"{package}.pipelines.ml_app.nodes")
    models = project / "data/06_models"
    tokenizer, classifier = (
        pickle.loads((models / f"{name}.pkl").read_bytes())
        for name in ("tokenizer", "sentiment_model")
    )
    stopwords = yaml.safe_load((project / "data/01_raw/stopwords.yml").read_text())
    clean = FunctionTransformer(
        nodes.clean_text, kw_args={"english_stopwords": stopwords}
    )
    question = pd.DataFrame({"text": ["A quiet film."]})
    mlflow.sklearn.save_model(
        make_pipeline(clean, tokenizer, classifier),
        folder,
        serialization_format="cloudpickle",
        pyfunc_predict_fn="predict_proba",
        signature=infer_signature(question),
        pip_requirements=["scikit-learn"],
    )
    return folder


@contextmanager
def serve(model: str, port: int) -> Iterator[None]:
    """Serve a model until the block ends."""
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", model]
    command += ["--env-manager", "local", "--host", HOST, "--port", str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            time.sleep(0.2)
            try:
                connection = HTTPConnection(HOST, port)
                connection.request("GET", "/ping")
                break
            except OSError:
                continue
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def ask(connection: HTTPConnection, texts: list[str]) -> Any:
    """Return the server's predictions."""
    body = json.dumps({"dataframe_records": [{"text": text} for text in texts]})
    header = {"Content-Type": "application/json"}
    connection.request("POST", "/invocations", body.encode(), header)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, text
    return json.loads(text)["predictions"]


def check(texts: list[str]) -> None:
    """Make sure that both say the same."""
    bare, ours = (ask(HTTPConnection(HOST, port), texts) for port in PORTS)
    for probabilities, answer in zip(bare, ours, strict=True):
        assert abs(max(probabilities) - answer["probability"]) < 1e-9


def row(what: str, unit: str, measure: Callable[[int], float]) -> None:
    """Measure both in turn, after a round that does not count; print their medians."""
    for port in PORTS:
        measure(port)
    rounds = [[measure(port) for port in PORTS] for _ in range(ROUNDS)]
    bare, ours = (statistics.median(side) for side in zip(*rounds, strict=True))
    print(
        f"| {what}, {unit} | {bare:.1f} | {ours:.1f} | {ours / bare:.2f} |", flush=True
    )


def one_by_one(port: int, texts: list[str]) -> float:
    """Return the median time of one review, in milliseconds."""
    connection, seconds = HTTPConnection(HOST, port), []
    for text in texts:
        start = time.perf_counter()
        ask(connection, [text])
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1000


def at_once(port: int, texts: list[str]) -> float:
    """Return how many single reviews a second so many clients get answered."""

    def ask_some(client: int) -> None:
        connection = HTTPConnection(HOST, port)
        for text in texts[client::CLIENTS]:
            ask(connection, [text])

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(ask_some, range(CLIENTS)))
    return len(texts) / (time.perf_counter() - start)


def batch(port: int, texts: list[str]) -> float:
    """Return the time of one request of all texts, in milliseconds."""
    start = time.perf_counter()
    ask(HTTPConnection(HOST, port), texts)
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
