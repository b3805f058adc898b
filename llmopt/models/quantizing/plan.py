"""What becomes of each tensor of a checkpoint: which are quantized, what they are stored as, and why the others stay.

Only names, types and shapes are looked at. Names and layouts of the results are those of compressed-tensors
(https://github.com/vllm-project/compressed-tensors), which transformers and vLLM read:

- `int-quantized`: `weight` (int8) and `weight_scale` (rows, 1);
- `pack-quantized`: `weight_packed` (int32 words of 4 or 8 numbers each), `weight_scale` (rows, groups), `weight_shape`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from llmopt.errors import UsageError
from llmopt.models.quantizing.numbers import Numbers
from llmopt.models.quantizing.rules import Rules, Ways
from llmopt.models.stored.dtypes import DTYPES
from llmopt.models.stored.values import Stored, StoredTensor

_FORMATS = {"w8a8": "int-quantized", "w8a16": "pack-quantized", "w4a16": "pack-quantized", "bf16": "bfloat16"}
_EXPERTS = Numbers(8, None, "packed")
"""How experts are stored for transformers where other layers are int8: it joins them, and takes packed ones only."""
_VLLM_GROUPS = (32, 64, 128)
"""Columns of a group that vLLM's kernels for weights of 4 and 8 bits take."""


@dataclass(frozen=True, slots=True)
class Output:
    """One tensor to write."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """In the file."""
        return prod(self.shape) * DTYPES[self.dtype].bits // 8


@dataclass(frozen=True, slots=True)
class Quantized:
    """A tensor that is stored in another form."""

    tensor: StoredTensor
    scheme: str
    """Such as `int8 per channel`."""
    numbers: Numbers | None
    """How they are stored; None: as bfloat16."""
    outputs: tuple[Output, ...]
    """The numbers first, then their scales, then their shape."""

    @property
    def size_bytes(self) -> int:
        """Of all outputs."""
        return sum(output.size_bytes for output in self.outputs)


@dataclass(frozen=True, slots=True)
class Kept:
    """A tensor that stays as it is."""

    tensor: StoredTensor
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of each tensor."""

    scheme: str
    """`w8a8`, `w8a16`, `w4a16` or `bf16`."""
    format: str
    """`int-quantized`, `pack-quantized`, `mixed-precision` (both) or `bfloat16`."""
    numbers: Numbers | None
    """How most weights are stored; None: as bfloat16."""
    quantized: tuple[Quantized, ...]
    kept: tuple[Kept, ...]

    @property
    def tensors(self) -> tuple[StoredTensor, ...]:
        """Of the source, those that change first."""
        return (*(entry.tensor for entry in self.quantized), *(entry.tensor for entry in self.kept))

    @property
    def bytes_before(self) -> int:
        """Of all tensors."""
        return sum(tensor.size_bytes for tensor in self.tensors)

    @property
    def bytes_after(self) -> int:
        """Of all tensors, scales among them."""
        return sum(entry.size_bytes for entry in self.quantized) + sum(kept.tensor.size_bytes for kept in self.kept)


def plan(
    stored: Stored, scheme: str, *, target: str = "transformers", group_size: int = 128, skip: Sequence[str] = ()
) -> Plan:
    """Return what becomes of each tensor.

    Args:
        stored: the checkpoint.
        scheme: `int8` and `auto` are `w8a8`.
        target: `transformers` or `vllm`, which differ in what they can load.
        group_size: columns that share a scale (`w8a16`, `w4a16`).
        skip: patterns of tensors or modules that stay (fnmatch, or `re:` and a regular expression).

    Raises:
        UsageError: no such scheme, a pattern that is none, or a group that the target cannot read.
    """
    scheme = "w8a8" if scheme in ("int8", "auto") else scheme
    if scheme not in _FORMATS:
        raise UsageError(f"no scheme {scheme!r} for a checkpoint", f"take one of {', '.join(_FORMATS)}")
    numbers = _numbers(scheme, group_size)
    if numbers is not None and numbers.group_size is not None and target == "vllm" and group_size not in _VLLM_GROUPS:
        raise UsageError(f"vLLM has no kernel for groups of {group_size}", "take --group-size 32, 64 or 128")
    ways = Ways(numbers, _EXPERTS if scheme == "w8a8" and target == "transformers" else numbers)
    rules = Rules(stored, ways=ways, target=target, skip=tuple(skip))
    reasons = rules.reasons()
    quantized = tuple(_changed(t, ways.of(t.name)) for t in stored.tensors if t.name not in reasons)
    kept = tuple(Kept(t, reasons[t.name]) for t in stored.tensors if t.name in reasons)
    mixed = len({entry.numbers for entry in quantized}) > 1
    return Plan(scheme, "mixed-precision" if mixed else _FORMATS[scheme], numbers, quantized, kept)


def _numbers(scheme: str, group_size: int) -> Numbers | None:
    if scheme == "bf16":
        return None
    return (
        Numbers(8, None, "int8") if scheme == "w8a8" else Numbers(4 if scheme == "w4a16" else 8, group_size, "packed")
    )


def _changed(tensor: StoredTensor, numbers: Numbers | None) -> Quantized:
    """Return what a tensor is stored as."""
    if numbers is None:
        return Quantized(tensor, "bfloat16", None, (Output(tensor.name, "BF16", tensor.shape),))
    rows, columns = tensor.shape
    scale = Output(f"{tensor.name}_scale", tensor.dtype, (rows, columns // (numbers.group_size or columns)))
    if numbers.layout == "int8":
        return Quantized(tensor, str(numbers), numbers, (Output(tensor.name, "I8", (rows, columns)), scale))
    packed = Output(f"{tensor.name}_packed", "I32", (rows, columns // numbers.pack))
    shape = Output(f"{tensor.name}_shape", "I64", (2,))
    return Quantized(tensor, str(numbers), numbers, (packed, scale, shape))
