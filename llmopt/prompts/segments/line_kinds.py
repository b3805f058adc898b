"""What a line looks like by itself; `blocks` then looks at its neighbours.

One pattern decides, and the name of its group is the kind: the first that fits.
"""

from __future__ import annotations

import re

_LABELS_WITH_NUMBER = (
    r"document|doc|passage|chunk|context|snippet|reference|result|article|excerpt|page|search[ ]result|file"
    r"|source|tài[ ]liệu|đoạn(?:[ ]văn)?|kết[ ]quả|nguồn|trang|văn[ ]bản|ngữ[ ]cảnh"
)
_LABELS_OF_SOURCES = (
    r"source|title|url|link|file[ ]?(?:name|path)?|document(?:[ ]title|[ ]id)?|doc(?:[ ]id)?|path|published|author"
    r"|nguồn|tiêu[ ]đề|tài[ ]liệu|tác[ ]giả|tệp"
)
_LEVELS = r"TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE|ALERT|EMERG|PANIC"
_SENDER = r"[\w.-]{1,60}+(?<=\d)[ ]*\|[ ]+|\[pod/[^\]\r\n]{1,120}+\][ ]"
"""Whose line it is, as tools write it that show the logs of several containers."""
_KEY = r"[^\r\n]{{0,600}}?\"(?:{})\"[ ]*:"
_JSON_LOG = (
    rf"\{{(?={_KEY.format('level|lvl|severity|level_?name|log[._]?level|@?l')})"
    rf"(?={_KEY.format('@?t|ts|@?time(?:stamp)?|date(?:time)?|asctime|event_time')})"
)
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"

_END = r"(?=[\r\n]|\Z)"

