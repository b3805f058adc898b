"""Records without usage are counted from what was said, in every format that logs it, alike by both readers."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import llmopt
from llmopt.core.counted import Counted
from llmopt.cost.plan import Plan
from llmopt.cost.query import Scan, records
from llmopt.cost.result import CostReport
from llmopt.cost.spec.columns import JsonRelation
from llmopt.cost.spec.load import GROUP_FIELDS, LOGGED_TEXTS, Spec, load_specs, variants
from tests.cost.conftest import Force, examples
from tests.cost.logs import chat as billed
from tests.cost.spec.parity import KEYING
from tests.cost.texts import ANSWERS, ASKS, BOTH, FAILED, NEITHER, by_words, langfuse, span, traced

Json = Any


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    by_words(monkeypatch)


def priced(path: Path, *lines: Json, **options: Any) -> CostReport:
    """Price the lines as a log, and check that none is lost."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    report = llmopt.price_logs([path], **options)
    unpriced = sum(entry.requests for entry in report.unpriced)
    rejected = sum(entry.count for entry in report.rejected)
    assert report.read == report.priced + report.free + unpriced + report.duplicates + rejected
    assert not [text for text in report.warnings if "a bug" in text]
    return report


def sides(report: CostReport) -> tuple[int, int, int, int]:
    counted = report.total.counted
    return (
        counted.input_tokens,
        counted.output_tokens,
        counted.requests_without_input,
        counted.requests_without_output,
    )


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", BOTH)
def test_both_sides_are_counted(name: str, tmp_path: Path) -> None:
    report = priced(tmp_path / "log.jsonl", BOTH[name])
    assert (report.priced, report.formats, sides(report)) == (1, {name.split()[0]: 1}, (40, 20, 0, 0))
    assert report.total.cost_usd == report.total.counted_usd > 0
    assert report.estimated_share == 1


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_alone_is_a_lower_bound(name: str, tmp_path: Path) -> None:
    report = priced(tmp_path / "log.jsonl", ANSWERS[name])
    assert (report.priced, report.formats, sides(report)) == (1, {name.split()[0]: 1}, (0, 20, 1, 0))
    assert any("1 request without a prompt in the log" in text for text in report.warnings)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", ASKS)
def test_a_prompt_alone_is_a_lower_bound(name: str, tmp_path: Path) -> None:
    report = priced(tmp_path / "log.jsonl", ASKS[name])
    assert (report.priced, report.formats, sides(report)) == (1, {name.split()[0]: 1}, (40, 0, 0, 1))
    assert any("1 request without an answer in the log" in text for text in report.warnings)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", NEITHER)
def test_what_cannot_be_counted_stays_without_a_price(name: str, tmp_path: Path) -> None:
    report = priced(tmp_path / "log.jsonl", NEITHER[name])
    assert (report.priced, report.free, report.total.counted) == (0, 0, Counted())
    assert [(entry.requests, entry.reason) for entry in report.unpriced] == [(1, "no usage in the record")]


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", FAILED)
def test_a_failed_request_stays_free(name: str, tmp_path: Path) -> None:
    report = priced(tmp_path / "log.jsonl", FAILED[name])
    assert (report.priced, report.free, report.unpriced) == (0, 1, ())


@pytest.mark.usefixtures("reader")
def test_usage_that_comes_later_takes_the_place_of_the_text(tmp_path: Path) -> None:
    used = langfuse(usageDetails={"input": 7, "output": 3, "total": 10}, updatedAt="2026-03-11T10:00:00Z")
    report = priced(tmp_path / "log.jsonl", langfuse(), used, langfuse(), langfuse(id="o2"), langfuse(id="o2"))
    assert (report.priced, report.duplicates, sides(report)) == (2, 3, (40, 20, 0, 0))
    assert (report.total.input_tokens, report.total.output_tokens) == (47, 23)


@pytest.mark.usefixtures("reader")
def test_requests_of_one_id_with_other_texts_are_not_the_same(tmp_path: Path) -> None:
    one = {"custom_id": "r1", "url": "/v1", "body": {"model": "gpt-4o", "prompt": "one two"}}
    other = {"custom_id": "r1", "url": "/v1", "body": {"model": "gpt-4o", "prompt": "three four"}}
    report = priced(tmp_path / "log.jsonl", one, other, one)
    assert (report.priced, report.duplicates, sides(report)) == (2, 1, (40, 0, 0, 2))


