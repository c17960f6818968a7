"""Raw rows in, numbers out; new rows are read as the training rows were."""

from __future__ import annotations

import datetime
import pickle
import subprocess
import sys
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic import show_unread_cells
from kedro_dynamic.config.schema import DataSpec, ModelSpec
from kedro_dynamic.models.columns.cells import UnreadCellsWarning
from kedro_dynamic.models.columns.encoder import ColumnEncoder
from kedro_dynamic.models.columns.kinds import describe_columns, readings_of
from kedro_dynamic.models.estimators import build_model
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.model_selection import cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io as skops

from .conftest import SOURCE

ROWS = 200
CLASSES = np.arange(ROWS) % 2
TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})


def repeat(*cells: Any) -> list[Any]:
    """Return a column of these cells, one after the other."""
    return [cells[row % len(cells)] for row in range(ROWS)]


MIXED = pd.DataFrame(
    {
        "age": repeat(20.0, 30.0, np.nan, 50.0, 61.0),
        "price": [f"${row + 1},{row:03d}.50" for row in range(ROWS)],
        "colour": repeat("red", "green", "blue", None),
        "member": repeat(True, False),
        "code": repeat("007", "12", "A3"),
        "opened": repeat("13/04/2024", "03/04/2023", "04/05/2024"),
        "town": repeat(*[f"town{number}" for number in range(50)]),
        "note": [f"very good {row % 150}th place" for row in range(ROWS)],
        "id": [f"S{row:03d}_1" for row in range(ROWS)],
    }
)


def fit(table: pd.DataFrame, target: Any = CLASSES, **arguments: Any) -> ColumnEncoder:
    """Return an encoder that is fitted to a table."""
    columns = arguments.pop("columns", {})
    data = DataSpec(target_column="y", columns=columns)
    readings = readings_of(describe_columns(table, data))
    return ColumnEncoder(readings, **arguments).fit(table, target)


def one_column(cells: Any, wanted: str | None = None) -> ColumnEncoder:
    """Return an encoder that is fitted to one column, called x."""
    return fit(pd.DataFrame({"x": cells}), columns={"x": wanted} if wanted else {})


