"""What a large log takes, worked out from measured constants: pure arithmetic, a function a line of the plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, expm1, log1p

GB, GIB = 10**9, 2**30
MOST_RESULT_BYTES = GIB
"""spark.driver.maxResultSize as Spark comes: more than that and the job ends."""
FULLEST = 5
"""Buckets in the fullest task that ranks, where there are as many tasks: Spark deals them by a hash (balls in bins)."""
LISTED = 1_000
"""Objects in one answer of a listing of S3."""
SECONDS_AN_HOUR = 3_600


@dataclass(frozen=True, slots=True)
class Constants:
    """What does not depend on the log, as measured."""

    part_bytes: int
    """How much log there is to a part, of a log that is not too long for it."""
    many_parts: int
    """Of a longer one, parts are larger."""
    largest_part_bytes: int
    """Up to this."""
    bucket_bytes: int
    """How much log there is to a bucket."""
    most_buckets: int
    """However long the log."""
    part_s: float
    """Processor time of a part beside its rows."""
    empty_bytes: float
    """Encoded part without entries."""
    entry_bytes: float
    """Encoded ledger entry."""
    id_bytes: float
    """Encoded hash of a watched request id."""
    watched_bytes: int
    """How much log there is to a request id that is watched, in rows of lines: 1 in 1 + log / this."""
    merge_part_s: float
    """Processor time of the driver for a part without entries."""
    merge_entry_s: float
    """And for an entry of a part."""
    held_part_bytes: float
    """Memory of the driver for a part without entries, decoded."""
    held_entry_bytes: float
    """And for an entry."""
    priced_entry_s: float
    """Processor time to price an entry of the whole."""
    piece_bytes: float
    """Pickled piece of a file, which every worker gets of every part."""
    name_bytes: float
    """Pickled name of a file, which every task that ranks gets of every file."""
    open_row_bytes: float
    """Open record in the shuffle, without the files it lies in."""
    open_file_bytes: float
    """Parquet file of one part for one bucket, without its records."""
    deal_row_s: float
    """Processor time to deal an open record."""
    deal_file_s: float
    """And to write a file of a part for a bucket."""
    rank_row_s: float
    """Processor time to rank an open record."""
    rank_file_s: float
    """And to read a file of a part."""
    block_bytes: int
    """What is fetched at once of an object that is read on."""


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of log."""

    name: str
    row_bytes: float
    """Of storage, a record with usage."""
    rows_per_s: float
    """Records a second of one processor, beside `part_s`."""
    open_share: float = 0.0
    """Records that other parts may repeat, of all."""
    is_cut: bool = True
    """Is a file read by several tasks?"""
    weight: float = 1.0
    """How many bytes of plain lines one of its bytes is taken for."""
    look_s: float = 0.0
    """Processor time of the driver to look at a file."""
    fetched_share: float = 1.0
    """Bytes fetched of an object, of its size."""
    gets_per_row: float = 0.0
    """Requests a row; 0: a request a block."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is planned, and its prices."""

    rows: float = 1e12
    cores: int = 1_000
    file_bytes: float = 512 * 2**20
    """Of each file or object."""
    models: int = 20
    days: int = 365
    users: int = 1
    """1: not grouped by user."""
    by_day: bool = False
    passes: int = 1
    """2: request ids repeat, so that the log is read again with all records open."""
    usd_core_hour: float = 0.0408
    usd_gb_month: float = 0.023
    usd_million_gets: float = 0.40
    usd_million_lists: float = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a log takes."""

    storage_bytes: float
    files: float
    parts: float
    buckets: int
    read_h: float
    """Core-hours of reading, all passes."""
    shuffle_h: float
    """Core-hours of dealing and ranking open records."""
    wall_h: float
    """Both, if no core were ever idle but those without a bucket; without the driver."""
    shuffle_bytes: float
    bucket_rows: float
    """Open records that one task ranks, on the mean."""
    bucket_disk_bytes: float
    """Rows that the fullest task that ranks writes down first; it puts the small files together."""
    part_entries: float
    """Ledger entries of one part."""
    ledger_entries: float
    """Of the whole."""
    part_sent_bytes: float
    """What the driver gets of one part."""
    collected_bytes: float
    """What the driver gets of all parts."""
    driver_bytes: float
    """Memory of the driver's Python."""
    driver_h: float
    """Hours of the driver, which are on no more than one core."""
    task_command_bytes: float
    """What every worker's process gets to know what the parts are."""
    gets: float
    lists: float
    fetched_bytes: float
    compute_usd: float
    requests_usd: float
    storage_usd: float
    """A month."""


