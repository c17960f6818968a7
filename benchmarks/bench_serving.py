"""How fast the served text model answers, beside one pipeline of scikit-learn."""

import csv
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any

from measure import (
    HERE,
    HOST,
    Measured,
    Process,
    Table,
    free_port,
    in_turn,
    kedro,
    python,
    started,
    wait_for,
)
from projects import copy
from texts import TRAIN

CLIENTS = 16


def serving(table: Table, project: Path, folder: Path, reviews: int = 5000) -> None:
    """Measure the served model against one pipeline of scikit-learn."""
    trained = copy(project, folder / "trained", families=True)
    raw = trained / "data/01_raw/reviews/train.csv"
    python(HERE, "made_up.py", str(raw), str(reviews))
    kedro(trained, *TRAIN)
    done = python(HERE, "bare.py", "served", str(trained), str(folder))
    models = json.loads(done.output.splitlines()[-1])
    with raw.open(newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    with ExitStack() as servers:
        sides = []
        for model in models:
            port = free_port()
            command = ["-m", "mlflow", "models", "serve", f"--model-uri={model}"]
            command += ["--env-manager=local", f"--host={HOST}", f"--port={port}"]
            server = servers.enter_context(started(folder, *command))
            wait_for(server, port, "/ping")
            sides.append((server, port))
        check(*(ask(HTTPConnection(HOST, port), texts[:50]) for _, port in sides))
        for title, unit, measure in (
            ("one review over HTTP", "", one_by_one),
            (f"reviews a second, {CLIENTS} clients", "/s", at_once),
            ("2,000 reviews in one request", "", batch),
        ):
            measures = [partial(look_at, *side, measure, texts) for side in sides]
            for warm_up in measures:
                warm_up()
            served, bare = in_turn(*measures)
            table.row(title, served, "`mlflow.sklearn` pipeline", bare, unit=unit)


def look_at(
    server: Process,
    port: int,
    measure: Callable[[int, list[str]], float],
    texts: list[str],
) -> Measured:
    """Measure a running server."""
    value = measure(port, texts)
    server.look()
    return Measured(value, server.mib)


def ask(connection: HTTPConnection, texts: list[str]) -> Any:
    """Return the server's predictions."""
    body = json.dumps({"dataframe_records": [{"text": text} for text in texts]})
    header = {"Content-Type": "application/json"}
    connection.request("POST", "/invocations", body.encode(), header)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(content.decode())
    return json.loads(content)["predictions"]


def check(answers: Any, bare: Any) -> None:
    """Make sure that both models predict the same."""
    for answer, probabilities in zip(answers, bare, strict=True):
        assert abs(max(probabilities) - answer["probability"]) < 1e-9


def one_by_one(port: int, texts: list[str]) -> float:
    """Return the median time of one review, in seconds."""
    connection, seconds = HTTPConnection(HOST, port), []
    for text in texts[:200]:
        start = time.perf_counter()
        ask(connection, [text])
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def at_once(port: int, texts: list[str]) -> float:
    """Return how many single reviews a second all clients together get answered."""
    texts = texts[:2400]

    def ask_some(client: int) -> None:
        connection = HTTPConnection(HOST, port)
        for text in texts[client::CLIENTS]:
            ask(connection, [text])

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(ask_some, range(CLIENTS)))
    return len(texts) / (time.perf_counter() - start)


def batch(port: int, texts: list[str]) -> float:
    """Return the median time of a request of many texts, in seconds."""
    connection, seconds = HTTPConnection(HOST, port), []
    for _ in range(5):
        start = time.perf_counter()
        ask(connection, texts[:2000])
        seconds.append(time.perf_counter() - start)
    return median(seconds)
