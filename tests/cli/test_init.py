"""`llmopt init`: the file changes nothing as it is, and each of its lines is a setting once its # is gone."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from llmopt.cli.init import template
from llmopt.cli.registry import COMMANDS, load
from llmopt.cli.settings import defaults_for
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT

SAMPLE = ROOT / "samples" / "openai-chat.jsonl"
OPTION = re.compile(r"^# (?=[a-z][a-z0-9-]* = )", re.MULTILINE)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_file_changes_nothing(llmopt: Llmopt, tmp_path: Path) -> None:
    before = llmopt("cost", SAMPLE)
    done = llmopt("init")
    assert (done.code, done.out) == (0, "")
    assert done.err == "llmopt: wrote llmopt.toml; take the # from a line to set an option\n"
    settings = tomllib.loads((tmp_path / "llmopt.toml").read_text())
    assert {"cost", "cache", "project"} <= set(settings)
    assert llmopt("cost", SAMPLE) == before
    assert llmopt("doctor", "-q").out.startswith("Doctor\n\nNo problem found.")


def test_every_option_may_be_set(tmp_path: Path) -> None:
    """Each line without its # is read as an option of its command; flags are told from values."""
    # the two lines for all commands are tried by themselves
    text = template(list(COMMANDS)).split("\n[cost]", 1)[1]
    (tmp_path / "llmopt.toml").write_text("[cost]" + OPTION.sub("", text))
    for entry in COMMANDS:
        if not entry.reads_files and entry.name not in ("init", "doctor"):
            assert defaults_for(load(entry), tmp_path), entry.name


def test_what_is_shown_is_what_holds(llmopt: Llmopt, tmp_path: Path) -> None:
    before = llmopt("cost", SAMPLE)
    assert llmopt("init", "cost", "-q").err == ""
    path = tmp_path / "llmopt.toml"
    head, tables = path.read_text().split("\n[cost]")
    # placeholders and choices stay comments
    tables = re.sub(r"^# (?=[a-z-]+ = (?!.*[A-Z|]))", "", tables, flags=re.MULTILINE)
    path.write_text(f"{head}\n[cost]{tables}")
    assert 'by = "model"' in path.read_text().splitlines()
    assert llmopt("cost", SAMPLE).out == before.out


def test_commands_may_be_named(llmopt: Llmopt) -> None:
    done = llmopt("init", "compress", "gateway", "-o", "-")
    tables = [line for line in done.out.splitlines() if line.startswith("[")]
    assert tables == ["[compress]", "[compress.eval]"]
    assert "# [gateway]" in done.out
    wrong = llmopt("init", "cosst")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith("llmopt: error: cosst: no command with settings\nllmopt: hint: one of cost, ")


def test_a_file_is_not_overwritten(llmopt: Llmopt, tmp_path: Path) -> None:
    (tmp_path / "llmopt.toml").write_text("# mine\n")
    done = llmopt("init")
    assert done.code == 2
    assert "llmopt.toml: is there already" in done.err
    assert (tmp_path / "llmopt.toml").read_text() == "# mine\n"
    assert llmopt("init", "--force").code == 0
    assert llmopt("init", "-o", "nowhere/llmopt.toml").code == 2
