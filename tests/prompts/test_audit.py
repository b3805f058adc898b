"""Every removal is accounted for once, with its rule and its line."""

from __future__ import annotations

import json

from llmopt.prompts.audit import by_rule, findings
from llmopt.prompts.files.reading import Source
from llmopt.prompts.files.requests import compress_requests
from llmopt.prompts.files.texts import compress_text_file
from llmopt.prompts.files.values import FileResult
from llmopt.prompts.options import options_of

TEXT = "First  line.\nSecond line.\n\n\n\n\nThird  and  last line.\n"


def source(text: str, name: str) -> Source:
    return Source(name, name, text, "utf-8", b"", "none", (0, 0))


def result(text: str = TEXT, name: str = "a.md") -> FileResult:
    return compress_text_file(source(text, name), options_of())


def test_every_removal_names_its_lines_and_what_was_there() -> None:
    found = findings([result()])
    assert [(one.where, one.last_line, one.text.replace(" ", "_")) for one in found if "spaces" in one.rule] == [
        ("a.md:1", 1, "__"),
        ("a.md:7", 7, "__"),
        ("a.md:7", 7, "__"),
    ]
    assert all(one.text != one.replacement for one in found)
    assert all(one.rules for one in found)


def test_removals_lead_from_the_original_to_the_text() -> None:
    file = result()
    text = file.source.text
    for removal in reversed(file.parts[0].result.removals):
        assert text[removal.start : removal.end] == removal.text
        text = text[: removal.start] + removal.replacement + text[removal.end :]
    assert text == file.text


def test_rules_add_up_to_the_removals() -> None:
    found = findings([result(), result(TEXT + "Fourth  line.\n", "b.md")])
    totals = by_rule(found)
    assert sum(total.removals for total in totals) == len(found)
    assert sum(total.tokens for total in totals) == sum(one.tokens for one in found)
    assert [total.tokens for total in totals] == sorted((total.tokens for total in totals), reverse=True)
    assert len({total.rule for total in totals}) == len(totals)


def test_in_a_file_of_requests_the_line_is_that_of_the_text() -> None:
    line = json.dumps({"messages": [{"role": "user", "content": TEXT}]})
    file = compress_requests(source(f"\n{line}\n{line}\n", "r.jsonl"), options_of())
    assert {(one.where, one.last_line, one.part) for one in findings([file])} == {
        ("r.jsonl:2", 2, "messages[0].content"),
        ("r.jsonl:3", 3, "messages[0].content"),
    }


def test_nothing_removed_is_nothing_found() -> None:
    assert findings([result("Done.\n")]) == []
    assert by_rule([]) == ()
