"""Runs the project without the ``kedro`` command: ``python -m <package>``."""

import sys
from pathlib import Path
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Do what ``kedro run`` does, with the same options."""
    package_name = Path(__file__).parent.name
    configure_project(package_name)
    # In an interactive session, such as a notebook, click must not end the process.
    kwargs["standalone_mode"] = not hasattr(sys, "ps1")
    return find_run_command(package_name)(*args, **kwargs)


if __name__ == "__main__":
    main()
