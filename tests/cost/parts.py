"""Read a log in parts, as those do who have many machines or nights: cut it, read each part, merge the parts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from llmopt.cost.partial import Partial, answers_in, cut_of, merged, read_part, repeats, unanswered
from llmopt.cost.partial_bytes import decode, encode
from llmopt.cost.prepared import Prepared, prepare
from llmopt.cost.result import CostReport
from llmopt.cost.schemas import Extent
from llmopt.cost.sniff import Sniffed, Sniffer
from llmopt.cost.sources import Source, find_files

Group = Sequence[Source]


def price_in_parts(paths: Iterable[Path], cut: Callable[[int], Sequence[int]], **options: Any) -> CostReport:
    """Price logs in parts.

    Args:
        paths: the logs.
        cut: given a number of lines, the numbers of the lines that a new part begins with.
        options: as for `llmopt.price_logs`.
    """
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(**options)
        sources = find_files([str(path) for path in paths], Path(folder))
        sniffer = Sniffer(prepared.settings.formats)
        parts, known = _cut(sources, sniffer, cut, Path(folder))
        return _merged(prepared, [source.shown for source in sources], parts, known, Path(folder))


def _cut(
    sources: Sequence[Source], sniffer: Sniffer, cut: Callable[[int], Sequence[int]], folder: Path
) -> tuple[list[Group], dict[str, Sniffed]]:
    together: list[Source] = []
    parts: list[Group] = []
    known: dict[str, Sniffed] = {}
    for number, source in enumerate(sources):
        found = sniffer.sniff(source)
        how = cut_of(found.variants)
        if how == "together":
            together.append(source)
        elif how == "lines" and found.kind == "lines" and source.compression == "none":
            pieces = _pieces(source, cut, folder / f"piece-{number}")
            known |= {piece.path: found for piece in pieces}
            parts += [[piece] for piece in pieces]
        else:
            parts.append([source])
    return [*parts, together] if together else parts, known


def _pieces(source: Source, cut: Callable[[int], Sequence[int]], target: Path) -> list[Source]:
    lines = Path(source.path).read_bytes().splitlines(keepends=True)
    starts = sorted({0, *cut(len(lines)), len(lines)})
    pieces = []
    for start, end in pairwise(starts):
        path = target.with_name(f"{target.name}-{start}")
        path.write_bytes(b"".join(lines[start:end]))
        pieces.append(replace(source, path=str(path), line_map=tuple(range(start + 1, end + 1))))
    return pieces


def _merged(
    prepared: Prepared, files: list[str], groups: list[Group], known: dict[str, Sniffed], folder: Path
) -> CostReport:
    settings = prepared.settings
    parts = _read(groups, prepared, known, folder)
    if repeats(parts):
        prepared = replace(prepared, settings=replace(settings, dedupe="all"))
        parts = _read(groups, prepared, known, folder)
    ids = unanswered(parts)
    answers = [answer for group in groups if ids for answer in answers_in(group, prepared.settings, ids, known)]
    return prepared.report(merged(parts, prepared.settings, files, answers))


def _read(groups: list[Group], prepared: Prepared, known: dict[str, Sniffed], folder: Path) -> list[Partial]:
    sample = Extent(sum(source.size_bytes for group in groups for source in group)).watched
    parts = []
    for number, group in enumerate(groups):
        part = read_part(group, prepared.settings, folder / f"rows-{number}", sample=sample, known=known)
        parts.append(decode(encode(part)))
    return parts
