"""Small logs of OpenAI requests, and what the command line says of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.cli.conftest import Llmopt
from tests.cost.reading import usd

Json = Any
ONE = usd((1200, "2.5"), (80, "10"))
"""What one `chat` costs."""


def chat(number: int = 1, **changes: Json) -> Json:
    """Return one response of gpt-4o on 2 March 2026: 1,200 tokens in, 80 out."""
    usage = {"prompt_tokens": 1200, "completion_tokens": 80}
    body = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_772_438_400 + number,
        "model": "gpt-4o",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": usage,
    }
    usage.update({name: changes.pop(name) for name in list(changes) if name in usage or name == "total_tokens"})
    return body | changes


def line(number: int = 1, **changes: Json) -> bytes:
    """Return `chat` as a line of a log."""
    return json.dumps(chat(number, **changes)).encode() + b"\n"


def lines(count: int, first: int = 1) -> list[bytes]:
    """Return several good lines."""
    return [line(number) for number in range(first, first + count)]


def written(path: Path, *parts: bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(b"".join(parts))
    return path


@dataclass(frozen=True)
class Ran:
    """One run of `llmopt cost --format json`."""

    code: int
    report: Json
    err: str

    @property
    def rejected(self) -> list[tuple[str, int]]:
        """First place of each reason, and how many."""
        return [(entry["first"], entry["count"]) for entry in self.report["rejected"]]

    @property
    def reasons(self) -> str:
        return "; ".join(entry["reason"] for entry in self.report["rejected"])

    @property
    def cost_usd(self) -> Decimal:
        return Decimal(self.report["total"]["cost_usd"])


def cost(llmopt: Llmopt, *arguments: object) -> Ran:
    """Run the command, and check what holds for every run: no traceback, and no record lost."""
    done = llmopt("cost", *arguments, "--format", "json")
    assert "Traceback" not in done.err
    assert "bug" not in done.err
    report = json.loads(done.out) if done.out else None
    if report:
        unpriced = sum(entry["requests"] for entry in report["unpriced"])
        rejected = sum(entry["count"] for entry in report["rejected"])
        kept = report["priced"] + report["free"] + unpriced + report["duplicates"] + rejected
        assert report["read"] == kept
    return Ran(done.code, report, done.err)
