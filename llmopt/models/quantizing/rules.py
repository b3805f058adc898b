"""Why a tensor of a checkpoint stays as it is, told from names, types and shapes alone.

What may be quantized is the weight of a linear layer, rows by columns. A loader that meets int8 where it builds
another kind of layer fails, or worse: so whatever may be something else stays. The kinds:

- embeddings and output heads: the first are no linear layers, the second are tied to them or too sensitive;
- routers of experts: tiny, and choose wrongly when they are off;
- experts in one tensor of three dimensions;
- the few layers whose weight transformers looks at before it has unpacked it;
- `Conv1D` (GPT-2): a linear layer whose weight lies the other way round, columns by rows;
- norms, biases, convolutions, and shapes that no kernel takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial

from llmopt.errors import UsageError
from llmopt.models.quantizing.kinds import Kinds, conv1d_leaves, is_expert, is_norm, module_of
from llmopt.models.quantizing.looked_at import LookedAt
from llmopt.models.quantizing.numbers import Numbers
from llmopt.models.stored.values import Stored, StoredTensor

UNPACKABLE = "transformers looks for its weight before it is unpacked"
"""Reason of layers that can be stored in 8 bits each, and not packed."""
LONGEST_ROW = 131_072
"""Columns of a row, which must fit into a buffer."""
_FLOATS = ("F16", "BF16", "F32")
_CASTABLE = ("F16", "F32", "F64")
_FUSED = (("q_proj", "k_proj", "v_proj"), ("query", "key", "value"), ("gate_proj", "up_proj"), ("w1", "w3"))
"""Layers that vLLM joins into one: all of them are quantized, or none."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How weights are stored."""

    layers: Numbers | None
    """None: as bfloat16."""
    experts: Numbers | None
    """Those of experts that have a tensor each."""

    def of(self, name: str) -> Numbers | None:
        """Return how the weight of that name is stored."""
        return self.experts if is_expert(name) else self.layers


