"""Tasks of the starter: ``nox -s demo`` shows it at work, ``nox`` checks it."""

import re
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests", "tables", "e2e"]

# Renders the starter.
RENDER = nox.project.load_toml("pyproject.toml")["project"]["dependencies"]
TEST = (
    *RENDER,
    "cruft~=2.16",
    "filelock>=3.16",
    "pytest~=9.2",
    "pytest-xdist~=3.8",
    "pyyaml>=6",
)
# A requirement with a bound, but for click: see requirements.txt of a project.
BOUND = re.compile(r"^(?!click|#)([\w.,\[\]-]+?)[~<>=].*$", re.MULTILINE)
# Two processes. The tests of a file run in one of them, since they share slow fixtures.
WORKERS = ("--numprocesses=2", "--dist=loadfile")
# Drives the machine's Chromium.
PLAYWRIGHT = "playwright~=1.60"
AXE = "axe-playwright-python~=0.1.8"  # looks for what keeps people from reading a page
LINT = (
    "check-jsonschema>=0.33",
    "mypy~=2.4",
    "nox>=2026.4",
    "ruff~=0.17.5",
    "types-pyyaml>=6",
)

ROOT = Path(__file__).parent
# With byte code, commands start in half the time.
ENV = {"DO_NOT_TRACK": "1", "PYTHONDONTWRITEBYTECODE": ""}

# Prints the modules that an environment has, without private ones.
PRINT_MODULES = """
import re
from importlib.metadata import packages_distributions

modules = {name.lower() for name in packages_distributions()}
print(*sorted(name for name in modules if re.fullmatch("[a-z][a-z0-9_]*", name)))
"""


@nox.session
def demo(session: nox.Session) -> None:
    """Render the starter, install the project and run it: ends with a leaderboard."""
    project = render(session, ROOT / "build" / "demo", name="Demo Iris")
    session.chdir(project)
    session.install("-e", ".", env=ENV)
    session.run("kedro", "run", env=ENV)
    path = project.relative_to(ROOT)
    session.log(f"The project is in {path}. Next, add a model and see it everywhere:")
    session.log(f"  cd {path} && source ../../../.nox/demo/bin/activate")
    session.log("  uncomment neural_net in conf/base/parameters.yml")
    session.log("  kedro run && kedro viz run")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the fast tests: of the template, and of the library."""
    project = render(session, Path(session.create_tmp()), name="Iris")
    # The library is tested in the template, with the requirements of a project.
    session.install("-r", str(project / "requirements.txt"), *TEST, "distributed")
    folders = ("e2e", "sequences", "tables")
    elsewhere = [f"--ignore=tests/{folder}" for folder in folders]
    session.run("pytest", "tests", *elsewhere, *WORKERS, *session.posargs, env=ENV)


@nox.session
def newest(session: nox.Session) -> None:
    """Run a project, its tests and the fast tests with the newest of everything."""
    project = render(session, Path(session.create_tmp()), name="Iris")
    requirements = project / "requirements.txt"
    requirements.write_text(BOUND.sub(r"\1", requirements.read_text()))
    tools = ("filelock", "pytest", "pytest-xdist", "cruft", "distributed")
    session.install("--upgrade", "-r", str(requirements), *tools)
    with session.chdir(project):
        session.run("kedro", "run", env={**ENV, "PYTHONPATH": "src"})
        session.run("pytest", "tests", env=ENV)
    session.run("pytest", "tests/library", *WORKERS, *session.posargs, env=ENV)


@nox.session
def peers(session: nox.Session) -> None:
    """Do with a project what the CI of kedro-starters does with each of its own."""
    # In a temporary folder, since ruff ignores everything below .nox.
    with TemporaryDirectory() as folder:
        project = render(session, Path(folder), name="project-dummy")
        required = ("-r", str(project / "requirements.txt"))
        session.install(*required, *TEST, *LINT, "bandit")
        session.chdir(project)
        session.run("kedro", "run", env=ENV)
        session.run("pytest", env=ENV)
        session.run("ruff", "format", "--check", ".")
        session.run("ruff", "check", ".")
        session.run("bandit", "-ll", "--recursive", "--quiet", ".")
        session.run("kedro", "package", env=ENV, silent=True)
        (wheel,) = (project / "dist").glob("*.whl")
        session.install(str(wheel), "--no-deps")
        session.run("python", "-m", "project_dummy", env=ENV)
        session.chdir(ROOT)


@nox.session
def tables(session: nox.Session) -> None:
    """Run tables with traps and their innocent twins, beside scikit-learn alone."""
    project = render(session, Path(session.create_tmp()), name="Iris")
    session.install("-r", str(project / "requirements.txt"), *TEST)
    session.run("pytest", "tests/tables", *session.posargs, env=ENV)


@nox.session
def sequences(session: nox.Session) -> None:
    """Edit, run, stop and resume at random, 200 times or as often as SEQUENCES says."""
    project = render(session, Path(session.create_tmp()), name="Iris")
    session.install("-r", str(project / "requirements.txt"), *TEST)
    options = ("--numprocesses=2", *session.posargs)
    session.run("pytest", "tests/sequences", *options, env=ENV)


@nox.session
def e2e(session: nox.Session) -> None:
    """Run the slow tests: install rendered projects and use every command."""
    session.install(*TEST, PLAYWRIGHT, AXE)
    session.run("pytest", "tests/e2e", *WORKERS, *session.posargs, env=ENV)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style and types, here and in a rendered project."""
    # In a temporary folder, since ruff ignores everything below .nox.
    with TemporaryDirectory() as folder:
        project = render(session, Path(folder), name="Iris")
        session.install("-e", f"{project}[dev]", *TEST, *LINT, PLAYWRIGHT, env=ENV)
        for root in (ROOT, project):
            session.chdir(root)
            session.run("ruff", "format", "--check", ".")
            session.run("ruff", "check", ".")
            session.run("mypy")
        # Rendered functions need docstrings; a project's own rules do not ask for them.
        google = 'lint.pydocstyle.convention = "google"'
        session.run(
            *("ruff", "check", "src", f"--config={google}"),
            *("--extend-select=D", "--ignore=D105,D107"),
        )
        session.chdir(ROOT)
        log_sizes(session, project)
    schema = "--builtin-schema=vendor.github-workflows"
    session.run("check-jsonschema", schema, ".github/workflows/ci.yml")


