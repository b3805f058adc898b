"""Bad records among good ones: each is named with file, line and reason, and the good ones are still priced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.cost.logs import ONE, Json, chat, cost, line, lines, written

LONG = 20 * 2**20
pytestmark = pytest.mark.usefixtures("reader")

BAD = {
    "cut off": (line()[:60] + b"\n", "truncated JSON"),
    "cut off in a text": (b'{"model": "gpt-4\n', "truncated JSON"),
    "not JSON": (b"2026-03-02 08:00:00 INFO started\n", "not JSON"),
    "NUL byte": (line().replace(b"gpt", b"g\x00t"), "NUL byte"),
    "NUL bytes alone": (b"\x00" * 50 + b"\n", "NUL byte"),
    "invalid UTF-8": (line().replace(b"gpt", b"g\xfft"), "not valid UTF-8"),
    "a lone quote": (b'{"usage": "}\n', "JSON"),
    "two records on a line": (line().rstrip() + line(), "JSON"),
    "a list": (b"[1, 2]\n", "not a record"),
    "a number": (b"17\n", "a JSON number, not a record"),
    "a text": (b'"gpt-4o"\n', "a JSON text, not a record"),
    "null": (b"null\n", "a JSON null, not a record"),
    "true": (b"true\n", "a JSON boolean, not a record"),
    "an empty record": (b"{}\n", "no known format"),
    "another record": (b'{"level": "info", "msg": "started"}\n', "no known format"),
    "deep": (b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"\n", "nested too deeply"),
    "NaN": (line().replace(b"1200", b"NaN"), "not JSON"),
    "Infinity": (line().replace(b"1200", b"Infinity"), "not JSON"),
}
WRONG_COUNTS = {
    "negative": (-5, "-5"),
    "huge": (10**30, "1"),
    "more than a request can have": (10**16, "more than any request can have"),
    "boolean": (True, "'true', not a whole number"),
    "fraction": (12.5, "'12.5', not a whole number"),
    "text": ("many", "'many', not a whole number"),
    "empty text": ("", "prompt_tokens"),
    "list": ([1200], "not a whole number"),
    "record": ({"value": 1200}, "not a whole number"),
    "null": (None, "input_uncached"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("place", [1, 3, 5])
def test_a_bad_line(name: str, place: int, llmopt: Llmopt, tmp_path: Path) -> None:
    bad, reason = BAD[name]
    parts = lines(4)
    parts.insert(place - 1, bad)
    path = written(tmp_path / "log.jsonl", *parts)
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.cost_usd) == (0, 4, 4 * ONE)
    elements = 2 if name == "a list" and place == 1 else 1  # a list at the start is one of records
    assert ran.rejected == [(f"{path}:{place}", elements)]
    assert reason in ran.reasons


@pytest.mark.parametrize("field", ["prompt_tokens", "completion_tokens"])
@pytest.mark.parametrize("name", WRONG_COUNTS)
def test_a_count_that_is_none(name: str, field: str, llmopt: Llmopt, tmp_path: Path) -> None:
    wrong, reason = WRONG_COUNTS[name]
    path = written(tmp_path / "log.jsonl", *lines(2), line(3, **{field: wrong}), line(4))
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"]) == (0, 3)
    assert ran.rejected == [(f"{path}:3", 1)]
    assert reason in ran.reasons.replace("completion_tokens", "prompt_tokens").replace("output_text", "input_uncached")


@pytest.mark.parametrize("wrong", [0, -5, 12.5, 1279, 1281, 10**16, 10**30])
def test_a_total_that_is_another_number(wrong: float, llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", line(1, total_tokens=1280), line(2, total_tokens=wrong), line(3))
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 2, [(f"{path}:2", 1)])
    assert "1280" in ran.reasons


@pytest.mark.parametrize("wrong", [None, "", "many", [1280], {"value": 1280}])
def test_a_total_that_is_no_number_is_no_total(wrong: object, llmopt: Llmopt, tmp_path: Path) -> None:
    ran = cost(llmopt, written(tmp_path / "log.jsonl", line(1), line(2, total_tokens=wrong)))
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 2, [])


@pytest.mark.parametrize("count", ["1200", 1200.0, "1200.0"])
def test_a_whole_number_in_another_spelling(count: object, llmopt: Llmopt, tmp_path: Path) -> None:
    """A text of digits is a count; what a fraction may be is for both readers the same."""
    ran = cost(llmopt, written(tmp_path / "log.jsonl", line(1), line(2, prompt_tokens=count)))
    assert ran.report["priced"] + sum(count for _, count in ran.rejected) == 2
    assert ran.cost_usd == ONE * ran.report["priced"]


@pytest.mark.parametrize("name", ["not JSON", "NUL byte", "deep"])
def test_strict_fails_after_the_report(name: str, llmopt: Llmopt, tmp_path: Path) -> None:
    ran = cost(llmopt, written(tmp_path / "log.jsonl", *lines(2), BAD[name][0]), "--strict")
    assert (ran.code, ran.report["priced"]) == (1, 2)
    assert "check failed" in ran.err


@pytest.mark.parametrize("name", BAD)
def test_nothing_but_a_bad_line(name: str, llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", BAD[name][0])
    ran = cost(llmopt, path)
    assert ran.code == 2
    assert str(path) in ran.err
    assert ran.err.startswith("llmopt: error: ")


def test_a_long_valid_line(llmopt: Llmopt, tmp_path: Path) -> None:
    long = line(9, choices=[{"message": {"content": "x" * LONG}}])
    path = written(tmp_path / "log.jsonl", *lines(2), long, line(3))
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 4, [])
    assert ran.cost_usd == 4 * ONE


@pytest.mark.parametrize("garbage", [b"x" * LONG, b'{"model": "' + b"x" * LONG, b"{" * LONG], ids=["x", "open", "deep"])
def test_a_long_bad_line(garbage: bytes, llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", *lines(2), garbage + b"\n", line(3))
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 3, [(f"{path}:3", 1)])
    assert len(ran.reasons) < 200


def test_a_long_last_line_without_its_end(llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", *lines(2), b'{"model": "' + b"x" * LONG)
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 2, [(f"{path}:3", 1)])


def test_blank_lines_and_other_line_ends(llmopt: Llmopt, tmp_path: Path) -> None:
    good = [part.rstrip() for part in lines(3)]
    path = written(tmp_path / "log.jsonl", b"\n\r\n", b"\r\n\r\n".join(good), b"\r\n  \nbad\n\n")
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 3, [(f"{path}:9", 1)])


def test_a_byte_order_mark(llmopt: Llmopt, tmp_path: Path) -> None:
    ran = cost(llmopt, written(tmp_path / "log.jsonl", b"\xef\xbb\xbf", *lines(3)))
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 3, [])


def test_a_model_that_is_no_text(llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", line(1), line(2, model=None), line(3, model=17), line(4, model=["gpt-4o"]))
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.report["read"]) == (0, 1, 4)


@pytest.mark.parametrize(
    ("stamp", "warning"),
    [
        ("2026-03-02T08:00:00", "1 record without a time zone, taken as UTC"),
        ("2026-03-02 08:00:00.123", "1 record without a time zone, taken as UTC"),
        ("yesterday", "1 record without a readable timestamp"),
        ("2026-13-45T99:00:00Z", "1 record without a readable timestamp"),
        ("", "1 record without a readable timestamp"),
        (True, "1 record without a readable timestamp"),
        ({}, "1 record without a readable timestamp"),
        (9e21, "1 record without a readable timestamp"),
        (-(10**40), "1 record without a readable timestamp"),
    ],
)
def test_a_timestamp_in_doubt(stamp: object, warning: str, llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", line(1), line(2, created=stamp))
    ran = cost(llmopt, path, "--by", "day")
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 2, [])
    assert ran.cost_usd == 2 * ONE
    assert warning in " ".join(ran.report["warnings"])
    assert cost(llmopt, path, "--strict").code == 1


def test_formats_mixed_in_one_file(llmopt: Llmopt, tmp_path: Path) -> None:
    claude: Json = {"type": "message", "id": "msg_1", "role": "assistant", "model": "claude-haiku-4-5", "content": []}
    claude["usage"] = {"input_tokens": 10, "output_tokens": 5}
    generic = {"model": "gpt-4o", "input_tokens": 1200, "output_tokens": 80, "ts": 1_772_438_400}
    mixed = [chat(1), claude, generic, {"hello": "world"}, chat(2)]
    path = written(tmp_path / "log.jsonl", *(json.dumps(record).encode() + b"\n" for record in mixed))
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 4, [(f"{path}:4", 1)])
    assert set(ran.report["formats"]) == {"openai-chat", "anthropic-messages", "generic"}


def test_an_indented_array_with_a_broken_element(llmopt: Llmopt, tmp_path: Path) -> None:
    texts = [json.dumps(chat(number), indent=2) for number in range(1, 5)]
    texts[2] = texts[2].replace('"gpt-4o"', "gpt-4o")
    path = written(tmp_path / "log.json", ("[\n" + ",\n".join(texts) + "\n]\n").encode())
    height = texts[0].count("\n") + 1
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"]) == (0, 3)
    assert ran.rejected == [(f"{path}:{2 + 2 * height}", 1)]


def test_an_array_that_ends_too_early(llmopt: Llmopt, tmp_path: Path) -> None:
    text = json.dumps([chat(number) for number in range(1, 5)], indent=1)
    path = written(tmp_path / "log.json", text[:-100].encode())
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], len(ran.rejected)) == (0, 3, 1)
    assert "truncated JSON" in ran.reasons


def test_many_bad_lines_are_one_entry_a_reason(llmopt: Llmopt, tmp_path: Path) -> None:
    bad = [line(number, prompt_tokens=-number) for number in range(10, 60)]
    path = written(tmp_path / "log.jsonl", *lines(2), *bad, b"{\n")
    ran = cost(llmopt, path)
    assert ran.rejected == [(f"{path}:3", 50), (f"{path}:53", 1)]
