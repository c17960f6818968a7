"""One pipeline, cut into training and inference by tags, and bound together again."""

from typing import Any

from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel, ConfigDict, Field

from kedro_dynamic import (
    ModelSpec,
    TransformerSpec,
    bind_inference,
    log_model_kwargs,
    parse,
)

from . import evaluation, nodes

PACKAGE = __name__.partition(".")[0]
# Label and probability are null where no word is known.
ANSWER = {"label": "string?", "probability": "double?", "known_words": "long"}


class Text(BaseModel):
    """What these pipelines read below ``text:``."""

    model_config = ConfigDict(strict=True)  # nodes get what is written

    test_fraction: float = Field(gt=0, lt=1)
    tokenizer: TransformerSpec
    model: ModelSpec


def create_pipelines(parameters: dict[str, Any]) -> dict[str, Pipeline]:
    """Build the whole pipeline and its two halves.

    ``training`` also logs ``inference`` to MLflow, with what it has just fitted.

    Args:
        parameters: They say which model it is.

    Raises:
        ConfigurationError: If something in ``parameters_text.yml`` is wrong, or the
            halves do not fit each other.
    """
    text = parse(Text, parameters.get("text"), nodes.FILE, prefix="text")
    ml_app = create_pipeline()
    inference = ml_app.only_nodes_with_tags("inference")
    training = bind_inference(
        ml_app.only_nodes_with_tags("training"),
        inference,
        input_name="instances",
        log_model_kwargs=log_model_kwargs(
            f"{PACKAGE}_sentiment",
            inputs={"text": "string"},
            outputs=ANSWER,
            example={"text": "A quiet film, and a great one."},
            requirements=["scikit-learn", "scipy"],
            models=[text.tokenizer, text.model],
        ),
    )
    return {"ml_app": ml_app, "inference": inference, "training": training}


def create_pipeline() -> Pipeline:
    """Build the pipeline of both halves."""
    texts = ["instances", "english_stopwords"]
    features, split = ["features", "known_words"], ["train_rows", "test_instances"]
    held_out = ["instances", "labels", "params:text.test_fraction"]
    labels = ["labels", "train_rows"]
    words = ["cleaned_text", "train_rows", "params:text.tokenizer"]
    rows = ["features", "labels", "label_encoder", "train_rows"]
    seeded = ["params:text.model", "params:random_state"]
    tested = ["probabilities", "known_words", "test_instances", "label_encoder"]
    scores = ["sentiment_metrics", "confusion_matrix_plot", "reliability_plot"]
    fitted = ["model", "tokenizer", "label_encoder"]
    decoded = ["label_encoder", "probabilities", "known_words"]
    both = [
        _node("prepare", nodes.clean_text, texts, "cleaned_text"),
        _node("fit", nodes.tokenize_text, ["tokenizer", "cleaned_text"], features),
        _node("score", nodes.predict, ["model", "features"], "probabilities"),
    ]
    training = [
        _node("prepare", nodes.hold_out, held_out, split),
        _node("fit", nodes.fit_tokenizer, words, "tokenizer"),
        _node("fit", nodes.fit_label_encoder, labels, "label_encoder"),
        _node("fit", nodes.train_model, [*rows, *seeded], "model"),
        _node("score", evaluation.evaluate, tested, scores),
        _node("score", evaluation.find_telling_words, fitted, "telling_words_plot"),
    ]
    decode = _node("score", nodes.decode_predictions, decoded, "predictions")
    return Pipeline(
        [
            Pipeline(both, tags=["training", "inference"]),
            Pipeline(training, tags="training"),
            Pipeline([decode], tags="inference"),
        ]
    )


def _node(step: str, function: Any, inputs: Any, outputs: Any) -> Node:
    """Make a node with the name of its function; each step is a box in Kedro-Viz."""
    name = function.__name__
    return Node(function, inputs, outputs, name=name, namespace=step)
