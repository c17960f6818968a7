"""Raw rows in, numbers out; new rows are read as the training rows were."""

from __future__ import annotations

import datetime
import pickle
import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.models import column_encoder
from kedro_dynamic.models.column_encoder import ColumnEncoder, Finding
from kedro_dynamic.models.column_kinds import columns_to_json, read_columns
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skops import io as skops

from .conftest import SOURCE

ROWS = 200
CLASSES = np.arange(ROWS) % 2


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


def fit(
    table: pd.DataFrame,
    overrides: dict[str, str] | None = None,
    target: Any = CLASSES,
    **arguments: Any,
) -> ColumnEncoder:
    """Return an encoder that is fitted to a table."""
    columns = columns_to_json(read_columns(table, overrides))
    return ColumnEncoder(columns, **arguments).fit(table, target)


def one_column(cells: Any, override: str | None = None) -> ColumnEncoder:
    """Return an encoder that is fitted to one column, called x."""
    return fit(pd.DataFrame({"x": cells}), {"x": override} if override else None)


def same(encoder: ColumnEncoder, cells: Any, others: Any) -> bool:
    """Return True if cells mean the same as others, and nothing is found in them."""
    features, findings = encoder.encode(pd.DataFrame({"x": cells}))
    expected = encoder.transform(pd.DataFrame({"x": others}))
    return not findings and np.array_equal(features, expected)


def find(encoder: ColumnEncoder, cells: Any) -> list[Finding]:
    """Return what is found in cells of the column x."""
    return encoder.encode(pd.DataFrame({"x": cells}))[1]


# --- Encoding ---


def test_numbers_are_imputed_and_scaled() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(ROWS, 4)), columns=[*"abcd"])
    table = table.mask(random.random(table.shape) < 0.1).assign(e=np.arange(ROWS))
    plain = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encoder = fit(table)
    assert np.allclose(encoder.transform(table), plain.fit_transform(table))
    assert encoder.get_feature_names_out().tolist() == [*"abcde"]


def test_numbers_alone_are_not_read_column_by_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(column_encoder, "read_numbers")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(64, 300)))
    table[5] = 1.0
    encoder = ColumnEncoder().fit(table)
    assert encoder.transform(table).shape == (64, 299)


def test_the_training_rows_stay_as_they_are() -> None:
    table = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [1.0, 2.0, 9.0]})
    before = table.copy()
    encoder = ColumnEncoder().fit(table)
    encoder.transform(table)
    pd.testing.assert_frame_equal(table, before)


def test_categories_become_a_feature_per_level() -> None:
    encoder = one_column(repeat("red", "blue", None, " red "))
    assert encoder.get_feature_names_out().tolist() == ["x_missing", "x_blue", "x_red"]
    rows = pd.DataFrame({"x": ["red", "blue", None, "?", "green"]})
    expected = [[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert encoder.transform(rows).tolist() == expected


def test_rare_and_new_levels_share_a_feature() -> None:
    cells = repeat("red", "blue")
    cells[3] = "pink"
    encoder = one_column(cells)
    assert encoder.get_feature_names_out()[-1] == "x_infrequent"
    rows = pd.DataFrame({"x": ["pink", "never seen"]})
    assert encoder.transform(rows).tolist() == [[0, 0, 1], [0, 0, 1]]


def test_no_column_becomes_a_feature_per_value_without_bound() -> None:
    values = [f"v{number}" for number in range(150)]
    cells = (values + values)[:ROWS]
    assert (
        one_column(cells, "category").transform(pd.DataFrame({"x": cells})).shape[1]
        == 41
    )
    many = fit(pd.DataFrame({"x": cells}), target=np.arange(ROWS) % 25)
    assert len(many.get_feature_names_out()) == 41
    few = fit(pd.DataFrame({"x": cells}), {"x": "many"}, np.arange(ROWS) % 3)
    assert few.get_feature_names_out().tolist() == ["x_0", "x_1", "x_2"]


def test_many_levels_become_the_mean_of_the_target() -> None:
    towns = repeat(*[f"town{number}" for number in range(50)])
    prices = np.array([row % 50 for row in range(ROWS)])
    table = pd.DataFrame({"town": towns})
    encoder = fit(table, target=prices, task="regression")
    # Whole numbers are not classes: one feature, not fifty.
    assert encoder.get_feature_names_out().tolist() == ["town"]
    new = pd.DataFrame({"town": ["town49", "town3", "never seen", None]})
    assert np.allclose(encoder.transform(new).T, [[49, 3, 24.5, 24.5]])


def test_target_means_of_training_rows_come_from_other_rows() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"x": repeat(*[f"level{number}" for number in range(100)])})
    noise = random.normal(size=ROWS)
    encoder = fit(table, target=noise, task="regression")
    leaking = np.corrcoef(encoder.transform(table)[:, 0], noise)[0, 1]
    fitted = clone(encoder).fit_transform(table, noise)
    assert leaking > 0.5 > abs(np.corrcoef(fitted[:, 0], noise)[0, 1])


