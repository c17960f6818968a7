"""Texts are cleaned by named steps, and their features follow them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.config.text import (
    BOTH,
    CHARACTERS,
    WORD_PATTERN,
    TokenizerSpec,
    add_defaults,
    read_text_parameters,
)
from kedro_dynamic.models import texts as module
from kedro_dynamic.models.estimators import find_problems
from kedro_dynamic.models.texts import (
    _decide,
    choose_features,
    clean_texts,
    find_telling_words,
    fit_classifier,
    fit_vectorizer,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import LabelEncoder

AUTO = TokenizerSpec.model_validate("auto")
LINEAR_SVC = {"class": "sklearn.svm.LinearSVC", "model_kwargs": {"tol": 0.01}}
# As in parameters_text.yml.
SVM = ModelSpec.model_validate(
    {
        "class": "sklearn.ensemble.StackingClassifier",
        "model_kwargs": {
            "estimators": [["svm", LINEAR_SVC]],
            "final_estimator": {
                "class": "sklearn.linear_model.LogisticRegression",
                "model_kwargs": {"C": 3, "solver": "newton-cg"},
            },
        },
    }
)
HINDI = "\u0939\u093f\u0928\u094d\u0926\u0940"  # vowels are marks


@pytest.mark.parametrize(
    ("steps", "text", "cleaned"),
    [
        (["html"], "A<br />B <i>c</i> &amp; 1 <3 2>", "A B  c  & 1 <3 2>"),
        (["html"], "if a<b and c>d, <grin> &lt;b&gt;", "if a<b and c>d, <grin> <b>"),
        (["html"], '<a href="x>y" class=z>link</A>', " link "),
        (["html"], "A&#98;C &#" + "1" * 5000 + "; &#00000000098;", "AbC    "),
        (["urls"], "see https://a.b/c?d=1, www.e.f\u3002", "see  url   url \u3002"),
        (["unicode"], "Zu\u00adkunft \uff26\uff55\uff4c\uff4c\uff01", "Zukunft Full!"),
        (["unicode"], "won\u2019t \u2764\ufe0f", "won't \u2764"),
        (["unicode"], f"{HINDI}\u200d", f"{HINDI}\u200d"),
        (["case"], ":( #Fail \u0130", ":( #fail i\u0307"),
        (["stopwords"], "The theatre, no? No: THE", " theatre, ? : "),
        (["case", "html"], "<BR>A", " a"),
        ([], "<br>A", "<br>A"),
    ],
)
def test_each_step_cleans_one_thing(steps: list[str], text: str, cleaned: str) -> None:
    assert clean_texts([text], steps, "- the\n- no") == [cleaned]


@pytest.mark.parametrize("stopwords", ["the", "the: a", "- [", "{"])
def test_stopwords_are_a_list(stopwords: str) -> None:
    assert clean_texts(["The"], ["case"], stopwords) == ["the"]
    with pytest.raises(ConfigurationError, match=r"or \[\] for none, not "):
        clean_texts(["The"], ["stopwords"], stopwords)


def test_words_are_those_of_any_script() -> None:
    text = f"Don't 'quote' {HINDI}\u0964 na\u00efve\u2014so_so 10/10 :-( "
    text += "\U0001f600\U0001f44d"
    words = CountVectorizer(token_pattern=WORD_PATTERN, lowercase=False)
    assert words.build_analyzer()(text) == [
        *("Don't", "quote", HINDI, "na\u00efve", "so", "so", "10", "10", ":-("),
        *("\U0001f600", "\U0001f44d"),
    ]


def reviews(count: int, *, is_spaced: bool, length: int = 8) -> tuple[Any, Any]:
    """Return texts of made-up words, of which some are of one of three labels."""
    random = np.random.default_rng(0)
    words = ["".join(random.choice([*"abcdefghij"], 4)) for _ in range(60)]
    texts, labels = [], []
    for row in range(count):
        label = row % 3
        usual = random.choice(words[:30], length)
        telling = random.choice(words[30 + 10 * label : 40 + 10 * label], 2)
        text = random.permutation([*usual, *telling])
        texts.append((" " if is_spaced else "").join(text))
        labels.append(f"label {label}")
    return texts, pd.Series(labels)


@pytest.mark.parametrize(
    ("is_spaced", "features"), [(True, "words"), (False, "characters")]
)
def test_words_without_spaces_are_read_by_their_characters(
    is_spaced: bool, features: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    texts, labels = reviews(300, is_spaced=is_spaced)
    chosen, table = choose_features(texts, labels, AUTO, SVM, random_state=3)
    (row,) = table[table["note"] != ""].index
    assert table["features"].tolist() == ["words", "characters", "words and characters"]
    assert features in table["features"][row]
    assert f"Features: {table['features'][row]} (" in caplog.text
    assert "on 300 training texts" in table["note"][row]

    vectorizer, matrix = fit_vectorizer(chosen, texts[:200])
    codes = pd.factorize(labels)[0]
    model = fit_classifier(SVM, matrix, codes[:200], 3, "accuracy")
    predicted = model.predict(vectorizer.transform(texts[200:]))
    assert (predicted == codes[200:]).mean() > 0.9


@pytest.mark.parametrize(
    ("gain", "noise", "chosen"),
    [(0.2, 0.0, "characters"), (0.03, 0.0, "words"), (0.2, 5.0, "words")],
)
def test_characters_must_be_better_by_more_than_chance_and_their_cost(
    gain: float, noise: float, chosen: str
) -> None:
    words = np.ones(200)
    characters = words - gain + noise * np.tile([1.0, -1.0], 100)
    assert _decide({"words": words, "characters": characters})[0] == chosen


@pytest.mark.parametrize(
    ("characters", "both", "chosen"),
    [(0.8, 0.78, "characters"), (0.8, 0.7, "both"), (0.98, 0.9, "both")],
)
def test_both_must_be_better_than_what_is_chosen_without_them(
    characters: float, both: float, chosen: str
) -> None:
    losses = {"words": 1.0, "characters": characters, "both": both}
    decided = _decide({name: np.full(200, loss) for name, loss in losses.items()})
    assert decided == (chosen, True)


def test_few_reviews_are_read_by_their_characters() -> None:
    texts, labels = reviews(12, is_spaced=True)
    chosen, table = choose_features(texts, labels, AUTO, SVM, random_state=3)
    assert chosen.model_kwargs == CHARACTERS["model_kwargs"]
    assert table["note"].tolist() == ["", "chosen: too few texts to compare", ""]


def test_what_the_owner_writes_is_not_compared() -> None:
    entry = {"class": "sklearn.feature_extraction.text.CountVectorizer"}
    spec = TokenizerSpec.model_validate(entry)
    chosen, table = choose_features([], pd.Series([]), spec, SVM, random_state=3)
    assert chosen is spec
    assert table["features"].tolist() == ["configured"]


@pytest.mark.parametrize("entry", [CHARACTERS, BOTH])
def test_what_is_chosen_from_can_be_written_out(entry: dict[str, Any]) -> None:
    spec = TokenizerSpec.model_validate(entry)
    assert find_problems(spec, "text.tokenizer") == []
    vectorizer, matrix = fit_vectorizer(spec, ["good film", "good films"])
    assert matrix.shape == (2, len(vectorizer.get_feature_names_out()))


def test_characters_see_where_a_text_begins_and_ends() -> None:
    spec = TokenizerSpec.model_validate(CHARACTERS)
    vectorizer, features = fit_vectorizer(spec, ["anna", "anna", "han"])
    names = set(vectorizer.get_feature_names_out())
    assert {" ann", "nna ", "an"} <= names
    assert (features[0] != features[2]).nnz

    loaded = pickle.loads(pickle.dumps(vectorizer))
    assert (loaded.transform(["anna"]) != features[0]).nnz == 0


def test_a_space_does_not_make_a_text_known() -> None:
    spec = TokenizerSpec.model_validate(CHARACTERS)
    vectorizer, _ = fit_vectorizer(spec, ["good film", "good films"])
    unknown = vectorizer.transform(["", " ", "\u6f22\u5b57", "\u6f22 \u5b57"])
    assert unknown.nnz == 0


def test_rare_labels_can_be_learned() -> None:
    _, matrix = fit_vectorizer(AUTO, ["good", "bad", "fine"] * 5)
    codes = np.array([0, 1, 2] * 5)
    codes[6:] = 0
    assert fit_classifier(SVM, matrix, codes, 3, "accuracy").cv == 2


@pytest.mark.parametrize(
    ("path", "kwargs"),
    [
        ("sklearn.feature_extraction.text.TfidfVectorizer", {"min_df": 1000}),
        ("sklearn.feature_extraction.text.HashingVectorizer", {}),
        ("sklearn.preprocessing.StandardScaler", {}),
    ],
)
def test_a_tokenizer_that_cannot_be_fitted_is_named(path: str, kwargs: Any) -> None:
    spec = TokenizerSpec.model_validate({"class": path, "model_kwargs": kwargs})
    with pytest.raises(
        ConfigurationError, match=rf"text\.tokenizer\.class: {path} does"
    ):
        fit_vectorizer(spec, ["good film", "bad film"])


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("sklearn.svm.LinearSVC", "no attribute .predict_proba"),
        ("sklearn.naive_bayes.GaussianNB", "Sparse data"),
    ],
)
def test_an_unsuitable_model_is_named(path: str, problem: str) -> None:
    spec = ModelSpec.model_validate({"class": path})
    texts, labels = reviews(60, is_spaced=True)
    with pytest.raises(
        ConfigurationError, match=rf"text\.model\.class: {path}.*{problem}"
    ):
        choose_features(texts, labels, AUTO, spec, random_state=3)


def test_the_file_shows_what_differs_from_the_defaults() -> None:
    entry = {"class": "sklearn.svm.SVC"}
    text = {
        "text_column": ["title", "body"],
        "label_column": "stars",
        "tokenizer": "auto",
        "model": entry,
    }
    spec = read_text_parameters({"text": add_defaults(text)})
    assert spec.tokenizer == AUTO
    assert (spec.missing_label, spec.scoring, spec.labels) == (
        "error",
        "neg_log_loss",
        {},
    )
    assert read_text_parameters(
        {"text": text | {"text_column": "body"}}
    ).text_column == ["body"]
    with pytest.raises(
        ConfigurationError, match=r"text\.cleanin: unknown key; did you"
    ):
        read_text_parameters({"text": text | {"cleanin": []}})


def test_trials_are_tried_on_the_training_set(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    texts, labels = reviews(60, is_spaced=True)
    entry = {
        "class": "sklearn.linear_model.LogisticRegression",
        "model_kwargs": {"C": 1e-6},
        "search_space": {
            "C": {"float": [0.1, 10], "log": True},
            "max_iter": {"int": [500, 1000]},
            "solver": {"categorical": ["lbfgs"]},
            "tol": {"float": [0.001, 0.002]},
        },
        "trials": 3,
    }
    spec = ModelSpec.model_validate(entry)
    _, matrix = fit_vectorizer(AUTO, texts)
    model = fit_classifier(spec, matrix, labels.to_numpy(), 3, "neg_log_loss")
    again = fit_classifier(spec, matrix, labels.to_numpy(), 3, "neg_log_loss")
    assert model.C == again.C
    assert "3 trials: log loss 0." in caplog.text
    assert "as configured" in caplog.text
    assert "best with {" in caplog.text
    assert "np." not in caplog.text


def test_both_kinds_are_counted_once_for_the_comparison(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = []

    def count(spec: Any, texts: Any) -> Any:
        counted.append(spec)
        return fit_vectorizer(spec, texts)

    monkeypatch.setattr(module, "fit_vectorizer", count)
    texts, _ = reviews(60, is_spaced=True)
    entries = {"words": AUTO, "characters": TokenizerSpec.model_validate(CHARACTERS)}
    both = TokenizerSpec.model_validate(BOTH)
    features = module._count(texts, {**entries, "both": both})
    assert counted == [*entries.values()]
    difference = features["both"] - fit_vectorizer(both, texts)[1]
    assert abs(difference).max() == 0


@pytest.mark.parametrize("model", [LogisticRegression(), KNeighborsClassifier(3)])
def test_a_word_is_telling_for_the_label_it_occurs_with(model: Any) -> None:
    tokenizer = CountVectorizer()
    features = tokenizer.fit_transform(["tedious film", "brilliant film", "fair"] * 2)
    labels = ["bad", "good", "average"] * 2
    encoder = LabelEncoder().fit(labels)
    model.fit(features, labels)
    instances = pd.DataFrame({"label": labels})
    table = find_telling_words(model, tokenizer, features, instances, encoder)
    first = table.set_index("label")["words"].str.split().str[0].to_dict()
    assert first == {"bad": "tedious", "average": "fair", "good": "brilliant"}


def test_the_words_of_a_frequent_label_are_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RATED_WORDS", 30)
    texts = [f"it spam{n % 40}{' home' if n % 20 < 7 else ''}" for n in range(200)]
    texts += ["it home" if n % 5 < 2 else "it" for n in range(400)]
    labels = ["spam"] * 200 + ["ham"] * 400
    tokenizer = CountVectorizer()
    features = tokenizer.fit_transform(texts)
    model = LogisticRegression().fit(features, labels)
    instances = pd.DataFrame({"label": labels})
    table = find_telling_words(
        model, tokenizer, features, instances, LabelEncoder().fit(labels)
    )
    assert {*table["words"][0].split()[:3:2]} == {"home", "it"}
