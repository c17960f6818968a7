"""The starter's alias: ``kedro new --starter=dynamic-iris``."""

from pathlib import Path

from kedro.framework.cli.starters import KedroStarterSpec

starters = [
    KedroStarterSpec(
        alias="dynamic-iris", template_path=str(Path(__file__).parent / "template")
    )
]
