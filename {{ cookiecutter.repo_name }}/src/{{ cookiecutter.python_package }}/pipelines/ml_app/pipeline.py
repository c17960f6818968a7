"""One pipeline, cut into training and inference by tags, and bound together again."""

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from ..etl_app.specs import read_spec
from .binding import bind
from .evaluation import evaluate, plot_telling_words
from .logged_model import log_model_kwargs
from .nodes import (
    decode_predictions,
    encode_labels,
    fit_label_encoder,
    fit_tokenizer,
    hold_out,
    predict,
    tokenize_text,
    train_model,
)
from .text import lower_case, remove_punctuation, remove_stopwords

BOTH = ["training", "inference"]


def create_pipelines(catalog: DataCatalog) -> dict[str, Pipeline]:
    """Build the whole pipeline and its two halves.

    ``training`` also logs ``inference`` to MLflow, with what it has just fitted.

    Args:
        catalog: Its ``parameters`` name the class of the model.

    Raises:
        ConfigurationError: If the halves do not fit each other.
    """
    spec = read_spec(catalog["parameters"].load())
    ml_app = create_pipeline()
    inference = ml_app.only_nodes_with_tags("inference")
    return {
        "ml_app": ml_app,
        "inference": inference,
        "training": bind(
            training=ml_app.only_nodes_with_tags("training"),
            inference=inference,
            input_name="instances",
            # No node changes what it is given: copying it would only take time.
            kpm_kwargs={"copy_mode": "assign"},
            log_model_kwargs=log_model_kwargs(spec.model.class_path),
        ),
    }


def create_pipeline() -> Pipeline:
    """Build the pipeline of both halves."""
    return Pipeline(
        [
            Node(lower_case, "instances", "lower_cased", name="lower_case", tags=BOTH),
            Node(
                remove_stopwords,
                ["lower_cased", "english_stopwords"],
                "without_stopwords",
                name="remove_stopwords",
                tags=BOTH,
            ),
            Node(
                remove_punctuation,
                "without_stopwords",
                "cleaned_text",
                name="remove_punctuation",
                tags=BOTH,
            ),
            Node(
                hold_out,
                [
                    "instances",
                    "labels",
                    "params:text.test_fraction",
                    "params:random_state",
                ],
                ["train_rows", "test_instances"],
                name="hold_out",
                tags="training",
            ),
            Node(
                fit_tokenizer,
                ["cleaned_text", "train_rows", "params:text.vocabulary_size"],
                "tokenizer",
                name="fit_tokenizer",
                tags="training",
            ),
            Node(
                tokenize_text,
                ["tokenizer", "cleaned_text"],
                "features",
                name="tokenize_text",
                tags=BOTH,
            ),
            Node(
                fit_label_encoder,
                "labels",
                "label_encoder",
                name="fit_label_encoder",
                tags="training",
            ),
            Node(
                encode_labels,
                ["label_encoder", "labels"],
                "encoded_labels",
                name="encode_labels",
                tags="training",
            ),
            Node(
                train_model,
                [
                    "features",
                    "encoded_labels",
                    "train_rows",
                    "params:text.model",
                    "params:random_state",
                ],
                "model",
                name="train_model",
                tags="training",
            ),
            Node(
                predict,
                ["model", "features"],
                "probabilities",
                name="predict",
                tags=BOTH,
            ),
            Node(
                decode_predictions,
                ["label_encoder", "probabilities"],
                "predictions",
                name="decode_predictions",
                tags="inference",
            ),
            Node(
                evaluate,
                [
                    "probabilities",
                    "test_instances",
                    "label_encoder",
                    "params:text.labels",
                ],
                ["sentiment_metrics", "confusion_matrix_plot"],
                name="evaluate",
                tags="training",
            ),
            Node(
                plot_telling_words,
                ["model", "tokenizer", "label_encoder", "params:text.labels"],
                "telling_words_plot",
                name="plot_telling_words",
                tags="training",
            ),
        ]
    )
