"""Weights to work on: safetensors where there are any, otherwise pickles that do no harm."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from llmopt.errors import InputError, next_step
from llmopt.models.stored.choice import Choice, choose
from llmopt.models.stored.folder import Contents, contents, filled, put_together
from llmopt.models.stored.hub import found
from llmopt.models.stored.names import shortened
from llmopt.models.stored.pickled import Pickled, check_safe, look
from llmopt.models.stored.read import RangeReader
from llmopt.models.stored.values import Stored, StoredTensor
from llmopt.models.stored.write import Piece, write_safetensors

_CHUNK_BYTES = 1 << 21


def open_source(path: str | os.PathLike[str], scratch: Path, *, trust_pickle: bool = False) -> Stored:
    """Look into a checkpoint whose weights may be pickled; no code of a pickle ever runs.

    Where there are safetensors, this is `open_stored`. Tensors of a pickle are read in place; those that
    only torch can read are opened with its `weights_only` and written to `scratch`.

    Args:
        path: as of `open_stored`.
        scratch: a folder that need not exist yet; converted weights are put there, only where they must be.
        trust_pickle: take the tensors of a pickle that asks for other things too; what it asks for is left out.

    Raises:
        InputError: as of `open_stored`, or an unsafe pickle; the message names the globals that it asks for.
    """
    choice = choose(found(path))
    if not choice.pickled:
        return filled(put_together(choice, [contents(shard) for shard in choice.shards]))
    looked = [look(shard) for shard in choice.shards]
    check_safe(looked, trusted=trust_pickle)
    files = [pickled_contents(one, _converted(one, scratch, at)) for at, one in enumerate(looked)]
    return filled(_with_remarks(put_together(choice, files), looked))


def as_safetensors(path: str | os.PathLike[str], scratch: Path, *, trust_pickle: bool = False) -> Path:
    """Return a folder that transformers can open: the checkpoint's own, or one in `scratch` with pickles converted.

    Args:
        path: a folder, or a name in the hub's local cache.
        scratch: a folder that need not exist yet.
        trust_pickle: as of `open_source`.

    Raises:
        InputError: as of `open_source`, or there is no space for the copy.
    """
    home = found(path)
    if home.is_dir() and not choose(home).pickled:
        return home
    stored = open_source(home, scratch, trust_pickle=trust_pickle)
    if not stored.pickled:
        return stored.folder
    folder = scratch / "model"
    _make(folder, stored.size_bytes)
    _write(stored, folder / "model.safetensors")
    for name in stored.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(stored.folder / name, folder / name)
    return folder


def pickled_contents(one: Pickled, converted: tuple[StoredTensor, ...] = ()) -> Contents:
    """Return what a pickle holds as a file of a checkpoint; the converted tensors lie in another file."""
    return Contents(one.path, (*one.tensors, *converted), {"format": "pt"}, one.file_bytes, one.pickle_bytes)


def look_stored(path: str | os.PathLike[str]) -> tuple[Stored, tuple[Pickled, ...]]:
    """Look into a checkpoint, pickled or not, and judge nothing: what it holds, and what its pickles ask for.

    Tensors of a pickle that only torch can read are left out.

    Raises:
        InputError: there is none, or it is damaged, or holds nothing and asks for nothing.
    """
    choice: Choice = choose(found(path))
    if not choice.pickled:
        return filled(put_together(choice, [contents(shard) for shard in choice.shards])), ()
    looked = tuple(look(shard) for shard in choice.shards)
    stored = _with_remarks(put_together(choice, [pickled_contents(one) for one in looked]), looked)
    return (stored if any(one.unsafe or one.for_torch for one in looked) else filled(stored)), looked


def _with_remarks(stored: Stored, looked: Sequence[Pickled]) -> Stored:
    skipped = sum(one.skipped for one in looked)
    if not skipped:
        return stored
    remark = f"{skipped:,} entr{'y' if skipped == 1 else 'ies'} of the pickle left out: no tensors"
    return replace(stored, warnings=(*stored.warnings, remark))


def _converted(one: Pickled, scratch: Path, at: int) -> tuple[StoredTensor, ...]:
    """Return the tensors that torch must read, out of a file in the scratch folder; none for most pickles."""
    if not one.for_torch:
        return ()
    if one.unsafe:
        what = f"{shortened(one.for_torch[0])} is for torch to read, which opens this pickle only by running it"
        raise InputError(f"{one.path}: {what}", "take a checkpoint of safetensors")
    from llmopt.models.stored.pickles_torch import convert  # heavy, and hardly ever needed

    target = scratch / f"converted-{at:05d}.safetensors"
    _make(scratch, one.file_bytes)
    convert(one.path, frozenset(one.for_torch), target)
    return contents(target).tensors


def _make(folder: Path, needed_bytes: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror or error}", next_step(error)) from error
    if free < needed_bytes:
        raise InputError(
            f"{folder}: {needed_bytes:,} bytes are needed to convert pickled weights, {free:,} are free",
            "free some space",
        )


def _write(stored: Stored, target: Path) -> None:
    with_chunks = [
        Piece(tensor.name, tensor.dtype, tensor.shape, tensor.size_bytes, _chunks(tensor)) for tensor in stored.tensors
    ]
    write_safetensors(target, with_chunks)


def _chunks(tensor: StoredTensor) -> Iterator[bytearray]:
    with RangeReader(tensor.path) as reader:
        for at in range(0, tensor.size_bytes, _CHUNK_BYTES):
            yield reader.read(tensor.offset + at, min(_CHUNK_BYTES, tensor.size_bytes - at))
