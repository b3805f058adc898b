"""What a shorter prompt must still have, told by plain patterns that share nothing with the compressor.

The compressor parses, protects and verifies by modules of its own; a check that used them would repeat their mistakes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from llmopt.prompts.context import Level
from llmopt.prompts.evaluation.documents import Document, documents_of

_PLACEHOLDER = re.compile(
    r"\{\{[^{}\n]*\}\}|\{%[^\n%]*%\}|\{#[^\n#]*#\}|\$\{[^{}\n]*\}|\$[A-Za-z_]\w*"
    r"|\{[A-Za-z_][\w.]*(?:\[\w+\])?(?:![rsa])?(?::[^{}\n\"]*)?\}|%\(\w+\)[sdifr]|(?<![\w%])%[sdifr]\b|<[A-Z][A-Z_]+>"
)
_TAG = re.compile(r"</?[A-Za-z][\w:.-]*(?:[ \t][^<>\n]*)?/?>")
_KEEP = re.compile(r"<keep>[^<]*</keep>")
_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})(.*)")
_URL = re.compile(r"https?://[^\s<>\"'`(){}\[\]|]+(?<![.,;:!?])|[\w.+-]+@[\w-]+\.[\w.-]*\w")
_QUOTED = re.compile(r"(?<![^\s(\[])\"(?=\S)[^\"\n]*(?<=\S)\"(?!\w)|“[^”\n]+”")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*%?")
_DIGITS = re.compile(r"\d+")
_STAMP = re.compile(
    r"\W{0,2}(?:ts=)?(?:\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d )"
)
_BAD = re.compile(
    r"^(?:\W{0,2}\d[^|]*|[A-Z][a-z]{2} .*|ts=.*|[^\w|]{0,2})\b(?:ERROR|WARN|WARNING|FATAL|CRITICAL|SEVERE)\b"
    r"|^Traceback |^[\w.]+(?:Error|Exception): |^\s+at [\w.]+\(|^  File \""
)
_RULE = re.compile(r"[-|: ]*")
_NEGATION = re.compile(
    r"\b(?:cannot|not|never|no|none|nothing|nobody|nowhere|neither|nor|without|unless|except)\b|n['\u2019]t\b"
    r"|\b(?:không|chưa|chẳng|đừng|chớ|cấm|trừ)\b"
)
_QUANTIFIER = re.compile(
    r"\b(?:all|every|each|any|both|only|few|several|most|exactly|at least|at most|must"
    r"|tất cả|mọi|mỗi|chỉ|ít nhất|tối đa)\b"
)
_IDLE = re.compile(
    r"\b(?:at all times|at all|first of all|all in all|after all|above all|in (?:each and )?every case|in any way"
    r"|each and every|any and all|in any case|most importantly|at most times|by all means|all rights reserved)\b"
)
"""Idioms in which a quantifier counts nothing; they may go."""


def faults(before: str, after: str, level: Level, *, same_json: bool = True) -> list[str]:
    """Return what a compressed text lacks, or has otherwise than it should; empty where all is well.

    Args:
        before: the prompt.
        after: what came of it.
        level: at `lossless` everything must be there as often as before; above it, copies may go.
        same_json: JSON must still be JSON; without, only its numbers and words must be there.
    """
    found = [f"longer by {len(after) - len(before)} characters"] if len(after) > len(before) else []
    found += missing(before, after)
    old, new = documents_of(before), documents_of(after)
    if same_json:
        found += _lost_json(old.values, new.values, level)
    found += _lost_literals(old, new, level)
    found += _lost_lines(before, after, level)
    plain = _words(old.outside if same_json else before)
    left = _words(new.outside if same_json and level == "lossless" else after)
    found += _lost_words("negation", _NEGATION, plain, left, level)
    found += _lost_words("quantifier", _QUANTIFIER, _IDLE.sub(" ", plain), left, level)
    return found


def missing(before: str, after: str) -> list[str]:
    """Return what no level may touch, and no query either, that is not there byte for byte and in order."""
    return [told for name, wanted in protected(before).items() for told in _missing_in_order(name, wanted, after)]


def protected(text: str) -> dict[str, list[str]]:
    """Return what no level may touch, in order, by what it is."""
    return {
        "placeholder": _PLACEHOLDER.findall(text),
        "tag": _TAG.findall(text),
        "keep region": _KEEP.findall(text),
        "fenced code": fences(text),
        "inline code": _CODE.findall(_outside_fences(text)),
    }


def fences(text: str) -> list[str]:
    """Return fenced code with its fences; one that is never closed is left out."""
    return ["".join(lines) for lines, fenced in _parts(text) if fenced]


def _outside_fences(text: str) -> str:
    return "".join("".join(lines) for lines, fenced in _parts(text) if not fenced)


def _parts(text: str) -> list[tuple[list[str], bool]]:
    """Split a text into runs of lines within fences and outside."""
    lines = re.split(r"(?<=\n)", text)
    found: list[tuple[list[str], bool]] = [([], False)]
    at = 0
    while at < len(lines):
        end = _fence_end(lines, at)
        if end is None:
            found[-1][0].append(lines[at])
            at += 1
        else:
            last = lines[end].rstrip()
            found += [([*lines[at:end], last], True), ([lines[end][len(last) :]], False)]
            at = end + 1
    return found


def _fence_end(lines: Sequence[str], start: int) -> int | None:
    """Return the line that closes the fence opened in a line; None where none is opened or closed."""
    opening = _FENCE.match(lines[start])
    if not opening or (opening[1][0] == "`" and "`" in opening[2]):
        return None
    for number in range(start + 1, len(lines)):
        closing = _FENCE.match(lines[number])
        if closing and not closing[2].strip() and closing[1].startswith(opening[1]):
            return number
    return None


def error_lines(text: str) -> list[str]:
    """Return the lines of logs that warn or fail, with stack traces; layout aside, and JSON, whose values count."""
    return [" ".join(line.split()) for line in documents_of(text).outside.splitlines() if _BAD.search(line)]


def _missing_in_order(name: str, wanted: Iterable[str], text: str) -> list[str]:
    at = 0
    for item in wanted:
        found = text.find(item, at)
        if found < 0:
            return [f"{name} {item!r} lost or moved"]
        at = found + len(item)
    return []


def _lost_json(old: Sequence[str], new: Sequence[str], level: Level) -> list[str]:
    if level == "lossless":
        rest = iter(new)
        return [f"JSON changed: {value[:80]}" for value in old if value not in rest][:1]
    return [f"JSON lost: {value[:80]}" for value in old if value not in set(new)][:1]


def _lost_literals(old: Document, new: Document, level: Level) -> list[str]:
    """Compare URLs, quotations and numbers outside of JSON; of logs, only runs of digits."""
    plain, logged = _by_stamp(old.outside)
    wanted = [("URL", url) for url in _URL.findall(plain)]
    wanted += [("quotation", quote) for line in plain.splitlines() for quote in _quotations(line)]
    lost = [f"{name} {item!r} lost" for name, item in wanted if item not in new.text and item not in new.outside]
    if level == "lossless":
        rest = iter(_NUMBER.findall(new.outside))
        return lost + [f"number {item} lost" for item in _NUMBER.findall(old.outside) if item not in rest][:1]
    kept, digits = set(_NUMBER.findall(new.text)), set(_DIGITS.findall(new.text))
    lost += [f"number {item} lost" for item in _NUMBER.findall(plain) if item not in kept]
    return lost + [f"digits {item} of a log lost" for item in _DIGITS.findall(logged) if item not in digits]


def _quotations(line: str) -> list[str]:
    return _QUOTED.findall(line) if line.count('"') % 2 == 0 else []


def _by_stamp(text: str) -> tuple[str, str]:
    """Return the lines that begin with no time, and those that do."""
    parts: tuple[list[str], list[str]] = ([], [])
    for line in text.splitlines():
        parts[bool(_STAMP.match(line))].append(line)
    return "\n".join(parts[0]), "\n".join(parts[1])


def _lost_lines(before: str, after: str, level: Level) -> list[str]:
    """Compare lines that warn or fail, each as often as before, and the cells of tables."""
    found = []
    left = list(reversed(error_lines(after)))
    for line in error_lines(before):
        while left and left[-1] != line:
            left.pop()
        if not left:
            found.append(f"line lost: {line[:80]}")
            break
        left.pop()
    rows = {_cells(line) for line in after.splitlines()}
    if level != "aggressive":
        found += [
            f"row lost: {line[:80]}" for line in before.splitlines() if _is_row(line) and _cells(line) not in rows
        ]
    return found


def _is_row(line: str) -> bool:
    return line.startswith("| ") and line.endswith("|") and line.count("|") > 2 and not _RULE.fullmatch(line)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(" ".join(cell.split()) for cell in line.strip().strip("|").split("|"))


def _words(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _lost_words(name: str, pattern: re.Pattern[str], old: str, new: str, level: Level) -> list[str]:
    wanted, kept = ([_plain(word) for word in pattern.findall(text)] for text in (old, new))
    if level == "lossless":
        rest = iter(kept)
        return [f"{name} {word!r} lost" for word in wanted if word not in rest][:1]
    return [f"{name} {word!r} lost" for word in dict.fromkeys(wanted) if word not in kept]


def _plain(word: str) -> str:
    """Return `not` for each of its spellings."""
    return "not" if word in ("cannot", "n't", "n\u2019t") else word
