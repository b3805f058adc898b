"""Where the strings of a JSON text stand, so that one can be replaced and every other byte stays as it is.

Source of the grammar: RFC 8259. Where a key comes twice, the last one counts, as for `json.loads`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from llmopt.prompts.contents import Path

_DECODER = json.JSONDecoder()
_MARK = re.compile(r'[\[\]{},:"]')
_SURROGATE = re.compile("[\ud800-\udfff]")


def string_positions(text: str, wanted: Collection[Path], start: int = 0) -> dict[Path, tuple[int, int]]:
    """Return where the wanted strings of a JSON text stand, quotes included.

    Args:
        text: holds valid JSON from `start` on.
        wanted: keys and indices that lead to strings.
        start: where the JSON begins.
    """
    asked = frozenset(wanted)
    deepest = max(map(len, asked), default=0)
    found: dict[Path, tuple[int, int]] = {}
    path: list[str | int | None] = []
    """The way to the value that comes next; None in an object whose next key is not read yet."""
    at = start
    while (mark := _MARK.search(text, at)) is not None:
        at = mark.end()
        sign = mark.group()
        if sign == '"':
            value, at = _DECODER.raw_decode(text, mark.start())
            if path and path[-1] is None:
                path[-1] = value
            elif len(path) <= deepest and (way := _settled(path)) in asked:
                found[way] = (mark.start(), at)
        else:
            _walk(path, sign)
        if not path and sign in "]}":
            break
    return found


def as_token(text: str, like: str) -> str:
    r"""Return a text as a JSON string, with letters written as in another JSON string: as they are, or as `\u` escapes.

    Args:
        text: any text; lone surrogates become escapes in any case.
        like: a JSON string with its quotes.
    """
    token = json.dumps(text, ensure_ascii=like.isascii())
    return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", token)


def _walk(path: list[str | int | None], sign: str) -> None:
    """Follow one structural character."""
    if sign == "[":
        path.append(0)
    elif sign == "{":
        path.append(None)
    elif sign in "]}":
        path.pop()
    elif sign == "," and path:
        last = path[-1]
        path[-1] = last + 1 if isinstance(last, int) else None


def _settled(path: list[str | int | None]) -> Path:
    return tuple(step for step in path if step is not None)
