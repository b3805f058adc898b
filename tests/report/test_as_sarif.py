"""SARIF 2.1.0: places, rules and fingerprints as the standard and GitHub ask for them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.check import Check
from llmopt.report import as_sarif
from llmopt.report.table import Column, Finding, Note, Report, Rule, Table
from tests.report.hostile import HOSTILE

PAYLOAD = {"schema": "llmopt.cache.simulate/1", "llmopt": "1.2.3"}
TABLE = Table("t", "", (Column("a", "a"),), (("x",),))
RULE = Rule("prompt-waste/filler", "Prompt waste", "Words that say nothing.")
FOUND = Finding(RULE, "in order to (2 tokens)", "prompts/a.md", 3, 5)
LEVELS = ("none", "note", "warning", "error")


def report_of(*findings: Finding, checks: tuple[Check, ...] = (), subject: str = "") -> Report:
    notes = (Note("beware", "warning"),)
    return Report("Title", "", (TABLE,), notes, checks=checks, findings=findings, subject=subject)


def run_of(report: Report, root: Path | None = None) -> dict[str, Any]:
    """Render, and hold what comes out against what the standard requires (section numbers are its own)."""
    log = json.loads(as_sarif.render(report, PAYLOAD, root))
    assert log["version"] == "2.1.0"  # 3.13.2
    (run,) = log["runs"]  # 3.13.4
    driver = run["tool"]["driver"]  # 3.18.2
    assert driver["name"]  # 3.19.8
    ids = [rule["id"] for rule in driver["rules"]]  # 3.49.3
    assert len(ids) == len(set(ids))  # 3.19.23
    for rule in driver["rules"]:
        assert all(rule[name]["text"] for name in ("shortDescription", "fullDescription", "help"))  # 3.12.3
    for result in run["results"]:
        check_result(result, ids)
    assert all(one["executionSuccessful"] is True for one in run["invocations"])  # 3.20.14
    return dict(run)


def check_result(result: dict[str, Any], ids: list[str]) -> None:
    assert result["message"]["text"]  # 3.27.11
    assert result["ruleId"] == ids[result["ruleIndex"]]  # 3.27.6
    assert result["level"] in LEVELS  # 3.27.10
    assert all(result["partialFingerprints"].values())  # 3.27.17
    for location in result.get("locations", []):
        place = location["physicalLocation"]
        assert place["region"]["startLine"] >= 1  # 3.30.5
        assert place["region"].get("endLine", 1 << 60) >= place["region"]["startLine"]  # 3.30.7
        artifact = place["artifactLocation"]
        assert not artifact["uri"].startswith("/")  # 3.4.4
        assert ("uriBaseId" in artifact) == ("://" not in artifact["uri"])


def test_a_finding_stands_at_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (result,) = run_of(report_of(FOUND), tmp_path)["results"]
    assert result["message"]["text"] == FOUND.text
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "prompts/a.md", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "endLine": 5},
    }


def test_one_line_has_no_end() -> None:
    (result,) = run_of(report_of(replace(FOUND, last_line=3)))["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}


def test_a_failed_check_stands_at_what_the_report_is_about() -> None:
    checks = (
        Check("--max-cost", failures=("too dear", "far too dear")),
        Check("--max-waste", path="b.md", failures=("too long",)),
        Check("--strict"),
    )
    run = run_of(report_of(FOUND, checks=checks, subject="logs/a.jsonl"))
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("check/max-cost", "error"),
        ("check/max-cost", "error"),
        ("check/max-waste", "error"),
        (RULE.id, "warning"),
    ]
    uris = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]]
    assert [uri.rsplit("/")[-1] for uri in uris] == ["a.jsonl", "a.jsonl", "b.md", "a.md"]
    assert "cache simulate --help" in run["tool"]["driver"]["rules"][0]["help"]["text"]


@pytest.mark.parametrize("path", ["", "-", "<stdin>"])
def test_what_has_no_file_has_no_place(path: str) -> None:
    (result,) = run_of(report_of(replace(FOUND, path=path)))["results"]
    assert "locations" not in result


def test_warnings_are_told(tmp_path: Path) -> None:
    (invocation,) = run_of(report_of())["invocations"]
    assert invocation["toolExecutionNotifications"] == [{"level": "warning", "message": {"text": "beware"}}]


def test_paths_are_relative_to_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    (result,) = run_of(report_of(replace(FOUND, path="a b%.md")))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "sub/a%20b%25.md"


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a/b.md", "a/b.md"),
        ("./a/../b.md", "b.md"),
        ("c:d.md", "c%3Ad.md"),
        ("s3://bucket/a b.jsonl", "s3://bucket/a%20b.jsonl"),
        ("/elsewhere/x.md", "file:///elsewhere/x.md"),
        ("ä.md", "%C3%A4.md"),
    ],
)
def test_a_path_is_a_uri(path: str, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert as_sarif.uri_of(path, tmp_path) == uri


def prints(*findings: Finding) -> list[str]:
    return [one["partialFingerprints"][as_sarif.FINGERPRINT] for one in run_of(report_of(*findings))["results"]]


def test_a_finding_is_known_again_when_its_line_moves() -> None:
    assert prints(FOUND) == prints(replace(FOUND, line=30, last_line=50))
    assert prints(FOUND) != prints(replace(FOUND, path="b.md"))
    assert prints(FOUND) != prints(replace(FOUND, text="else"))
    assert prints(replace(FOUND, same="x")) == prints(replace(FOUND, same="x", text="other figures"))


@given(st.lists(st.builds(Finding, st.just(RULE), st.sampled_from("ab"), st.just("f.md")), max_size=6))
def test_no_two_findings_have_one_fingerprint(findings: list[Finding]) -> None:
    found = prints(*findings)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_json_that_a_terminal_does_not_obey(text: str) -> None:
    finding = Finding(Rule(f"r{text}", f"t{text}", f"h{text}"), f"m{text}", f"p{text}")
    run_of(report_of(finding, checks=(Check(f"c{text}", failures=(f"x{text}",)),)))
