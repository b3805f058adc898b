"""Add up a part of a log, and keep the records open that other parts may repeat.

Records that nothing can repeat are added up as in a whole log. The others are written as they are, in canonical form:
`RankEngine` ranks those of all parts by the very query that a whole log is ranked by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from llmopt.core.ledger import Key
from llmopt.core.usage import BUCKETS
from llmopt.cost.engine import Engine
from llmopt.cost.entries import tier_named
from llmopt.cost.overlap import booked_answers, booked_keys, naming_requests, repeated_spans
from llmopt.cost.pairs import Answer
from llmopt.cost.plan import Batch, Plan
from llmopt.cost.query import COMPARED, TEXT, Records, compares, records, within, without_repeats
from llmopt.cost.rejects import Reader
from llmopt.cost.sniff import Sniffer
from llmopt.cost.spec.columns import literal
from llmopt.cost.spec.load import GROUP_FIELDS
from llmopt.cost.totals import totals

_PART = "llmopt_part"
_FILES = "llmopt_files"
_TYPES = {
    **dict.fromkeys(("request_id", "provider", "model", "tier", "key"), "VARCHAR"),
    **dict.fromkeys(("requests", *BUCKETS), "BIGINT"),
    "ts": "TIMESTAMP",
    "outcome": "INTEGER",
    "naive": "BOOLEAN",
    "reported_usd": "DECIMAL(38, 12)",
}
"""Columns of a file of open records -> type, the same in each, so that they may be read together."""


class PartEngine(Engine):
    """One run over the files of one part."""

    def __init__(
        self,
        plan: Plan,
        sniffer: Sniffer,
        reader: Reader,
        spool: Path,
        memory_bytes: int,
        jobs: int | None,
        *,
        rows: Path,
        sample: int = 1,
    ) -> None:
        """Keep what to do.

        Args:
            plan: this and what follows as for `Engine`.
            sniffer: …
            reader: …
            spool: …
            memory_bytes: …
            jobs: …
            rows: Parquet file for the records that other parts may repeat; only written where there are any.
            sample: in how many request ids one is watched for repeats.
        """
        super().__init__(plan, sniffer, reader, spool, memory_bytes, jobs)
        self.rows, self.sample = rows, sample
        self.ids: list[int] = []
        """Hashes of the request ids that are watched for repeats."""
        self.open = 0
        """Records in `rows`."""
        self._whole: Records | None = None
        """All records of the part, those in `rows` too; None where no record is compared with others."""
        self._odd_open_tier = False
        """Has an open record a tier that its format does not know?"""

    def run(self, batches: list[Batch]) -> None:
        """Read all batches."""
        with self._opened(batches) as connection:
            # What a table is, is only known when it is opened.
            batches = self._readable(connection, batches)
            self._scan(connection, [batch for batch in batches if not compares(batch.specs, self.plan)])
            self._whole = Records("", "")
            self._scan(connection, [batch for batch in batches if compares(batch.specs, self.plan)])
            self._whole = None

    def answers(self, batches: list[Batch], ids: Sequence[str]) -> list[Answer]:
        """Return the records with usage, and those that failed, whose request or response has one of `ids`."""
        found: list[Answer] = []
        with self._opened(batches) as connection:
            for batch in self._readable(connection, batches):  # all in one statement would take more memory
                named = replace(batch, specs=tuple(map(naming_requests, batch.specs)))
                scan = self._to_scan(connection, named)
                whole = records([scan], replace(self.plan, by=("user",)), ranked=False)
                found += booked_answers(connection, whole, ids)
        return found

    def _sample(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch]) -> int:
        return self.sample

    def _added_up(
        self, connection: duckdb.DuckDBPyConnection, batches: list[Batch], plan: Plan
    ) -> tuple[Records, list[tuple[Any, ...]]]:
        """Return the query of the records that are final, and what they add up to; write the others."""
        if self._whole is None:
            return super()._added_up(connection, batches, plan)
        open_ended = replace(plan, since_us=None, until_us=None)
        self._whole = records([self._to_scan(connection, batch) for batch in batches], open_ended, ranked=False)
        query = f"{self._whole.with_sql}SELECT * FROM ({self._whole.source})"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {_PART} AS {query}")
        # Texts are read again one by one, so they are in both.
        final = f"SELECT * FROM {_PART} WHERE NOT coalesce({COMPARED}, false) OR outcome = {TEXT}"
        found = Records("", within(final, plan), self._whole.formats)
        self._odd_open_tier = not (plan.check_tiers or self._tiers_are_known(connection, found))
        self._write_open(connection)
        return found, connection.execute(totals(found, plan)).fetchall()

    def _tiers_are_known(self, connection: duckdb.DuckDBPyConnection, found: Records) -> bool:
        """Have the open records tiers that their formats know?"""
        query = f"SELECT DISTINCT fmt, tier FROM {_PART} WHERE {COMPARED} AND outcome <> {TEXT}"
        return all(tier_named(word, found.formats[fmt]) for fmt, word in connection.execute(query).fetchall())

    def _write_open(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Write the records that others may repeat, with the names of their formats and files."""
        described = connection.execute(f"DESCRIBE {_PART}").fetchall()
        columns = [name for name, *_ in described if name not in ("fmt", "file")]
        casts = [f"CAST({name} AS {_TYPES.get(name) or _type_of(name)}) AS {name}" for name in columns]
        formats = self._whole.formats if self._whole else []
        named = " ".join(f"WHEN {number} THEN {literal(spec.variant)}" for number, spec in enumerate(formats))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {_FILES} (number BIGINT, shown VARCHAR)")
        connection.executemany(
            f"INSERT INTO {_FILES} VALUES (?, ?)", [(n, source.shown) for n, source in enumerate(self.files)]
        )
        query = (
            f"SELECT CASE fmt {named} END AS variant, shown AS file, {', '.join(casts)} "
            f"FROM {_PART} JOIN {_FILES} ON file = number WHERE {COMPARED}"
        )
        copied = connection.execute(f"COPY ({query}) TO {literal(str(self.rows))} (FORMAT parquet, COMPRESSION zstd)")
        ((self.open,),) = copied.fetchall()
        if not self.open:
            self.rows.unlink()

    def _again(self, rows: list[tuple[Any, ...]], found: Records) -> bool:
        """Look for unknown tiers; repeated request ids are a matter of all parts."""
        if self._odd_open_tier or self._odd_tiers(rows, found):
            self.plan = replace(self.plan, check_tiers=True)
            self._odd_open_tier = False
            return True
        self.ids += [number for row in rows if isinstance(row[-1], list) for number in row[-1]]
        return False

    def _concede(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch], found: Records, plan: Plan) -> None:
        """Tell the reader which spans repeat others; all else that is said twice is a matter of all parts."""
        _, spans, _ = self.reader.claims()
        self.reader.concede([], repeated_spans(connection, self._whole or found, spans))


