"""What the pages of the documentation hold: blocks, commands, and the marks that say what a test does with them.

A line that begins with `$ ` is a command whose output stands below it, and it is run. A block that shows no prompt is
something to type with files of one's own: its commands have to exist, with all their options. The exceptions are marked
in a comment on the line before the block:

    <!-- not run: why -->       the commands are looked up only
    <!-- file: NAME -->         the block is a file that the commands of the page read

A command below a diff of the same section runs in a copy of the checkout that the diff was applied to.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_MARK = re.compile(r"<!-- (not run|file): (.+) -->\n\Z")
_INLINE = re.compile(r"`(llmopt [^`]+)`")
_TYPED = ("", "console", "text", "sh", "yaml")
"""Languages of blocks in which commands stand."""
_ENDS = set("|;&<>()")
_RUNNERS = (("llmopt",), ("uvx", "llmopt"), ("uvx", "--from", ".", "llmopt"), ("python", "-m", "llmopt"))


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    start: int
    """Where its text begins, in characters of the page."""
    language: str
    text: str
    not_run: str
    """Why its commands are not run; empty when they are."""
    file: str
    """The file that it shows; empty when it shows none."""
    diffs: tuple[str, ...]
    """The diffs above it in its section."""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The commands after a prompt, each with the output that is shown below it."""
        if self.language not in _TYPED or self.file:
            return []
        parts = re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]
        return [_command_and_output(part.splitlines(keepends=True)) for part in parts]

    @property
    def written(self) -> list[str]:
        """The lines to type of a block that shows no prompt."""
        if self.language not in _TYPED or self.file or self.steps:
            return []
        begun = re.split(r"^(?=\S)|^ *- run: ", self.text, flags=re.MULTILINE)
        return [part.replace("\\\n", " ").strip() for part in begun if part.strip()]


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    for fence in _FENCE.finditer(text):
        mark = _MARK.search(text, 0, fence.start())
        kind, what = mark.groups() if mark else ("", "")
        section = text.rfind("\n#", 0, fence.start())
        found.append(
            Block(
                page,
                text.count("\n", 0, fence.start()) + 1,
                fence.start("text"),
                fence["language"],
                fence["text"],
                what if kind == "not run" else "",
                what if kind == "file" else "",
                tuple(other.text for other in found if other.start > section and other.language == "diff"),
            )
        )
    return found


def printed_by(page: Path) -> list[tuple[Block, Block]]:
    """Return each block of Python that is followed by a block of text, which is what it prints."""
    found, text = blocks(page), page.read_text(encoding="utf-8")
    return [
        (code, shown)
        for code, shown in pairwise(found)
        if code.language == "python"
        and shown.language in ("", "text")
        and not shown.text.startswith("$ ")
        and text[code.start + len(code.text) : shown.start].split() in (["```", "```text"], ["```", "```"])
    ]


def prose(page: Path) -> list[str]:
    """Return the commands that stand in sentences."""
    return _INLINE.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def llmopt_commands(line: str) -> list[list[str]]:
    """Return the arguments of each `llmopt` in a shell line.

    Raises:
        ValueError: a quotation is open.
    """
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    simple: list[list[str]] = [[]]
    for word in reader:
        if set(word) <= _ENDS:
            simple.append(["", word] if set(word) & set("<>") else [])  # what follows is a file
        else:
            simple[-1].append(word)
    return [words[len(runner) :] for words in simple for runner in _RUNNERS if tuple(words[: len(runner)]) == runner]


def agrees(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed. A line `...` stands for any lines, `...` in a line for any text."""
    lines = shown.splitlines(keepends=True)
    parts = ["(?:.*\n)*?" if line == "...\n" else re.escape(line).replace(r"\.\.\.", ".*") for line in lines]
    return re.fullmatch("".join(parts), printed) is not None


def _command_and_output(lines: list[str]) -> tuple[str, str]:
    """Part what stands after a prompt: a command goes on while a quotation is open or a line ends in a backslash."""
    for count in range(1, len(lines) + 1):
        command = "".join(lines[:count])
        if not command.endswith("\\\n"):
            try:
                shlex.split(command, comments=True)
            except ValueError:
                continue
            return command.replace("\\\n", " ").strip(), "".join(lines[count:])
    raise ValueError(f"no end of: {lines[0]}")
