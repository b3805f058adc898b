"""Units are sentences, items, rows and lines, each with the tags and headers that it needs."""

from __future__ import annotations

import re
from itertools import pairwise

from llmopt.prompts.segments.parse import parse
from llmopt.prompts.select.hosts import hosted
from llmopt.prompts.select.units import units_of
from llmopt.prompts.spans import Block, Segments, Span


def texts(text: str) -> list[str]:
    return [text[unit.start : unit.end] for unit in units_of(parse(text))]


def hosts_of(text: str, part: str) -> list[str]:
    """Return what has to be kept with the unit that begins with a part."""
    units, hosts = hosted(parse(text), units_of(parse(text)))
    number = next(number for number, unit in enumerate(units) if text.startswith(part, unit.start))
    found: list[str] = []
    host = units[number].host
    while host >= 0:
        found += [text[units[n].start : units[n].end] for n in hosts[host].parts]
        host = hosts[host].parent
    return found


def test_sentences_items_rows_and_lines() -> None:
    text = (
        "One is here. Two is there.\n\n- first item\n- second item. It goes on.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "2024-05-01 10:00:00 INFO started\n2024-05-01 10:00:01 ERROR failed\n"
    )
    assert texts(text) == [
        "One is here.",
        "Two is there.",
        "- first item",
        "- second item. It goes on.",
        "| a | b |",
        "|---|---|",
        "| 1 | 2 |",
        "2024-05-01 10:00:00 INFO started",
        "2024-05-01 10:00:01 ERROR failed",
    ]


def test_items_and_stack_traces_take_their_lines_along() -> None:
    log = "2024-05-01 10:00:00 ERROR x\n  at a.b(c)\n  at d.e(f)\n2024-05-01 10:00:01 INFO y\n"
    items = "- one\n  more of one\n- two\n"
    whole = Segments(log + items, (Block(0, len(log), "log"), Block(len(log), len(log + items), "list")), ())
    parts = [whole.text[unit.start : unit.end] for unit in units_of(whole)]
    assert parts == [
        "2024-05-01 10:00:00 ERROR x\n  at a.b(c)\n  at d.e(f)",
        "2024-05-01 10:00:01 INFO y",
        "- one\n  more of one",
        "- two",
    ]


def test_a_json_value_over_several_lines_is_one_unit() -> None:
    text = 'a: 1\n{"x": [\n1,\n2]}\nb: 2\n'
    start, end = text.index("{"), text.index("}") + 1
    segments = Segments(text, (Block(0, len(text), "data"),), (Span(start, end, "json", False),))
    assert [text[unit.start : unit.end] for unit in units_of(segments)] == ["a: 1", text[start:end], "b: 2"]


def test_headers_come_with_what_is_under_them() -> None:
    text = "# Guide\n\n## Ovens\n\nBread is baked here.\n\n## Cranes\n\nThey lift nine tonnes.\n"
    assert hosts_of(text, "Bread") == ["## Ovens", "# Guide"]
    assert hosts_of(text, "They") == ["## Cranes", "# Guide"]


def test_headers_with_nothing_under_them_are_units_like_others() -> None:
    text = "Some prose comes first.\n\n# Left alone\n"
    units, _ = hosted(parse(text), units_of(parse(text)))
    assert [unit.role for unit in units] == ["body", "body"]


def test_columns_and_tags_come_with_what_they_are_around() -> None:
    text = "<t>\n# Head\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nAfter it. All.\n</t>\nOutside.\n"
    assert hosts_of(text, "| 1 |") == ["| a | b |", "|---|---|", "# Head", "<t>", "</t>"]
    assert hosts_of(text, "After") == ["# Head", "<t>", "</t>"]
    assert hosts_of(text, "Outside") == []


def test_tags_within_a_unit_and_unbalanced_ones_are_text() -> None:
    for text in ("A <b>bold</b> word.", "A <br/> break. And </i> more. <p> It is.", "<a><b></a> x.\ny"):
        units, hosts = hosted(parse(text), units_of(parse(text)))
        assert not hosts
        assert {unit.role for unit in units} == {"body"}


def test_only_the_sentence_stays_on_a_long_line_and_the_whole_of_a_short_one() -> None:
    long = f"{'The oven is old. ' * 20}Use {{name}} here. {'It burns beech. ' * 20}"
    assert [long[unit.start : unit.end] for unit in units_of(parse(long)) if unit.must] == ["Use {name} here."]
    short = "Use {name} here. Be brief.\nThen stop, and say so in a few words."
    assert [short[unit.start : unit.end] for unit in units_of(parse(short)) if unit.must][:2] == [
        "Use {name} here.",
        "Be brief.",
    ]


def test_what_stays_is_covered_with_its_white_space() -> None:
    text = "One is here.  \n\n  Two is there. Three is gone.\n\n\n\nFour."
    for pattern in (r"here\.\s+Two", r"\n\n\n\n", r"\s+Two", r"gone\.\n"):
        segments = parse(text, keep=[re.compile(pattern)])
        units = units_of(segments)
        span = segments.of_kind("pinned")[0]
        staying = [number for number, unit in enumerate(units) if unit.must]
        assert staying == list(range(staying[0], staying[-1] + 1))  # so that nothing between is left out
        assert units[staying[0]].start <= span.start
        assert units[staying[-1]].end >= span.end
        assert all(one.end <= other.start for one, other in pairwise(units))


def test_the_first_line_of_a_csv_names_the_columns() -> None:
    lines = ["name,town", *[f"person{n},town{n}" for n in range(30)]]
    text = "\n".join(lines)
    segments = Segments(text, (Block(0, len(text), "data"),), ())
    units, hosts = hosted(segments, units_of(segments))
    assert [host.parts for host in hosts] == [[0]]
    assert {unit.host for unit in units} == {0}
    untitled = "\n".join(["1,2", "3,4", "5,6"])
    assert units_of(Segments(untitled, (Block(0, len(untitled), "data"),), ()))[0].role == "body"
