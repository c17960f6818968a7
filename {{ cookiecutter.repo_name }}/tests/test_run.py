"""The project with its own configuration: every pipeline can be built."""

from pathlib import Path

import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

ROOT = Path(__file__).parents[1]


def test_every_registered_pipeline_can_be_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT):
        assert "__default__" in pipelines
        for name, pipeline in pipelines.items():
            nodes = [node.name for node in pipeline.nodes]
            assert len(nodes) == len(set(nodes)), name