def encode(encoder: ColumnEncoder, table: pd.DataFrame) -> tuple[Any, list[str]]:
    """Return encoded rows, and what is said of them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        features = encoder.transform(table)
    assert all(warning.category is UnreadCellsWarning for warning in caught)
    return features, [line for w in caught for line in str(w.message).splitlines()]


def same(encoder: ColumnEncoder, cells: Any, others: Any) -> bool:
    """Return True if cells mean the same as others, and nothing is said of them."""
    features, lines = encode(encoder, pd.DataFrame({"x": cells}))
    expected = encoder.transform(pd.DataFrame({"x": others}))
    return not lines and np.array_equal(features, expected)


def said(encoder: ColumnEncoder, cells: Any) -> list[str]:
    """Return what is said of cells of the column x."""
    return encode(encoder, pd.DataFrame({"x": cells}))[1]


# --- Encoding ---


def test_numbers_are_imputed_and_scaled() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(ROWS, 4)), columns=[*"abcd"])
    table = table.mask(random.random(table.shape) < 0.1).assign(e=np.arange(ROWS))
    before = table.copy()
    plain = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encoder = fit(table)
    assert np.allclose(encoder.transform(table), plain.fit_transform(table))
    assert encoder.get_feature_names_out().tolist() == [*"abcde"]
    pd.testing.assert_frame_equal(table, before)


def test_missing_numbers_where_the_training_rows_have_none() -> None:
    assert same(one_column(repeat(1.0, 2.0, 9.0)), [np.nan, None], [2.0, 2.0])


def test_categories_become_a_feature_per_level() -> None:
    encoder = one_column(repeat("red", "blue", None, " red "))
    assert encoder.get_feature_names_out().tolist() == ["x_blue", "x_red", "x_None"]
    rows = pd.DataFrame({"x": ["red", "blue", None, "?", "green"]})
    expected = [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]
    assert encoder.transform(rows).tolist() == expected


def test_no_column_becomes_a_feature_per_value_without_bound() -> None:
    values = [f"v{number}" for number in range(150)]
    table = pd.DataFrame({"x": (values + values)[:ROWS]})
    assert one_column(table["x"], "category").transform(table).shape[1] == 40
    assert fit(table, np.arange(ROWS) % 25).transform(table).shape[1] == 40
    few = fit(table, np.arange(ROWS) % 3, columns={"x": "many"})
    assert few.get_feature_names_out().tolist() == ["x_0", "x_1", "x_2"]


def test_many_levels_become_the_mean_of_the_target() -> None:
    table = pd.DataFrame({"town": repeat(*[f"town{n}" for n in range(50)])})
    prices = np.arange(ROWS) % 50
    encoder = fit(table, prices, is_regression=True)
    # Whole numbers are not classes: one feature, not fifty.
    assert encoder.get_feature_names_out().tolist() == ["town"]
    new = pd.DataFrame({"town": ["town49", "town3", "TOWN3", None]})
    assert np.allclose(encoder.transform(new).T, [[49, 3, 3, 24.5]])


def test_target_means_of_training_rows_come_from_other_rows() -> None:
    table = pd.DataFrame({"x": repeat(*[f"level{n}" for n in range(100)])})
    noise = np.random.default_rng(0).normal(size=ROWS)
    encoder = fit(table, noise, is_regression=True)
    leaking = np.corrcoef(encoder.transform(table)[:, 0], noise)[0, 1]
    honest = clone(encoder).fit_transform(table, noise)
    assert leaking > 0.5 > abs(np.corrcoef(honest[:, 0], noise)[0, 1])


@pytest.mark.parametrize(
    "target", [["a", "b"], ["a", "b", "c"], [True, False], ["a"] * 199 + ["rare"]]
)
def test_targets_can_be_texts(target: list[Any]) -> None:
    readings = readings_of(describe_columns(MIXED, DataSpec(target_column="y")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features = ColumnEncoder(readings).fit_transform(MIXED, repeat(*target))
    assert np.isfinite(features).all()


def test_dates_become_days_and_their_parts() -> None:
    stamps = pd.date_range("2024-01-01 06:30", periods=ROWS, freq="36h")
    encoder = one_column(stamps.astype(str))
    names = ["x_day", "x_month", "x_weekday", "x_hour"]
    assert encoder.get_feature_names_out().tolist() == names
    scaler = encoder.parts_["numbers"].scaler_
    rows = pd.DataFrame({"x": ["2024-05-13 07:30:00"]})
    raw = encoder.transform(rows) * scaler.scale_ + scaler.mean_
    assert np.allclose(raw, [[8899 + 7.5 / 24, 5, 0, 7.5]])


def test_texts_become_thirty_features() -> None:
    cells = [f"{word} number {row}" for row, word in enumerate(repeat("good", "bad"))]
    encoder = one_column(cells)
    assert len(encoder.get_feature_names_out()) == 30
    good, better, bad = encoder.transform(
        pd.DataFrame({"x": ["good one", "good two", "bad one"]})
    )
    assert np.linalg.norm(good - better) < np.linalg.norm(good - bad)


@pytest.mark.parametrize("cells", [["ab", "cd", "ef"], ["abc", "", None], ["-", "+"]])
def test_few_texts_are_no_error(cells: list[Any]) -> None:
    table = pd.DataFrame({"x": cells, "y": np.arange(len(cells))})
    encoder = fit(table, [0, 1, 0], columns={"x": "text"})
    assert np.isfinite(encoder.transform(table)).all()
    names = encoder.get_feature_names_out()
    assert len(names) == encoder.transform(table).shape[1]


def test_features_have_names() -> None:
    encoder = fit(MIXED)
    names = encoder.get_feature_names_out().tolist()
    table = encoder.set_output(transform="pandas").transform(MIXED)
    assert table.columns.tolist() == names


def test_a_table_without_a_useful_column_is_an_error() -> None:
    with pytest.raises(ValueError, match="no column has more than one value"):
        fit(pd.DataFrame({"a": repeat(1), "b": repeat("x")}))


# --- New rows ---


@pytest.mark.parametrize(
    ("trained", "new"),
    [
        ([True, False], ["yes", "no"]),
        ([True, False], ["TRUE", "f"]),
        ([True, False], ["1", "0.0"]),
        ([True, False], [1, 0]),
        ([True, False], [1.0, 0.0]),
        ([True, False], pd.array([True, False], dtype="boolean")),
        (["yes", "no"], [True, False]),
        (["Y", "N"], ["true", "false"]),
        ([1, 0], [True, False]),
        ([1, 0], ["yes", "no"]),
        (["red", "blue"], [" Red", "BLUE "]),
        (["red", "blue"], pd.Categorical(["red", "blue"])),
        (["red", "blue"], pd.array(["red", "blue"], dtype="string")),
        (["12", "34", "A3"], [12.0, 34.0]),
        (["007", "12", "A3"], [7, 12]),
        (["007", "12", "A3"], ["7", "0012"]),
    ],
)
def test_what_means_the_same_is_read_the_same(trained: list[Any], new: Any) -> None:
    assert same(one_column(repeat(*trained)), new, trained[: len(new)])


def test_numbers_that_the_owner_calls_categories() -> None:
    encoder = one_column(repeat(1067, 99999), "category")
    assert same(encoder, ["01067", "99999"], [1067, 99999])
    assert same(encoder, [1067.0, np.nan, None], [1067, None, None])


@pytest.mark.parametrize(
    "cells",
    [
        pd.array([1, None, 3], dtype="Int64"),
        pd.array([1, None, 3], dtype="Float64"),
        pd.Categorical([1, None, 3]),
        pd.array(["1", None, "3"], dtype="string"),
        [Decimal(1), None, Decimal("3.0")],
        [1, None, "3"],
        ["1", "?", "3"],
        ["1.0", " ", "3e0"],
        ["$1.00", "-", "3"],
        ["1", "None", "$3"],
    ],
    ids=str,
)
def test_numbers_come_in_many_types(cells: Any) -> None:
    assert same(one_column(np.arange(ROWS)), cells, [1.0, np.nan, 3.0])


@pytest.mark.parametrize(
    ("trained", "new", "means"),
    [
        ("${}.50", ["$1,164.50", "(5.00)", "-$5"], ["$1164.50", "-$5.00", "$-5.00"]),
        ("{},5", ["1.234,5", "12", "0,567"], ["1234,5", "12,0", ",567"]),
        ("{} %", ["7%", "7 %", 7], ["7 %", "7 %", "7 %"]),
    ],
)
def test_money_is_read_as_in_the_training_rows(
    trained: str, new: list[Any], means: list[Any]
) -> None:
    encoder = one_column([trained.format(row) for row in range(ROWS)])
    assert same(encoder, new[:2], means[:2])


@pytest.mark.parametrize(
    "cells",
    [
        ["03/04/2024", "13/04/2024"],
        ["3/4/2024", "13/4/24"],
        ["2024-04-03", "2024-04-13T00:00:00Z"],
        ["03.04.2024 00:00", "13 Apr 2024"],
        [datetime.date(2024, 4, 3), datetime.datetime(2024, 4, 13)],
        pd.to_datetime(["2024-04-03", "2024-04-13"]),
        pd.to_datetime(["2024-04-03", "2024-04-13"], utc=True),
        pd.PeriodIndex(["2024-04-03", "2024-04-13"], freq="D"),
    ],
    ids=str,
)
def test_dates_come_in_many_types(cells: Any) -> None:
    encoder = one_column(repeat("13/04/2024", "03/04/2023", "04/05/2024"))
    assert same(encoder, cells, ["03/04/2024", "13/04/2024"])


def test_dates_are_read_only_where_the_order_is_known() -> None:
    encoder = one_column(pd.date_range("2024-01-01", periods=ROWS))
    (line,) = said(encoder, ["03/04/2024", "2024-04-13"])
    assert line.endswith("count as missing: '03/04/2024' in row 0")


def test_cells_that_cannot_be_read_are_named() -> None:
    encoder = fit(MIXED)
    rows = MIXED.head(40).copy()
    rows["age"] = rows["age"].astype(object)
    rows.loc[3, "age"], rows.loc[17, "age"] = "old", np.inf
    rows.loc[5, "price"] = "cheap"
    rows.loc[9, "opened"] = "04/13/2024"
    features, lines = encode(encoder, rows)
    count = "cells that cannot be read count as missing"
    assert lines == [
        f"age: {count}: 'old' in row 3, 'inf' in row 17",
        f"price: {count}: 'cheap' in row 5",
        f"opened: {count}: '04/13/2024' in row 9",
    ]
    rows.loc[[3, 17], "age"] = None
    rows.loc[5, "price"] = rows.loc[9, "opened"] = None
    assert np.array_equal(features, encoder.transform(rows))


def test_what_is_said_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    encoder = one_column(np.arange(ROWS))
    rows = pd.DataFrame({"x": ["big", 1]})

    def predict() -> None:
        with show_unread_cells():
            warnings.warn("old", DeprecationWarning, stacklevel=1)
            encoder.transform(rows)
            encoder.transform(rows)

    with pytest.warns(DeprecationWarning, match="old"):
        predict()
    assert [record.getMessage() for record in caplog.records] == [
        "New rows: x: cells that cannot be read count as missing: 'big' in row 0"
    ]


def test_a_line_counts_what_it_does_not_list() -> None:
    encoder = one_column(np.arange(ROWS))
    assert said(encoder, ["x"] * 40)[0].endswith("'x' in row 4 and 35 more")
    assert said(encoder, [1, np.inf])[0].endswith("missing: 'inf' in row 1")


def test_mostly_new_levels_are_said() -> None:
    encoder = one_column(repeat("red", "blue"))
    (line,) = said(encoder, ["rot", "blau", "red"])
    assert line == (
        "x: most values are not in the training rows: 'rot' in row 0, 'blau' in row 1"
    )
    assert said(encoder, ["rot", "blue", "red"]) == []


def test_numbers_that_were_read_without_their_comma_are_said() -> None:
    encoder = one_column([f"{row + 1}.{row:03d},50" for row in range(ROWS)])
    (line,) = said(encoder, [1.234, 12.0])
    assert "decimal comma" in line
    assert said(encoder, ["1.234", "12,0"]) == []


def test_per_cents_that_were_read_as_fractions_are_said() -> None:
    encoder = one_column([f"{row} %" for row in range(ROWS)])
    (line,) = said(encoder, [0.07, 0.5, 0, None])
    assert line == (
        "x: training rows have a % sign, so these numbers may be fractions: "
        "'0.07' in row 0, '0.5' in row 1"
    )
    assert same(encoder, [7.0, 0.5, 0], ["7 %", "0.5 %", "0 %"])


def test_dates_without_the_offset_of_the_training_rows_are_said() -> None:
    stamps = pd.date_range("2024-01-01", periods=ROWS, freq="7h")
    encoder = one_column(stamps.strftime("%Y-%m-%dT%H:%M:%S+02:00"))
    utc = "2024-03-01T08:00:00Z"
    assert same(encoder, [None, "?"], [None, None])
    assert same(encoder, ["2024-03-01 10:00:00.000+0200"], [utc])
    assert same(encoder, ["2024-03-01T10:00:00+02:00"], [utc])
    assert same(encoder, pd.to_datetime([utc]), [utc])
    (line,) = said(encoder, ["2024-03-01T10:00:00", utc, None])
    assert line == (
        "x: training rows have an offset from UTC, so these dates are taken for UTC: "
        "'2024-03-01T10:00:00' in row 0"
    )
    assert len(said(encoder, pd.to_datetime(["2024-03-01", "NaT"]))) == 1
    assert said(one_column(stamps), pd.to_datetime(["2024-03-01"])) == []


def test_numbers_in_another_unit_are_said() -> None:
    encoder = fit(MIXED)
    grams = MIXED.head(8).assign(age=MIXED["age"] * 1000)
    _, lines = encode(encoder, grams)
    assert lines == [
        "age: most values are far from those of the training rows, whose mean is 40.2: "
        "'20000.0' in row 0, '30000.0' in row 1, '50000.0' in row 3, "
        "'61000.0' in row 4, '20000.0' in row 5 and 1 more"
    ]
    few = MIXED.head(8)
    assert (
        encode(encoder, few.assign(age=few["age"].where(few.index > 2, 1e6)))[1] == []
    )


def test_dates_of_new_rows_may_be_much_later() -> None:
    encoder = one_column(pd.date_range("2024-01-01", periods=ROWS))
    assert said(encoder, pd.date_range("2034-01-01", periods=3)) == []


def test_odd_cells_among_booleans_are_named() -> None:
    encoder = one_column(repeat(True, False))
    (line,) = said(encoder, ["yes", "no", "perhaps", "?", None, "False"])
    assert line == "x: cells that cannot be read count as missing: 'perhaps' in row 2"


def test_odd_cells_of_the_training_rows_are_missing_in_new_rows_too() -> None:
    cells = [str(row / 4) for row in range(ROWS)]
    cells[17] = "Unrated"
    assert same(one_column(cells), ["Unrated", "2.5"], ["?", "2.5"])


def test_columns_are_found_by_name() -> None:
    encoder = fit(MIXED)
    shuffled = MIXED[[*MIXED.columns[::-1]]].assign(extra="x")
    assert np.array_equal(encoder.transform(shuffled), encoder.transform(MIXED))
    # What identifies rows is not needed.
    encoder.transform(MIXED.drop(columns="id"))
    with pytest.raises(ValueError, match="'age' is missing; did you mean 'Age'"):
        encoder.transform(MIXED.rename(columns={"age": "Age"}))


def test_names_can_be_numbers() -> None:
    table = MIXED.set_axis(range(MIXED.shape[1]), axis=1)
    encoder = fit(table)
    texts = table.rename(columns=str)
    assert np.array_equal(encoder.transform(texts), encoder.transform(table))


def test_one_row_is_read_as_many_are() -> None:
    encoder = fit(MIXED)
    single = [encoder.transform(MIXED.iloc[[row]]) for row in range(60)]
    assert np.allclose(np.vstack(single), encoder.transform(MIXED.head(60)))


# --- As a part of a model ---


def test_none_leaves_all_to_the_model() -> None:
    data = DataSpec(target_column="y", encode="none")
    model = build_model(TREE, data, MIXED, pd.Series(CLASSES), 0)
    assert type(model).__name__ == "DecisionTreeClassifier"


def test_it_is_a_part_of_scikit_learn() -> None:
    shuffled = np.random.default_rng(0).permutation(MIXED["code"])
    table = MIXED.assign(code=shuffled)
    target = (table["colour"] == "red") & (table["code"] != "12")
    data = DataSpec(target_column="y")
    model: Any = build_model(TREE, data, table, target, 0)
    scores = cross_val_score(clone(model), table, target, error_score="raise")
    assert scores.mean() == 1
    importance = permutation_importance(
        model.fit(table, target), table, target, random_state=0
    )
    best = table.columns[importance.importances_mean > 0]
    assert {*best} == {"colour", "code"}


def test_what_is_learned_is_of_the_training_rows_of_each_fold() -> None:
    table = pd.DataFrame({"width": [0.0, 10, 20, 30], "depth": [1, 2, 4, 8]})
    model = build_model(TREE, DataSpec(target_column="y"), table, pd.Series([0, 1]), 0)
    folds = cross_validate(
        model, table, [0, 0, 1, 1], cv=2, return_estimator=True, return_indices=True
    )
    for fitted, rows in zip(folds["estimator"], folds["indices"]["train"], strict=True):
        numbers = fitted[0].parts_["numbers"]
        medians = table.iloc[rows].median().tolist()
        assert numbers.imputer_.statistics_.tolist() == medians


def test_folds_can_lack_what_the_training_rows_have() -> None:
    readings = readings_of(describe_columns(MIXED, DataSpec(target_column="y")))
    fold = MIXED.head(30).assign(age=np.nan, opened=None, member=True, town="town1")
    encoder = ColumnEncoder(readings)
    assert np.isfinite(encoder.fit_transform(fold, CLASSES[:30])).all()
    assert np.isfinite(encode(encoder, MIXED)[0]).all()


@pytest.mark.parametrize("store", ["pickle", "skops"])
def test_it_can_be_stored(store: str) -> None:
    encoder = fit(MIXED)
    if store == "pickle":
        loaded = pickle.loads(pickle.dumps(encoder))
    else:
        content = skops.dumps(encoder)
        trusted = skops.get_untrusted_types(data=content)
        loaded = skops.loads(content, trusted=trusted)
    rows = MIXED.assign(member=repeat("yes", "no"), code=repeat(7, 12, "a3"))
    assert np.array_equal(loaded.transform(rows), encoder.transform(rows))


LOAD_ALONE = f"""
import pickle, sys, types
missing = ["kedro", "pydantic", "mlflow", "omegaconf", "click", "yaml"]
sys.modules |= dict.fromkeys(missing)
sys.path.insert(0, {str(SOURCE)!r})
model = pickle.load(sys.stdin.buffer)
import pandas as pd
rows = pd.DataFrame({{"price": ["$1,000.50"], "colour": ["RED"]}})
print(model.transform(rows).shape)
"""


def test_a_stored_model_needs_no_kedro() -> None:
    stored = pickle.dumps(fit(MIXED[["price", "colour"]]))
    command = [sys.executable, "-B", "-c", LOAD_ALONE]
    run = subprocess.run(command, input=stored, capture_output=True, check=False)
    assert run.stdout.decode().strip() == "(1, 5)", run.stderr.decode()
