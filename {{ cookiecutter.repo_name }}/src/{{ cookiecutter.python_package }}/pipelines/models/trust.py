"""Which packages ``class:`` may name: no other one is ever imported for it.

Importing a module runs it. So what a configuration file may have imported is a short
list, which is checked before the import, and extended by the person who trusts more.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel
from pydantic_core import PydanticCustomError

from ...errors import did_you_mean, empty_if_none, schema_problems

# The project's own package is trusted anyway.
PACKAGE = __name__.partition(".")[0]


def _package(name: str) -> str:
    """Refuse what is not the name of a package at the top level."""
    if name.isidentifier():
        return name
    top = name.partition(".")[0]
    write = f"write '{top}'" if top.isidentifier() else "write one such as 'sklearn'"
    raise PydanticCustomError("package", "not the name of a package; {w}", {"w": write})


class TrustSpec(BaseModel):
    """The part of ``parameters.yml`` that says whose code may be imported."""

    trusted_packages: Annotated[
        list[Annotated[str, AfterValidator(_package)]],
        empty_if_none(list),
    ] = ["sklearn", "xgboost", "lightgbm"]
    """Names of packages beside the project's own."""


def read_trusted(parameters: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the packages that are trusted, and what is wrong with the list of them.

    Args:
        parameters: All parameters, as read from YAML; without ``trusted_packages``
            the usual ones are trusted.
    """
    if problems := schema_problems(TrustSpec, parameters):
        return [], problems
    return TrustSpec.model_validate(parameters).trusted_packages, []


def class_problems(class_path: str, key: str, trusted: Sequence[str]) -> list[str]:
    """Return why a class may not be imported, one line per problem.

    Args:
        class_path: Import path, as ``class:`` gives it.
        key: Path of it in the parameters, such as ``models.linear_svm.class``.
        trusted: Packages beside the project's own.
    """
    if problem := import_path_problem(class_path):
        return [f"{key}: {problem}"]
    package = class_path.partition(".")[0]
    if package in (PACKAGE, *trusted):
        return []
    return [
        f"{key}: '{class_path}' is not imported, since its package is not trusted"
        f"{did_you_mean(package, [PACKAGE, *trusted])}; if you trust it, add the line "
        f"'- {package}' to trusted_packages in parameters.yml"
    ]


def import_path_problem(class_path: str) -> str:
    """Return why a text cannot be the import path of a class; "" if it can."""
    parts = class_path.split(".")
    if len(parts) > 1 and all(part.isidentifier() for part in parts):
        return ""
    return (
        f"'{class_path}' is no import path; write it with its module, "
        "such as sklearn.svm.SVC"
    )
