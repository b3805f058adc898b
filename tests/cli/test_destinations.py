"""Where results go: one place or several, as what, and what is said besides."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from llmopt.cli.options import SettingFormat
from llmopt.cli.output import destination, write
from llmopt.core.check import Check
from llmopt.errors import InputError, UsageError
from llmopt.report.render import COST_FORMATS, FORMATS
from llmopt.report.table import Column, Note, Report, Table
from tests.cli.conftest import Llmopt

REPORT = Report("T", "H.", (Table("t", "", (Column("a", "a"),), (("x",),)),), (Note("Beware", "warning"),))
PAYLOAD = {"schema": "llmopt.t/1"}


def places(*names: str, format: str | None = None) -> list[tuple[str, str]]:
    found = destination(format, [Path(name) for name in names]).all
    return [("-" if place.path is None else str(place.path), place.format) for place in found]


@pytest.mark.usefixtures("workdir")
def test_each_file_has_the_format_of_its_suffix() -> None:
    assert places("a.md", "-", "b.junit.xml", "c.sarif", "d.json") == [
        ("a.md", "markdown"),
        ("-", "table"),
        ("b.junit.xml", "junit"),
        ("c.sarif", "sarif"),
        ("d.json", "json"),
    ]


@pytest.mark.usefixtures("workdir")
def test_with_several_files_the_format_is_for_those_that_say_nothing() -> None:
    assert places("a.md", "-", "b.out", format="json") == [("a.md", "markdown"), ("-", "json"), ("b.out", "json")]


@pytest.mark.usefixtures("workdir")
def test_with_one_file_the_format_goes_before_its_suffix_and_a_setting_does_not() -> None:
    assert places("a.md", format="json") == [("a.md", "json")]
    assert places("a.md", format=SettingFormat("json")) == [("a.md", "markdown")]


def test_nothing_named_is_stdout() -> None:
    assert places() == [("-", "table")]
    assert destination(None, None).all == destination(None, Path("-")).all


@pytest.mark.usefixtures("workdir")
def test_a_typo_costs_nothing() -> None:
    with pytest.raises(UsageError, match=r"b\.out: which format\? The suffix is none of .*\.sarif") as caught:
        places("a.md", "b.out")
    assert ".focus.csv" not in caught.value.message
    with pytest.raises(InputError, match=r"no/a\.md"):
        places("b.md", "no/a.md")


@pytest.mark.usefixtures("workdir")
def test_a_format_of_one_command_is_no_format_of_another() -> None:
    with pytest.raises(UsageError, match="'focus'"):
        places(format="focus")
    with pytest.raises(UsageError, match="'focus'"):
        places("a.focus.csv")
    both = (*FORMATS, *COST_FORMATS)
    assert destination(None, Path("a.focus.csv"), formats=both).format == "focus"


def test_every_place_gets_the_result(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks = (Check("--max", "1", "2", failures=("beware",)),)
    write(REPORT, PAYLOAD, destination(None, [Path("-"), Path("a.json"), Path("b.xml")]), checks)
    captured = capsys.readouterr()
    assert captured.out.startswith("T\n")
    assert captured.err == ""
    assert json.loads((workdir / "a.json").read_text()) == PAYLOAD
    assert ET.parse(workdir / "b.xml").getroot().get("failures") == "1"


def test_warnings_go_to_stderr_where_stdout_has_none(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(REPORT, PAYLOAD, destination("csv", [Path("-"), Path("a.md")]))
    assert capsys.readouterr().err == "llmopt: warning: Beware\n"
    write(REPORT, PAYLOAD, destination(None, Path("a.md")), (Check("--strict", failures=("warning: beware",)),))
    assert capsys.readouterr().err == ""


def test_a_junit_report_without_checks_is_remarked(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(REPORT, PAYLOAD, destination(None, Path("a.xml")))
    assert "no check was asked for" in capsys.readouterr().err
    assert ET.parse(workdir / "a.xml").getroot().get("tests") == "0"


def test_the_step_summary_has_the_checks(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(workdir / "summary.md"))
    checks = (Check("--max-cost", "$1.00", "$0.50"), Check("--strict", failures=("a | b",)))
    write(REPORT, PAYLOAD, destination("json", None), checks)
    assert "- :x: a \\| b\n- :white_check_mark: --max-cost: \\$0.50 (limit \\$1.00)\n" in Path("summary.md").read_text()


def test_settings_may_name_several_files(workdir: Path, llmopt: Llmopt) -> None:
    Path("llmopt.toml").write_text('[tokens]\noutput = ["a.json", "b.md"]\n')
    Path("prompt.txt").write_text("Hello")
    assert llmopt("tokens", "prompt.txt").out == ""
    assert Path("b.md").read_text().startswith("### Tokens")
    assert json.loads(Path("a.json").read_text())["schema"] == "llmopt.tokens/1"
