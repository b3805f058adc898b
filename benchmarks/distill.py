"""Distillation, all figures: a sentence encoder, a classifier, and a training that is killed and goes on.

Runs `distill_embed.py` and `distill_classify.py` one after the other, each in a process of its own, and then a short
training twice: unbroken, and killed with SIGKILL in the middle and taken up again with `--resume`. The files of both
students must be the same, byte by byte. Prints the table of each; the last line is one JSON object. The exit code is 1
when a goal is missed.

    HF_HUB_OFFLINE=1 python benchmarks/distill.py [--only embed,classify,resume] [--max-time 600] [--seeds 3]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import distill_data, minilm

PARTS = ("embed", "classify", "resume")
HERE = Path(__file__).resolve().parent
RESUME_TEXTS, RESUME_EPOCHS = 2_000, 2
PATIENCE_S = 600.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--max-time", type=float, default=600.0, metavar="SECONDS", help="of the encoder")
    parser.add_argument("--seeds", type=int, default=3, help="of the classifier")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := [part for part in wanted if part not in PARTS]:
        parser.error(f"no part {unknown[0]!r}")
    results: dict[str, Any] = {}
    if "embed" in wanted:
        results["embed"] = run("distill_embed.py", "--max-time", str(options.max_time))
    if "classify" in wanted:
        results["classify"] = run("distill_classify.py", "--seeds", str(options.seeds))
    if "resume" in wanted:
        results["resume"] = resumed()
    met = all(part["met"] for part in results.values())
    print(json.dumps({"benchmark": "distill", "met": met, **results}))
    sys.exit(0 if met else 1)


def run(script: str, *arguments: str) -> dict[str, Any]:
    """Run a script, show what it prints, and return its JSON object."""
    print(f"== {script}", flush=True)
    with subprocess.Popen(
        [sys.executable, str(HERE / script), *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        last = ""
        for printed in process.stdout or ():
            if last:
                print(last, flush=True)
            last = printed.rstrip("\n")
    try:
        found: dict[str, Any] = json.loads(last)
    except ValueError:
        sys.exit(f"{script} ended with {process.returncode} and no figures: {last}")
    return found


def resumed() -> dict[str, Any]:
    """Return whether a training that was killed gives the weights of one that was not."""
    print("== killed and resumed", flush=True)
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as scratch:
        folder = Path(scratch)
        data = folder / "data.txt"
        pairs = distill_data.drawn(RESUME_TEXTS)
        data.write_text("".join(f"{sentence}\n" for _, sentence in pairs), encoding="utf-8")
        command = [sys.executable, "-m", "llmopt", "distill", str(minilm.folder())]
        settings = ["--data", str(data), "--student", "layers=3", "--epochs", str(RESUME_EPOCHS), "-q", "-o"]
        subprocess.run([*command, str(folder / "whole"), *settings, str(folder / "whole.json")], check=True)
        killed = killed_after_a_snapshot([*command, str(folder / "broken"), *settings, str(folder / "broken.json")])
        again = [*command, str(folder / "broken"), *settings, str(folder / "broken.json"), "--resume"]
        subprocess.run(again, check=True)
        hashes = [digest(folder / name / "model.safetensors") for name in ("whole", "broken")]
        resumed = json.loads((folder / "broken.json").read_text(encoding="utf-8"))["training"]["resumed"]
    same = hashes[0] == hashes[1] and killed and resumed == 1
    print(f"killed in the middle: {killed}; taken up {resumed} time; same bytes: {hashes[0] == hashes[1]}")
    return {"killed": killed, "resumed": resumed, "sha256": hashes, "met": same}


def killed_after_a_snapshot(command: list[str]) -> bool:
    """Start a run, kill it a moment after its first snapshot, and return whether it was still running then."""
    destination = Path(command[command.index("--data") - 1])
    snapshot = destination.with_name(f"{destination.name}.partial") / "work" / "training" / "snapshot.safetensors"
    with subprocess.Popen(command) as process:
        end_s = time.monotonic() + PATIENCE_S
        while not snapshot.exists() and process.poll() is None and time.monotonic() < end_s:
            time.sleep(0.1)
        time.sleep(2)
        running = process.poll() is None
        process.kill()
    return running


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
