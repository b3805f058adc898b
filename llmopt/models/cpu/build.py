"""Make of a loaded model one that computes as a recipe says; the first is left as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

from llmopt.core.target import TargetFacts
from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.cpu.calibration import Calibration
from llmopt.models.cpu.graph import ANSWERS, GraphModel
from llmopt.models.cpu.layers import int8_linear, names_of, put
from llmopt.models.cpu.recipe import TODAY, Engine, Recipe
from llmopt.models.cpu.torch_engine import torch_model
from llmopt.models.exhaustion import first_line, is_exhausted
from llmopt.models.loaded import LoadedModel
from llmopt.models.loading import UNREADABLE

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

_MEANWHILE = "take another engine"


def linear_layers(source: LoadedModel) -> tuple[str, ...]:
    """Return the linear layers that can be in 8 bits, by the names of their modules, in the order of the model."""
    return names_of(source.parts.model, source.parts.task)


def build(source: LoadedModel, recipe: Recipe, calibration: Calibration | None = None) -> LoadedModel:
    """Return a model that computes as a recipe says, with as many threads as torch has now.

    Args:
        source: of transformers, on the CPU, in float32; not changed. Weights may be shared with it.
        recipe: how to compute. Where it is what the source does, the source itself is returned.
        calibration: of the source, for a recipe with static scales; see `llmopt.models.cpu.calibration.calibrated`.

    Raises:
        UsageError: the recipe makes no sense for this model, or the source is no model of transformers.
        MissingExtraError: its engine is not installed.
        InputError: its engine cannot compute this model.
        OutOfMemory: it does not fit.
    """
    if recipe == TODAY:
        return source
    parts = source.parts
    if isinstance(parts.model, GraphModel):
        raise UsageError(f"{source.facts.name}: already made for another engine", "take the checkpoint it was made of")
    names = linear_layers(source)
    unknown = next((name for name in recipe.kept if name not in names), None)
    if unknown is not None:
        raise UsageError(f"{source.facts.name}: no linear layer {unknown!r} to keep", "see the names of its layers")
    if recipe.scales == "static" and not calibration:
        raise UsageError(f"{recipe.name} needs scales that were found on texts", "give some with --data")
    layers = tuple(name for name in names if name not in recipe.kept) if recipe.numbers == "int8" else ()
    made = parts.device.compute(partial(_made, source, recipe, layers, calibration or {}))
    return source.computed_by(made, told_facts(source.facts, recipe))


def told_facts(facts: TargetFacts, recipe: Recipe) -> TargetFacts:
    """Return what a model says of itself when it computes as a recipe says."""
    engine = {"onnx": "onnxruntime"}.get(recipe.engine, recipe.engine)
    known = dict(facts.versions)
    if engine not in known:
        known[engine] = version(engine)
    attention = facts.attention if recipe.extra in (None, "torchao") else ""
    return replace(facts, dtype=recipe.scheme, attention=attention, versions=tuple(known.items()))


@contextmanager
def quantized_alone(source: LoadedModel, names: Sequence[str]) -> Iterator[None]:
    """Let a model compute some of its linear layers in 8 bits below: a scale for each token and for each row.

    Args:
        source: of transformers, on the CPU; as it was afterwards.
        names: of the layers.
    """
    model = source.parts.model
    before = {name: model.get_submodule(name) for name in names}
    put(model, {name: int8_linear(layer) for name, layer in before.items()})
    try:
        yield
    finally:
        put(model, before)


def _made(source: LoadedModel, recipe: Recipe, layers: tuple[str, ...], calibration: Calibration) -> Any:
    """Return what stands for the model of the source."""
    makers: dict[Engine, Callable[..., Any]] = {
        "torch": _torch,
        "torchao": _torchao,
        "openvino": partial(_openvino, calibration),
        "onnx": _onnx,
    }
    try:
        with torch.no_grad():
            return makers[recipe.engine](source, recipe, layers)
    except UNREADABLE as error:
        if isinstance(error, MissingExtraError) or is_exhausted(error):
            raise
        raise InputError(
            f"{source.facts.name}: {recipe.engine} cannot compute it: {first_line(error)}", _MEANWHILE
        ) from error


def _torch(source: LoadedModel, recipe: Recipe, layers: tuple[str, ...]) -> Any:
    return torch_model(source.parts.model, recipe, layers)


def _torchao(source: LoadedModel, _: Recipe, layers: tuple[str, ...]) -> Any:
    from llmopt.models.cpu.torchao_engine import torchao_model

    return torchao_model(source.parts.model, layers, keep_floats=True)


def _openvino(calibration: Calibration, source: LoadedModel, recipe: Recipe, layers: tuple[str, ...]) -> Any:
    from llmopt.models.cpu import openvino_graph as engine

    parts, answer = source.parts, _answer(source, recipe)
    graph, done = engine.followed(parts.model, answer, parts.limits.known_tokens, recipe, layers, calibration)
    run = engine.compiled(graph, recipe, torch.get_num_threads())
    return GraphModel(run, partial(engine.write, graph), parts.model.config, answer, done)


def _onnx(source: LoadedModel, recipe: Recipe, layers: tuple[str, ...]) -> Any:
    from llmopt.models.cpu import onnx_graph as engine

    parts, answer = source.parts, _answer(source, recipe)
    graph, done = engine.exported(parts.model, answer, parts.limits.known_tokens, layers)
    run = engine.session(graph, torch.get_num_threads())
    return GraphModel(run, partial(engine.write, graph), parts.model.config, answer, done)


def _answer(source: LoadedModel, recipe: Recipe) -> str:
    if source.parts.task not in ANSWERS:
        raise UsageError(f"{recipe.engine} does not {source.parts.task} here", "language models are run by torch")
    return ANSWERS[source.parts.task]
