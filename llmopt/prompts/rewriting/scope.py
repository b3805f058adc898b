"""Tell the parts of a prompt that instruct from the material that they are about.

A review, a letter or a story within a prompt keeps its courtesies and its emphasis: they are what the model is asked
about. Material begins below a label such as `Customer review:`, in a tag such as `<document>`, between triple quotes,
below the header of a retrieved chunk, and after the greeting of a letter that is signed.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from llmopt.prompts.rewriting.lookup import lowered, words_of
from llmopt.prompts.rewriting.said import ends_in, said
from llmopt.prompts.rewriting.tables import table
from llmopt.prompts.spans import Segments

_LINE = re.compile(r"[^\n]*\n?")
_LABEL = re.compile(
    r"[ \t]*(?:#{1,6}[ \t]+|\*\*|[-*][ \t]+)?"
    r"(?P<label>[^\W\d_][^\n:{}.!?]{0,60}):(?:\*\*)?[ \t]*(?P<rest>[^\n]*)"
)
_RULE = re.compile(r"[ \t]*(?:-{3,}|={3,}|\*{3,}|_{3,}|#{3,})[ \t]*$")
_QUOTES = re.compile(r"[ \t]*(?:\"{3}|'{3})")
_GREETING = re.compile(
    r"[ \t]*"
    r"(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)|kính gửi|thân gửi|chào|xin chào)\b"
    r"[^\n]{0,60},[ \t]*$",
    re.I,
)
_SIGNED = re.compile(
    r"^[ \t]*(?:(?:yours |kind |best |warm )*(?:sincerely|truly|faithfully|regards|wishes)|cheers|thanks|"
    r"thank you|love|trân trọng|thân mến|kính thư)[,.!]?[ \t]*$",
    re.I | re.M,
)
_INLINE = re.compile(
    r"\b((?:following|this|these|sau|dưới đây)\b[^\n:.!?]{0,60}|"
    r"[^\W\d_][^\n:.!?]{0,40}\b(?:sau|below|sau đây|dưới đây)):[ \t]+(?=\S)",
    re.I,
)
_TAG_NAME = re.compile(r"<(/?)([\w-]+)[^>]*?(/?)>")
_INSTRUCTING_TAG = re.compile(
    r"(?i)instruct|rule|task|guideline|require|constraint|format|output|system|role|prompt|polic|steps|goal|tone|style|keep"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a text holds material."""

    material: tuple[tuple[int, int], ...]
    """Ranges, sorted, not overlapping."""
    _starts: list[int] = field(default_factory=list, repr=False, compare=False)

    def instructs(self, at: int) -> bool:
        """Return whether an offset lies outside all material."""
        if len(self._starts) != len(self.material):
            self._starts[:] = [start for start, _ in self.material]
        index = bisect_right(self._starts, at) - 1
        return index < 0 or at >= self.material[index][1]


@functools.lru_cache(maxsize=4)
def _lexicon() -> tuple[frozenset[str], frozenset[str], re.Pattern[str]]:
    english, vietnamese = table("en")["scope"], table("vi")["scope"]
    material = frozenset(english["material"].split()) | frozenset(vietnamese["material"])
    instructing = frozenset(english["instructing"].split()) | frozenset(vietnamese["instructing"])
    outputs = "|".join((*english["output"].split(), *vietnamese["output"]))
    polite = "please|kindly|could you|provide|return|present|format|respond|reply|answer|give|make sure|ensure"
    strong = rf"[ \t]*(?:(?:{polite}|vui lòng|hãy|xin)\b[^\n]*\b(?:{outputs})\b|(?:please|kindly|vui lòng|hãy)\b)"
    return material, instructing, re.compile(strong, re.I)


@functools.lru_cache(maxsize=2)
def scope_of(segments: Segments) -> Scope:
    """Return where a text holds material."""
    found = [
        *_in_tags(segments),
        *_below_labels(segments),
        *_letters(segments.text),
        *_behind_colons(segments),
        *said(segments.text, _lexicon()[1]),
    ]
    found.sort()
    merged: list[tuple[int, int]] = []
    for start, end in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return Scope(tuple(merged))


def names_material(label: str) -> bool:
    """Return whether a label such as `Customer review` says that material follows."""
    material, _, _ = _lexicon()
    return ends_in(label, material)


def is_legal(text: str) -> bool:
    """Return whether a text is a contract, a licence or a law, where each word was chosen."""
    words = words_of(text)
    if not words.isdisjoint(table("en")["scope"]["legal"].split()):
        return True
    return any(words.issuperset(phrase.split()) and phrase in lowered(text) for phrase in table("vi")["scope"]["legal"])


