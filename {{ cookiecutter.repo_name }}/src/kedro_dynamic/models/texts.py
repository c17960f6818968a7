"""Texts: how they are cleaned, and which features suit them.

scikit-learn is imported where it is used: every Kedro command imports this module.
"""

import logging
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from html import unescape
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.errors import VERBATIM, ConfigurationError
from kedro_dynamic.config.schema import Dimension, ModelSpec
from kedro_dynamic.config.text import (
    BOTH,
    CHARACTERS,
    FILE,
    TFIDF,
    WORD_PATTERN,
    TokenizerSpec,
)
from kedro_dynamic.models.estimators import build_estimator
from kedro_dynamic.models.scores import display_score, display_stored
from kedro_dynamic.models.snippets import in_yaml

logger = logging.getLogger(__name__)

Array = np.ndarray[Any, Any]

# Codes of characters have at most 7 digits. Python converts no number of 5,000.
TOO_LONG_CODE = re.compile(r"&#\d{8,};?")

# Tags that texts have, not whatever is between "<" and ">": "a<b and c>d" is prose.
HTML_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|center|code|div|em|font|h[1-6]|hr|i|img|li|ol|p"
    r"|pre|q|s|small|span|strong|sub|sup|table|tbody|td|th|thead|tr|tt|u|ul)"
    r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))*\s*/?>""",
    re.IGNORECASE,
)

# ASCII only: in Chinese, an address ends without a space.
URL = re.compile(r"(?:https?://|www\.)[!-~]+")

# Soft hyphens and other invisible characters within words, variants of emoji, and the
# typographic apostrophe. Joiners stay: words of Hindi and Persian need them.
CHARACTERS_TO_REPLACE = {
    **dict.fromkeys([0x00AD, 0x200B, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)], ""),
    0x2019: "'",
}

WORD = re.compile(WORD_PATTERN)

# What the comparison of features reads at most: it takes a second.
MAX_TEXTS, MAX_CHARACTERS = 2000, 300_000

# Labels with fewer texts among them do not take part.
FEWEST = 10

# In 95 of 100 cases, chance explains a mean difference up to as many standard errors.
CONFIDENCE = 1.64

# Characters take five times as long as words, and both take longer: each must lower the
# log loss by this share.
WORTH = 0.05

# Words that are shown of each label, out of those most associated with the labels.
WORDS_PER_LABEL, RATED_WORDS = 15, 500

# Of trials.
FOLDS = 3

# Of classifiers that cross-validate, unless their arguments say otherwise.
DEFAULT_FOLDS = 5

# The comparison needs an order, not the best fit: five folds of such classifiers within
# three of its own took three times as long, and chose the same on 13 of 14 sets.
COMPARED_FOLDS = 2

ADVICE_ON_MODELS = (
    "use a class such as sklearn.linear_model.LogisticRegression, other arguments, or "
    "more texts"
)


def clean_texts(
    texts: Sequence[str], steps: Sequence[str], stopwords: str = ""
) -> list[str]:
    """Clean texts, step by step.

    Args:
        texts: The texts.
        steps: Names of steps, which are taken in this order. ``html``: tags become
            spaces, and entities characters. ``urls``: addresses become the word "url".
            ``unicode``: full-width letters, ligatures and typographic apostrophes
            become ordinary ones, soft hyphens and variants of emoji disappear.
            ``case``: lower case. ``stopwords``: some words disappear.
        stopwords: These words, in lower case: a list in YAML.

    Raises:
        ConfigurationError: If the table is empty, a row is not a text, or the stopwords
            are not a list.
    """
    _check_texts(texts)
    words = _read_words(stopwords) if "stopwords" in steps else frozenset()
    cleaners: dict[str, Callable[[str], str]] = {
        "html": _remove_html,
        "urls": partial(URL.sub, " url "),
        "unicode": _normalize,
        "case": str.lower,
        "stopwords": partial(_remove_words, words=words),
    }
    for step in steps:
        texts = [cleaners[step](text) for text in texts]
    return list(texts)


def _check_texts(texts: Sequence[Any]) -> None:
    """Raise an error unless there are rows, and all are texts."""
    if not len(texts):
        raise ConfigurationError("text: the table is empty")
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            is_missing = isinstance(text, float) and math.isnan(text)
            shown = None if is_missing else text
            raise ConfigurationError(
                f"text: row {row}, counted from 0, is not a text but {shown!r:.99}"
            )


@cache
def _read_words(text: str) -> frozenset[str]:
    """Return the words of a list in YAML, all of them as they are written."""
    import yaml

    try:
        words = yaml.BaseLoader(text).get_single_data() or []
    except yaml.YAMLError:
        words = text
    if not isinstance(words, list):
        raise ConfigurationError(
            "stopwords: give the file a list of words, or [] for none, not "
            f"{text!r:.99}"
        )
    return frozenset(map(str, words))


def _remove_html(text: str) -> str:
    """Replace tags by spaces, and entities by their characters."""
    if "<" in text:
        text = HTML_TAG.sub(" ", text)
    if "&" in text:
        text = unescape(TOO_LONG_CODE.sub(" ", text))
    return text


def _normalize(text: str) -> str:
    """Write the same letters in the same way."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text.translate(CHARACTERS_TO_REPLACE))


