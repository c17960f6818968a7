"""Tasks of the starter: ``nox -s demo`` to see it work, ``nox`` to check it."""

import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests", "e2e"]

# What the starter is rendered with.
RENDER = nox.project.load_toml("pyproject.toml")["project"]["dependencies"]
TEST = (
    *RENDER,
    "cruft~=2.16",
    "filelock>=3.16",
    "pytest~=9.2",
    "pytest-xdist~=3.8",
    "pyyaml>=6",
)
# Two at a time, each file in one process: its tests share what is slow to make.
WORKERS = ("--numprocesses=2", "--dist=loadfile")
# It drives the machine's Chromium.
PLAYWRIGHT = "playwright~=1.60"
LINT = (
    "check-jsonschema>=0.33",
    "mypy~=2.4",
    "nox>=2026.4",
    "ruff~=0.17.5",
    "types-pyyaml>=6",
)

ROOT = Path(__file__).parent
# Byte code is written, whatever the machine says: commands start in half the time.
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
    here = project.relative_to(ROOT)
    session.log(f"The project is in {here}. Next, add a model and see it everywhere:")
    session.log(f"  cd {here} && source ../../../.nox/demo/bin/activate")
    session.log("  uncomment neural_net in conf/base/parameters.yml")
    session.log("  kedro run && kedro viz run")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the fast tests: of the template, and of the library."""
    project = render(session, Path(session.create_tmp()), name="Iris")
    # The library is tested where it lies, with everything that a project installs.
    session.install("-r", str(project / "requirements.txt"), *TEST, "distributed")
    elsewhere = ("--ignore=tests/e2e", "--ignore=tests/sequences")
    session.run("pytest", "tests", *elsewhere, *WORKERS, *session.posargs, env=ENV)


@nox.session
def sequences(session: nox.Session) -> None:
    """Edit, run, stop and resume at random: 200 times, or SEQUENCES says how often."""
    project = render(session, Path(session.create_tmp()), name="Iris")
    session.install("-r", str(project / "requirements.txt"), *TEST)
    options = ("--numprocesses=2", *session.posargs)
    session.run("pytest", "tests/sequences", *options, env=ENV)


@nox.session
def e2e(session: nox.Session) -> None:
    """Run the slow tests: install rendered projects and use every command."""
    session.install(*TEST, PLAYWRIGHT)
    session.run("pytest", "tests/e2e", *WORKERS, *session.posargs, env=ENV)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style and types, here and in a rendered project."""
    # Elsewhere: whatever lies below .nox, ruff leaves alone.
    with TemporaryDirectory() as folder:
        project = render(session, Path(folder), name="Iris")
        session.install("-e", f"{project}[dev]", *TEST, *LINT, PLAYWRIGHT, env=ENV)
        for root in (ROOT, project):
            session.chdir(root)
            session.run("ruff", "format", "--check", ".")
            session.run("ruff", "check", ".")
            session.run("mypy")
        # A person's own functions may go without docstrings, those rendered not.
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
    """Take the pictures in docs/ of a project that has run twice, as README tells."""
    folder = Path(session.create_tmp()).resolve()
    project = render(session, folder, name="Flower Shop")
    session.install("-e", str(project), PLAYWRIGHT, env=ENV)
    parameters = project / "conf/base/parameters.yml"
    shipped = parameters.read_text()
    with session.chdir(project):
        session.run("kedro", "run", env=ENV)
        # neural_net comes in.
        text = shipped.replace("  # neural_net", "  neural_net")
        parameters.write_text(text.replace("  #   ", "    "))
        session.run("kedro", "run", env=ENV)
    parameters.write_text(shipped)  # what is noted is what is rendered
    session.run("python", "docs/pictures.py", str(project), env=ENV)


@nox.session
def names(session: nox.Session) -> None:
    """Write into the hook which names of packages a project's environment has."""
    project = render(session, Path(session.create_tmp()), name="Named Project")
    session.install(f"{project}[dask,dev,notebook]", env=ENV)
    printed = session.run("python", "-c", PRINT_MODULES, silent=True, env=ENV)
    modules = {*str(printed).split(), "kedro_dynamic"} - {"named_project"}

    hook = ROOT / "hooks/pre_gen_project.py"
    begin, end = "# names: begin\n", "# names: end\n"
    before, _, rest = hook.read_text().partition(begin)
    _, _, after = rest.partition(end)
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
    """Render the starter as git would check it out, into a folder made anew."""
    session.install(*RENDER)
    session.run("python", "-c", f"import shutil; shutil.rmtree({str(folder)!r}, True)")
    folder.mkdir(parents=True)
    answers = folder / "answers.yml"
    answers.write_text(f"project_name: {name}\npipelines: all\noutput_dir: {folder}\n")
    session.run(
        "kedro", "new", f"--starter={ROOT}", f"--config={answers}", env=ENV, silent=True
    )
    return folder / name.lower().replace(" ", "-")
