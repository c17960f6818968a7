"""Raw files of each layout, through a session."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.session import KedroSession

from {{ cookiecutter.python_package }}.errors import ConfigurationError


def etl(project: Path, pipeline: str = "etl", env: str = "", **params: str) -> None:
    with KedroSession.create(
        project_path=project, env=env or None, runtime_params=params
    ) as session:
        session.run(pipeline_names=[pipeline])


def raw(project: Path, split: str) -> pd.DataFrame:
    path = project / f"data/01_raw/reviews/{split}.csv"
    return pd.read_csv(path, keep_default_na=False)


def intermediate(project: Path) -> dict[str, list[str]]:
    """Return the only column of each file, by the name of the file."""
    return {
        path.stem: pd.read_parquet(path).squeeze(axis="columns").tolist()
        for path in (project / "data/02_intermediate").glob("*.parquet")
    }


def test_splits_lie_side_by_side(project: Path) -> None:
    etl(project)
    train = raw(project, "train")
    files = {
        "instances_train": train["text"].tolist(),
        "labels_train": train["label"].tolist(),
    }
    assert intermediate(project) == files

    etl(project, split="test")
    test = raw(project, "test")
    files["instances_test"] = test["text"].tolist()
    files["labels_test"] = test["label"].tolist()
    assert intermediate(project) == files

    with pytest.raises(ConfigurationError, match="--params split=unsupervised"):
        etl(project, split="unsupervised")
    etl(project, "etl_instances", split="unsupervised")
    unsupervised = raw(project, "unsupervised")
    files["instances_unsupervised"] = unsupervised["text"].tolist()
    assert intermediate(project) == files


def test_a_review_may_say_null(project: Path) -> None:
    path = project / "data/01_raw/reviews/unsupervised.csv"
    path.write_text("text\nnull\nNA\nnone of it\n", encoding="utf-8-sig")
    etl(project, "etl_instances", split="unsupervised")
    texts = ["null", "NA", "none of it"]
    assert intermediate(project) == {"instances_unsupervised": texts}


def test_imdb_as_the_hub_has_it(project: Path) -> None:
    folder = project / "data/01_raw/imdb/plain_text"
    folder.mkdir(parents=True)
    for split, labels in {"train": [0, 1], "unsupervised": [-1, -1]}.items():
        reviews = pd.DataFrame({"text": ["Dull.", "Great<br />film"], "label": labels})
        reviews.to_parquet(folder / f"{split}-00000-of-00001.parquet")

    etl(project, env="imdb")
    etl(project, "etl_instances", env="imdb", split="unsupervised")
    with pytest.raises(ConfigurationError, match="'unsupervised' has no labels"):
        etl(project, env="imdb", split="unsupervised")
    with pytest.raises(ConfigurationError, match="reviews: does not exist yet; 'hf "):
        etl(project, env="imdb", split="test")

    assert intermediate(project) == {
        "instances_train": ["Dull.", "Great<br />film"],
        "labels_train": ["negative", "positive"],
        "instances_unsupervised": ["Dull.", "Great<br />film"],
    }


def test_imdb_as_one_csv_file(project: Path) -> None:
    texts = ["Dull.", 'Great, "great" film', "null", ""]
    labels = ["negative", "positive", "negative", "positive"]
    pd.DataFrame({"review": texts, "sentiment": labels}).to_csv(
        project / "data/01_raw/IMDB Dataset.csv", index=False, encoding="utf-8-sig"
    )

    etl(project, env="imdb_csv")

    assert intermediate(project) == {"instances_all": texts, "labels_all": labels}
