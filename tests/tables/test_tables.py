"""Tables with traps and innocent twins: numbers are right, or a line says why not.

Each table is made by a function of this module. The leaderboard's numbers are compared
with those of scikit-learn alone, on folds of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from e2e.conftest import render
from kedro.framework.project import configure_project
from kedro.framework.session import KedroSession
from kedro.runner import SequentialRunner
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Table = pd.DataFrame

CLASSIFIERS = {
    "linear": {
        "class": "sklearn.linear_model.LogisticRegression",
        "model_kwargs": {"max_iter": 1000},
    },
    "near": {"class": "sklearn.neighbors.KNeighborsClassifier"},
}
REGRESSORS = {
    "linear": {"class": "sklearn.linear_model.Ridge"},
    "near": {"class": "sklearn.neighbors.KNeighborsRegressor"},
}
# The same, in scikit-learn.
PLAIN_CLASSIFIERS = {
    "linear": LogisticRegression(max_iter=1000),
    "near": KNeighborsClassifier(),
    "baseline": DummyClassifier(),
}
PLAIN_REGRESSORS = {
    "linear": Ridge(),
    "near": KNeighborsRegressor(),
    "baseline": DummyRegressor(),
}


class Tables:
    """A project that runs one table after the other."""

    def __init__(self, project: Path):
        """Use a project whose package is imported."""
        self.project = project
        self.shipped = (project / "conf/base/parameters.yml").read_text()
        self.warnings: list[str] = []

    def run(
        self,
        table: Table,
        pipeline: str,
        *,
        regression: bool = False,
        models: dict[str, Any] | None = None,
        scoring: str | list[str] = "auto",
        **data: Any,
    ) -> list[str]:
        """Run a pipeline on a table; return the warnings.

        Args:
            table: The table, whose column ``y`` is the target.
            pipeline: Name of the pipeline.
            regression: True if the target is a quantity.
            models: The models, in place of a linear one and of neighbours.
            scoring: As in ``comparison``.
            data: What to add to ``data``.
        """
        conf = self.project / "conf/base"
        table.to_csv(self.project / "data/01_raw/made.csv", index=False)
        parameters = {
            "data": {"table": "made", "target_column": "y", **data},
            "comparison": {"folds": 5, "scoring": scoring},
            "random_state": 3,
            "models": models or (REGRESSORS if regression else CLASSIFIERS),
        }
        (conf / "parameters.yml").write_text(yaml.safe_dump(parameters))
        self.warnings.clear()
        with KedroSession.create(project_path=self.project) as session:
            session.run(runner=SequentialRunner(), pipeline_names=[pipeline])  # type: ignore[call-arg]
        return [*self.warnings]

    def leaderboard(self) -> Table:
        """Return the leaderboard, by model."""
        path = self.project / "data/08_reporting/leaderboard.csv"
        return pd.read_csv(path).set_index("model")


class Notes(logging.Handler):
    """Collects the warnings of the library."""

    def __init__(self, messages: list[str]):
        """Collect into a list."""
        super().__init__(logging.WARNING)
        self.messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        """Note a warning."""
        self.messages.append(record.getMessage())


@pytest.fixture(scope="module")
def tables(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """Return a project whose package is imported, and whose runs are not tracked."""
    rendered = render(starter, tmp_path_factory.mktemp("tables"), "Made", "benchmark")
    conf = rendered.path / "conf/base"
    # Nobody listens at port 9.
    server = "server: {mlflow_tracking_uri: 'http://127.0.0.1:9'}\n"
    (conf / "mlflow.yml").write_text(server)
    (conf / "tracking.yml").write_text("on_unreachable: 'off'\n")
    entry = {"type": "pandas.CSVDataset", "filepath": "data/01_raw/made.csv"}
    (conf / "catalog_made.yml").write_text(yaml.safe_dump({"made": entry}))
    for path in conf.glob("*_benchmark.yml"):
        path.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(rendered.path / "src"))
        configure_project(rendered.package)
        found = Tables(rendered.path)
        handler = Notes(found.warnings)
        logger = logging.getLogger("kedro_dynamic.models")
        logger.addHandler(handler)
        yield found
        logger.removeHandler(handler)


def draw(rows: int = 600, seed: int = 0) -> tuple[np.random.Generator, Table]:
    """Return a generator, and features that say something of a class ``y``."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"a": random.normal(size=rows), "b": random.normal(size=rows)})
    table["kind"] = random.choice(["red", "green", "blue"], rows)
    signal = table["a"] + (table["kind"] == "red") + random.normal(size=rows)
    table["y"] = np.where(signal > 0.3, "yes", "no")
    return random, table


