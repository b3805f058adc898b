"""What the Python function of a spec makes of a record, and in which order it asks."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from math import inf
from pathlib import Path as FilePath
from typing import Any

import pytest

from llmopt.core.usage import Usage
from llmopt.cost.spec.load import load_spec, variants
from llmopt.cost.spec.python import RecordReader
from llmopt.cost.spec.row import Outcome, Row

Json = Any
FIELDS = """[fields]
request_id = "id"
timestamp = "time(at)"
provider = "'acme'"
model = "model"
tier = "tier"
input_uncached = "n - first(cached, 0)"
input_cache_read = "first(cached, 0)"
output_text = "m"
total = "total"
requests = "requests"
user = "user"
reported_usd = "cost"
prompt = "prompt"
"""
GOOD = {"v": 1, "id": "r", "at": "2025-03-04T05:06:07Z", "model": "x", "n": 10, "cached": 4, "m": 3, "total": 13}


@pytest.fixture
def spec_file(tmp_path: FilePath) -> FilePath:
    return tmp_path / "acme.toml"


def reader(spec_file: FilePath, more: str = "", at: int = 0, fields: str = FIELDS) -> RecordReader:
    """Compile a spec at the at-th of the places where its record may stand."""
    spec_file.write_text(f"name = 'acme'\ndetect = 'present(v)'\n{more}\n{fields}", encoding="utf-8")
    return RecordReader(variants(load_spec(spec_file))[at])


def read(spec_file: FilePath, record: Json, more: str = "", fields: str = FIELDS) -> Row:
    (row,) = reader(spec_file, more, fields=fields).rows(record)
    return row


def test_a_record_in_full(spec_file: FilePath) -> None:
    record = GOOD | {"tier": "Batch", "requests": 2, "user": "ana", "cost": 0.25, "prompt": "Hello"}
    row = read(spec_file, record)
    assert row == Row(
        spec="acme",
        outcome=Outcome.OK,
        request_id="r",
        timestamp=datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC),
        provider="acme",
        model="x",
        tier="batch",
        usage=Usage(input_uncached=6, input_cache_read=4, output_text=3),
        requests=2,
        groups={"user": "ana", "team": None, "feature": None, "project": None, "session": None},
        reported_usd=Decimal("0.25"),
    )


def test_a_record_that_says_little(spec_file: FilePath) -> None:
    row = read(spec_file, {"v": 1, "n": 1, "m": 2})
    assert (row.outcome, row.usage) == (Outcome.OK, Usage(input_uncached=1, output_text=2))
    assert (row.model, row.timestamp, row.naive, row.reported_usd, row.tier) == (None, None, False, None, "default")
    assert row.requests == 1


def test_a_spec_without_fields_reads_records_without_usage(spec_file: FilePath) -> None:
    row = read(spec_file, {"v": 1}, fields="")
    assert (row.outcome, row.timestamp, row.model) == (Outcome.NO_USAGE, None, None)


CONDITIONS = "skip = 's'\nfree = 'f'\nfailed = 'x'\n"
ASK = "[ask]\nmind = 'q'\n"


@pytest.mark.parametrize(
    ("record", "outcome", "reason"),
    [
        ({}, Outcome.UNKNOWN, ""),
        ({"v": None, "s": True}, Outcome.UNKNOWN, ""),
        ({"v": 1, "s": True, "f": True, "q": True, "n": -1}, Outcome.SKIP, ""),
        ({"v": 1, "f": True, "q": True, "tier": "?", "n": -1}, Outcome.FREE, ""),
        ({"v": 1, "x": True, "q": True, "tier": "?"}, Outcome.FREE, ""),
        ({"v": 1, "x": True, "n": 1, "m": 2}, Outcome.OK, ""),
        ({"v": 1, "q": True, "tier": "?", "n": 1}, Outcome.BAD, "cannot be read without --mind (see docs/cost.md)"),
        ({"v": 1, "q": True}, Outcome.BAD, "cannot be read without --mind (see docs/cost.md)"),
        ({"v": 1, "tier": "?", "n": -1}, Outcome.BAD, "unknown service tier '?'"),
        ({"v": 1, "tier": "?"}, Outcome.BAD, "unknown service tier '?'"),
        ({"v": 1}, Outcome.NO_USAGE, ""),
        ({"v": 1, "total": 7}, Outcome.NO_USAGE, ""),
        ({"v": 1, "n": 1}, Outcome.BAD, "usage without a count for output_text"),
        ({"v": 1, "m": 1}, Outcome.BAD, "usage without a count for input_uncached"),
        ({"v": 1, "cached": 1}, Outcome.BAD, "usage without a count for input_uncached"),
        ({"v": 1, "n": 1, "m": 1}, Outcome.OK, ""),
    ],
)
def test_what_becomes_of_a_record_is_asked_in_order(
    spec_file: FilePath, record: Json, outcome: Outcome, reason: str
) -> None:
    row = read(spec_file, record, CONDITIONS, ASK + FIELDS)
    assert (row.outcome, row.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"n": -3}, "n is negative: -3"),
        ({"n": 1.5}, "n is '1.5', not a whole number"),
        ({"n": True}, "n is 'true', not a whole number"),
        ({"n": "many"}, "n is 'many', not a whole number"),
        ({"n": [1]}, "n is '[1]', not a whole number"),
        ({"m": 10**12}, f"m is {10**12}: more than any request can have"),
        ({"cached": 11}, "input_uncached would be -1: the parts exceed the count they stand inside of"),
        ({"total": 12}, "the parts add up to 13 tokens, the record says 12"),
        ({"requests": -1}, "requests is negative: -1"),
    ],
)
def test_a_bad_record_says_what_is_wrong(spec_file: FilePath, change: Json, reason: str) -> None:
    row = read(spec_file, GOOD | change)
    assert (row.outcome, row.reason) == (Outcome.BAD, reason)


def test_counts_behind_functions_have_names_too(spec_file: FilePath) -> None:
    fields = "[fields]\ninput_uncached = \"attr(l, 'n')\"\noutput_text = 'json(j).a[0]'\n"
    attribute = {"v": 1, "l": [{"key": "n", "value": {"intValue": "x"}}]}
    assert read(spec_file, attribute, fields=fields).reason == "n is 'x', not a whole number"
    inside = {"v": 1, "l": [{"key": "n", "value": {"intValue": 1}}], "j": '{"a": ["y"]}'}
    assert read(spec_file, inside, fields=fields).reason == "a.0 is 'y', not a whole number"
    lower = read(spec_file, {"v": 1, "n": "X", "m": 1}, fields=FIELDS.replace('"n -', '"lower(n) -'))
    assert lower.reason == "a count is 'x', not a whole number"


def test_an_aggregate_may_hold_more(spec_file: FilePath) -> None:
    record = {"v": 1, "n": 10**12, "m": 1}
    assert read(spec_file, record).outcome == Outcome.BAD
    row = read(spec_file, record, "aggregate = true")
    assert (row.outcome, row.aggregate, row.usage.input_uncached) == (Outcome.OK, True, 10**12)


@pytest.mark.parametrize(
    ("logged", "tier"),
    [
        (None, "default"),
        ("", "default"),
        ("auto", "default"),
        ("FLEX", "flex"),
        ("Gold", "priority"),
        ("batch", "batch"),
    ],
)
def test_tiers_are_put_into_the_words_of_prices(spec_file: FilePath, logged: str | None, tier: str) -> None:
    row = read(spec_file, GOOD | {"tier": logged}, fields=FIELDS + "[tier_map]\nGOLD = 'priority'\n")
    assert (row.outcome, row.tier) == (Outcome.OK, tier)


def test_what_was_said_is_kept_of_records_without_usage_only(spec_file: FilePath) -> None:
    record = {"v": 1, "prompt": [{"role": "user"}], "answer": "Hi", "model": ""}
    fields = FIELDS + 'response = "answer"\n'
    row = read(spec_file, record, fields=fields)
    assert (row.outcome, row.model, row.has_text) == (Outcome.NO_USAGE, None, True)
    assert (row.prompt, row.response) == ('[{"role":"user"}]', "Hi")
    row = read(spec_file, record | GOOD, fields=fields)
    assert (row.outcome, row.prompt, row.response, row.has_text) == (Outcome.OK, None, None, False)


@pytest.mark.parametrize("said", [None, "", " \n", {}, [], "{}", "[]", "null", " {} "])
def test_an_empty_text_is_none(spec_file: FilePath, said: Json) -> None:
    assert not read(spec_file, {"v": 1, "prompt": said}).has_text


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (0, GOOD),
        (1, {"response": GOOD}),
        (2, {"body": GOOD}),
        (3, {"data": GOOD}),
        (4, {"response": {"body": GOOD}}),
        (5, {"result": GOOD}),
        (6, {"request": GOOD}),
        (7, {"data": [GOOD]}),
    ],
)
def test_a_body_may_stand_in_a_wrapper(spec_file: FilePath, at: int, line: Json) -> None:
    fields = FIELDS.replace('"user"', '"first(user, $.who, $0.model)"')
    wrapped = reader(spec_file, "wrappers = ['request']", at, fields)
    assert wrapped.detects(line)
    (row,) = wrapped.rows(line | {"who": "line"})
    assert (row.outcome, row.request_id, row.groups["user"]) == (Outcome.OK, "r", "line")
    assert row.place == ((1,) if at == 7 else ())
    others = [reader(spec_file, "wrappers = ['request']", other, fields) for other in range(8) if other != at]
    assert not any(other.detects(line) for other in others)


def test_the_level_of_the_body_counts_from_the_wrapper(spec_file: FilePath) -> None:
    body = {"name": "body", "l": [{"v": 1, "n": 1, "m": 1}]}
    fields = FIELDS.replace('"user"', '"$0.name"').replace('"model"', '"$1.v"')
    for at, line in ((0, body), (2, {"body": body}), (6, {"data": [body]})):
        (row,) = reader(spec_file, "wrappers = true\nrows = ['l']", at, fields).rows(line)
        assert (row.outcome, row.groups["user"], row.model) == (Outcome.OK, "body", "1")


def test_rows_have_their_places(spec_file: FilePath) -> None:
    nested = reader(spec_file, "rows = ['a.l', 'r']", fields=FIELDS.replace('"user"', '"$1.who"'))
    row = {"v": 1, "n": 1, "m": 1}
    line = {"a": {"l": [{"who": "x", "r": [row, {}]}, {"who": "y"}, "odd", {"who": "z", "r": [row]}]}}
    rows = nested.rows(line)
    assert [row.place for row in rows] == [(1, 1), (1, 2), (4, 1)]
    assert [row.outcome for row in rows] == [Outcome.OK, Outcome.UNKNOWN, Outcome.OK]
    assert [row.groups.get("user") for row in rows] == ["x", None, "z"]
    assert nested.detects(line)


@pytest.mark.parametrize("line", [{}, {"l": None}, {"l": []}, {"l": "text"}, {"l": {"v": 1}}, {"l": [{}]}])
def test_a_line_without_rows_is_not_of_the_format(spec_file: FilePath, line: Json) -> None:
    nested = reader(spec_file, "rows = ['l']")
    assert not nested.detects(line)
    assert {row.outcome for row in nested.rows(line)} <= {Outcome.UNKNOWN}
    assert nested.is_empty(line) == (line == {"l": []})


def test_a_format_without_lists_is_never_empty(spec_file: FilePath) -> None:
    assert not reader(spec_file).is_empty({})


def test_what_is_no_object_is_not_of_the_format(spec_file: FilePath) -> None:
    for line in (None, 1, "text", [GOOD], True):
        assert not reader(spec_file).detects(line)


def test_values_are_carried_from_line_to_line(spec_file: FilePath) -> None:
    fields = FIELDS.replace('"model"', "\"carry(if(kind == 'turn', model, null))\"").replace('"user"', '"carry(user)"')
    lines: list[Json] = [
        {"v": 1, "user": "a"},
        {"v": 1, "kind": "turn", "model": "x"},
        {"v": 1, "model": "not this"},
        {"other": True, "user": "b"},
        {"v": 1, "kind": "turn"},
        {"v": 1, "kind": "turn", "model": "y"},
    ]
    carrying = reader(spec_file, fields=fields)
    rows = [row for line in lines for row in carrying.rows(line)]
    assert carrying.stateful
    assert [row.model for row in rows] == [None, "x", "x", None, "x", "y"]
    assert [row.groups.get("user") for row in rows] == ["a", "a", "a", None, "a", "a"] or rows[4].groups["user"] == "b"
    assert reader(spec_file, fields=fields).rows({"v": 1})[0].model is None, "another file starts afresh"
    assert not reader(spec_file).stateful


def test_a_skipped_line_is_remembered(spec_file: FilePath) -> None:
    fields = FIELDS.replace('"model"', '"carry(model)"')
    carrying = reader(spec_file, "skip = 's'", fields=fields)
    assert carrying.rows({"v": 1, "s": True, "model": "x"})[0].outcome == Outcome.SKIP
    assert carrying.rows({"v": 1})[0].model == "x"


def test_key_and_order_of_one_response(spec_file: FilePath) -> None:
    table = "[dedupe]\nkey = ['id', 'part']\norder = ['output_text', 'timestamp', 'if(done, 1, 0)', 'score']\n"
    row = read(spec_file, GOOD | {"part": 2, "done": True, "score": "odd"}, fields=FIELDS + table)
    assert row.key == ("r", "2")
    assert row.order == (3.0, 1_741_064_767e6, 1.0, -inf)
    empty = read(spec_file, {"v": 1, "id": ""}, fields=FIELDS + table)
    assert empty.key == (None, None)
    assert empty.order == (-inf, -inf, 0.0, -inf)


def test_spans_know_themselves_and_their_parents(spec_file: FilePath) -> None:
    table = "[tree]\nid = ['t', 's']\nparent = ['t', 'p']\n"
    leaf = read(spec_file, GOOD | {"t": "trace", "s": "b", "p": "a"}, fields=FIELDS + table)
    root = read(spec_file, GOOD | {"t": "trace", "s": "a", "p": ""}, fields=FIELDS + table)
    assert leaf.span is not None
    assert (leaf.parent, root.parent) == (root.span, None)
    assert leaf.span != root.span
    assert read(spec_file, GOOD, fields=FIELDS + table).span is None


def test_settings_decide_how_counts_are_read(spec_file: FilePath) -> None:
    fields = """[fields]
input_uncached = "if(param.cached == 'excluded', n, n - c)"
input_cache_read = "c"
output_text = "0"
[ask]
cached = "c > 0"
"""
    spec_file.write_text(f"name = 'acme'\ndetect = 'present(v)'\n{fields}")
    record = {"v": 1, "n": 10, "c": 4}
    found = [RecordReader(load_spec(spec_file, params)).rows(record)[0] for params in ({}, {"cached": "included"})]
    assert [row.outcome for row in found] == [Outcome.BAD, Outcome.OK]
    assert found[1].usage.input_uncached == 6
    assert RecordReader(load_spec(spec_file, {"cached": "excluded"})).rows(record)[0].usage.input_uncached == 10
