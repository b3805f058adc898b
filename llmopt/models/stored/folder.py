"""A checkpoint on disk: one file, a sharded one with its index, or a folder; put together from headers only."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from llmopt.errors import InputError
from llmopt.models.stored.beside import files_beside, how_quantized, read_config
from llmopt.models.stored.choice import Choice, choose
from llmopt.models.stored.header import read_header
from llmopt.models.stored.hub import found
from llmopt.models.stored.names import shortened
from llmopt.models.stored.names import tensors as counted
from llmopt.models.stored.values import Shard, Stored, StoredTensor

_AGAIN = "fetch the checkpoint again; its index and its shards are not of the same one"


@dataclass(frozen=True, slots=True)
class Contents:
    """What one file of weights holds."""

    path: Path
    tensors: tuple[StoredTensor, ...]
    metadata: dict[str, str]
    file_bytes: int
    header_bytes: int
    """Read of it: the header, or the pickle."""


def open_stored(path: str | os.PathLike[str]) -> Stored:
    """Look into a checkpoint of safetensors: a folder, one file, an index file, or a name in the hub's local cache.

    Only headers and small JSON files are read.

    Raises:
        InputError: no such thing, damaged, hostile, or its weights are only pickled.
    """
    choice = choose(found(path))
    if choice.pickled:
        raise InputError(
            f"{choice.shards[0]}: its weights are pickled, and loading a pickle may run the code in it",
            "take a checkpoint of safetensors; `llmopt inspect` says what the pickle asks for",
        )
    return filled(put_together(choice, [contents(shard) for shard in choice.shards]))


def filled(stored: Stored) -> Stored:
    """Return a checkpoint that holds something.

    Raises:
        InputError: there are no tensors in it.
    """
    if not stored.tensors:
        raise InputError(f"{stored.shards[0].path}: no tensors in it", "give the folder of a checkpoint")
    return stored


def contents(path: Path) -> Contents:
    """Return what the header of a safetensors file says.

    Raises:
        InputError: as of `read_header`.
    """
    header = read_header(path)
    return Contents(path, header.tensors, header.metadata, header.file_bytes, header.data_start)


def put_together(choice: Choice, files: Iterable[Contents]) -> Stored:
    """Return the checkpoint that the files of a choice make.

    Raises:
        InputError: they do not fit together, or to their index; `config.json` is damaged.
    """
    files = list(files)
    warnings = list(choice.warnings)
    tensors = _of_index(choice, files, warnings) if choice.weight_map is not None else _of_all(choice, files)
    config = read_config(choice.folder)
    beside, left_out = files_beside(choice)
    metadata: dict[str, str] = {}
    for file in files:
        metadata = file.metadata | metadata
    return Stored(
        folder=choice.folder,
        tensors=tensors,
        shards=tuple(Shard(file.path, len(file.tensors), file.file_bytes, file.header_bytes) for file in files),
        config=config,
        quantized=how_quantized(choice.folder, config, tensors),
        files=beside,
        metadata=metadata,
        warnings=(*warnings, *left_out),
        pickled=choice.pickled,
    )


def _of_all(choice: Choice, files: list[Contents]) -> tuple[StoredTensor, ...]:
    """Return the tensors of all files, each name once."""
    holders: dict[str, Path] = {}
    for file in files:
        for tensor in file.tensors:
            if tensor.name in holders:
                both = f"{holders[tensor.name].name} and {file.path.name}"
                raise InputError(f"{choice.folder}: {shortened(tensor.name)} is in {both}", _AGAIN)
            holders[tensor.name] = file.path
    return tuple(tensor for file in files for tensor in file.tensors)


def _of_index(choice: Choice, files: list[Contents], warnings: list[str]) -> tuple[StoredTensor, ...]:
    """Return the tensors as the index has them; one that it leaves out is taken all the same, as transformers does."""
    told = choice.weight_map or {}
    taken: list[StoredTensor] = []
    unlisted: dict[str, str] = {}
    twice = 0
    for file in files:
        shard = file.path.relative_to(choice.folder).as_posix()
        for tensor in file.tensors:
            if told.get(tensor.name, shard) != shard:
                twice += 1
                continue
            if tensor.name not in told:
                _add_unlisted(choice, unlisted, tensor.name, shard)
            taken.append(tensor)
    _check_all_there(choice, told, {tensor.name for tensor in taken})
    if unlisted:
        warnings.append(f"{counted(len(unlisted))} not in the index, such as {shortened(next(iter(unlisted)))}")
    if twice:
        warnings.append(f"{counted(twice)} in a second shard too; the index says which one counts")
    return tuple(taken)


def _add_unlisted(choice: Choice, unlisted: dict[str, str], name: str, shard: str) -> None:
    if name in unlisted:
        both = f"{unlisted[name]} and {shard}"
        raise InputError(f"{choice.index}: {shortened(name)} is in {both}, and not in the index", _AGAIN)
    unlisted[name] = shard


def _check_all_there(choice: Choice, told: dict[str, str], taken: set[str]) -> None:
    missing = [name for name in told if name not in taken]
    if missing:
        first = f"{shortened(missing[0])} in {shortened(told[missing[0]])}"
        what = f"{counted(len(missing))} not where it says, such as {first}"
        raise InputError(f"{choice.index}: {what}", _AGAIN)