def innocent(**changes: Any) -> Table:
    """Return a table without any trap."""
    return draw()[1].assign(**changes)


def people(each: int = 20) -> Table:
    """Return rows that resemble those of the same person, as does the target."""
    random = np.random.default_rng(1)
    person = np.repeat(np.arange(60), each)
    table = pd.DataFrame({"person": [f"p{number:03}" for number in person]})
    for name in "abcd":
        own = random.normal(size=60)[person]
        table[name] = own + random.normal(scale=0.2, size=len(person))
    table["y"] = np.where(random.random(60) < 0.5, "yes", "no")[person]
    return table.sample(frac=1, random_state=0).reset_index(drop=True)


def people_in_texts() -> Table:
    """Return the same, whose rows have names such as ``S07_3``."""
    table = people(6)
    number = table.groupby("person").cumcount().astype(str)
    name = "S" + table["person"].str[1:] + "_" + number
    return table.drop(columns="person").assign(name=name)


def shops() -> Table:
    """Return rows of shops that have nothing to do with the target."""
    random, table = draw()
    return table.assign(shop=random.choice([f"s{number}" for number in range(60)], 600))


def in_order(is_sorted: bool) -> Table:
    """Return rows of days, sorted or not."""
    table = innocent(day=pd.date_range("2024-01-01", periods=600).astype(str))
    return table if is_sorted else table.sample(frac=1, random_state=0)


def recoded(agreement: float) -> Table:
    """Return a column that says the target in other words, in a share of the rows."""
    random, table = draw()
    words = table["y"].map({"yes": "alive", "no": "dead"})
    is_same = random.random(600) < agreement
    return table.assign(state=np.where(is_same, words, "alive"))


def summed(noise: float) -> Table:
    """Return a target that is the sum of two columns, and noise."""
    random = np.random.default_rng(2)
    table = pd.DataFrame(
        random.gamma(2, 10, (600, 3)), columns=["casual", "known", "x"]
    )
    return table.assign(
        y=table["casual"] + table["known"] + random.normal(scale=noise, size=600)
    )


def repeated(share: float) -> Table:
    """Return a table some rows of which are in it twice."""
    table = draw()[1]
    twice = pd.concat([table, table.sample(frac=share, random_state=0)])
    return twice.sample(frac=1, random_state=0).reset_index(drop=True)


def rare(share: float) -> Table:
    """Return a target with one class in a share of the rows."""
    random, table = draw(2000)
    signal = table["a"] + random.normal(size=2000)
    return table.assign(y=np.where(signal > signal.quantile(1 - share), "yes", "no"))


def numbers(count: int, step: int = 1) -> Table:
    """Return a target of so many different numbers, some steps apart."""
    random, table = draw()
    rank = (table["a"] + random.normal(scale=0.3, size=600)).rank(pct=True)
    return table.assign(y=np.ceil(rank * count).astype(int) * step)


ACCURACY = {"scoring": ["accuracy"]}
SVC = {"models": {"svm": {"class": "sklearn.svm.SVC"}}}

# Each trap with what is said of it, and its twin, of which nothing is said.
TRAPS: dict[str, tuple[Table, Table, str, dict[str, Any]]] = {
    "groups": (people(), shops(), "group_column: person", {}),
    "groups in texts": (
        people_in_texts(),
        innocent(
            name=[f"N{i}x" for i in np.random.default_rng(0).permutation(600)]
        ).drop(columns="name"),
        "group_column: name",
        {},
    ),
    "time": (in_order(True), in_order(False), "time_column: day", {}),
    "target in a column": (recoded(1.0), recoded(0.8), "drop: [state]", {}),
    "sum of two columns": (
        summed(0.0),
        summed(10.0),
        "drop: [casual, known]",
        {"regression": True},
    ),
    "row number": (
        innocent(**{"Unnamed: 0": range(600)}),
        innocent(income=np.random.default_rng(0).integers(0, 90_000, 600)),
        "drop: ['Unnamed: 0']",
        {},
    ),
    "identical rows": (repeated(0.1), repeated(0.002), "drop_duplicates", {}),
    "rare class": (rare(0.1), rare(0.4), "scoring: ", ACCURACY),
    "spellings": (
        innocent(y=draw()[1]["y"].where(lambda y: y.index % 3 > 0, "Yes ")),
        innocent(),
        "str.lower()",
        {},
    ),
    "quantity as classes": (numbers(60, 7), numbers(10), "Regressor", {}),
    "slow model": (draw(30_000)[1], draw(2_000)[1], "class: sklearn.svm.", SVC),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_named_and_its_twin_is_not(trap: str, tables: Tables) -> None:
    trapped, twin, line, options = TRAPS[trap]
    warnings = tables.run(trapped, "split_data", **options)
    assert [line in warning for warning in warnings].count(True) == 1, warnings
    assert tables.run(twin, "split_data", **options) == []


def test_a_quantity_as_classes_of_a_row_each(tables: Tables) -> None:
    (text,) = tables.run(numbers(150, 7), "split_data")
    assert "To predict a quantity, use regressors." in text


SHIPPED = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "digits": "digit",
}


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_is_said_of_shipped_tables(name: str, tables: Tables) -> None:
    path = tables.project / f"data/01_raw/{name}.csv"
    table = pd.read_csv(path).rename(columns={SHIPPED[name]: "y"})
    assert tables.run(table, "split_data") == []


