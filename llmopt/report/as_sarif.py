"""SARIF 2.1.0 of what was found in which file, and of the checks that do not hold.

Made for GitHub code scanning and other viewers that show findings beside lines: a rule for each kind of finding with
its help, paths relative to the root of the repository (`%SRCROOT%`), and fingerprints that do not move when a line
does. GitHub takes only results with a place, so a failed check stands at the file that the report is about.
Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from llmopt.core.check import Check
from llmopt.report.as_json import Json
from llmopt.report.as_json import render as as_json
from llmopt.report.table import Finding, Report, Rule
from llmopt.report.text import clean

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
FINGERPRINT = "llmopt/v1"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_STDIN = ("", "-", "<stdin>")
_CHECK_HELP = (
    "A limit that was set on the command line or in the settings does not hold. `llmopt {} --help` lists them."
)


def render(report: Report, payload: Mapping[str, Json], root: Path | None = None) -> str:
    """Return the findings and failed checks of `report` as a SARIF log with one run.

    Args:
        report: with its findings and checks.
        payload: the same result for machines, whose schema names the command.
        root: what paths are relative to; None: the root of the repository around the working folder, else that folder.
    """
    command = str(payload.get("schema", "llmopt")).split("/")[0].removeprefix("llmopt.").replace(".", " ")
    found = [*_of_checks(report.checks, report.subject, command), *report.findings]
    rules = list(dict.fromkeys(finding.rule for finding in found))
    driver: dict[str, Json] = {
        "name": "llmopt",
        "version": payload.get("llmopt", ""),
        "rules": [_rule(rule) for rule in rules],
    }
    base = _repository(Path.cwd()) if root is None else root
    run: dict[str, Json] = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"llmopt/{command.replace(' ', '-')}/"},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notifications(report)}],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [*_results(found, rules, base)],
    }
    return as_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _of_checks(checks: Sequence[Check], subject: str, command: str) -> Iterator[Finding]:
    for check in checks:
        rule = Rule(f"check/{check.name.lstrip('-')}", f"{check.name} does not hold", _CHECK_HELP.format(command))
        for line in check.failures:
            yield Finding(rule, line, check.path or subject, level="error", same=check.label)


def _rule(rule: Rule) -> Json:
    return {
        "id": clean(rule.id),
        "name": "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", rule.id)),
        "shortDescription": {"text": clean(rule.title)},
        "fullDescription": {"text": clean(rule.help)},
        "help": {"text": clean(rule.help)},
    }


def _notifications(report: Report) -> list[Json]:
    return [{"level": "warning", "message": {"text": clean(text)}} for text in report.warnings]


def _results(found: Sequence[Finding], rules: Sequence[Rule], base: Path) -> Iterator[Json]:
    places = {rule: at for at, rule in enumerate(rules)}
    seen: dict[str, int] = {}
    for finding in found:
        uri = uri_of(finding.path, base)
        same = json.dumps([finding.rule.id, uri, finding.same or finding.text])
        seen[same] = seen.get(same, 0) + 1
        result: dict[str, Json] = {
            "ruleId": clean(finding.rule.id),
            "ruleIndex": places[finding.rule],
            "level": finding.level,
            "message": {"text": clean(finding.text)},
            "partialFingerprints": {FINGERPRINT: _digest(f"{same}#{seen[same]}")},
        }
        if uri:
            result["locations"] = [{"physicalLocation": _place(finding, uri)}]
        yield result


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _place(finding: Finding, uri: str) -> Json:
    artifact: dict[str, Json] = {"uri": uri}
    if not _URL.match(uri):
        artifact["uriBaseId"] = ROOT
    region: dict[str, Json] = {"startLine": finding.line or 1}
    if finding.last_line is not None and finding.last_line > (finding.line or 1):
        region["endLine"] = finding.last_line
    return {"artifactLocation": artifact, "region": region}


def uri_of(path: str, base: Path) -> str:
    """Return a path relative to `base` as a URI, a `file:` URI where it lies elsewhere; URLs stay; empty for none."""
    if path in _STDIN:
        return ""
    if _URL.match(path):
        return quote(path, safe="/:?&=%#+@,;~!$'()*[]")
    full = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links
    try:
        return quote(full.relative_to(base).as_posix())
    except ValueError:
        return full.as_uri()


def _repository(folder: Path) -> Path:
    """Return the folder above (or this one) that has `.git`; else this one."""
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)