def _remove_words(text: str, words: frozenset[str]) -> str:
    """Replace words by nothing; the rest of the text stays as it is."""
    return WORD.sub(lambda match: "" if match[0].lower() in words else match[0], text)


def fit_vectorizer(tokenizer: ModelSpec, texts: Sequence[str]) -> tuple[Any, Any]:
    """Fit what turns texts into features.

    Args:
        tokenizer: The entry ``text.tokenizer``, or what was chosen in its place.
        texts: The cleaned texts of the training set.

    Returns:
        The fitted vectorizer, and the features of the texts, a sparse matrix.

    Raises:
        ConfigurationError: If it cannot be fitted, or cannot name its features.
    """
    advice = f"use a class such as {TFIDF}, or other arguments"
    vectorizer: Any = build_estimator(tokenizer, random_state=0)
    with _naming("text.tokenizer.class", tokenizer, advice):
        features = vectorizer.fit_transform(texts).tocsr()
        vectorizer.get_feature_names_out()
    return vectorizer, features


def fit_classifier(
    model: ModelSpec, features: Any, y: Any, random_state: int, scoring: str
) -> Any:
    """Tune a classifier if its entry has ``trials``, and fit it.

    Args:
        model: The entry ``text.model``.
        features: Sparse matrix, one row per text.
        y: The labels of the same rows, each of them at least twice.
        random_state: Seed of the classifier if it takes one, and of the trials.
        scoring: The entry ``text.scoring``, by which trials are compared.

    Raises:
        ConfigurationError: If the classifier cannot be fitted to sparse features, or
            cannot predict probabilities.
    """
    with _naming("text.model.class", model, ADVICE_ON_MODELS):
        if model.trials:
            model = _tune(model, features, y, random_state, scoring)
        classifier = _build_classifier(model, y, random_state)
        classifier.fit(features, y)
        classifier.predict_proba(features[:1])
    return classifier


def _tune(
    model: ModelSpec, features: Any, y: Any, random_state: int, scoring: str
) -> ModelSpec:
    """Return a model with the best arguments of its search space.

    The trials are cross-validated on the training set; the first is the model as it is.
    """
    from sklearn.model_selection import (
        ParameterSampler,
        StratifiedKFold,
        cross_val_score,
    )

    space = {name: _values_of(item) for name, item in model.search_space.items()}
    sampled = ParameterSampler(
        space, max(model.trials - 1, 1), random_state=random_state
    )
    trials = [{}, *sampled][: model.trials]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=random_state)
    scores = []
    for arguments in trials:
        classifier = _build_classifier(model.with_arguments(arguments), y, random_state)
        scores.append(
            cross_val_score(
                classifier, features, y, scoring=scoring, cv=folds, error_score="raise"
            ).mean()
        )

    best = int(np.argmax(scores))
    logger.info(
        "%d trials: %s, as configured %s; best with %s",
        len(trials),
        display_score(scoring, scores[best]),
        display_stored(scoring, scores[0]),
        in_yaml(trials[best]) if trials[best] else "the arguments as configured",
        extra=VERBATIM,
    )
    return model.with_arguments(trials[best])


