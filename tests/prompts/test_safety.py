"""Nothing that matters is lost: any prompt, every level, told by checks that share nothing with the compressor.

    LLMOPT_SAFETY_EXAMPLES=10000 pytest tests/prompts/test_safety.py     # as many as the claim, some 20 minutes

Without it a few hundred prompts are tried, new ones each time outside CI.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.prompts.api import compress
from llmopt.prompts.context import LEVELS, Level
from llmopt.prompts.edits import applied
from llmopt.prompts.evaluation.checks import faults, missing
from llmopt.prompts.evaluation.evaluate import all_faults
from llmopt.prompts.evaluation.generate import KINDS, generated
from llmopt.tokens.api import tokenizer_for
from tests.conftest import ROOT
from tests.prompts.fragments import lists, paragraphs, sentences, texts, values
from tests.prompts.scope import torn

EXAMPLES = int(os.environ.get("LLMOPT_SAFETY_EXAMPLES", "0"))
"""How many prompts of each test; 0: few enough for every run."""
many = settings(max_examples=EXAMPLES or 100, suppress_health_check=list(HealthCheck))
few = settings(max_examples=EXAMPLES or 40, suppress_health_check=list(HealthCheck))


@many
@given(text=texts())
def test_nothing_is_lost_from_any_prompt(text: str) -> None:
    for level in LEVELS:
        assert not all_faults(text, level, tokenizer_for()), level


@many
@given(text=st.one_of(sentences, paragraphs, lists()))
def test_nothing_is_lost_from_instructions(text: str) -> None:
    for level in LEVELS:
        assert not all_faults(text, level, tokenizer_for()), level


@many
@given(text=st.one_of(paragraphs, lists()))
def test_negations_and_numbers_stay_with_their_words(text: str) -> None:
    for level in LEVELS:
        assert not torn(text, compress(text, level=level).text), level


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_from_generated_prompts(kind: str) -> None:
    for prompt in generated(EXAMPLES or 15, seed=7, kinds=(kind,)):
        for level in LEVELS:
            assert not all_faults(prompt.text, level, tokenizer_for()), (level, prompt.text)


@few
@given(text=texts(), level=st.sampled_from(LEVELS))
def test_removals_account_for_every_difference(text: str, level: Level) -> None:
    found = compress(text, level=level)
    assert found.original == text
    assert applied(text, found.changes) == found.text
    at, parts = 0, []
    for removal in found.removals:
        assert removal.start >= at
        assert removal.text == text[removal.start : removal.end]
        assert removal.rules
        assert 1 <= removal.first_line <= removal.last_line
        parts += [text[at : removal.start], removal.replacement]
        at = removal.end
    assert "".join([*parts, text[at:]]) == found.text
    assert bool(found.removals) == (found.text != text)


@few
@given(text=st.one_of(values(), texts()), form=st.sampled_from(("toon", "csv", "smallest")))
def test_other_forms_of_json_lose_nothing_and_are_stable(text: str, form: str) -> None:
    found = compress(text, level="lossless", json_form=form)
    assert not faults(text, found.text, "safe", same_json=False)
    assert found.tokens_after <= found.tokens_before
    assert compress(found.text, level="lossless", json_form=form).text == found.text


@few
@given(text=texts(), word=st.sampled_from(("please", "the", "in order", r"\d+", "không", "  +", ".*note.*")))
def test_what_the_user_keeps_stays(text: str, word: str) -> None:
    found = compress(text, level="aggressive", keep=[word]).text
    at = 0
    for match in re.finditer(word, text, re.MULTILINE):
        place = found.find(match[0], at)
        assert place >= 0, match
        at = place + len(match[0])


@few
@given(head=texts(), tail=texts())
def test_a_stable_prefix_stays_byte_for_byte(head: str, tail: str) -> None:
    mark = "=== cached up to here ==="
    found = compress(head + mark + tail, level="aggressive", stable_prefix=mark)
    assert found.text.startswith(head + mark)


@few
@given(text=texts(), query=sentences, share=st.floats(0.05, 1.0))
def test_a_budget_is_never_exceeded(text: str, query: str, share: float) -> None:
    try:
        found = compress(text, query=query, budget=share)
    except InputError as error:
        told = error.message
    else:
        told = ""
        assert found.tokens_after <= share * found.tokens_before
        assert [one for one in missing(text, found.text) if one.startswith(("keep region", "fenced code"))] == []
        assert "`" in text or "<" in text or not missing(text, found.text)
    assert not told or re.search(r"\d", told)


def test_the_same_bytes_come_out_of_every_process() -> None:
    code = (
        "import hashlib, sys\n"
        "from llmopt.prompts.api import compress\n"
        "from llmopt.prompts.evaluation.generate import generated\n"
        "found = hashlib.sha256()\n"
        "for prompt in generated(42, seed=3):\n"
        "    for level in ('lossless', 'safe', 'aggressive'):\n"
        "        text = compress(prompt.text, level=level).text\n"
        "        found.update(text.encode('utf-8', 'surrogatepass') + b'\\0')\n"
        "    chosen = compress(prompt.text, query='Which orders are late?', budget=1.0).text\n"
        "    found.update(chosen.encode('utf-8', 'surrogatepass'))\n"
        "print(found.hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(ROOT),
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "424242")
    }
    assert len(digests) == 1
