"""`llmopt compress`: text through a pipe, reports in every format, and clear answers to wrong questions."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.cli.compress_asked import budget_of
from llmopt.core.money import dollars
from llmopt.prompts.api import compress
from llmopt.tokens.api import count_tokens
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, Golden

FORMATS = [("table", "txt"), ("json", "json"), ("csv", "csv"), ("markdown", "md"), ("html", "html")]
ANSWER = """\
You answer  customers of a book shop.   Be brief.

Rules:
- Never promise a discount on any of the books.
- Never promise a discount on any of the books.



Order: {"id":  7,   "paid":  true}
"""
REFUND = "Refunds over $50 go to a person.  Do not guess.\n\n\n\n\nCustomer: {question}\n"
CHAT = {
    "model": "gpt-4o",
    "messages": [{"role": "system", "content": REFUND}, {"role": "user", "content": "Hi   there"}],
}


@pytest.fixture
def prompts(workdir: Path) -> Path:
    """Two prompts and a log of requests in a folder, relative to the working directory."""
    folder = Path("prompts")
    folder.mkdir()
    (folder / "answer.md").write_text(ANSWER)
    (folder / "refund.txt").write_text(REFUND)
    (folder / "requests.jsonl").write_text(f"{json.dumps(CHAT)}\n" * 2)
    return folder


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize(("format", "suffix"), FORMATS)
def test_every_format(llmopt: Llmopt, golden: Golden, prompts: Path, format: str, suffix: str) -> None:
    outcome = llmopt("compress", prompts, "--level", "lossless", "--format", format)
    assert (outcome.code, outcome.err) == (0, "")
    golden(f"cli/compress.{suffix}", outcome.out)


@pytest.mark.parametrize(("format", "suffix"), FORMATS)
def test_the_audit_in_every_format(llmopt: Llmopt, golden: Golden, prompts: Path, format: str, suffix: str) -> None:
    arguments = ("--audit", "-", "-m", "gpt-4o", "--per-day", "10000", "--as-of", "2026-11-01", "--format", format)
    outcome = llmopt("compress", prompts, "--level", "lossless", *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    golden(f"cli/compress-audit.{suffix}", outcome.out)


def test_help(llmopt: Llmopt, golden: Golden) -> None:
    outcome = llmopt("compress", "--help")
    assert outcome.code == 0
    assert "llmopt compress eval [DATA]" in outcome.out
    golden("cli/compress-help.txt", outcome.out)


def test_a_file_goes_to_stdout_as_the_library_makes_it(llmopt: Llmopt, prompts: Path) -> None:
    outcome = llmopt("compress", prompts / "refund.txt")
    assert outcome.code == 0
    assert (
        outcome.out == compress(REFUND).text == "Refunds over $50 go to a person. Do not guess.\n\nCustomer: {question}"
    )
    before, after = (count_tokens(text, encoding="o200k_base").tokens for text in (REFUND, f"{outcome.out}\n"))
    share = (after - before) / before
    assert outcome.err == f"prompts/refund.txt: {before} -> {after} tokens ({share:.1%}), by o200k_base\n"
    quiet = llmopt("compress", prompts / "refund.txt", "-q")
    assert (quiet.out, quiet.err) == (outcome.out, "")


def test_standard_input_goes_to_standard_output(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch, workdir: Path) -> None:
    pipe(monkeypatch, "Xin   chào".encode())
    outcome = llmopt("compress", "-")
    assert (outcome.code, outcome.out) == (0, "Xin chào")
    assert outcome.err.startswith("<stdin>: ")


def test_a_terminal_gets_a_line_break_and_nothing_that_it_would_obey(
    llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch, workdir: Path
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    Path("a.txt").write_text("a  b\n\tc \x1b[31mred\x07\n")
    assert llmopt("compress", "a.txt").out == "a b\n\tc \\x1b[31mred\\x07\n"


def test_the_dollars_of_a_month_by_hand(llmopt: Llmopt, prompts: Path) -> None:
    arguments = ("compress", prompts / "refund.txt", "-m", "gpt-4o", "--per-day", "10000")
    (file,) = json.loads(llmopt(*arguments, "--format", "json").out)["files"]
    by_hand = Decimal(file["saved_tokens"]) * Decimal("2.50") / 1_000_000 * 10_000 * 30
    assert Decimal(file["saving"]["month_usd"]) == by_hand > 0
    assert llmopt(*arguments).err.endswith(f"by o200k_base, saves ${by_hand.normalize():f} a month on gpt-4o\n")
    audit = json.loads(llmopt(*arguments, "--audit", "-", "--format", "json").out)
    assert [Decimal(one["month_usd"]) for one in audit["removals"]] == [
        Decimal(one["tokens"]) * Decimal("0.75") for one in audit["removals"]
    ]


def test_a_file_of_several_requests_is_priced_by_its_mean_request(llmopt: Llmopt, prompts: Path) -> None:
    arguments = ("-m", "gpt-4o", "--per-day", "10000", "--format", "json")
    (file,) = json.loads(llmopt("compress", prompts / "requests.jsonl", *arguments).out)["files"]
    by_hand = Decimal(file["saved_tokens"]) / 2 * Decimal("2.50") / 1_000_000 * 10_000 * 30
    assert file["requests"] == 2
    assert Decimal(file["saving"]["month_usd"]) == by_hand


def test_the_report_holds_the_text_only_where_it_goes_nowhere_else(llmopt: Llmopt, prompts: Path) -> None:
    report = json.loads(llmopt("compress", prompts / "refund.txt", "--format", "json").out)
    assert report["files"][0]["text"] == compress(REFUND).text
    report = json.loads(llmopt("compress", prompts / "refund.txt", "--format", "json", "-o", "out.txt").out)
    assert "text" not in report["files"][0]
    assert Path("out.txt").read_text() == compress(REFUND).text + "\n"


def test_a_stable_prefix_says_what_it_holds_and_what_a_change_costs(llmopt: Llmopt, prompts: Path) -> None:
    arguments = ("compress", prompts / "refund.txt", "--stable-prefix", "guess.")
    first, second = llmopt(*arguments).err.splitlines()
    held = count_tokens("Refunds over $50 go to a person.  Do not guess.").tokens
    assert first.startswith("prompts/refund.txt: ")
    assert second == (
        f"prompts/refund.txt: the stable prefix holds {held} tokens; without it 1 more would go. "
        "--model NAME says what a change would cost."
    )
    outcome = llmopt(*arguments, "-m", "gpt-4o", "--per-day", "10000", "--as-of", "2026-11-01")
    assert outcome.out.startswith("Refunds over $50 go to a person.  Do not guess.")
    miss = Decimal(held) * (Decimal("2.50") - Decimal("1.25")) / 1_000_000
    assert f"costs ${miss:.6f}"[:-1] in outcome.err
    assert f"($2.5 instead of $1.25 a million), {dollars(miss * 300_000)} a month if all do." in outcome.err
    assert "has no rate for cached input" in llmopt(*arguments, "-m", "gpt-4", "--as-of", "2026-11-01").err


def test_a_query_keeps_what_it_needs(llmopt: Llmopt, workdir: Path) -> None:
    text = "\n\n".join(f"Shelf {number} holds books on topic {number}." for number in range(20))
    Path("shelves.txt").write_text(f"{text}\n\nThe shop opens at nine.\n")
    Path("query.txt").write_text("When does the shop open?\n")
    for query in ("When does the shop open?", "@query.txt"):
        outcome = llmopt("compress", "shelves.txt", "--query", query, "--budget", "25%")
        assert outcome.code == 0
        assert "The shop opens at nine." in outcome.out
        assert len(outcome.out) < len(text) / 2
    assert llmopt("compress", "shelves.txt", "--query", "shop", "--budget", "30").code == 0


def test_a_budget_below_what_must_stay_names_the_least(llmopt: Llmopt, workdir: Path) -> None:
    Path("kept.txt").write_text("<keep>This must stay, whatever it takes.</keep>\n\nThis may go.\n")
    outcome = llmopt("compress", "kept.txt", "--query", "what", "--budget", "3")
    assert (outcome.code, outcome.out) == (2, "")
    assert "kept.txt: " in outcome.err
    assert any(word.isdigit() and int(word) > 3 for word in outcome.err.replace(",", "").split())


def test_keep_and_level(llmopt: Llmopt, prompts: Path) -> None:
    kept = llmopt("compress", prompts / "refund.txt", "--keep", r"person\.\s+Do", "--keep", "zzz")
    assert "person.  Do not" in kept.out
    assert llmopt("compress", prompts / "answer.md", "-l", "lossless").out.count("discount") == 2
    assert llmopt("compress", prompts / "answer.md").out.count("discount") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "PATH"),
        (("nothing",), "nothing: no such file or directory"),
        (("prompts",), "3 files are not one text for stdout"),
        (("prompts/answer.md", "--level", "safest"), "no level 'safest'"),
        (("prompts/answer.md", "--json-form", "yaml"), "no form of JSON 'yaml'"),
        (("prompts/answer.md", "--query", "x"), "--query and --budget go together"),
        (("prompts/answer.md", "--budget", "5"), "--query and --budget go together"),
        (("prompts/answer.md", "--query", "x", "--budget", "many"), "--budget 'many'"),
        (("prompts/answer.md", "--query", "x", "--budget", "1.5"), "--budget '1.5'"),
        (("prompts/answer.md", "--query", "x", "--budget", "0"), "--budget '0'"),
        (("prompts/answer.md", "--query", "x", "--budget", "0,25"), "--budget '0,25'"),
        (("prompts/answer.md", "--query", "x", "--budget", "0,250"), "--budget '0,250'"),
        (("prompts/answer.md", "--query", "@none", "--budget", "5"), "a question that begins with @ takes a blank"),
        (("prompts/answer.md", "--model", "gpt-4o,gpt-4"), "one model at a time"),
        (("prompts/answer.md", "--query", " ", "--budget", "5"), "--query is empty"),
        (("prompts/answer.md", "--query", "@none", "--budget", "5"), "--query @none: cannot be read"),
        (("prompts/answer.md", "--keep", "("), "is no regular expression"),
        (("prompts/answer.md", "--stable-prefix", "END"), "'END' does not occur"),
        (("prompts/answer.md", "--model", "house-model"), "no tokenizer is known"),
        (("prompts/answer.md", "--model", "gpt-4o", "--tokenizer", "x.json"), "exclude each other"),
        (("prompts/answer.md", "--per-day", "5"), "--per-day needs to know the model"),
        (("prompts/answer.md", "--as-of", "2026-01-01"), "are about dollars"),
        (("prompts/answer.md", "--max-waste", "0.1"), "a percentage ends in %"),
        (("prompts/answer.md", "--format", "yaml"), "no output format 'yaml'"),
        (("prompts/answer.md", "--audit", "audit.xyz"), "which format?"),
        (("prompts/answer.md", "--diff", "--format", "json"), "--diff and --format all want stdout"),
        (("prompts/answer.md", "--diff", "--check"), "--check and --diff all want stdout"),
        (("prompts/answer.md", "--in-place", "-o", "x"), "--in-place and -o exclude each other"),
        (("prompts/answer.md", "--in-place", "--check"), "--check only looks"),
        (("-", "--in-place"), "standard input cannot be written in place"),
        (("prompts/answer.md", "--messages"), "not JSON"),
        (("prompts/answer.md", "--scorer", "none"), "--scorer ranks for a query"),
        (("prompts/answer.md", "--scorer", "none", "--query", "x", "--budget", "9"), "none: no such folder"),
        (("prompts/answer.md", "--llmlingua", "none"), "--llmlingua rewords"),
        (("prompts/answer.md", "--level", "aggressive", "--llmlingua", "none"), "none"),
    ],
)
def test_wrong_questions(llmopt: Llmopt, prompts: Path, arguments: tuple[str, ...], complaint: str) -> None:
    outcome = llmopt("compress", *arguments)
    assert (outcome.code, outcome.out.startswith("{")) == (2, False)
    assert complaint in outcome.err
    assert "Traceback" not in outcome.err
    assert "bug" not in outcome.err
    assert (prompts / "answer.md").read_text() == ANSWER


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"caf\xe9  au  lait", "not text: byte 0xe9 at offset 3 (line 1) is not UTF-8"),
        (b"\0\x01binary", "not text: it holds NUL bytes"),
    ],
)
def test_what_is_no_text_passes_through_a_pipe(workdir: Path, data: bytes, complaint: str) -> None:
    Path("x").write_bytes(data)
    done = subprocess.run([sys.executable, "-m", "llmopt", "compress", "x"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, data)
    assert complaint in done.stderr.decode()
    assert Path("x").read_bytes() == data


def test_an_empty_file_is_reported_and_no_failure(llmopt: Llmopt, workdir: Path) -> None:
    Path("empty.txt").touch()
    outcome = llmopt("compress", "empty.txt")
    assert (outcome.code, outcome.out) == (0, "")
    assert "llmopt: skipped: empty.txt: empty\n" in outcome.err


def test_a_closed_pipe_is_fine(prompts: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "llmopt", "compress", "prompts/answer.md", "-q"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full stands for a full disk")
def test_a_full_disk_is_said_and_no_bug(prompts: Path) -> None:
    command = [sys.executable, "-m", "llmopt", "compress", "prompts/answer.md", "-q"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    told = "llmopt: error: stdout cannot be written: No space left on device\nllmopt: hint: make room on the disk\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_a_query_in_a_file_that_is_no_text_is_named(llmopt: Llmopt, prompts: Path) -> None:
    Path("query.txt").write_bytes(b"caf\xe9")
    outcome = llmopt("compress", prompts / "answer.md", "--query", "@query.txt", "--budget", "5")
    assert (outcome.code, "--query @query.txt: not UTF-8 at offset 3" in outcome.err) == (2, True)


def test_settings_hold_and_flags_go_before_them(llmopt: Llmopt, prompts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("llmopt.toml").write_text(
        'format = "json"\n[compress]\nlevel = "lossless"\nkeep = ["person.  Do"]\n[compress.eval]\nprompts = "5"\n'
    )
    assert llmopt("compress", prompts / "answer.md").out.count("discount") == 2  # text, though json is set
    assert llmopt("compress", prompts / "answer.md", "-l", "safe").out.count("discount") == 1
    assert "person.  Do" in llmopt("compress", prompts / "refund.txt").out
    monkeypatch.setenv("LLMOPT_COMPRESS_LEVEL", "safe")
    assert llmopt("compress", prompts / "answer.md").out.count("discount") == 1
    Path("llmopt.toml").write_text('[compress]\nlevle = "safe"\n')
    assert "llmopt compress has no option 'levle'" in llmopt("compress", prompts / "answer.md").err


@pytest.mark.parametrize("setting", ["in-place = true", "check = true", "diff = true", 'output = "o"', 'audit = "-"'])
@pytest.mark.parametrize(
    ("typed", "starts"),
    [
        (("--check",), "Prompt waste"),
        (("--diff",), "--- prompts/answer.md"),
        (("--audit", "-"), "Audit"),
        (("--format", "csv"), "path,"),
        (("-o", "short.md"), ""),
    ],
)
def test_the_command_line_says_what_goes_where_and_not_the_settings(
    llmopt: Llmopt, prompts: Path, setting: str, typed: tuple[str, ...], starts: str
) -> None:
    Path("llmopt.toml").write_text(f"[compress]\n{setting}\n")
    outcome = llmopt("compress", prompts / "answer.md", *typed)
    assert outcome.code == (1 if typed == ("--check",) else 0)
    assert outcome.out.startswith(starts)
    assert bool(outcome.out) == bool(starts)
    assert (prompts / "answer.md").read_text() == ANSWER
    assert Path("short.md").exists() == ("-o" in typed)
    assert not Path("o").exists()


def test_in_place_as_a_setting_leaves_pipes_alone(
    llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch, workdir: Path
) -> None:
    Path("llmopt.toml").write_text("[compress]\nin-place = true\n")
    pipe(monkeypatch, b"Hello  there.")
    assert llmopt("compress", "-").out == "Hello there."


def test_a_budget_in_the_settings_waits_for_a_query(llmopt: Llmopt, prompts: Path) -> None:
    Path("llmopt.toml").write_text('[compress]\nbudget = "50%"\n')
    assert llmopt("compress", prompts / "refund.txt").out == compress(REFUND).text
    asked = llmopt("compress", prompts / "refund.txt", "--query", "Who answers a refund?")
    assert asked.out == compress(REFUND, query="Who answers a refund?", budget=0.5).text


def test_a_dash_as_output_is_standard_output(llmopt: Llmopt, prompts: Path) -> None:
    assert llmopt("compress", prompts / "refund.txt", "-o", "-").out == compress(REFUND).text
    assert not Path("-").exists()


@pytest.mark.parametrize(("typed", "budget"), [("1,000", 1000), ("10_000", 10_000), ("12,345,678", 12_345_678)])
def test_thousands_may_have_commas(typed: str, budget: int) -> None:
    assert budget_of(typed) == budget


def test_a_model_in_the_settings_gives_way_to_a_tokenizer(llmopt: Llmopt, prompts: Path) -> None:
    Path("llmopt.toml").write_text('[compress]\nmodel = "gpt-4"\n')
    assert "by cl100k_base" in llmopt("compress", prompts / "refund.txt").err
    outcome = llmopt("compress", prompts / "refund.txt", "--tokenizer", "none.json")
    assert "none.json" in outcome.err
    assert "exclude" not in outcome.err


def test_it_loads_nothing_heavy_and_opens_no_socket(prompts: Path) -> None:
    code = (
        "def refuse(*a, **k): raise SystemExit('a socket was opened')\n"
        "import socket, sys; socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse\n"
        "from llmopt.cli.main import run\n"
        "code = run(['compress', 'prompts', '--diff'])\n"
        "print(sorted({'duckdb', 'pydantic', 'rich', 'torch', 'transformers'} & set(sys.modules)), code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[] 0", done.stderr


def test_the_samples_stay_as_they_are(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    report = json.loads(llmopt("compress", "samples/prompts", "--format", "json").out)
    assert [file["path"].rpartition("/")[2] for file in report["files"]] == ["extract.md", "ho-tro.md", "support.md"]
    assert all("{" in file["text"] for file in report["files"])
