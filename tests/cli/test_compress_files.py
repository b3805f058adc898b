"""`llmopt compress` writes files: in place, below another folder, and never halfway."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from llmopt.prompts.api import compress
from tests.cli.conftest import Llmopt

WORDY = "Answer  the   question.\n\n\n\nBe  brief.\n"
SHORT = "Answer the question.\n\nBe brief.\n"


@pytest.fixture
def prompts(workdir: Path) -> Path:
    """Two prompts, one in a folder below, relative to the working directory."""
    Path("prompts/deep").mkdir(parents=True)
    Path("prompts/a.md").write_text(WORDY)
    Path("prompts/deep/b.txt").write_text(f"Deep  down.\n{WORDY}")
    return Path("prompts")


def test_in_place_writes_what_changes_and_says_what_was_saved(llmopt: Llmopt, prompts: Path) -> None:
    Path("prompts/done.md").write_text(SHORT)
    os.utime("prompts/done.md", (1, 1))
    outcome = llmopt("compress", prompts, "--in-place")
    assert (outcome.code, outcome.out) == (0, "")
    first, second, total = outcome.err.splitlines()
    assert first.startswith("prompts/a.md: ")
    assert second.startswith("prompts/deep/b.txt: ")
    assert total.endswith("in 3 files, by o200k_base; 1 as they were")
    assert Path("prompts/a.md").read_text() == SHORT
    assert Path("prompts/deep/b.txt").read_text() == f"Deep down.\n{SHORT}"
    assert Path("prompts/done.md").stat().st_mtime == 1
    again = llmopt("compress", prompts, "--in-place", "-q")
    assert (again.code, again.out, again.err) == (0, "", "")


def test_in_place_keeps_mode_links_line_ends_and_marks(llmopt: Llmopt, workdir: Path) -> None:
    real = Path("real.txt")
    real.write_bytes(b"\xef\xbb\xbf" + WORDY.replace("\n", "\r\n").encode())
    real.chmod(0o751)
    Path("link.txt").symlink_to("real.txt")
    assert llmopt("compress", "link.txt", "-i").code == 0
    assert Path("link.txt").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o751
    assert real.read_bytes() == b"\xef\xbb\xbf" + SHORT.replace("\n", "\r\n").encode()
    assert sorted(path.name for path in workdir.iterdir()) == ["link.txt", "real.txt"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
def test_encodings_stay(llmopt: Llmopt, workdir: Path, encoding: str) -> None:
    Path("vi.txt").write_bytes("Xin   chào  bạn\n".encode(encoding))
    assert llmopt("compress", "vi.txt", "--in-place").code == 0
    assert Path("vi.txt").read_bytes() == "Xin chào bạn\n".encode(encoding)


def test_packed_files_are_packed_again(llmopt: Llmopt, workdir: Path) -> None:
    Path("a.txt.gz").write_bytes(gzip.compress(WORDY.encode()))
    assert llmopt("compress", "a.txt.gz").out == compress(WORDY).text
    assert llmopt("compress", "a.txt.gz", "-o", "plain.txt").code == 0
    assert Path("plain.txt").read_text() == SHORT
    assert llmopt("compress", "plain.txt", "-o", "packed.txt.gz", "-q").code == 0
    assert gzip.decompress(Path("packed.txt.gz").read_bytes()).decode() == SHORT
    assert llmopt("compress", "a.txt.gz", "--in-place").code == 0
    assert gzip.decompress(Path("a.txt.gz").read_bytes()).decode() == SHORT


def test_a_crash_leaves_the_original(llmopt: Llmopt, prompts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outcome = llmopt("compress", "prompts/a.md", "--in-place")
    assert outcome.code == 2
    assert "prompts/a.md: cannot be written: No space left on device; it is as it was" in outcome.err
    assert Path("prompts/a.md").read_text() == WORDY
    assert [path.name for path in prompts.iterdir() if path.name.startswith(".")] == []


def test_one_bad_file_does_not_keep_the_others_from_being_done(llmopt: Llmopt, prompts: Path) -> None:
    Path("prompts/bad.txt").write_bytes(b"caf\xe9  au  lait")
    Path("prompts/picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    outcome = llmopt("compress", prompts, "none.txt", "--in-place")
    assert outcome.code == 2
    assert "error: prompts/bad.txt: not text: byte 0xe9 at offset 3 (line 1) is not UTF-8" in outcome.err
    assert "skipped: prompts/picture.png: not text" in outcome.err
    assert "none.txt: no such file or directory" in outcome.err
    assert "2 of what was named could not be compressed" in outcome.err
    assert Path("prompts/a.md").read_text() == SHORT
    assert Path("prompts/bad.txt").read_bytes() == b"caf\xe9  au  lait"


def test_a_single_file_goes_to_a_file_and_several_below_a_folder(llmopt: Llmopt, prompts: Path) -> None:
    outcome = llmopt("compress", "prompts/a.md", "-o", "new/short.md")
    assert (outcome.code, outcome.out) == (0, "")
    assert Path("new/short.md").read_text() == SHORT
    assert llmopt("compress", "prompts", "-o", "out").code == 0
    assert Path("out/a.md").read_text() == SHORT
    assert Path("out/deep/b.txt").read_text() == f"Deep down.\n{SHORT}"
    assert llmopt("compress", "prompts/a.md", "prompts/deep/b.txt", "-o", "two").code == 0
    assert Path("two/deep/b.txt").exists()
    assert llmopt("compress", "prompts/a.md", "-o", "out/", "-q").err == ""
    assert Path("prompts/a.md").read_text() == WORDY


def test_an_output_that_would_go_over_its_input_is_refused(llmopt: Llmopt, prompts: Path) -> None:
    for output in ("prompts/a.md", "prompts/../prompts/a.md"):
        outcome = llmopt("compress", "prompts/a.md", "-o", output)
        assert outcome.code == 2
        assert "would write over prompts/a.md" in outcome.err
    assert llmopt("compress", "prompts", "-o", "prompts").code == 2
    assert Path("prompts/a.md").read_text() == WORDY


def test_an_output_that_cannot_be_written_is_named(llmopt: Llmopt, prompts: Path) -> None:
    Path("file").write_text("x")
    outcome = llmopt("compress", "prompts/a.md", "-o", "file/below.md")
    assert outcome.code == 2
    assert "file: cannot be made: " in outcome.err


def test_requests_in_place_change_in_their_texts_alone(llmopt: Llmopt, workdir: Path) -> None:
    row = '{"n":1.0e0, "messages" : [{"role":"user","content":"Hi  \\u00e9 \\/ there"}],"n":2}'
    bad = '{"messages": "no list"}'
    Path("log.jsonl").write_text(f"{row}\n\n{bad}\n{row}")
    outcome = llmopt("compress", "log.jsonl", "--messages", "--in-place")
    assert outcome.code == 2
    assert "log.jsonl:3: not a chat request" in outcome.err
    short = row.replace("Hi  \\u00e9 \\/ there", "Hi \\u00e9 / there")
    assert Path("log.jsonl").read_text() == f"{short}\n\n{bad}\n{short}"
    assert json.loads(short) == json.loads(row) | {"messages": [{"role": "user", "content": "Hi é / there"}]}


def test_the_audit_goes_to_a_file_beside_the_text(llmopt: Llmopt, prompts: Path) -> None:
    for name in ("audit.json", "audit.csv", "audit.md", "audit.txt", "audit.html"):
        outcome = llmopt("compress", "prompts/a.md", "--audit", name)
        assert (outcome.code, outcome.out) == (0, compress(WORDY).text)
        assert "spaces" in Path(name).read_text()
    audit = json.loads(Path("audit.json").read_text())
    assert audit["schema"] == "llmopt.compress.audit/1"
    assert [one["first_line"] for one in audit["removals"] if one["rules"] == ["repeated-spaces"]] == [1, 1, 5]
    assert llmopt("compress", prompts, "--audit", "audit.csv").code == 0
    assert len(Path("audit.csv").read_text().splitlines()) > 6


def test_a_diff_beside_the_writing(llmopt: Llmopt, prompts: Path) -> None:
    outcome = llmopt("compress", prompts, "--diff", "--in-place")
    assert outcome.code == 0
    assert outcome.out.startswith("--- prompts/a.md\n+++ prompts/a.md (compressed)\n@@ -1,5 +1,3 @@\n-Answer  the")
    assert Path("prompts/a.md").read_text() == SHORT
    assert llmopt("compress", prompts, "--diff").out == ""
