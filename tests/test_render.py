"""The files of a rendered project, which are the same however it is rendered."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY, Bake, Project, git

ONE_MIB = 2**20
READERS: dict[str, Callable[[str], object]] = {
    ".yml": yaml.safe_load,
    ".toml": tomllib.loads,
}


def run(folder: Path, module: str, *arguments: str, stdin: str = "") -> str:
    """Run a module's command line in a folder; return all that it prints."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        input=stdin,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    return done.stdout


@pytest.fixture
def project(bake: Bake) -> Project:
    """Return the project of the default answers."""
    return bake(kedro_version=version("kedro"))


@pytest.mark.parametrize(
    ("module", "arguments", "stdin"),
    [
        ("kedro", ["new", "--starter={starter}", "--name=Dynamic Iris"], ""),
        ("kedro", ["new", "--starter=git+file://{starter}", "--name=Dynamic Iris"], ""),
        ("kedro", ["new", "--starter={starter}"], "Dynamic Iris\n"),
        ("kedro", ["new", "--starter={starter}"], "\n"),
        ("kedro", ["new", "--starter={starter}", "--config=no_pipelines.yml"], ""),
        ("kedro", ["new", "--starter={starter}", "--config=pipelines.yml"], ""),
        ("kedro", ["new", "--starter={starter}", "--config=list.yml"], ""),
        ("cookiecutter", ["{starter}"], "Dynamic Iris\n\n\nbenchmark, TEXT\n\n"),
        ("cookiecutter", ["{starter}", "--no-input"], ""),
    ],
    ids=[
        "name",
        "git",
        "prompt",
        "enter",
        "no_pipelines",
        "config",
        "list",
        "asks",
        "default",
    ],
)
def test_every_way_to_render_gives_the_same_project(
    module: str,
    arguments: list[str],
    stdin: str,
    starter: Path,
    project: Project,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "no_pipelines.yml").write_text("project_name: Dynamic Iris\n")
    (folder / "pipelines.yml").write_text(
        "project_name: Dynamic Iris\npipelines: text, benchmark\n"
    )
    (folder / "list.yml").write_text(
        "project_name: Dynamic Iris\npipelines: [text, benchmark]\n"
    )
    arguments = [argument.format(starter=starter) for argument in arguments]

    printed = run(folder, module, *arguments, stdin=stdin)

    rendered = Project(folder / "dynamic-iris", "dynamic_iris").files()
    if module == "cookiecutter":  # it knows only the version of cookiecutter.json
        fixed = json.loads((starter / "cookiecutter.json").read_text())["kedro_version"]
        for name in ("pyproject.toml", "requirements.txt"):
            content = rendered[name].decode()
            rendered[name] = content.replace(fixed, version("kedro")).encode()
    assert rendered == project.files(), printed


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        ([], "1st try\n", "start with an ASCII letter"),
        ([], "", "Aborted!"),
        (["--config=answers.yml"], "", 'Did you mean "text"?'),
        (["--config=list.yml"], "", 'Did you mean "text"?'),
    ],
    ids=["project_name", "no answer", "config", "list"],
)
def test_kedro_new_refuses_and_leaves_nothing(
    arguments: list[str], stdin: str, says: str, starter: Path, tmp_path: Path
) -> None:
    (tmp_path / "answers.yml").write_text("project_name: Iris\npipelines: txet\n")
    (tmp_path / "list.yml").write_text(
        "project_name: Iris\npipelines: [benchmark, txet]\n"
    )
    before = sorted(tmp_path.iterdir())

    printed = run(
        tmp_path, "kedro", "new", f"--starter={starter}", *arguments, stdin=stdin
    )

    assert says in printed
    assert sorted(tmp_path.iterdir()) == before


