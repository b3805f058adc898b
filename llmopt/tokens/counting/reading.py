"""Read the texts and the chat requests that files hold, in blocks, whatever their packing and encoding."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any

import msgspec

from llmopt.errors import InputError
from llmopt.files import DAMAGE, compression_of, open_unpacked
from llmopt.tokens.chat.requests import is_request, several

BLOCK_BYTES = 4 * 2**20
_LOOK_BACK = 1000
"""Line breaks looked at from the end of a block for one that is safe to cut at."""
_NEAR_THE_END = 100_000
_WORD_END = re.compile(r"[A-Za-z0-9](?=\s)")
_ESCAPED = re.compile("[\udc80-\udcff]")
_LONGEST_BLOCK = 16 * BLOCK_BYTES
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class NotReadable(Exception):
    """A file holds no text, or cannot be read; the reason is its only argument."""


class Replaced:
    """Counts the bytes of a file that are no text in its encoding, and were read as U+FFFD."""

    def __init__(self) -> None:
        self.count = 0


def text_blocks(path: str, replaced: Replaced | None = None) -> Iterator[str]:
    """Yield the text of a file in blocks of some megabytes, cut where token counts add up.

    Which places those are, `llmopt.tokens.exact.chunks` says.

    Args:
        path: the file.
        replaced: told of bytes that are no text.

    Raises:
        NotReadable: it is not text, is damaged, or cannot be opened.
    """
    held = ""
    for part in _decoded(path, replaced or Replaced()):
        held += part
        cut = _cut(held)
        if cut:
            yield held[:cut]
            held = held[cut:]
    yield held


def requests_of(path: str) -> Iterator[tuple[int, object, str]]:
    """Yield (line, body, complaint) for every chat request of a file: one JSON document, or one a line.

    Where there is a complaint there is no body. A document that is a list of requests gives one for each.

    Raises:
        NotReadable: it is not text, is damaged, cannot be opened, or holds nothing.
    """
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise NotReadable("empty")
    second = next((item for item in lines if item[1].strip()), None)
    if second is None or _decode(first[1])[1]:
        yield from _document([first, *([second] if second else []), *lines])
        return
    for item in (first, second):
        yield from _checked(item)
    for item in lines:
        yield from _checked(item)


_WHAT = "not a chat request: no messages, prompt, input or contents"


def _checked(numbered: tuple[int, str]) -> Iterator[tuple[int, object, str]]:
    number, line = numbered
    if line.strip():
        body, complaint = _decode(line)
        if complaint:
            yield number, None, complaint
        else:
            yield from _bodies(number, body)


def _bodies(number: int, body: object) -> Iterator[tuple[int, object, str]]:
    """Yield the requests that a document holds."""
    for item in several(body) or [body]:
        yield number, item, "" if is_request(item) else _WHAT


def _document(lines: list[tuple[int, str]]) -> Iterator[tuple[int, object, str]]:
    """Read a whole file as one document; where it is none, each of its lines by itself."""
    body, wrong = _decode("".join(line for _, line in lines))
    if not wrong:
        yield from _bodies(lines[0][0], body)
        return
    filled = [item for item in lines if item[1].strip()]
    if len(filled) == 1 or not any(not _decode(line)[1] for _, line in filled[:100]):
        raise NotReadable(f"not JSON: {wrong}")
    for item in filled:
        yield from _checked(item)


def _decode(text: str) -> tuple[Any, str]:
    try:
        return msgspec.json.decode(text), ""
    except RecursionError:
        return None, "nested too deeply"
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        try:
            return json.loads(text), ""  # takes lone surrogates and NaN, which msgspec does not
        except (ValueError, RecursionError):
            return None, str(error).removeprefix("JSON is malformed: ")


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """Yield (1-based line, text) from the first line on that is not blank."""
    held, number, started = "", 0, False
    for part in _decoded(path, Replaced()):
        held += part
        *whole, held = held.split("\n")
        for line in whole:
            number += 1
            started = started or bool(line.strip())
            if started:
                yield number, line + "\n"
    if held.strip():
        yield number + 1, held


def _decoded(path: str, replaced: Replaced) -> Iterator[str]:
    """Yield the text of a file as it comes in; bytes that are no text in it become U+FFFD, unless they are many."""
    try:
        with open_unpacked(path, compression_of(path)) as file:
            yield from _text(file, replaced)
    except InputError as error:
        raise NotReadable(error.message.removeprefix(f"{path}: ")) from error
    except DAMAGE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else f"damaged: {error}"
        raise NotReadable(reason) from error


def _text(file: IO[bytes], replaced: Replaced) -> Iterator[str]:
    head = file.read(BLOCK_BYTES)
    name = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "utf-8")
    decoder = codecs.getincrementaldecoder(name)("replace" if name == "utf-16" else "surrogateescape")
    while head:
        text, wrong = _repaired(decoder.decode(head))
        if "\0" in text:
            raise NotReadable("not text: it holds NUL bytes")
        replaced.count += wrong
        if wrong > max(len(text) // 20, 1):
            raise NotReadable("not text: neither UTF-8 nor UTF-16")
        yield text
        head = file.read(BLOCK_BYTES)
    text, wrong = _repaired(decoder.decode(b"", final=True))
    replaced.count += wrong
    yield text


def _repaired(text: str) -> tuple[str, int]:
    """Return a text with U+FFFD in place of bytes that could not be decoded, and how many there were."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _ESCAPED.subn("\ufffd", text)
    return text, 0


def _cut(text: str) -> int:
    """Return where a block may end; 0 for not yet.

    That is between an ASCII letter or digit and a line break, or after a line break that stands alone; in a text that
    has neither for long, after any line break that something visible follows, or else after a word.
    """
    if len(text) < BLOCK_BYTES:
        return 0
    long = len(text) >= _LONGEST_BLOCK
    end = len(text) - 1
    for _ in range(_LOOK_BACK):
        end = text.rfind("\n", 0, end)
        if end < len(text) // 2:
            break
        before, after = text[end - 1], text[end + 1]
        if before.isascii() and before.isalnum():
            return end
        if not after.isspace() and after != "/" and (long or not before.isspace()):
            return end + 1
    return _cut_in_line(text) if long else 0


def _cut_in_line(text: str) -> int:
    """Return where to cut a text without a fitting line break: after a word, if there is one near the end."""
    tail = max(0, len(text) - _NEAR_THE_END)
    ends = [word.end() for word in _WORD_END.finditer(text, tail)]
    return ends[-1] if ends else len(text)
