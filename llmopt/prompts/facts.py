"""The words of a text that a shorter one must still have: numbers, negations, quantifiers, obligations.

Each fact is one word with what is attached to it, in lower case, found by that word alone (or by it and the word beside
it: `tất cả`), so that a change elsewhere changes none. Ways to write the same negation are one fact: `don't`, `do not`,
`cannot` and `avoid` all give `not`. Words are compared in Unicode's composed form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

NUMBER = r"\d+(?:[.,:/'\u2019\u2010-\u2013\u2212\u00d7-]\d+)*+[%\u2030\u00b0]?"
"""Matches a number with its separators and percent sign: 1,234.5 and 5-10% and 2024-01-01 and 10:30 as one."""
_SIGN = r"(?:(?<![\w)\]%])[-+\u2212\u00b1])?[$€£¥₫₹]?(?:(?<![\w.])\.(?=\d))?"
_NOT = """
not cannot dont doesnt didnt isnt arent wasnt cant shouldnt couldnt wouldnt avoid avoids avoiding refrain refrains
"""
_ENGLISH = """
no non never none nothing nobody nowhere neither nor without unless except excluding hardly barely rarely seldom
forbidden forbid forbids prohibited prohibit disallowed disallow
all every each any both either most many much few several some more less fewer least exactly only everything everyone
everybody anything anyone half twice thrice single maximum minimum max min
must always shall required mandatory optional
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand thousands million millions
billion billions dozen dozens third quarter percent
"""
_VIETNAMESE = """
không chưa chẳng chả đừng chớ trừ chỉ mọi mỗi từng vài nhiều ít cấm phải luôn mấy
hai ba bốn năm sáu bảy tám chín mười mươi trăm nghìn ngàn triệu tỷ tỉ rưỡi
"""
_TWO_WORDS = """
tất cả, bất kỳ, bất kì, bất cứ, ít nhất, nhiều nhất, tối đa, tối thiểu, ngoại trừ, nghiêm cấm, hầu hết, toàn bộ, một số,
một vài, một nửa, chỉ một, đúng một, cả hai, cả ba, duy nhất, bắt buộc, tùy chọn, tuỳ chọn, được phép, trở lên,
trở xuống, up to, at least, at most
"""
_PAIRS = frozenset(tuple(pair.split()) for pair in _TWO_WORDS.split(","))
"""Words that are facts only beside each other; each of them is one of its own then."""
_FACTS: dict[str, str] = {word: word for word in (_ENGLISH + _VIETNAMESE).split()} | dict.fromkeys(_NOT.split(), "not")
_FACTS |= {"max": "maximum", "min": "minimum", "tỉ": "tỷ"}
_CANDIDATES = frozenset(_FACTS) | {word for pair in _PAIRS for word in pair}
_TOKEN = re.compile(rf"[^\W\d_]+(?:['\u2019][^\W\d_]+)*+|{_SIGN}{NUMBER}")
_CONTRACTIONS = ("n't", "n\u2019t")


def facts(text: str) -> list[str]:
    """Return the numbers, negations, quantifiers and obligations of a text, in order, in lower case."""
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    words = _TOKEN.findall(text.lower().replace("\u02bc", "'"))
    candidates = [at for at, word in enumerate(words) if word in _CANDIDATES or not word.isalpha()]
    return [fact for at in candidates if (fact := _fact(words, at))]


def kept_in_order(wanted: Iterable[object], found: Iterable[object]) -> bool:
    """Return whether everything wanted is found, in the same order; more may be found."""
    rest = iter(found)
    return all(item in rest for item in wanted)


def _fact(words: list[str], at: int) -> str:
    word = words[at]
    if word in _FACTS:
        return _FACTS[word]
    if word in _CANDIDATES:
        beside = tuple(words[at : at + 2]) in _PAIRS or (at > 0 and (words[at - 1], word) in _PAIRS)
        return word if beside else ""
    if word.endswith(_CONTRACTIONS):
        return "not"
    return word if any(character.isnumeric() for character in word) else ""
