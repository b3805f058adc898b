"""Tensors in what a pickle would make: which part of which storage each is, as torch's rebuild functions would cut it.

Source: torch, `torch/_utils.py` (`_rebuild_tensor_v2` and its kin) and `torch/serialization.py` (`persistent_id`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from llmopt.models.stored.dtypes import DTYPES
from llmopt.models.stored.pickle_globals import REBUILD, STORAGES, SUBCLASS, TORCH_DTYPES, UNTYPED, WRAP
from llmopt.models.stored.pickle_values import Global, Made, Persistent

_MOST = 2**63
_REBUILDS = ("torch._utils._rebuild_", "torch._tensor._rebuild_")
"""How the functions begin that make tensors."""


@dataclass(frozen=True, slots=True)
class StoragePart:
    """A storage that the pickle names."""

    key: str
    dtype: str | None
    """None where it has no type of its own."""

    @property
    def item_bytes(self) -> int:
        """Bytes of one number of it; one where it has no type."""
        return DTYPES[self.dtype].bits // 8 if self.dtype else 1


@dataclass(frozen=True, slots=True)
class PickledTensor:
    """A part of a storage, as numbers from `first` on."""

    storage: str
    """Its key."""
    dtype: str
    shape: tuple[int, ...]
    first: int
    """Of its numbers in the storage."""
    contiguous: bool
    """Its numbers lie in row-major order without gaps."""

    @property
    def size_bytes(self) -> int:
        """Of its numbers."""
        return prod(self.shape) * DTYPES[self.dtype].bits // 8


def storage_part(named: Persistent) -> StoragePart | None:
    """Return the storage that a persistent id names; None where it names something else."""
    parts = named.id
    if not isinstance(parts, tuple) or len(parts) < 5 or parts[0] != "storage" or not isinstance(parts[2], str):
        return None
    kind = parts[1].name if isinstance(parts[1], Global) else ""
    if kind == UNTYPED:
        return StoragePart(parts[2], None)
    module, _, name = kind.rpartition(".")
    dtype = STORAGES.get(name) if module in ("torch", "torch.cuda") else None
    return StoragePart(parts[2], dtype) if dtype else None


def tensor_of(value: Any) -> PickledTensor | None:
    """Return the tensor that a value would be; None where it is no tensor, or none that can be told."""
    value = _unwrapped(value)
    if not isinstance(value, Made) or _called(value) not in REBUILD or not isinstance(value.arguments, tuple):
        return None
    arguments = value.arguments
    if len(arguments) < 4 or not isinstance(arguments[0], Persistent):
        return None
    storage, first = storage_part(arguments[0]), arguments[1]
    shape, strides = _numbers(arguments[2]), _numbers(arguments[3])
    dtype = _dtype(_called(value), arguments, storage)
    if storage is None or dtype is None or shape is None or strides is None or len(shape) != len(strides):
        return None
    if not _is_natural(first) or _has_metadata(_called(value), arguments):
        return None
    return PickledTensor(storage.key, dtype, shape, first, _is_contiguous(shape, strides))


def is_tensor(value: Any) -> bool:
    """Return whether a value would be a tensor of any kind, one that only torch can read too."""
    return isinstance(value, Made) and _called(value).startswith(_REBUILDS)


def _unwrapped(value: Any) -> Any:
    """Return the call that makes the numbers, inside of those that add attributes to them."""
    while isinstance(value, Made) and isinstance(value.arguments, tuple) and value.arguments:
        if _called(value) in WRAP:
            value = value.arguments[0]
        elif _called(value) == SUBCLASS and len(value.arguments) == 4:
            value = Made(value.arguments[0], value.arguments[2])
        else:
            break
    return value


def _called(made: Made) -> str:
    return made.callee.name if isinstance(made.callee, Global) else ""


def _dtype(function: str, arguments: tuple[Any, ...], storage: StoragePart | None) -> str | None:
    if not function.endswith("_v3"):
        return storage.dtype if storage else None
    told = arguments[6] if len(arguments) > 6 else None
    return TORCH_DTYPES.get(told.name.removeprefix("torch.")) if isinstance(told, Global) else None


def _has_metadata(function: str, arguments: tuple[Any, ...]) -> bool:
    """Return whether a tensor is to be conjugated or negated when it is read."""
    at = 7 if function.endswith("_v3") else 6
    return len(arguments) > at and isinstance(arguments[at], Made) and bool(arguments[at].items)


def _numbers(value: Any) -> tuple[int, ...] | None:
    if isinstance(value, Made) and isinstance(value.arguments, tuple) and len(value.arguments) == 1:
        value = value.arguments[0]  # torch.Size((2, 3))
    return value if isinstance(value, tuple) and all(map(_is_natural, value)) else None


def _is_natural(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _is_contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    expected = 1
    for length, stride in zip(reversed(shape), reversed(strides), strict=True):
        if length > 1 and stride != expected:
            return prod(shape) == 0
        expected *= max(length, 1)
    return True