def _values_of(dimension: Dimension) -> Any:
    """Return the values of an argument for scikit-learn's ``ParameterSampler``."""
    from scipy.stats import loguniform, randint, uniform

    match dimension:
        case Dimension(integers=(low, high)):
            return randint(low, high + 1)
        case Dimension(reals=(low, high)):
            return loguniform(low, high) if dimension.log else uniform(low, high - low)
    return dimension.categorical


def _build_classifier(
    model: ModelSpec, y: Any, random_state: int, folds: int = DEFAULT_FOLDS
) -> Any:
    """Build a classifier; its own cross-validation has folds for the rarest label."""
    classifier: Any = build_estimator(model, random_state)
    folds = min(folds, int(np.unique(y, return_counts=True)[1].min()))
    if folds < DEFAULT_FOLDS and classifier.get_params().get("cv", 0) is None:
        classifier.set_params(cv=folds)
    return classifier


@contextmanager
def _naming(key: str, spec: ModelSpec, advice: str) -> Iterator[None]:
    """Name the entry that does not fit, in place of what scikit-learn raises."""
    try:
        yield
    except (AttributeError, TypeError, ValueError) as error:
        problem = f"{key}: {spec.class_path} does not fit: {error}; {advice}"
        raise ConfigurationError.listing(FILE, [problem]) from error


def choose_features(
    texts: Sequence[str],
    labels: "pd.Series[Any]",
    tokenizer: TokenizerSpec,
    model: ModelSpec,
    random_state: int,
) -> tuple[TokenizerSpec, pd.DataFrame]:
    """Choose between words and characters, if the tokenizer asks for the choice.

    They are cross-validated with the classifier on some of the texts.

    Args:
        texts: The cleaned texts of the training set.
        labels: Their labels.
        tokenizer: The entry ``text.tokenizer``; ``auto`` asks for the choice.
        model: The entry ``text.model``.
        random_state: Seed of the folds and of the classifier.

    Returns:
        The entry of the features that were chosen. And the comparison: the ``log_loss``
        of each kind of ``features``, and a ``note`` on those that were chosen.
    """
    if not tokenizer.compare:
        note = "as text.tokenizer says"
        return tokenizer, pd.DataFrame([{"features": "configured", "note": note}])

    entries = {"words": tokenizer}
    for name, entry in {"characters": CHARACTERS, "words and characters": BOTH}.items():
        entries[name] = TokenizerSpec.model_validate(entry)
    sample, y = _sample(texts, labels)
    chosen, reason = "characters", "too few texts to compare"
    losses: dict[str, Array] = {}
    if y.nunique() > 1:
        for name, features in _count(sample, entries).items():
            losses[name] = _log_losses(features, y, model, random_state)
        chosen, is_better = _decide(losses)
        verb = "lowers" if is_better else "nothing else lowers"
        reason = (
            f"{verb} the log loss by more than chance and {WORTH:.0%}, on {len(y)} "
            "training texts"
        )

    logger.info("Features: %s (%s)", chosen, reason)
    table = pd.DataFrame({"features": list(entries)})
    if losses:
        table["log_loss"] = [loss.mean() for loss in losses.values()]
    table["note"] = [f"chosen: {reason}" if name == chosen else "" for name in entries]
    return entries[chosen], table


def _count(
    texts: Sequence[str], entries: Mapping[str, TokenizerSpec]
) -> dict[str, Any]:
    """Return the features of words, of characters, and of both, each counted once."""
    from scipy.sparse import hstack

    words, characters, both = entries
    counted = {
        name: fit_vectorizer(entries[name], texts)[1] for name in (words, characters)
    }
    return {**counted, both: hstack([*counted.values()], format="csr")}


