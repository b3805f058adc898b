"""The header of a safetensors file: which tensors it holds, of which type and shape, and where.

Eight bytes tell the length of the header, the header is JSON, and the bytes of the tensors follow without gaps. Source:
https://github.com/huggingface/safetensors, section "Format". All that it promises is checked, so that who reads the
tensors afterwards needs no checks of his own.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Any

import msgspec

from llmopt.errors import InputError, next_step
from llmopt.models.stored.dtypes import DTYPES
from llmopt.models.stored.names import shortened
from llmopt.models.stored.read import RangeReader
from llmopt.models.stored.values import StoredTensor

LONGEST_HEADER_BYTES = 100_000_000
"""More is refused, as safetensors itself does."""
_LENGTH_BYTES = 8
_METADATA = "__metadata__"
_MOST_DIMENSIONS = 64
"""More than torch and numpy can hold."""
_AGAIN = "fetch it again; the file is damaged, or not whole"
_FOREIGN = (
    (b"version https:/", "a pointer of git-lfs and not the file itself", "fetch it with `git lfs pull`"),
    (b"GGUF", "a GGUF file", "take the checkpoint that it was made from"),
    (b"PK\x03\x04", "a zip archive, such as torch.save writes, and no safetensors file", "give it its ending: .bin"),
    (b"\x80\x02", "a pickle, and no safetensors file", "give it its ending: .bin"),
    (b"<!DOCTYPE", "a web page and not the file itself", "fetch it again"),
)
"""First bytes -> what such a file is, and what to do."""

_Natural = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of one file says."""

    path: Path
    tensors: tuple[StoredTensor, ...]
    """In the order of their bytes."""
    metadata: dict[str, str]
    """Free text of who wrote it (`__metadata__`)."""
    data_start: int
    """Where the bytes of the tensors begin."""
    file_bytes: int


def read_header(path: Path) -> Header:
    """Read the header of a safetensors file, and nothing else of it.

    Raises:
        InputError: it cannot be read, is no safetensors file, or its header and its length do not fit together.
    """
    file_bytes = file_size(path)
    with RangeReader(path) as reader:
        length = _header_length(reader, path, file_bytes)
        raw = bytes(reader.read(_LENGTH_BYTES, length))
    start = _LENGTH_BYTES + length
    entries = _entries(path, raw)
    metadata = _metadata(path, entries.pop(_METADATA, None))
    tensors = sorted(
        _tensors(path, entries, start), key=lambda tensor: (tensor.offset, tensor.size_bytes)
    )  # one without a number lies before the one that begins at the same byte
    _check_cover(path, tensors, start, file_bytes)
    return Header(path, tuple(tensors), metadata, start, file_bytes)


def file_size(path: Path) -> int:
    """Return the bytes of a regular file; a pipe or a device would never end.

    Raises:
        InputError: there is none, or it is something else.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}", next_step(error)) from error
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: not a regular file", "give a file of safetensors")
    return found.st_size


class _Entry(msgspec.Struct, gc=False):
    dtype: str
    shape: list[_Natural]
    data_offsets: tuple[_Natural, _Natural]


_ENTRY = msgspec.json.Decoder(_Entry)
_RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXTS = msgspec.json.Decoder(dict[str, str])
_WRONG = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _header_length(reader: RangeReader, path: Path, file_bytes: int) -> int:
    if file_bytes < _LENGTH_BYTES + 2:
        raise InputError(f"{path}: {file_bytes} bytes are no safetensors file", _AGAIN)
    first = bytes(reader.read(0, min(_LENGTH_BYTES + 8, file_bytes)))
    for start, what, hint in _FOREIGN:
        if first.startswith(start):
            raise InputError(f"{path}: {what}", hint)
    length = int.from_bytes(first[:_LENGTH_BYTES], "little")
    if first[_LENGTH_BYTES : _LENGTH_BYTES + 1] != b"{":
        raise InputError(f"{path}: not a safetensors file", "give a file that safetensors wrote")
    if length > file_bytes - _LENGTH_BYTES:
        raise InputError(f"{path}: its header is {length:,} bytes by its length, the file only {file_bytes:,}", _AGAIN)
    if length > LONGEST_HEADER_BYTES:
        raise InputError(f"{path}: a header of {length:,} bytes", f"at most {LONGEST_HEADER_BYTES:,} are allowed")
    return length


def _entries(path: Path, raw: bytes) -> dict[str, msgspec.Raw]:
    try:
        entries = _RAW.decode(raw)
    except _WRONG as error:
        raise InputError(f"{path}: its header is no JSON as safetensors writes it: {error}", _AGAIN) from error
    if b"\\" in raw or raw.count(b'"data_offsets"') != len(entries) - (_METADATA in entries):
        _check_unique(path, raw)
    return entries


def _check_unique(path: Path, raw: bytes) -> None:
    """Refuse a name that stands there twice, at any depth; slow, and only where the quick count leaves a doubt."""

    def once(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise InputError(f"{path}: {shortened(name)} stands in its header twice", _AGAIN)
            seen.add(name)

    try:
        json.loads(raw, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: its header is no JSON as safetensors writes it: {error}", _AGAIN) from error


def _metadata(path: Path, raw: msgspec.Raw | None) -> dict[str, str]:
    if raw is None:
        return {}
    try:
        return _TEXTS.decode(raw)
    except _WRONG as error:
        raise InputError(f"{path}: {_METADATA} in its header: {error}", _AGAIN) from error


def _tensors(path: Path, entries: dict[str, msgspec.Raw], start: int) -> Iterable[StoredTensor]:
    for name, raw in entries.items():
        try:
            entry = _ENTRY.decode(raw)
        except _WRONG as error:
            raise InputError(f"{path}: {shortened(name)} in its header: {error}", _AGAIN) from error
        begin, end = entry.data_offsets
        _check(path, name, entry)
        yield StoredTensor(name, entry.dtype, tuple(entry.shape), path, start + begin, end - begin)


def _check(path: Path, name: str, entry: _Entry) -> None:
    """Refuse a type that is not known, and a range that is not as long as shape and type say."""
    dtype = DTYPES.get(entry.dtype)
    if dtype is None:
        raise InputError(
            f"{path}: {shortened(name)} is of the unknown type {shortened(entry.dtype)}",
            f"known are {', '.join(DTYPES)}",
        )
    if len(entry.shape) > _MOST_DIMENSIONS:
        raise InputError(f"{path}: {shortened(name)} has {len(entry.shape)} dimensions", _AGAIN)
    begin, end = entry.data_offsets
    bits = prod(entry.shape) * dtype.bits
    if bits != (end - begin) * 8:
        what = f"{shortened(name)} is {entry.dtype} of {entry.shape}, and has {end - begin:,} bytes by its offsets"
        raise InputError(f"{path}: {what}", _AGAIN)


def _check_cover(path: Path, tensors: list[StoredTensor], start: int, file_bytes: int) -> None:
    """Refuse tensors that overlap, leave a gap, or end before or after the file does."""
    at = start
    for tensor in tensors:
        if tensor.offset != at:
            what = "overlaps the one before" if tensor.offset < at else "leaves a gap before it"
            raise InputError(f"{path}: {shortened(tensor.name)} {what}, by its offsets", _AGAIN)
        at += tensor.size_bytes
    if at != file_bytes:
        what = "cut short" if file_bytes < at else "longer than its header says"
        raise InputError(f"{path}: {what}: {file_bytes:,} bytes, {at:,} by its header", _AGAIN)
