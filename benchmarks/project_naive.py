"""What most people would write: a loop over the lines, a dict of times, a price times tokens. Run as a process.

    python benchmarks/project_naive.py LOG TTL_S OLD=NEW... < RATES

Prints JSON: what the log costs, what it would with a response cache, and with other models too. RATES is JSON:
model -> dollars a million tokens, input and output. It reads what `benchmarks/project_data.py` writes, and no more.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the log once."""
    log, ttl_s, *swaps = sys.argv[1:]
    rates = {model: tuple(map(Decimal, pair)) for model, pair in json.load(sys.stdin).items()}
    instead = dict(swap.split("=") for swap in swaps)
    answered: dict[Any, float] = {}
    totals = dict.fromkeys(("baseline_usd", "cache_usd", "cache_swap_usd"), Decimal(0))
    with Path(log).open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            model, read, wrote = counted(row)
            usd = cost(rates[model], read, wrote)
            totals["baseline_usd"] += usd
            at_s = datetime.fromisoformat(row["timestamp"]).timestamp()
            key = (row["team"], model, question(row))
            there_s = answered.get(key)
            if there_s is None or at_s >= there_s + float(ttl_s):
                answered[key] = at_s + row["latency_s"]
                totals["cache_usd"] += usd
                totals["cache_swap_usd"] += cost(rates[instead.get(model, model)], read, wrote)
    print(json.dumps({name: str(total / 1_000_000) for name, total in totals.items()}))


def counted(row: dict[str, Any]) -> tuple[str, int, int]:
    """Return model, tokens read, and tokens written."""
    if "response" not in row:
        return row["model"], row["input_tokens"], row["output_tokens"]
    answer = row["response"]
    usage = answer["usage"]
    if "prompt_tokens" in usage:
        return answer["model"], usage["prompt_tokens"], usage["completion_tokens"]
    return answer["model"], usage["input_tokens"], usage["output_tokens"]


def question(row: dict[str, Any]) -> str:
    """Return what tells one question from another."""
    if "prompt_hash" in row:
        return str(row["prompt_hash"])
    return sha256(json.dumps(row["request"], sort_keys=True).encode()).hexdigest()


def cost(rates: tuple[Decimal, ...], read: int, wrote: int) -> Decimal:
    """Return millionths of a dollar."""
    return rates[0] * read + rates[1] * wrote


if __name__ == "__main__":
    main()
