"""Reject answers that cannot become a working project, before a file is written.

Cookiecutter renders this script and runs the result. The answers arrive as JSON in a
raw string, so they stay data and never become code.
"""

from __future__ import annotations

import difflib
import json
import keyword
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

FAMILIES = ("text", "benchmark")

# Modules of a project's environment with all extras. `nox -s names` writes the list.
# names: begin
DEPENDENCIES = """
    aiofiles aiohappyeyeballs aiohttp aiosignal alembic annotated_doc annotated_types
    antlr4 anyio appdirs argcomplete argon2 arrow ast_serialize asttokens async_lru attr
    attrs babel binaryornot bleach blinker bokeh bs4 build cachetools certifi cffi
    charset_normalizer click click_default_group cloudpickle colorlog comm contourpy
    cookiecutter cryptography cycler dask databricks dateutil debugpy decorator
    defusedxml dependency_groups distlib distributed docker dotenv dynaconf executing
    fastapi fastjsonschema filelock flask flask_cors fonttools fqdn frozenlist fsspec
    git gitdb google graphene graphql graphql_relay gunicorn h11 httpcore httptools
    httpx huey humanize idna importlib_metadata iniconfig ipykernel ipykernel_launcher
    ipython ipywidgets isoduration itsdangerous jedi jinja2 joblib json5 jsonpointer
    jsonschema jsonschema_specifications jupyter jupyter_builder jupyter_client
    jupyter_core jupyter_events jupyter_lsp jupyter_server jupyter_server_terminals
    jupyterlab jupyterlab_plotly jupyterlab_pygments jupyterlab_server
    jupyterlab_widgets kedro kedro_datasets kedro_datasets_benchmarks
    kedro_datasets_experimental kedro_dynamic kedro_mlflow kedro_telemetry kedro_viz
    kiwisolver lark lazy_loader librt locket mako markdown_it markupsafe matplotlib
    matplotlib_inline mdurl mistune mlflow more_itertools mpl_toolkits msgpack multidict
    mypy mypy_extensions mypyc narwhals nbclient nbconvert nbformat nest_asyncio2
    networkx notebook_shim nox numpy omegaconf opentelemetry optuna orjson overrides
    packaging pandas pandocfilters parse parso partd pathspec pexpect pil platformdirs
    plotly pluggy prettytable prometheus_client prompt_toolkit propcache psutil
    ptyprocess pure_eval py pyarrow pyasn1 pyasn1_modules pycparser pydantic
    pydantic_core pydevd_plugins pygments pylab pyparsing pyproject_hooks pytest
    python_discovery pythonjsonlogger referencing requests rfc3339_validator
    rfc3986_validator rfc3987_syntax rich rpds ruff scipy secure send2trash six sklearn
    skops slugify smmap sortedcontainers soupsieve sqlalchemy sqlparse stack_data
    starlette tblib tenacity terminado text_unidecode threadpoolctl tinycss2 tlz tomli_w
    toolz tornado tqdm traitlets typing_extensions typing_inspection typings tzdata
    uri_template urllib3 uvicorn uvloop vendor_licenses virtualenv watchfiles wcwidth
    webcolors webencodings websocket websockets werkzeug widgetsnbextension xyzservices
    yaml yarl zict zipp zmq
""".split()
# names: end

# Not required, but often installed beside a project.
OPTIONAL = ("catboost", "lightgbm", "notebook", "pip", "setuptools", "torch", "xgboost")

# Modules of the project itself that are not in its package.
OWN_MODULES = ("conftest", "noxfile", "tests")

TAKEN = sorted({*sys.stdlib_module_names, *DEPENDENCIES, *OPTIONAL, *OWN_MODULES})

# Windows gives these names to devices: no folder can have them.
DEVICES = re.compile(r"(?i)(aux|con|nul|prn|com\d|lpt\d)(\..*)?")


