"""The whole project, end to end, on the shipped data."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.session import KedroSession


def test_a_run_leaves_models_scores_and_a_leaderboard(
    project: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with KedroSession.create(project_path=project) as session:
        session.run()

    models = {path.name for path in (project / "data/06_models").iterdir()}
    for name in ("nearest_neighbors", "linear_svm", "decision_tree"):
        assert {f"{name}_model.pkl", f"{name}_model_score.json"} <= models
    leaderboard = pd.read_csv(project / "data/08_reporting/leaderboard.csv")
    assert leaderboard["model_score"].is_monotonic_decreasing
    assert leaderboard["model"].iloc[-1] == "baseline"
    assert "Leaderboard" in capsys.readouterr().out
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
