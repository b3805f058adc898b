"""Parts of a text whose line breaks and blanks count although no fence says so.

Preformatted elements of HTML, block scalars of YAML (https://yaml.org/spec/1.2.2/, section 8.1), literal blocks of
reStructuredText and LaTeX, here-documents, sessions of shells, and strings over several lines. They are code where
blocks are told apart, but nothing is guarded for it: JSON within may still be minified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmopt.prompts.segments.lines import line_end, next_line

Part = tuple[int, int]
"""Start and end."""
_ELEMENTS = "pre|textarea|code|listing|samp|kbd|xmp"
_ENVIRONMENTS = "verbatim|Verbatim|lstlisting|minted|alltt"
_TAG_END = re.compile(r"</([\w:.-]++)")
_PAIRS = (
    ("<", re.compile(rf"<({_ELEMENTS})\b[^<>]{{0,300}}(?<!/)>", re.IGNORECASE), _TAG_END),
    ("xml:space", re.compile(r"<([\w:.-]{1,60})[ ][^<>]{0,300}xml:space=[\"']preserve[\"'][^<>]{0,300}>"), _TAG_END),
    ("\\begin", re.compile(rf"\\begin\{{((?:{_ENVIRONMENTS})\*?)\}}"), re.compile(r"\\end\{(\w++\*?)\}")),
    ("#+", re.compile(r"^#\+BEGIN_(SRC|EXAMPLE|VERSE)\b", re.M | re.I), re.compile(r"^#\+END_(\w++)", re.M | re.I)),
    ("[code", re.compile(r"\[(code)(?:=\w{1,20})?\]"), re.compile(r"\[/(code)\]")),
    ('"""', re.compile(r"(?:[=(]|\breturn)[ \t]{0,4}[rRfFbBuU]{0,2}(\"\"\")"), re.compile(r'(""")')),
    ("'''", re.compile(r"(?:[=(]|\breturn)[ \t]{0,4}[rRfFbBuU]{0,2}(''')"), re.compile(r"(''')")),
    ("= `", re.compile(r"=[ ](`)(?!`)"), re.compile(r"(`)")),
    (
        "<<",
        re.compile(r"<<-?[ ]?['\"]?([A-Za-z_]\w{0,40})(?![\w>])"),
        re.compile(r"^[ \t]*+(\w++)[ \t]*+(?=\r?\n|\Z)", re.M),
    ),
)
"""What must be in a text, what opens a part, and what closes it if its group says the same."""
_SESSION = re.compile(
    r"^[ \t]*+(?:>>>|In \[\d+\]:|\$) (?=[A-Za-z./])[^\r\n]*+(?:\r?\n[ \t]*+[^\s][^\r\n]*+)*+", re.MULTILINE
)
_SCALAR = re.compile(
    r"^([ ]*+(?:-[ ]+)*+)(?:[\w.$/-][^\r\n:#]{0,80}:|\"[^\"\r\n]{0,80}\":)[ ]+(?:&\w+[ ]+)?[|>][+-]?\d?[+-]?"
    r"[ \t]*+(?:#[^\r\n]*)?(?=\r?\n|\Z)",
    re.MULTILINE,
)
_DIRECTIVE = re.compile(
    r"^([ ]*+)(?:\.\.[ ][\w-]{1,40}::[^\r\n]{0,200}|[^\r\n]{0,2000}?::)[ \t]*+(?=\r?\n|\Z)", re.MULTILINE
)


def verbatim(text: str) -> list[Part]:
    r"""Return the parts of a text that are to be read as they are laid out, sorted; some may overlap.

    Args:
        text: with fences masked; line breaks are \n or \r\n.
    """
    found: list[Part] = []
    for hint, opening, closing in _PAIRS:
        if hint in text:
            found += _between(text, opening, closing)
    if "|" in text or ">" in text:
        found += _indented(text, _SCALAR)
    if "::\n" in text or "::\r" in text or ".. " in text:
        found += _indented(text, _DIRECTIVE)
    if ">>> " in text or "$ " in text or "In [" in text:
        found += [session.span() for session in _SESSION.finditer(text)]
    return sorted(found)


def _between(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> Iterator[Part]:
    """Yield what stands between two marks; one that nothing closes is none."""
    ends: dict[str, list[tuple[int, int]]] | None = None
    at = 0
    while first := opening.search(text, at):
        at = first.end()
        if ends is None:
            ends = {}
            for last in reversed(list(closing.finditer(text, at))):
                ends.setdefault(last[1].lower(), []).append(last.span())
        left = ends.get(first[1].lower(), [])
        while left and left[-1][0] < at:
            left.pop()
        if left:
            at = left[-1][1]
            yield first.start(), at


def _indented(text: str, head: re.Pattern[str]) -> Iterator[Part]:
    """Yield a line that says so with the lines further to the right below it."""
    at = 0
    while found := head.search(text, at):
        at = end = found.end()
        while (start := next_line(text, at)) < len(text):
            at = line_end(text, start)
            line = text[start:at]
            if line.strip():
                if len(line) - len(line.lstrip(" \t")) <= len(found[1]):
                    break
                end = at
        if end > found.end():
            yield found.start(), end
        at = end
