"""Which script or kind of sign a character is of, as far as it tells how many tokens it takes.

Blocks are those of the Unicode standard. Letters that only some languages have are told apart, since a vocabulary
knows some languages better than others. The plain
letters have a class each: how frequent they are tells languages apart, and words from noise.
"""

from __future__ import annotations

import functools
import string

_ASCII = {
    **dict.fromkeys("\"'`", "quote"),
    **dict.fromkeys(",;:", "comma"),
    **dict.fromkeys(".!?", "stop"),
    **dict.fromkeys("()", "bracket"),
    **dict.fromkeys("[]{}<>", "brace"),
    **dict.fromkeys("=+*&|%^~#@$", "operator"),
    **dict.fromkeys("/\\", "slash"),
    **dict.fromkeys("0123456789", "digits"),
    "-": "dash",
    "_": "underscore",
    " ": "space",
    "\n": "newline",
    "\t": "tab",
    **{letter: f"letter_{letter.lower()}" for letter in string.ascii_letters},
}
_LETTERS = {
    "accents_common": "àâæçéèêëîïôœùûüÿñáíóúãõäöß",
    "accents_nordic": "åøþð",
    "accents_polish": "ąćęłńśźż",
    "accents_czech": "čďěňřšťůžýľĺŕ",
    "accents_hungarian": "őű",
    "accents_turkish": "ğışə",
    "accents_baltic": "āēģīķļņūįųėōġħċ",
    "accents_romanian": "șțţ",
    "vietnamese": "ăđơưĩũ",
    "cyrillic_ukrainian": "іїєґў",
    "cyrillic_serbian": "јљњћђџѓќѕ",
    "cyrillic_russian": "ыэё",
    "cyrillic_asian": "әғқңөұүһҳҷӣӯ",
    "arabic_persian": "پچژگکی",
    "arabic_urdu": "ٹڈڑےںہھ",
    "arabic_uyghur": "ۇۆۈېىەڭۋ",
    "arabic_sindhi": "ڪڏڻڍٻڃڄٿٽٺڦڇڱڳ",
    "arabic_marks": "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652",
}
_TELLING = {letter: name for name, letters in _LETTERS.items() for letter in (*letters, *letters.upper())}
_BLOCKS = (
    (0x00, "control"),
    (0xA0, "latin_signs"),
    (0xC0, "accents_other"),
    (0x250, "other_bmp"),
    (0x300, "joiners"),
    (0x370, "greek"),
    (0x400, "cyrillic"),
    (0x530, "armenian"),
    (0x590, "hebrew"),
    (0x600, "arabic"),
    (0x700, "other_bmp"),
    (0x780, "thaana"),
    (0x7C0, "other_bmp"),
    (0x900, "devanagari"),
    (0x980, "bengali"),
    (0xA00, "gurmukhi"),
    (0xA80, "gujarati"),
    (0xB00, "oriya"),
    (0xB80, "tamil"),
    (0xC00, "telugu"),
    (0xC80, "kannada"),
    (0xD00, "malayalam"),
    (0xD80, "sinhala"),
    (0xE00, "thai"),
    (0xE80, "lao"),
    (0xF00, "tibetan"),
    (0x1000, "myanmar"),
    (0x10A0, "georgian"),
    (0x1100, "hangul"),
    (0x1200, "ethiopic"),
    (0x13A0, "cherokee"),
    (0x1400, "other_bmp"),
    (0x1780, "khmer"),
    (0x1800, "other_bmp"),
    (0x1E00, "accents_other"),
    (0x1EA0, "vietnamese_toned"),
    (0x1EFA, "accents_other"),
    (0x1F00, "greek"),
    (0x2000, "typographic"),
    (0x2070, "symbols"),
    (0x2500, "box"),
    (0x25A0, "symbols"),
    (0x2600, "emoji"),
    (0x27C0, "symbols"),
    (0x2C00, "other_bmp"),
    (0x2E80, "cjk_punctuation"),
    (0x3040, "hiragana"),
    (0x30A0, "katakana"),
    (0x3100, "cjk_punctuation"),
    (0x3400, "han_rare"),
    (0x4E00, "han"),
    (0xA000, "other_bmp"),
    (0xA980, "javanese"),
    (0xA9E0, "other_bmp"),
    (0xAC00, "hangul"),
    (0xD7B0, "other_bmp"),
    (0xF900, "han_rare"),
    (0xFB00, "other_bmp"),
    (0xFB50, "arabic"),
    (0xFE00, "joiners"),
    (0xFE10, "cjk_punctuation"),
    (0xFE70, "arabic"),
    (0xFEFF, "joiners"),
    (0xFF00, "cjk_punctuation"),
    (0xFFF0, "other_bmp"),
    (0x10000, "astral"),
    (0x1F000, "emoji"),
    (0x1F1E6, "emoji_flags"),
    (0x1F200, "emoji"),
    (0x1F3FB, "emoji_skins"),
    (0x1F400, "emoji"),
    (0x1F600, "emoji_faces"),
    (0x1F650, "emoji"),
    (0x20000, "han_rare"),
    (0x30000, "astral"),
)
"""First code point of a block and the class of its characters."""
CLASSES = tuple(
    dict.fromkeys((*_ASCII.values(), "other_ascii", *_LETTERS, *(name for _, name in _BLOCKS), "han_traditional"))
)
"""Every class there is."""


@functools.lru_cache(maxsize=1 << 15)
def class_of(character: str) -> str:
    """Return the class of a character, one of `CLASSES`."""
    if character < "\x7f":
        return _ASCII.get(character, "other_ascii" if character > " " else "control")
    if character in _TELLING:
        return _TELLING[character]
    if character == "\u200d":
        return "joiners"
    point = ord(character)
    name = next(block for start, block in reversed(_BLOCKS) if start <= point)
    return _han(character) if name == "han" else name


def _han(character: str) -> str:
    """Tell how common an ideograph is: both standards list the common ones first."""
    simplified = character.encode("gb2312", "ignore")
    if simplified and simplified[0] < 0xD8:
        return "han"
    traditional = character.encode("big5", "ignore")
    return "han_traditional" if traditional and traditional[0] < 0xC7 else "han_rare"
