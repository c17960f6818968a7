"""What code a run is of."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import git
from kedro_dynamic.tracking import lineage


def repository(folder: Path) -> Path:
    """Return a project of one commit in a folder below its repository's root."""
    project = folder / "my work" / "iris"
    project.mkdir(parents=True)
    (project / "code.py").write_bytes(b"a = 1\r\n\nb = 2\n")
    (project / ".gitignore").write_text("secret.yml\n")
    git(project.parent, "init", "--quiet")
    git(project.parent, "add", "--all")
    git(project.parent, "commit", "--quiet", "--message", "one")
    return project


def test_what_is_not_committed_can_be_applied_again(tmp_path: Path) -> None:
    project = repository(tmp_path)
    commit = git(project, "rev-parse", "HEAD").strip()
    tags, files = lineage.source_of(project)
    assert tags == {"mlflow.source.git.commit": commit, "git.dirty": "false"}
    assert "scikit-learn==" in files["versions.txt"]
    assert "uncommitted.diff" not in files

    (project.parent / "elsewhere.py").touch()
    assert lineage.source_of(project)[0]["git.dirty"] == "false"

    # Whatever a person has set for their own eyes.
    git(project, "config", "color.ui", "always")
    git(project, "config", "diff.noprefix", "true")
    git(project, "config", "status.showUntrackedFiles", "no")
    (project / "secret.yml").write_text("password: hunter2")
    (project / "kaggle.json").write_text('{"key": "hunter2"}')
    (project / "new.py").write_text("c = 3\n\n")
    assert lineage.source_of(project)[0]["git.dirty"] == "true"
    (project / "code.py").write_bytes(b"a = 2\r\n\nb = 2\n")
    (project / "table.xlsx").write_bytes(bytes(range(256)))
    (project / "store.yml").write_text("uri: http://me:hunter2@host\n")
    git(project, "add", "table.xlsx", "new.py", "store.yml")
    before = git(project, "status", "--porcelain", "--untracked-files=all")
    tags, files = lineage.source_of(project)
    assert git(project, "status", "--porcelain", "--untracked-files=all") == before
    assert tags == {"mlflow.source.git.commit": commit, "git.dirty": "true"}
    assert "hunter2" not in files["uncommitted.diff"]
    # What git does not track yet, by name alone.
    assert files["uncommitted.diff"].startswith("New files, not included:\nkaggle.json")

    fresh = tmp_path / "fresh"
    git(tmp_path, "clone", "--quiet", str(project.parent), str(fresh))
    (tmp_path / "x.diff").write_bytes(files["uncommitted.diff"].encode())
    git(fresh, "apply", str(tmp_path / "x.diff"))
    for name in ("code.py", "new.py", "table.xlsx"):
        assert (fresh / "iris" / name).read_bytes() == (project / name).read_bytes()


def test_a_large_diff_is_cut(tmp_path: Path) -> None:
    project = repository(tmp_path)
    (project / "large.txt").write_text("\u00e9" * lineage.MAX_DIFF)
    git(project, "add", "large.txt")
    diff = lineage.source_of(project)[1]["uncommitted.diff"]
    assert lineage.MAX_DIFF <= len(diff.encode()) < lineage.MAX_DIFF + 100
    assert "... and more" in diff[-100:]


def test_without_git_or_a_commit_there_is_nothing_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Temporary directories may lie within a repository.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert lineage.source_of(tmp_path)[0] == {}
    git(tmp_path, "init", "--quiet")
    (tmp_path / "new.py").touch()
    assert lineage.source_of(tmp_path)[0] == {}
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    assert lineage.source_of(tmp_path)[0].keys() == {
        "mlflow.source.git.commit",
        "git.dirty",
    }
    monkeypatch.setenv("PATH", "")
    tags, files = lineage.source_of(tmp_path)
    assert tags == {}
    assert files.keys() == {"versions.txt"}


def test_clones_of_a_repository_are_one_project(tmp_path: Path) -> None:
    project = repository(tmp_path)
    assert lineage.origin_of(project) == ""
    assert lineage.origin_of(tmp_path) == ""
    git(project, "remote", "add", "origin", "git@host.org:group/name.git")
    for address in (
        "git@host.org:group/name.git",
        "https://me:hunter2@host.org/group/name.git",
        "ssh://git@host.org/group/name",
    ):
        git(project, "remote", "set-url", "origin", address)
        assert lineage.origin_of(project) == "host.org/group/name/iris"
