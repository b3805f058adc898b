"""Parts that are laid out as they are read, although no fence says so."""

from __future__ import annotations

import pytest

from llmopt.prompts.api import compress
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.segments.verbatim import verbatim

INNER = "The line of it.\nThe line of it.\n\n\na  b\n"
BELOW = "  The line of it.\n  The line of it.\n\n\n  a  b\n"


@pytest.mark.parametrize(
    "part",
    [
        f"<pre>\n{INNER}</pre>\n",
        f'<PRE class="x">\n{INNER}</PRE>\n',
        f"<textarea>{INNER}</textarea>\n",
        f'<item xml:space="preserve">\n{INNER}</item>\n',
        f"text: |\n{BELOW}",
        f"text: >-\n{BELOW}",
        f"- text: |2+ # why\n  {BELOW.replace(chr(10) + '  ', chr(10) + '    ')}",
        f"text: &id |\n{BELOW}",
        f"\\begin{{verbatim}}\n{INNER}\\end{{verbatim}}\n",
        f".. code-block:: text\n\n{BELOW}",
        f"As in::\n\n{BELOW}",
        f"#+BEGIN_SRC text\n{INNER}#+END_SRC\n",
        f"[code]\n{INNER}[/code]\n",
        f'TEXT = """\n{INNER}"""\n',
        f"    return '''\n{INNER}'''\n",
        f"const text = `x\n{INNER}`;\n",
        ">>> print(x)\na  b\n>>> print(x)\na  b\n",
        "$ cat a.txt\na  b  c\n",
        f"cat <<EOF > a.txt\n{INNER}EOF\n",
        f"cat <<-'END'\n{INNER}END\n",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_it_stays_as_it_is(part: str, newline: str) -> None:
    part = part.replace("\n", newline)
    text = f"Look at  this.{newline * 2}{part}{newline}Say  why.{newline}"
    assert compress(text).text == f"Look at this.{newline * 2}{part}{newline}Say why."


@pytest.mark.parametrize(
    "text",
    [
        "Use the <pre> tag.\n\nSay  why.\n",
        "A < B: |\nSay  why.\n",
        "a: |\nb: c\n",
        "std::vector is fine::\nSay  why.\n",
        "1 << n and  so on\n",
        '"""\nquoted  text\n"""\n',
        "\\begin{verbatim}\nopen  end\n",
    ],
)
def test_what_nothing_closes_or_stands_below_is_none(text: str) -> None:
    assert verbatim(text) == []


def test_json_within_may_still_be_minified() -> None:
    assert compress('prompt: |\n  Return  this:\n  {"a":  1}\n').text == 'prompt: |\n  Return  this:\n  {"a":1}'


def test_a_mark_in_a_fence_opens_nothing() -> None:
    text = "```\n<pre>\n```\n\nProse stands here.\n\n</pre>\n"
    assert [block.kind for block in parse(text).blocks if "Prose" in text[block.start : block.end]] == ["prose"]


@pytest.mark.untraced
@pytest.mark.parametrize("unit", ["<pre>", "<pre></pre>", "<<A\n", "<<A1 ", "k: |\n\n", "a::\n\n", '=""" ', "= `"])
def test_linear(unit: str) -> None:
    verbatim(unit * 50_000)
