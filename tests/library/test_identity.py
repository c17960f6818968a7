"""Which runs compete with a champion: those of its project and its table."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from kedro_dynamic.champion import identity
from kedro_dynamic.champion.identity import ASK, identity_of, why_apart
from kedro_dynamic.config.tracking import TrackingConfig
from kedro_dynamic.registry.config_loader import ProjectConfigLoader

DATA = {"params:data", "flowers"}


def run_of(project: str, monkeypatch: pytest.MonkeyPatch, **champion: Any) -> Any:
    """Return a run of a project, tracked where other projects are, too."""
    monkeypatch.setattr(identity, "origin_of", lambda _: project)
    config = TrackingConfig.model_validate({"champion": champion})
    return Mock(root="/here", store=Mock(config=config, is_local=False))


def version(**tags: str) -> Any:
    """Return a champion."""
    return Mock(tags={"model": "tree", **tags}, version="1")


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"project": "host/us", "table": "flowers"}, ""),
        ({}, ""),  # of an earlier version of the library
        ({"table": "trees"}, "it is of the table trees, this run of flowers"),
        ({"project": "host/them"}, "it is of the project host/them"),
    ],
)
def test_a_run_competes_in_its_project_with_its_table(
    tags: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of("host/us", monkeypatch)
    apart = why_apart(run, DATA, "flowers", version(**tags))
    assert apart == (f"{reason}; {ASK}" if reason else "")
    asked = run_of("host/us", monkeypatch, any_data=True)
    assert why_apart(asked, DATA, "flowers", version(**tags)) == ""


def test_a_store_of_the_project_moves_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of("", monkeypatch)
    assert identity_of(run, "flowers")["project"].endswith(":/here")
    champion = version(project="another machine:/there")
    assert "of the project another" in why_apart(run, DATA, "flowers", champion)
    run.store.is_local = True
    assert why_apart(run, DATA, "flowers", champion) == ""


def test_data_by_env_or_params_do_not_compete(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = Mock(spec=ProjectConfigLoader)
    loader.find_deviations.return_value = ["params:data"]
    monkeypatch.setattr(identity, "loader_in_force", lambda: loader)
    reason = f"the data of this run differ by --env or --params (data); {ASK}"
    for champion in (None, version()):
        run = run_of("", monkeypatch)
        assert why_apart(run, DATA, "flowers", champion) == reason
        asked = run_of("", monkeypatch, any_data=True)
        assert why_apart(asked, DATA, "flowers", champion) == ""
    loader.find_deviations.assert_called_with(["flowers", "params:data"])
