"""Reads documents: their blocks, their commands, and the paths that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

# The recipes of a project.
OWN_DATA = Path("docs/own-data.md")

# The beginnings of commands that e2e/test_documents.py does not run, and why.
ELSEWHERE = {
    "python3 -m pip install nox": "run by .ci/run",
    "nox": "they make environments: .ci/run; serve: e2e/test_text.py",
    "kedro viz run": "a server: e2e/test_same_pipelines.py",
    "kedro mlflow ui": "a server: e2e/test_tracking.py",
    "jupyter lab": "a server; e2e/test_documents.py runs the notebook",
    "kedro run --pipelines benchmark": "minutes: e2e/test_benchmark.py",
    "kedro run --pipelines etl": "e2e/test_text.py",
    "kedro run --pipelines training": "e2e/test_text.py",
    "kedro run --pipelines user_app": "e2e/test_text.py",
    "export MLFLOW_TRACKING_URI": "e2e/test_text.py",
    "mlflow models serve": "a server: e2e/test_text.py",
    "curl http://127.0.0.1:5001": "e2e/test_text.py",
    "kedro package": "e2e/test_same_pipelines.py",
    "python -m": "the wheel: e2e/test_same_pipelines.py",
}

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^## ", re.MULTILINE)
FILE = re.compile(r"(?:# |\+\+\+ )(\S+/\S+|\S+\.\w+)\n")


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that the block goes into, which its first line names."""
        match = FILE.match(self.text)
        return match[1] if match else None

    @property
    def lines(self) -> list[str]:
        """The lines of the block, without empty ones and the name of the file."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return lines[1:] if self.file else lines

    def commands(self) -> list[str]:
        """Return the commands of a shell block, without comments."""
        if self.language not in ("bash", "sh", "shell", "console"):
            return []
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        commands = (re.sub(r"(^|\s+)#.*", "", line).strip() for line in lines)
        return [command for command in commands if command]


def blocks(text: str) -> list[Block]:
    """Return the blocks of a document, or of a section."""
    return [Block(language, content) for language, content in FENCE.findall(text)]


def sections(text: str) -> dict[str, str]:
    """Return the sections of a document by title; the text before them has none."""
    introduction, *titled = SECTION.split(text)
    return {"": introduction} | {text.partition("\n")[0]: text for text in titled}


def entries(text: str) -> list[str]:
    """Return the blocks that a README says to add at the end of parameters.yml."""
    return [
        block.text
        for block in blocks(text)
        if block.language == "yaml" and not block.text.startswith("project_name:")
    ]


def is_elsewhere(command: str) -> bool:
    """Return True if a command is in the list of those that are run elsewhere."""
    return any(command.startswith(start) for start in ELSEWHERE)


def named_paths(text: str) -> Iterator[str]:
    """Yield the targets of links, and paths that begin with a known folder."""
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            yield unquote(target)
    folders = (
        "benchmarks|conf|data|docs|hooks|kedro_dynamic|library|notebooks|pipelines"
    )
    folders += "|src|tests"
    for path in re.findall(rf"(?<![\w/.:*{{<-])((?:{folders})/[\w./*<>{{}}-]*)", text):
        yield path.rstrip(".")


def documents(folder: Path) -> list[Path]:
    """Return the documents of a folder, without the changelog, which names the past."""
    paths = [*folder.glob("*.md"), *folder.glob("docs/*.md")]
    return sorted(path for path in paths if path.name != "CHANGELOG.md")
