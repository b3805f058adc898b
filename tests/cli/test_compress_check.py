"""`llmopt compress --check` is a linter for prompts; `--diff` shows what it would change."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.conftest import Golden

FORMATS = [
    ("table", "txt"),
    ("json", "json"),
    ("csv", "csv"),
    ("markdown", "md"),
    ("html", "html"),
    ("junit", "junit.xml"),
    ("sarif", "sarif"),
]
TIGHT = "Answer the question in one sentence, and name the source of every claim that you make.\n"
LOOSE = "Answer  the  question.\n\n\n\n\nName  the  source.  Be  brief.\n"


@pytest.fixture
def prompts(workdir: Path) -> Path:
    """A prompt without waste and one with much of it, relative to the working directory."""
    folder = Path("prompts")
    folder.mkdir()
    (folder / "loose.md").write_text(LOOSE)
    (folder / "tight.md").write_text(TIGHT)
    return folder


@pytest.mark.parametrize(("format", "suffix"), FORMATS)
def test_every_format(llmopt: Llmopt, golden: Golden, prompts: Path, format: str, suffix: str) -> None:
    outcome = llmopt("compress", prompts, "--check", "--level", "lossless", "--format", format)
    assert outcome.code == 1
    golden(f"cli/compress-check.{suffix}", outcome.out)


def test_what_goes_to_stderr_names_file_line_and_rule(llmopt: Llmopt, prompts: Path) -> None:
    outcome = llmopt("compress", prompts, "--check", "--level", "lossless")
    assert outcome.code == 1
    *findings, failed = outcome.err.splitlines()
    assert findings[0] == "prompts/loose.md:1: repeated-spaces: '  ' and 1 more (2 tokens)"
    assert all(line.startswith("prompts/loose.md:") for line in findings)
    assert failed.startswith("llmopt: check failed: prompts/loose.md: ")
    assert failed.endswith("over --max-waste 10.0%")
    assert Path("prompts/loose.md").read_text() == LOOSE


def test_the_limit_is_the_users(llmopt: Llmopt, prompts: Path) -> None:
    assert llmopt("compress", prompts, "--check", "--max-waste", "90%").code == 0
    assert llmopt("compress", "prompts/tight.md", "--check", "--max-waste", "0%").code == 0
    assert llmopt("compress", prompts, "--check", "--max-waste", "0%").code == 1
    Path("llmopt.toml").write_text('[compress]\nmax-waste = "90%"\n')
    assert llmopt("compress", prompts, "--check").code == 0


def test_the_report_may_go_to_a_file_and_to_the_step_summary(
    llmopt: Llmopt, prompts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    outcome = llmopt("compress", prompts, "--check", "-o", "check.json", "-q")
    assert (outcome.code, outcome.out) == (1, "")
    report = json.loads(Path("check.json").read_text())
    assert report["schema"] == "llmopt.compress/1"
    assert len(report["failed_checks"]) == 1
    assert Path("summary.md").read_text().startswith("### Prompt waste")


def test_a_file_that_cannot_be_read_fails_the_check_too(llmopt: Llmopt, prompts: Path) -> None:
    Path("prompts/loose.md").write_bytes(b"caf\xe9  au  lait")
    outcome = llmopt("compress", prompts, "--check")
    assert outcome.code == 2
    assert "prompts/loose.md: not text" in outcome.err


def test_many_findings_are_named_up_to_twenty(llmopt: Llmopt, workdir: Path) -> None:
    Path("many.md").write_text(
        "".join(f"Paragraph number {n} has  words of its  own, and more.\n\n" for n in range(40))
    )
    outcome = llmopt("compress", "many.md", "--check", "--max-waste", "1%", "--level", "lossless")
    lines = outcome.err.splitlines()
    assert len(lines) == 22
    assert lines[20].startswith("and ")


def test_the_diff(llmopt: Llmopt, golden: Golden, prompts: Path) -> None:
    outcome = llmopt("compress", prompts, "--diff", "--level", "lossless")
    assert (outcome.code, outcome.err) == (0, "")
    golden("cli/compress-diff.txt", outcome.out)


def test_a_diff_on_a_terminal_is_coloured_unless_the_user_says_no(
    llmopt: Llmopt, prompts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("prompts/tight.md").write_text("Two  blanks, and \x1b[31mred.\n")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "\x1b" not in llmopt("compress", prompts, "--diff").out
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "xterm")
    coloured = llmopt("compress", prompts, "--diff").out
    assert "\x1b[31m-" in coloured
    assert "\x1b[32m+" in coloured
    assert "\\x1b[31mred" in coloured


def test_a_narrow_terminal_says_what_it_does_not_show(
    llmopt: Llmopt, prompts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    outcome = llmopt("compress", prompts, "--check")
    assert "Not shown on this narrow terminal: " in outcome.out
    assert "…" not in outcome.out


def test_a_line_break_in_the_name_of_a_file_ends_no_message(llmopt: Llmopt, workdir: Path) -> None:
    Path("new\nline.md").write_text(LOOSE)
    outcome = llmopt("compress", "new\nline.md", "--check")
    assert outcome.err.splitlines()[-1].startswith("llmopt: check failed: new\\nline.md: ")
