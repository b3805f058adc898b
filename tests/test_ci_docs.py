"""docs/ci.md: every snippet runs, on samples, as far as it is a command of ours."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

import llmopt
from llmopt.cli.main import run
from tests.conftest import ROOT
from tests.models.auto.small import save_encoder, write_texts
from tests.models.extras import library

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
OURS = "OWNER/llmopt"
SLOW = {
    "quantize": ("--group-size", "64"),
    "bench-batch": ("--max-time", "4s", "--min-samples", "3", "--ci", "90%"),
}
"""Command -> what makes it quick on a toy."""
SERVICE = "def answer(texts):\n    return [len(text) for text in texts]\n"


def documents() -> list[dict[str, Any]]:
    return [yaml.safe_load(text) for language, text in BLOCKS if language == "yaml"]


def uses() -> Iterator[dict[str, str]]:
    """Yield what each use of the action is given."""
    for document in documents():
        for job in document.get("jobs", {}).values():
            yield from (step["with"] for step in job["steps"] if step.get("uses", "").startswith(f"{OURS}@"))


def lines() -> Iterator[str]:
    """Yield every line that runs llmopt: of shells, of GitLab's scripts, of Jenkins."""
    for language, text in BLOCKS:
        if language == "sh":
            yield from (line for line in text.splitlines() if line.startswith("llmopt "))
        if language == "groovy":
            yield from re.findall(r"sh '(llmopt [^']*)'", text)
    for document in documents():
        for job in document.values():
            script = job.get("script", []) if isinstance(job, dict) else []
            yield from (line for line in script if line.startswith("llmopt "))


def hooks() -> Iterator[dict[str, Any]]:
    for document in documents():
        for repository in document.get("repos", []):
            yield from repository["hooks"]


@pytest.fixture
def place(workdir: Path) -> Path:
    """A repository with logs, prompts and a report of an earlier run."""
    (workdir / "logs").mkdir()
    record = json.loads((ROOT / "samples" / "openai-chat.jsonl").read_text().splitlines()[0])
    records = (record | {"id": f"r{at}", "created": record["created"] + 3600 * at} for at in range(9))
    (workdir / "logs" / "calls.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in records))
    (workdir / "prompts").mkdir()
    (workdir / "prompts" / "tight.md").write_text("Answer in one word.\n")
    assert run(["cost", "logs", "-o", "cost.json"]) == 0
    shutil.copy("cost.json", "baseline.json")
    return workdir


def ran(arguments: list[str]) -> int:
    """Run a command, and hold its exit code against the JUnit report that it wrote."""
    program, *rest = arguments
    assert program == "llmopt"
    command = rest[0] if rest[1:2] != ["simulate"] else "cache"
    code = run([*rest, *SLOW.get(command, ())])
    written = [Path(word) for word in rest if word.endswith(".xml")]
    for path in written:
        root = ET.parse(path).getroot()
        assert int(str(root.get("tests"))) >= 1
        assert (int(str(root.get("failures"))) > 0) == (code == 1)
    return code


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("line", [line for line in lines() if "quantize" not in line and "bench-batch" not in line])
def test_a_command_runs_and_holds(line: str) -> None:
    assert ran(shlex.split(line)) == 0


def test_a_model_is_quantized_within_its_gate(workdir: Path) -> None:
    library("torch", "semantic")
    library("compressed_tensors", "models")
    save_encoder(workdir / "model")
    write_texts(workdir / "texts.txt")
    (line,) = (line for line in lines() if " quantize " in line)
    assert ran(shlex.split(line)) in (0, 1)
    (case,) = ET.parse("quantize.junit.xml").getroot().iter("testcase")
    assert case.get("name") == "--max-quality-drop"


def test_batches_are_measured_and_compared(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workdir / "service.py").write_text(SERVICE)
    first, second = (line for line in lines() if " bench-batch " in line)
    assert ran(shlex.split(first)) == 0
    assert ran(shlex.split(second)) in (0, 1)
    names = [case.get("name") for case in ET.parse("regression.junit.xml").getroot().iter("testcase")]
    assert names == ["--fail-on-regression"]


@pytest.mark.parametrize("given", [*uses()], ids=lambda given: given.get("command", "cost"))
def test_a_use_of_the_action_runs(given: dict[str, str], place: Path) -> None:
    assert set(given) <= set(ACTION["inputs"])
    words = [*shlex.split(given.get("command", ACTION["inputs"]["command"]["default"]))]
    against = ["--baseline", given["baseline"], "--max-increase", given["max-increase"]] if "baseline" in given else []
    files = [word for name in ("md", "json", "junit.xml", "sarif") for word in ("-o", f"out.{name}")]
    assert ran(["llmopt", *words, *against, *shlex.split(given.get("args", "")), *files, "--", given["paths"]]) == 0
    assert json.loads(Path("out.sarif").read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("hook", [*hooks()], ids=lambda hook: str(hook["id"]))
@pytest.mark.parametrize(("text", "code"), [("Answer in one word.\n", 0), ("Do    this.   \n" * 3000, 1)])
def test_a_hook_runs_on_the_files_that_it_is_given(hook: dict[str, Any], text: str, code: int, workdir: Path) -> None:
    path = Path("prompts/a.md")
    path.parent.mkdir()
    path.write_text(text)
    known = HOOKS[hook["id"]]
    assert re.search(hook["files"], str(path))
    assert re.search(known["files"], f"some/{path}")
    assert run([*shlex.split(known["entry"])[1:], *hook["args"], str(path)]) == code


def test_the_hook_that_writes_leaves_nothing_to_find(workdir: Path) -> None:
    path = Path("a.md")
    path.write_text("One\n\n\n\n\n\ntwo    three.   \n")
    assert run([*shlex.split(HOOKS["llmopt-compress"]["entry"])[1:], str(path)]) == 0
    assert path.read_text() == "One\n\ntwo three.\n"


def test_snippets_name_the_version_that_they_are_of() -> None:
    named = re.findall(rf"{OURS}@v(\S+)|rev: v(\S+)", PAGE)
    assert {one or other for one, other in named} == {llmopt.__version__}


def test_outputs_that_snippets_use_are_there() -> None:
    named = re.findall(r"steps\.(?:cost|prompts)\.outputs\.([\w-]+)", PAGE)
    assert named
    assert set(named) <= set(ACTION["outputs"])


def test_every_input_is_told() -> None:
    table = PAGE.split("| input |")[1].split("Outputs are")[0]
    assert set(re.findall(r"`([a-z-]+)`", table.replace("`, `", "` `"))) >= set(ACTION["inputs"])


def test_there_are_snippets_of_each_kind() -> None:
    assert len([*uses()]) == 3
    assert len([*hooks()]) == 2
    assert len([*lines()]) >= 12
    assert set(HOOKS) >= {hook["id"] for hook in hooks()}
