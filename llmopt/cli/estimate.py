"""`llmopt estimate`: what planned traffic will cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli import values
from llmopt.cli.options import FormatOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
from llmopt.core.usage import TIERS, Usage
from llmopt.cost import estimate as pricing
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import UsageError
from llmopt.report.estimate_view import payload, view


def estimate(
    model: Annotated[str, typer.Option("--model", "-m", metavar="NAME", help="Model, by any of its names.")],
    input: Annotated[str, typer.Option("--input", metavar="TOKENS", help="Input tokens of one request.")],
    output_tokens: Annotated[
        str, typer.Option("--output", metavar="TOKENS", help="Output tokens of one request.")
    ] = "0",
    cached: Annotated[
        str, typer.Option("--cached", metavar="TOKENS", help="How many of the input tokens the prompt cache serves.")
    ] = "0",
    per_day: Annotated[str, typer.Option("--per-day", "--requests", metavar="N", help="Requests a day.")] = "1",
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who bills. Default: who makes the model.")
    ] = None,
    tier: Annotated[str, typer.Option(metavar="|".join(TIERS), help="Service tier.")] = "default",
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Price of that day. Default: the newest.")
    ] = None,
    prices: Annotated[list[Path], typer.Option(metavar="FILE", help="Prices of your own (JSON); they win.")] = [],  # noqa: B006
    format: FormatOption = None,
    output: Annotated[Path | None, typer.Option("-o", metavar="FILE", help="Write there instead of to stdout.")] = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Estimate what planned traffic will cost.

    Example: llmopt estimate -m gpt-4 --input 500 --output 300 --per-day 1000
    """
    to = destination(format, output, quiet=quiet)
    tokens_in, tokens_cached = values.whole(input, "--input") or 0, values.whole(cached, "--cached") or 0
    if tokens_cached > tokens_in:
        raise UsageError(
            f"--cached {tokens_cached} is more than --input {tokens_in}", "--input counts cached tokens too"
        )
    usage = Usage(
        input_uncached=tokens_in - tokens_cached,
        input_cache_read=tokens_cached,
        output_text=values.whole(output_tokens, "--output") or 0,
    )
    result = pricing.estimate(
        PriceTable.load(extra=prices),
        model,
        usage,
        requests_per_day=values.whole(per_day, "--per-day") or 0,
        provider=provider,
        tier=tier,
        at=values.instant(as_of, "--as-of"),
    )
    write(view(result), payload(result), to)