USED = {"gen_ai.usage.input_tokens": "7", "gen_ai.usage.output_tokens": "3"}
BARE = {"gen_ai.input.messages": None, "gen_ai.output.messages": None}
OTHER = {**BARE, "gen_ai.operation.name": "invoke_agent"}


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([span("a"), span("b", "a")], (1, 1, 40)),
        ([span("a"), span("b", "a", USED)], (1, 1, 7)),
        ([span("a", None, USED), span("b", "a")], (1, 1, 7)),
        ([span("a", None, USED), span("b", "a", OTHER), span("c", "b")], (1, 1, 7)),
        ([span("a", None, USED), span("b", "a", USED), span("c", "a")], (2, 1, 47)),
        ([span("a"), span("b", "a", BARE)], (1, 0, 40)),
        ([span("a"), span("b")], (2, 0, 80)),
        ([span("a", "b"), span("b", "a")], (0, 2, 0)),
    ],
    ids=["text on text", "text on usage", "usage on text", "far below", "agent", "text on nothing", "apart", "circle"],
)
def test_spans_that_repeat_a_text_count_once(spans: list[Json], expected: tuple[int, int, int], tmp_path: Path) -> None:
    together = priced(tmp_path / "one.jsonl", traced(*spans))
    apart = priced(tmp_path / "many.jsonl", *map(traced, spans))
    for report in (together, apart):
        assert (report.priced, report.duplicates, report.total.input_tokens) == expected


KINDS: list[Json] = [{}, USED, BARE, OTHER]


@given(st.lists(st.tuples(st.none() | st.integers(0, 7), st.sampled_from(KINDS)), min_size=4, max_size=8))
@settings(max_examples=examples(6, 60), derandomize=True, suppress_health_check=list(HealthCheck))
def test_both_readers_see_the_same_trees(tmp_path: Path, force: Force, drawn: list[tuple[int | None, Json]]) -> None:
    spans = [span(str(own), None if above is None else str(above), kind) for own, (above, kind) in enumerate(drawn)]
    found = []
    for reader in ("python", "duckdb"):
        force(reader)
        report = priced(tmp_path / "log.jsonl", traced(*spans[:3]), *map(traced, spans[3:]), traced(span("last")))
        found.append(dataclasses.asdict(report))
    assert found[0] == found[1]


SPOILT: list[Json] = [
    5,
    None,
    {},
    [],
    "",
    "null",
    True,
    [None],
    [[]],
    {"choices": 5},
    {"content": [None]},
    "\x00",
    "x" * 9999,
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*BOTH.values(), *ANSWERS.values(), *ASKS.values(), *NEITHER.values(), billed()]),
            st.sampled_from(
                ["messages", "prompt", "response", "request", "choices", "content", "input", "output", "usage"]
            ),
            st.sampled_from(SPOILT),
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=examples(15, 150), derandomize=True, suppress_health_check=list(HealthCheck))
def test_wrong_texts_never_crash_and_are_accounted_for(
    tmp_path: Path, force: Force, drawn: list[tuple[Json, str, Json]]
) -> None:
    lines = [record | {field: value} for record, field, value in drawn]
    found = []
    for reader in ("python", "duckdb"):
        force(reader)
        found.append(dataclasses.asdict(priced(tmp_path / "log.jsonl", billed(), *lines)))
    assert found[0] == found[1]


@pytest.mark.parametrize("spec", load_specs(), ids=lambda spec: spec.name)
def test_the_query_reads_no_column_for_texts(spec: Spec) -> None:
    """A scan names the columns it reads; the fields with texts add none."""
    plan = Plan(KEYING, by=GROUP_FIELDS)
    scans = []
    for fields in (spec.fields, {name: expr for name, expr in spec.fields.items() if name not in LOGGED_TEXTS}):
        for variant in variants(replace(spec, fields=fields)):
            relation = JsonRelation()
            records([Scan((variant,), relation, "read({columns})")], plan)
            scans.append(relation.columns())
    assert scans[: len(scans) // 2] == scans[len(scans) // 2 :]


@pytest.mark.usefixtures("reader")
def test_records_of_one_shape_may_be_of_two_formats(tmp_path: Path) -> None:
    """Only the values tell counts from texts."""
    log = tmp_path / "log.jsonl"
    report = priced(
        log, *({"model": "gpt-4o", "input": read, "output": said} for read, said in [(9, 8), ("one", "five")])
    )
    assert (report.formats, report.total.input_tokens, report.total.output_tokens) == (
        {"generic": 1, "response-only": 1},
        19,
        18,
    )
