"""`llmopt cache audit`: what a semantic cache would get right and wrong on pairs that people have judged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli import values
from llmopt.cli.cache_asked import thresholds_of
from llmopt.cli.options import FormatOption, OutputOption, QuietOption, VerboseOption
from llmopt.cli.output import destination, write
from llmopt.cli.progress import ProgressLine
from llmopt.core.check import Check, failures
from llmopt.errors import CheckFailed
from llmopt.report.cache_audit_view import LISTED, false_hits, payload, view
from llmopt.report.figures import plural
from llmopt.serving.cache.semantic.audit import Audit, audit
from llmopt.serving.cache.semantic.embedding import Embedder
from llmopt.serving.cache.semantic.pairs import read_pairs


def audit_(
    pairs: Annotated[
        list[str], typer.Argument(metavar="PAIRS", help="JSON lines or CSV files with a, b and same; - for stdin.")
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", metavar="DIR", help="Sentence model: its folder, or its name in the hub's cache."
        ),
    ],
    threshold: Annotated[
        str, typer.Option("--threshold", metavar="N,...", help="Least cosines of a hit.")
    ] = "0.9,0.95,0.97,0.99",
    no_guard: Annotated[bool, typer.Option("--no-guard", help="Look at the model alone.")] = False,
    max_false_hits: Annotated[
        str | None,
        typer.Option("--max-false-hits", metavar="N", help="Exit 1 where more would be served at 0.95 or above."),
    ] = None,
    top: Annotated[str, typer.Option("--top", metavar="N", help="Pairs shown of each kind; JSON has all.")] = str(
        LISTED
    ),
    device: Annotated[str, typer.Option("--device", metavar="NAME", help="Where the model runs.")] = "cpu",
    format: FormatOption = None,
    output: OutputOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Count true and false hits of a semantic cache at thresholds.

    PAIRS holds questions two by two with the word whether one answer fits both: {"a": "...", "b": "...", "same": true}.

    Example: llmopt cache audit pairs.jsonl --model models/minilm
    """
    to = destination(format, output, quiet=quiet)
    levels = thresholds_of(threshold, "--threshold")
    shown, most = values.whole(top, "--top") or 0, values.whole(max_false_hits, "--max-false-hits")
    judged = read_pairs(pairs)
    with ProgressLine(quiet=quiet) as line:
        line(0, 0, f"reading {Path(model).name or model}")
        embed = _embedder(model, device)
        line(0, 0, f"comparing {len(judged):,} pairs")
        result = audit(judged, embed, levels, guard=not no_guard)
    held = () if most is None else checks(result, most)
    failed = failures(held)
    write(view(result, top=shown), payload(result, model=Path(model).name or model, failed_checks=failed), to, held)
    if failed:
        raise CheckFailed("\n".join(failed))


def checks(result: Audit, most: int) -> tuple[Check, ...]:
    """Return, for each threshold that the cache takes, whether more would be served wrongly than may be."""
    name, found = "--max-false-hits", []
    for level in result.at:
        count, at = false_hits(level).count, f"{level.threshold:g}"
        if level.threshold >= 0.95:
            over = (f"{plural(count, 'false hit')} at {at}, over {name} {most:,}",) if count > most else ()
            found.append(Check(name, f"{most:,}", f"{count:,}", at, failures=over))
    return tuple(found)


def _embedder(model: str, device: str) -> Embedder:
    from llmopt.models.embedder import SentenceEmbedder  # torch loads here and not before a typo is told

    return SentenceEmbedder(model, device=device)