@pytest.mark.parametrize("target", [["a", "b"], ["a", "b", "c"], [True, False]])
def test_targets_can_be_texts(target: list[Any]) -> None:
    features = ColumnEncoder().fit_transform(MIXED, pd.Series(repeat(*target)))
    assert np.isfinite(features).all()


def test_a_class_with_one_row_is_no_hindrance() -> None:
    target = ["rare", *repeat("a", "b")[1:]]
    assert np.isfinite(ColumnEncoder().fit_transform(MIXED, target)).all()


def test_many_levels_need_the_target() -> None:
    with pytest.raises(ValueError, match="'town' is encoded by the target"):
        ColumnEncoder().fit(MIXED)


def test_dates_become_days_and_the_parts_that_vary() -> None:
    stamps = pd.date_range("2024-01-01 06:30", periods=ROWS, freq="36h")
    encoder = one_column(stamps.astype(str))
    names = ["x", "x_month", "x_weekday", "x_hour"]
    assert encoder.get_feature_names_out().tolist() == names
    scaler = encoder.parts_["numbers"].scaler_
    rows = pd.DataFrame({"x": ["2024-05-13 07:30:00"]})
    raw = encoder.transform(rows) * scaler.scale_ + scaler.mean_
    assert np.allclose(raw, [[8899 + 7.5 / 24, 5, 0, 7.5]])


def test_times_of_day_become_hours() -> None:
    encoder = one_column(repeat("08:15", "23:00", "?"))
    scaler = encoder.parts_["numbers"].scaler_
    assert encoder.get_feature_names_out().tolist() == ["x_hour"]
    rows = pd.DataFrame({"x": ["08:15", datetime.time(9, 30)]})
    raw = encoder.transform(rows) * scaler.scale_ + scaler.mean_
    assert np.allclose(raw, [[8.25], [9.5]])


def test_texts_become_thirty_features() -> None:
    cells = [f"{word} number {row}" for row, word in enumerate(repeat("good", "bad"))]
    encoder = one_column(cells)
    assert len(encoder.get_feature_names_out()) == 30
    good, better, bad = encoder.transform(
        pd.DataFrame({"x": ["good one", "good two", "bad one"]})
    )
    assert np.linalg.norm(good - better) < np.linalg.norm(good - bad)


@pytest.mark.parametrize("cells", [["ab", "cd", "ef"], ["abc", "", None], ["-", "-"]])
def test_few_texts_are_no_error(cells: list[Any]) -> None:
    table = pd.DataFrame({"x": cells, "y": np.arange(len(cells))})
    features = fit(table, {"x": "text"}, None).transform(table)
    assert np.isfinite(features).all()


def test_every_feature_knows_its_column() -> None:
    encoder = fit(MIXED)
    names, sources = encoder.get_feature_names_out(), encoder.source_columns_
    assert len(names) == len(sources) == encoder.transform(MIXED).shape[1]
    assert all(
        name.startswith(column) for name, column in zip(names, sources, strict=True)
    )
    assert {*sources} == {*MIXED} - {"id"}
    table = encoder.set_output(transform="pandas").transform(MIXED)
    assert table.columns.tolist() == names.tolist()


def test_a_table_without_a_useful_column_is_an_error() -> None:
    with pytest.raises(ValueError, match="one value only or identifies rows"):
        ColumnEncoder().fit(pd.DataFrame({"a": [1, 1], "b": ["x", "x"]}))


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
        (["12", "A3"], [12, "a3"]),
        (["12", "34", "A3"], [12, 34]),
        (["12", "34", "A3"], [12.0, 34.0]),
        (["007", "12", "A3"], [7, 12]),
        (["007", "12", "A3"], ["7", "0012"]),
    ],
)
def test_what_means_the_same_is_read_the_same(trained: list[Any], new: Any) -> None:
    encoder = one_column(repeat(*trained))
    assert same(encoder, new, trained[: len(new)])


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
        ["1", "n/a", " 3 "],
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
        ("{} %", ["7%", "7", 7], ["7 %", "7 %", "7 %"]),
    ],
)
def test_money_is_read_as_in_the_training_rows(
    trained: str, new: list[Any], means: list[Any]
) -> None:
    encoder = one_column([trained.format(row) for row in range(ROWS)])
    assert same(encoder, new, means)


