"""What a log costs to price on Spark, a trillion rows on paper: constants measured on this machine, then the plan.

Makes logs (seeded) in several forms, measures what a row, a part, a bucket, a ledger entry, a file and an object take,
each in a process of its own and in processor time, and works out three logs of `--rows` from that. Prints tables; the
last line is one JSON object. The exit code is 1 when a reader did not count all rows.

    python benchmarks/scale.py [--sample-mb 64] [--rows 1e12] [--cores 1000] [--users 1] [--by-day] [--passes 1]
    python benchmarks/scale.py --constants scale.json --rows 2.7e9     # plan again with what was measured
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict, fields
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.cost_logs_run import ROOT, Command, run
from benchmarks.scale_logs import write_folder, write_forms, write_texts, write_users
from benchmarks.scale_plan import MOST_RESULT_BYTES, Asked, Case, Constants, breaks, planned
from llmopt import __version__

BUCKETS = (1, 8, 64, 256, 1024)
GROUPED = (
    ("model", 1),
    ("model,day", 1),
    ("model,day,user", 10),
    ("model,day,user", 1_000),
    ("model,day,user", 100_000),
)
USER_ROWS, USER_DAYS = 300_000, 3
STORED = ("chat", "chat_gz", "chat_zst", "csv", "noted")
SMALL_FILES, COPIES = 200, 3_000
TEXTS = (300, 1_500)
LIMITS = {
    "driver gets more than spark.driver.maxResultSize (1 GiB)": ("collected_bytes", float(MOST_RESULT_BYTES)),
    "driver's Python needs more than 16 GB": ("driver_bytes", 16e9),
    "driver works for more than an hour": ("driver_h", 1.0),
    "list of parts and files larger than 1 GB in each worker": ("task_command_bytes", 1e9),
    "more than 100,000 tasks in a job": ("parts", 1e5),
    "a task that ranks needs more than 50 GB of disk": ("bucket_disk_bytes", 50e9),
}
"""What ends a run, or makes it no fun -> figure of the plan, and the most that it may be."""


def main() -> None:
    """Measure, or read what was measured; plan; print."""
    options = _options()
    if options.constants:
        measured = json.loads(options.constants.read_text(encoding="utf-8").splitlines()[-1])
    else:
        with tempfile.TemporaryDirectory(prefix="llmopt-bench-", dir=options.dir) as folder:
            measured = measure(Path(folder), int(options.sample_mb * 2**20), stores=not options.no_stores)
        _show(measured)
    constants, cases = Constants(**measured["constants"]), [Case(**one) for one in measured["cases"]]
    asked = Asked(**{field.name: getattr(options, field.name) for field in fields(Asked)})
    measured["asked"], measured["plans"], measured["breaks"] = asdict(asked), {}, {}
    for case in cases:
        measured["plans"][case.name] = asdict(planned(case, asked, constants))
        measured["breaks"][case.name] = breaks(case, asked, constants, LIMITS)
    _show_plans(measured)
    print(json.dumps(measured))
    sys.exit(0 if measured["exact"] else 1)


def measure(folder: Path, size_bytes: int, *, stores: bool = True) -> dict[str, Any]:
    """Make the logs in `folder` and measure everything."""
    print(f"writing logs of {size_bytes / 1e6:,.0f} MB to {folder}", file=sys.stderr)
    forms = write_forms(folder, size_bytes)
    read = {name: _child("part", log.path) for name, log in forms.items()}
    tiny = write_folder(forms["chat"].path, folder / "tiny", max(2, forms["chat"].rows // 50)) / "00000.jsonl"
    one = _child("part", tiny)
    texts = [
        _child("part", write_texts(folder / f"{rows}.jsonl", rows).path, "model", "auto", "far", 1) for rows in TEXTS
    ]
    again = _child("part", forms["chat"].path, "model", "all")
    near = _child("part", forms["chat"].path, "model", "auto", "near")
    users = {kinds: write_users(folder / f"users-{kinds}.parquet", USER_ROWS, kinds, USER_DAYS) for _, kinds in GROUPED}
    grouped = [(by, kinds, _child("part", users[kinds], by, "auto", "far", 2)) for by, kinds in GROUPED]
    few = _child("merge", users[1], "model", COPIES)
    many = _child("merge", users[100_000], "model,day,user", 2)
    dealt = _child("deal", forms["claude"].path, *BUCKETS)
    ranked = [_child("rank", forms["claude"].path, files) for files in (BUCKETS[0], BUCKETS[-1])]
    chats = write_folder(forms["chat"].path, folder / "chats", SMALL_FILES)
    turns = write_folder(forms["claude"].path, folder / "turns", SMALL_FILES)
    tables = folder / "tables"
    tables.mkdir()
    for number in range(SMALL_FILES):
        os.link(forms["parquet"].path, tables / f"{number:05}.parquet")
    driven = {"lines": _child("drive", chats), "tables": _child("drive", tables)}
    states = {"chat": _child("state", chats, folder / "state-chat")}
    states["claude"] = _child("state", turns, folder / "state-claude")
    found: dict[str, Any] = {
        "benchmark": "scale",
        "exact": all(read[name]["rows"] == log.rows and not read[name]["rejected"] for name, log in forms.items()),
        "forms": {
            name: {"name": log.name, "rows": log.rows, "bytes": log.path.stat().st_size, **read[name]}
            for name, log in forms.items()
        },
        "texts_row_s": (texts[1]["cpu_s"] - texts[0]["cpu_s"]) / (TEXTS[1] - TEXTS[0]),
        "small_part": one,
        "read_with_all_open": again,
        "grouped": [{"by": by, "users": kinds, **one} for by, kinds, one in grouped],
        "watched_ids": {"ids": near["ids"], "bytes": near["ids_bytes"]},
        "merge_small": few,
        "merge_large": many,
        "dealt": dealt,
        "ranked": ranked,
        "driver": driven,
        "state_files": SMALL_FILES,
        "states": states,
        "stores": _stores([forms[name].path for name in STORED]) if stores else None,
        "environment": _environment(),
    }
    found["constants"] = asdict(constants_of(found))
    found["cases"] = [asdict(case) for case in cases_of(found)]
    return found


def constants_of(found: dict[str, Any]) -> Constants:
    """Return the constants of a plan from what was measured."""
    # duckdb is slow to load, and a plan from constants that are there needs none of it.
    from llmopt.cost.schemas import WATCHED_BYTES
    from llmopt.cost.spark.cluster import LARGEST_PART_BYTES, MANY_PARTS, MOST_PART_BYTES
    from llmopt.cost.spark.run import BUCKET_BYTES, MOST_BUCKETS
    from llmopt.cost.stores.stored import BLOCK_BYTES

    small, large, dealt, ranked = (found[name] for name in ("merge_small", "merge_large", "dealt", "ranked"))
    driven = found["driver"]["lines"]
    largest = max(found["grouped"], key=lambda one: int(one["entries"]))
    entry_held = large["held_bytes"] / (3 * large["entries"])  # twice as parts, once in the whole
    entry_s = large["merge_s"] / (2 * large["entries"])
    last, row_s = len(BUCKETS) - 1, dealt["cpu_s"][0] / dealt["open_rows"]
    file_bytes = (dealt["bytes"][last] - dealt["bytes"][0]) / (dealt["files"][last] - dealt["files"][0])
    file_s = (dealt["cpu_s"][last] - dealt["cpu_s"][0]) / (dealt["files"][last] - dealt["files"][0])
    return Constants(
        part_bytes=MOST_PART_BYTES,
        many_parts=MANY_PARTS,
        largest_part_bytes=LARGEST_PART_BYTES,
        bucket_bytes=BUCKET_BYTES,
        most_buckets=MOST_BUCKETS,
        part_s=found["small_part"]["cpu_s"],
        empty_bytes=found["small_part"]["encoded_bytes"] - found["small_part"]["entries_bytes"],
        entry_bytes=largest["entries_bytes"] / largest["entries"],
        id_bytes=found["watched_ids"]["bytes"] / found["watched_ids"]["ids"],
        watched_bytes=WATCHED_BYTES,
        merge_part_s=max(0.0, small["merge_s"] / COPIES - small["entries"] * entry_s),
        merge_entry_s=entry_s,
        held_part_bytes=max(0.0, small["held_bytes"] / COPIES - small["entries"] * entry_held),
        held_entry_bytes=entry_held,
        priced_entry_s=large["price_s"] / large["entries"],
        piece_bytes=driven["pieces_bytes"] / driven["pieces"],
        name_bytes=driven["names_bytes"] / driven["files"],
        open_row_bytes=max(0.0, dealt["bytes"][0] - file_bytes) / dealt["open_rows"],
        open_file_bytes=file_bytes,
        deal_row_s=row_s,
        deal_file_s=max(0.0, file_s),
        rank_row_s=ranked[0]["cpu_s"] / ranked[0]["open_rows"],
        rank_file_s=(ranked[1]["cpu_s"] - ranked[0]["cpu_s"]) / (ranked[1]["files"] - ranked[0]["files"]),
        block_bytes=BLOCK_BYTES,
    )


def cases_of(found: dict[str, Any]) -> list[Case]:
    """Return the three logs that are planned, from what was measured."""
    from llmopt.cost.spark.cutting import PARQUET_WEIGHT  # as above

    stores, cases = found["stores"], []
    asked_for = stores["objects"]["noted.parquet"]["whole"]["gets"] if stores else 0
    for form, name in (
        ("parquet", "usage rows in Parquet"),
        ("chat", "JSONL with texts"),
        ("claude", "transcripts with copies"),
    ):
        one = found["forms"][form]
        own_s = max(one["cpu_s"] - found["small_part"]["cpu_s"], one["cpu_s"] / 10)
        is_table = form == "parquet"
        looked = found["driver"]["tables" if is_table else "lines"]
        cases.append(
            Case(
                name=name,
                row_bytes=one["bytes"] / one["rows"],
                rows_per_s=one["rows"] / own_s,
                open_share=one["open_rows"] / one["rows"],
                is_cut=not is_table,
                weight=PARQUET_WEIGHT if is_table else 1.0,
                look_s=looked["cpu_s"] / looked["files"],
                gets_per_row=asked_for / found["forms"]["noted"]["rows"] if is_table else 0.0,
            )
        )
    return cases


def _child(*arguments: object) -> dict[str, Any]:
    """Measure one thing in a process of its own."""
    print(" ".join(str(one).rpartition("/")[2] for one in arguments), file=sys.stderr)
    argv = (sys.executable, "-m", "benchmarks.scale_part", *map(str, arguments))
    done = run(Command(argv, {**os.environ, "PYTHONPATH": str(ROOT)}))
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _stores(paths: list[Path]) -> dict[str, Any] | None:
    try:
        metadata.version("moto")
    except metadata.PackageNotFoundError:
        print("moto is not installed: nothing is measured of stores", file=sys.stderr)
        return None
    argv = (sys.executable, "-m", "benchmarks.scale_store", *map(str, paths))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FSSPEC_"))}
    done = run(Command(argv, {**kept, "PYTHONPATH": str(ROOT)}))
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _show(found: dict[str, Any]) -> None:
    """Print what was measured."""
    constants = found["constants"]
    print(f"\n{'log':32} {'bytes a row':>12} {'rows/cpu s':>12} {'MB/cpu s':>9} {'peak MB':>8}")
    for one in found["forms"].values():
        speed = one["rows"] / one["cpu_s"]
        size = one["bytes"] / one["rows"]
        print(
            f"{one['name']:32} {size:12,.1f} {speed:12,.0f} {speed * size / 1e6:9,.0f} {one['peak_bytes'] / 1e6:8,.0f}"
        )
    print(f"{'texts without usage: JSONL':32} {'':12} {1 / found['texts_row_s']:12,.0f}")
    print(f"\n{'one part, by':16} {'users':>8} {'entries':>9} {'bytes':>12} {'bytes an entry':>15} {'cpu s':>8}")
    for one in found["grouped"]:
        size = one["entries_bytes"] / one["entries"]
        print(
            f"{one['by']:16} {one['users']:8,} {one['entries']:9,} {one['encoded_bytes']:12,} {size:15,.0f} "
            f"{one['cpu_s']:8.2f}"
        )
    dealt = found["dealt"]
    print(f"\n{dealt['open_rows']:,} open rows of one part, dealt among")
    print(f"{'buckets':>8} {'files':>6} {'bytes':>12} {'bytes a row':>12} {'cpu s':>8}")
    for number, files, size, cpu_s in zip(
        dealt["buckets"], dealt["files"], dealt["bytes"], dealt["cpu_s"], strict=True
    ):
        print(f"{number:8,} {files:6,} {size:12,} {size / dealt['open_rows']:12,.1f} {cpu_s:8.2f}")
    print("\nconstants")
    for name, value in constants.items():
        print(
            f"  {name:18} {value:16,.6f}" if isinstance(value, float) and value < 1 else f"  {name:18} {value:16,.1f}"
        )
    opened = found["read_with_all_open"]
    claude = found["forms"]["claude"]
    print(f"  open row, chat, repeats found      {opened['open_bytes'] / opened['open_rows']:8,.1f} bytes")
    print(f"  open row, transcripts              {claude['open_bytes'] / claude['open_rows']:8,.1f} bytes")
    for name, one in found["states"].items():
        rows = one["rows_bytes"] / found["forms"][name]["rows"]
        file = one["other_bytes"] / found["state_files"]
        print(f"  state, {name:8} {rows:8,.1f} bytes a row {file:10,.0f} bytes a file of {found['state_files']}")
    if found["stores"]:
        _show_stores(found["stores"])
    print(f"exact: {found['exact']}, load {found['environment']['load'][0]:.1f}")


def _show_stores(stores: dict[str, Any]) -> None:
    print(f"\n{'object':16} {'MB':>8} {'fetched MB':>11} {'GET':>5} {'HEAD':>5} {'LIST':>5}   one range: MB, GET")
    for name, one in stores["objects"].items():
        whole, part = one["whole"], one["range"]
        print(
            f"{name:16} {one['size_bytes'] / 1e6:8.1f} {whole['body_bytes'] / 1e6:11.1f} {whole['gets']:5} "
            f"{whole['heads']:5} {whole['lists']:5}   {part['body_bytes'] / 1e6:8.1f} {part['gets']:5}"
        )
    print(f"refused connection: {', '.join(f'{took:.1f}' for took in stores['refused_s'])} s")


def _show_plans(found: dict[str, Any]) -> None:
    """Print the plans beside each other, then what breaks first."""
    asked, plans = found["asked"], found["plans"]
    print(f"\n{asked['rows']:,.3g} rows, {asked['cores']:,} cores, {asked['users']:,} users, by day: {asked['by_day']}")
    print(f"{'':18} " + " ".join(f"{name:>24}" for name in plans))
    for line in next(iter(plans.values())):
        print(f"{line:18} " + " ".join(f"{plan[line]:24,.4g}" for plan in plans.values()))
    print("\nrows at which")
    for limit in LIMITS:
        print(f"{limit:56} " + " ".join(f"{found['breaks'][name][limit]:10.2g}" for name in plans))


def _environment() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "llmopt": __version__,
        "duckdb": metadata.version("duckdb"),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what a log takes, and plan a large one.")
    parser.add_argument("--sample-mb", type=float, default=64, help="size of the logs that are measured")
    parser.add_argument("--dir", type=Path, help="where to make the work folder")
    parser.add_argument("--constants", type=Path, help="output of an earlier run: plan with it, measure nothing")
    parser.add_argument("--no-stores", action="store_true", help="leave the S3 server out")
    plan = Asked()
    for name, kind, help_text in (
        ("rows", float, "records with usage"),
        ("cores", int, "of the cluster"),
        ("file_bytes", float, "size of each file or object"),
        ("models", int, "models in the log"),
        ("days", int, "days in the log"),
        ("users", int, "users, if grouped by them"),
        ("passes", int, "2: request ids repeat, so all is read again and all records are compared"),
        ("usd_core_hour", float, "price of a core for an hour"),
        ("usd_gb_month", float, "price of a GB stored for a month"),
        ("usd_million_gets", float, "price of a million GET requests"),
        ("usd_million_lists", float, "price of a million LIST requests"),
    ):
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=getattr(plan, name), help=help_text)
    parser.add_argument("--by-day", action="store_true", help="grouped by day")
    return parser.parse_args()


if __name__ == "__main__":
    main()
