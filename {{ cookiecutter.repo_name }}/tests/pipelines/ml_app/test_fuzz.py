"""Whatever people write: one prediction per text, and never an exception.

The examples are the same in each run (``derandomize``).
"""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from {{ cookiecutter.python_package }}.pipelines.ml_app.nodes import (
    decode_predictions,
    encode_labels,
    fit_label_encoder,
    fit_tokenizer,
    predict,
    tokenize_text,
    train_model,
)
from {{ cookiecutter.python_package }}.pipelines.ml_app.text import (
    lower_case,
    remove_punctuation,
    remove_stopwords,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec

Fitted = tuple[Any, Any, Any]

STOPWORDS = ["the", "a", "i", "don't"]
# Right to left, joined emoji, a combining accent, ligatures, control characters, a
# capital that grows in lower case, line separators, full-width letters.
PIECES = re.findall(
    r"[^ ]+",
    "good bad not great boring the don't DON'T _ ' '' -- ... <br/> "
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u202egood\u202c "
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd e\u0301 "
    "\ufb01lm \x00 \x07 \x1b[31m \ufeff \u0130stanbul \u1e9e \u2028 \x85 "
    "\uff47\uff4f\uff4f\uff44 \u0bb5\u0ba3\u0b95\u0bcd\u0b95\u0bae\u0bcd "
    "\u597d\u770b \U000e0001 \U0010ffff",
)
TEXTS = st.lists(
    st.text(max_size=200)
    | st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join)
    | st.sampled_from(["", " ", "nan", "'" * 5000, "good " * 20_000, "x" * 10**5])
    | st.none(),
    max_size=6,
)


def clean(texts: list[Any]) -> "pd.Series[str]":
    instances = pd.DataFrame({"text": texts}, dtype="object")
    return remove_punctuation(remove_stopwords(lower_case(instances), STOPWORDS))


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """Return what training on a few texts leaves behind."""
    texts = ["a good film", "great, great", "bad and boring", "not good, bad"] * 5
    labels = ["positive", "positive", "negative", "negative"] * 5
    table, rows = pd.DataFrame({"label": labels}), np.arange(len(labels))
    cleaned = clean(texts)
    tokenizer = fit_tokenizer(cleaned, rows, vocabulary_size=100)
    label_encoder = fit_label_encoder(table)
    model = train_model(
        tokenize_text(tokenizer, cleaned),
        encode_labels(label_encoder, table),
        rows,
        ModelSpec.model_validate({"class": "sklearn.linear_model.LogisticRegression"}),
        random_state=3,
    )
    return tokenizer, model, label_encoder


@settings(derandomize=True, database=None, deadline=5000, max_examples=100)
@given(texts=TEXTS)
def test_any_texts_get_a_prediction_each(
    fitted: Fitted, texts: list[str | None]
) -> None:
    tokenizer, model, label_encoder = fitted
    cleaned = clean(texts)
    assert len(cleaned) == len(texts)
    assert not cleaned.str.contains("[.,!?<>_]").any()
    assert not {"the", "a", "i"} & {word for text in cleaned for word in text.split()}
    probabilities = predict(model, tokenize_text(tokenizer, cleaned))
    assert probabilities.shape == (len(texts), 2)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert np.allclose(probabilities.sum(axis=1), 1)
    predictions = decode_predictions(label_encoder, probabilities)
    assert len(predictions) == len(texts)
    assert set(predictions["label"]) <= {"negative", "positive"}
