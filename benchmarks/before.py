"""What commands cost now, against an earlier commit of this repository."""

import json
import subprocess
from functools import partial
from pathlib import Path

from measure import HERE, Table, in_turn, kedro, python
from projects import copy, set_models, trees

REPOSITORY = HERE.parent


def before(
    table: Table, project: Path, folder: Path, commit: str, *counts: int
) -> None:
    """Measure ``kedro registry list`` and ``kedro run`` now and at a commit.

    Args:
        table: Gets a row for each command and number of models.
        project: The rendered project of now.
        folder: Where to put projects.
        commit: Its project is rendered too, and runs in the same environment.
        counts: Numbers of models, by default 3 and 300.
    """
    earlier = render(commit, folder)
    for count in counts or (3, 300):
        sides = [
            copy(project, folder / f"now_{count}"),
            copy(earlier, folder / f"before_{count}"),
        ]
        for side in sides:
            # The first run makes the store and a champion.
            set_models(side, trees(3))
            kedro(side, "run")
            set_models(side, trees(count))
        for command in ("registry list", "run"):
            commands = [partial(kedro, side, *command.split()) for side in sides]
            now, then = in_turn(*commands)
            table.row(f"`kedro {command}`, {count:,} models", now, commit, then)


def render(commit: str, folder: Path) -> Path:
    """Render the starter as it was at a commit; return the project's path."""
    starter = folder / "starter"
    starter.mkdir()
    archive = folder / "starter.tar"
    git = ["git", "archive", f"--output={archive}", commit]
    subprocess.run(git, cwd=REPOSITORY, check=True)
    subprocess.run(["tar", "-xf", archive, "-C", starter], check=True)

    answers = folder / "answers.yml"
    answers.write_text(json.dumps({"project_name": "Iris", "output_dir": str(folder)}))
    options = (f"--starter={starter}", f"--config={answers}")
    python(folder, "-m", "kedro", "new", *options)
    return folder / "iris"
