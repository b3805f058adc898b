"""Runs of events that differ in one text only, put together before anyone reads them as JSON.

Most of a stream of chat completions is a row of chunks in which nothing changes but a few characters of `content`. To
compare bytes and join those texts is many times faster than to read each chunk, and says the same: what comes before
the text and what follows it is equal byte for byte, and holds nothing that would be added up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Data = tuple[bytes, bool]
"""The data of an event, and whether it is called an error."""
_BEGIN = re.compile(
    rb'\{[^{}\[\]]*"choices": ?\[\{(?:"index": ?\d+, ?)?"delta": ?\{"(?:content|reasoning_content|reasoning)": ?"'
)
_TEXT = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt])*+')
"""Of a JSON string; without `\\u`, as half a character may come in one chunk and half in the next."""
_TEXTS = re.compile(rb'(?:[^"\\\x01-\x1f]++|\\["\\/bfnrt])*+')
"""Texts with a zero between each two."""
_MORE = re.compile(rb'[{\[\\]|"text"')
"""What follows a text must hold no further object or list, nor the field that completions add up."""
_PADDING = re.compile(rb',"obfuscation":"[0-9A-Za-z_-]*"\}$')
"""OpenAI's, of any length, so that the length of a chunk says nothing of its text."""
_PADDINGS = re.compile(rb',"obfuscation":"[0-9A-Za-z_-]*"\}(?=\n\n)')
_DATA = b"data: "
_END = b"\n\n"


def joined(stream: bytes) -> bytes:
    """Return a stream that comes to the same answer, in which the row of texts in its middle has become one event.

    Args:
        stream: whose lines end in LF.
    """
    begin = stream.find(_END, len(stream) // 2) + len(_END)
    event = stream[begin : stream.find(_END, begin)]
    run = _run(_PADDING.sub(b"}", event[len(_DATA) :])) if event.startswith(_DATA) else None
    if run is None:
        return stream
    before, _, after = run
    if _PADDING.search(event):
        stream = _PADDINGS.sub(b"}", stream)
    border = after + _END + _DATA + before
    parts = stream.split(border)
    if len(parts) < 3:
        return stream
    first, *middle, last = parts
    if not _TEXTS.fullmatch(b"\0".join(middle)):
        return stream
    whole = first[first.rfind(_END) + len(_END) :] if _END in first else first
    begins = whole.startswith(_DATA + before) and _TEXT.fullmatch(whole, len(_DATA) + len(before))
    whole = last.partition(_END)[0]
    ends = whole.endswith(after) and _TEXT.fullmatch(whole, 0, len(whole) - len(after))
    return b"".join((first, b"" if begins else border, *middle, b"" if ends else border, last))


def merged(events: Iterable[Data]) -> list[Data]:
    """Return events that come to the same answer, in which runs of texts have become one each.

    Args:
        events: of a stream, each one's data in UTF-8.
    """
    found: list[Data] = []
    before, after, texts = b"", b"", [b""]
    for data, is_error in events:
        bare = _PADDING.sub(b"}", data) if data.endswith(b'"}') else data
        if _goes_on(bare, before, after) and not is_error:
            text = bare[len(before) : len(bare) - len(after)]
            if _TEXT.fullmatch(text):
                texts.append(text)
                continue
        if before:
            found.append((before + b"".join(texts) + after, False))
            before = b""
        run = None if is_error else _run(bare)
        if run is None:
            found.append((data, is_error))
        else:
            before, text, after = run
            texts = [text]
    if before:
        found.append((before + b"".join(texts) + after, False))
    return found


def _goes_on(data: bytes, before: bytes, after: bytes) -> bool:
    return before != b"" and data.startswith(before) and data.endswith(after) and len(data) >= len(before) + len(after)


def _run(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return what comes before the text of a chunk, the text, and what follows; None: it is no such chunk."""
    begin = _BEGIN.match(data)
    if begin is None:
        return None
    text = _TEXT.match(data, begin.end())
    if text is None or not data.startswith(b'"}', text.end()) or _MORE.search(data, text.end()):
        return None
    return data[: begin.end()], text[0], data[text.end() :]
