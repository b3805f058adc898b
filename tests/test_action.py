"""The action for GitHub: its metadata, and the script behind it with a `gh` that is not GitHub's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

SCRIPT = ROOT / ".ci" / "action.py"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
CHAT = ROOT / "samples" / "openai-chat.jsonl"
BOT = "github-actions[bot]"
MARKER = "<!-- llmopt:cost -->"
GH = """\
#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
folder = Path(os.environ["FAKE_GH"])
with (folder / "calls.jsonl").open("a") as file:
    body = sys.stdin.read() if "--input" in sys.argv else ""
    file.write(json.dumps({"args": sys.argv[1:], "body": body, "token": os.environ.get("GH_TOKEN")}) + "\\n")
if (folder / "refuse").exists():
    sys.exit("gh: Resource not accessible by integration (HTTP 403)")
if "--paginate" in sys.argv:
    sys.stdout.write((folder / "comments").read_text())
"""
STUB = """\
#!/bin/sh
printf '%s\\n' "$@" > "$RUNNER_TEMP/arguments"
while [ $# -gt 0 ]; do
    case "$1" in *.md|*.json|*.xml|*.sarif) echo report > "$1" ;; esac
    shift
done
"""
REAL = f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m llmopt "$@"\n'


@dataclass(frozen=True)
class Ran:
    """What one run of the script left behind."""

    code: int
    out: str
    err: str
    outputs: Mapping[str, str]
    calls: list[dict[str, Any]]
    summary: str


@dataclass
class Runner:
    """A folder that looks like a runner of GitHub Actions."""

    folder: Path

    def __post_init__(self) -> None:
        for name in ("bin", "temp", "gh"):
            (self.folder / name).mkdir()
        self.comments([])
        self.event({"pull_request": {"number": 7}})
        (self.folder / "bin" / "gh").write_text(GH.replace("/usr/bin/env python3", sys.executable))
        (self.folder / "bin" / "gh").chmod(0o755)
        # the script runs the llmopt that lies beside its python
        (self.folder / "bin" / "python").symlink_to(sys.executable)
        self.llmopt(STUB)

    def llmopt(self, script: str) -> None:
        (self.folder / "bin" / "llmopt").write_text(script)
        (self.folder / "bin" / "llmopt").chmod(0o755)

    def comments(self, *pages: list[dict[str, Any]]) -> None:
        (self.folder / "gh" / "comments").write_text("".join(map(json.dumps, pages)))

    def event(self, event: dict[str, Any]) -> None:
        (self.folder / "event.json").write_text(json.dumps(event))

    def run(self, **inputs: object) -> Ran:
        told = {f"INPUT_{name.upper()}": str(value) for name, value in ({"comment": "true"} | inputs).items()}
        for name in ("out", "summary", "gh/calls.jsonl"):
            (self.folder / name).unlink(missing_ok=True)
        environment = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "RUNNER_TEMP": str(self.folder / "temp"),
            "GITHUB_OUTPUT": str(self.folder / "out"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_REPOSITORY": "org/repo",
            "GH_TOKEN": "secret",
            "FAKE_GH": str(self.folder / "gh"),
            **told,
        }
        done = subprocess.run(
            [self.folder / "bin" / "python", SCRIPT], env=environment, cwd=ROOT, capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr, done.stderr
        outputs = dict(line.split("=", 1) for line in self.read("out").splitlines())
        calls = [json.loads(line) for line in self.read("gh/calls.jsonl").splitlines()]
        return Ran(done.returncode, done.stdout, done.stderr, outputs, calls, self.read("summary"))

    def read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_the_reports_are_outputs_and_the_first_comment_is_posted(runner: Runner) -> None:
    runner.llmopt(REAL)
    ran = runner.run(command="cost", paths=f"{CHAT}\n", args="--max-cost 100 --by 'model,team'", focus="true")
    assert ran.code == 0, ran.err
    assert set(ran.outputs) == {"exit-code", "markdown", "json", "junit", "sarif", "focus"}
    assert json.loads(Path(ran.outputs["json"]).read_text())["by"] == ["model", "team"]
    assert Path(ran.outputs["junit"]).read_text().count("<testcase") == 1
    listed, posted = ran.calls
    assert listed["args"] == ["api", "--paginate", "repos/org/repo/issues/7/comments?per_page=100"]
    assert posted["args"] == ["api", "--method", "POST", "repos/org/repo/issues/7/comments", "--input", "-"]
    assert posted["token"] == "secret"
    markdown = Path(ran.outputs["markdown"]).read_text()
    assert json.loads(posted["body"])["body"] == f"{MARKER}\n{markdown}"
    assert "- :white_check_mark: --max-cost: $" in markdown.replace("\\$", "$")
    assert ran.summary == f"{markdown}\n"
    assert "LLM cost" in ran.out


def test_the_comment_of_the_run_before_is_written_over(runner: Runner) -> None:
    runner.comments(
        [{"id": 1, "user": {"login": BOT}, "body": "<!-- llmopt:compress -->\nx"}],
        [
            {"id": 2, "user": {"login": "mallory"}, "body": f"{MARKER}\nmine"},
            {"id": 3, "user": None, "body": f"{MARKER}\nnobody's"},
            {"id": 4, "user": {"login": BOT}, "body": f"so: {MARKER}"},
            {"id": 5, "user": {"login": BOT}, "body": f"{MARKER}\nold"},
        ],
    )
    ran = runner.run(paths=CHAT)
    assert ran.calls[1]["args"][:4] == ["api", "--method", "PATCH", "repos/org/repo/issues/comments/5"]
    mine = runner.run(paths=CHAT, comment_author="mallory")
    assert mine.calls[1]["args"][3] == "repos/org/repo/issues/comments/2"


def test_a_limit_that_does_not_hold_fails_after_the_comment(runner: Runner) -> None:
    runner.llmopt(REAL)
    ran = runner.run(paths=CHAT, args="--max-cost 0.01")
    assert (ran.code, ran.outputs["exit-code"]) == (1, "1")
    assert "- :x: the cost is" in json.loads(ran.calls[1]["body"])["body"]
    assert "::error title=llmopt::the cost is" in ran.out


def test_without_a_report_the_comment_says_why(runner: Runner) -> None:
    runner.llmopt(REAL)
    ran = runner.run(paths="no such file.jsonl")
    assert ran.code == 2
    assert set(ran.outputs) == {"exit-code"}
    said = json.loads(ran.calls[1]["body"])["body"]
    assert said.startswith(f"{MARKER}\n### llmopt\n\n**There is no report: exit code 2.**")
    assert "no such file.jsonl" in said


def test_reports_of_an_earlier_run_are_not_taken_for_those_of_this_one(runner: Runner) -> None:
    assert set(runner.run(paths=CHAT).outputs) > {"exit-code"}
    runner.llmopt("#!/bin/sh\nexit 2\n")
    assert set(runner.run(paths=CHAT).outputs) == {"exit-code"}


def test_a_token_that_may_not_comment_is_no_failure(runner: Runner) -> None:
    (runner.folder / "gh" / "refuse").touch()
    ran = runner.run(paths=CHAT)
    assert ran.code == 0
    assert "::warning title=llmopt::the comment could not be written: gh: Resource not accessible" in ran.out


@pytest.mark.parametrize("event", [{}, {"issue": {"number": 9}}, {"pull_request": None}])
def test_without_a_pull_request_nothing_is_written(runner: Runner, event: dict[str, Any]) -> None:
    runner.event(event)
    ran = runner.run(paths=CHAT)
    assert (ran.code, ran.calls) == (0, [])
    assert "no pull request" in ran.out


def test_a_comment_on_a_pull_request_is_about_it(runner: Runner) -> None:
    runner.event({"issue": {"number": 9, "pull_request": {}}})
    assert "repos/org/repo/issues/9/comments" in runner.run(paths=CHAT).calls[1]["args"]


def test_nobody_has_to_be_told(runner: Runner) -> None:
    assert runner.run(paths=CHAT, comment="false").calls == []


def test_inputs_are_no_commands(runner: Runner, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    ran = runner.run(
        paths=f"$(touch {touched})\n; touch {touched}\n--in-place",
        args=f"--max-cost '1; touch {touched}'",
        key=f"a --> `x`; touch {touched}",
    )
    assert not touched.exists()
    assert json.loads(ran.calls[1]["body"])["body"].startswith("<!-- llmopt:a-x-touch-tmp")
    arguments = runner.read("temp/arguments").splitlines()
    assert arguments[:3] == ["cost", "--max-cost", f"1; touch {touched}"]
    assert arguments[-4:] == ["--", f"$(touch {touched})", f"; touch {touched}", "--in-place"]


def test_what_a_log_holds_is_no_command_of_the_runner(runner: Runner) -> None:
    runner.llmopt("#!/bin/sh\necho '::add-mask::x'\n")
    lines = runner.run(paths=CHAT).out.splitlines()
    at = next(at for at, line in enumerate(lines) if "::add-mask::" in line)
    token = lines[0].removeprefix("::stop-commands::")
    assert len(token) == 32
    assert at < lines.index(f"::{token}::")


def test_the_first_run_has_nothing_to_compare_with(runner: Runner, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    first = runner.run(paths=CHAT, baseline=base, max_increase="0%")
    assert first.code == 0
    assert "is not there yet" in first.out
    Path(first.outputs["json"]).rename(base)
    runner.run(paths=CHAT, baseline=base, max_increase="0%")
    arguments = runner.read("temp/arguments").splitlines()
    assert arguments[:5] == ["cost", "--baseline", str(base), "--max-increase", "0%"]


def test_other_commands_have_their_own_comment(runner: Runner) -> None:
    runner.llmopt(REAL)
    ran = runner.run(command="compress --check", paths=ROOT / "samples" / "wordy", args="--max-waste 1%")
    assert ran.code == 1
    assert json.loads(ran.calls[1]["body"])["body"].startswith("<!-- llmopt:compress-check -->\n### Prompt waste")
    assert json.loads(Path(ran.outputs["sarif"]).read_text())["runs"][0]["results"]


def test_a_long_report_fits_a_comment(runner: Runner) -> None:
    runner.llmopt(STUB.replace("echo report", "printf '%070000d' 0"))
    said = json.loads(runner.run(paths=CHAT).calls[1]["body"])["body"]
    assert 65_000 < len(said) < 65_536
    assert said.endswith("the summary of the run has the rest.\n")


def test_inputs_reach_the_shell_as_variables_only() -> None:
    for step in ACTION["runs"]["steps"]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]


def test_inputs_are_those_that_the_script_reads() -> None:
    step = ACTION["runs"]["steps"][1]
    text = SCRIPT.read_text(encoding="utf-8")
    for name, value in step["env"].items():
        if name.startswith("INPUT_"):
            own = name.removeprefix("INPUT_")
            assert value == f"${{{{ inputs.{own.lower().replace('_', '-')} }}}}"
            assert f'"{own}"' in text
    values = [value for step in ACTION["runs"]["steps"] for value in step["env"].values()]
    named = {value.removeprefix("${{ inputs.").removesuffix(" }}") for value in values if "inputs." in value}
    assert named | {"working-directory"} == set(ACTION["inputs"])


def test_outputs_are_those_that_the_script_writes(runner: Runner) -> None:
    runner.llmopt(STUB.replace("*.md", "*.md|*.csv"))
    ran = runner.run(paths=CHAT, focus="true", comment="false")
    assert set(ran.outputs) == set(ACTION["outputs"])
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.run.outputs.{name} }}}}"
