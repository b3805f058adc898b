"""Files of text keep their line ends, files of requests every byte that is no text of a message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import InputError, UsageError
from llmopt.prompts.api import compress
from llmopt.prompts.edits import applied
from llmopt.prompts.files.compressing import compress_file
from llmopt.prompts.files.reading import NotText, Source
from llmopt.prompts.files.requests import NO_REQUEST, NO_TEXT, compress_requests, records
from llmopt.prompts.files.texts import compress_text_file
from llmopt.prompts.files.values import FileResult
from llmopt.prompts.options import options_of
from llmopt.tokens.api import count_tokens

WORDY = "Answer  the   question. \n\n\n\nBe  brief.\n"


def source(text: str, name: str = "a.txt") -> Source:
    return Source(name, name, text, "utf-8", b"", "none", (0, 0))


def text_file(text: str, **options: Any) -> FileResult:
    return compress_text_file(source(text), options_of(**options))


def requests(text: str, **options: Any) -> FileResult:
    return compress_requests(source(text, "a.jsonl"), options_of(**options))


def test_a_file_keeps_its_final_line_break_and_a_pipe_gets_what_the_library_gives() -> None:
    found = text_file(WORDY)
    assert found.text == "Answer the question.\n\nBe brief.\n"
    assert found.piped == compress(WORDY).text
    assert found.text == found.parts[0].result.text


def test_a_file_that_is_done_is_not_changed() -> None:
    found = text_file(text_file(WORDY).text)
    assert (found.edits, found.saved_tokens) == ((), 0)
    assert text_file("done\n").edits == ()


def test_the_final_line_break_gives_way_to_a_budget() -> None:
    text = "The shop opens at nine.\n\nWe sell many books of many kinds.\n"
    for tokens in range(6, 16):
        found = text_file(text, query="When does the shop open?", budget=tokens)
        assert found.after.tokens <= tokens


def test_lines_that_end_in_carriage_returns_alone_keep_the_last_one() -> None:
    assert text_file("It is  late.\rGo  home.\r").text.endswith("\r")
    assert not text_file("It is  late.\r\r\r").text.endswith("\r\r")


@pytest.mark.parametrize("text", [WORDY, "one\n", "a  b\n\n\n\n\nc", "\n\n\n", "", "a  b\nc  d\n\n\n\ne  f\n"])
def test_carriage_returns_stay_at_the_end_of_lines(text: str) -> None:
    plain, found = text_file(text), text_file(text.replace("\n", "\r\n"))
    assert found.text == plain.text.replace("\n", "\r\n")
    assert found.piped == (plain.piped or "").replace("\n", "\r\n")
    assert found.before == count_tokens(text.replace("\n", "\r\n"))
    assert found.after == count_tokens(found.text)


@pytest.mark.parametrize("kept", ["", "<keep>The till stays  shut.</keep>\n\n"])
def test_a_budget_holds_for_the_line_breaks_that_a_file_has(kept: str) -> None:
    shelves = "\n\n".join(f"Shelf {number} holds books on {number} topics.\nIt is high." for number in range(9))
    text = f"{kept}{shelves}\n\nThe shop opens at nine.\n".replace("\n", "\r\n")
    least = 1
    if kept:
        with pytest.raises(InputError, match="at least") as caught:
            text_file(text, query="When does the shop open?", budget=1)
        least = int(caught.value.hint.split()[1])
    for tokens in range(least, 60):
        found = text_file(text, query="When does the shop open?", budget=tokens)
        assert found.after == count_tokens(found.text)
        assert found.after.tokens <= tokens
        assert count_tokens(found.piped or "").tokens <= tokens
    if kept:
        with pytest.raises(InputError, match=f"at least {least} tokens"):
            text_file(text, query="When does the shop open?", budget=least - 1)


def test_lines_that_stay_keep_their_own_ends() -> None:
    assert text_file("a  b\r\nc\nd  e\r\n").text == "a b\r\nc\nd e\r\n"


@given(st.lists(st.sampled_from([*"ab .{}`", "\n", "\r\n"])))
def test_edits_give_the_text_whatever_the_line_ends(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = text_file(text)
    assert found.text == applied(text, found.edits)
    assert found.text == found.parts[0].result.text
    assert found.text.replace("\r\n", "\n") == text_file(text.replace("\r\n", "\n")).text


LINE = (
    '{"model": "gpt-4o",  "messages": '
    '[{"role":"system", "content" : "Be   nice.\\u0020 \\n\\n\\n\\nBe  \\u00e9l\\u00e9gant."}'
    ', {"content":"Hi   there", "role":"user"}], "temperature": 1.0e0, "x": 1, "x": 0.10, "big": 123456789012345678901}'
)
SHORT = (
    '{"model": "gpt-4o",  "messages": [{"role":"system", "content" : "Be nice.\\n\\nBe \\u00e9l\\u00e9gant."},'
    ' {"content":"Hi there", "role":"user"}], "temperature": 1.0e0, "x": 1, "x": 0.10, "big": 123456789012345678901}'
)


def test_only_the_texts_of_messages_change() -> None:
    found = requests(f"{LINE}\n\n{LINE}\r\n")
    assert found.text == f"{SHORT}\n\n{SHORT}\r\n"
    assert [(part.label, part.line, part.request) for part in found.parts] == [
        ("messages[0].content", 1, 0),
        ("messages[1].content", 1, 0),
        ("messages[0].content", 3, 1),
        ("messages[1].content", 3, 1),
    ]
    assert len(found.requests) == 2
    assert found.saved_tokens == sum(before.tokens - after.tokens for before, after in found.requests) > 0


def test_a_pretty_document_keeps_its_layout() -> None:
    body = {"messages": [{"role": "user", "content": WORDY}], "n": 1}
    text = json.dumps(body, indent=4)
    found = requests(text)
    assert json.loads(found.text)["messages"][0]["content"] == compress(WORDY).text
    assert found.text.splitlines()[:3] == text.splitlines()[:3]
    assert found.parts[0].line == 5


def test_a_request_gives_what_the_library_gives() -> None:
    body = {"system": WORDY, "messages": [{"role": "user", "content": [{"type": "text", "text": "A  b.\n\n\n\nC"}]}]}
    assert json.loads(requests(json.dumps(body)).text) == compress(body).body


def test_rows_that_are_no_requests_stay_and_are_named() -> None:
    bad = ["not JSON", '{"messages": "no list"}', '{"prompt": [1, 2, 3]}', "null", '{"a": "two  spaces"}']
    found = requests("\n".join([LINE, *bad, LINE]))
    assert found.text == "\n".join([SHORT, *bad, SHORT])
    assert [(item.path, item.reason.partition(":")[0]) for item in found.skipped] == [
        ("a.jsonl:2", "not JSON"),
        ("a.jsonl:3", NO_REQUEST.partition(":")[0]),
        ("a.jsonl:4", NO_TEXT),
        ("a.jsonl:5", NO_REQUEST.partition(":")[0]),
        ("a.jsonl:6", NO_REQUEST.partition(":")[0]),
    ]
    assert [item.asked for item in found.skipped] == [True, True, False, True, True], "no text to shorten is no error"


def test_a_file_without_any_request_still_says_what_would_have_counted() -> None:
    found = requests('{"a": 1}')
    assert (found.before.tokens, found.before.tokenizer, found.after.tokenizer) == (0, "o200k_base", "o200k_base")


@pytest.mark.parametrize("text", ["", " \n", "not JSON", "not JSON\nnor this"])
def test_a_file_without_json_is_no_file_of_requests(text: str) -> None:
    with pytest.raises(NotText):
        list(records(text))


def test_hostile_json_is_no_crash() -> None:
    deep = "[" * 100_000
    found = requests(f'{LINE}\n{deep}\n{{"prompt": "a  b", "n": {"9" * 5000}}}\n{{"prompt": "\\ud800  x"}}\n')
    assert [item.reason.partition(":")[0] for item in found.skipped] == ["nested too deeply"]
    lines = found.text.splitlines()
    assert lines[2] == f'{{"prompt": "a b", "n": {"9" * 5000}}}'
    assert json.loads(lines[3])["prompt"].startswith("\ud800")


@pytest.mark.parametrize("depth", [100, 300, 480, 900])
def test_messages_that_are_nested_deeply_are_no_crash(depth: int) -> None:
    text = '{"messages": [{"role": "user", "content": ' + '{"content": ' * depth + '"a  b"' + "}" * depth + "}]}"
    found = requests(text + "\n" + LINE)
    assert found.text.splitlines()[1] == SHORT
    assert len(found.skipped) + len(found.requests) == 2


def test_what_a_budget_cannot_hold_is_named_by_its_line() -> None:
    found = requests(f"{LINE}\n", query="nice", budget=1)
    assert [item.path for item in found.skipped] == ["a.jsonl:1"]
    assert found.text == f"{LINE}\n"


def test_files_are_told_apart_by_what_they_hold(workdir: Path) -> None:
    Path("requests.jsonl").write_text(f"{LINE}\n")
    Path("data.jsonl").write_text('{"a": "two  spaces"}\n')
    Path("requests.txt").write_text(f"{LINE}\n")
    options = options_of()
    assert compress_file("requests.jsonl", "requests.jsonl", options).parts[0].label == "messages[0].content"
    assert compress_file("data.jsonl", "data.jsonl", options).parts[0].label == ""
    assert compress_file("requests.txt", "requests.txt", options).parts[0].label == ""
    assert compress_file("requests.txt", "requests.txt", options, messages=True).parts[0].label != ""
    Path("cut.jsonl").write_text(f"{LINE}\n{LINE}\n{LINE[:20]}")
    cut = compress_file("cut.jsonl", "cut.jsonl", options)
    assert ([item.path for item in cut.skipped], cut.text) == (["cut.jsonl:3"], f"{SHORT}\n{SHORT}\n{LINE[:20]}")
    Path("other.jsonl").write_text(f'{LINE}\n{{"a": 1}}\n{LINE}\n{{"prompt": [1]}}\n{{\n{LINE}')
    other = compress_file("other.jsonl", "other.jsonl", options)
    assert [(item.path, item.asked) for item in other.skipped] == [
        ("other.jsonl:2", False),
        ("other.jsonl:4", False),
        ("other.jsonl:5", True),
    ]
    Path("bare.jsonl").write_text('{"prompt": [1]}\n{"prompt": [2]}\n')
    assert compress_file("bare.jsonl", "bare.jsonl", options).parts[0].label == ""
    Path("mixed.jsonl").write_text(f'{LINE}\n{{"a": 1}}\n{{"a": 2}}\n')
    assert compress_file("mixed.jsonl", "mixed.jsonl", options).parts[0].label == ""
    Path("plain.jsonl").write_text("no  JSON")
    assert compress_file("plain.jsonl", "plain.jsonl", options).text == "no JSON"
    with pytest.raises(NotText) as caught:
        compress_file("plain.jsonl", "plain.jsonl", options, messages=True)
    assert caught.value.data == b"no  JSON"


def test_the_stable_prefix_says_what_it_holds_and_forgoes() -> None:
    found = text_file("a  b.\n\n\n\nc  d.  END\n\n\n\nX  y.\n", stable_prefix="END")
    assert found.text.startswith("a  b.\n\n\n\nc  d.  END")
    assert found.text.endswith("X y.\n")
    assert found.held is not None
    assert found.held.tokens == found.parts[0].result.tokenizer.count("a  b.\n\n\n\nc  d.  END").tokens
    assert found.held.forgone_tokens > 0
    assert text_file(WORDY).held is None


def test_a_stable_prefix_may_run_over_several_messages() -> None:
    body = {"messages": [{"role": "system", "content": WORDY}, {"role": "user", "content": WORDY}]}
    whole = sum(part.result.tokens_before for part in requests(json.dumps(body)).parts)
    found = requests(json.dumps(body), stable_prefix=10_000)
    assert found.edits == ()
    assert found.held is not None
    assert found.held.tokens == whole
    first = requests(json.dumps(body), stable_prefix=3).held
    assert first is not None
    assert 3 <= first.tokens < whole


def test_the_mark_of_a_provider_ends_the_prefix() -> None:
    marked = {"type": "text", "text": WORDY, "cache_control": {"type": "ephemeral"}}
    body = {"system": [marked], "messages": [{"role": "user", "content": WORDY}]}
    found = requests(json.dumps(body), stable_prefix="cache_control")
    assert json.loads(found.text)["system"][0]["text"] == WORDY
    assert found.held is not None
    assert found.held.tokens == found.parts[0].result.tokens_before


def test_a_marker_that_is_not_there_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="does not occur"):
        text_file("text", stable_prefix="END")
    with pytest.raises(InputError):
        text_file("<keep>a text that must stay</keep>", query="long", budget=1)
