"""Two runs that share files run one after the other."""

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
from kedro_dynamic.runs import run_lock
from kedro_dynamic.runs.run_lock import RunLock, locks_folder

# A run in a process of its own, which writes the file of the second argument.
OTHER_PROCESS = """
import sys, time
from pathlib import Path
from kedro_dynamic.runs.run_lock import RunLock

lock = RunLock(Path(sys.argv[1]), "kedro run --env other", set(), {sys.argv[2]})
lock.acquire(wait=True)
print("locked", flush=True)
time.sleep(60)
"""

# Long for a lock to be acquired, short for a test to fail.
TIMEOUT = 10  # seconds

NO_PROCESS = 2**22 + 1


def lock_of(folder: Path, *, reads: str = "", writes: str = "") -> RunLock:
    """Return the lock of a run, whose files are separated by spaces."""
    return RunLock(folder, "kedro run", {*reads.split()}, {*writes.split()})


def acquire_in_thread(lock: RunLock) -> threading.Thread:
    """Acquire a lock as a run of another thread would, and return the thread."""
    lock.thread = -1
    thread = threading.Thread(target=lock.acquire, args=[True], daemon=True)
    thread.start()
    return thread


def acquired(lock: RunLock) -> RunLock:
    """Return a lock after another thread acquired it."""
    acquire_in_thread(lock).join(TIMEOUT)
    return lock


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a process whose run writes the file `a`."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, str(tmp_path), "a"],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        if "locked" in line:
            break
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
def test_a_run_that_shares_files_is_rejected_if_it_may_not_wait(
    first: dict[str, str], second: dict[str, str], tmp_path: Path
) -> None:
    lock = acquired(lock_of(tmp_path, **first))
    with pytest.raises(ConfigurationError) as caught:
        lock_of(tmp_path, **second).acquire(wait=False)
    assert re.fullmatch(
        rf"Another run is using the same files: process {os.getpid()} \(kedro run\) "
        r"since \d\d:\d\d:\d\d\. Wait for it to finish, or set 'WAIT_FOR_OTHER_RUNS = "
        r"True' in settings\.py\.",
        caught.value.message,
    )
    lock.release()


def test_runs_that_read_the_same_files_do_not_wait(tmp_path: Path) -> None:
    lock = acquired(lock_of(tmp_path, reads="raw a", writes="b c"))
    lock_of(tmp_path, reads="raw a", writes="d").acquire(wait=False)
    lock.release()


def test_a_run_within_a_run_does_not_wait_for_it(tmp_path: Path) -> None:
    outer, inner = (lock_of(tmp_path, writes="a") for _ in range(2))
    outer.acquire(wait=False)
    inner.acquire(wait=False)
    inner.release()
    other = lock_of(tmp_path, writes="a")
    other.thread = -1
    with pytest.raises(ConfigurationError):
        other.acquire(wait=False)
    outer.release()
    other.acquire(wait=False)


def test_a_run_waits_and_warns_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_lock, "POLL_INTERVAL", 0.01)
    first, second = (lock_of(tmp_path, writes="a") for _ in range(2))
    first.acquire(wait=True)
    waiting = acquire_in_thread(second)
    waiting.join(0.3)
    assert waiting.is_alive()
    first.release()
    waiting.join(TIMEOUT)
    assert not waiting.is_alive()
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, run_lock.__name__)
    assert re.fullmatch(
        r"Waiting: another run is using the same files: "
        rf"process {os.getpid()} \(kedro run\) since \d\d:\d\d:\d\d",
        record.getMessage(),
    )


def test_only_one_of_many_runs_holds_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_lock, "POLL_INTERVAL", 0.001)
    running: list[int] = []
    counts: list[int] = []

    def run_often(number: int) -> None:
        for _ in range(10):
            lock = lock_of(tmp_path, writes=f"a {number}")
            lock.acquire(wait=True)
            running.append(number)
            counts.append(len(running))
            time.sleep(0.001)
            running.remove(number)
            lock.release()

    threads = [threading.Thread(target=run_often, args=[i]) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts == [1] * 40
    assert {path.name for path in tmp_path.iterdir()} <= {"folder.lock"}


def test_another_process_keeps_its_lock_until_it_is_killed(
    other_process: subprocess.Popen[str], tmp_path: Path
) -> None:
    lock = lock_of(tmp_path, writes="a")
    message = rf"process {other_process.pid} \(kedro run --env other\) since"
    with pytest.raises(ConfigurationError, match=message):
        lock.acquire(wait=False)
    other_process.send_signal(signal.SIGKILL)
    other_process.wait()
    lock.acquire(wait=False)
    lock.release()
    assert {path.name for path in tmp_path.iterdir()} <= {"folder.lock"}


def test_a_lock_that_outlives_its_process_does_not_count(tmp_path: Path) -> None:
    """Idle workers of a killed run keep its lock."""
    orphan = acquired(lock_of(tmp_path, writes="a"))
    assert orphan._lock
    note = Path(orphan._lock.lock_file).with_suffix(".json")
    content = json.loads(note.read_text())
    note.write_text(json.dumps(content | {"process": NO_PROCESS}))
    lock_of(tmp_path, writes="a").acquire(wait=False)
    assert not note.exists()  # so that its workers write no more files
    # Processes of other machines cannot be checked.
    note.write_text(json.dumps(content | {"process": NO_PROCESS, "host": "another"}))
    with pytest.raises(ConfigurationError):
        lock_of(tmp_path, writes="a").acquire(wait=False)


def test_a_lock_without_a_note_does_not_count(tmp_path: Path) -> None:
    """A run that is just ending has deleted its note."""
    with FileLock(tmp_path / "0.run"):
        lock_of(tmp_path, writes="a").acquire(wait=False)


def test_workers_do_not_release_the_lock_of_their_parent(tmp_path: Path) -> None:
    lock = lock_of(tmp_path, writes="a")
    lock.acquire(wait=False)
    worker = multiprocessing.get_context("fork").Process(target=lambda: None)
    worker.start()
    worker.join()
    other = lock_of(tmp_path, writes="a")
    other.thread = -1
    with pytest.raises(ConfigurationError):
        other.acquire(wait=False)


@pytest.mark.parametrize(
    "note", ["", "{", "[]", '{"host": 1}', '{"host": "a", "process": -1, "reads": 5}']
)
def test_a_lock_with_an_odd_note_stops_no_run(
    note: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lock = acquired(lock_of(tmp_path, writes="a"))
    (file,) = tmp_path.glob("*.json")
    file.write_text(note)
    for _ in range(2):
        lock_of(tmp_path, writes="a").acquire(wait=False)
    lock.release()
    assert [record.getMessage() for record in caplog.records] == [
        f"{file} is not what a run writes: it counts as not there."
    ]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("a file")
    with pytest.raises(ConfigurationError) as caught:
        lock_of(tmp_path / "locks", writes="a").acquire(wait=False)
    assert caught.value.message.startswith(f"{tmp_path}/locks cannot be written: File ")


def test_projects_with_one_storage_take_turns_there(tmp_path: Path) -> None:
    root, shared = tmp_path / "project", tmp_path / "shared"
    assert locks_folder(root, None) == root / "data/.locks"
    assert locks_folder(root, "s3://bucket/results") == root / "data/.locks"
    assert locks_folder(root, "results") == root / "data/.locks"
    assert locks_folder(root, str(shared)) == shared / ".locks"
