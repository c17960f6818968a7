"""Where the tracking server is, and whether it answers."""

import socket
from pathlib import Path

import pytest

from {{ cookiecutter.python_package }}.tracking.server import (
    anchor,
    answers,
    check_address,
)


@pytest.mark.parametrize(
    ("uri", "anchored"),
    [
        ("sqlite:///mlflow.db", "sqlite:////project/mlflow.db"),
        ("sqlite:////elsewhere/mlflow.db", "sqlite:////elsewhere/mlflow.db"),
        ("sqlite+pysqlite:///x.db", "sqlite:////project/x.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_relative_stores_begin_at_the_project(uri: str, anchored: str) -> None:
    assert anchor(uri, Path("/project")) == anchored


@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg2"])
def test_a_port_where_nobody_listens_does_not_answer(scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"{scheme}://127.0.0.1:{unused.getsockname()[1]}/db"
        assert not answers(address, timeout_seconds=1)
        unused.listen()
        if scheme != "http":
            assert answers(address, timeout_seconds=1)


def test_a_server_that_accepts_and_says_nothing_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert not answers(address, timeout_seconds=0.2)


def test_what_is_no_address_does_not_answer() -> None:
    assert not answers("http://[bad", timeout_seconds=1)


def test_files_always_answer() -> None:
    assert answers("sqlite:///mlflow.db", timeout_seconds=1)


@pytest.mark.parametrize(
    ("uri", "advice"),
    [
        ("localhost:5000", "http:// or https://"),
        ("mlruns", "sqlite:///mlflow.db"),
        ("file:./mlruns", "sqlite:///mlflow.db"),
        ("sqlite://", "sqlite:///mlflow.db"),
        ("sqlite+pysqlcipher:///x.db", "sqlite:///mlflow.db"),
        ("http://[bad", "host or port"),
        ("http://me:secret@host:99999", "'http://***@host:99999'"),
    ],
)
def test_an_address_that_is_none_is_explained(uri: str, advice: str) -> None:
    (problem,) = check_address(uri)
    assert problem.startswith("server.mlflow_tracking_uri: ")
    assert advice in problem


def test_addresses_that_mlflow_knows_pass() -> None:
    for uri in ("http://host:1", "sqlite:///x.db", "postgresql+psycopg2://h/db"):
        assert check_address(uri) == []