class Rules:
    """The rules for one checkpoint.

    Args:
        stored: the checkpoint.
        ways: how weights are to be stored.
        target: `transformers` or `vllm`.
        skip: patterns of the user.

    Raises:
        UsageError: a pattern that is no regular expression.
    """

    def __init__(self, stored: Stored, *, ways: Ways, target: str, skip: tuple[str, ...]) -> None:
        self._tensors = stored.tensors
        self._shapes = {tensor.name: tensor.shape for tensor in stored.tensors}
        self._ways = ways
        self._vllm = target == "vllm"
        self._skip = [(pattern, _matcher(pattern)) for pattern in skip]
        self._kinds = Kinds(stored.config or {}, vllm=self._vllm)
        self._looked_at = LookedAt({} if self._vllm else stored.config or {})
        self._conv1d = conv1d_leaves(self._shapes, stored.config or {})

    def reasons(self) -> dict[str, str]:
        """Return the names of the tensors that stay, with the reason of each."""
        why = self._cast if self._ways.layers is None else self._linear
        found = {tensor.name: reason for tensor in self._tensors if (reason := self._skipped(tensor) or why(tensor))}
        if self._vllm and self._ways.layers is not None:
            self._add_fused(found)
        return found

    def _skipped(self, tensor: StoredTensor) -> str | None:
        """A module is matched by its own name and by those of the modules it lies in."""
        if not self._skip:
            return None
        for pattern, matches in self._skip:
            if any(map(matches, _with_modules(tensor.name))):
                return f"--skip {pattern}"
        return None

    def _cast(self, tensor: StoredTensor) -> str | None:
        return None if tensor.dtype in _CASTABLE else f"stored as {tensor.dtype}"

    def _linear(self, tensor: StoredTensor) -> str | None:
        """Return why a tensor is not the weight of a linear layer that can be quantized; None where it is one."""
        if (shape := _no_matrix(tensor)) is not None:
            return shape
        for rule in (self._named, self._layout, self._packing, self._taken, self._odd):
            if (reason := rule(tensor)) is not None:
                return reason
        return None

    def _named(self, tensor: StoredTensor) -> str | None:
        return self._kinds.reason(tensor.name, tensor.shape[0])

    def _layout(self, tensor: StoredTensor) -> str | None:
        """A weight that lies the other way round, or that has a bias of another length than its rows."""
        module = module_of(tensor.name)
        if module.rpartition(".")[2] in self._conv1d:
            return "Conv1D, not a linear layer"
        bias = self._shapes.get(f"{module}.bias")
        return "its bias does not fit a linear layer" if bias not in (None, tensor.shape[:1]) else None

    def _packing(self, tensor: StoredTensor) -> str | None:
        """A layer that transformers would not find packed."""
        numbers = self._ways.of(tensor.name)
        packed = numbers is not None and numbers.layout == "packed"
        return UNPACKABLE if packed and self._looked_at.covers(module_of(tensor.name)) else None

    def _taken(self, tensor: StoredTensor) -> str | None:
        """A name that one of its new tensors would have and another tensor has."""
        others = (f"{tensor.name}_{part}" for part in ("packed", "scale", "shape"))
        return next((f"there is a tensor {name} already" for name in others if name in self._shapes), None)

    def _odd(self, tensor: StoredTensor) -> str | None:
        """Shapes that cannot be stored, or that no kernel takes."""
        rows, columns = tensor.shape
        if columns > LONGEST_ROW:
            return f"rows of {columns:,} columns"
        numbers = self._ways.of(tensor.name)
        if numbers is None:
            return None
        if self._vllm and numbers.layout == "int8" and (rows % 16 or columns % 16):
            return "vLLM takes multiples of 16"
        if columns % (numbers.group_size or 1):
            return f"{columns:,} columns are no multiple of the group, {numbers.group_size}"
        if columns % numbers.pack:
            return f"{columns:,} columns do not fill words of {numbers.pack} numbers"
        unfit = self._vllm and numbers.layout == "packed" and (rows % 64 or columns % 128)
        return "vLLM takes multiples of 64 rows and 128 columns" if unfit else None

    def _add_fused(self, found: dict[str, str]) -> None:
        """Keep what vLLM joins with a layer that stays."""
        for tensor in self._tensors:
            module = module_of(tensor.name)
            path, _, leaf = module.rpartition(".")
            for group in _FUSED:
                if leaf not in group or tensor.name in found:
                    continue
                others = [f"{path}.{other}.weight" for other in group if other != leaf]
                stays = next((other for other in others if other in found), None)
                if stays is not None:
                    found[tensor.name] = f"vLLM joins it with {module_of(stays).rpartition('.')[2]}, which stays"


def unmatched(skip: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns to skip that match no tensor of these names and no module that one lies in."""
    whole = {name for tensor in names for name in _with_modules(tensor)} if skip else set()
    return tuple(pattern for pattern in skip if not any(map(_matcher(pattern), whole)))


def _with_modules(tensor: str) -> list[str]:
    parts = tensor.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _no_matrix(tensor: StoredTensor) -> str | None:
    """Return why a tensor is no matrix of floating-point numbers named as a weight; None where it is."""
    kind = tensor.name.rpartition(".")[2]
    if tensor.dtype not in _FLOATS:
        return f"stored as {tensor.dtype}"
    if len(tensor.shape) < 2:
        named = "bias" if kind == "bias" else "norm" if is_norm(tensor.name) else ""
        return named or f"{len(tensor.shape)} dimension{'' if len(tensor.shape) == 1 else 's'}"
    if len(tensor.shape) > 2:
        return f"{'experts in ' if 'expert' in tensor.name else ''}{len(tensor.shape)} dimensions"
    if not all(tensor.shape):
        return "empty"
    return None if kind == "weight" and module_of(tensor.name) else "not named as the weight of a layer"


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether a name matches."""
    if not pattern.startswith("re:"):
        return partial(_globbed, pattern)
    try:
        compiled = re.compile(pattern[3:])
    except re.error as error:
        raise UsageError(
            f"--skip {pattern}: no regular expression: {error}", "mend it, or give the name of a layer as it is"
        ) from error
    return lambda name: compiled.match(name) is not None


def _globbed(pattern: str, name: str) -> bool:
    """A pattern without a wildcard also matches the last part of a name."""
    return fnmatchcase(name, pattern) or name.rpartition(".")[2] == pattern
