"""Chunk after chunk of a checkpoint, from its files through the arithmetic into the files of the result.

Threads work on chunks in the order of the files, each with buffers of its own; torch lets go of the interpreter while
it computes, and so do reads and writes. Memory is that of the buffers, whatever the checkpoint's size. Sums are added
up in the order of the chunks, so the result does not depend on the threads.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from llmopt.errors import InputError
from llmopt.models.quantizing.arithmetic import TYPES, Arithmetic, Made, computing_threads
from llmopt.models.quantizing.destination import writing
from llmopt.models.quantizing.journal import Done, Journal
from llmopt.models.quantizing.numbers import Numbers
from llmopt.models.quantizing.shards import Place
from llmopt.models.stored.read import RangeReader
from llmopt.models.stored.values import StoredTensor

_AHEAD = 4
"""Chunks in hand for each thread."""


@dataclass(frozen=True, slots=True)
class Item:
    """A tensor of the source and what becomes of it."""

    tensor: StoredTensor
    places: tuple[Place, ...]
    """Of the numbers, of the scales, and of the shape."""
    numbers: Numbers | None
    """How to quantize it; None: it is copied, or cast where `cast`."""
    cast: bool = False
    """To bfloat16."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Whole rows of an item; of a tensor that is copied or cast, any whole numbers."""

    item: Item
    start: int
    """Byte of the tensor."""
    size_bytes: int
    last: bool


class Files:
    """The files of a run, opened once: of the source to read, of the result to write.

    Args:
        sources: to read.
        folder: of the result.
        names: of its files, which exist.

    Raises:
        InputError: one cannot be opened.
    """

    def __init__(self, sources: set[Path], folder: Path, names: set[str]) -> None:
        self._folder = folder
        self._readers = {path: RangeReader(path) for path in sorted(sources)}
        with writing(folder):
            self._written = {name: os.open(folder / name, os.O_WRONLY) for name in sorted(names)}

    def read(self, path: Path, offset: int, buffer: memoryview) -> None:
        """Fill a buffer."""
        self._readers[path].read_into(offset, buffer)

    def write(self, name: str, offset: int, data: bytes | memoryview) -> None:
        """Write all of the data.

        Raises:
            InputError: the disk is full, or fails.
        """
        view, done = memoryview(data), 0
        with writing(self._folder / name):
            while done < len(view):
                done += os.pwrite(self._written[name], view[done:], offset + done)

    def close(self) -> None:
        """Close all."""
        for reader in self._readers.values():
            reader.close()
        for descriptor in self._written.values():
            os.close(descriptor)


def stream(
    items: list[Item],
    files: Files,
    journal: Journal,
    *,
    threads: int,
    chunk_bytes: int,
    progress: Callable[[int], None],
) -> None:
    """Make the result's tensors of those of the source, and note each in the journal.

    Args:
        items: what to do.
        files: of both.
        journal: gets a line for each tensor.
        threads: to compute with.
        chunk_bytes: read at once; no row is longer.
        progress: called with the bytes of the source that were done since the last call.

    Raises:
        InputError: the source cannot be read, holds NaNs or infinities, or the result cannot be written.
    """
    free: SimpleQueue[Arithmetic] = SimpleQueue()
    for _ in range(threads):
        free.put(Arithmetic(chunk_bytes))

    def work(chunk: _Chunk) -> tuple[float, float]:
        arithmetic = free.get()
        try:
            return _done(chunk, files, arithmetic)
        finally:
            free.put(arithmetic)

    pending: deque[tuple[_Chunk, Future[tuple[float, float]]]] = deque()
    gathered = _Gathering(journal, progress)
    with computing_threads(threads) as pool:
        for chunk in _chunks(items, chunk_bytes):
            pending.append((chunk, pool.submit(work, chunk)))
            if len(pending) >= _AHEAD * threads:
                gathered.add(*pending.popleft())
        while pending:
            gathered.add(*pending.popleft())


class _Gathering:
    """Adds up what comes out of the chunks, in their order."""

    def __init__(self, journal: Journal, progress: Callable[[int], None]) -> None:
        self._journal = journal
        self._progress = progress
        self._signal = self._noise = 0.0

    def add(self, chunk: _Chunk, future: Future[tuple[float, float]]) -> None:
        """Wait for a chunk."""
        signal, noise = future.result()
        self._signal += signal
        self._noise += noise
        if chunk.last:
            self._journal.add(Done(chunk.item.tensor.name, self._signal, self._noise))
            self._signal = self._noise = 0.0
        self._progress(chunk.size_bytes)


def _chunks(items: list[Item], chunk_bytes: int) -> Iterator[_Chunk]:
    for item in items:
        tensor = item.tensor
        row = tensor.size_bytes // tensor.shape[0] if item.numbers is not None else 8
        step, end = chunk_bytes // row * row, tensor.size_bytes
        for start in range(0, max(end, 1), step):
            yield _Chunk(item, start, min(step, end - start), start + step >= end)


def _done(chunk: _Chunk, files: Files, arithmetic: Arithmetic) -> tuple[float, float]:
    """Read a chunk, compute, write; return its sums of squares, signal and noise."""
    item, tensor = chunk.item, chunk.item.tensor
    raw = memoryview(arithmetic.raw)[: chunk.size_bytes]
    files.read(tensor.path, tensor.offset + chunk.start, raw)
    if item.numbers is not None:
        rows = chunk.size_bytes * tensor.shape[0] // tensor.size_bytes
        made = arithmetic.quantized(tensor.dtype, rows, tensor.shape[1], item.numbers)
    elif item.cast and chunk.size_bytes:
        made = arithmetic.cast(tensor.dtype, chunk.size_bytes * 8 // tensor.bits)
    else:
        bad = tensor.dtype in TYPES and chunk.size_bytes > 0 and arithmetic.has_nan(tensor.dtype, chunk.size_bytes)
        made = Made((raw,), 0.0, 0.0, finite=not bad)
    if not made.finite:
        raise _no_number(item)
    for place, part in zip(item.places, made.parts, strict=False):
        share = place.output.size_bytes * chunk.start // max(tensor.size_bytes, 1)
        files.write(place.file, place.offset + share, part)
    if item.numbers is not None and item.numbers.layout == "packed" and chunk.last:
        shape = item.places[2]
        files.write(shape.file, shape.offset, b"".join(size.to_bytes(8, "little") for size in tensor.shape))
    return made.signal, made.noise


def _no_number(item: Item) -> InputError:
    """Return what to say of a tensor with numbers that are none."""
    name, path = item.tensor.name, item.tensor.path
    if item.cast:
        what = f"{path}: {name} holds NaNs, infinities, or numbers too large for bfloat16"
        return InputError(what, f"fetch it again if it is damaged; --skip {name} leaves it as it is")
    what = "is not a number (NaN)" if item.numbers is None else "is infinite or not a number (NaN)"
    return InputError(f"{path}: a weight of {name} {what}", "the checkpoint is damaged: fetch it again")