def _in_tags(segments: Segments) -> Iterator[tuple[int, int]]:
    markup = frozenset(table("en")["scope"]["markup"].split())
    opened: dict[str, list[int]] = {}
    for span in segments.of_kind("tag"):
        match = _TAG_NAME.match(segments.text, span.start, span.end)
        if match is None or match[3] or match[2].lower() in markup or _INSTRUCTING_TAG.search(match[2]):
            continue
        if not match[1]:
            opened.setdefault(match[2], []).append(span.end)
        elif opened.get(match[2]):
            yield opened[match[2]].pop(), span.start


def _behind_colons(segments: Segments) -> Iterator[tuple[int, int]]:
    """Yield what stands on the line of `Translate the following text: ...`, up to the end of its paragraph."""
    text = segments.text
    done = 0
    for match in _INLINE.finditer(text):
        if match.end() < done or not names_material(match[1]):
            continue
        if not segments.overlapping(match.end(), match.end() + 1):
            end = text.find("\n\n", match.end())
            done = len(text) if end < 0 else end
            yield match.end(), done


def _letters(text: str) -> Iterator[tuple[int, int]]:
    """Yield from the greeting of a letter to where it is signed; without a name under it, to the end of the text."""
    at = 0
    for signed in _SIGNED.finditer(text):
        greeted = _greeting(text, at, signed.start())
        if greeted >= 0:
            yield greeted, signed.end()
        at = signed.end()
    greeted = _greeting(text, at, len(text))
    if greeted > 0 and text[:greeted].strip():
        yield greeted, len(text)


def _greeting(text: str, start: int, end: int) -> int:
    """Return where the first line that greets somebody starts, or -1."""
    for match in _LINE.finditer(text, start, end):
        if _GREETING.match(match[0].rstrip("\n")):
            return match.start()
    return -1


def _below_labels(segments: Segments) -> Iterator[tuple[int, int]]:
    walk = _Walk(segments)
    for block in segments.blocks:
        if block.kind == "source":
            if not segments.slice(block).lstrip().startswith("<"):  # what a tag encloses, it ends too
                walk.begin(block.end)
        elif block.kind in ("prose", "list", "heading", "blank"):
            for line in _LINE.finditer(segments.text, block.start, block.end):
                if line[0]:
                    walk.step(line.start(), line[0])
        else:
            walk.filled = True
    walk.finish(len(segments.text))
    yield from walk.ranges


class _Walk:
    """Goes down the lines of a text, in material or not."""

    def __init__(self, segments: Segments) -> None:
        self.segments = segments
        self.ranges: list[tuple[int, int]] = []
        self.filled = False
        """Whether something stands below the label already."""
        self._start: int | None = None
        self._after_blank = True
        self._quoted = False

    def begin(self, at: int) -> None:
        self.finish(at)
        self._start, self.filled = at, False

    def finish(self, at: int) -> None:
        if self._start is not None and at > self._start:
            self.ranges.append((self._start, at))
        self._start = None

    def step(self, at: int, line: str) -> None:
        if not line.strip():
            self._after_blank = True
            return
        if _QUOTES.match(line):
            (self.finish if self._quoted else self.begin)(at)
            self._quoted = not self._quoted
        elif not self._quoted:
            self._plain(at, line)
        self._after_blank = False

    def _plain(self, at: int, line: str) -> None:
        _, instructing, strong = _lexicon()
        label = _LABEL.match(line)
        title = label["label"] if label else line.lstrip("# \t").rstrip() if line.startswith("#") else ""
        if title and names_material(title) and not ends_in(title, frozenset({"format"})):
            self.begin(at + (label.start("rest") if label else len(line)))
            if label and label["rest"].strip():
                self._fill(at + label.start("rest"), at + len(line))
        elif title and ends_in(title, instructing):
            self.finish(at)
        elif self._start is not None:
            self._within(at, line, strong)

    def _within(self, at: int, line: str, strong: re.Pattern[str]) -> None:
        if _RULE.match(line):
            if self.filled:
                self.finish(at)
        elif self._after_blank and self.filled and strong.match(line):
            self.finish(at)
        else:
            self._fill(at, at + len(line))

    def _fill(self, start: int, end: int) -> None:
        """Take a line as material; one that is a placeholder and nothing else is all of it."""
        text = self.segments.text
        self.filled = True
        if not any(text[left:right].strip(" \t\r\n\"'.") for left, right in self.segments.free(start, end)):
            self.finish(end)
