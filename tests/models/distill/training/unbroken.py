"""Train the made-up student in a process of its own.

    python -m tests.models.distill.training.unbroken FOLDER [resume] [eager] [still]

Prints a line at each step, and the digest of the weights at the end.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.training import train as training
from tests.models.distill.training.fakes import Vectors, trained


def digest(one: object) -> str:
    """Return a digest of a student's weights."""
    whole = hashlib.sha256()
    for name, value in sorted(one.model.state_dict().items()):  # type: ignore[attr-defined]
        whole.update(name.encode() + value.contiguous().numpy().tobytes())
    return whole.hexdigest()


def main() -> None:
    """Train; `eager`: a snapshot after each step; `still`: no progress, no dropout, and nothing rounded."""
    folder, resume = Path(sys.argv[1]), "resume" in sys.argv
    training._EVERY_S, training._COST = (0.0, 0.0) if "eager" in sys.argv else (60.0, 20.0)

    def progress(done: int, total: int, text: str) -> None:
        if "still" in sys.argv:
            return
        sys.stdout.write(f"{done} {text}\n")
        sys.stdout.flush()

    config = DistillConfig(epochs=4, batch_size=8, resume=resume)
    still = "still" in sys.argv
    if still:
        vars(training)["precision_of"] = lambda place: "float32"
    objective = Vectors(dropout=not still)  # processes drop differently from one that is alone
    one, how = trained(folder, config, progress=progress, objective=objective)
    found = {
        "rank": os.environ.get("RANK", "0"),
        "digest": digest(one),
        "steps": how.steps,
        "tokens": how.tokens,
        "devices": how.devices,
        "resumed": how.resumed,
        "loss": repr(how.checks[-1].loss),
    }
    sys.stdout.write("end " + " ".join(f"{name}={value}" for name, value in found.items()) + "\n")


if __name__ == "__main__":
    main()
