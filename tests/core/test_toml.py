"""TOML whose errors say where."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.toml import document, line_of, read_text
from llmopt.errors import ConfigError


@given(
    st.lists(
        st.sampled_from(["", "# a", "[t]", "[[r]]", "k = 1", "m = [", "1,", "]", "s = '''", "x", "'''"]), max_size=14
    )
)
def test_the_line_of_a_key_holds_it(lines: list[str]) -> None:
    text = "\n".join([*lines, "[last]", "wanted = 3"])
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    if "last" in document:
        assert line_of(text, ("last", "wanted")) == len(lines) + 2
    assert line_of(text, ("nowhere",)) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nb 2", "f:2: no valid TOML: Expected '='"),
        ("a = 1\n\nb =\n", "f:3: no valid TOML: Invalid value"),
        ("a = " + "9" * 5000, "f: no valid TOML: a number has too many digits"),
        ("a = " + "[" * 5000, "f: no valid TOML: lists within lists"),
        ("a = 1e99999999999999999999", "f: no valid TOML: a number has too many digits"),
    ],
)
def test_what_is_no_toml_is_one_error(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        document(text, "f", "do this", parse_float=Decimal)
    assert caught.value.message.startswith(message)
    assert caught.value.hint == "do this"


def test_a_text_is_utf_8_with_or_without_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    assert document(read_text(path, ""), "f", "") == {"a": 1}
    path.write_bytes(b"a = 1\nb = '\xff'")
    with pytest.raises(ConfigError, match=r"a\.toml:2: not valid UTF-8"):
        read_text(path, "")
    with pytest.raises(ConfigError, match="Is a directory") as caught:
        read_text(tmp_path, "name a file")
    assert caught.value.hint == "name a file"
