"""Nothing that is read is written over, what was written is not read again, and devices stay devices."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from llmopt.prompts.files.writing import replace_file
from tests.cli.conftest import Llmopt

WORDY = "Answer  in one sentence.\n"
SHORT = "Answer in one sentence.\n"


@pytest.fixture
def prompts(workdir: Path) -> Path:
    """A prompt in a folder, and a hard link to it outside."""
    folder = Path("prompts")
    folder.mkdir()
    (folder / "a.md").write_text(WORDY)
    Path("link.md").hardlink_to(folder / "a.md")
    return folder


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--audit", "prompts/a.md"), "--audit prompts/a.md would write over prompts/a.md"),
        (("--audit", "link.md"), "--audit link.md would write over prompts/a.md"),
        (("--check", "-o", "prompts/../link.md"), "would write over prompts/a.md"),
        (("-o", "link.md"), "-o link.md would write over prompts/a.md"),
        (("-o", "new.md", "--audit", "new.md"), "--audit new.md would write over the text that -o puts there"),
        (("-o", "out/", "--audit", "out/a.md"), "--audit out/a.md would write over the text that -o puts there"),
    ],
)
def test_nothing_is_written_over_an_input_or_another_output(
    llmopt: Llmopt, prompts: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    outcome = llmopt("compress", prompts / "a.md", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert complaint in outcome.err
    assert (prompts / "a.md").read_text() == WORDY
    assert not Path("new.md").exists()


def test_what_an_earlier_run_wrote_is_no_input(llmopt: Llmopt, prompts: Path) -> None:
    arguments = ("compress", prompts, "-o", "prompts/short", "--audit", "prompts/audit.md")
    first, second = llmopt(*arguments), llmopt(*arguments)
    assert (first.code, second.code) == (0, 0)
    assert first.err.splitlines()[-1] == second.err.splitlines()[-1]
    assert "llmopt: skipped: prompts/audit.md: where this run writes to" in second.err
    assert "llmopt: skipped: prompts/short/a.md: where this run writes to" in second.err
    assert sorted(str(path) for path in prompts.rglob("*.md")) == [
        "prompts/a.md",
        "prompts/audit.md",
        "prompts/short/a.md",
    ]
    assert llmopt("compress", prompts, "-o", ".").code == 0, "a folder above the input holds no output"
    assert Path("a.md").read_text() == SHORT
    named = llmopt("compress", prompts / "short" / "a.md", "-o", "prompts/short")
    assert "would write over prompts/short/a.md" in named.err


def test_an_output_without_an_input_is_no_bug(llmopt: Llmopt, workdir: Path) -> None:
    outcome = llmopt("compress", "missing.md", "-o", "out/")
    assert outcome.code == 2
    assert "missing.md: no such file or directory" in outcome.err
    assert not Path("out").exists()


def test_a_named_pipe_gets_the_text_and_stays_one(workdir: Path) -> None:
    os.mkfifo("pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(Path("pipe").read_bytes()))
    reader.start()
    replace_file(Path("pipe"), b"text")
    reader.join()
    assert (got, Path("pipe").is_fifo()) == ([b"text"], True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full stands for a full disk")
def test_a_device_is_written_to_and_not_replaced(llmopt: Llmopt, prompts: Path) -> None:
    Path("null").symlink_to("/dev/null")
    Path("full").symlink_to("/dev/full")
    assert llmopt("compress", prompts / "a.md", "-o", "null").code == 0
    outcome = llmopt("compress", prompts / "a.md", "-o", "full")
    assert (outcome.code, "No space left on device" in outcome.err) == (2, True)
    assert Path("/dev/null").is_char_device()
    assert Path("/dev/full").is_char_device()


def test_an_error_names_a_file_once(llmopt: Llmopt, prompts: Path) -> None:
    outcome = llmopt("compress", "./prompts/a.md", "--query", "what", "--budget", "1", "--keep", "Answer")
    assert outcome.err.startswith("llmopt: error: ./prompts/a.md: the budget is 1 token")
