"""What `unbroken` prints at the end, read again."""

from __future__ import annotations


def ended(output: str) -> list[dict[str, str]]:
    """Return what each process said at its end, by rank."""
    lines = [line.split()[1:] for line in output.splitlines() if line.startswith("end ")]
    said = [dict(field.split("=", 1) for field in line) for line in lines]
    return sorted(said, key=lambda one: one["rank"])
