"""Logs that change from night to night, and what is said of them with a state and without one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from llmopt.cost.api import price_logs
from llmopt.cost.result import CostReport
from llmopt.cost.state.run import price_with_state
from tests.cost.logs import line

START = datetime(2026, 3, 1, 22, tzinfo=UTC)
ABOUT_FILES = ("gone", "no more")
"""Words of the warnings that only a state has."""


def transcript_line(response: int, copy: int) -> bytes:
    """Return one of the lines that Claude Code writes of a response; later copies say more, some on the next day."""
    stamp = START + timedelta(hours=response % 50 + copy)
    usage = {"input_tokens": 10 + response, "cache_read_input_tokens": 5, "output_tokens": 3 + copy}
    body = {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/home/ana/shop",
        "sessionId": f"s{response % 3}",
        "version": "2.1.63",
        "type": "assistant",
        "uuid": f"{response}-{copy}",
        "timestamp": f"{stamp:%Y-%m-%dT%H:%M:%S}.000Z",
        "message": {
            "id": f"msg_{response}",
            "type": "message",
            "role": "assistant",
            "model": ("claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929")[response % 2],
            "content": [{"type": "text", "text": "Hello"}],
            "usage": usage,
        },
    }
    return json.dumps(body).encode() + b"\n"


def text_of(kind: str, numbers: Sequence[int]) -> bytes:
    """Return lines of a log: chats each of its own (a number tells all of it), copies of responses, or damage."""
    if kind == "chat":
        return b"".join(line(number, created=1_772_438_400 + 40_000 * number) for number in numbers)
    if kind == "damaged":
        return b"".join(line(number + 500) + b'{"object": "chat.completion", \n' for number in numbers)
    return b"".join(transcript_line(number // 3, number % 3) for number in numbers)


class Logs:
    """A folder of logs and a state beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder / "logs", folder / "state"
        self.folder.mkdir(parents=True)
        self.written = 0
        self.rewritten: set[Path] = set()
        """Written anew or renamed since the last run: what is both is a new file, and the old one gone."""

    def add(self, content: bytes) -> None:
        self.written += 1
        (self.folder / f"{self.written % 4}-{self.written}.jsonl").write_bytes(content)

    def chosen(self, number: int) -> Path | None:
        """Return some file."""
        files = sorted(self.folder.iterdir())
        return files[number % len(files)] if files else None

    def change(self, action: str, number: int, content: bytes) -> None:
        """Do something to some file."""
        path = self.chosen(number)
        if path is None or action == "add":
            self.add(content)
        elif path in self.rewritten:
            return
        elif action == "grow" and path.suffix != ".gz":
            with path.open("ab") as file:
                file.write(content)
        elif action == "rewrite" and path.suffix != ".gz":
            path.write_bytes(content)
            self.rewritten.add(path)
        elif action == "rename":
            self.written += 1
            self.rewritten.add(
                path.rename(path.with_name(f"{self.written % 4}-{self.written}{''.join(path.suffixes)}"))
            )
        elif action == "compress" and path.suffix != ".gz":
            target = path.with_name(f"{path.name}.gz")
            target.write_bytes(gzip.compress(path.read_bytes()))
            self.rewritten.add(target)
            path.unlink()

    def with_state(self, **options: Any) -> CostReport:
        self.rewritten = set()
        return price_with_state([self.folder], self.state, **options)

    def without_state(self, **options: Any) -> CostReport:
        return price_logs([self.folder], **options)


def told(report: CostReport) -> dict[str, Any]:
    """Return what a report says of the records, whoever has read them."""
    found = {field.name: getattr(report, field.name) for field in fields(report)}
    found["warnings"] = [text for text in report.warnings if not any(word in text for word in ABOUT_FILES)]
    found["rejected"] = sorted((item.reason, item.count) for item in report.rejected)
    return found
