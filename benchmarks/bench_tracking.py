"""How much tracking costs: a run with it, against the same run without.

Usage: ``python bench_tracking.py PROJECT [MODELS]``, in the environment that
the rendered project is installed in; ``nox -s bench`` does both. Prints a Markdown
table.
The store is a SQLite file that has been written to before. With few models the
difference is what a run costs once, the champion's files above all; what it grows by
with many is the cost of each model.
"""

import sys
import tempfile
from pathlib import Path

import yaml
from measure import best, copy, header, report, write_models

ROUNDS = 3
FEW = 3


def main() -> None:
    """Measure and print the table."""
    project = Path(sys.argv[1]).resolve()
    many = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    differences = {}
    header()
    with tempfile.TemporaryDirectory() as folder:
        tracked = copy(project, Path(folder, "tracked"))
        untracked = copy(project, Path(folder, "untracked"))
        switch_tracking_off(untracked)
        for models in (FEW, many):
            for side in (untracked, tracked):
                write_models(side, models)
            best([tracked], "run", rounds=1)
            off, on = best([untracked, tracked], "run", rounds=ROUNDS)
            report(f"`kedro run`, {models} models, against no tracking", off, on)
            differences[models] = on - off
    cost = (differences[many] - differences[FEW]) / (many - FEW)
    print(f"\nEach model adds {cost * 1000:.1f} ms.")


def switch_tracking_off(project: Path) -> None:
    """Tell kedro-mlflow to leave the default pipeline alone."""
    file = project / "conf/base/mlflow.yml"
    config = yaml.safe_load(file.read_text())
    config["tracking"]["disable_tracking"] = {"pipelines": ["__default__"]}
    file.write_text(yaml.safe_dump(config))


if __name__ == "__main__":
    main()
