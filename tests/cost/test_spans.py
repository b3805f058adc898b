"""Spans whose places in the trace cannot be: no token is lost by that, and none counts twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import llmopt
from llmopt.cost.spans import repeated
from llmopt.cost.spec.row import Outcome, Row
from tests.cost.texts import by_words, span, traced

USED = {"gen_ai.usage.input_tokens": "7", "gen_ai.usage.output_tokens": "3"}
OTHER = span("z", None, USED)
"""A span that has nothing to do with the others, so that there is usage to add up."""


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([span("a", "a")], (1, 0, 40)),
        ([span("a", "a", USED)], (1, 0, 7)),
        ([span("a", "a"), span("b", "a")], (1, 1, 40)),
        ([span("a", "a"), span("b", "a", USED)], (1, 1, 7)),
        ([span("a", "a", USED), span("b", "a")], (1, 1, 7)),
        ([span("a", "a", USED), span("b", "a", USED)], (1, 1, 7)),
    ],
    ids=["text", "usage", "text on text", "text on usage", "usage on text", "usage on usage"],
)
def test_a_span_that_names_itself_is_a_root(
    spans: list[Any], expected: tuple[int, int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_words(monkeypatch)
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(json.dumps(traced(one)) for one in (*spans, OTHER)))
    report = llmopt.price_logs([log])
    assert (report.priced - 1, report.duplicates, report.total.input_tokens - 7) == expected
    assert report.read == report.priced + report.duplicates


def test_a_row_above_itself_repeats_nothing() -> None:
    text = Row("otel-genai", Outcome.NO_USAGE, prompt="one", span="a", parent="a")
    assert list(repeated([text])) == [False]
    assert list(repeated([text, text])) == [False, False], "copies of one span are the key's to find"