def test_small_and_large_tables_are_read_alike() -> None:
    cells = ["$1,164.50", "-$5.00", "($5.00)", "3", "$1.5", "?", "$0.25", "x", "1,5"]
    encoder = one_column([f"${row}.50" for row in range(ROWS)])
    table = pd.DataFrame({"x": cells * 30})
    features, (finding,) = encoder.encode(table)
    single = np.vstack([encoder.transform(table.iloc[[row]]) for row in range(9)])
    assert np.allclose(features, np.tile(single, (30, 1)))
    assert finding.count == 60


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


def test_durations_come_in_many_types() -> None:
    encoder = one_column(pd.to_timedelta(np.arange(ROWS), unit="h"))
    hours = pd.to_timedelta([1, 30], unit="h")
    assert same(encoder, ["0 days 01:00:00", "1 days 06:00:00"], hours)
    assert same(encoder, ["?", datetime.timedelta(hours=30)], [pd.NaT, hours[1]])
    (finding,) = find(encoder, ["12", "1 days"])
    assert (finding.problem, finding.examples) == ("unread", ("12",))


def test_dates_are_read_only_where_the_order_is_known() -> None:
    encoder = one_column(pd.date_range("2024-01-01", periods=ROWS))
    assert same(encoder, ["13/04/2024", "04/13/2024"], ["2024-04-13"] * 2)
    (finding,) = find(encoder, ["03/04/2024", "13/04/2024"])
    assert (finding.problem, finding.examples) == ("unread", ("03/04/2024",))


def test_cells_that_cannot_be_read_are_named() -> None:
    encoder = fit(MIXED)
    rows = MIXED.head(40).copy()
    rows["age"] = rows["age"].astype(object)
    rows.loc[[3, 17], "age"] = ["old", "young"]
    rows.loc[5, "price"] = "cheap"
    rows.loc[9, "opened"] = "04/13/2024"
    features, findings = encoder.encode(rows)
    named = {finding.column: (finding.rows, finding.examples) for finding in findings}
    assert named == {
        "age": ((3, 17), ("old", "young")),
        "price": ((5,), ("cheap",)),
        "opened": ((9,), ("04/13/2024",)),
    }
    assert findings[0].message == (
        "age: cells that cannot be read count as missing: 'old' in row 3, 'young' in "
        "row 17"
    )
    rows.loc[[3, 17], "age"] = None
    rows.loc[5, "price"] = rows.loc[9, "opened"] = None
    assert np.array_equal(features, encoder.transform(rows))


def test_infinite_numbers_count_as_missing() -> None:
    encoder = one_column(np.arange(ROWS))
    (finding,) = find(encoder, [np.inf, 1.0])
    assert (finding.problem, finding.rows) == ("unread", (0,))
    (finding,) = find(encoder, ["inf", "1"])
    assert (finding.problem, finding.rows) == ("unread", (0,))


def test_a_finding_counts_what_it_does_not_list() -> None:
    (finding,) = find(one_column(np.arange(ROWS)), ["x"] * 40)
    assert finding.message.endswith("'x' in row 4 and 35 more")


def test_mostly_new_levels_are_said() -> None:
    encoder = one_column(repeat("red", "blue"))
    (finding,) = find(encoder, ["rot", "blau", "red", None])
    assert (finding.problem, finding.count) == ("unseen", 2)
    assert find(encoder, ["rot", "blue", "red"]) == []


def test_codes_that_lost_their_zeros_are_said() -> None:
    encoder = one_column(repeat("007", "07", "12"))
    (finding,) = find(encoder, [7, 12])
    assert (finding.problem, finding.examples) == ("ambiguous", ("7",))
    assert find(encoder, ["07", "12"]) == []