def test_caches_in_a_checkout_stay_there(starter: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(starter, checkout)
    template = checkout / "{{ cookiecutter.repo_name }}"
    for folder in (".ruff_cache/0.17.5", "src/kedro_dynamic/__pycache__"):
        (template / folder).mkdir(parents=True)
        (template / folder / "{{ cookiecutter.x").write_text("{{ {% unclosed")
    for name in ("kedro", "cookiecutter"):
        (tmp_path / name).mkdir()
    run(tmp_path / "kedro", "kedro", "new", f"--starter={checkout}", "--name=Iris")
    answers = ["--no-input", "project_name=Iris", f"kedro_version={version('kedro')}"]
    run(tmp_path / "cookiecutter", "cookiecutter", str(checkout), *answers)

    rendered = Project(tmp_path / "kedro/iris", "iris").files()
    assert rendered
    assert not [name for name in rendered if "cache" in name]
    assert Project(tmp_path / "cookiecutter/iris", "iris").files() == rendered


def test_cruft_creates_and_updates(starter: Path, tmp_path: Path) -> None:
    template = tmp_path / "template"
    shutil.copytree(starter, template)
    answers = json.dumps({"project_name": "Iris", "pipelines": "none"})
    options = ["--no-input", f"--extra-context={answers}"]
    printed = run(tmp_path, "cruft", "create", str(template), *options)
    project = tmp_path / "iris"
    assert project.is_dir(), printed
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "project")

    conf = "{{ cookiecutter.repo_name }}/conf/base"
    for name in ("parameters.yml", "parameters_benchmark.yml"):
        with (template / conf / name).open("a") as file:
            file.write("# news\n")
    git(template, "commit", "--quiet", "--all", "--message", "news")
    printed = run(project, "cruft", "update", "--skip-apply-ask")

    changed = git(project, "diff", "HEAD", "--name-only").split()
    assert changed == [".cruft.json", "conf/base/parameters.yml"], printed


def test_exactly_the_expected_files_are_rendered(project: Project) -> None:
    """Write the list anew: REGENERATE=1 pytest tests/test_render.py -k expected."""
    listed = REPOSITORY / "tests/expected_files.txt"
    package = f"src/{project.package}/"
    rendered = [name.replace(package, "src/<package>/") for name in project.files()]
    if os.environ.get("REGENERATE"):
        listed.write_text("\n".join([*sorted(rendered), ""]))
    assert sorted(rendered) == listed.read_text().splitlines()


def test_no_file_names_a_family_left_out(bake: Bake) -> None:
    for name, content in bake(pipelines="none").files().items():
        # All projects have the same .gitignore.
        if name != ".gitignore":
            assert not re.search(rb"(etl|ml|user)_app|_text\.yml|\breviews", content), (
                name
            )


def test_names_reach_every_place(bake: Bake) -> None:
    project = bake(project_name="Flower Shop")
    assert (project.path.name, project.package) == ("flower-shop", "flower_shop")
    for name, content in project.files().items():
        assert b"dynamic_iris" not in name.encode() + content, name


@pytest.mark.parametrize("name", ["Null", "On", "True", "Yes"])
def test_a_name_stays_a_string(name: str, bake: Bake) -> None:
    """YAML reads such words as other types, so they must be quoted everywhere."""
    plain, named = bake(project_name="Qqq"), bake(project_name=name)
    named_files = named.files()
    for path, content in plain.files().items():
        if read := READERS.get(Path(path).suffix):
            text = json.dumps(read(content.decode()))
            text = text.replace("Qqq", name).replace("qqq", name.lower())
            assert json.loads(text) == read(named_files[path].decode()), path


def test_no_template_syntax_is_left(project: Project) -> None:
    # GitHub Actions writes ${{ ... }} itself.
    leftover = re.compile(rb"(?<!\$)\{\{|\{%|\{#|cookiecutter", re.IGNORECASE)
    for name, content in project.files().items():
        if name.endswith(".j2"):  # a template of the project itself
            continue
        assert not leftover.search(name.encode()), name
        assert b"\0" in content or not leftover.search(content), name


def test_python_compiles_and_yaml_parses(project: Project) -> None:
    for name, content in project.files().items():
        if name.endswith(".py"):
            compile(content, name, "exec")
        if name.endswith((".yml", ".yaml")):
            yaml.safe_load(content)


def test_files_of_the_repository_travel_well(starter: Path) -> None:
    paths = [path for path in starter.rglob("*") if ".git" not in path.parts]
    names = [path.relative_to(starter).as_posix() for path in paths]
    assert len({name.lower() for name in names}) == len(names)
    for name, path in zip(names, paths, strict=True):
        plain = re.sub(r"\{\{ cookiecutter\.(\w+) \}\}", r"\1", name)
        assert re.fullmatch(r"[A-Za-z0-9._/-]+", plain), name
        assert path.stat().st_size <= ONE_MIB, name


def test_text_of_the_template_is_ascii(starter: Path) -> None:
    # Cookiecutter takes a file for binary, and copies it unrendered, if a multi-byte
    # character crosses byte 512.
    unrendered = json.loads((starter / "cookiecutter.json").read_text())
    template = starter / "{{ cookiecutter.repo_name }}"
    for path in template.rglob("*"):
        name = path.relative_to(template).as_posix()
        if any(fnmatch(name, glob) for glob in unrendered["_copy_without_render"]):
            continue
        content = path.read_bytes() if path.is_file() else b""
        assert b"\0" in content or content.isascii(), name


