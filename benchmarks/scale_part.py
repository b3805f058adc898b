"""What runs in processes of its own for `scale.py`: each measures one thing, and prints it as JSON.

python -m benchmarks.scale_part KIND ARGUMENTS
"""

from __future__ import annotations

import json
import pickle
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import process_time

import duckdb

from llmopt.core.ledger import Ledger
from llmopt.cost.partial import Partial, add, read_part
from llmopt.cost.partial_bytes import decode, encode
from llmopt.cost.prepared import prepare
from llmopt.cost.read import Reading, Settings
from llmopt.cost.schemas import Extent
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import Source, find_files
from llmopt.cost.spark.asked import asked
from llmopt.cost.spark.cluster import MOST_PART_BYTES
from llmopt.cost.spark.cutting import Cutter, Part
from llmopt.cost.spark.shuffle import Rank, spread
from llmopt.cost.spark.task import ReadFiles, Wanted, versions
from llmopt.cost.state.run import price_with_state

FAR = Extent(10**15, 10**12)
"""Of this long a log a part is taken to be: so few request ids are watched that they do not count."""
PAGE_BYTES = 4096
Found = Mapping[str, float | int | list[float]]


def part(path: str, by: str = "model", dedupe: str = "auto", extent: str = "far", rounds: str = "3") -> Found:
    """Read a file as one part, as a task does, with one thread; the time is the median of the rounds but the first.

    A worker's process reads many parts, so what is loaded for the first does not count; with one round, it does.
    """
    settings = replace(prepare(by=by.split(","), jobs=1, cached="included").settings, dedupe=dedupe)
    times = []
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        for number in range(int(rounds)):
            rows = Path(folder, f"rows-{number}")
            began = process_time()
            read = _read(settings, [path], rows, is_far=extent == "far")
            times.append(process_time() - began)
        opened = _records(rows) if read.rows else 0
        size = rows.stat().st_size if read.rows else 0
    read.rows = []
    data_bytes, count = len(encode(read)), len(read.ids)
    read.ids = []
    encoded_bytes = len(encode(read))
    booked = sum(entry.records for _, entry in read.ledger)
    return {
        "cpu_s": statistics.median(times[1:] or times),
        "rows": booked + opened,
        "rejected": read.rejects.count,
        "entries": len(read.ledger),
        "encoded_bytes": encoded_bytes,
        "entries_bytes": encoded_bytes - len(encode(replace(read, ledger=Ledger()))),
        "ids": count,
        "ids_bytes": data_bytes - encoded_bytes,
        "open_rows": opened,
        "open_bytes": size,
    }


def deal(path: str, *buckets: str) -> Found:
    """Read a file as one part, then deal its open records among several numbers of buckets."""
    settings = prepare(jobs=1).settings
    found: dict[str, list[float]] = {"buckets": [], "files": [], "bytes": [], "cpu_s": []}
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        read = _read(settings, [path], Path(folder, "rows"), is_far=True)
        for number in map(int, buckets):
            work = Path(folder, f"dealt-{number}")
            work.mkdir()
            began = process_time()
            sent = [one for one in spread(0, read.rows, read.kept, number, work) if one.kind == "rows"]
            found["cpu_s"].append(process_time() - began)
            found["buckets"].append(number)
            found["files"].append(len(sent))
            found["bytes"].append(sum(len(one.data) for one in sent))
        return {"open_rows": _records(Path(read.rows[0])), **found}


def rank(path: str, files: str) -> Found:
    """Rank the open records of a log in one task, which get there in so many files."""
    settings = prepare(jobs=1).settings
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        read = _read(settings, [path], Path(folder, "rows"), is_far=True)
        opened = _records(Path(read.rows[0]))
        sent = [one for one in spread(0, read.rows, read.kept, int(files), Path(folder)) if one.kind == "rows"]
        began = process_time()
        back = list(Rank(asked({}), None, (path,))(one.batch() for one in sent))
        ranked_s = process_time() - began
    return {"open_rows": opened, "files": len(sent), "cpu_s": ranked_s, "sent_back": len(back)}


def merge(path: str, by: str, copies: str) -> Found:
    """Merge a part many times, all of them held, as the driver holds them; then price the whole."""
    prepared = prepare(by=by.split(","), jobs=1)
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        read = _read(prepared.settings, [path], Path(folder, "rows"), is_far=True)
    read.rows = []
    data = encode(read)
    count = len(read.ledger)
    del read
    before_bytes, began = _resident_bytes(), process_time()
    sent = [bytes(bytearray(data)) for _ in range(int(copies))]
    sent_bytes = _resident_bytes()
    parts = [decode(one) for one in sent]
    reading = Reading(files=[path])
    for one in parts:
        add(reading, one)
    merged_s, held_bytes = process_time() - began, _resident_bytes()
    began = process_time()
    prepared.report(reading)
    return {
        "entries": count,
        "encoded_bytes": len(data),
        "sent_bytes": sent_bytes - before_bytes,
        "held_bytes": held_bytes - sent_bytes,
        "merge_s": merged_s,
        "price_s": process_time() - began,
    }


def drive(folder: str) -> Found:
    """Look at the files of a folder and cut them, as the driver does; size what every worker gets to know."""
    settings = prepare().settings
    with tempfile.TemporaryDirectory(prefix="llmopt-") as spool:
        sources = find_files([folder], Path(spool))
        began = process_time()
        cutter = Cutter(Sniffer(settings.formats), MOST_PART_BYTES, Path(spool))
        parts = cutter.parts(sources)
        cutter.extent()
        cut_s = process_time() - began
    pieces = sum(map(len, parts))
    wanted = Wanted(asked({}), None, None, 8, driver=versions())
    singles: tuple[Part, ...] = tuple((piece,) for one in parts for piece in one)
    return {
        "files": len(sources),
        "cpu_s": cut_s,
        "pieces": pieces,
        "pieces_bytes": len(pickle.dumps(ReadFiles(wanted, singles))) - len(pickle.dumps(ReadFiles(wanted, ()))),
        "names_bytes": _names_bytes(sources),
    }


def state(path: str, folder: str) -> Found:
    """Price with a state; say how large it is."""
    began = process_time()
    price_with_state([path], Path(folder), jobs=1)
    cpu_s = process_time() - began
    rows = sum(file.stat().st_size for file in Path(folder, "rows").glob("*"))
    whole = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    return {"cpu_s": cpu_s, "rows_bytes": rows, "other_bytes": whole - rows}


def _read(settings: Settings, paths: list[str], rows: Path, *, is_far: bool) -> Partial:
    sources = find_files(paths, rows.parent)
    return read_part(sources, settings, rows, sample=(FAR if is_far else Extent()).watched)


def _records(rows: Path) -> int:
    with duckdb.connect() as connection:
        ((count,),) = connection.execute(f"SELECT count(*) FROM read_parquet('{rows}')").fetchall()
    return int(count)


def _names_bytes(sources: list[Source]) -> int:
    names = tuple(source.shown for source in sources)
    return len(pickle.dumps(Rank(asked({}), None, names))) - len(pickle.dumps(Rank(asked({}), None, ())))


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def _peak_bytes() -> int:
    """Return the most that this process has held; what `wait4` tells holds its parent's memory at the start, too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


KINDS: dict[str, Callable[..., Found]] = {
    "part": part,
    "deal": deal,
    "rank": rank,
    "merge": merge,
    "drive": drive,
    "state": state,
}

if __name__ == "__main__":
    result = dict(KINDS[sys.argv[1]](*sys.argv[2:]))
    print(json.dumps(result | {"peak_bytes": _peak_bytes()}))
