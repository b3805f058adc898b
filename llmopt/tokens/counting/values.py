"""What is counted for, what was counted, and what could not be: the values of a count of files."""

from __future__ import annotations

from dataclasses import dataclass, field

from llmopt.tokens.counting.reading import Replaced
from llmopt.tokens.families import Maker
from llmopt.tokens.result import TokenCount
from llmopt.tokens.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Target:
    """What to count for."""

    model: str | None
    """As the user named it; None for an encoding or a file."""
    tokenizer: Tokenizer | None
    """None: each chat request by the model that it names itself."""
    maker: Maker = "openai"
    """Whose chat format applies."""


@dataclass(frozen=True, slots=True)
class FileCount:
    """The tokens of one file, for one target."""

    path: str
    model: str | None
    """As asked for; None for an encoding or a tokenizer file."""
    count: TokenCount
    requests: tuple[TokenCount, ...]
    """Each chat request in it; a text is one request."""
    estimated_tokens: int = 0
    """How many of the tokens are not exact: those of requests with a part that is not."""
    overhead_tokens: int = 0
    """Tokens that chat formatting, roles and tools add; in `count`."""
    images: int = 0
    """Pictures that are in `count`."""
    uncounted: tuple[str, ...] = ()
    """Parts of requests that are not in `count`, such as audio."""
    replaced: int = 0
    """Bytes that are no text in the file's encoding, counted as U+FFFD."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or a line of one, that could not be counted."""

    path: str
    """With `:line` where it is a line."""
    reason: str
    asked: bool
    """Whether the user named it, or it was only found in a directory."""


@dataclass(frozen=True, slots=True)
class TargetTotal:
    """All files together, for one target."""

    model: str | None
    count: TokenCount
    estimated_tokens: int
    """How many of the tokens are not exact."""

    @property
    def estimated_share(self) -> float:
        """Share of the tokens that are not exact, from 0 to 1."""
        return self.estimated_tokens / self.count.tokens if self.count.tokens else 0.0


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted, and what could not be."""

    files: tuple[FileCount, ...]
    """By file, then by target, in the order given."""
    totals: tuple[TargetTotal, ...]
    """By target."""
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    """What was assumed, such as the tokenizer of a model that nobody knows."""
    memo_hits: int
    """Parts of text that had been counted before in this run."""
    memo_misses: int
    """Parts of text that had not."""


@dataclass(slots=True)
class Job:
    """One file to count."""

    path: str
    """Where to read it."""
    shown: str
    """What to call it."""
    asked: bool
    """Whether the user named it, or it was only found in a directory."""
    sums: list[TokenCount] = field(default_factory=list)
    """Of a text, by target."""
    replaced: Replaced = field(default_factory=Replaced)
    failed: str = ""
    """Why it cannot be counted."""