LINE = re.compile(
    rf"""
    (?P<blank>[^\S\r\n]*+{_END})
  | (?P<log>(?:{_SENDER})?(?:\[?\d{{4}}[-/.]\d\d[-/.]\d\d[T\ ,_]+\d\d:\d\d
      | [\[(]?\d\d:\d\d:\d\d(?:[.,]\d+)?[\])]?[ \t]
      | (?:<\d{{1,3}}>)?(?:{_MONTHS})[ ]+\d{{1,2}}[ ](?:\d{{4}}[ ])?\d\d:\d\d:\d\d
      | <\d{{1,3}}>\d[ ]\d{{4}}-
      | [^\s\[]{{1,60}}+[ ]\S{{1,60}}+[ ]\S{{1,60}}+[ ]\[\d{{1,2}}/\w{{3}}/\d{{4}}:\d\d
      | \[\w{{3}}[ ]\w{{3}}[ ]+\d{{1,2}}[ ]\d\d:\d\d:\d\d
      | [\[(]?\d{{1,2}}[/.-](?:\d{{1,2}}|\w{{3}})[/.-]\d{{2,4}}[ ,:]+\d\d:\d\d:\d\d
      | \d\d-\d\d[ ]\d\d:\d\d:\d\d[.,]\d{{3}}[ ]
      | \d{{6}}[ ]{{1,2}}(?:\d{{6}}|\d{{1,2}}:\d\d:\d\d)[ ]
      | \d{{8}}-\d{{1,2}}:\d{{1,2}}:\d{{1,2}}[:.,]
      | \d{{1,8}}:[A-Z][ ]\d\d[ ]\w{{3}}[ ]\d{{4}}[ ]\d\d:
      | -[ ]\d{{10}}[ ]\d{{4}}\.
      | [IWEFD],[ ]\[\d{{4}}-\d\d-\d\dT
      | (?:trce|dbug|info|warn|fail|crit):[ ][\w.`+]++\[\d++\]{_END}
      | [DIWEF]/[\w.$-]{{1,60}}+[ ]*\([ ]*\d+\):
      | [IWEFDV]\d{{4}}[ ]\d\d:\d\d:\d\d
      | \[[ ]*\d+\.\d{{6}}\][ ]
      | \d{{10}}(?:\d{{3}}|\.\d+)?[ ]
      | (?:ts|time|timestamp|level|lvl|msg|at|severity)=(?:\"[^\"\r\n]*+\"|\S+)[ ]+[\w.-]++=
      | [\[(](?:{_LEVELS})[ ]*[\])][ \t:]*+\S
      | (?:{_LEVELS})(?:[ ]*[:|\]-]|[ ]{{2,}}|\t)[ ]*+\S))
  | (?P<level>(?:{_SENDER})?(?:{_LEVELS})[ ](?=\S)
      | {_SENDER}(?=\S) | (?i:{_JSON_LOG})
      | Processing[ ]by[ ]\S+\# | Completed[ ]\d{{3}}[ ]
      | (?![ \t>|*+\#`{{]|-[ ]|\d{{1,3}}[.)][ ]|[A-Za-z_][\w .-]{{0,40}}+[:=][ "])
        [^\r\n]{{0,80}}?(?<![\d"'])\d\d:\d\d:\d\d(?![;\t\d"']|,(?!\d{{3}}[^\d,])))
  | (?P<trace>Traceback[ ]\(most[ ]recent
      | [ \t]+at[ ]\S
      | [ \t]+File[ ]\"
      | (?:Caused|Suppressed)[ ]?by?:[ ]
      | [ \t]*\.\.\.[ ]\d+[ ]more
      | goroutine[ ]\d+[ ]\[ | created[ ]by[ ][\w./]+\.\w | \[signal[ ]SIG | exit[ ]status[ ]\d
      | panic:[ ] | thread[ ]'[^'\r\n]{{1,60}}+'[ ]panicked[ ]at
      | During[ ]handling[ ]of[ ]the[ ]above[ ]exception, | The[ ]above[ ]exception[ ]was[ ]the[ ]direct
      | PHP[ ](?:Fatal|Parse|Warning|Notice|Deprecated) | Stack[ ]trace:{_END} | \#\d{{1,3}}[ ](?:/|{{main}}|\[internal)
      | [ \t]+(?:from|thrown[ ]in)[ ]/ | /[^\s:]{{1,200}}+:\d++:in[ ] | node:internal/
      | ---[ ]End[ ]of[ ]
      | (?:Exception[ ]in[ ]thread|Uncaught|Unhandled)\b
      | (?:[A-Za-z_$][\w$]*+\.)*+[A-Za-z_$]\w*(?:Exception|Error)(?::|(?=[\r\n])|\Z))
  | (?P<heading>\#{{1,6}}(?:[ \t]|{_END})
      | (?:\*\*[^*\r\n]{{1,100}}\*\*|__[^_\r\n]{{1,100}}__)[ ]?:?[ \t]*{_END})
  | (?P<source>(?:[-=*\#_~]+[ ]*|[<\[(【])?(?i:{_LABELS_WITH_NUMBER})[ ]?\#?\d{{1,4}}\b
        [ ]?(?:[:\])】>(|=.,\u2013\u2014-]|{_END})[^\r\n]{{0,200}}{_END}
      | (?i:{_LABELS_OF_SOURCES})[ ]?:[ ]?\S
      | \[\d{{1,3}}\][ ]?[^\s,.;)][^\r\n]{{0,200}}{_END}
      | <(?:document|doc|passage|chunk|source|result|search_result|context)\b[^<>\r\n]{{0,300}}>
      | (?i:retrieved|begin|start\ of)[ ](?:document|passage|chunk|context)\b)
  | (?P<table>[ \t]{{0,3}}\|)
  | (?P<rule>[ \t]{{0,3}}(?:=+|-+|(?:[*_-][ \t]*+){{3,}}+)[ \t]*+{_END})
  | (?P<code>[ \t]*+(?:[}}\])]++[;,]?{_END}
      | (?:async[ ])?def[ ]\w+\( | class[ ]\w+[(:] | import[ ][\w.]+;?{_END} | from[ ][\w.]+[ ]import[ ]
      | \#include\b | (?:const|let|var)[ ]\w+[ ]?[=:] | (?:export[ ])?(?:async[ ])?function[ ]\w*\( | func[ ]\w*\(
      | (?:public|private|protected|static)[ ](?:static|void|class|int|final|interface|async|String|bool)\b
      | SELECT[ ][^\r\n]{{1,200}}[ ]FROM[ ]
      | \w[\w.<>\[\]*\ ]{{0,60}}+=[^\r\n;{{=]{{1,200}}+;{_END}
      | [^\r\n;{{]{{1,300}}+(?<=\)|[ ])(?<=\).|.\))[;{{]{_END}))
  | (?P<list>[ \t]*+(?:[-*+•‣◦\u2013▪●○]|\d{{1,3}}[.)]|\(\d{{1,3}}\)|\(?[A-Za-z]\)|[A-H]\.)[ \t]+\S)
  | (?P<indented>(?:\t|[ ]{{4}})[ \t]*+\S)
  | (?P<section>\[[\w .:/-]{{1,60}}\][ \t]*{_END})
  | (?P<pair>[a-z_][\w.-]{{0,40}}[ ]?=[ ]?\S
      | [ ]{{0,3}}(?:-[ ])?[a-z_][a-z0-9_.-]{{0,40}}:(?=[ \r\n]|\Z))
  | (?P<label>(?:\*\*)?[^\W\d_][^\r\n:!?.;,|]{{0,40}}(?:\*\*)?[ ]?:(?![/\w]))
    """,
    re.VERBOSE,
)
"""Match at the start of a line; `lastgroup` is its kind, no match is prose."""
DELIMITER_ROW = re.compile(
    rf"(?=[^\r\n|]*\|)[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+{_END}"
)
"""The second line of a markdown table, as the GFM spec 4.10 says."""
LEVEL = re.compile(rf"\b(?:{_LEVELS}|Traceback|exception|panic)\b|level=\w|(?i:\b(?:warn|error|info|debug)\b)")
JSON_LOG = re.compile(_JSON_LOG, re.IGNORECASE)
"""A line of JSON that has a level and a time: three of them are a log."""
