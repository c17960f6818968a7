"""Texts are split by a hash."""

from __future__ import annotations

import pandas as pd
import pytest
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.models.text_tables import split_texts


def test_copies_and_new_texts_do_not_change_the_split() -> None:
    texts = [f"Text {number}" for number in range(400)]
    copies = [f" {text.upper()}" for text in texts]
    labels = ["worse", "better"] * 400
    table = pd.DataFrame({"text": [*texts, *copies], "label": labels})
    train, test = split_texts(table, 0.25)
    rows = train.index
    assert sorted([*rows, *test.index]) == list(range(800))
    assert 70 < (test.index < 400).sum() < 130
    assert (rows[rows < 400] + 400).tolist() == rows[rows >= 400].tolist()
    assert train.equals(table.loc[rows])
    fewer, _ = split_texts(table[:50], 0.25)
    assert fewer.index.tolist() == rows[rows < 50].tolist()
    with pytest.raises(ConfigurationError, match="Of 2 texts, "):
        split_texts(table.head(2), 0.5)


def test_texts_without_a_label_and_single_ones_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    texts = [f"Text {number}" for number in range(60)]
    table = pd.DataFrame({"text": texts, "label": ["worse", "better", None] * 20})
    train, test = split_texts(table, 0.25)
    assert sorted([*train.index, *test.index]) == [n for n in range(60) if n % 3 < 2]

    table.loc[train.index[0], "label"] = "rare"
    fewer, same_test = split_texts(table, 0.25)
    assert fewer.index.equals(train.index[1:])
    assert same_test.equals(test)
    assert "single training text are not learned: rare" in caplog.text
    with pytest.raises(ConfigurationError, match="No text has a label to learn from"):
        split_texts(table.assign(label=None), 0.25)
