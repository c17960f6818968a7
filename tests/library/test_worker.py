"""Worker processes end with their parent, also those that have run no node yet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# A process with three workers, of which one works and two have nothing to do.
PARENT = """
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from kedro_dynamic.runs.worker import end_with_parent

def work():
    time.sleep(60)

if __name__ == "__main__":
    end_with_parent()
    context = multiprocessing.get_context("{method}")
    with ProcessPoolExecutor(3, context) as pool:
        pool.submit(work)
        time.sleep(1)
        workers = [str(child.pid) for child in multiprocessing.active_children()]
        sibling = os.fork()
        if not sibling:
            time.sleep(20)
            os._exit(0)
        print("workers:", sibling, *workers, flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_idle_workers_end_with_their_parent(tmp_path: Path) -> None:
    # A sibling that was forked after them keeps their pipes open.
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(method="fork"))
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as parent:
        assert parent.stdout
        # Kedro logs a line first.
        lines = (line.partition("workers: ")[2] for line in parent.stdout)
        sibling, *workers = map(int, next(filter(None, lines)).split())
        parent.send_signal(signal.SIGKILL)
    assert len(workers) == 3
    deadline = time.monotonic() + 10
    while any(map(is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    running = [worker for worker in workers if is_running(worker)]
    os.kill(sibling, signal.SIGKILL)
    assert not running


def is_running(process: int) -> bool:
    """Return True unless a process has ended; nobody asks a zombie's exit code."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
