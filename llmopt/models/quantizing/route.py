"""`llmopt quantize` for transformers and vLLM: a checkpoint streamed into one in the compressed-tensors format.

Headers say how large everything will be, so the place of each result is known before the first byte is read. Tensors
are then read, quantized and written in chunks; no layer is ever whole in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from llmopt.errors import InputError
from llmopt.models.memory import ProcessPeak
from llmopt.models.quantizing.buffers import Buffers, buffers, held_bytes
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.destination import MARK, atomic_folder, check_space, emptied, writing
from llmopt.models.quantizing.journal import JOURNAL, Journal
from llmopt.models.quantizing.metadata import write_metadata
from llmopt.models.quantizing.plan import Plan, plan
from llmopt.models.quantizing.report import QuantizeReport
from llmopt.models.quantizing.rules import UNPACKABLE
from llmopt.models.quantizing.shards import INDEX, Layout, layout
from llmopt.models.quantizing.stream import Files, Item, stream
from llmopt.models.quantizing.summary import Run, summary
from llmopt.models.stored.source import open_source
from llmopt.models.stored.values import Stored

_FORMAT_VERSION = 2
"""Of what is written; another one cannot go on where this one stopped."""
_SCRATCH = "pickled"
"""Folder of weights that were pickled, beside the result until it is done."""


def quantize_checkpoint(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    config: QuantizeConfig,
    progress: Callable[[int, int], None] | None = None,
) -> QuantizeReport:
    """Quantize the weights of a checkpoint; quality and speed are not measured.

    Args:
        src: folder, file or name of the checkpoint.
        dst: folder to make.
        config: what is asked for; the target is `transformers` or `vllm`.
        progress: called with the bytes of the source that are done, and with all.

    Raises:
        UsageError: `dst` cannot be written to, or the values do not fit together.
        InputError: the source is no checkpoint, damaged, quantized already or dangerous; or there is no space.
    """
    began_s, before, peak = time.perf_counter(), held_bytes(), ProcessPeak()
    peak.start()
    with atomic_folder(dst, src, resume=config.resume) as folder:
        stored = open_source(src, folder / _SCRATCH, trust_pickle=config.trust_pickle)
        chosen = _planned(stored, config)
        places = layout(chosen)
        given = buffers(config.max_memory_bytes, config.threads)
        with Journal(folder, _fingerprint(stored, chosen, places)) as journal:
            _prepared(folder, places, journal)
            streamed = _streamed(chosen, places, folder, journal, given, progress)
            write_metadata(stored, chosen, folder, places.index, INDEX)
            done = dict(journal.done)
        with writing(folder):
            shutil.rmtree(folder / _SCRATCH, ignore_errors=True)
    took_s, most = time.perf_counter() - began_s, peak.read() or held_bytes()
    run = Run(Path(dst), took_s, streamed, most, before, config.max_memory_bytes)
    return summary(stored, chosen, config.target, done, run)


def _planned(stored: Stored, config: QuantizeConfig) -> Plan:
    """Return what to do.

    Raises:
        InputError: there is nothing to do, or it was done before.
    """
    if stored.quantized is not None:
        raise InputError(
            f"{stored.folder}: is quantized already ({stored.quantized})", "quantize the weights it was made of"
        )
    chosen = plan(stored, config.scheme, target=config.target, group_size=config.group_size, skip=config.skip)
    if not chosen.quantized:
        largest = sorted(chosen.kept, key=lambda kept: -kept.tensor.size_bytes)
        reasons = list(dict.fromkeys(kept.reason for kept in largest))
        other = "--scheme w8a8 can be loaded; " if UNPACKABLE in reasons else ""
        raise InputError(
            f"{stored.folder}: no tensor to quantize among {len(chosen.kept):,}",
            f"{other}why they stay: {'; '.join(reasons[:4])}" if reasons else "",
        )
    return chosen


def _fingerprint(stored: Stored, chosen: Plan, places: Layout) -> str:
    """Return what is made of what, so that a run goes on only with the same."""
    sources = {}
    for shard in stored.shards:  # not the files of the tensors: those that torch reads are converted anew by each run
        facts = shard.path.stat()
        sources[str(shard.path)] = [facts.st_size, facts.st_mtime_ns]
    made = {shard.file: hashlib.sha256(shard.header).hexdigest() for shard in places.shards}
    return json.dumps([_FORMAT_VERSION, str(chosen.numbers), sources, made])


def _prepared(folder: Path, places: Layout, journal: Journal) -> None:
    """Make the files of the result in their full length, with their headers, where there is room for them."""
    if not journal.done:
        with writing(folder):
            emptied(folder, but=(MARK, JOURNAL, _SCRATCH))
        check_space(folder, places.size_bytes)
    for shard in places.shards:
        with writing(folder / shard.file), (folder / shard.file).open("r+b" if journal.done else "wb") as file:
            file.write(shard.header)
            file.truncate(shard.size_bytes)


def _streamed(
    chosen: Plan,
    places: Layout,
    folder: Path,
    journal: Journal,
    given: Buffers,
    progress: Callable[[int, int], None] | None,
) -> int:
    """Do what is not done yet; return its bytes."""
    items = [item for item in _items(chosen, places) if item.tensor.name not in journal.done]
    left, total = sum(item.tensor.size_bytes for item in items), chosen.bytes_before
    done = total - left
    files = Files({item.tensor.path for item in items}, folder, {shard.file for shard in places.shards})

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    try:
        stream(items, files, journal, threads=given.threads, chunk_bytes=given.chunk_bytes, progress=advance)
    finally:
        files.close()
    return left


def _items(chosen: Plan, places: Layout) -> list[Item]:
    """Return what to do, in the order of the source's bytes."""
    items = [
        Item(entry.tensor, places.places[entry.tensor.name], entry.numbers, cast=entry.numbers is None)
        for entry in chosen.quantized
    ]
    items += [Item(kept.tensor, places.places[kept.tensor.name], None) for kept in chosen.kept]
    return sorted(items, key=lambda item: (item.tensor.path, item.tensor.offset, item.tensor.name))
