"""How much a large study costs to register: 20 data sets by 50 models, against 4 by 3.

Usage: ``python bench_family.py PROJECT``, in the environment that the rendered project
is installed in; ``nox -s bench`` does both. Prints a Markdown table. Commands are run
alternately, side by side, and the best time of each side counts; memory is the peak of
the largest process.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from measure import best, copy, header, report, write_models

ROUNDS = 3
DATASETS, MODELS = 20, 50


def main() -> None:
    """Measure and print the table."""
    project = Path(sys.argv[1]).resolve()
    what = f"{DATASETS} data sets x {MODELS} models against 4 x 3"
    with tempfile.TemporaryDirectory() as folder:
        few = copy(project, Path(folder, "few"))
        many = copy(project, Path(folder, "many"))
        write_models(many, MODELS)
        write_datasets(many, DATASETS)

        header()
        report(
            f"`kedro registry list`, {what}",
            *best([few, many], "registry", "list", rounds=ROUNDS),
        )
        report(
            f"`kedro registry describe benchmark`, {what}",
            *best([few, many], "registry", "describe", "benchmark", rounds=1),
        )
        peaks = [peak(side, "registry", "list") for side in (few, many)]
    sizes = " and ".join(f"{size:.0f} MB" for size in peaks)
    print(f"\nPeak memory of `kedro registry list`, 4 x 3 and then many: {sizes}.")


def write_datasets(project: Path, count: int) -> None:
    """Give the project's study so many data sets."""
    file = project / "conf/base/parameters_benchmark.yml"
    parameters = yaml.safe_load(file.read_text())
    parameters["benchmark"]["datasets"] = {
        f"data_{i:02}": {"target": "species"} for i in range(count)
    }
    file.write_text(yaml.safe_dump(parameters, sort_keys=False))


def peak(project: Path, *command: str) -> float:
    """Return the peak memory of a kedro command, in MB (10^6 bytes)."""
    script = (
        "import resource, subprocess, sys; "
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, "
        "stderr=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, sys.executable, "-m", "kedro", *command],
        cwd=project,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return int(done.stdout) * unit / 1e6


if __name__ == "__main__":
    main()