class RankEngine(Engine):
    """Ranks the records that the parts of a log have left open."""

    def rank(self, rows: Sequence[str], files: Sequence[str], keys: Sequence[str]) -> list[str]:
        """Book the best record of each response, and count the others.

        Args:
            rows: Parquet files, by `PartEngine`; together they hold all records of each response in them.
            files: names of all log files, in the order of the listing.
            keys: of responses.

        Returns:
            those of `keys` that are booked now.
        """
        with self._connect() as connection:
            listed = ", ".join(literal(path) for path in rows)
            source = f"read_parquet([{listed}], union_by_name = true)"
            names = connection.execute(f"SELECT DISTINCT variant FROM {source} ORDER BY ALL").fetchall()
            formats = [spec for spec in self.sniffer.variants if (spec.variant,) in names]
            named = " ".join(f"WHEN {literal(spec.variant)} THEN {number}" for number, spec in enumerate(formats))
            self._shown = list(dict.fromkeys(files))
            connection.execute(f"CREATE TEMP TABLE {_FILES} (number BIGINT, shown VARCHAR)")
            connection.execute(
                f"INSERT INTO {_FILES} SELECT unnest(range(len($1))), unnest($1::VARCHAR[])", [self._shown]
            )
            opened = (
                f"SELECT r.* EXCLUDE (variant, file), CASE variant {named} END AS fmt, number AS file "
                f"FROM {source} r JOIN {_FILES} ON r.file = shown"
            )
            found = Records("", within(without_repeats(opened, formats), self.plan), formats)
            self._sum_up(connection, found)
            return booked_keys(connection, found, keys)

    def _sum_up(self, connection: duckdb.DuckDBPyConnection, found: Records) -> None:
        # Texts were seen when they were read one by one.
        counted = replace(found, source=f"SELECT * FROM ({found.source}) WHERE outcome <> {TEXT}")
        rows = connection.execute(totals(counted, self.plan)).fetchall()
        self._book(rows, found)
        if self.reader.weigh is not None:
            self._dearest(connection, rows, found, self.plan)

    def _shown_key(self, key: Key) -> Key:
        if "file" not in self.plan.by:
            return key
        place = self.plan.by.index("file")
        groups = list(key.groups)
        groups[place] = self._shown[int(groups[place] or 0)]
        return replace(key, groups=tuple(groups))


def _type_of(column: str) -> str:
    """Return the type of a group or of a value to sort by."""
    return "VARCHAR" if column.removeprefix("g_") in GROUP_FIELDS else "DOUBLE"
