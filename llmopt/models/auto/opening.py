"""The source of the CPU route: the model in float32, as it runs today, and what its files hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.auto.explore import Subject
from llmopt.models.auto.speed import requests_of
from llmopt.models.auto.told import Source, weights_of
from llmopt.models.checkpoint import open_model
from llmopt.models.cpu.build import linear_layers
from llmopt.models.cpu.layers import weight_of
from llmopt.models.loaded import LoadedModel
from llmopt.models.quality.data import Sample
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.plan import plan
from llmopt.models.stored.folder import open_stored
from llmopt.models.stored.source import as_safetensors

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint, as files and as a model."""

    folder: Path
    """In safetensors: the checkpoint itself, or what a pickle was converted to."""
    source: Source
    subject: Subject


def opened(folder: Path, scratch: Path, choosing: Sequence[Sample], config: QuantizeConfig) -> Opened:
    """Open a checkpoint in float32.

    Args:
        folder: of the checkpoint.
        scratch: an empty folder, for the weights of a pickle.
        choosing: inputs that the choice will be made on.
        config: of the user.

    Raises:
        InputError: it cannot be read, or is quantized already.
        UsageError: a pattern to skip that is none.
        OutOfMemory: it does not fit.
    """
    home = as_safetensors(folder, scratch, trust_pickle=config.trust_pickle)
    stored = open_stored(home)
    if stored.quantized is not None:
        raise InputError(f"{folder}: already quantized ({stored.quantized})", "take the checkpoint it was made from")
    reasons = {kept.tensor.name: kept.reason for kept in plan(stored, "w8a8", skip=config.skip).kept}
    model = open_model(home, device="cpu", dtype="float32")
    source = Source(stored, weights_of(linear_layers(model), stored), reasons, partial(_weight, model))
    requests = requests_of(
        model, [sample.text for sample in choosing], batch_size=config.batch_size, seq_len=config.seq_len
    )
    works = tuple((name, tensor.parameters) for name, tensor in source.linear.items())
    return Opened(home, source, Subject(model, works, source.skipped, tuple(choosing), requests))


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """Let torch compute with so many threads; other engines take the same number when a model is built."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _weight(model: LoadedModel, layer: str) -> torch.Tensor:
    return weight_of(model.parts.model.get_submodule(layer))
