"""Turn unpacked packages into documents of many kinds, each with its category and its source.

A document is 200 bytes to 20 kB of consecutive lines, mostly 500 to 5,000. A source is a package, or a message
catalogue; the fit never has a source on both sides. Natural languages are told by their script, Latin ones by the
folder of the file. Everything is drawn with a generator seeded by the source, so a rerun gives the same documents.
"""

from __future__ import annotations

import gettext
import gzip
import html.parser
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Document:
    """A text of the corpus."""

    category: str
    source: str
    text: str


CODE = {
    **dict.fromkeys((".py", ".pyi"), "python"),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), "javascript"),
    **dict.fromkeys((".ts", ".tsx", ".vue", ".svelte"), "typescript"),
    **dict.fromkeys((".java", ".kt", ".scala", ".gradle", ".cs", ".swift"), "java"),
    **dict.fromkeys((".c", ".h", ".cpp", ".hpp", ".cc", ".cxx", ".m", ".mm"), "c"),
    **dict.fromkeys((".rb", ".pl", ".pm", ".lua", ".r", ".R", ".tcl"), "scripting"),
    **dict.fromkeys((".sh", ".bash", ".cmake", ".mk"), "shell"),
    **dict.fromkeys((".el", ".lisp", ".hs", ".erl", ".hrl", ".ml", ".mac"), "functional"),
    **dict.fromkeys((".css", ".scss", ".less"), "css"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".xml", ".svg", ".page", ".xsl", ".xlf"), "xml"),
    **dict.fromkeys((".tex", ".sty", ".cls", ".ltx", ".lyx"), "latex"),
    **dict.fromkeys((".yaml", ".yml"), "yaml"),
    **dict.fromkeys((".toml", ".ini", ".cfg", ".conf", ".desktop"), "config"),
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    ".go": "go",
    ".rs": "rust",
    ".php": "php",
    ".sql": "sql",
    ".json": "json",
    ".md": "markdown",
    ".rst": "markdown",
    ".log": "log",
    ".map": "",
    ".properties": "",
    ".ftl": "",
    ".po": "",
    ".mo": "",
    ".txt": "text",
}
SCRIPTS = (
    ("korean", r"[\uac00-\ud7a3]", 0.2),
    ("japanese", r"[\u3040-\u30ff]", 0.08),
    ("chinese", r"[\u4e00-\u9fff]", 0.2),
    ("thai", r"[\u0e00-\u0e7f]", 0.3),
    ("hindi", r"[\u0900-\u097f]", 0.3),
    ("persian_urdu", r"[\u067e\u0686\u0698\u06a9\u06af\u06cc\u0679\u06d2\u06ba\u06c6\u06c7\u06d5]", 0.04),
    ("arabic", r"[\u0600-\u077f\ufb50-\ufdff\ufe70-\ufefc]", 0.3),
    ("hebrew", r"[\u0590-\u05ff]", 0.3),
    ("greek", r"[\u0370-\u03ff\u1f00-\u1fff]", 0.3),
    ("other_cyrillic", r"[\u0404\u0406-\u040c\u040e\u040f\u0452-\u045f\u0490-\u0527]", 0.01),
    ("russian", r"[\u0400-\u052f]", 0.3),
    ("indic", r"[\u0980-\u0dff]", 0.3),
    ("other_script", r"[\u0530-\u058f\u0780-\u07bf\u0e80-\u13ff\u1780-\u18af\ua4d0-\uabff]", 0.3),
    ("vietnamese", r"[\u0103\u0111\u01a1\u01b0]", 0.02),
)
_SCRIPTS = tuple((name, re.compile(pattern), share) for name, pattern, share in SCRIPTS)
_WESTERN = {"de", "fr", "es", "it", "pt", "nl", "pt_BR", "pt-br", "pt-pt", "de_DE", "fr_FR", "es_ES", "ca", "gl"}
_EASTERN = {
    *("pl", "cs", "hu", "fi", "ro", "sv", "da", "nb", "nn", "no", "tr", "id", "sk", "sl", "hr", "lt", "lv", "et", "eu"),
    *("is", "ga", "cy", "sq", "ms", "af", "mt", "sw", "tl", "eo", "br", "nb-no", "az", "uz"),
}
_LANGUAGE = re.compile(r"(?:^|[/._-])([a-z]{2}(?:[_-][A-Za-z]{2})?)(?=$|[/._-])")
_ENGLISH = re.compile(r"\b(?:the|of|and|to|in|is|that|for|it|as|with|on|be|are|this|by|not|or|you|from|at|an|have)\b")
_BIG = 3_000_000
MEDIAN, SPREAD = 1800.0, 0.9


