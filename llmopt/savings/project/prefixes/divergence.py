"""Where prompts of one template stop being alike too early, and how they would read with that moved to the end.

A date or a name at the head of a system prompt makes every prompt another one from there on, and a provider's cache
holds nothing of what follows. Prompts are cut into pieces at the ends of lines and sentences; what nearly all prompts
of a template hold is its fixed text. If much of that stands behind the first piece that differs, the prompt is written
anew: fixed text first, then what came behind it (a question, a conversation), and at the end what stood amid it. Tools
that come in an order of their own each time differ as well: there all prompts get one order.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from llmopt.savings.project.prefixes.template import Head, Wording, learn
from llmopt.savings.project.prefixes.tree import PrefixTree

_LEAST_BYTES = 256
"""Shorter prompts are cached nowhere."""
_SAMPLE = 256
_SAMPLE_BYTES = 4 << 20
_ALL_SAMPLES_BYTES = 32 << 20
_CLOSELY = 2_048
"""Prompts of a model among which none is passed over."""
_MOST_WORDINGS = 8
"""Templates of one model that are followed."""
_ANSWERS = (b"\nassistant\n", b"\nmodel\n", b'\n{"role":"assistant"', b'\n{"role":"model"')
_MESSAGE = b"\n"
"""Begins the parts of messages; what stands before the first is tools."""
_MOST_TOOLS = 1_024
"""Spellings of tools that are kept."""
_PIECE = re.compile(rb"[^\n.!?]*[\n.!?]+\s*|[^\n.!?]+")
_WIDE_STOP = "\u3002".encode()
_WIDE_PIECE = re.compile(rb".*?(?:[\n.!?]+\s*|\xe3\x80\x82|\xef\xbc[\x81\x9f])|.+", re.DOTALL)
"""As `_PIECE`, with the marks that end a sentence in Chinese and Japanese."""


@dataclass(frozen=True, slots=True)
class Template:
    """Prompts that are one text but for some places, the first of which stands before most of it."""

    model: str
    at_bytes: int
    """Bytes that its prompts share from the beginning."""
    all_bytes: int
    """Median of a prompt."""
    text: str
    """What stands where they part: a few characters before and behind."""
    first: str
    """`file:line` of one of them."""
    moved: dict[int, int]
    """Chain as logged -> chain with what differs at the end, both in one tree."""


@dataclass(frozen=True, slots=True)
class _Prompt:
    """A prompt of the sample."""

    chain: int
    where: str
    head: Head
    rest: tuple[bytes, ...]


@dataclass(slots=True)
class _Found:
    """A wording, and the prompts that follow it."""

    wording: Wording
    where: str
    moved: dict[int, int] = field(default_factory=dict)
    sizes: array[int] = field(default_factory=lambda: array("q"))
    """Bytes of each prompt."""


@dataclass(slots=True)
class _Watch:
    """What is known of the prompts of one model."""

    sample: list[_Prompt] = field(default_factory=list)
    sample_bytes: int = 0
    seen: int = 0
    skip: int = 0
    """Prompts that are passed over until the next sample is taken."""
    pause: int = 0
    """How many were passed over the last time; twice as many after each sample that had nothing new."""
    found: list[_Found] = field(default_factory=list)


class TemplateFinder:
    """Looks at the distinct prompts of a log as they come by, in bounded memory."""

    def __init__(self, tree: PrefixTree) -> None:
        """Take the tree to which the moved prompts are added."""
        self._tree = tree
        self._watches: dict[str, _Watch] = {}
        self._sample_bytes = 0
        self._tools: dict[bytes, bytes] = {}

    def see(self, parts: Sequence[bytes], chain: int, model: str, where: str) -> None:
        """Look at a prompt that `tree.add` was given; one chain and model need to be shown once."""
        watch = self._watches.setdefault(model, _Watch())
        watch.seen += 1
        if watch.skip:
            watch.skip -= 1
            if not watch.found:
                return
        size = sum(map(len, parts))
        if size < _LEAST_BYTES:
            return
        head, rest = self._cut(parts)
        prompt = _Prompt(chain, where, head, rest)
        if self._follows(watch, prompt) or watch.skip:
            return
        watch.sample.append(prompt)
        watch.sample_bytes += size
        self._sample_bytes += size
        if len(watch.sample) >= _SAMPLE or watch.sample_bytes >= _SAMPLE_BYTES:
            self._learn(watch)
        elif self._sample_bytes >= _ALL_SAMPLES_BYTES:
            for one in self._watches.values():
                self._learn(one)

    def finish(self) -> tuple[Template, ...]:
        """Return the templates of which at least two prompts part too early, those with most prompts first."""
        found = []
        for model, watch in self._watches.items():
            self._learn(watch)
            found += [_template(model, one) for one in watch.found if len(one.moved) > 1]
        return tuple(sorted(found, key=lambda one: -len(one.moved)))

    def _learn(self, watch: _Watch) -> None:
        """Look for wordings in the sample, and begin a new one."""
        self._sample_bytes -= watch.sample_bytes
        sample, watch.sample, watch.sample_bytes = watch.sample, [], 0
        room = _MOST_WORDINGS - len(watch.found)
        known = len(watch.found)
        for wording, first in learn([prompt.head for prompt in sample])[:room]:
            watch.found.append(_Found(wording, sample[first].where))
        for prompt in sample if len(watch.found) > known else ():
            self._follows(watch, prompt)
        if watch.seen >= _CLOSELY:
            watch.pause = 0 if len(watch.found) > known else max(2 * watch.pause, _SAMPLE)
        watch.skip = watch.pause

    def _follows(self, watch: _Watch, prompt: _Prompt) -> bool:
        """Does a prompt follow a known wording? Then it is moved."""
        for one in watch.found:
            pieces = prompt.head.pieces
            if one.wording.anchor in pieces and (ordered := one.wording.reorder(pieces)):
                fixed, behind, amid = ordered
                one.moved[prompt.chain] = self._tree.add((fixed, behind, *prompt.rest, amid))
                one.sizes.append(sum(map(len, (*pieces, *prompt.rest))))
                return True
        return False

    def _cut(self, parts: Sequence[bytes]) -> tuple[Head, tuple[bytes, ...]]:
        """Return all before the first answer in pieces, and the parts from there on."""
        count = next((number for number, part in enumerate(parts) if part.startswith(_MESSAGE)), len(parts))
        end = next((number for number, part in enumerate(parts) if part.startswith(_ANSWERS)), len(parts))
        tools = parts[: min(count, end)]
        pieces = sorted(map(self._sorted, tools))
        for part in parts[len(tools) : end]:
            pieces += (_WIDE_PIECE if _WIDE_STOP in part else _PIECE).findall(part)
        return Head(pieces, b"".join(tools), len(tools)), tuple(parts[end:])

    def _sorted(self, tool: bytes) -> bytes:
        """Return a tool with all its names in order."""
        found = self._tools.get(tool)
        if found is None:
            if len(self._tools) >= _MOST_TOOLS:
                self._tools.clear()
            found = self._tools[tool] = _in_order(tool)
        return found


def _in_order(tool: bytes) -> bytes:
    try:
        return msgspec.json.encode(msgspec.json.decode(tool), order="sorted")
    except (msgspec.DecodeError, TypeError, ValueError, RecursionError):
        return tool


def _template(model: str, found: _Found) -> Template:
    wording = found.wording
    return Template(
        model=model,
        at_bytes=wording.at_bytes,
        all_bytes=sorted(found.sizes)[len(found.sizes) // 2],
        text=wording.text,
        first=found.where,
        moved=found.moved,
    )
