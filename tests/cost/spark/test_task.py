"""What tasks send, without Spark."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec
import pytest

pa = pytest.importorskip("pyarrow", reason="the extra `spark` is not installed")
pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

from llmopt.cost.partial_bytes import decode  # noqa: E402
from llmopt.cost.prepared import prepare  # noqa: E402
from llmopt.cost.schemas import Extent  # noqa: E402
from llmopt.cost.sniff import Sniffer  # noqa: E402
from llmopt.cost.sources import find_files  # noqa: E402
from llmopt.cost.spark import shuffle  # noqa: E402
from llmopt.cost.spark.asked import asked  # noqa: E402
from llmopt.cost.spark.cutting import Cutter  # noqa: E402
from llmopt.cost.spark.shuffle import Rank  # noqa: E402
from llmopt.cost.spark.task import Probe, ReadFiles, Wanted, versions  # noqa: E402
from llmopt.cost.spark.wire import Batches, Sent, received  # noqa: E402
from tests.cost.logs import lines, written  # noqa: E402
from tests.cost.spark.test_run import claude_lines  # noqa: E402


def sent_by(batches: Batches) -> list[Sent]:
    return [sent for batch in batches for sent in received(batch)]


def numbers(*given: int) -> Batches:
    return iter([pa.record_batch([pa.array(given, pa.int64())], ["id"])])


def wanted(buckets: int = 0, **changes: str) -> Wanted:
    return Wanted(asked(dict(changes)), None, Extent(1), buckets, driver=versions())


def reader(want: Wanted, log: Path, target: int, spool: Path) -> ReadFiles:
    sniffer = Sniffer(prepare().settings.formats)
    return ReadFiles(want, tuple(Cutter(sniffer, target, spool).parts(find_files([log], spool))))


def error_of(sent: list[Sent]) -> list[str]:
    (one,) = sent
    assert one.kind == "error"
    return msgspec.msgpack.decode(one.data, type=list[str])


def test_a_worker_of_another_version_says_so() -> None:
    other = "Python 2.7, duckdb 0.1, llmopt 0.0"
    kind, message, _ = error_of(sent_by(Probe(other)(numbers(0))))
    assert kind == "ConfigError"
    assert message == f"the worker on {socket.gethostname()} has {versions()}; the driver has {other}"
    assert sent_by(Probe(versions())(numbers(0))) == []


def test_a_file_that_the_worker_does_not_see(tmp_path: Path) -> None:
    task = reader(wanted(), written(tmp_path / "a.jsonl", *lines(3)), 2**20, tmp_path / "spool")
    (tmp_path / "a.jsonl").unlink()
    kind, message, hint = error_of(sent_by(task(numbers(0))))
    assert (kind, message) == ("InputError", f"{tmp_path}/a.jsonl: the worker on {socket.gethostname()} cannot read it")
    assert "price_logs" in hint


def test_records_that_may_repeat_go_to_the_driver_or_are_dealt(tmp_path: Path) -> None:
    log = written(tmp_path / "a.jsonl", *claude_lines(30))
    here = sent_by(reader(wanted(), log, 2**20, tmp_path / "spool")(numbers(0)))
    assert [sent.kind for sent in here] == ["part", "rows"]
    dealt = sent_by(reader(wanted(4), log, 2**20, tmp_path / "spool")(numbers(0)))
    assert [sent.kind for sent in dealt] == ["part", *["rows"] * (len(dealt) - 1)]
    assert {sent.bucket for sent in dealt} <= {0, 1, 2, 3}
    assert len(dealt) > 3


def test_ranking_lets_through_what_is_for_the_driver(tmp_path: Path) -> None:
    log = written(tmp_path / "a.jsonl", *claude_lines(30))
    want = wanted(4)
    task = reader(want, log, 3000, tmp_path / "spool")
    dealt = sent_by(task(numbers(*range(len(task.parts)))))
    found = sent_by(Rank(want.asked, None, (str(log),))(sent.batch() for sent in dealt))
    assert [sent for sent in found if sent.kind == "part"] == [sent for sent in dealt if sent.kind == "part"]
    (ranked,) = [decode(sent.data) for sent in found if sent.kind == "ranked"]
    assert (ranked.seen, ranked.duplicates) == (30, 20)
    assert not any(sent.kind == "repeated" for sent in found)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_many_files_of_rows_are_put_together_and_no_row_is_lost(
    most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = written(tmp_path / "a.jsonl", *claude_lines(60))
    want = wanted(4)
    task = reader(want, log, 3000, tmp_path / "spool")
    dealt = sent_by(task(numbers(*range(len(task.parts)))))
    rank = Rank(want.asked, None, (str(log),))
    plain = sent_by(rank(sent.batch() for sent in dealt))
    monkeypatch.setattr(shuffle, "MOST_SMALL", most)
    assert sum(sent.kind == "rows" for sent in dealt) > 2 * most
    assert sent_by(rank(sent.batch() for sent in dealt)) == plain


def test_a_pile_keeps_few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = written(tmp_path / "a.jsonl", *claude_lines(30))
    rows = next(one.data for one in sent_by(reader(wanted(), log, 2**20, tmp_path)(numbers(0))) if one.kind == "rows")
    monkeypatch.setattr(shuffle, "MOST_SMALL", 3)
    pile = shuffle.Pile(tmp_path)
    for _ in range(8):
        pile.put(rows)
    assert len(pile.paths) == 2 + 2
    assert sorted(pile.paths) == sorted(str(path) for path in tmp_path.glob("*-*") if path.is_file())


def test_request_ids_are_compared_where_they_are_dealt(tmp_path: Path) -> None:
    log = written(tmp_path / "a.jsonl", *lines(9), *lines(9))
    want = Wanted(asked({}), None, None, 4, driver=versions())
    task = reader(want, log, 2000, tmp_path / "spool")
    dealt = sent_by(task(numbers(*range(len(task.parts)))))
    assert sum(len(sent.data) // 8 for sent in dealt if sent.kind == "ids") == 18
    by_bucket = [[sent.batch() for sent in dealt if sent.bucket == bucket] for bucket in range(4)]
    found = [sent for some in by_bucket for sent in sent_by(Rank(want.asked, None, (str(log),))(iter(some)))]
    assert any(sent.kind == "repeated" for sent in found)
