"""What `llmopt doctor` has found, for people: problems first, then everything part by part."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.core.diagnosis import Diagnosis, Finding, Setting
from llmopt.report.as_json import Json, document, plain
from llmopt.report.figures import plural
from llmopt.report.table import Column, Note, Report, Table

_TITLES = {
    "program": "Program",
    "library": "Libraries",
    "extra": "Extras",
    "prices": "Prices",
    "vocabulary": "Vocabularies",
    "machine": "Machine",
    "settings": "Settings",
}
_MARKS = {"ok": "ok", "note": "-", "problem": "PROBLEM"}


def view(found: Diagnosis, *, brief: bool = False) -> Report:
    """Return a diagnosis for people.

    Args:
        found: everything.
        brief: problems only.
    """
    if brief:
        return Report("Doctor", _headline(found), (_table("problems", found.problems),), csv=_all(found.findings))
    tables = [_settings(found.settings)] if found.settings else []
    for part in _TITLES:
        those = [finding for finding in found.findings if finding.part == part]
        tables += [_table(part, those)] if those else []
    problems = [Note(_told(problem), "warning") for problem in found.problems]
    return Report("Doctor", _headline(found), tuple(tables), tuple(problems), csv=_all(found.findings))


def payload(found: Diagnosis, failed: Sequence[str]) -> dict[str, Json]:
    """Return a diagnosis as the document of `llmopt.doctor/1`."""
    return document(
        "doctor",
        {"findings": plain(found.findings), "settings": plain(found.settings), "failed_checks": list(failed)},
    )


def _headline(found: Diagnosis) -> str:
    wanting = sum(finding.part == "extra" and finding.state == "note" for finding in found.findings)
    extras = f" {plural(wanting, 'extra')} could be added." if wanting else ""
    if found.problems:
        return f"{plural(len(found.problems), 'problem')} found.{extras}"
    return f"No problem found.{extras}"


def _told(problem: Finding) -> str:
    hint = f": {problem.hint}" if problem.hint else ""
    return f"{problem.name}: {problem.value or 'not installed'}{hint}"


def _table(part: str, findings: Sequence[Finding]) -> Table:
    columns = (
        Column("name", "name"),
        Column("state", "state"),
        Column("value", "found"),
        Column("hint", "next step", optional=True),
    )
    rows = tuple((one.name, _MARKS[one.state], one.value or "not installed", one.hint) for one in findings)
    return Table(part, _TITLES.get(part, ""), columns, rows, detail=part in ("library", "vocabulary"))


def _all(findings: Sequence[Finding]) -> Table:
    columns = tuple(Column(name, name) for name in ("part", "name", "state", "value", "hint"))
    return Table(
        "findings", "", columns, tuple((one.part, one.name, one.state, one.value, one.hint) for one in findings)
    )


def _settings(settings: Sequence[Setting]) -> Table:
    columns = (
        Column("command", "command"),
        Column("option", "option"),
        Column("value", "value"),
        Column("where", "comes from"),
        Column("over", "not heard", priority=1, optional=True),
    )
    rows = tuple(
        (one.command or "all", one.option, one.value, one.where, ", ".join(one.over))
        for one in sorted(settings, key=lambda one: (one.command, one.option))
    )
    return Table("settings_in_force", "Settings in force", columns, rows)
