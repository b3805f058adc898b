"""Files, directories, globs and standard input become sources, each once, whatever their packing."""

from __future__ import annotations

import gzip
import io
import os
import sys
from pathlib import Path

import pytest

from llmopt.cost.sources import (
    DAMAGE,
    HEAD_BYTES,
    Source,
    find_files,
    head,
    numbered_lines,
    open_bytes,
    samples,
)
from llmopt.errors import InputError
from llmopt.files import compression_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DATA = b'{"a": 1}\n{"a": 2}\n'


@pytest.fixture
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spool")


def write(path: Path, data: bytes = DATA) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def shown(paths: list[str | os.PathLike[str]], spool: Path) -> list[str]:
    return [source.shown for source in find_files(paths, spool)]


def source_of(path: Path) -> Source:
    return Source(str(path), path.name, compression_of(str(path)))


def test_files_come_in_the_order_given_and_each_once(workdir: Path, spool: Path) -> None:
    for name in ("b.jsonl", "a.jsonl"):
        write(Path(name))
    assert shown(["b.jsonl", "a.jsonl", "./b.jsonl", str(workdir / "a.jsonl")], spool) == ["b.jsonl", "a.jsonl"]


def test_a_link_to_a_file_is_that_file(workdir: Path, spool: Path) -> None:
    write(Path("real.jsonl"))
    Path("link.jsonl").symlink_to("real.jsonl")
    (found,) = find_files(["link.jsonl", "real.jsonl", "."], spool)
    assert (found.shown, found.path) == ("link.jsonl", str((workdir / "real.jsonl").resolve()))


def test_a_file_is_itself_by_whatever_way(workdir: Path, spool: Path) -> None:
    for folder in ("logs/a", "other"):
        Path(folder).mkdir(parents=True)
    for name in ("logs/a/one.jsonl", "other/two.jsonl"):
        Path(name).touch()
    Path("linked").symlink_to("logs")
    Path("logs/a/up").symlink_to("../../other")
    Path("logs/a/two.jsonl").symlink_to("up/two.jsonl")
    ways = ["linked/a/one.jsonl", "logs/a/../a/one.jsonl", "./logs//a/one.jsonl", str(workdir / "linked/a/one.jsonl")]
    ways += ["logs/a/up/two.jsonl", "linked/a/up/../other/two.jsonl", "logs/a/two.jsonl", "other/two.jsonl", "."]
    found = find_files(ways, spool)
    assert [(one.shown, one.path) for one in found] == [(way, os.path.realpath(way)) for way in (ways[0], ways[4])]


def test_a_named_file_is_read_whatever_its_name(workdir: Path, spool: Path) -> None:
    write(Path("requests.log.1"))
    write(Path(".hidden"))
    assert shown([Path("requests.log.1"), ".hidden"], spool) == ["requests.log.1", ".hidden"]


def test_a_directory_gives_its_logs_in_order(workdir: Path, spool: Path) -> None:
    logs = ["b.jsonl", "a.ndjson", "c.json", "d.log", "e.csv", "f.tsv", "g.parquet", "h.txt", "I.JSONL"]
    packed = ["j.jsonl.gz", "k.csv.zst", "l.log.gzip", "m.json.zstd"]
    for name in [*logs, *packed, "deep/er/z.jsonl", "deep/a.jsonl"]:
        write(workdir / "logs" / name)
    for name in ["README.md", "x.gz", "run.py", ".hidden.jsonl", ".git/a.jsonl", "deep/.cache/b.jsonl"]:
        write(workdir / "logs" / name)
    expected = [f"logs/{name}" for name in [*sorted([*logs, *packed]), "deep/a.jsonl", "deep/er/z.jsonl"]]
    assert shown(["logs"], spool) == expected


def test_a_directory_without_logs_is_an_error(workdir: Path, spool: Path) -> None:
    write(Path("empty/README.md"))
    with pytest.raises(InputError, match="empty: no log in this directory") as caught:
        find_files(["empty"], spool)
    assert ".jsonl" in caught.value.hint
    assert ".gz" in caught.value.hint


