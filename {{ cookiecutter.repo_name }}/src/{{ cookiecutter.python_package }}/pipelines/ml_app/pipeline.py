"""One pipeline from reviews to predictions, cut into training and inference by tags."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from kedro_dynamic import (
    bind_inference,
    find_telling_words,
    log_model_kwargs,
    read_text_parameters,
)

from .nodes import (
    clean_text,
    decode_predictions,
    evaluate,
    fit_label_encoder,
    fit_tokenizer,
    hold_out,
    predict,
    tokenize_text,
    train_model,
)

PACKAGE = __name__.partition(".")[0]


def create_pipelines(parameters: dict[str, Any]) -> dict[str, Pipeline]:
    """Create ``ml_app`` and its halves ``training`` and ``inference``.

    When ``training`` has run, it logs ``inference`` to MLflow as one model, together
    with everything that it has fitted.

    Args:
        parameters: The content of ``parameters_text.yml``.

    Raises:
        ConfigurationError: Lists everything that is wrong with the parameters; or says
            why the halves do not fit together.
    """
    text = read_text_parameters(parameters)
    # A question mark allows null, for texts without a known feature.
    outputs = {
        "label": "string?",
        "probability": "double?",
        "known_features": "long",
    }
    if text.probabilities:
        outputs["probabilities"] = "map?"
    ml_app = create_pipeline()
    # Where training asks about the test set, a request asks about its own texts.
    inference = Pipeline(
        ml_app.only_nodes_with_tags("inference"), inputs={"test_instances": "instances"}
    )
    training = bind_inference(
        ml_app.only_nodes_with_tags("training"),
        inference,
        input_name="instances",
        log_model_kwargs=log_model_kwargs(
            registered_model_name=f"{PACKAGE}_sentiment",
            inputs={"text": "string"},
            outputs=outputs,
            example={"text": "A quiet film, and a great one."},
            requirements=["scikit-learn", "scipy"],
            models=[text.tokenizer, text.model],
        ),
        scoring=text.scoring,
    )
    return {"ml_app": ml_app, "inference": inference, "training": training}


def create_pipeline() -> Pipeline:
    """Create the pipeline with the nodes of both halves.

    The nodes of both answer the test set in training, as they answer requests later.
    """
    return Pipeline(
        [
            Pipeline(fit_nodes(), tags="training"),
            Pipeline(shared_nodes(), tags=["training", "inference"]),
            Pipeline(score_nodes(), tags="training"),
            Pipeline(inference_nodes(), tags="inference"),
        ]
    )


def fit_nodes() -> list[Node]:
    """Create the nodes that split the reviews, and fit tokenizer and model.

    The namespaces ``prepare``, ``fit`` and ``score`` are boxes in Kedro-Viz.
    """
    return [
        Node(
            func=hold_out,
            inputs=["instances", "labels", "params:text.test_fraction"],
            outputs=["train_instances", "test_instances"],
            name="hold_out",
            namespace="prepare",
        ),
        Node(
            func=clean_text,
            inputs=["train_instances", "params:text.cleaning", "english_stopwords"],
            outputs="cleaned_train_text",
            name="clean_train_text",
            namespace="prepare",
        ),
        Node(
            func=fit_tokenizer,
            inputs=[
                "cleaned_train_text",
                "train_instances",
                "params:text.tokenizer",
                "params:text.model",
                "params:random_state",
            ],
            outputs=["tokenizer", "train_features", "features_comparison"],
            name="fit_tokenizer",
            namespace="fit",
        ),
        Node(
            func=fit_label_encoder,
            inputs="train_instances",
            outputs="label_encoder",
            name="fit_label_encoder",
            namespace="fit",
        ),
        Node(
            func=train_model,
            inputs=[
                "train_features",
                "train_instances",
                "label_encoder",
                "params:text.model",
                "params:text.scoring",
                "params:random_state",
            ],
            outputs="model",
            name="train_model",
            namespace="fit",
        ),
    ]


def shared_nodes() -> list[Node]:
    """Create the nodes of training and inference."""
    return [
        Node(
            func=clean_text,
            inputs=["test_instances", "params:text.cleaning", "english_stopwords"],
            outputs="cleaned_text",
            name="clean_text",
            namespace="prepare",
        ),
        Node(
            func=tokenize_text,
            inputs=["tokenizer", "cleaned_text"],
            outputs="features",
            name="tokenize_text",
            namespace="fit",
        ),
        Node(
            func=predict,
            inputs=["model", "features"],
            outputs="probabilities",
            name="predict",
            namespace="score",
        ),
    ]


def score_nodes() -> list[Node]:
    """Create the nodes that evaluate the model."""
    return [
        Node(
            func=evaluate,
            inputs=["probabilities", "features", "test_instances", "label_encoder"],
            outputs=[
                "sentiment_metrics",
                "label_scores",
                "confusion_matrix_plot",
                "reliability_plot",
            ],
            name="evaluate",
            namespace="score",
        ),
        Node(
            func=find_telling_words,
            inputs=[
                "model",
                "tokenizer",
                "train_features",
                "train_instances",
                "label_encoder",
            ],
            outputs="telling_words",
            name="find_telling_words",
            namespace="score",
        ),
    ]


def inference_nodes() -> list[Node]:
    """Create the node that only inference has."""
    return [
        Node(
            func=decode_predictions,
            inputs=[
                "label_encoder",
                "probabilities",
                "features",
                "params:text.probabilities",
            ],
            outputs="predictions",
            name="decode_predictions",
            namespace="score",
        )
    ]
