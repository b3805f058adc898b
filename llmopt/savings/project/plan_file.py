"""Read a scenario from TOML: every key is known or refused, every value checked, with file and line.

A lever is a table of its own (`[cache]`), or one line with what would follow its flag (`cache = "24h"`); it may be
called as its flag is (`[compress]`). `docs/project.md` describes the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmopt.core.toml import document, read_text
from llmopt.savings.project import parsed
from llmopt.savings.project.plan import LEVERS, Plan
from llmopt.savings.project.plan_entries import DOCS, Entries, near
from llmopt.savings.project.plan_levers import ALSO, READERS, SHORT, Lever

_KEYS = ("name", "seed", "growth_per_month", "min_savings", "prices")
_ALSO = {
    "route": "routing",
    "compress": "compression",
    "prompt_caching": "prompt_cache",
    "swaps": "swap",
    "growth": "growth_per_month",
}
"""Other name of a lever or a key -> its name."""
_NO_TOML = f'texts stand in quotes, such as ttl = "24h"; {DOCS}'


def load_plan(path: Path) -> Plan:
    """Read a plan file; its name is that in the file, or else the file's.

    Raises:
        ConfigError: it cannot be read, or something in it makes no sense; names the file and the line.
    """
    text = read_text(path, f"a plan is a TOML file; {DOCS}")
    return parse_plan(text, source=str(path), folder=path.parent, name=path.stem)


def parse_plan(text: str, *, source: str = "plan", folder: Path | None = None, name: str = "plan") -> Plan:
    """Return the plan that a text describes.

    Args:
        text: TOML.
        source: what error messages call it.
        folder: to which paths in it are relative; None: the current one.
        name: of the plan, where the text has none.

    Raises:
        ConfigError: something in it makes no sense; names the line.
    """
    raw = document(text, source, _NO_TOML, parse_float=Decimal)
    return _read(Entries(raw, (), text, source, folder=folder or Path(), also=_ALSO), name, source)


def plan_of(values: Mapping[str, Any]) -> Plan:
    """Return the plan that a mapping describes, with the keys of a plan file.

    Raises:
        ConfigError: something in it makes no sense; names the key.
    """
    return _read(Entries(values, (), "", "the plan", folder=Path(), also=_ALSO), "plan", "")


def _read(top: Entries, name: str, where: str) -> Plan:
    for key in top.keys:
        if key not in (*LEVERS, *_KEYS):
            what = "lever" if isinstance(top.get(key), Mapping) else "lever or key"
            raise top.fault(f"unknown {what} {top.written(key)!r}", key, near(key, (*LEVERS, *_KEYS)))
    levers: dict[str, Any] = {lever: _lever(top, lever) for lever in LEVERS}
    return Plan(
        name=top.text("name") or name,
        growth_per_month=top.parsed("growth_per_month", parsed.growth) or Decimal(0),
        seed=top.whole("seed", 0) or 0,
        min_savings=top.parsed("min_savings", parsed.share),
        where=where,
        prices=tuple(top.existing("prices", path) for path in top.texts("prices")),
        **levers,
    )


def _lever(top: Entries, name: str) -> Lever | None:
    """Return a lever; None where it is off, or not there."""
    value = top.get(name)
    switch = value.strip().lower() if isinstance(value, str) else value
    if switch is None or switch is False or switch == "off":
        return None
    if isinstance(value, Mapping) or switch is True or switch == "on":
        table = top.under(name, value if isinstance(value, Mapping) else {}, ALSO.get(name))
    elif isinstance(value, str | Path) or (isinstance(value, list) and not any(isinstance(x, Mapping) for x in value)):
        table = top.short(name, SHORT[name])
    else:
        message = f"{top.written(name)}: one table of settings is needed"
        raise top.fault(message, name, f"such as {name} = true, or a table [{name}]")
    lever = READERS[name](table)
    return lever if table.flag("on", True) else None
