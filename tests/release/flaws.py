"""Does pip-audit's database know a flaw of a pinned version? No answer is said, never passed over.

Run as `python -m tests.release.flaws`, with the release tools installed. No answer does not fail the release.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from tests.release.pins import CONSTRAINTS
from tests.release.step import finish

COMMAND = (
    *("-m", "pip_audit", "--requirement", str(CONSTRAINTS), "--no-deps", "--disable-pip", "--format", "json"),
    *("--progress-spinner", "off", "--timeout", "10"),
)
LONGEST_S = 180.0


@dataclass(frozen=True, slots=True)
class Audit:
    """What pip-audit found out."""

    looked_up: int
    """Pins that the database knows."""
    passed_over: tuple[str, ...]
    """Pins that it does not know, so that nothing is known of their flaws."""
    flaws: tuple[str, ...]
    """`name version: id, fixed in …`, a line each."""


def read(text: str) -> Audit | None:
    """Return what pip-audit wrote as JSON; None where it wrote none, for it reached nothing.

    It counts what an index does not know as passed over and says "no known vulnerabilities": behind a mirror without
    the database that is all of it.
    """
    try:
        found = json.loads(text)
    except ValueError:
        return None
    passed_over, flaws, looked_up = [], [], 0
    for one in found["dependencies"]:
        if "skip_reason" in one:
            passed_over.append(one["name"])
            continue
        looked_up += 1
        for flaw in one["vulns"]:
            fixed = ", ".join(flaw.get("fix_versions") or []) or "no version yet"
            flaws.append(f"{one['name']} {one['version']}: {flaw['id']}, fixed in {fixed}")
    return Audit(looked_up, tuple(passed_over), tuple(flaws))


def verdict(audit: Audit | None, why_not: str) -> tuple[list[str], str]:
    """Return the problems, and the line for when there are none."""
    if audit is None:
        return [], f"NOT DONE: no database answered: {why_not}"
    if not audit.looked_up:
        return (
            [],
            f"NOT DONE: the index here has no database of flaws: none of {len(audit.passed_over)} pins is known to it",
        )
    line = f"{audit.looked_up} pins without a known flaw"
    if audit.passed_over:
        line += f"; NOT KNOWN to the database: {', '.join(audit.passed_over)}"
    return list(audit.flaws), line


def run(command: Sequence[str]) -> tuple[Audit | None, str]:
    """Run pip-audit; without an answer, return the last that it said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        return None, f"it took longer than {LONGEST_S:.0f} s"
    said = done.stderr.strip().splitlines()
    return read(done.stdout), said[-1] if said else f"exit code {done.returncode}"


def main() -> None:
    """Ask for all pins."""
    finish(*verdict(*run([sys.executable, *COMMAND])))


if __name__ == "__main__":
    main()
