"""Which log lines tell of trouble: these are what a log is read for, and stay byte for byte.

In doubt a line tells of trouble. Numbers of syslog priorities are those of RFC 5424, letters of levels those of klog
and of Android's logcat, numbers of levels those of bunyan and pino.
"""

from __future__ import annotations

import re

_WORDS = (
    *("error", "warn", "fatal", "exception", "critical", "severe", "alert", "emerg", "panic", "fail", "traceback"),
    *("timeout", "timed out", "time-out", "time out", "timedout", "caused by", "abort", "refused", "denied", "reject"),
    *("unreachable", "corrupt", "crash", "killed", "segfault", "out of memory", "deadlock", "unauthor", "forbidden"),
    *("lỗi", "cảnh báo", "thất bại", "ngoại lệ"),
)
_LEVEL = re.compile(
    r"""\b(?:err|eror|crit|oom|wrn|ftl|[ewf])(?=[\]:|/\s]|$)|^[ewf]\d{4}[ ]
    |\b(?:level|lvl|severity)["']?\s?[=:]\s?["']?(?:[4-6]0|[ewf]|err|crit)\b""",
    re.VERBOSE,
)
_STATUS = re.compile(
    r"""(?<![a-z])(?:status(?:[ _-]?code)?|code|http(?:/\d(?:\.\d)?)?|respon(?:se|d|ded|ds|ding)|return(?:s|ed|ing)?
    |completed|got|result|answer(?:ed)?)\b["']?[\s=:>(\[→-]{1,4}(?:with|code|status)?[\s"']?[45]\d\d\b
    |["'][ ][45]\d\d\b""",
    re.VERBOSE,
)
_CALM_LEVEL = re.compile(r"\b(?:info|debug|trace|notice)\b")
_NEUTRAL = re.compile(
    r"\btimeout(?:[ _-]?ms)?[\"']?(?:[ ]?[=:][ ]?|[ ])\d"
    r"|\b(?:errors?|fail(?:ed|ures?)|reject(?:ed|s)?|warnings?)[\"']?[ ]?[=:][ ]?0\b"
    r"|\b(?:0|no) (?:errors?|failures?|failed|warnings?)\b"
)
"""Words of trouble that tell of none where the line has a level below a warning."""
_FINE = re.compile(
    r"[\"'] [123]\d\d\b|\bhttp/\d(?:\.\d)?\"? [123]\d\d\b|\b(?:get|post|put|patch|delete|head|options) \S+ [23]\d\d\b"
)
_METHOD = re.compile(r"\b(?:get|post|put|patch|delete|head|options|connect|http)\b")
_LONE_STATUS = re.compile(r"(?<![\w.,])[45]\d\d(?![\w%])")
_STATUS_APART = re.compile(r"(?<![\w.,:/-])[45]\d\d(?![\w%:/-]|\.\d)")
_PRIORITY = re.compile(r"<(\d{1,3})>")
_MILDEST_TROUBLE = 4
"""Warning; the rest of a syslog priority is its facility."""


def tells_of_trouble(line: str) -> bool:
    """Return whether a line is of level WARN or above, names a failure, or reports an HTTP status of 400 or above."""
    low = line.lower()
    if _CALM_LEVEL.search(low):
        low = _NEUTRAL.sub("-", low)
    if any(word in low for word in _WORDS) or _LEVEL.search(low):
        return True
    if (priority := _PRIORITY.match(low)) and int(priority[1]) % 8 <= _MILDEST_TROUBLE:
        return True
    if not _LONE_STATUS.search(low):
        return False
    return bool(_STATUS.search(low) or (_METHOD.search(low) and _STATUS_APART.search(low) and not _FINE.search(low)))
