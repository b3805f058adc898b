"""What compressing a file yields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.files.reading import Source
from llmopt.prompts.result import Compressed
from llmopt.tokens.counting.values import Skipped
from llmopt.tokens.result import TokenCount, total


@dataclass(frozen=True, slots=True)
class FilePart:
    """One text of a file: all of it, or one of those in a chat request."""

    label: str
    """Where it is within a request, such as `messages[1].content`; empty where the file is one text."""
    line: int
    """Line of the file at which it starts, from 1."""
    request: int
    """Which of the file's requests it is in, from 0; a text is one request."""
    result: Compressed


@dataclass(frozen=True, slots=True)
class Held:
    """The stable prefix of a file."""

    tokens: int
    """Tokens of the prefix, over all requests of the file."""
    forgone_tokens: int
    """Tokens that the level would save in it."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """A file whose text, or whose requests, are shorter."""

    source: Source
    edits: tuple[Edit, ...]
    """Of the text of the file, sorted; nothing else of it changes."""
    parts: tuple[FilePart, ...]
    piped: str | None = None
    """The text for a pipe, where that is not the one for a file: without the final line break."""
    skipped: tuple[Skipped, ...] = ()
    """Lines that hold no chat request, and stay."""
    held: Held | None = None
    """None without a stable prefix."""
    tokenizer: str = ""
    """Name of what counted; needed only where there may be no part."""

    @property
    def text(self) -> str:
        """The text for a file."""
        return applied(self.source.text, self.edits)

    @property
    def before(self) -> TokenCount:
        """Tokens of the texts as they were."""
        return _sum(self.parts, after=False, tokenizer=self.tokenizer)

    @property
    def after(self) -> TokenCount:
        """Tokens of the texts as they are."""
        return _sum(self.parts, after=True, tokenizer=self.tokenizer)

    @property
    def requests(self) -> tuple[tuple[TokenCount, TokenCount], ...]:
        """Tokens before and after of each request."""
        groups: dict[int, list[FilePart]] = {}
        for part in self.parts:
            groups.setdefault(part.request, []).append(part)
        return tuple((_sum(group, after=False), _sum(group, after=True)) for group in groups.values())

    @property
    def saved_tokens(self) -> int:
        """Tokens fewer."""
        return self.before.tokens - self.after.tokens


def _sum(parts: Sequence[FilePart], *, after: bool, tokenizer: str = "") -> TokenCount:
    counts = [part.result.count_after if after else part.result.count_before for part in parts]
    return total(counts, counts[0].tokenizer if counts else tokenizer)
