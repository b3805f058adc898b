"""What is asked of a state, checked: how its figures are kept, and what is taken of them in the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time
from typing import Unpack

from llmopt.cost.prepared import Prepared, prepare
from llmopt.cost.price_options import PriceOptions
from llmopt.cost.read import Settings
from llmopt.cost.spec.load import GROUP_FIELDS
from llmopt.cost.state.fingerprint import fingerprint
from llmopt.errors import ConfigError, UsageError, next_step

_OWN_GROUPS = (*GROUP_FIELDS, "hour", "file")
"""Groups that the kept figures are told apart by only where they are asked for; the others can be told from these."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question."""

    prepared: Prepared
    settings: Settings
    """How files are read: by day and file, whatever the period, whatever the prices."""
    described: dict[str, str]
    """What the kept figures depend on."""
    by_file: bool

    @property
    def first_day(self) -> str:
        """First UTC day of the period; empty when it has no beginning."""
        since = self.prepared.settings.since
        return since.date().isoformat() if since else ""

    @property
    def end_day(self) -> str:
        """First UTC day after the period; empty when it has no end."""
        until = self.prepared.settings.until
        return until.date().isoformat() if until else ""

    def is_within(self, day: str | None) -> bool:
        """Is a day in the period?"""
        if not (self.first_day or self.end_day):
            return True
        return day is not None and self.first_day <= day and (not self.end_day or day < self.end_day)


def asked(**options: Unpack[PriceOptions]) -> Asked:
    """Check options of `llmopt.price_logs` for use with a state.

    Raises:
        UsageError: a state cannot answer that.
        ConfigError: a wrong spec, mapping or price file.
    """
    if options.get("dearest"):
        raise UsageError("a state does not know the dearest request", "ask for it in a run without --state")
    prepared = prepare(**options)
    given = prepared.settings
    for name, instant in (("--since", given.since), ("--until", given.until)):
        if instant is not None and instant.time() != time():
            raise UsageError(
                f"{name} {instant:%Y-%m-%dT%H:%M:%SZ}: a state keeps whole UTC days",
                "name a day (2026-11-01), or leave --state out",
            )
    own = [name for name in _OWN_GROUPS if name in prepared.groups]
    settings = replace(
        given,
        by=("day", "file", *(name for name in own if name != "file")),
        since=None,
        until=None,
        keying=replace(given.keying, change_dates=()),
    )
    specs, mapping = options.get("format_specs", ()), options.get("mapping") or {}
    try:
        described = fingerprint(settings, own, specs, mapping, options.get("cached"))
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}", next_step(error)) from error
    return Asked(prepared, settings, described, "file" in own)
