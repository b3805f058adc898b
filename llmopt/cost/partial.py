"""Read a log in parts, anywhere and at any time, and merge them to what reading it at once would give.

A part's ledger adds up like any other. What only the whole log can tell stays open: records that another part may
repeat lie in Parquet files, request ids are hashed to be compared, and records that were read one by one are kept as
they are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias

from llmopt.core.ledger import Ledger
from llmopt.cost.counting import light
from llmopt.cost.identity import Identity
from llmopt.cost.pairs import Answer, Kept, wanted
from llmopt.cost.part_engine import PartEngine, RankEngine
from llmopt.cost.read import Reading, Settings, in_batches
from llmopt.cost.rejected import Rejects
from llmopt.cost.rejects import Reader
from llmopt.cost.sniff import Sniffed, Sniffer
from llmopt.cost.sources import Source
from llmopt.cost.spec.load import Spec

Cut: TypeAlias = Literal["lines", "file", "together"]
"""How a log may be cut: between any two lines, between files, or not at all."""


@dataclass(slots=True)
class Partial:
    """What reading a part of a log gives; has the fields that a `Reader` books in."""

    files: list[str] = field(default_factory=list)
    """Names of the files, as shown."""
    ledger: Ledger = field(default_factory=Ledger)
    """Records that no other part can change."""
    rejects: Rejects = field(default_factory=Rejects)
    seen: int = 0
    """Records met, without those in `rows`."""
    free: int = 0
    skipped: int = 0
    duplicates: int = 0
    dearest_usd: Decimal | None = None
    """Cost of the dearest single request in `ledger`, where it was wanted."""
    ids: list[int] = field(default_factory=list)
    """Hashes of the request ids that are watched for repeats (with `dedupe="auto"`)."""
    rows: list[str] = field(default_factory=list)
    """Parquet files of records that other parts may repeat."""
    kept: list[tuple[Identity, Kept]] = field(default_factory=list)
    """Records with an identity that were read one by one."""
    answers: list[Answer] = field(default_factory=list)
    """Records without an identity that were read one by one, which a request may look for."""


def cut_of(specs: Iterable[Spec]) -> Cut:
    """Return how a log of these formats may be cut into parts."""
    specs = list(specs)
    if any(spec.tree for spec in specs):
        return "together"
    return "file" if any(spec.carries for spec in specs) else "lines"


def read_part(
    sources: Sequence[Source],
    settings: Settings,
    rows: Path,
    *,
    sample: int = 1,
    known: Mapping[str, Sniffed] | None = None,
) -> Partial:
    """Read files as one part of a log.

    Args:
        sources: the files.
        settings: how to read them; with `dedupe="all"` where `repeats` has found some.
        rows: Parquet file to be made for the records that other parts may repeat.
        sample: in how many request ids one is watched for repeats: `schemas.Extent.watched` of the whole log.
        known: path -> what the file is, for files that are a piece of another; None: they are looked at.
    """
    sniffer, plan, partial = _sniffer(settings, known), settings.plan(), Partial()
    partial.files = [source.shown for source in sources]
    reader = Reader(sniffer, plan, partial, settings.weigh)
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        spool = Path(folder)
        batches = in_batches(list(sources), sniffer, reader, spool, small=False)
        if batches:
            memory, jobs = settings.memory_bytes, settings.jobs
            engine = PartEngine(plan, sniffer, reader, spool, memory, jobs, rows=rows, sample=sample)
            engine.run(batches)
            partial.ids = engine.ids
            partial.rows = [str(rows)] if engine.open else []
    partial.kept = [(identity, light(kept, plan.deployments)) for identity, kept in reader.hand_over()]
    partial.answers = reader.answers()
    return partial


def repeats(parts: Iterable[Partial]) -> bool:
    """Is any request id there twice? Then each part has to be read again, with `dedupe="all"`."""
    seen: set[int] = set()
    count = 0
    for part in parts:
        seen.update(part.ids)
        count += len(part.ids)
    return len(seen) < count


def unanswered(parts: Iterable[Partial]) -> list[str]:
    """Return the ids of requests and answers without usage, whose usage records of any part may have."""
    return sorted(wanted(kept for part in parts for _, kept in part.kept))


def answers_in(
    sources: Sequence[Source], settings: Settings, ids: Sequence[str], known: Mapping[str, Sniffed] | None = None
) -> list[Answer]:
    """Return the records of files that have the usage of `ids`, as far as `read_part` has not given them."""
    sniffer, plan = _sniffer(settings, known), replace(settings.plan(), since_us=None, until_us=None)
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        reader = Reader(sniffer, plan, Partial())
        batches = in_batches(list(sources), sniffer, reader, Path(folder), small=False)
        memory, jobs = settings.memory_bytes, settings.jobs
        engine = PartEngine(settings.plan(), sniffer, reader, Path(folder), memory, jobs, rows=Path(folder, "rows"))
        return engine.answers(batches, ids) if batches else []


def merged(
    parts: Sequence[Partial],
    settings: Settings,
    files: Sequence[str],
    answers: Iterable[Answer] = (),
    *,
    elsewhere: Sequence[Partial] = (),
    conceded: Sequence[str] = (),
) -> Reading:
    """Put the parts of a log together.

    Args:
        parts: all of them, in the order of the log.
        settings: those that the parts were read with.
        files: names of all log files, in the order of the listing.
        answers: of all parts, to what `unanswered` has named.
        elsewhere: what other processes have made of open records that are not in the parts any more.
        conceded: responses of the parts' own records that are booked there.
    """
    reading = Reading(files=list(files))
    reader = Reader(_sniffer(settings, None), settings.plan(), reading, settings.weigh)
    for part in [*parts, *elsewhere]:
        add(reading, part)
        for identity, kept in part.kept:
            reader.adopt(identity, kept)
    rows = [path for part in parts for path in part.rows]
    booked = ranked(rows, settings, reader, files) if rows else []
    reader.concede([*conceded, *booked], [], [answer for part in parts for answer in part.answers])
    reader.concede([], [], answers)
    reader.finish()
    reading.check()
    return reading


def ranked(rows: Sequence[str], settings: Settings, reader: Reader, files: Sequence[str]) -> list[str]:
    """Book the open records of files of rows, and return which of the reader's own responses are booked by that.

    Args:
        rows: Parquet files; together they hold all records of each response in them.
        settings: those that the parts were read with.
        reader: books them.
        files: names of all log files, in the order of the listing.
    """
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        memory, jobs = settings.memory_bytes, settings.jobs
        engine = RankEngine(settings.plan(), _sniffer(settings, None), reader, Path(folder), memory, jobs)
        return engine.rank(rows, files, reader.claims()[0])


def add(total: Reading | Partial, part: Partial, lines_before: Mapping[str, int] | None = None) -> None:
    """Add what is final in a part to a total.

    Args:
        total: what comes before the part in the log; changed.
        part: unchanged.
        lines_before: file -> lines of it that lie before the part.
    """
    total.ledger.merge(part.ledger)
    total.rejects.merge(part.rejects, lines_before)
    total.seen += part.seen
    total.free += part.free
    total.skipped += part.skipped
    total.duplicates += part.duplicates
    if part.dearest_usd is not None:
        total.dearest_usd = max(part.dearest_usd, total.dearest_usd or part.dearest_usd)


def _sniffer(settings: Settings, known: Mapping[str, Sniffed] | None) -> Sniffer:
    sniffer = Sniffer(settings.formats)
    sniffer.known.update(known or {})
    return sniffer
