"""The statement that reads calls as columns: numbers, hashes of what repeats, and texts to look at when a hash is new.

What `llmopt.cost.query` knows of a record comes row by row, with the JSON of the places beside it where a request, an
answer or a label may stand. Strings are told apart by duckdb's 64-bit hash: among ten million different ones the odds
that any two are taken for each other are one in 400,000.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from llmopt.core.usage import BUCKETS
from llmopt.cost.answer_bytes import BYTES_A_TOKEN, ENVELOPE_BYTES
from llmopt.cost.answered import ANSWER_COLUMNS
from llmopt.cost.asked import HASHES, QUESTION_COLUMNS, SETTING_COLUMNS
from llmopt.cost.call_book import STAMPS
from llmopt.cost.call_columns import NO_TIME
from llmopt.cost.keying import Keying
from llmopt.cost.plan import Plan
from llmopt.cost.query import Records, used
from llmopt.cost.spec.columns import Beside, json_path, literal
from llmopt.cost.spec.expr import Path, Step
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.row import Outcome
from llmopt.cost.spec.sql_time import time_sql
from llmopt.cost.totals import packed

FIELDS = ("latency_s",)
"""Canonical fields that are read besides those of a bill."""
_STATES = (
    *("object", "type", "status", "stop_reason", "stopReason", "finish_reason", "done", "done_reason", "stop_type"),
    *("error", "errors", "incomplete_details", "promptFeedback", "details", "outputs", "results"),
)
"""Where an API's answer says whether it is whole."""
_CALL = f"outcome IN ({int(Outcome.OK)}, {int(Outcome.NO_USAGE)})"
_NONE = "CAST(0 AS UBIGINT)"
_MOST_S = 10**12


@dataclass(slots=True)
class Places:
    """Columns of the query, by where in a line they stand: (place, name) -> column; place 0 is the line itself."""

    wrappers: tuple[tuple[str, ...], ...]
    """Where bodies stand; the first is the line itself."""
    asked: dict[tuple[int, str], str] = field(default_factory=dict)
    labels: dict[tuple[int, str], str] = field(default_factory=dict)
    ends: dict[tuple[int, str], str] = field(default_factory=dict)
    answers: dict[tuple[int, str], str] = field(default_factory=dict)
    bodies: dict[int, str] = field(default_factory=dict)
    """Place -> column with all that stands there."""
    raws: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    texts: dict[str, tuple[tuple[Step, ...], ...]] = field(default_factory=dict)

    @property
    def beside(self) -> Beside:
        """What the scans shall read."""
        return Beside(self.raws, self.texts)

    def add(self, group: dict[tuple[int, str], str], names: Iterable[str], places: Iterable[int]) -> None:
        """Have fields of these names read, as JSON."""
        listed = tuple(dict.fromkeys(names))
        for place in places:
            for name in listed:
                steps = (*self.wrappers[place], name)
                known = next((column for column, other in self.raws.items() if other == steps), "")
                column = group[place, name] = known or f"raw_{len(self.raws)}"
                self.raws[column] = steps

    def without(self, there: frozenset[str]) -> None:
        """Forget the columns that no file has."""
        for group in (self.asked, self.labels, self.ends, self.answers):
            for key in [key for key, column in group.items() if column not in there]:
                del group[key]


