"""Tables that lie: a right result, or one error that names file, column and rows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.framework.project import pipelines
from kedro.runner import SequentialRunner, ThreadRunner
from sklearn.datasets import load_diabetes, load_iris

from {{ cookiecutter.python_package }}.data_hooks import DataHooks
from {{ cookiecutter.python_package }}.dynamic_registry import create_catalog
from {{ cookiecutter.python_package }}.errors import (
    ConfigurationError,
    DataError,
)
from {{ cookiecutter.python_package }}.pipelines.models.data_checks import (
    check_table,
)
from {{ cookiecutter.python_package }}.pipelines.models.nodes import split_data

IRIS = "data/01_raw/iris.csv"
HEADER = b"sepal_length,sepal_width,petal_length,petal_width,species"
Change = Callable[[bytes], bytes]


@pytest.fixture
def split_file(
    project: Path,
    load_config: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[str, pd.DataFrame]]:
    """Return a function that changes iris.csv, and splits it as a run does."""
    monkeypatch.chdir(project)

    def split(change: Change, threads: bool = False) -> dict[str, pd.DataFrame]:
        file = project / IRIS
        file.write_bytes(change(file.read_bytes()))
        config_loader = load_config()
        catalog = create_catalog(config_loader)  # type: ignore[arg-type]
        for name, value in catalog["parameters"].load().items():
            catalog[f"params:{name}"] = value
        hooks = _create_hook_manager()
        hooks.register(DataHooks())
        runner = ThreadRunner() if threads else SequentialRunner()
        runner.run(pipelines["split_data"], catalog, hooks)
        names = ("X_train", "X_test", "y_train", "y_test")
        return {name: catalog[name].load() for name in names}

    return split


def rows(*lines: str) -> Change:
    """Return a change that puts these lines in place of the first ones of the table."""

    def change(text: bytes) -> bytes:
        header, *table = text.splitlines()
        replaced = [line.encode() for line in lines]
        return b"\n".join([header, *replaced, *table[len(replaced) :]]) + b"\n"

    return change


def repeated_column(text: bytes) -> bytes:
    header, *table = text.splitlines()
    lines = [header + b",sepal_length", *(line + b",1" for line in table)]
    return b"\n".join(lines)


def repeated_target(text: bytes) -> bytes:
    return b"\n".join(line + b"," + line.split(b",")[-1] for line in text.splitlines())


def one_class(text: bytes) -> bytes:
    header, *table = text.splitlines()
    return b"\n".join([header, *(line for line in table if b"setosa" in line)])


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize(
    ("change", "problems"),
    [
        (
            lambda text: text.replace(b"species", b"kind"),
            ["target_column: 'species' is no column of", "150 rows"],
        ),
        (
            rows("5.1,3.5,1.4,0.2,", "4.9,3.0,1.4,0.2,"),
            ["species: the target has no value in 2 of 150 rows"],
        ),
        (
            rows("5.1,,1.4,0.2,setosa", ",,1.4,0.2,setosa"),
            [
                "sepal_length: no value in 1 of 150 rows",
                "sepal_width: no value in 2 of 150 rows",
                "write 'features: any' into parameters.yml",
            ],
        ),
        (
            rows("5.1,wide,1.4,0.2,setosa", "4.9,?,1.4,,setosa"),
            [
                "sepal_width: no number in 2 of 150 rows, such as 'wide'",
                "petal_width: no value in 1 of 150 rows",
            ],
        ),
        (one_class, ["species: the target is 'setosa' in all of 50 rows"]),
        (lambda text: HEADER + b"\n", ["0 rows; columns: sepal_length, sepal_width"]),
        (repeated_column, ["sepal_length.1: the column 'sepal_length' seems to be"]),
        (repeated_target, ["species.1: the column 'species' seems to be", "150 rows"]),
        (
            rows("inf,3.5,1.4,0.2,setosa", "-inf,3.0,1.4,0.2,setosa"),
            ["sepal_length: infinite in 2 of 150 rows"],
        ),
        (
            lambda text: b"\n".join(row.split(b",")[-1] for row in text.splitlines()),
            ["species: 150 rows have the target and no feature"],
        ),
    ],
    ids=[
        "no target column",
        "gaps in the target",
        "gaps in features",
        "texts in features",
        "one class",
        "no rows",
        "a column twice",
        "the target twice",
        "infinite",
        "no feature",
    ],
)
def test_a_file_that_models_cannot_learn_from_is_refused(
    split_file: Callable[..., None], change: Change, problems: list[str], threads: bool
) -> None:
    with pytest.raises(ConfigurationError) as error:
        split_file(change, threads)
    assert f"{IRIS} (example_iris_data)" in error.value.message
    for problem in problems:
        assert problem in error.value.message
    assert not Path("data/05_model_input/X_train.parquet").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + HEADER + b"\n" + text.split(b"\n", 1)[1],
        lambda text: b"\xef\xbb\xbfspecies,a\n" + b"x,1\ny,2\n" * 75,
        lambda text: text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        lambda text: text.rstrip(b"\r\n"),
    ],
    ids=["byte order mark", "byte order mark before the target", "CRLF", "no newline"],
)
def test_a_file_that_only_looks_different_is_read_right(
    split_file: Callable[..., dict[str, pd.DataFrame]], change: Change
) -> None:
    parts = split_file(change)
    assert [len(part) for part in parts.values()] == [120, 30, 120, 30]
    assert list(parts["y_train"]) == ["species"]
    assert not parts["y_train"]["species"].str.contains("\r").any()


def test_features_of_any_kind_are_left_to_models_that_take_them() -> None:
    table = pd.DataFrame({"a": [1, np.nan] * 5, "b": ["x", "y"] * 5, "t": [0, 1] * 5})
    with pytest.raises(DataError, match="2 problems"):
        split_data(table, 0.8, 3, "t")
    X_train, *_ = split_data(table, 0.8, 3, "t", features="any")
    assert len(X_train) == 8


@pytest.mark.parametrize("frame", [load_iris, load_diabetes])
def test_clean_tables_are_accepted(frame: Callable[..., object]) -> None:
    # Classes, and numbers to regress on.
    check_table(frame(as_frame=True).frame, "target")  # type: ignore[attr-defined]


def test_whole_numbers_truth_values_and_numbers_as_objects_are_numbers() -> None:
    table = pd.DataFrame(
        {"n": [1, 2], "yes": [True, False], "o": pd.Series([1.5, 2], dtype="object")}
    )
    check_table(table.assign(t=["a", "b"]), "t")


def test_a_target_to_regress_on_is_checked_too() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "t": [0.5, np.inf, np.nan]})
    with pytest.raises(DataError) as error:
        check_table(table, "t")
    assert "t: the target has no value in 1 of 3 rows" in error.value.message
    assert "t: the target is infinite in 1 of 3 rows" in error.value.message


def test_a_training_part_of_one_class_is_refused() -> None:
    table = pd.DataFrame({"a": range(50), "t": ["common"] * 49 + ["rare"]})
    seed = next(
        seed
        for seed in range(99)
        if np.random.RandomState(seed).permutation(50)[:10].tolist().count(49)
    )
    with pytest.raises(DataError, match="t: all 40 rows of the training part have"):
        split_data(table, 0.8, seed, "t")


def test_of_many_problems_the_first_are_written_out() -> None:
    table = pd.DataFrame({f"c{i}": [np.nan, 1] for i in range(500)})
    with pytest.raises(DataError) as error:
        check_table(table.assign(t=["a", "b"]), "t")
    assert "has 500 problems" in error.value.message
    assert "... and 490 more" in error.value.message
    assert len(error.value.message.splitlines()) == 13


def test_a_million_rows_take_no_time() -> None:
    random = np.random.default_rng(0)
    names = ["a", "b", "c", "d"]
    table = pd.DataFrame(random.normal(size=(1_000_000, 4)), columns=names)
    table["t"] = random.choice(["x", "y", "z"], len(table))
    X_train, X_test, _, _ = split_data(table, 0.8, 3, "t")
    assert (len(X_train), len(X_test)) == (800_000, 200_000)
