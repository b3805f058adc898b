"""Load what `llmopt.models.cpu.saved` wrote: a graph of another engine, or a model of torch with 8-bit layers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.cpu.graph import ANSWERS, GraphModel
from llmopt.models.cpu.record import Saved, unfit
from llmopt.models.cpu.torch_files import FILE, read_layers
from llmopt.models.exhaustion import first_line, is_exhausted
from llmopt.models.loading import OFFLINE, UNREADABLE, offline, quiet
from llmopt.models.located import Task
from llmopt.models.positions import Limits
from llmopt.models.weights import LoadOptions

try:
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

_HEAD = 4_096
_CLASSES: dict[Task, Any] = {
    "embed": AutoModel,
    "classify": AutoModelForSequenceClassification,
    "generate": AutoModelForCausalLM,
}


def check_options(folder: Path, saved: Saved, device: str, options: LoadOptions) -> None:
    """Refuse what cannot be asked of a model that was made for a processor.

    Raises:
        UsageError: another device, other numbers, another attention, or to compile it.
    """
    asked = {
        "--device": device if device != "cpu" else None,
        "--dtype": options.dtype if options.dtype not in (None, "auto", saved.recipe.scheme) else None,
        "--attention": options.attention,
        "--compile": options.compiled or None,
    }
    for flag, value in asked.items():
        if value is not None:
            raise UsageError(
                f"{folder}: made for a CPU as {saved.recipe.name}; {flag} cannot change it", f"leave {flag} out"
            )


def load_saved(folder: Path, task: Task, saved: Saved) -> Any:
    """Return the model of a folder, with as many threads as torch has now.

    Raises:
        InputError: damaged files, or files that are not there.
        MissingExtraError: its engine is not installed.
        UsageError: it was made for another task.
    """
    if saved.task != task:
        raise UsageError(f"{folder}: made to {saved.task}; it cannot {task}", "leave the task out")
    for name in ("config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: no {name} in it", "make it again with `llmopt quantize`")
    loaders = {"torch": _torch, "torchao": _torchao, "openvino": _openvino, "onnx": _onnx}
    try:
        with quiet(), offline(), torch.no_grad():
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
            _check_limits(folder, saved.limits, config.get_text_config())
            return loaders[saved.recipe.engine](folder, task, saved, config)
    except InputError as error:
        raise error if error.message.startswith(str(folder)) else unfit(folder, error.message) from error
    except UNREADABLE as error:
        if is_exhausted(error):
            raise MemoryError(str(error)) from error
        raise unfit(folder, first_line(error)) from error


def _check_limits(folder: Path, limits: Limits, config: Any) -> None:
    """Refuse limits beyond the tables that config.json tells of: another engine would read past their ends."""
    known, longest = getattr(config, "vocab_size", None), getattr(config, "max_position_embeddings", None)
    for told, most in ((limits.known_tokens, known), (limits.longest, longest)):
        if told is not None and (told < 1 or (isinstance(most, int) and told > most)):
            raise unfit(folder, f"limits of {told:,} where config.json has {most}")


def _torch(folder: Path, task: Task, saved: Saved, config: Any) -> Any:
    model = _CLASSES[task].from_config(config)
    model.eval()
    read_layers(model, _file(folder, FILE), saved.recipe, saved.layers)
    return model


def _torchao(folder: Path, task: Task, saved: Saved, _: Any) -> Any:
    """Its own tensors are not in the file: they are made again, which gives the same."""
    from llmopt.models.cpu.torchao_engine import torchao_model

    model = _CLASSES[task].from_pretrained(folder, **OFFLINE)
    return torchao_model(model.eval(), saved.layers, keep_floats=False)


def _openvino(folder: Path, task: Task, saved: Saved, config: Any) -> GraphModel:
    from llmopt.models.cpu import openvino_graph as engine

    graph = _file(folder, engine.FILE)
    with graph.open("rb") as stream:
        if b"<net " not in stream.read(_HEAD):  # OpenVINO would try all its readers on it, which talk
            raise unfit(folder, f"{engine.FILE} is no graph of OpenVINO")
    run = engine.compiled(graph, saved.recipe, torch.get_num_threads())
    return GraphModel(run, partial(_written, folder), config, ANSWERS[task], saved.layers)


def _onnx(folder: Path, task: Task, saved: Saved, config: Any) -> GraphModel:
    from llmopt.models.cpu import onnx_graph as engine

    run = engine.session(str(_file(folder, engine.FILE)), torch.get_num_threads())
    return GraphModel(run, partial(_written, folder), config, ANSWERS[task], saved.layers)


def _file(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise FileNotFoundError(f"no {name}")
    return folder / name


def _written(folder: Path, _: Path) -> None:
    raise UsageError(f"{folder}: saved already", "copy the folder")