def _decide(losses: Mapping[str, Array]) -> tuple[str, bool]:
    """Return the chosen features, and whether they are better than the first.

    Each kind costs more than the one before it, so it must be better by its worth.
    """
    cheapest, *others = losses
    chosen = cheapest
    for name in others:
        difference = losses[chosen] - losses[name]
        # Each text is validated once, so the differences are all but independent.
        chance = CONFIDENCE * difference.std(ddof=1) / math.sqrt(len(difference))
        if difference.mean() > max(chance, WORTH * losses[chosen].mean()):
            chosen = name
    return chosen, chosen != cheapest


def _sample(
    texts: Sequence[str], labels: "pd.Series[Any]"
) -> tuple[list[str], "pd.Series[Any]"]:
    """Return texts that are read in a second, and their labels without rare ones."""
    average = sum(map(len, texts)) / len(texts)
    count = min(MAX_TEXTS, int(MAX_CHARACTERS / max(average, 1)))
    rows = np.random.default_rng(0).permutation(len(texts))[:count]
    y = labels.iloc[rows]
    is_frequent = (y.map(y.value_counts()) >= FEWEST).to_numpy()
    return [texts[row] for row in rows[is_frequent]], y[is_frequent]


def _log_losses(
    features: Any, y: "pd.Series[Any]", model: ModelSpec, random_state: int
) -> Array:
    """Return the log loss of each text by cross-validation."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    codes, _ = pd.factorize(y, sort=True)
    with _naming("text.model.class", model, ADVICE_ON_MODELS):
        probabilities = cross_val_predict(
            _build_classifier(model, codes, random_state, COMPARED_FOLDS),
            features,
            codes,
            cv=StratifiedKFold(COMPARED_FOLDS, shuffle=True, random_state=random_state),
            method="predict_proba",
        )
    right: Array = probabilities[np.arange(len(codes)), codes]
    # A single text of probability 0 would decide alone.
    losses: Array = -np.log(right.clip(1e-3))
    return losses


def _associated_words(features: Any, codes: Array, label_count: int) -> Array:
    """Return the columns that occur most with each label, the most associated first.

    As in a test of independence, by the excess over what is expected by chance.
    """
    from scipy.sparse import csr_matrix

    rows = np.arange(len(codes))
    is_of_label = csr_matrix((np.ones(len(codes)), (codes, rows)))
    counts = (is_of_label @ features).toarray()
    expected = np.outer(np.bincount(codes) / len(codes), counts.sum(axis=0))
    excess = (counts - expected) / np.sqrt(expected.clip(1e-9))

    per_label = max(RATED_WORDS // label_count, WORDS_PER_LABEL)
    per_label = min(per_label, features.shape[1])
    most = np.argpartition(-excess, per_label - 1, axis=1)[:, :per_label]
    columns: Array = np.unique(most)
    return columns[np.argsort(-excess[:, columns].max(axis=0), kind="stable")]


def find_telling_words(
    model: Any,
    tokenizer: Any,
    features: Any,
    instances: pd.DataFrame,
    label_encoder: Any,
) -> pd.DataFrame:
    """Find the words, or sequences of characters, that speak most for each label.

    A word is rated by what the model predicts for a text of this one word. So any
    classifier will do, also one without coefficients.

    Args:
        model: The fitted classifier.
        tokenizer: The fitted tokenizer, which knows the words.
        features: Sparse matrix, one row per text of the training set.
        instances: The training set, with a column ``label``.
        label_encoder: The names of the labels, in the order of the probabilities.

    Returns:
        Columns ``label`` and ``words``, the most telling one first. Spaces at the edge
        of a sequence are shown as ``_``.
    """
    from scipy.sparse import identity

    codes = label_encoder.transform(instances["label"])
    rated = _associated_words(features, codes, len(label_encoder.classes_))
    names = tokenizer.get_feature_names_out()[rated]
    words = pd.Index([re.sub("^ | $", "_", name) for name in names], name="word")
    one_word_texts = identity(features.shape[1], format="csr")[rated]

    probabilities = model.predict_proba(one_word_texts)
    table = pd.DataFrame(probabilities, words, label_encoder.classes_)
    rows = {
        label: " \N{MIDDLE DOT} ".join(table[label].nlargest(WORDS_PER_LABEL).index)
        for label in table
    }
    return pd.Series(rows, name="words").rename_axis("label").reset_index()