def test_numbers_that_a_reader_may_have_misread_are_said() -> None:
    encoder = one_column([f"{row + 1}.{row:03d},50" for row in range(ROWS)])
    (finding,) = find(encoder, [1.234, 12.0])
    assert (finding.problem, finding.rows) == ("doubtful", (0,))
    assert find(encoder, ["1.234", "12,0"]) == []


def test_odd_cells_of_the_training_rows_are_missing_in_new_rows_too() -> None:
    cells = [str(row / 4) for row in range(ROWS)]
    cells[17] = "Unrated"
    encoder = one_column(cells)
    assert same(encoder, ["Unrated", "UNRATED", "2.5"], ["?", "", "2.5"])


def test_columns_are_found_by_name() -> None:
    encoder = fit(MIXED)
    shuffled = MIXED[[*MIXED.columns[::-1]]].assign(extra="x")
    assert np.array_equal(encoder.transform(shuffled), encoder.transform(MIXED))
    # What identifies rows is not needed.
    encoder.transform(MIXED.drop(columns="id"))
    with pytest.raises(ValueError, match="columns are missing: 'age'; did you mean 'A"):
        encoder.transform(MIXED.rename(columns={"age": "Age"}))


def test_names_can_be_numbers() -> None:
    table = MIXED.set_axis(range(MIXED.shape[1]), axis=1)
    texts = table.rename(columns=str)
    encoder = fit(table)
    assert np.array_equal(encoder.transform(texts), encoder.transform(table))
    assert np.array_equal(fit(texts).transform(table), encoder.transform(table))


def test_one_row_is_read_as_many_are() -> None:
    encoder = fit(MIXED)
    single = [encoder.transform(MIXED.iloc[[row]]) for row in range(60)]
    assert np.allclose(np.vstack(single), encoder.transform(MIXED.head(60)))


# --- As a part of a model ---


def test_it_is_a_part_of_scikit_learn() -> None:
    shuffled = np.random.default_rng(0).permutation(MIXED["code"])
    table = MIXED.assign(code=shuffled)
    columns = columns_to_json(read_columns(table))
    model = make_pipeline(ColumnEncoder(columns), DecisionTreeClassifier(max_depth=3))
    target = (table["colour"] == "red") & (table["code"] != "12")
    scores = cross_val_score(clone(model), table, target, error_score="raise")
    assert scores.mean() == 1
    importance = permutation_importance(
        model.fit(table, target), table, target, random_state=0
    )
    best = table.columns[importance.importances_mean > 0]
    assert {*best} == {"colour", "code"}


def test_folds_can_lack_what_the_training_rows_have() -> None:
    columns = columns_to_json(read_columns(MIXED))
    fold = MIXED.head(30).assign(age=np.nan, opened=None, member=True, town="town1")
    encoder = ColumnEncoder(columns)
    assert np.isfinite(encoder.fit_transform(fold, CLASSES[:30])).all()
    assert np.isfinite(encoder.transform(MIXED)).all()


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
    assert loaded.encode(MIXED)[1] == []


def test_a_model_of_newer_code_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_encoder, "STATE_VERSION", 2)
    stored = pickle.dumps(ColumnEncoder())
    monkeypatch.setattr(column_encoder, "STATE_VERSION", 1)
    with pytest.raises(ValueError, match="saved by a newer kedro_dynamic"):
        pickle.loads(stored)


LOAD_ALONE = f"""
import pickle, sys, types
sys.modules |= dict.fromkeys(["kedro", "pydantic", "mlflow", "omegaconf"])
# The package's own __init__ is Kedro's affair.
package = types.ModuleType("kedro_dynamic")
package.__path__ = [{str(SOURCE / "kedro_dynamic")!r}]
sys.modules["kedro_dynamic"] = package
model = pickle.load(sys.stdin.buffer)
import pandas as pd
print(model.predict(pd.DataFrame({{"x": ["$1,000.50"], "y": ["red"]}}))[0])
"""


def test_a_stored_model_needs_no_kedro() -> None:
    table = pd.DataFrame(
        {"x": [f"${row}.50" for row in range(ROWS)], "y": repeat("red", "blue")}
    )
    model = make_pipeline(ColumnEncoder(), LogisticRegression())
    stored = pickle.dumps(model.fit(table, np.arange(ROWS) > 100))
    command = [sys.executable, "-B", "-c", LOAD_ALONE]
    run = subprocess.run(command, input=stored, capture_output=True, check=False)
    assert run.stdout.decode().strip() == "True", run.stderr.decode()