def main() -> None:
    """Exit with all problems on stderr, or silently if there are none."""
    answers = json.loads(r""" {{ cookiecutter | tojson }} """)
    # Cookiecutter reduces a YAML list to its first item, so take the original answer.
    # With cruft there is no original answer.
    original = json.loads(
        r""" {{ (_cookiecutter | default(cookiecutter)).pipelines | tojson }} """
    )
    if isinstance(original, list):
        answers["pipelines"] = ",".join(map(str, original))
    problems = find_problems(answers)
    if problems:
        lines = ["This project cannot be created:", *problems]
        sys.exit("\n  - ".join(lines))


def find_problems(answers: Mapping[str, Any]) -> list[str]:
    """Return a message for each wrong answer, which says what to enter instead."""
    return [*_name_problems(answers), *_pipelines_problems(answers["pipelines"])]


def _name_problems(answers: Mapping[str, Any]) -> Iterator[str]:
    project_name = str(answers["project_name"] or "")
    for variable, (fault_of, derive) in NAMES.items():
        value = str(answers[variable] or "")
        fault = fault_of(value)
        if fault is None:
            continue
        if value == derive(project_name.strip()):
            advice = f'project_name "{_suggest(project_name)}"'
        else:
            advice = f'{variable} "{derive(_suggest(value))}"'
        yield f"{variable} {value!r} {fault}. Enter for example {advice}."


def _project_fault(name: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9 _-]*[A-Za-z0-9_-]", name):
        return None
    return (
        "is not two or more ASCII letters, digits, spaces, hyphens and underscores, "
        "without spaces around them"
    )


def _repo_fault(name: str) -> str | None:
    if DEVICES.fullmatch(name):
        return "is a device on Windows, so it cannot name a folder"
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        return None
    return (
        "is not a plain folder name: ASCII letters, digits, dots, hyphens and "
        "underscores, with a letter or digit at both ends"
    )


def _package_fault(name: str) -> str | None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return (
            "is not a Python package name: lower-case ASCII letters, digits and "
            "underscores, starting with a letter"
        )
    if keyword.iskeyword(name):
        return "is a Python keyword, so it cannot be imported"
    if DEVICES.fullmatch(name):
        return "is a device on Windows, so it cannot name a folder"
    if name in TAKEN:
        return "would hide the module of that name"
    # %reload_kedro drops every module whose name starts with the package's name.
    longer = next((module for module in TAKEN if module.startswith(name)), None)
    if longer:
        return f'begins the module name "{longer}", which %reload_kedro would drop'
    return None


def _derive_repo(project_name: str) -> str:
    return project_name.replace(" ", "-").replace("_", "-").lower()


def _derive_package(project_name: str) -> str:
    return project_name.replace(" ", "_").replace("-", "_").lower()


NAMES: dict[str, tuple[Callable[[str], str | None], Callable[[str], str]]] = {
    "project_name": (_project_fault, str),
    "repo_name": (_repo_fault, _derive_repo),
    "python_package": (_package_fault, _derive_package),
}


def _suggest(value: str) -> str:
    """Return a project name near to a value from which valid names derive."""
    plain = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode()
    words = " ".join(re.findall("[A-Za-z0-9]+", plain))
    candidates = (words, f"{words} Project".strip(), f"Project {words}")
    return next(
        name for name in candidates if _package_fault(_derive_package(name)) is None
    )


def _pipelines_problems(pipelines: object) -> Iterator[str]:
    choices = ("all", "none", *FAMILIES)
    advice = f'Enter "all", "none" or a comma list such as "{",".join(FAMILIES)}".'
    if not isinstance(pipelines, str) or not pipelines.strip():
        yield f"pipelines {pipelines!r} names no pipelines. {advice}"
        return
    names = {name.strip().lower() for name in pipelines.split(",")}
    if len(names) > 1 and names & {"all", "none"}:
        yield f'pipelines {pipelines!r}: "all" and "none" stand alone. {advice}'
    for name in sorted(names.difference(choices)):
        near = difflib.get_close_matches(name, choices, n=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        yield f"pipelines {pipelines!r}: {name!r} is unknown.{hint} {advice}"


if __name__ == "__main__":
    main()
