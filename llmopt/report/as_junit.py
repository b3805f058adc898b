"""JUnit XML of the checks that were asked for: each one a test case, also those that hold.

There is no one schema. This is what the schemas of Jenkins (xunit plugin) and of Maven's surefire have in common, and
GitLab, Azure and others read: https://github.com/testmoapp/junitxml, `jenkins-junit.xsd`, `surefire-test-report.xsd`.
No clock: the same result gives the same bytes, so every time is 0 and there is no timestamp.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.etree import ElementTree as ET

from llmopt.core.check import Check
from llmopt.report.as_json import Json
from llmopt.report.table import Report
from llmopt.report.text import clean

_NO_XML = re.compile("[\ufffe\uffff]")
"""What XML 1.0 has no place for, beside the characters that `clean` spells out."""


def render(report: Report, payload: Mapping[str, Json]) -> str:
    """Return the checks of `report` as JUnit XML; warnings are the output of the suite.

    Args:
        report: with its checks.
        payload: the same result for machines, whose schema names the command.
    """
    name = command(payload)
    failed = str(sum(not check.ok for check in report.checks))
    counts = {"tests": str(len(report.checks)), "failures": failed, "errors": "0"}
    root = ET.Element("testsuites", {"name": "llmopt", **counts, "time": "0"})
    suite = ET.SubElement(root, "testsuite", {"name": name, **counts, "skipped": "0", "time": "0"})
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", {"name": "llmopt", "value": _said(str(payload.get("llmopt", "")))})
    for check in report.checks:
        _add_case(suite, name, check)
    said = [report.headline, *(f"warning: {text}" for text in report.warnings)]
    ET.SubElement(suite, "system-out").text = _lines(text for text in said if text)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def command(payload: Mapping[str, Json]) -> str:
    """Return the name of the command that a payload is of: `llmopt.cost` from `llmopt.cost/1`."""
    return _said(str(payload.get("schema", "llmopt")).split("/")[0])


def _add_case(suite: ET.Element, name: str, check: Check) -> None:
    case = ET.SubElement(suite, "testcase", {"classname": name, "name": _said(check.label), "time": "0"})
    if check.failures:
        first, more = check.failures[0], len(check.failures) - 1
        message = f"{first} (and {more:,} more)" if more else first
        failure = ET.SubElement(case, "failure", {"message": _said(message), "type": _said(check.name)})
        failure.text = _lines(check.failures)
    facts = [f"{what}: {value}" for what, value in (("limit", check.limit), ("found", check.actual)) if value]
    if facts:
        ET.SubElement(case, "system-out").text = _lines(facts)


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(map(_said, texts))


def _said(text: str) -> str:
    return _NO_XML.sub(lambda match: f"\\u{ord(match.group()):04x}", clean(text))