def test_globs(workdir: Path, spool: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", "c.md", "deep/d.jsonl"):
        write(Path(name))
    Path("x.jsonl").mkdir()
    assert shown(["*.jsonl"], spool) == ["a.jsonl", "b.jsonl"]
    assert shown(["**/*.jsonl"], spool) == ["a.jsonl", "b.jsonl", "deep/d.jsonl"]
    assert shown(["[ac].*"], spool) == ["a.jsonl", "c.md"]
    with pytest.raises(InputError, match=r"no file matches \*\.csv"):
        find_files(["*.csv"], spool)


def test_a_name_with_brackets_is_a_name_first(workdir: Path, spool: Path) -> None:
    write(Path("log[1].jsonl"))
    assert shown(["log[1].jsonl"], spool) == ["log[1].jsonl"]


def test_what_is_not_there_is_named(workdir: Path, spool: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: no such file or directory"):
        find_files(["none.jsonl"], spool)
    Path("dangling.jsonl").symlink_to("none")
    with pytest.raises(InputError, match=r"dangling\.jsonl: no such file or directory"):
        find_files(["dangling.jsonl"], spool)


def test_what_cannot_be_opened_is_named(workdir: Path) -> None:
    with pytest.raises(InputError, match="Is a directory"):
        compression_of(".")


def test_standard_input_is_spooled(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(gzip.compress(DATA))

    monkeypatch.setattr("sys.stdin", Stdin)
    (found,) = find_files(["-"], spool)
    assert "stdin" in found.shown
    assert str(spool) not in found.shown
    assert (found.compression, open_bytes(found).read()) == ("gzip", DATA)


@pytest.mark.parametrize(
    ("pack", "compression"),
    [(bytes, "none"), (gzip.compress, "gzip"), (zstd.compress, "zstd")],
    ids=["plain", "gzip", "zstd"],
)
def test_packing_is_told_by_content_not_by_name(tmp_path: Path, pack: type[bytes], compression: str) -> None:
    source = source_of(write(tmp_path / "log.csv", pack(DATA)))
    assert source.compression == compression
    with open_bytes(source) as file:
        assert file.read() == DATA
    assert list(numbered_lines(source)) == [(1, b'{"a": 1}\n'), (2, b'{"a": 2}\n')]
    assert head(source) == DATA
    assert head(source, 3) == DATA[:3]


def test_an_empty_file_is_a_source(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.jsonl", b""))
    assert (source.compression, head(source), list(numbered_lines(source))) == ("none", b"", [])


def test_blank_lines_are_counted_and_not_given(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.jsonl", b"\n{}\r\n  \n\t\r\n[]"))
    assert list(numbered_lines(source)) == [(2, b"{}\r\n"), (5, b"[]")]


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_a_damaged_archive_gives_what_can_be_read_and_then_fails(tmp_path: Path, pack: type[bytes]) -> None:
    data = b"".join(b'{"n": %d}\n' % number for number in range(50_000))
    source = source_of(write(tmp_path / "a.jsonl.gz", pack(data)[:-2000]))
    with pytest.raises(DAMAGE):
        list(numbered_lines(source))
    assert data.startswith(head(source))


def test_a_record_keeps_its_line_of_the_shown_file() -> None:
    assert Source("p", "s", "none").line_of(7) == 7
    mapped = Source("p", "s", "none", line_map=(3, 9))
    assert [mapped.line_of(number) for number in (1, 2, 3)] == [3, 9, 3]


def test_a_large_file_is_sampled_at_its_start_middle_and_end(tmp_path: Path) -> None:
    count = 4 * HEAD_BYTES // 20
    lines = [b"%019d" % number for number in range(count)]
    source = source_of(write(tmp_path / "a.jsonl", b"\n".join(lines) + b"\n"))
    found = samples(source, 2000)
    assert set(found) <= set(lines), "only whole lines"
    assert found[0] == lines[0]
    assert lines[count // 2 + 3] in found
    assert set(lines[-100:]) & set(found)
    assert len(found) < count / 2


def test_a_small_file_is_sampled_whole(tmp_path: Path) -> None:
    assert samples(source_of(write(tmp_path / "a.jsonl"))) == [b'{"a": 1}', b'{"a": 2}', b""]


def test_a_large_packed_file_is_sampled_at_its_start(tmp_path: Path) -> None:
    data = os.urandom(2 * HEAD_BYTES).hex().encode()
    lines = [data[start : start + 99] for start in range(0, len(data), 99)]
    source = source_of(write(tmp_path / "a.jsonl.gz", gzip.compress(b"\n".join(lines))))
    found = samples(source)
    assert found == lines[: len(found)]
    assert 0 < len(found) < len(lines)