def places_of(
    specs: Sequence[Spec], columns: Sequence[str], ends: Sequence[str], *, settings: bool, sizes: bool
) -> Places:
    """Return what to read of the lines of these formats.

    Args:
        specs: the formats.
        columns: extra columns.
        ends: columns that say why an answer ended.
        sizes: read answers as a whole, for their exact sizes; it takes as long again.
        settings: also what may stand beside a question; not needed where requests are logged whole, or hashed.
    """
    wrappers = tuple(dict.fromkeys(((), *(spec.wrapper for spec in specs))))
    places = Places(wrappers)
    every = range(len(wrappers))
    own = [path.steps for spec in specs if isinstance(path := spec.fields.get("prompt"), Path)]
    names = (*QUESTION_COLUMNS, *(str(steps[0]) for steps in own), *(SETTING_COLUMNS if settings else ()))
    places.add(places.asked, names, (0,))
    places.add(places.labels, _first_steps(columns), every)
    places.add(places.ends, _first_steps(ends), every)
    states = _STATES if any(spec.name != "generic" for spec in specs) else ()
    taken = {wrapper[0] for wrapper in wrappers[1:]}
    places.add(places.answers, [name for name in (*ANSWER_COLUMNS, *states) if name not in taken], (0,))
    if not sizes:
        places.add(places.answers, (*ANSWER_COLUMNS, *_STATES), every[1:])
        odd = [(*wrapper, name) for wrapper in wrappers[1:] for name in (*QUESTION_COLUMNS, *HASHES)]
        places.texts |= {"odd": tuple(odd)} if odd else {}
    for place in every[1:] if sizes else ():
        places.answers[place, ""] = places.bodies[place] = f"body_{place}"
        places.raws[f"body_{place}"] = wrappers[place]
    places.texts["line_model"] = (("model",),)
    places.texts["stamped"] = tuple((name,) for name in STAMPS)
    mapped = [path.steps for spec in specs if isinstance(path := spec.fields.get("prompt_hash"), Path)]
    places.texts["hashed"] = (*mapped, *((name,) for name in HASHES))
    return places


def column_sql(found: Records, plan: Plan, places: Places, *, lines: bool) -> str:
    """Return the statement.

    Args:
        found: the records, with duplicates not marked.
        plan: what is asked.
        places: what is read beside them.
        lines: are they of JSON, where a time in digits is a number?
    """
    formats, keying = found.formats, replace(plan.keying, thresholds=())
    silent = f"outcome = {int(Outcome.OK)} AND {_written(formats)} = 0"
    question = [column for (_, name), column in places.asked.items() if name not in SETTING_COLUMNS]
    hashed = "hashed" if "hashed" in found.beside else "NULL"
    groups = [f"g_{name}" for name in plan.by]
    texts = {
        "asked_text": _packed_up(places.asked, question),
        "label_text": _packed_up(places.labels),
        "end_text": _packed_up(places.ends),
        "answer_text": _packed_up(places.answers),
        "hash_text": f"CASE WHEN {_CALL} THEN {hashed} END",
    }
    columns = {
        "kind": "hash(packed, model, provider, tier)",
        "file": "CAST(file AS INTEGER)",
        "at_us": f"coalesce(epoch_us({_finer(found, lines=lines)}), {NO_TIME})",
        "naive": "CAST(coalesce(naive, false) AS UTINYINT)",
        "ident": _ident(formats) if plan.dedupe != "none" else _NONE,
        "took_us": _took_us(),
        "answer_bytes": f"CAST({BYTES_A_TOKEN} * ({_written(formats)}) + {ENVELOPE_BYTES} AS BIGINT)",
        "label": f"hash({', '.join((*groups, 'fmt', 'label_text'))})",
        "ended": f"CASE WHEN end_text IS NOT NULL THEN hash(fmt, end_text) ELSE {_NONE} END",
        "answered": "CAST(answer_text IS NOT NULL AS UTINYINT)",
        "asked": _asked(hashed, silent, line_model="line_model" in found.beside),
        "is_text": "CAST(asked_text IS NOT NULL AS UTINYINT)",
        **{name: name for name in ("packed", "model", "provider", "tier", *groups, *texts)},
        **({"line_model": "line_model"} if "line_model" in found.beside else {}),
        **{bucket: _count(bucket) for bucket in BUCKETS if used(bucket, formats)},
    }
    listed = ", ".join(f"{sql} AS c_{name}" for name, sql in columns.items())
    dated = f"SELECT *, CAST(ts AS DATE) AS utc_day FROM ({_sure(found)})"
    packing = ", ".join(f"{sql} AS {name}" for name, sql in texts.items())
    inner = f"SELECT *, {packed(formats, keying)} AS packed, {packing} FROM ({dated})"
    return f"{found.with_sql}SELECT {listed} FROM ({inner})"


def keying_of(plan: Plan) -> Keying:
    """Return the cuts by which the first column is packed: bands are told by the tokens of each call."""
    return replace(plan.keying, thresholds=())


def _first_steps(names: Sequence[str]) -> dict[str, None]:
    """Names of columns, and of the objects that names with dots lead into."""
    return dict.fromkeys(part for name in names for part in (name, name.split(".")[0]))


