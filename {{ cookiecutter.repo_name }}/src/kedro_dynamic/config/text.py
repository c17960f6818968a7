"""What parameters may say below ``text``, of a model that learns from texts."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from kedro_dynamic.config.errors import parse
from kedro_dynamic.config.schema import ModelSpec, Schema, TransformerSpec, file_of

FILE = file_of("text")

# Sequences without spaces and punctuation, in any script: \w lacks the vowels of Hindi.
# Apostrophes belong to words within them only.
_LETTER = (
    r"[^\s!-/:-@\[-`{-~\u00a1-\u00bf\u0964\u0965\u060c\u061b\u061f\u2010-\u205e"
    r"\u2600-\u27bf\u3000-\u303f\uff00-\uff0f\U0001f000-\U0001faff]"
)
# Besides words: emoji, and emoticons or other runs of punctuation.
WORD_PATTERN = (
    rf"{_LETTER}+(?:'{_LETTER}+)*|[\u2600-\u27bf\U0001f000-\U0001faff]"
    r"|[!-/:-@\[-`{-~]{2,}"
)

TFIDF = "sklearn.feature_extraction.text.TfidfVectorizer"

# Entries of the tokenizer that ``auto`` chooses from.
WORDS: dict[str, Any] = {
    "class": TFIDF,
    "model_kwargs": {
        "sublinear_tf": True,
        "lowercase": False,
        "token_pattern": WORD_PATTERN,
    },
}
CHARACTERS: dict[str, Any] = {
    "class": "kedro_dynamic.EdgeTfidfVectorizer",
    "model_kwargs": {
        "analyzer": "char",
        "ngram_range": [1, 4],
        "min_df": 2,
        "sublinear_tf": True,
        "lowercase": False,
    },
}

# Stacks the features of both; in the comparison, they are counted once.
BOTH: dict[str, Any] = {
    "class": "sklearn.pipeline.FeatureUnion",
    "model_kwargs": {
        "transformer_list": [["words", WORDS], ["characters", CHARACTERS]]
    },
}


class TokenizerSpec(TransformerSpec):
    """What turns texts into features: an entry, or ``auto``."""

    compare: bool = False
    """Use characters instead, if they are better by cross-validation of the training
    set. ``auto`` is the words of the texts, with this."""

    @model_validator(mode="before")
    @classmethod
    def _read_auto(cls, value: object) -> object:
        return {**WORDS, "compare": True} if value == "auto" else value


Step = Literal["html", "urls", "unicode", "case", "stopwords"]


class TextSpec(Schema):
    """The keys below ``text``."""

    text_column: Annotated[
        list[str],
        Field(min_length=1),
        BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    ]
    """The column with the texts; several are joined."""

    label_column: str
    labels: dict[str, list[str | int]] = Field(default={})
    """The raw values of each label; without them, the values are the labels."""

    id_column: str | None = None
    """It is carried through to the predictions."""

    missing_label: Literal["error", "drop"] = "error"
    """drop leaves out the rows without a label."""

    unlabelled: list[str] = Field(default=[])
    """Splits without labels."""

    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    batch_size: int = Field(default=1000, gt=0)
    """Number of texts that are predicted at a time."""

    cleaning: list[Step] = Field(default=["html", "unicode", "case"])
    """Steps of cleaning, in their order."""

    tokenizer: TokenizerSpec
    model: ModelSpec
    probabilities: bool = True
    """Answers have the probability of each label."""

    scoring: Literal["neg_log_loss", "accuracy", "f1_macro", "roc_auc_ovr"] = (
        "neg_log_loss"
    )
    """The score that decides who is champion."""


def read_text_parameters(parameters: Mapping[str, Any]) -> TextSpec:
    """Check what the parameters say of texts, and return it.

    Args:
        parameters: All parameters in force.

    Raises:
        ConfigurationError: Lists every problem with its key.
    """
    return parse(TextSpec, parameters.get("text"), FILE, prefix="text")


def add_defaults(text: Any) -> Any:
    """Return what a file says, and the defaults of the keys that it does not show.

    Without the required keys, ``text`` is a parameter of the owner's.
    """
    defaults = {}
    for name, field in TextSpec.model_fields.items():
        if not field.is_required():
            defaults[name] = field.get_default()
        elif not isinstance(text, dict) or name not in text:
            return text
    return {**defaults, **text}