def documents(folders: list[Path], per_source: int, per_file: int = 2) -> Iterator[Document]:
    """Yield the documents of every package under the folders, and of message catalogues of the system."""
    for folder in folders:
        for registry in ("debian", "npm", "pypi"):
            for package in sorted((folder / registry).glob("*")):
                yield from _package(f"{registry}/{package.name}", package, per_source, per_file)


def catalogues(folder: Path, per_source: int = 6) -> Iterator[Document]:
    """Yield documents of the installed message catalogues, such as those in `/usr/share/locale`."""
    domains = defaultdict(list)
    for path in sorted(folder.glob("*/LC_MESSAGES/*.mo")):
        domains[path.stem].append(path)
    for domain, paths in sorted(domains.items()):
        yield from _some(f"locale/{domain}", paths, folder, per_source, 1)


def articles(path: Path) -> Iterator[Document]:
    """Yield the paragraphs of a file of question answering, each article as it comes."""
    by_title = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        by_title[row["title"]].append(row["context"])
    for paragraphs in by_title.values():
        text = "\n\n".join(dict.fromkeys(paragraphs))
        yield Document(language(text, "en"), "xquad", text[:6000])


def _package(source: str, home: Path, per_source: int, per_file: int) -> Iterator[Document]:
    paths = [p for p in sorted(home.rglob("*")) if p.is_file() and not p.is_symlink() and 200 < p.stat().st_size < _BIG]
    yield from _some(source, paths, home, per_source, per_file)


def _some(source: str, paths: list[Path], home: Path, per_source: int, per_file: int) -> Iterator[Document]:
    """Draw documents from files in a random order until each category has enough or 4,000 files were read."""
    drawn: Counter[str] = Counter()
    generator = random.Random(source)
    generator.shuffle(paths)
    kinds: Counter[str] = Counter()
    for path in paths:
        kind = f"{_suffix(path)}:{_language_of(path, home)}"
        kinds[kind] += 1
        if kinds[kind] > 6 * per_source:
            continue
        for category, text in _texts(path, home, generator):
            for piece in _pieces(text, generator, per_file):
                exact = category if category in _FIXED else language(piece, category)
                if drawn[exact] < per_source:
                    drawn[exact] += 1
                    yield Document(exact, source, piece)


_FIXED = {*CODE.values(), "minified", "stack"} - {"", "text"}


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def _language_of(path: Path, home: Path) -> str:
    if home.name == "udhr":
        return "udhr"
    found = _LANGUAGE.findall(str(path.relative_to(home)) if path.is_relative_to(home) else str(path))
    known = [code for code in found if code in _WESTERN | _EASTERN]
    package = _LANGUAGE.findall(home.name)
    return next(iter([*known, *(code for code in package if code in _WESTERN | _EASTERN)]), "en")


def language(text: str, code: str) -> str:
    """Tell the category of natural language: by its script, or by the code of the language."""
    letters = sum(map(str.isalpha, text)) or 1
    for name, pattern, share in _SCRIPTS:
        if len(pattern.findall(text)) > share * letters:
            return name
    if code == "udhr":
        return "rare_latin"
    if code in _WESTERN | _EASTERN:
        return "western" if code in _WESTERN else "eastern"
    words = len(re.findall(r"[^\W\d_]+", text))
    return "english" if len(_ENGLISH.findall(text.lower())) > 0.08 * words else "rare_latin"