@pytest.mark.parametrize("regression", [False, True], ids=["classes", "number"])
def test_the_models_for_a_table_of_your_own(tables: Tables, regression: bool) -> None:
    # Blocks of lines that the comments say are there to be uncommented.
    *_, for_classes, for_numbers = tables.shipped.split("\n\n")
    lines = (for_numbers if regression else for_classes).splitlines()[1:]
    uncommented = "\n".join(line.replace("  # ", "  ", 1) for line in lines)
    models = yaml.safe_load(uncommented)
    assert len(models) == 4

    table = summed(10.0) if regression else innocent()
    tables.run(table, "__default__", regression=regression, models=models)
    leaderboard = tables.leaderboard()
    assert {*leaderboard.index} == {*models, "baseline"}
    assert "error" not in leaderboard
    assert leaderboard.index[-1] == "baseline"


def plain_scores(
    table: Table,
    models: dict[str, Any],
    folds: Any,
    scoring: str,
    groups: Any = None,
) -> dict[str, tuple[float, float]]:
    """Return mean and standard error of each model by scikit-learn alone."""
    X, y = table.drop(columns="y"), table["y"]
    numeric = [*X.select_dtypes("number")]
    categorical = [name for name in X if name not in numeric]
    encoder = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numeric),
        (
            make_pipeline(
                SimpleImputer(strategy="most_frequent"),
                OneHotEncoder(handle_unknown="ignore"),
            ),
            categorical,
        ),
    )
    found = {}
    for name, estimator in models.items():
        model = make_pipeline(encoder, estimator)
        scores = cross_validate(model, X, y, groups=groups, cv=folds, scoring=scoring)
        values = scores["test_score"]
        found[name] = (values.mean(), values.std(ddof=1) / len(values) ** 0.5)
    return found


def check_scores(
    tables: Tables, expected: dict[str, tuple[float, float]], column: str
) -> None:
    """Compare the leaderboard with scores of scikit-learn, within their noise."""
    shown = tables.leaderboard()[f"validation_{column}"]
    assert {*shown.index} == {*expected}
    for model, (mean, error) in expected.items():
        tolerance = 3 * error + 0.02
        assert abs(abs(shown[model]) - abs(mean)) < tolerance, (
            model,
            shown[model],
            mean,
        )


STRATIFIED = StratifiedKFold(5, shuffle=True, random_state=0)


def test_numbers_of_a_mixed_table(tables: Tables) -> None:
    table = innocent()
    table.loc[::7, "b"] = None
    table.loc[::9, "kind"] = None
    assert tables.run(table, "__default__") == []
    expected = plain_scores(table, PLAIN_CLASSIFIERS, STRATIFIED, "accuracy")
    check_scores(tables, expected, "accuracy")


def test_numbers_of_groups(tables: Tables) -> None:
    table = people()
    tables.run(table, "__default__", group_column="person")
    groups, table = table["person"], table.drop(columns="person")
    folds = GroupKFold(5, shuffle=True, random_state=0)
    expected = plain_scores(table, PLAIN_CLASSIFIERS, folds, "accuracy", groups)
    check_scores(tables, expected, "accuracy")
    # At random, neighbours recognise the person.
    at_random = plain_scores(table, PLAIN_CLASSIFIERS, STRATIFIED, "accuracy")
    assert at_random["near"][0] > expected["near"][0] + 0.2


def test_numbers_of_a_regression_whose_target_is_partly_missing(tables: Tables) -> None:
    table = summed(10.0)
    holes = table.assign(y=table["y"].mask(table.index % 10 == 0))
    warnings = tables.run(
        holes, "__default__", regression=True, scoring=["r2"], missing_target="drop"
    )
    assert len(warnings) == 1
    assert "60 of 600 rows have no target" in warnings[0]
    folds = KFold(5, shuffle=True, random_state=0)
    expected = plain_scores(holes.dropna(), PLAIN_REGRESSORS, folds, "r2")
    check_scores(tables, expected, "r2")
