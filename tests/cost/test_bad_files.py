"""Bad files among good ones: damaged archives, binary data, empty and missing files, the same file twice."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.cost.logs import ONE, chat, cost, line, lines, written

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.usefixtures("reader")
NOISE = random.Random(1).randbytes(5000)
MANY = 3000


def packed(pack: str, data: bytes) -> bytes:
    return gzip.compress(data) if pack == "gz" else zstd.compress(data)


def noisy_lines(count: int) -> bytes:
    """Lines that do not pack well, so that a cut loses only some of them."""
    dice = random.Random(2)
    return b"".join(line(number, system_fingerprint=dice.randbytes(64).hex()) for number in range(count))


@pytest.mark.parametrize("pack", ["gz", "zst"])
def test_an_archive_that_is_cut_off(pack: str, llmopt: Llmopt, tmp_path: Path) -> None:
    whole = packed(pack, noisy_lines(MANY))
    path = written(tmp_path / f"log.jsonl.{pack}", whole[: len(whole) // 2])
    ran = cost(llmopt, path)
    assert ran.code == 0
    assert 0.3 * MANY < ran.report["priced"] < 0.6 * MANY
    assert ran.rejected == [(f"{path}:{ran.report['priced'] + 1}", 1)]
    assert "damaged file" in ran.reasons
    assert cost(llmopt, path, "--strict").code == 1


@pytest.mark.parametrize("pack", ["gz", "zst"])
def test_an_archive_with_garbage_in_the_middle(pack: str, llmopt: Llmopt, tmp_path: Path) -> None:
    whole = packed(pack, noisy_lines(MANY))
    middle = len(whole) // 2
    path = written(tmp_path / f"log.jsonl.{pack}", whole[:middle], NOISE, whole[middle + len(NOISE) :])
    ran = cost(llmopt, path)
    assert ran.code == 0
    assert 0 < ran.report["priced"] < MANY
    assert "damaged file" in ran.reasons
    assert all(first.startswith(f"{path}:") for first, _ in ran.rejected)


@pytest.mark.parametrize("pack", ["gz", "zst"])
def test_an_archive_of_nothing_but_garbage(pack: str, llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / f"log.jsonl.{pack}", packed(pack, line())[:6], NOISE)
    ran = cost(llmopt, path)
    assert ran.code == 2
    assert str(path) in ran.err


@pytest.mark.parametrize("pack", ["gz", "zst"])
def test_a_damaged_archive_beside_a_good_log(pack: str, llmopt: Llmopt, tmp_path: Path) -> None:
    good = written(tmp_path / "good.jsonl", *lines(3))
    bad = written(tmp_path / f"bad.jsonl.{pack}", packed(pack, line())[:6], NOISE)
    ran = cost(llmopt, good, bad)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 3, [(f"{bad}:1", 1)])


@pytest.mark.parametrize("pack", ["gz", "zst"])
def test_archives_one_after_another_in_one_file(pack: str, llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / f"log.jsonl.{pack}", *(packed(pack, line(number)) for number in range(4)))
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 4, [])


@pytest.mark.parametrize("pack", ["gz", "zst"])
def test_a_wrong_suffix_does_not_matter(pack: str, llmopt: Llmopt, tmp_path: Path) -> None:
    plain = written(tmp_path / f"plain.jsonl.{pack}", line(1))
    hidden = written(tmp_path / "hidden.jsonl", packed(pack, line(2)))
    assert cost(llmopt, plain, hidden).report["priced"] == 2


def test_binary_data(llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", b"\x7fELF\x00\x00" + NOISE)
    ran = cost(llmopt, path)
    assert ran.code == 2
    assert f"{path}:1: not a log: binary data" in ran.err
    good = written(tmp_path / "good.jsonl", line())
    ran = cost(llmopt, good, path)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 1, [(f"{path}:1", 1)])


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n", b"\xef\xbb\xbf", b"[]", b"[\n]\n"])
def test_an_empty_file(content: bytes, llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", content)
    ran = cost(llmopt, path)
    assert ran.code == 2
    assert f"{path}: no record in it" in ran.err
    good = written(tmp_path / "good.jsonl", line())
    ran = cost(llmopt, good, path)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 1, [])


def test_an_empty_archive(llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl.gz", gzip.compress(b""))
    assert cost(llmopt, path).code == 2


def test_a_directory_without_logs(llmopt: Llmopt, tmp_path: Path) -> None:
    written(tmp_path / "picture.png", b"\x89PNG")
    written(tmp_path / ".hidden.jsonl", line())
    ran = cost(llmopt, tmp_path)
    assert ran.code == 2
    assert f"{tmp_path}: no log in this directory" in ran.err
    assert ".jsonl" in ran.err


def test_what_is_not_there(llmopt: Llmopt, tmp_path: Path) -> None:
    ran = cost(llmopt, tmp_path / "log.jsonl")
    hint = "llmopt: hint: check the name; a pattern goes in quotes\n"
    assert (ran.code, ran.err) == (2, f"llmopt: error: {tmp_path}/log.jsonl: no such file or directory\n{hint}")
    ran = cost(llmopt, tmp_path / "*.jsonl")
    hint = "llmopt: hint: check the pattern; ** goes into folders\n"
    assert (ran.code, ran.err) == (2, f"llmopt: error: no file matches {tmp_path}/*.jsonl\n{hint}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", line())
    path.chmod(0)
    ran = cost(llmopt, path)
    hint = "llmopt: hint: check its permissions\n"
    assert (ran.code, ran.err) == (2, f"llmopt: error: {path}: Permission denied\n{hint}")


def test_a_dangling_link(llmopt: Llmopt, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.symlink_to(tmp_path / "gone.jsonl")
    ran = cost(llmopt, path)
    assert ran.code == 2
    assert str(path) in ran.err


def test_a_dangling_link_in_a_directory_is_no_file(llmopt: Llmopt, tmp_path: Path) -> None:
    written(tmp_path / "good.jsonl", line())
    (tmp_path / "log.jsonl").symlink_to(tmp_path / "gone.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    ran = cost(llmopt, tmp_path)
    assert (ran.code, ran.report["priced"], len(ran.report["files"])) == (0, 1, 1)


def test_the_same_file_twice_is_read_once(llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", *lines(3))
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    for paths in ([path, path], [path, link], [link, path], [tmp_path], [tmp_path, path, f"{tmp_path}/*.jsonl"]):
        ran = cost(llmopt, *paths)
        assert (ran.report["priced"], ran.report["duplicates"]) == (3, 0)
        assert len(ran.report["files"]) == 1


def test_a_log_and_its_packed_copy_hold_duplicates(llmopt: Llmopt, tmp_path: Path) -> None:
    data = b"".join(lines(3))
    written(tmp_path / "log.jsonl", data)
    written(tmp_path / "log.jsonl.1.gz", gzip.compress(data))
    written(tmp_path / "log.jsonl.gz", gzip.compress(data))
    ran = cost(llmopt, tmp_path / "log.jsonl", tmp_path / "log.jsonl.gz")
    assert (ran.report["read"], ran.report["priced"], ran.report["duplicates"]) == (6, 3, 3)
    assert ran.cost_usd == 3 * ONE


@pytest.mark.parametrize("pack", ["", "gz", "zst"])
def test_standard_input(pack: str, llmopt: Llmopt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"".join([*lines(3), b"{\n"])
    stream = io.TextIOWrapper(io.BytesIO(packed(pack, data) if pack else data))
    monkeypatch.setattr(sys, "stdin", stream)
    ran = cost(llmopt, "-")
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 3, [("<stdin>:4", 1)])
    assert ran.report["files"] == ["<stdin>"]


def test_empty_standard_input(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    ran = cost(llmopt, "-")
    assert ran.code == 2
    assert "<stdin>: no record in it" in ran.err


@pytest.mark.parametrize(
    "name", ["a*b.jsonl", "a[1].jsonl", "it's.jsonl", "a b?.jsonl", "{a}.jsonl", "ü\u202e.jsonl", "-x.jsonl"]
)
def test_odd_file_names(name: str, llmopt: Llmopt, workdir: Path) -> None:
    path = written(workdir / name, *lines(2), b"{\n")
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.report["files"]) == (0, 2, [str(path)])
    assert ran.rejected == [(f"{path}:3", 1)]


def test_a_file_that_shrinks_to_one_record_without_a_line_end(llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.json", json.dumps(chat(1)).encode())
    assert cost(llmopt, path).cost_usd == ONE
