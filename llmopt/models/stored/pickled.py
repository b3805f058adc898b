"""Weights in a pickle: a look at what it asks for, and the tensors in it, read in place and without running it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt.errors import InputError
from llmopt.models.stored.archives import Archive, read_archive
from llmopt.models.stored.dtypes import DTYPES
from llmopt.models.stored.names import shortened
from llmopt.models.stored.pickle_globals import SAFE, is_hostile
from llmopt.models.stored.pickle_values import Made
from llmopt.models.stored.pickled_storage import PickledTensor, is_tensor, tensor_of
from llmopt.models.stored.values import StoredTensor

HOLDERS = ("state_dict", "model_state_dict", "model", "module", "params")
"""Where trainers put the weights in what they save."""
_NAMED = 8
_SAFETENSORS = "take a checkpoint of safetensors"


@dataclass(frozen=True, slots=True)
class Pickled:
    """A file of torch.save, looked at and not run."""

    path: Path
    globals: tuple[str, ...]
    """All names that it asks for."""
    unsafe: tuple[str, ...]
    """Those of them that tensors do not need; loading could run code by them."""
    hostile: tuple[str, ...]
    """Those that no checkpoint ever needs."""
    tensors: tuple[StoredTensor, ...]
    """In the order of their bytes; tied ones share theirs."""
    for_torch: tuple[str, ...]
    """Tensors that only torch can read: their numbers do not lie in their order, or are of a kind of their own."""
    skipped: int
    """Entries of the state dict that are no tensors."""
    file_bytes: int
    pickle_bytes: int
    """Of the pickle in it, which is all that was read."""


def look(path: Path) -> Pickled:
    """Look into a file of torch.save without running it.

    Raises:
        InputError: it cannot be read, is damaged, or hostile as an archive.
    """
    archive = read_archive(path)
    entries = _state_dict(archive.root)
    read = {name: tensor for name, value in entries if (tensor := tensor_of(value)) is not None and tensor.contiguous}
    for_torch = tuple(name for name, value in entries if name not in read and is_tensor(value))
    tensors = [_stored(archive, name, tensor) for name, tensor in read.items()]
    unsafe = tuple(name for name in archive.globals if name not in SAFE)
    return Pickled(
        path=path,
        globals=archive.globals,
        unsafe=unsafe,
        hostile=tuple(name for name in unsafe if is_hostile(name)),
        tensors=tuple(sorted(tensors, key=lambda tensor: (tensor.offset, tensor.name))),
        for_torch=for_torch,
        skipped=len(entries) - len(read) - len(for_torch),
        file_bytes=archive.file_bytes,
        pickle_bytes=archive.pickle_bytes,
    )


def check_safe(found: Iterable[Pickled], *, trusted: bool) -> None:
    """Refuse pickles that ask for more than tensors need.

    Args:
        found: the pickles of a checkpoint.
        trusted: the user knows them to be good; what they ask for is left out then and still not run.

    Raises:
        InputError: one asks for more; the message names what.
    """
    for one in found:
        if one.hostile:
            what = f"its pickle asks for {_named(one.hostile)}, which no checkpoint needs: it looks like an attack"
            raise InputError(f"{one.path}: {what}", _SAFETENSORS)
        if one.unsafe and not trusted:
            raise InputError(
                f"{one.path}: its pickle asks for {_named(one.unsafe)}, and could run code by that",
                f"{_SAFETENSORS}; where you know it to be good, --trust-pickle takes its tensors and nothing else",
            )


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(shortened(name)[1:-1] for name in names[:_NAMED]) + more


def _state_dict(root: Any) -> list[tuple[str, Any]]:
    """Return the entries by name of what holds tensors: the top, or what trainers put the weights into."""
    entries = _entries(root)
    if not any(is_tensor(value) for _, value in entries):
        inner = dict(entries)
        entries = next((_entries(inner[name]) for name in HOLDERS if _holds(inner.get(name))), entries)
    return entries


def _holds(value: Any) -> bool:
    return any(is_tensor(inner) for _, inner in _entries(value))


def _entries(value: Any) -> list[tuple[str, Any]]:
    """Return the named entries of a dictionary, the last of each name, as Python would keep them."""
    items = value.items if isinstance(value, Made) else []
    return list({name: inner for name, inner in items if isinstance(name, str)}.items())


def _stored(archive: Archive, name: str, tensor: PickledTensor) -> StoredTensor:
    place = archive.storages.get(tensor.storage)
    first_byte = tensor.first * DTYPES[tensor.dtype].bits // 8
    if place is None or first_byte + tensor.size_bytes > place[1]:
        raise InputError(
            f"{archive.path}: {shortened(name)} has numbers that are not in the file",
            "fetch it again; the file is damaged, or not whole",
        )
    return StoredTensor(name, tensor.dtype, tensor.shape, archive.path, place[0] + first_byte, tensor.size_bytes)
