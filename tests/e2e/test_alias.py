"""The starter as a package: what a wheel of it renders is what a checkout renders."""

from __future__ import annotations

import subprocess
from pathlib import Path

from conftest import Bake, Project, git

from e2e.conftest import Environment, build_wheel


def test_a_wheel_renders_what_a_checkout_renders(
    starter: Path, bake: Bake, tmp_path: Path
) -> None:
    # An environment of its own, where Kedro finds the alias by the entry point.
    environment = Environment.create(tmp_path / "env")
    environment.install(str(build_wheel(starter, tmp_path)))
    (tmp_path / "answers.yml").write_text(
        f"project_name: Iris\npipelines: all\noutput_dir: {tmp_path}\n"
    )
    subprocess.run(
        [
            *(str(environment.bin / "kedro"), "new", "--starter=dynamic-iris"),
            f"--config={tmp_path / 'answers.yml'}",
        ],
        check=True,
    )
    rendered = Project(tmp_path / "iris", "iris").files()
    (tmp_path / "iris").rename(tmp_path / "of the wheel")
    assert rendered == bake(project_name="Iris", pipelines="all").files()
    assert git(starter, "status", "--porcelain") == ""
