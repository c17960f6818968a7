"""Runs that would write the same files take turns."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.runs import run_lock as turns
from kedro_dynamic.runs.run_lock import Turn

# Holds a turn in a process of its own: what the first argument says it is at work on.
HOLD = """
import sys, time
from pathlib import Path
from kedro_dynamic.runs.run_lock import Turn

turn = Turn(Path(sys.argv[1]), "kedro run --env other", set(), {sys.argv[2]})
turn.take(wait=True)
print("at work", flush=True)
time.sleep(60)
"""
# Long for a turn to come, short for a test to fail.
SOON = 10


def turn(folder: Path, *, reads: str = "", writes: str = "") -> Turn:
    return Turn(folder, "kedro run", {*reads.split()}, {*writes.split()})


def in_a_thread(other: Turn) -> threading.Thread:
    """Let another thread, whose turn it then is, take it."""
    other.thread = -1
    thread = threading.Thread(target=other.take, args=[True], daemon=True)
    thread.start()
    return thread


def at_work(other: Turn) -> Turn:
    in_a_thread(other).join(SOON)
    return other


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return another process, at work on the file `a`."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), "a"],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    while (line := process.stdout.readline()) and "at work" not in line:
        pass
    with process:
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"writes": "a b"}, {"writes": "b c"}),
        ({"writes": "a"}, {"reads": "a", "writes": "b"}),
        ({"reads": "a", "writes": "b"}, {"writes": "a"}),
    ],
)
def test_who_meets_another_is_refused_if_not_to_wait(
    first: dict[str, str], second: dict[str, str], tmp_path: Path
) -> None:
    other = at_work(turn(tmp_path, **first))
    with pytest.raises(ConfigurationError) as caught:
        turn(tmp_path, **second).take(wait=False)
    assert re.fullmatch(
        rf"At work on the same files is process {os.getpid()} \(kedro run\) since "
        r"\d\d:\d\d:\d\d\. Wait for it, or write 'WAIT_FOR_OTHER_RUNS = True' in "
        r"settings\.py\.",
        caught.value.message,
    )
    other.release()


def test_others_go_on_at_once(tmp_path: Path) -> None:
    other = at_work(turn(tmp_path, reads="raw a", writes="b c"))
    turn(tmp_path, reads="raw a", writes="d").take(wait=False)
    other.release()


def test_a_run_within_a_run_does_not_wait_for_it(tmp_path: Path) -> None:
    outer, inner = (turn(tmp_path, writes="a") for _ in range(2))
    outer.take(wait=False)
    inner.take(wait=False)
    inner.release()
    other = turn(tmp_path, writes="a")
    other.thread = -1
    with pytest.raises(ConfigurationError):
        other.take(wait=False)
    outer.release()
    other.take(wait=False)


def test_the_next_waits_and_says_once_for_whom(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LOOK_AGAIN", 0.01)
    first, second = (turn(tmp_path, writes="a") for _ in range(2))
    first.take(wait=True)
    waiting = in_a_thread(second)
    waiting.join(0.3)
    assert waiting.is_alive()
    first.release()
    waiting.join(SOON)
    assert not waiting.is_alive()
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, turns.__name__)
    said = rf"Waiting: .* process {os.getpid()} \(kedro run\) since \d\d:\d\d:\d\d"
    assert re.fullmatch(said, record.getMessage())


def test_only_one_of_many_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LOOK_AGAIN", 0.001)
    busy, most = [], []

    def work(number: int) -> None:
        for _ in range(10):
            mine = turn(tmp_path, writes=f"a {number}")
            mine.take(wait=True)
            busy.append(number)
            most.append(len(busy))
            time.sleep(0.001)
            busy.remove(number)
            mine.release()

    threads = [threading.Thread(target=work, args=[i]) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1] * 40
    assert {path.name for path in tmp_path.iterdir()} <= {"turns.lock"}


def test_another_process_is_waited_for_until_it_dies(
    elsewhere: subprocess.Popen[str], tmp_path: Path
) -> None:
    mine = turn(tmp_path, writes="a")
    named = rf"process {elsewhere.pid} \(kedro run --env other\) since"
    with pytest.raises(ConfigurationError, match=named):
        mine.take(wait=False)
    elsewhere.send_signal(signal.SIGKILL)
    elsewhere.wait()
    mine.take(wait=False)
    mine.release()
    assert {path.name for path in tmp_path.iterdir()} <= {"turns.lock"}


def test_a_lock_that_outlives_its_process_does_not_count(tmp_path: Path) -> None:
    """As that of a killed run which its idle workers have taken along."""
    orphan = at_work(turn(tmp_path, writes="a"))
    assert orphan._lock
    note = Path(orphan._lock.lock_file).with_suffix(".json")
    content = json.loads(note.read_text())
    note.write_text(json.dumps(content | {"process": 2**22 + 1}))
    turn(tmp_path, writes="a").take(wait=False)
    # Of another machine, nobody here can tell.
    note.write_text(json.dumps(content | {"process": 2**22 + 1, "host": "another"}))
    with pytest.raises(ConfigurationError):
        turn(tmp_path, writes="a").take(wait=False)


def test_a_run_that_is_just_ending_is_no_error(tmp_path: Path) -> None:
    ending = FileLock(tmp_path / "0.run")
    with ending:
        turn(tmp_path, writes="a").take(wait=False)


def test_workers_do_not_end_the_turn_of_their_parent(tmp_path: Path) -> None:
    mine = turn(tmp_path, writes="a")
    mine.take(wait=False)
    worker = multiprocessing.get_context("fork").Process(target=lambda: None)
    worker.start()
    worker.join()
    other = turn(tmp_path, writes="a")
    other.thread = -1
    with pytest.raises(ConfigurationError):
        other.take(wait=False)
