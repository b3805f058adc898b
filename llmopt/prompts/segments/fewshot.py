"""Which lines show examples: labels such as `Input:` and `Output:` that come again in turn."""

from __future__ import annotations

import re
from collections import Counter

from llmopt.prompts.segments.rows import Rows

_LABEL = re.compile(
    r"[ \t]*(?:[-*>#]+[ ])?(?:\*\*)?(?P<name>"
    r"input|output|q|a|question|answer|user|assistant|human|ai|bot|customer|agent|system|text|label|sentence|sentiment"
    r"|review|response|query|prompt|completion|target|context|category|class|intent|summary|translation|article|tweet"
    r"|premise|hypothesis|problem|solution|expected|result|original|rewritten|before|after|code|explanation|reasoning"
    r"|thought|action|observation|message|reply|email|comment|request|command|statement|rating|topic|word|definition"
    r"|english|french|german|spanish|vietnamese|chinese|japanese|korean|italian|portuguese|russian"
    r"|đầu vào|đầu ra|câu hỏi|hỏi|trả lời|đáp|đáp án|câu|văn bản|nhãn|cảm xúc|bình luận|đánh giá|kết quả|tiếng anh"
    r"|tiếng việt|tiếng pháp|người dùng|trợ lý|khách hàng|nhân viên|tin nhắn|phản hồi|bản dịch|tóm tắt"
    r")(?:[ ]?[#]?\d{1,3})?(?:\*\*)?[ ]?:",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(r"[ \t]*(?:#+[ ])?(?:\*\*)?(?:example|ví dụ|sample|shot|mẫu)\b[ ]?#?\d{0,3}", re.IGNORECASE)
_MAY_BE = frozenset({"label", "pair", "list", "heading", "source"})
_MOST_BETWEEN = 30


def few_shot_ends(rows: Rows) -> dict[int, int]:
    """Return where each run of examples ends, by the line at which it starts."""
    ends: dict[int, int] = {}
    run: list[tuple[int, str]] = []
    for label in _labels(rows):
        if run and (not label[1] or label[0] - run[-1][0] > _MOST_BETWEEN):
            ends |= _examples(rows, run)
            run = []
        if label[1]:
            run.append(label)
    return ends | _examples(rows, run)


def _labels(rows: Rows) -> list[tuple[int, str]]:
    """Return the lines with labels, and those with other headings, which end a run, with an empty name."""
    labels: list[tuple[int, str]] = []
    starts = rows.starts
    for index, kind in enumerate(rows.kinds):
        if kind in _MAY_BE and (found := _LABEL.match(rows.text, starts[index], starts[index + 1])):
            labels.append((index, found["name"].lower()))
        elif kind == "heading" and _parts(rows, index):
            labels.append((index, ""))
    return labels


def _parts(rows: Rows, at: int) -> bool:
    """Return whether a heading begins something else; one of an example does not, nor does one without words."""
    start, end = rows.starts[at], rows.starts[at + 1]
    return not _EXAMPLE.match(rows.text, start, end) and rows.line(at).strip("# \t") != ""


def _examples(rows: Rows, run: list[tuple[int, str]]) -> dict[int, int]:
    """Return the one range of a run of labels in which at least two of them come again, if they do."""
    counts = Counter(name for _, name in run)
    again = [index for index, name in run if counts[name] >= 2]
    if len({name for _, name in run if counts[name] >= 2}) < 2:
        return {}
    first = again[0]
    heading = first - 1
    while heading > 0 and rows.kinds[heading] == "blank":
        heading -= 1
    if heading >= 0 and _EXAMPLE.match(rows.text, rows.starts[heading], rows.starts[heading + 1]):
        first = heading
    return {first: _content_end(rows, again[-1])}


def _content_end(rows: Rows, last: int) -> int:
    end = last + 1
    while end < len(rows) and rows.kinds[end] not in ("blank", "heading", "rule"):
        end += 1
    return end