def _texts(path: Path, home: Path, generator: random.Random) -> Iterator[tuple[str, str]]:
    """Yield the texts of a file with a category or, for natural language, the code of the language."""
    suffix, code = _suffix(path), _language_of(path, home)
    if suffix in (".mo", ".po"):
        yield code, _catalogue(path)
        return
    text = _read(path)
    if "/logs/" in str(path) and suffix in ("", ".log"):
        yield "log", text
    elif re.fullmatch(r"\.[1-8][a-z]*", suffix):
        yield code, _roff(text)
    elif suffix in (".html", ".htm", ".page"):
        yield code, _visible(text)
        if generator.random() < 0.2:
            yield CODE[suffix if suffix != ".page" else ".xml"], text
    elif suffix in (".properties", ".ftl"):
        yield code, "\n".join(re.findall(r"^[\w.-]+ ?= ?(.{12,})$", text, re.MULTILINE))
    elif suffix == ".json":
        yield from _json(text, code, generator)
    else:
        yield from _by_suffix(text, suffix, code, named=_NAMED.search(f"{home.name} {path}") is not None)


_NAMED = re.compile("fortune|faq|doc")
"""Where files without a suffix are texts to read."""


def _by_suffix(text: str, suffix: str, code: str, named: bool) -> Iterator[tuple[str, str]]:
    category = CODE.get(suffix, "")
    if category in ("javascript", "css") and max(map(len, text[:20000].splitlines()), default=0) > 1000:
        yield "minified", text
    elif category == "text" or (not suffix and named):
        yield code, text
    elif category:
        yield category, text


def _read(path: Path) -> str:
    """Return the text of a file; empty if it is none."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = data[:_BIG].decode("utf-8")
    except (UnicodeDecodeError, OSError, EOFError):
        return ""
    return "" if "\0" in text else text


def _json(text: str, code: str, generator: random.Random) -> Iterator[tuple[str, str]]:
    """Yield JSON as it is, packed or indented; the strings of a message file too."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(value, dict) and len(value) > 20 and all(isinstance(v, str) for v in list(value.values())[1:]):
        strings = [v for v in value.values() if isinstance(v, str) and len(v) > 15]
        yield code, "\n".join(strings)
        if generator.random() < 0.9:
            return
    style = generator.choice(("as is", "packed", "indented", "escaped"))
    if style == "packed":
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    elif style in ("indented", "escaped"):
        text = json.dumps(value, ensure_ascii=style == "escaped", indent=generator.choice((2, 4)))
    yield "json", text


def _catalogue(path: Path) -> str:
    if path.suffix == ".po":
        lines = re.findall(r'^(?:msgstr )?"(.*)"$', path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        return "\n".join(line for line in lines[10:] if len(line) > 15)
    try:
        with path.open("rb") as file:
            catalogue = gettext.GNUTranslations(file)
    except (OSError, ValueError, IndexError, AssertionError):
        return ""
    messages = getattr(catalogue, "_catalog", {})
    return "\n".join(m for key, m in messages.items() if key and isinstance(m, str) and len(m) > 15)


def _roff(text: str) -> str:
    lines = [
        re.sub(r"^\.[A-Z]+ ?", "", line) for line in text.splitlines() if not line.startswith((".\\", "'\\", ".de"))
    ]
    return re.sub(r"\\f.|\\[-&|^]|\\\(..", lambda m: "-" if m[0] == "\\-" else "", "\n".join(lines)).replace('"', "")


class _Reader(html.parser.HTMLParser):
    """Collects the visible text of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("script", "style")
        if tag in ("p", "div", "li", "h1", "h2", "h3", "tr", "dt", "dd", "pre", "br"):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style") and self.hidden > 0

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)


def _visible(text: str) -> str:
    reader = _Reader()
    reader.feed(text)
    joined = re.sub(r"[ \t]*\n[ \t]*", "\n", "".join(reader.parts))
    return re.sub(r"\n{3,}", "\n\n", joined).strip()


def _pieces(text: str, generator: random.Random, count: int) -> Iterator[str]:
    """Yield up to `count` pieces of consecutive lines, of lengths drawn at random, that do not overlap."""
    at = generator.randrange(max(1, len(text) // 2))
    for _ in range(count):
        size = int(min(20_000, max(400, generator.lognormvariate(0, SPREAD) * MEDIAN)))
        start = text.rfind("\n", 0, at) + 1
        start = start if at - start < 2000 else at
        stop = text.find("\n", start + size * 4 // 5, start + size)
        piece = text[start : stop if stop > 0 else start + size]
        if len(piece.encode("utf-8", "replace")) >= 200:
            yield piece.encode("utf-8", "replace")[:20_000].decode("utf-8", "ignore")
        at = start + len(piece) + generator.randrange(2000)
        if at >= len(text):
            return