def log_sizes(session: nox.Session, project: Path) -> None:
    """Log how many lines of Python the parts of a project have."""
    for folder in [*sorted((project / "src").iterdir()), project / "tests"]:
        paths = [*folder.rglob("*.py")]
        lines = sum(len(path.read_text().splitlines()) for path in paths)
        session.log(f"{folder.name}: {lines:,} lines in {len(paths)} files")


@nox.session
def docs(session: nox.Session) -> None:
    """Take the pictures in docs/, of a second run with the README's model."""
    folder = Path(session.create_tmp()).resolve()
    project = render(session, folder, name="Flower Shop")
    session.install("-e", str(project), PLAYWRIGHT, env=ENV)
    with session.chdir(project):
        session.run("kedro", "run", env=ENV)
    session.run("python", "docs/pictures.py", str(project), env=ENV)


@nox.session
def names(session: nox.Session) -> None:
    """Write the modules of a project's environment into the hook of the starter."""
    project = render(session, Path(session.create_tmp()), name="Named Project")
    session.install(f"{project}[dask,dev,notebook]", env=ENV)
    printed = session.run("python", "-c", PRINT_MODULES, silent=True, env=ENV)
    modules = {*str(printed).split(), "kedro_dynamic"} - {"named_project"}

    hook = ROOT / "hooks/pre_gen_project.py"
    begin, end = "# names: begin\n", "# names: end\n"
    before, _, from_list = hook.read_text().partition(begin)
    _, _, after = from_list.partition(end)
    listed = textwrap.fill(" ".join(sorted(modules)), width=84)
    listed = textwrap.indent(listed, " " * 4)
    listing = f'DEPENDENCIES = """\n{listed}\n""".split()\n'
    hook.write_text(f"{before}{begin}{listing}{end}{after}")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure side by side, into docs/benchmarks.md.

    Arguments after ``--`` choose a part, such as ``text 5000``, or compare with an
    earlier commit: ``before COMMIT``.
    """
    project = render(session, Path(session.create_tmp()), name="Iris")
    session.install("-e", f"{project}[dask]", "xgboost-cpu~=3.0", PLAYWRIGHT, env=ENV)
    arguments = (str(project), *session.posargs)
    session.run("python", "benchmarks/bench.py", *arguments, env=ENV)


def render(session: nox.Session, folder: Path, name: str) -> Path:
    """Render the starter into a new folder; return the project's path."""
    session.install(*RENDER)
    session.run("python", "-c", f"import shutil; shutil.rmtree({str(folder)!r}, True)")
    folder.mkdir(parents=True)
    answers = folder / "answers.yml"
    answers.write_text(f"project_name: {name}\npipelines: all\noutput_dir: {folder}\n")
    session.run(
        "kedro", "new", f"--starter={ROOT}", f"--config={answers}", env=ENV, silent=True
    )
    return folder / name.lower().replace(" ", "-")
