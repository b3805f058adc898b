"""The source of the CPU route: the model in float32, as it runs today, and what its files hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.auto.explore import Subject
from llmopt.models.auto.speed import requests_of
from llmopt.models.cpu.build import build, linear_layers
from llmopt.models.cpu.calibration import Calibration, calibrated
from llmopt.models.cpu.layers import weight_of
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.loaded import LoadedModel
from llmopt.models.quality.data import Sample
from llmopt.models.quantizing.answers import check_room, computing_bytes, open_known
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.plan import plan
from llmopt.models.stored.folder import open_stored
from llmopt.models.stored.source import as_safetensors
from llmopt.models.stored.values import Stored, StoredTensor

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error


@dataclass(frozen=True, slots=True)
class Source:
    """A checkpoint with the linear layers of its model, and why other tensors are no such layers."""

    stored: Stored
    linear: Mapping[str, StoredTensor]
    """Name of a layer in the model -> its weight in the files."""
    reasons: Mapping[str, str]
    """Name of a tensor in the files -> why it stays as it is."""
    weight: Callable[[str], torch.Tensor]
    """Weight of a linear layer of the model, rows (outputs) by columns, in float32."""

    @property
    def skipped(self) -> tuple[str, ...]:
        """Linear layers that the user wants to stay."""
        return tuple(
            name for name, tensor in self.linear.items() if self.reasons.get(tensor.name, "").startswith("--skip")
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint, as files and as a model."""

    folder: Path
    """In safetensors: the checkpoint itself, or what a pickle was converted to."""
    source: Source
    subject: Subject
    ranges: Callable[[Recipe], Calibration]
    """Ranges of the inputs of layers that a recipe was built with; empty unless its scales are static."""


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
    check_room(2 * computing_bytes(stored), "take a smaller model, or --target transformers: that streams the weights")
    reasons = {kept.tensor.name: kept.reason for kept in plan(stored, "w8a8", skip=config.skip).kept}
    model = open_known(home, device="cpu", dtype="float32")
    source = Source(stored, weights_of(linear_layers(model), stored), reasons, partial(_weight, model))
    requests = requests_of(
        model, [sample.text for sample in choosing], batch_size=config.batch_size, seq_len=config.seq_len
    )
    works = tuple((name, tensor.parameters) for name, tensor in source.linear.items())
    ranges = found_ranges(model, choosing)
    subject = Subject(
        model,
        lambda recipe: build(model, recipe, ranges(recipe)),
        works,
        source.skipped,
        tuple(choosing),
        requests,
    )
    return Opened(home, source, subject, ranges)


def weights_of(layers: Sequence[str], stored: Stored) -> dict[str, StoredTensor]:
    """Return the stored weight of each linear layer; in the files there may be a prefix before its name."""
    by_name = {tensor.name: tensor for tensor in stored.tensors}
    found: dict[str, StoredTensor] = {}
    for layer in layers:
        name = f"{layer}.weight"
        ends = (stored_name for stored_name in by_name if stored_name.endswith(f".{name}"))
        if (stored_name := name if name in by_name else min(ends, key=len, default=None)) is not None:
            found[layer] = by_name[stored_name]
    return found


def found_ranges(source: LoadedModel, choosing: Sequence[Sample]) -> Callable[[Recipe], Calibration]:
    """Return what finds the ranges that a recipe needs; texts are looked at once, for the first that needs any.

    Args:
        source: the model.
        choosing: inputs that the choice is made on.
    """
    calibration = cache(lambda: calibrated(source, source.encode([sample.text for sample in choosing])))
    return lambda recipe: calibration() if recipe.scales == "static" else {}


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
