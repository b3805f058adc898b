"""The lines of a text with what each looks like."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rows:
    """The lines of a text."""

    text: str
    starts: list[int]
    """Where each line starts; one more than there are lines, the last the length of the text."""
    kinds: list[str]
    """What each looks like by itself: a group of `line_kinds.LINE`, `prose`, or `CODE` or `DATA` by its span."""

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.kinds)

    def line(self, index: int) -> str:
        """Return a line without its break."""
        return self.text[self.starts[index] : self.starts[index + 1]].rstrip("\r\n")
