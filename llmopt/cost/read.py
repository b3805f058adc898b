"""Read logs into a ledger: find the files, see what they are, send each where it is read best.

Small logs and odd files are read record by record in Python, which starts at once; large ones are added up by
duckdb, which is loaded only then. Both read by the same specs and fill the same ledger.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from llmopt.core.ledger import Key, Ledger
from llmopt.cost.documents import as_lines
from llmopt.cost.given import as_files
from llmopt.cost.groups import FROM_PRICE
from llmopt.cost.keying import Keying
from llmopt.cost.plan import Batch, Plan
from llmopt.cost.rejected import Rejects
from llmopt.cost.rejects import Reader
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import Source, find_files
from llmopt.cost.spec.expr import Const
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.values import epoch_micros
from llmopt.cost.weights import Weights

if TYPE_CHECKING:
    from llmopt.cost.given import Logs as Logs

DEFAULT_MEMORY_BYTES = 256 * 2**20
SMALL_BYTES = 512 * 2**10
"""Logs up to this size in total are read in Python: they are done before duckdb would have started."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to read."""

    specs: tuple[Spec, ...]
    keying: Keying
    by: tuple[str, ...] = ("model",)
    since: datetime | None = None
    until: datetime | None = None
    input_format: str = "auto"
    dedupe: str = "auto"
    deployments: Mapping[str, str] = field(default_factory=dict)
    """Deployment name as logged -> model, for the tokenizer of a text without usage."""
    jobs: int | None = None
    memory_bytes: int = DEFAULT_MEMORY_BYTES
    small_bytes: int = SMALL_BYTES
    weigh: Callable[[Key], Weights | None] | None = None
    """Given where the dearest single request is wanted."""

    @property
    def formats(self) -> tuple[Spec, ...]:
        """The formats that a file may be of."""
        return tuple(spec for spec in self.specs if self.input_format in ("auto", spec.name))

    def plan(self) -> Plan:
        """Return what is asked of the records."""
        return Plan(
            keying=self.keying,
            by=tuple(group for group in self.by if group not in FROM_PRICE),
            since_us=epoch_micros(self.since),
            until_us=epoch_micros(self.until),
            dedupe=self.dedupe,
            deployments={name.lower(): model for name, model in self.deployments.items()},
        )


@dataclass(slots=True)
class Reading:
    """What was read."""

    ledger: Ledger = field(default_factory=Ledger)
    rejects: Rejects = field(default_factory=Rejects)
    files: list[str] = field(default_factory=list)
    duplicates: int = 0
    free: int = 0
    skipped: int = 0
    seen: int = 0
    """Records met, counted where they come in."""
    unaccounted: int = 0
    """Records met that are in no other number here; not 0 is a bug."""
    dearest_usd: Decimal | None = None
    """Cost of the dearest single request, where it was wanted."""

    def check(self) -> None:
        """Count what got lost between coming in and being booked."""
        booked = sum(entry.records for _, entry in self.ledger)
        self.unaccounted = self.seen - booked - self.duplicates - self.skipped - self.rejects.count


def read_logs(paths: Logs, settings: Settings) -> Reading:
    """Read everything behind `paths`.

    Raises:
        InputError: a path that does not exist, a directory without logs.
    """
    sniffer, plan = Sniffer(settings.formats), settings.plan()
    reading = Reading()
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        spool = Path(folder)
        sources = find_files(as_paths(paths, spool), spool)
        reading.files = [source.shown for source in sources]
        reader = Reader(sniffer, plan, reading, settings.weigh)
        small = sum(source.size_bytes for source in sources) <= settings.small_bytes
        batches = in_batches(sources, sniffer, reader, spool, small=small)
        if batches:
            # Small logs need not wait for duckdb to load.
            from llmopt.cost.engine import Engine

            Engine(plan, sniffer, reader, spool, settings.memory_bytes, settings.jobs).run(batches)
        reader.finish()
    reading.check()
    return reading


def as_paths(paths: Logs, spool: Path) -> Sequence[str | os.PathLike[str]]:
    """Return the paths, with a file in `spool` in the place of each frame, table and query."""
    return as_files(paths, spool)


def in_batches(sources: list[Source], sniffer: Sniffer, reader: Reader, spool: Path, *, small: bool) -> list[Batch]:
    """Sniff every file and put like ones together; what duckdb has no use for goes to the reader at once."""
    batches: dict[object, Batch] = {}
    for number, source in enumerate(sources):
        found = sniffer.sniff(source)
        if found.kind == "document":
            source = as_lines(source, spool / f"document-{number}")
            found = sniffer.sniff(source)
        if found.kind == "other":
            reader.reject("not a log: binary data", source.shown, 1)
            continue
        specs = tuple(spec for spec in found.variants if not _without_usage(spec))
        source = replace(source, delimiter=found.delimiter)
        if found.kind == "csv" and (small or not specs):
            reader.read_csv(source, found.variants[0])
        elif found.kind in ("csv", "parquet"):
            batches[source.path] = Batch(specs, found.kind, [source])
        elif specs and not small and not (len(specs) > 1 and any(spec.rows for spec in specs)):
            key = (tuple(spec.variant for spec in specs), source.compression)
            batches.setdefault(key, Batch(specs, "lines", [])).sources.append(source)
        else:
            reader.read_all(source)
    return list(batches.values())


def _without_usage(spec: Spec) -> bool:
    """A format without usage has nothing that duckdb could add up."""
    return spec.usage == Const(False)
