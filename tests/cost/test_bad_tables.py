"""Bad rows in CSV and Parquet files: named with file and row, the good ones priced."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Llmopt
from tests.cost.logs import ONE, cost, line, written

HEAD = "timestamp,model,input_tokens,output_tokens,user\n"
GOOD = "2026-03-02T08:00:00Z,gpt-4o,1200,80,ana\n"


def table(path: Path, *rows: str, head: str = HEAD) -> Path:
    return written(path, (head + "".join(rows)).encode())


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_dialects(delimiter: str, mark: str, end: str, llmopt: Llmopt, tmp_path: Path) -> None:
    text = mark + (HEAD + GOOD * 3).replace(",", delimiter).replace("\n", end)
    ran = cost(llmopt, written(tmp_path / "log.csv", text.encode()), "--dedupe", "none")
    assert (ran.code, ran.report["priced"], ran.cost_usd) == (0, 3, 3 * ONE)
    assert ran.rejected == []


def test_packed(llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv.gz", gzip.compress((HEAD + GOOD * 2).encode()))
    assert cost(llmopt, path).cost_usd == 2 * ONE


def test_a_packed_table_that_is_cut_off(llmopt: Llmopt, tmp_path: Path) -> None:
    rows = "".join(GOOD.replace("ana", f"u{number * 7919 % 10007}") for number in range(5000))
    whole = gzip.compress((HEAD + rows).encode())
    path = written(tmp_path / "log.csv.gz", whole[: len(whole) // 2])
    ran = cost(llmopt, path)
    assert ran.code == 0
    assert 0 < ran.report["priced"] < 5000
    assert "damaged file" in ran.reasons


def test_a_quote_that_does_not_end(llmopt: Llmopt, tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", GOOD, GOOD.replace("ana", '"ana'), GOOD)
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"]) == (0, 1)
    assert ran.rejected[0][0] == f"{path}:3"


def test_quotes_and_line_ends_in_cells(llmopt: Llmopt, tmp_path: Path) -> None:
    odd = '2026-03-02T08:00:00Z,"gpt-4o",1200,"80","ana, ""the"" second\nof two"\n'
    ran = cost(llmopt, table(tmp_path / "log.csv", GOOD, odd, GOOD), "--by", "user")
    assert (ran.code, ran.cost_usd, ran.rejected) == (0, 3 * ONE, [])
    assert {group["key"]["user"] for group in ran.report["groups"]} == {"ana", 'ana, "the" second\nof two'}


@pytest.mark.parametrize("count", ["1200.0", "1200.00", " 1200 "])
def test_whole_numbers_in_other_spellings(count: str, llmopt: Llmopt, tmp_path: Path) -> None:
    ran = cost(llmopt, table(tmp_path / "log.csv", GOOD, GOOD.replace("1200", count)))
    assert (ran.cost_usd, ran.rejected) == (2 * ONE, [])


@pytest.mark.parametrize("count", ["-5", "12.5", "many", "true", "1e40", "9" * 30, ""])
def test_what_is_no_count(count: str, llmopt: Llmopt, tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", GOOD, GOOD.replace("1200", count), GOOD)
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 2, [(f"{path}:3", 1)])
    assert cost(llmopt, path, "--strict").code == 1


def test_empty_fields(llmopt: Llmopt, tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", GOOD, ",gpt-4o,1200,80,\n", "2026-03-02T08:00:00Z,,1200,80,bo\n", ",,,,\n")
    ran = cost(llmopt, path, "--by", "user")
    assert (ran.report["read"], ran.report["priced"]) == (4, 2)
    assert "1 record without a readable timestamp" in " ".join(ran.report["warnings"])
    assert ran.rejected == [(f"{path}:4", 2)]


def test_ragged_rows(llmopt: Llmopt, tmp_path: Path) -> None:
    short = "2026-03-02T08:00:00Z,gpt-4o\n"
    long = GOOD.rstrip() + ",what,is,this\n"
    path = table(tmp_path / "log.csv", GOOD, short, GOOD, long, GOOD)
    ran = cost(llmopt, path)
    unpriced = sum(entry["requests"] for entry in ran.report["unpriced"])
    assert (ran.code, ran.report["read"]) == (0, 5)
    assert ran.report["priced"] + unpriced + sum(count for _, count in ran.rejected) == 5
    assert ran.report["priced"] >= 3


def test_no_known_columns(llmopt: Llmopt, tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", "1,2\n", head="a,b\n")
    ran = cost(llmopt, path)
    assert ran.code == 2
    assert str(path) in ran.err
    good = written(tmp_path / "good.jsonl", line())
    ran = cost(llmopt, good, path)
    assert (ran.code, ran.report["priced"]) == (0, 1)
    assert ran.rejected[0][0].startswith(f"{path}:")


def test_columns_that_a_mapping_names(llmopt: Llmopt, tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", "gpt-4o,1200,80\n", head="llm,in,out\n")
    ran = cost(llmopt, path, "--map", "llm=model", "--map", "in=input_uncached", "--map", "out=output_text")
    assert (ran.code, ran.cost_usd) == (0, ONE)


def test_invalid_utf8_in_a_cell(llmopt: Llmopt, tmp_path: Path) -> None:
    path = written(
        tmp_path / "log.csv", (HEAD + GOOD).encode(), GOOD.encode().replace(b"ana", b"a\xffa"), GOOD.encode()
    )
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["read"]) == (0, 3)
    assert ran.report["priced"] >= 2


def test_a_head_without_rows(llmopt: Llmopt, tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv")
    ran = cost(llmopt, path)
    assert ran.code == 2
    assert str(path) in ran.err


def test_two_columns_of_one_name(llmopt: Llmopt, tmp_path: Path) -> None:
    path = table(tmp_path / "log.csv", "gpt-4o,1200,80,7\n", head="model,input_tokens,output_tokens,output_tokens\n")
    assert cost(llmopt, path).cost_usd == ONE


def parquet(path: Path, **columns: object) -> Path:
    plain = {"model": ["gpt-4o"] * 3, "input_tokens": [1200] * 3, "output_tokens": [80] * 3}
    pq.write_table(pa.table(plain | columns), path)
    return path


def test_parquet_with_float_counts(llmopt: Llmopt, tmp_path: Path) -> None:
    path = parquet(tmp_path / "log.parquet", input_tokens=[1200.0, 1200.5, None])
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.cost_usd) == (0, 1, ONE)
    assert sorted(ran.rejected) == [(f"{path}:2", 1), (f"{path}:3", 1)]


@pytest.mark.parametrize("wrong", [-5, 10**17])
def test_parquet_with_counts_out_of_range(wrong: int, llmopt: Llmopt, tmp_path: Path) -> None:
    path = parquet(tmp_path / "log.parquet", output_tokens=[80, wrong, 80])
    ran = cost(llmopt, path)
    assert (ran.code, ran.report["priced"], ran.rejected) == (0, 2, [(f"{path}:2", 1)])


def test_parquet_with_booleans_for_counts(llmopt: Llmopt, tmp_path: Path) -> None:
    path = parquet(tmp_path / "log.parquet", output_tokens=[True, False, True])
    ran = cost(llmopt, path)
    assert ran.code == 2
    assert f"{path}:1" in ran.err


def test_parquet_without_known_columns(llmopt: Llmopt, tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    ran = cost(llmopt, path)
    assert ran.code == 2
    assert f"{path}:1: no known columns" in ran.err


def test_a_cut_parquet_file(llmopt: Llmopt, tmp_path: Path) -> None:
    path = parquet(tmp_path / "log.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    ran = cost(llmopt, path)
    assert ran.code == 2
    assert str(path) in ran.err
    good = written(tmp_path / "good.jsonl", line())
    ran = cost(llmopt, good, path)
    assert (ran.code, ran.report and ran.report["priced"]) == (0, 1)


def test_a_parquet_file_with_garbage_in_its_middle(llmopt: Llmopt, tmp_path: Path) -> None:
    path = parquet(tmp_path / "log.parquet")
    data = bytearray(path.read_bytes())
    data[4:60] = b"\xff" * 56
    path.write_bytes(data)
    ran = cost(llmopt, path)
    assert ran.code == 2
    assert str(path) in ran.err
