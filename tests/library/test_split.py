"""The split as data: test rows, folds and rows for tuning; groups and times whole."""

from __future__ import annotations

from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.config.errors import ConfigurationError, DataError
from kedro_dynamic.config.schema import DataSpec
from kedro_dynamic.models.split import (
    fold_pairs,
    group_keys,
    make_folds,
    read_times,
    split_rows,
    tuning_pairs,
)
from kedro_dynamic.models.target import values_repeat
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

RANDOM = np.random.default_rng(0)


def people(number: int = 40, rows: int = 6) -> pd.DataFrame:
    """Return so many rows of each person; every fourth person is ill."""
    person = np.repeat(np.arange(number), rows)
    table = pd.DataFrame({"person": person, "x": RANDOM.normal(size=len(person))})
    table["ill"] = np.where(table["person"] % 4 == 0, "yes", "no")
    return table.sample(frac=1, random_state=1, ignore_index=True)


def days(number: int = 120, rows: int = 3) -> pd.DataFrame:
    """Return so many rows of each day, in no order."""
    day = pd.date_range("2024-01-01", periods=number).repeat(rows)
    table = pd.DataFrame({"day": day, "x": RANDOM.normal(size=len(day))})
    table["y"] = RANDOM.integers(0, 2, len(day))
    return table.sample(frac=1, random_state=1, ignore_index=True)