def distinct(draws: float, kinds: float) -> float:
    """Return how many of `kinds` equally likely kinds are expected among some draws: k * (1 - (1 - 1/k)^n)."""
    return min(draws, 1.0 if kinds <= 1 else -kinds * expm1(draws * log1p(-1 / kinds)))


def buckets(storage_bytes: float, constants: Constants) -> int:
    """Return among how many tasks open records are dealt."""
    return min(constants.most_buckets, max(8, int(storage_bytes // constants.bucket_bytes)))


def file_count(storage_bytes: float, file_bytes: float) -> float:
    """Return how many files a log lies in."""
    return ceil(storage_bytes / file_bytes)


def part_count(storage_bytes: float, file_bytes: float, case: Case, constants: Constants) -> float:
    """Return how many parts a log is cut into; files that cannot be cut are parts, small ones share one."""
    most = max(constants.part_bytes, min(constants.largest_part_bytes, storage_bytes // constants.many_parts))
    size = most / case.weight
    return ceil(storage_bytes / (size if case.is_cut else max(size, file_bytes)))


def entries(rows: float, asked: Asked, share_of_days: float = 1.0) -> float:
    """Return the ledger entries of some rows.

    Args:
        rows: drawn from all models, users and the days of the stretch alike.
        asked: the groups.
        share_of_days: how much of the whole time the rows are from, at least a day.
    """
    days = max(1.0, asked.days * share_of_days) if asked.by_day else 1.0
    return distinct(rows, asked.models * asked.users * days)


def shuffle_bytes(open_rows: float, parts: float, dealt: int, constants: Constants) -> float:
    """Return what open records take in the shuffle: each part sends a file to each bucket it has records for."""
    if not open_rows:
        return 0.0
    files = parts * distinct(open_rows / parts, dealt)
    return open_rows * constants.open_row_bytes + files * constants.open_file_bytes


def shuffle_s(open_rows: float, parts: float, dealt: int, constants: Constants) -> tuple[float, float]:
    """Return the processor time of dealing open records, and of ranking them."""
    if not open_rows:
        return 0.0, 0.0
    files = parts * distinct(open_rows / parts, dealt)
    deal_s = open_rows * constants.deal_row_s + files * constants.deal_file_s
    return deal_s, open_rows * constants.rank_row_s + files * constants.rank_file_s


def gets(rows: float, files: float, parts: float, case: Case, constants: Constants) -> float:
    """Return the requests for bytes: a head a file for the driver, then blocks, and one more a range."""
    blocks = rows * case.row_bytes / constants.block_bytes + parts
    return files + (rows * case.gets_per_row if case.gets_per_row else blocks)


def planned(case: Case, asked: Asked, constants: Constants) -> Plan:
    """Work out what a log takes; of two passes, the driver must bear the heavier one."""
    plan = _last_pass(case, asked, constants)
    if asked.passes == 1:
        return plan
    first = _last_pass(case, replace(asked, passes=1), constants)
    heavier = max(plan, first, key=lambda one: one.collected_bytes)
    return replace(
        plan,
        part_entries=heavier.part_entries,
        part_sent_bytes=heavier.part_sent_bytes,
        collected_bytes=heavier.collected_bytes,
        driver_bytes=max(plan.driver_bytes, first.driver_bytes),
        driver_h=plan.driver_h + first.driver_h,
        lists=first.lists,
    )


def _last_pass(case: Case, asked: Asked, constants: Constants) -> Plan:
    """Return the plan; what the driver gets and does is that of the last pass."""
    storage = asked.rows * case.row_bytes
    files = file_count(storage, asked.file_bytes)
    parts = part_count(storage, asked.file_bytes, case, constants)
    open_rows = asked.rows * (1.0 if asked.passes > 1 else case.open_share)
    dealt = buckets(storage, constants) if open_rows else 0
    read_s = asked.passes * (asked.rows / case.rows_per_s + parts * constants.part_s)
    dealt_s, ranked_s = shuffle_s(open_rows, parts, dealt, constants)
    compute_h = (read_s + dealt_s + ranked_s) / SECONDS_AN_HOUR
    rankers = max(1, dealt)
    shuffled = shuffle_bytes(open_rows, parts, dealt, constants)
    final_rows = asked.rows - open_rows
    part_entries = entries(final_rows / parts, asked, 1 / parts) if final_rows else 0.0
    whole = entries(asked.rows, asked)
    watched_bytes = constants.id_bytes * final_rows / (1 + storage / constants.watched_bytes)
    sent = constants.empty_bytes + part_entries * constants.entry_bytes
    ranked = dealt * entries(open_rows / dealt, asked) if dealt else 0.0
    met = parts * part_entries + ranked
    collected = parts * sent + ranked * constants.entry_bytes + watched_bytes
    held = parts * constants.held_part_bytes + (met + whole) * constants.held_entry_bytes
    driver_s = files * case.look_s + parts * constants.merge_part_s
    driver_s += met * constants.merge_entry_s + whole * constants.priced_entry_s
    requests = gets(asked.rows, files, parts, case, constants) * asked.passes
    lists = ceil(files / LISTED)
    return Plan(
        storage_bytes=storage,
        files=files,
        parts=parts,
        buckets=dealt,
        read_h=read_s / SECONDS_AN_HOUR,
        shuffle_h=(dealt_s + ranked_s) / SECONDS_AN_HOUR,
        wall_h=((read_s + dealt_s) / asked.cores + ranked_s / min(asked.cores, rankers)) / SECONDS_AN_HOUR,
        shuffle_bytes=shuffled,
        bucket_rows=open_rows / rankers,
        bucket_disk_bytes=open_rows * constants.open_row_bytes / rankers * min(FULLEST, rankers),
        part_entries=part_entries,
        ledger_entries=whole,
        part_sent_bytes=sent,
        collected_bytes=collected,
        driver_bytes=held + collected,
        driver_h=driver_s / SECONDS_AN_HOUR,
        task_command_bytes=parts * constants.piece_bytes + files * constants.name_bytes,
        gets=requests,
        lists=lists,
        fetched_bytes=storage * case.fetched_share * asked.passes,
        compute_usd=compute_h * asked.usd_core_hour,
        requests_usd=(requests * asked.usd_million_gets + lists * asked.usd_million_lists) / 1e6,
        storage_usd=storage / GB * asked.usd_gb_month,
    )


def breaks(case: Case, asked: Asked, constants: Constants, limits: dict[str, tuple[str, float]]) -> dict[str, float]:
    """Return how many rows it takes for each figure of a plan to pass its limit: what comes first breaks first.

    Args:
        case: the log.
        asked: all but the number of rows.
        constants: as measured.
        limits: name -> figure of `Plan`, and the most that it may be.
    """
    return {name: _first_rows(case, asked, constants, field, most) for name, (field, most) in limits.items()}


def _first_rows(case: Case, asked: Asked, constants: Constants, field: str, most: float) -> float:
    """Every figure grows with the rows, so the place where it passes the limit is found by halving."""
    low, high = 1.0, 1e18

    def passes(rows: float) -> bool:
        return bool(getattr(planned(case, replace(asked, rows=rows), constants), field) > most)

    if not passes(high):
        return float("inf")
    while high / low > 1.01:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high
