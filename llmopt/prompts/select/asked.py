"""What kind of thing a question asks for, and whether a passage holds one: a number, a name, a time, a price, a reason.

The weights of numbers and names were fitted with those of the words (`score`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

_NUMBER, _NAME = 0.8, 0.4
_KIND = 0.4
"""Of a time, a price and a reason."""
_ASKS_NUMBER = re.compile(
    r"\b(?:when|how (?:many|much|long|old|far|often|large|big|tall|high|fast|deep)|wh(?:at|ich) (?:year|date|day|month"
    r"|century|decade|time|percent\w*|number|amount)|khi nào|bao nhiêu|bao lâu|bao xa|năm nào|ngày nào|tháng nào"
    r"|thế kỷ nào|thời gian nào|mấy|số lượng)\b",
    re.IGNORECASE,
)
_ASKS_NAME = re.compile(r"\b(?:who|whom|whose|where|which|ai|đâu|người nào|nước nào|tên)\b", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_SPELT = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|millions?|half"
    r"|third|quarter|once|twice|decades?|century|centuries|hai|ba|bốn|năm|sáu|bảy|tám|chín|mười|trăm|nghìn|ngàn|triệu"
    r"|tỷ|nửa|thế kỷ|thập kỷ)\b"
)
_CAPITAL = re.compile(r"(?<=[\w,;:(] )[\"'“\u2018(]?[^\W\d_a-zà-öø-ÿ]\w+")
_MOST_NAMES = 3
_QUESTION = 500
"""Characters of a query in which it may say what it asks for."""
_KINDS = (
    (
        r"how (?:long|soon|often)|until when|bao lâu|mấy (?:ngày|tuần|tháng|giờ)",
        r"(?:second|minute|hour|day|night|week|month|year|decade)s?|daily|weekly"
        r"|(?<=\d )(?:giây|phút|giờ|ngày|tuần|tháng|năm)",
    ),
    (
        r"how much|prices?|costs?|fees?|charged?|pa(?:y|id)|giá|phí|bao nhiêu tiền|phải trả",
        r"USD|EUR|GBP|VND|dollars?|euros?|pounds?|crowns?|cents?|francs?|yen|đồng|đô la|[$€£¥₫]",
    ),
    (
        r"why|what (?:caused?|made|makes|led)|what was the reason|vì sao|tại sao|vì đâu|nguyên nhân|lý do",
        r"because|so that|due to|owing to|thanks to|as a result|in order to|caused?|vì|nhờ|bởi vì|khiến",
    ),
)


def answer_bonus(query: str) -> Callable[[str], float]:
    """Return what a unit gains by holding the kind of thing that a query asks for."""
    head = query[:_QUESTION]
    kinds = [answer for question, answer in _PATTERNS if question.search(head)]
    number, name = _ASKS_NUMBER.search(head) is not None, _ASKS_NAME.search(head) is not None

    def bonus(text: str) -> float:
        value = 0.0
        if number:
            value = _NUMBER if _DIGIT.search(text) or _SPELT.search(text.lower()) else 0.0
        elif name:
            value = _NAME * min(len(_CAPITAL.findall(text)), _MOST_NAMES) / _MOST_NAMES
        for kind in kinds:
            value += _KIND if kind.search(text) else 0.0
        return value

    return bonus


_PATTERNS = [
    (re.compile(rf"\b(?:{question})\b", re.IGNORECASE), re.compile(rf"(?<!\w)(?:{answer})(?!\w)", re.IGNORECASE))
    for question, answer in _KINDS
]
