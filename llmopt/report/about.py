"""What made a report: told below a page, so that who gets it can make it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class About:
    """Where a report comes from; no time of day, so that the same input gives the same bytes."""

    llmopt: str
    """Version."""
    python: str
    """Version."""
    command: str
    """As typed, without secrets; empty where there was none."""
