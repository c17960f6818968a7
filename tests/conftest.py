"""A clean starter, a clean home, and `bake`, which renders a project in a second."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
TEMPLATE = REPOSITORY / "{{ cookiecutter.repo_name }}"
LIBRARY = "kedro_dynamic"


@dataclass(frozen=True)
class Project:
    """A rendered project: its folder and the name of its Python package."""

    path: Path
    package: str

    def files(self) -> dict[str, bytes]:
        """Return the content of every file by its path in the project."""
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
        }


Bake = Callable[..., Project]


@pytest.fixture(scope="session", autouse=True)
def clean_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Isolate the tests from the developer's settings, without telemetry."""
    home = tmp_path_factory.mktemp("home")
    uv = shutil.which("uv")
    with pytest.MonkeyPatch.context() as patch:
        if uv:  # its cache is in the home folder
            cache = subprocess.run([uv, "cache", "dir"], capture_output=True, text=True)
            patch.setenv("UV_CACHE_DIR", cache.stdout.strip())
        for variable in ("HOME", "USERPROFILE"):
            patch.setenv(variable, str(home))
        for variable in ("KEDRO_ENV", "COOKIECUTTER_CONFIG", "MLFLOW_TRACKING_URI"):
            patch.delenv(variable, raising=False)
        patch.setenv("DO_NOT_TRACK", "1")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "tests")
            patch.setenv(f"GIT_{role}_EMAIL", "tests@example.com")
        yield home


@pytest.fixture(scope="session")
def starter(clean_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a git repository of the files of this one, without ignored files.

    Cookiecutter copies everything in a local template, caches included.
    """
    clone = tmp_path_factory.mktemp("starter") / "dynamic-iris"
    listed = git(
        REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard"
    )
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, clone / name)
    git(clone, "init", "--quiet")
    # The template's own .gitignore applies here too, so add the files by force.
    git(clone, "add", "--all", "--force")
    git(clone, "commit", "--quiet", "--message", "starter")
    return clone


@pytest.fixture
def bake(starter: Path, tmp_path: Path) -> Bake:
    """Return a function that renders the starter with the given answers."""

    def render(**answers: object) -> Project:
        # Cookiecutter reads HOME when it is imported, so import it only here.
        from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]

        path = cookiecutter(
            str(starter), no_input=True, extra_context=answers, output_dir=str(tmp_path)
        )
        (package,) = {entry.name for entry in Path(path, "src").iterdir()} - {LIBRARY}
        return Project(Path(path), package)

    return render


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints; another user may own the folder."""
    command = ["git", "-c", "safe.directory=*", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
