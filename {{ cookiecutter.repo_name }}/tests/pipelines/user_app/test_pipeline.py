"""What is made of a split depends on whether it has labels."""

from collections.abc import Callable
from typing import Any

import pytest
from kedro.framework.project import pipelines

from {{ cookiecutter.python_package }}.errors import ConfigurationError

REPORTED = {"predict_in_batches", "report_sentiment"}


@pytest.mark.parametrize(
    ("env", "params", "split", "scored"),
    [
        (None, {}, "test", True),
        (None, {"split": "train"}, "train", True),
        (None, {"split": "unsupervised"}, "unsupervised", False),
        ("imdb", {}, "test", True),
        ("imdb_csv", {}, "all", True),
    ],
)
def test_only_a_split_with_labels_is_scored(
    env: str | None,
    params: dict[str, str],
    split: str,
    scored: bool,
    load_config: Callable[..., Any],
) -> None:
    config_loader = load_config(env=env, runtime_params=params)
    pipeline = pipelines["user_app"]
    names = {node.name for node in pipeline.nodes}
    assert names == REPORTED | ({"score_predictions"} if scored else set())
    assert ("prediction_metrics" in pipeline.outputs()) == scored
    assert ("labels_to_score" in pipeline.inputs()) == scored
    # What is read is what is said to be read.
    assert config_loader["parameters"]["scored_split"] == split
    for name in ("instances", "labels"):
        path = config_loader["catalog"][f"{name}_to_score"]["filepath"]
        assert path == f"data/02_intermediate/{name}_{split}.parquet"


def test_a_split_that_there_is_not(load_config: Callable[..., Any]) -> None:
    load_config(runtime_params={"split": "tets"})
    with pytest.raises(ConfigurationError, match=r"no split 'tets'.* mean 'test'"):
        pipelines["user_app"]
