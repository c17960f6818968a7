"""Measures the project against its alternatives, side by side.

Usage: ``python bench.py PROJECT [PART [SIZES]]``, in the environment that the rendered
project is installed in; ``nox -s bench`` does both. All parts together write
docs/benchmarks.md; a single part only prints its rows.

``python bench.py PROJECT before COMMIT [COUNTS]`` compares with an earlier commit.
"""

import os
import platform
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from automl import automl
from before import before
from bench_serving import serving
from graph import viz
from measure import HERE, ROUNDS, Table
from runs import cost, registry, report, runners, start, tracking
from texts import text

PARTS: dict[str, Callable[..., Any]] = {
    "start": start,
    "registry": registry,
    "cost": cost,
    "tracking": tracking,
    "report": report,
    "runners": runners,
    "text": text,
    "serving": serving,
    "viz": viz,
    "automl": automl,
}
PACKAGES = ("kedro", "kedro-viz", "mlflow", "scikit-learn")
ABOUT = """\
# Benchmarks

`nox -s bench` measured commit {commit}{problems} on {day}, on a machine with
{machine}.
Each row compares two commands that were run alternately: medians of {rounds} rounds,
and their ratio. MiB is the peak memory of the largest process.

"""


def main() -> int:
    """Measure all parts, or one; return how many failed."""
    project, names = Path(sys.argv[1]).resolve(), sys.argv[2:3] or [*PARTS]
    table, failed = Table(), []
    if names == ["before"]:
        commit, *counts = sys.argv[3:]
        with tempfile.TemporaryDirectory() as folder:
            before(table, project, Path(folder), commit, *map(int, counts))
        return 0

    sizes = [*map(int, sys.argv[3:])]
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                PARTS[name](table, project, Path(folder), *sizes)
            except Exception:  # hours of measuring are not lost
                traceback.print_exc()
                failed.append(name)
    if names == [*PARTS]:
        problems = f", but for {' and '.join(failed)}, which failed," if failed else ""
        about = ABOUT.format(problems=problems, rounds=ROUNDS, **facts())
        page = "\n\n".join([about.strip(), table.text(), *table.below])
        (HERE.parent / "docs/benchmarks.md").write_text(f"{page}\n")
    return len(failed)


def facts() -> dict[str, str]:
    """Return where and when which commit was measured."""
    git = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    commit = subprocess.run(git, cwd=HERE, capture_output=True, text=True).stdout
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    python = f"Python {platform.python_version()}"
    return {
        "day": date.today().isoformat(),
        "commit": commit.strip() or "unknown",
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GiB, {python}, {versions}",
    }


if __name__ == "__main__":
    sys.exit(main())