def test_reviews_arrive_as_they_are(starter: Path, project: Project) -> None:
    shipped = starter / "{{ cookiecutter.repo_name }}/data/01_raw/reviews/train.csv"
    content = shipped.read_bytes()
    assert project.files()["data/01_raw/reviews/train.csv"] == content
    assert not content.isascii()


# Files that must never be committed by accident: secrets, data, models, stores, caches.
PLANTED = """
    .DS_Store .idea/workspace.xml .vscode/settings.json conf/base/.catalog.yml.swp a.py~
    .env .env.production .venv/pyvenv.cfg venv/pyvenv.cfg .telemetry own.key own.pem
    conf/local/credentials.yml conf/local/parameters.yml conf/local/mlflow.yml
    conf/base/credentials.yml conf/base/credentials_s3.yaml conf/base/my_credentials.yml
    conf/experiment/credentials.yml conf/base/secret/credentials/all.yml
    data/01_raw/customers.csv data/01_raw/reviews/mails.csv data/01_raw/imdb/a/b.parquet
    data/01_raw/iris.csv.bak data/02_intermediate/instances_train.parquet
    data/05_model_input/X_train.parquet data/06_models/linear_svm_model.pkl
    data/06_models/benchmark_studies.db data/07_model_output/predictions.parquet
    data/08_reporting/leaderboard.csv data/own_folder/table.xlsx
    mlflow.db mlflow.db-wal mlflow.db-shm mlflow.db-journal own.db own.sqlite3
    mlflow.db.lock mlflow.db.begun mlflow.db.begun-journal
    mlruns/0/meta.yaml mlartifacts/1/model/model.skops model.pkl notebooks/model.joblib
    .viz/stats.json build/index.html dist/conf.tar.gz info.log logs/error.log
    notebooks/.ipynb_checkpoints/a.ipynb src/{package}/__pycache__/hooks.pyc
    src/{package}.egg-info/PKG-INFO .pytest_cache/README.md .mypy_cache/a .ruff_cache/a
    .nox/tests/a .coverage
"""


def test_git_sees_the_samples_and_no_secret(project: Project) -> None:
    shipped = sorted(project.files())
    git(project.path, "init", "--quiet")
    git(project.path, "add", "--all")
    git(project.path, "commit", "--quiet", "--message", "project")
    assert sorted(git(project.path, "ls-files").splitlines()) == shipped

    for name in PLANTED.format(package=project.package).split():
        path = project.path / name
        assert not path.exists(), name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("secret")
    status = ["status", "--porcelain", "--untracked-files=all"]
    assert git(project.path, *status) == ""
    # A new source file is seen.
    (project.path / "src" / project.package / "new.py").touch()
    assert git(project.path, *status) == f"?? src/{project.package}/new.py\n"


# Commands that start a server. By default, all but `mlflow models serve` listen only on
# this machine.
SERVERS = re.compile(
    r"mlflow[\"', ]+(?:models[\"', ]+serve|server|ui)|uvicorn|gunicorn|waitress"
    r"|kedro[\"', ]+(?:viz(?:[\"', ]+run)?|server(?:[\"', ]+start)?)"
)
DOCUMENTS = ["**/*.md", "**/*.yml", "**/*.yaml", "**/*.toml", "noxfile.py"]


def test_every_documented_server_is_for_this_machine(
    starter: Path, project: Project
) -> None:
    texts = {
        path: path.read_text()
        for folder in (starter, project.path)
        for glob in DOCUMENTS
        for path in folder.glob(glob)
    }
    commands = 0
    for path, text in texts.items():
        # A backslash continues a command in the next line.
        lines = re.sub(r"\\\n\s*", "", text).splitlines()
        for number, line in enumerate(lines):
            assert "0.0.0.0" not in line, (path, line)
            commands += bool(SERVERS.search(line))
            # By default this server listens to all machines, so the host must be in the
            # command or in the lines around it.
            if re.search(r"mlflow[\"', ]+models[\"', ]+serve .*-m", line):
                near = "\n".join(lines[max(number - 3, 0) : number + 3])
                assert "--host 127.0.0.1" in near, (path, line)
            for host in re.findall(r"--host[ =\"',]+([\w.:]+)", line):
                assert host == "127.0.0.1", (path, line)
            for address in re.findall(r"https?://([\d.]+|localhost)[:/]", line):
                assert address == "127.0.0.1", (path, line)
    assert commands > 5
    mlflow = yaml.safe_load((project.path / "conf/base/mlflow.yml").read_text())
    assert mlflow["ui"]["host"] == "127.0.0.1"
