"""Remove the pipeline families that the answers leave out, and caches.

Runs in the rendered project, after pre_gen_project.py has accepted the answers.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

# The files that each family owns. All other files are in every project.
FAMILIES = {
    "text": (
        "src/*/pipelines/*_app",
        "tests/**/*_app*",
        "tests/**/test_text*.py",
        "conf/base/*_text.yml",
        "conf/base/globals.yml",
        "conf/imdb*",
        "data/01_raw/reviews",
        "data/01_raw/stopwords.yml",
    ),
    "benchmark": (
        "src/*/pipelines/benchmark",
        "tests/**/*benchmark*",
        "conf/base/*_benchmark.yml",
        "data/01_raw/breast_cancer.csv",
        "data/01_raw/digits.csv",
        "data/01_raw/wine.csv",
    ),
}


def remove_unasked(project: Path, pipelines: str) -> None:
    """Delete the files of all families that ``pipelines`` does not name."""
    names = {name.strip() for name in pipelines.lower().split(",")}
    for family, patterns in FAMILIES.items():
        if names & {family, "all"}:
            continue
        for path in [path for glob in patterns for path in project.glob(glob)]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)  # its folder may be deleted already


def remove_caches(project: Path) -> None:
    """Delete what tools left in a checkout of the starter, which comes along."""
    for pattern in ("*_cache", "__pycache__", ".ipynb_checkpoints"):
        for path in [*project.rglob(pattern)]:
            shutil.rmtree(path)


if __name__ == "__main__":
    answers = json.loads(r""" {{ cookiecutter | tojson }} """)
    # As in pre_gen_project.py.
    original = json.loads(
        r""" {{ (_cookiecutter | default(cookiecutter)).pipelines | tojson }} """
    )
    if isinstance(original, list):
        answers["pipelines"] = ",".join(map(str, original))
    remove_unasked(Path.cwd(), answers["pipelines"])
    remove_caches(Path.cwd())
