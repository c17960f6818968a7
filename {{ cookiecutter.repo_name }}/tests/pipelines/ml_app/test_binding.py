"""Training bound to inference: what does not fit, and what stays bound."""

import pytest
from kedro.pipeline import Node, Pipeline
from kedro_mlflow.pipeline.pipeline_ml import PipelineML

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.ml_app.binding import bind


def join(*inputs: object) -> str:
    return " ".join(map(str, inputs))


def node(name: str, *inputs: str) -> Node:
    """Return a node that makes a dataset of its own name."""
    return Node(join, list(inputs), name, name=name)


FIT = Pipeline([node("tokenizer", "instances"), node("model", "tokenizer", "labels")])
PREDICT = Pipeline([node("predictions", "instances", "model", "params:threshold")])
ETL = Pipeline([node("labels", "reviews")])


@pytest.fixture
def training() -> PipelineML:
    return bind(
        FIT,
        PREDICT,
        input_name="instances",
        kpm_kwargs={"copy_mode": "assign"},
        log_model_kwargs={"registered_model_name": "films"},
    )


def bound(pipeline: Pipeline) -> bool:
    """Tell whether a pipeline still logs the inference pipeline as one model."""
    return (
        isinstance(pipeline, PipelineML)
        and pipeline.inference is PREDICT
        and pipeline.input_name == "instances"
        and pipeline.kpm_kwargs == {"copy_mode": "assign"}
        and pipeline.log_model_kwargs["registered_model_name"] == "films"
    )


def refused(inference: Pipeline, input_name: str = "instances") -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        bind(FIT, inference, input_name)
    first, *problems = error.value.message.splitlines()
    assert first.startswith("The inference pipeline has ")
    return [problem.strip() for problem in problems]


def test_inference_has_one_output() -> None:
    (problem,) = refused(PREDICT + Pipeline([node("words", "instances", "tokenizer")]))
    assert problem.startswith("it has the outputs predictions, words, and may have one")


def test_the_input_of_a_request_is_one_of_inference() -> None:
    (problem,) = refused(PREDICT + Pipeline([]), "instance")
    assert problem == (
        "input_name 'instance' is no input of it; did you mean 'instances'?; "
        "inputs: instances, model, params:threshold"
    )


def test_what_training_does_not_make_is_named() -> None:
    free = Pipeline([node("predictions", "instances", "model", "emoji", "accents")])
    accents, emoji = refused(free)
    assert accents.startswith("'accents' is neither read nor made by training")
    assert emoji.startswith("'emoji' is neither read nor made by training")


def test_everything_is_said_at_once() -> None:
    free = Pipeline([node("predictions", "texts", "emoji"), node("words", "texts")])
    outputs, input_name, emoji, texts = refused(free)
    assert "predictions, words" in outputs
    assert "'instances' is no input" in input_name
    assert emoji.startswith("'emoji'")
    assert texts.startswith("'texts'")


def test_what_training_reads_or_makes_and_parameters_are_there(
    training: PipelineML,
) -> None:
    assert bound(training)
    assert training.nodes == FIT.nodes
    assert bind(FIT, Pipeline([node("predictions", "labels", "model")]), "labels")


def test_the_whole_stays_bound(training: PipelineML) -> None:
    assert bound(training.filter())
    assert bound(training.filter(node_names=["tokenizer", "model"]))


@pytest.mark.parametrize(
    "part",
    [
        {"node_names": ["tokenizer"]},
        {"from_nodes": ["model"]},
        {"to_nodes": ["tokenizer"]},
        {"to_outputs": ["tokenizer"]},
    ],
    ids=lambda part: next(iter(part)),
)
def test_a_part_logs_no_model(part: dict[str, list[str]], training: PipelineML) -> None:
    pipeline = training.filter(**part)
    assert not isinstance(pipeline, PipelineML)
    assert len(pipeline.nodes) == 1


def test_together_with_others_it_stays_bound(training: PipelineML) -> None:
    for pipeline in (Pipeline([]) + training, training + Pipeline([])):
        assert bound(pipeline)
        assert pipeline.nodes == FIT.nodes
    # As `kedro run --pipelines etl,training` adds them.
    for pipeline in (Pipeline([]) + ETL + training, training + ETL):
        assert bound(pipeline)
        assert set(pipeline.nodes) == {*ETL.nodes, *FIT.nodes}
        assert bound(pipeline.filter())
