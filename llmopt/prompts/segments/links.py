"""URLs, e-mail addresses, and other names that break when a character of them changes: paths, identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmopt.prompts.segments.found import Found

_ADDRESS = re.compile(r"://[^\s<>\"`\u2018-\u201f\u3000-\u303f\uff00-\uffef«»]++")
_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]{0,30})\Z")
_WWW = re.compile(
    r"(?<![\w/.@-])(?:www\.[\w-]|mailto:|tel:\+?\d|urn:\w|doi:10)[^\s<>\"`\u2018-\u201f\u3000-\u303f«»]*+"
)
_HOST = re.compile(r"@[\w-]++(?:\.[\w-]++)++")
_LOCAL = re.compile(r"[\w.+%'-]{1,64}\Z")
_UUID = re.compile(r"-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![\w-])")
_UUID_HEAD = re.compile(r"(?<![\w-])[0-9A-Fa-f]{8}\Z")
_PATH = re.compile(r"/[\w.@+-]*[\w@+-](?:/[\w.@+-]*[\w@+-])*+/?")
_PATH_HEAD = re.compile(r"(?:(?<![\w.~@-])(?:~|\.{1,2})|(?<![^\s(\[\"'`=,])[\w.-]{1,60})\Z")
_EXTENSION = re.compile(r"\w\.[A-Za-z]\w{0,4}\Z")
_WINDOWS = re.compile(r":\\[^\s<>|\"'?*]*[^\s<>|\"'?*.,;:!)\]]")
_DRIVE = re.compile(r"(?<!\w)[A-Za-z]\Z")
_FLAG = re.compile(r"--(?<![^\s(\[,/|=]--)[A-Za-z][\w-]*+(?:=[^\s,;)\]]*[^\s,;)\].:!?])?")
_TRAILING = ".,;:!?'*_…~|"
_PAIRS = {")": "(", "]": "[", "}": "{"}


def links(text: str) -> list[Found]:
    """Return URLs and e-mail addresses, and literal names such as `/etc/hosts`, `--dry-run` and UUIDs."""
    found = list(_addresses(text))
    if "@" in text:
        found += _mails(text)
    if "--" in text:
        found += [(flag.start(), flag.end(), "url") for flag in _FLAG.finditer(text)]
    if "/" in text:
        found += _paths(text)
    for hint, pattern, head in (("-", _UUID, _UUID_HEAD), (":\\", _WINDOWS, _DRIVE)):
        if hint in text:
            found += _headed(text, pattern, head)
    return found


def _headed(text: str, pattern: re.Pattern[str], head: re.Pattern[str]) -> Iterator[Found]:
    """Yield matches of a pattern that begins in the middle, with what comes before it."""
    for match in pattern.finditer(text):
        before = head.search(text[max(0, match.start() - 12) : match.start()])
        if before:
            yield match.start() - len(before[0]), match.end(), "url"


def _paths(text: str) -> Iterator[Found]:
    """Yield paths: two parts or more after a slash, or a name with an ending after a directory."""
    for path in _PATH.finditer(text):
        start, end = path.span()
        before = text[start - 1 : start]
        if before in ("<", "/", ":"):
            continue
        if before.isalnum() or before in tuple("_.-~"):
            head = _PATH_HEAD.search(text[max(0, start - 64) : start])
            if head and (head[0] in ("~", ".", "..") or _EXTENSION.search(text[max(start, end - 8) : end])):
                yield start - len(head[0]), end, "url"
        elif text.find("/", start + 1, end - 1) > 0:
            yield start, end, "url"


def _addresses(text: str) -> Iterator[Found]:
    if "://" in text:
        for address in _ADDRESS.finditer(text):
            scheme = _SCHEME.search(text[max(0, address.start() - 31) : address.start()])
            end = _trimmed(text, address.start() + 3, address.end())
            if scheme and end > address.start() + 3:
                yield address.start() - len(scheme[0]), end, "url"
    if "www." in text or "mailto:" in text or "tel:" in text or "urn:" in text or "doi:" in text:
        for name in _WWW.finditer(text):
            yield name.start(), _trimmed(text, name.start() + 4, name.end()), "url"


def _mails(text: str) -> Iterator[Found]:
    for host in _HOST.finditer(text):
        local = _LOCAL.search(text[max(0, host.start() - 64) : host.start()])
        if local:
            yield host.start() - len(local[0]), host.end(), "url"


def _trimmed(text: str, start: int, end: int) -> int:
    """Return the end of a URL without the punctuation of the sentence it stands in."""
    depths = {mark: text.count(opening, start, end) - text.count(mark, start, end) for mark, opening in _PAIRS.items()}
    while end > start:
        last = text[end - 1]
        if last in _PAIRS and depths[last] < 0:
            depths[last] += 1
        elif last not in _TRAILING:
            return end
        end -= 1
    return end
