"""Runners for many machines: ``--runner=kedro_dynamic.runners.DaskRunner``."""

from typing import Any


def __getattr__(name: str) -> Any:
    # Dask is optional, and takes a second to import.
    if name == "DaskRunner":
        from kedro_dynamic.runners.dask_runner import DaskRunner

        return DaskRunner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
