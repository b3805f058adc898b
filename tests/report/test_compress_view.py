"""What a report on compressed files says, and the arithmetic of its dollars."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from llmopt.core.rate import Band, Price, Rates
from llmopt.cost.prompts import ModelPrice
from llmopt.prompts.files.reading import Source
from llmopt.prompts.files.requests import compress_requests
from llmopt.prompts.files.texts import compress_text_file
from llmopt.prompts.files.values import FileResult
from llmopt.prompts.options import options_of
from llmopt.report import compress_audit_view, compress_view
from llmopt.report.compress_money import Pricing, month_of, saving_of
from llmopt.report.compress_shown import Shown

WORDY = "Answer  the   question. END\n\n\n\nBe  brief.\n"
MTOK = Decimal(1_000_000)
RATES = Rates(
    input_uncached=Decimal(3),
    input_cache_read=Decimal("0.3"),
    input_cache_write_5m=Decimal("3.75"),
    output_text=Decimal(15),
)
DEARER = Rates(input_uncached=Decimal(6), input_cache_read=Decimal("0.6"), input_cache_write_5m=Decimal("7.5"))


def text_file(text: str = WORDY, **options: Any) -> FileResult:
    source = Source("a.md", "a.md", text, "utf-8", b"", "none", (0, 0))
    return compress_text_file(source, options_of(**options))


def pricing(
    rates: Rates = RATES, *, per_day: int | None = 1000, above: int = 10**6, warnings: tuple[str, ...] = ()
) -> Pricing:
    price = Price("id", "maker", "model", "default", date(2026, 1, 1), rates, (Band(above, "cliff", DEARER),))
    return Pricing("model", ModelPrice(price, warnings), per_day)


def test_a_month_by_hand() -> None:
    file = text_file()
    saving = saving_of(file, pricing())
    assert saving.request_usd == Decimal(file.saved_tokens) * 3 / MTOK
    assert saving.month_usd == Decimal(file.saved_tokens) * 3 / MTOK * 1000 * 30
    assert month_of(7, file, pricing()) == Decimal(7) * 3 / MTOK * 30_000
    assert saving_of(file, pricing(per_day=None)).month_usd is None
    assert month_of(7, file, pricing(per_day=None)) is month_of(7, file, None) is None


def test_a_long_request_pays_the_rate_of_its_band() -> None:
    file = text_file()
    assert month_of(7, file, pricing(above=5)) == Decimal(7) * 6 / MTOK * 30_000
    between = pricing(above=file.after.tokens)
    by_hand = (Decimal(file.before.tokens) * 6 - Decimal(file.after.tokens) * 3) / MTOK
    assert saving_of(file, between).request_usd == by_hand


def test_a_miss_costs_what_writing_costs_more_than_reading() -> None:
    file = text_file(stable_prefix="END")
    assert file.held is not None
    miss = saving_of(file, pricing()).miss
    assert miss is not None
    assert (miss.cached_usd_per_mtok, miss.missed_usd_per_mtok) == (Decimal("0.3"), Decimal("3.75"))
    assert miss.request_usd == Decimal(file.held.tokens) * Decimal("3.45") / MTOK
    assert miss.month_usd == miss.request_usd * 30_000
    longer = saving_of(file, pricing(above=1)).miss
    assert longer is not None
    assert longer.request_usd == Decimal(file.held.tokens) * Decimal("6.9") / MTOK
    assert saving_of(text_file(), pricing()).miss is None


def test_without_a_cached_rate_there_is_nothing_to_lose() -> None:
    plain = pricing(Rates(input_uncached=Decimal(3)))
    file = text_file(stable_prefix="END")
    miss = saving_of(file, plain).miss
    assert miss is not None
    assert (miss.cached_usd_per_mtok, miss.request_usd, miss.month_usd) == (None, None, None)
    report = compress_view.view(Shown("safe", (file,), plain, {"a.md": saving_of(file, plain)}))
    assert any(
        "model has no rate for cached input, so a change costs nothing there." in note.text for note in report.notes
    )


def test_notes_say_where_the_numbers_come_from() -> None:
    file = text_file(model="claude-sonnet-4-5", stable_prefix="END")
    asked = pricing(warnings=("an old price",))
    shown = Shown("safe", (file,), asked, {"a.md": saving_of(file, asked)})
    report = compress_view.view(shown)
    texts = " ".join(note.text for note in report.notes)
    assert "about " in report.headline
    for part in (
        "stable prefix holds",
        "a million), $",
        "Tokens are estimated",
        "1,000 requests a day",
        "an old price",
    ):
        assert part in texts
    assert [note.text for note in compress_view.view(shown, brief=True).notes] == ["an old price"]
    unspecific = pricing(per_day=None)
    notes = compress_view.view(Shown("safe", (file,), unspecific, {"a.md": saving_of(file, unspecific)})).notes
    assert not any("a month" in note.text for note in notes)


def test_nothing_to_show_is_shown_as_that() -> None:
    empty = Shown("safe", ())
    assert compress_view.view(empty).headline == "nothing was compressed"
    assert compress_view.payload(empty)["total"] == {
        "files": 0,
        "tokens_before": 0,
        "tokens_after": 0,
        "saved_tokens": 0,
        "saved_share": "0",
    }
    report = compress_audit_view.view(Shown("safe", (text_file("Done.\n"),)))
    assert [note.text for note in report.tables[0].notes] == ["Nothing was removed."]
    assert len(report.tables) == 1


def test_a_removal_of_a_log_is_priced_by_the_share_of_requests_that_it_is_in() -> None:
    line = json.dumps({"messages": [{"role": "user", "content": WORDY}]})
    text = f"{line}\n" * 4
    source = Source("a.jsonl", "a.jsonl", text, "utf-8", b"", "none", (0, 0))
    file = compress_requests(source, options_of())
    assert month_of(8, file, pricing()) == Decimal(8) * 3 / MTOK * 30_000 / 4
    assert saving_of(file, pricing()).month_usd == Decimal(file.saved_tokens) * 3 / MTOK * 30_000 / 4