def _packed_up(group: dict[tuple[int, str], str], needed: Sequence[str] | None = None) -> str:
    """SQL of one JSON object with all fields of a group, named by their places; null where none of `needed` is there.

    A column costs memory in each row, whether there is something in it or not.
    """
    columns = dict.fromkeys(group.values() if needed is None else needed)
    if not columns:
        return "CAST(NULL AS VARCHAR)"
    fields = [f"{_named(place, name)} || {column}" for (place, name), column in group.items()]
    test = " OR ".join(f"{column} IS NOT NULL" for column in columns)
    return f"CASE WHEN ({test}) AND {_CALL} THEN concat('{{\"\":0', {', '.join(fields)}, '}}') END"


def _named(place: int, name: str) -> str:
    key = msgspec.json.encode(f"{place}:{name}").decode()
    return literal(f", {key}: ")


def _sure(found: Records) -> str:
    """The records, those that only a closer look can tell marked as such."""
    tests = ["requests <> 1"] if any("requests" in spec.fields for spec in found.formats) else []
    paths = ", ".join(json_path((name,)) for name in (*QUESTION_COLUMNS, *HASHES))
    tests += ["odd IS NOT NULL"] if "odd" in found.beside else []
    bodies = sorted(column for column in found.beside if column.startswith("body_"))
    tests += [f"array_to_string(json_extract_string({column}, [{paths}]), '') <> ''" for column in bodies]
    if not tests:
        return found.source
    fate = f"CASE WHEN {_CALL} AND ({' OR '.join(tests)}) THEN {int(Outcome.BAD)} ELSE outcome END"
    return f"SELECT * REPLACE ({fate} AS outcome) FROM ({found.source})"


def _finer(found: Records, *, lines: bool) -> str:
    """When a call was made: as the bill has it, and within that second as the line says."""
    if "stamped" not in found.beside:
        return "ts"
    finer = time_sql("stamped")
    text = "NOT regexp_full_match(stamped, '\\d+')" if lines else "true"
    whole = "epoch_us(ts) % 1000000 = 0 AND stamped IS NOT NULL"
    return f"CASE WHEN {whole} AND {text} AND date_trunc('second', {finer}) = ts THEN {finer} ELSE ts END"


def _ident(formats: Sequence[Spec]) -> str:
    """Hash by which records of one call are told; 0 where there is none."""
    counted = [bucket for bucket in BUCKETS if used(bucket, list(formats))]
    keyed = [str(n) for n, spec in enumerate(formats) if spec.dedupe]
    own = f"hash(request_id, model, ts, {', '.join(counted)})" if counted else "hash(request_id, model, ts)"
    free = f"fmt NOT IN ({', '.join(keyed)}) AND " if keyed else ""
    return (
        f"CASE WHEN NOT ({_CALL}) THEN {_NONE} WHEN key IS NOT NULL THEN hash(key) "
        f"WHEN {free}request_id IS NOT NULL THEN {own} ELSE {_NONE} END"
    )


def _took_us() -> str:
    seconds = "TRY_CAST(latency_s AS DOUBLE)"
    return (
        f"CASE WHEN {seconds} >= 0 AND {seconds} < {_MOST_S} "
        f"THEN CAST(round_even({seconds} * 1000000, 0) AS BIGINT) ELSE CAST(0 AS BIGINT) END"
    )


def _count(bucket: str) -> str:
    return f"CAST(CASE WHEN outcome = {int(Outcome.OK)} THEN coalesce({bucket}, 0) ELSE 0 END AS BIGINT)"


def _written(formats: Sequence[Spec]) -> str:
    names = [bucket for bucket in BUCKETS if bucket.startswith("output_") and used(bucket, list(formats))]
    return " + ".join(_count(name) for name in names) or "0"


def _asked(hashed: str, silent: str, *, line_model: bool) -> str:
    """Hash of what was asked, and of whom; 0 where the log does not say."""
    whens = f"WHEN {hashed} IS NOT NULL THEN hash({hashed}, model, provider)" if hashed != "NULL" else ""
    beside = f"{hashed}, line_model" if line_model else hashed
    known = f"hash(asked_text, {beside}, model, provider, fmt, {silent})"
    return f"CASE WHEN NOT ({_CALL}) THEN {_NONE} WHEN asked_text IS NOT NULL THEN {known} {whens} ELSE {_NONE} END"
