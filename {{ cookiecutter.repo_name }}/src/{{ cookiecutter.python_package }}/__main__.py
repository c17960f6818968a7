"""Runs the project as a module, without the ``kedro`` command."""

import sys
from pathlib import Path
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Run ``kedro run`` for this package; takes the same options."""
    package_name = Path(__file__).parent.name
    configure_project(package_name)
    # In an interactive interpreter click must not end the process.
    kwargs["standalone_mode"] = not hasattr(sys, "ps1")
    return find_run_command(package_name)(*args, **kwargs)


if __name__ == "__main__":
    main()