def with_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with a quantity as target."""
    return table.assign(ill=table["x"])


def split(table: pd.DataFrame, target: str, seed: int = 3, **changes: Any) -> Any:
    data = DataSpec(target_column=target, **({"train_fraction": 0.75} | changes))
    return split_rows(table, data, seed)


def folds_of(table: pd.DataFrame, target: str, *by: Any, **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "folds": 4,
        "random_state": 3,
    }
    X, y = table.drop(columns=target), table[target]
    return make_folds(X, y, *by, **(arguments | changes))


def problem(error: Any) -> str:
    return str(error.value.message).split("\n  ")[1]


def test_plain_rows_are_split_as_scikit_learn_does() -> None:
    table = people()
    training, test = split(table, "ill")
    expected = train_test_split(
        table, train_size=0.75, random_state=3, stratify=table["ill"]
    )
    assert training.tolist() == expected[0].index.tolist()
    assert test.tolist() == expected[1].index.tolist()


@pytest.mark.parametrize(
    ("target", "kind"), [("ill", StratifiedKFold), ("x", KFold)], ids=["classes", "x"]
)
def test_plain_folds_are_those_of_scikit_learn(target: str, kind: Any) -> None:
    table = people()
    folds = folds_of(table, target)
    expected = kind(4, shuffle=True, random_state=3).split(table, table[target])
    assert list(folds) == ["fold"]
    for pair, expected_pair in zip(fold_pairs(folds), expected, strict=True):
        assert [rows.tolist() for rows in pair] == [
            rows.tolist() for rows in expected_pair
        ]


def test_groups_are_whole_and_classes_keep_their_shares() -> None:
    table = people()
    training, test = split(table, "ill", group_column="person")
    persons = table["person"]
    assert not {*persons.iloc[training]} & {*persons.iloc[test]}
    assert len(test) == 60
    assert (table["ill"].iloc[test] == "yes").mean() == pytest.approx(0.2, abs=0.06)
    assert sorted([*training, *test]) == list(range(len(table)))


def test_two_groups_are_a_group_each() -> None:
    table = people(2, 20).assign(ill=[*"ab"] * 20)
    training, test = split(table, "ill", group_column="person")
    assert (len(training), len(test)) == (20, 20)


def test_other_seeds_have_other_groups() -> None:
    table = people()
    tests = {
        tuple(split(table, "ill", seed, group_column="person")[1]) for seed in range(5)
    }
    assert len(tests) == 5


def test_groups_do_not_depend_on_the_order_of_the_rows() -> None:
    table = people()
    shuffled = table.sample(frac=1, random_state=2)
    in_test = []
    for rows in (table, shuffled):
        _, test = split(rows, "ill", group_column="person")
        in_test.append({*rows["person"].iloc[test]})
    assert in_test[0] == in_test[1]


def test_unequal_groups_and_a_rare_class_are_balanced() -> None:
    sizes = [*range(1, 41)]
    table = pd.DataFrame({"group": np.repeat(sizes, sizes)})
    table["kind"] = np.where(table["group"].isin([5, 9, 14, 22]), "rare", "usual")
    folds = folds_of(table, "kind", table["group"])
    rows = folds["fold"].value_counts()
    assert rows.max() - rows.min() <= 20  # of 205
    for training, validation in fold_pairs(folds):
        assert not {*table["group"][training]} & {*table["group"][validation]}
        assert table["kind"][training].nunique() == 2
        assert table["kind"][validation].nunique() == 2


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["phon_S01_1", "phon_S01_2", "S07-3"], ["phon_S01", "phon_S01", "S07"]),
        (["img_001_a.png", "img_001_b.png"], ["img_001", "img_001"]),
        (["P7 L", "P7 R", "P8a", "P8b"], ["P7", "P7", "P8", "P8"]),
        (["scans/4/1.nii", "scans/4/2.nii"], ["scans/4", "scans/4"]),
        (["v1.5", "v1.6", "Anna", "plan.docx"], ["v1", "v1", "Anna", "plan"]),
        (["S01_1", "S01_1", "S01_2"], ["S01_1", "S01_1", "S01_2"]),
    ],
)
def test_texts_that_all_differ_are_grouped_without_their_last_part(
    names: list[str], groups: list[str]
) -> None:
    assert group_keys(pd.Series(names)).tolist() == groups


def test_numbers_are_groups_as_they_are() -> None:
    numbers = pd.Series([11, 12, 13])
    assert group_keys(numbers).tolist() == numbers.tolist()


def test_rows_without_a_group_stay_together() -> None:
    table = people().assign(person=lambda rows: rows["person"].where(rows.index > 30))
    training, test = split(table, "ill", group_column="person")
    missing = table["person"].isna()
    assert missing.iloc[training].any() != missing.iloc[test].any()


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (1, "person: all 240 rows are in one group"),
        (range(240), "person: each of 240 rows is a group of its own, so nothing is"),
    ],
)
def test_groups_that_do_not_group(person: Any, reason: str) -> None:
    with pytest.raises(DataError) as error:
        split(people().assign(person=person), "ill", group_column="person")
    assert problem(error).startswith(reason)


def test_the_last_days_are_the_test_set() -> None:
    table = days()
    training, test = split(table, "y", time_column="day")
    assert table["day"].iloc[training].max() == pd.Timestamp("2024-03-30")
    assert table["day"].iloc[test].min() == pd.Timestamp("2024-03-31")
    assert len(test) == 90


def test_rows_of_a_crowded_day_are_on_one_side() -> None:
    table = pd.DataFrame({"day": [1, 2, 3, 3, 3, 3, 3, 3, 4, 5], "y": [*"abababaaba"]})
    training, test = split(table, "y", time_column="day")
    assert table["day"].iloc[training].max() < table["day"].iloc[test].min()
    assert len(training) == 8


def test_each_block_has_a_day_beside_a_crowded_one() -> None:
    table = pd.DataFrame({"day": [1] * 90 + [*range(2, 12)], "y": np.arange(100)})
    folds = folds_of(table, "y", None, table["day"])
    assert folds["block"].nunique() == 5
    assert folds.groupby(table["day"])["block"].nunique().eq(1).all()


def test_days_are_read_in_one_format() -> None:
    day_first = pd.Series(["03/04/2024", "13/04/2024"], name="day")
    assert read_times(day_first).dt.month.tolist() == [4, 4]
    month_first = pd.Series(["03/04/2024", "03/14/2024"], name="day")
    assert read_times(month_first).dt.month.tolist() == [3, 3]
    zoned = pd.Series(["2024-01-01T23:00:00+02:00", "2024-01-01T22:00:00Z"])
    assert read_times(zoned).is_monotonic_increasing
    assert read_times(pd.Series([2021, 2022])).tolist() == [2021, 2022]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            ["2024-01-01", "soon"],
            "day: 1 of 2 values ('soon') is not a date, such as 2024-03-31",
        ),
        (["2024-01-01", None], "day: 1 of 2 rows have no time, so they are neither"),
        ([2020, np.nan], "day: 1 of 2 rows have no time, so they are neither"),
    ],
)
def test_times_that_cannot_be_ordered(values: Any, reason: str) -> None:
    with pytest.raises(DataError) as error:
        read_times(pd.Series(values, name="day"))
    assert problem(error).startswith(reason)


def test_times_are_read_as_data_columns_says() -> None:
    days = ["05/01", "06/01", "07/01", "01/02", "02/02", "03/02"]
    table = pd.DataFrame({"day": [f"{day}/2024" for day in days], "y": range(6)})
    chosen: dict[str, Any] = {"columns": {"day": "%d/%m/%Y"}, "train_fraction": 0.5}
    training, test = split(table, "y", time_column="day", **chosen)
    assert (training.tolist(), test.tolist()) == ([0, 1, 2], [3, 4, 5])


def test_days_with_dots_come_first() -> None:
    days = ["05.01.2024", "06.01.2024", "01.02.2024", "02.02.2024"]
    assert read_times(pd.Series(days, name="day")).is_monotonic_increasing


def test_days_of_both_orders_are_refused() -> None:
    with pytest.raises(DataError) as error:
        read_times(pd.Series(["13/04/2024", "04/13/2024"], name="day"))
    assert problem(error) == (
        "day: the day comes first in 13/04/2024, the month in 04/13/2024; write "
        "'columns: {day: '%d/%m/%Y'}' below 'data' in parameters.yml"
    )


def test_a_part_of_one_class_is_refused() -> None:
    table = days().assign(y=lambda rows: rows["day"] > "2024-04-20")
    with pytest.raises(DataError) as error:
        split(table, "y", time_column="day")
    assert problem(error).startswith("y: all 270 rows of the training set have the")
    table["y"] = table["day"] < "2024-01-20"
    with pytest.raises(DataError) as error:
        split(table, "y", time_column="day")
    assert problem(error).startswith("y: all 90 rows of the test set have the value")


def test_each_block_is_validated_on_those_before_it() -> None:
    table = days()
    folds = folds_of(table, "y", None, table["day"])
    assert list(folds) == ["fold", "block"]
    assert folds["fold"].isna().sum() == 72  # the first of five blocks
    pairs = fold_pairs(folds)
    assert [(len(a), len(b)) for a, b in pairs] == [
        (72, 72),
        (144, 72),
        (216, 72),
        (288, 72),
    ]
    for training, validation in pairs:
        assert table["day"][training].max() < table["day"][validation].min()


def test_a_third_of_each_class_is_for_tuning_alone() -> None:
    table = people()
    folds = folds_of(table, "ill", is_tuned=True)
    is_tuning = folds["fold"] == "tuning"
    assert table["ill"][is_tuning].value_counts().to_dict() == {"no": 60, "yes": 20}
    for training, validation in fold_pairs(folds):
        assert not is_tuning[validation].any()
        assert is_tuning[training].sum() == 80
        assert len(training) + len(validation) == len(table)
    pairs = tuning_pairs(folds)
    assert len(pairs) == 5
    for training, validation in pairs:
        assert is_tuning.iloc[[*training, *validation]].all()
        assert sorted([*training, *validation]) == np.flatnonzero(is_tuning).tolist()


def test_rows_for_tuning_depend_on_their_content_and_the_seed() -> None:
    table = people()
    shuffled = table.sample(frac=1, random_state=2)
    first = folds_of(table, "ill", is_tuned=True)["fold"] == "tuning"
    second = folds_of(shuffled, "ill", is_tuned=True)["fold"] == "tuning"
    other = folds_of(table, "ill", is_tuned=True, random_state=4)["fold"]
    assert first.equals(second.sort_index())
    assert not first.equals(other == "tuning")


def test_equal_rows_do_not_all_go_to_tuning() -> None:
    table = pd.DataFrame({"x": [*"ab"] * 60, "y": [*"cd"] * 60})
    folds = folds_of(table, "y", is_tuned=True)
    assert (folds["fold"] == "tuning").sum() == 40


def test_groups_for_tuning_are_whole() -> None:
    table = people()
    folds = folds_of(table, "ill", table["person"], is_tuned=True, tuning_folds=3)
    kinds = folds.fillna("none").groupby(table["person"]).nunique()
    assert (kinds == 1).all().all()
    assert (folds["fold"] == "tuning").sum() == pytest.approx(80, abs=6)


def test_the_earliest_rows_are_for_tuning() -> None:
    table = days()
    folds = folds_of(table, "y", None, table["day"], is_tuned=True)
    is_tuning = folds["fold"] == "tuning"
    assert table["day"][is_tuning].max() < table["day"][~is_tuning].min()
    assert is_tuning.sum() == 120
    assert [len(training) for training, _ in fold_pairs(folds)] == [120, 180, 240, 300]
    pairs = tuning_pairs(folds)
    assert len(pairs) == 5
    for training, validation in pairs:
        assert table["day"][training].max() < table["day"][validation].min()
        assert is_tuning[training].all()


@pytest.mark.parametrize("is_tuned", [False, True])
def test_without_folds_nothing_is_validated(is_tuned: bool) -> None:
    folds = folds_of(people(), "ill", folds=0, is_tuned=is_tuned)
    assert fold_pairs(folds) == []
    assert len(tuning_pairs(folds)) == (5 if is_tuned else 0)


@pytest.mark.parametrize(
    ("rows", "by", "changes", "reason"),
    [
        (
            people(3, 10).assign(ill=[*"ab"] * 15),
            "person",
            {},
            "comparison.folds: 4, but the training set has only 3 groups of 'person'; "
            "write 3 or less",
        ),
        (
            people(12, 10),
            "person",
            {},
            "comparison.folds: 4, but all rows of fold",
        ),
        (
            people(2, 3),
            None,
            {"folds": 5},
            "comparison.folds: 5, but the training set has only 3 rows of its most "
            "frequent class; write 3 or less",
        ),
        (
            with_numbers(people(2, 3)),
            None,
            {"folds": 7},
            "comparison.folds: 7, but the training set has only 6 rows; write 6 or",
        ),
        (
            people(1, 9).assign(ill=[*"abbbbbbbb"]),
            None,
            {},
            "comparison.folds: 4, but all rows that fold 1 trains on have the same "
            "value; write 0",
        ),
        (
            with_numbers(people(3, 10)),
            "person",
            {"folds": 2, "is_tuned": True},
            "models: a third of the training set is for tuning, but it has only 1 "
            "groups of 'person'; write 'trials: 0'",
        ),
        (
            with_numbers(people(6, 10)),
            "person",
            {"folds": 5, "is_tuned": True},
            "comparison.folds: 5, but the training set has only 4 groups of 'person' "
            "besides the rows for tuning; write 4 or less",
        ),
    ],
)
def test_too_few_for_the_folds(
    rows: pd.DataFrame, by: str | None, changes: Any, reason: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        folds_of(rows, "ill", rows[by] if by else None, **changes)
    assert problem(error).startswith(reason)


def test_studies_have_fewer_folds_where_there_are_too_few_rows() -> None:
    table = with_numbers(people(6, 10))
    folds = folds_of(table, "ill", table["person"], folds=2, is_tuned=True)
    assert len(fold_pairs(folds)) == len(tuning_pairs(folds)) == 2


@pytest.mark.parametrize(
    ("values", "repeat"),
    [
        ([*"abc"] * 10, True),
        ([True, False] * 4, True),
        ([0, 1] * 10, True),
        ([f"street {number}" for number in range(30)], False),
        ([0.5, 1.0, 1.5] * 10, True),  # stars of a rating
        ([*range(21)] * 10, False),
        ([*range(10)] * 2, False),
    ],
)
def test_few_values_repeat_whatever_the_models(values: Any, repeat: bool) -> None:
    assert values_repeat(pd.Series(values)) == repeat


def test_too_few_times_for_the_folds() -> None:
    table = days(4, 10)
    with pytest.raises(ConfigurationError) as error:
        folds_of(table, "y", None, table["day"])
    assert problem(error) == (
        "comparison.folds: 4, but the training set has only 4 different times; write 3 "
        "or less"
    )


def test_a_first_block_of_one_class() -> None:
    table = days()
    table.loc[table["day"] < "2024-02-01", "y"] = 0
    with pytest.raises(ConfigurationError) as error:
        folds_of(table, "y", None, table["day"])
    assert problem(error) == (
        "comparison.folds: 4, but all rows that fold 1 trains on have the same value; "
        "write 2 or less"
    )


def test_a_class_of_one_group_is_no_reason_to_stop() -> None:
    table = people()
    table.loc[table["person"] == 7, "ill"] = "unknown"
    folds = folds_of(table, "ill", table["person"])
    assert len(fold_pairs(folds)) == 4


@pytest.mark.parametrize("is_tuned", [False, True])
def test_the_table_survives_a_file(is_tuned: bool) -> None:
    table = days()
    folds = folds_of(table, "y", None, table["day"], is_tuned=is_tuned)
    read = pd.read_csv(StringIO(folds.to_csv(index=False)))
    for pairs in (fold_pairs, tuning_pairs):
        for pair, read_pair in zip(pairs(folds), pairs(read), strict=True):
            assert [rows.tolist() for rows in pair] == [
                rows.tolist() for rows in read_pair
            ]


def as_lists(folds: pd.DataFrame) -> list[list[list[int]]]:
    pairs = fold_pairs(folds)
    return [[fitted.tolist(), validated.tolist()] for fitted, validated in pairs]


def test_a_split_of_ones_own() -> None:
    years = pd.Series([2019, 2020, 2020, 2021, 2021, 2021])
    number = (years - 2019).where(years > 2019)
    by_year = pd.DataFrame({"fold": number, "block": years})
    assert as_lists(by_year) == [[[0], [1, 2]], [[0, 1, 2], [3, 4, 5]]]
    sites = pd.DataFrame({"fold": [1, 1, 2, 2]})
    assert as_lists(sites) == [[[2, 3], [0, 1]], [[0, 1], [2, 3]]]
    assert tuning_pairs(sites) == []


@pytest.mark.parametrize(
    ("folds", "reason"),
    [
        (
            {"folds": [1, 2]},
            "the table of folds lacks the column 'fold'; columns: folds",
        ),
        (
            {"fold": [1, "tunning"]},
            "the table of folds has 'tunning' in the column 'fold'; write the number",
        ),
        (
            {"fold": [1, 2], "block": [0, 1]},
            "fold 1 of the table of folds trains on no row",
        ),
        (
            {"fold": ["tuning", "tuning", 1]},
            "the table of folds lacks the column 'tuning_fold'; columns: fold",
        ),
    ],
)
def test_tables_that_are_not_of_folds(folds: Any, reason: str) -> None:
    table = pd.DataFrame(folds)
    pairs = tuning_pairs if "tuning" in [*table.iloc[:, 0]] else fold_pairs
    with pytest.raises(DataError) as error:
        pairs(table)
    assert problem(error).startswith(reason)
