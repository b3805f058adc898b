"""Hold the Claude estimates against ctok on texts of your own: the error, and how many lie inside their interval.

In a virtual environment with Python 3.12 or later that has `ctok==1.3.0` and this package:

    python benchmarks/check_estimates.py --first 120 xquad-dev.en.jsonl xquad-dev.vi.jsonl

A `.jsonl` file gives a text a line: its `context`, and apart from those the questions of its `qas`. Any other file is
one text, in pieces of 4,000 characters. Prints a table; the last line of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median

from llmopt.tokens.estimate.reconstruct import reconstructed
from llmopt.tokens.estimate.tokenizers import EstimatedTokenizer
from llmopt.tokens.exact.tokenizer import exact_tokenizer

VERSIONS = {"claude-3": "4.5", "claude-4.7": "4.7"}
QUESTIONS = 200
PIECE = 4_000
SHORTEST = 20
"""Characters; what is shorter is left out."""


def main() -> None:
    """Read, count both ways, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--first", type=int, default=120, help="lines of a .jsonl file")
    options = parser.parse_args()
    figures = {}
    for name, version in VERSIONS.items():
        tokenizer = EstimatedTokenizer(name, exact_tokenizer("o200k_base"))
        for file in options.files:
            for kind, texts in _texts(file, options.first).items():
                found = _figures([text for text in texts if len(text) >= SHORTEST], tokenizer, version)
                figures[f"{name} {file.name} {kind}"] = found
                print(f"{name:<11} {file.name} {kind:<10}", "  ".join(f"{key} {value}" for key, value in found.items()))
    print(json.dumps({"benchmark": "check_estimates", "figures": figures}))


def _texts(file: Path, first: int) -> dict[str, list[str]]:
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".jsonl":
        return {"text": [text[start : start + PIECE] for start in range(0, len(text), PIECE)]}
    rows = [json.loads(line) for line in text.splitlines()]
    questions = [asked["question"] for row in rows for asked in row.get("qas", ())][:QUESTIONS]
    found = {"contexts": [row["context"] for row in rows][:first], "questions": questions}
    return {kind: texts for kind, texts in found.items() if texts}


def _figures(texts: list[str], tokenizer: EstimatedTokenizer, version: str) -> dict[str, float]:
    """Return the number of texts, the errors and the share inside, in percent."""
    counts = [(reconstructed(text, version), tokenizer.count(text)) for text in texts]
    errors = sorted(abs(count.tokens - true) / max(true, 1) for true, count in counts)
    inside = sum(count.low <= true <= count.high for true, count in counts)
    share = {"p50": median(errors), "p95": errors[int(0.95 * len(errors))], "inside": inside / len(counts)}
    return {"texts": len(counts)} | {key: round(100 * value, 1) for key, value in share.items()}


if __name__ == "__main__":
    main()
