"""JUnit XML: every check a case, whatever it says, in the shape that CI servers read."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.check import Check
from llmopt.report import as_junit
from llmopt.report.table import Column, Note, Report, Table
from tests.report.hostile import HOSTILE

PAYLOAD = {"schema": "llmopt.cost/1", "llmopt": "1.2.3"}
TABLE = Table("t", "", (Column("a", "a"),), (("x",),))
HELD = Check("--max-cost", "$100.00", "$20.37")
FAILED = Check("--strict", failures=("one thing", "another"))
CHECKS = st.lists(
    st.builds(Check, st.text(), st.text(), st.text(), st.text(), st.text(), st.lists(st.text(), max_size=3).map(tuple)),
    max_size=4,
)


def suite_of(*checks: Check, warning: str = "beware") -> ET.Element:
    report = Report("Cost", "$20.37.", (TABLE,), (Note(warning, "warning"), Note("no")), checks=checks)
    root = ET.fromstring(as_junit.render(report, PAYLOAD))
    assert root.tag == "testsuites"
    (suite,) = root
    return suite


def test_a_check_that_holds_is_a_case_without_failure() -> None:
    case = suite_of(HELD).find("testcase")
    assert case is not None
    assert case.attrib == {"classname": "llmopt.cost", "name": "--max-cost", "time": "0"}
    assert case.find("failure") is None
    assert case.findtext("system-out") == "limit: $100.00\nfound: $20.37"


def test_a_check_that_does_not_hold_says_all() -> None:
    failure = suite_of(HELD, FAILED).find("testcase/failure")
    assert failure is not None
    assert failure.attrib == {"message": "one thing (and 1 more)", "type": "--strict"}
    assert failure.text == "one thing\nanother"


def test_names_stay_when_figures_change() -> None:
    names = [case.get("name") for case in suite_of(HELD, Check("--max-waste", "10%", "3%", "a.md")).iter("testcase")]
    assert names == ["--max-cost", "--max-waste: a.md"]


def test_warnings_are_the_output_of_the_suite() -> None:
    assert suite_of(HELD).findtext("system-out") == "$20.37.\nwarning: beware"


def test_the_suite_is_in_the_order_that_jenkins_asks_for() -> None:
    suite = suite_of(HELD, FAILED)
    assert [child.tag for child in suite] == ["properties", "testcase", "testcase", "system-out"]
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped", "time")} == {
        "name": "llmopt.cost",
        "tests": "2",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
        "time": "0",
    }


@pytest.mark.parametrize("text", [*HOSTILE, "\ufffe", "\uffff", "]]>", "<a b='c'>&amp;"])
def test_any_text_is_xml(text: str) -> None:
    suite = suite_of(Check(text, text, text, text, text, (text,)), warning=text)
    assert suite.get("failures") == "1"


@given(CHECKS)
def test_counts_are_those_of_the_checks(checks: list[Check]) -> None:
    suite = suite_of(*checks)
    assert len(suite.findall("testcase")) == int(str(suite.get("tests"))) == len(checks)
    assert len(suite.findall("testcase/failure")) == int(str(suite.get("failures"))) == sum(not c.ok for c in checks)


def test_a_payload_without_a_schema_is_of_llmopt() -> None:
    assert as_junit.command({}) == "llmopt"
