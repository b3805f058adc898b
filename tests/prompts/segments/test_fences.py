"""Fenced code: CommonMark's rules, and both readings where they leave doubt."""

from __future__ import annotations

import pytest

from tests.prompts.segments.shown import blocks, guarded, kinds, spans


@pytest.mark.parametrize(
    "code",
    [
        "```\na  b\n```",
        "~~~\na\n~~~",
        "```python\nx = {\n```",
        "````\n```\ninner\n```\n````",
        "~~~ md\n```\nx\n```\n~~~~~",
        "   ```\n   x\n   ```",
        "```\n\n\n```",
        "```js {1,3} title=x\ny\n```  ",
        "```\r\na\r\n```",
        "```\ra\r```",
        "```\na ``` b\n```",
        "```\n~~~\n```",
        "```\na\n``` b\nc\n```",
    ],
)
def test_a_fence_is_one_span_of_whole_lines(code: str) -> None:
    text = f"Before it.\n\n{code}\nAfter  it."
    assert spans(text, "fence") == [code]
    assert ("code", code + "\n") in blocks(text) or "\r" in code


@pytest.mark.parametrize("opening", ["- ", "1. ", "> ", "  * ", "> - "])
def test_a_fence_may_open_behind_a_marker(opening: str) -> None:
    inner = ("> " if ">" in opening else "") + "   "
    code = f"{opening}```sh\n{inner}ls  -l\n{inner}```"
    assert code in "".join(guarded(f"Run:\n{code}\n"))


@pytest.mark.parametrize("code", ["```\nx\n\ny", "~~~\nx", "```py", "````\nx\n```\ny", "```\nx\n~~~\n"])
def test_an_open_fence_guards_to_the_end(code: str) -> None:
    assert kinds(f"a\n\n{code}") == [("broken", code)]
    assert blocks(f"a\n\n{code}")[-1] == ("code", code)


def test_the_end_of_a_block_quote_ends_its_fence() -> None:
    assert guarded("> ```\n> a  b\n\nText  here.") == ["> ```\n> a  b"]


def test_backticks_behind_the_fence_make_it_inline_code() -> None:
    assert kinds("``` a `` b ```\ntext") == [("inline_code", "``` a `` b ```")]


def test_a_fence_opened_behind_text_is_guarded_in_both_readings() -> None:
    found = guarded("cell | ```ts\ncode\n```\nA.\n\n\n- B\n  ```\n  x\n  ```\nend")
    assert len(found) == 1
    assert "code" in found[0]
    assert "\n\n\n" in found[0]


def test_a_fence_too_far_right_leaves_doubt_and_both_readings_are_guarded() -> None:
    text = "```\na\n    ```\nb  b\n```\nc"
    assert guarded(text) == ["```\na\n    ```\nb  b\n```\nc"]


def test_a_list_item_that_ends_before_its_fence_does_is_guarded_on() -> None:
    text = "- one:\n  ```\n  a\n\nText  between.\n\n```\nb\n```\nc"
    assert "Text  between." in guarded(text)[0]
    assert guarded(text)[0].endswith("```\nb\n```\nc")


def test_two_fences_leave_the_text_between_free() -> None:
    assert spans("```\na\n```\nfree\n```\nb\n```") == ["```\na\n```", "```\nb\n```"]


def test_a_fence_four_columns_to_the_right_may_be_indented_code_and_both_readings_are_guarded() -> None:
    text = "text\n    ```\nb  b\n```\nc  c\n\n~~~\nd\n~~~\ne"
    assert guarded(text)[0].startswith("    ```")
    assert "c  c" in guarded(text)[0]


def test_a_fence_in_a_list_item_ends_with_the_item() -> None:
    assert "".join(guarded("- ```\n  a\nText.\n\n```\nb  b\n```\n")).count("b  b") == 1
