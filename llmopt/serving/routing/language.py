"""Which language a text is in, by its script, its telling letters and its function words; no model, no data files.

Function words make up a third of most prose (Zipf), so a few dozen a language tell them apart within a sentence. What
they do not tell is unknown: a wrong language would send a request to a wrong model.
"""

from __future__ import annotations

import re

from llmopt.serving.routing.words import Words

_SAMPLE = 1000
"""Characters, and so words, that are looked at."""
_SHARE = 0.3
"""Share of letters of another script from which on it, and not the Latin one, tells the language."""
_AHEAD = 1.2
"""The first language must say so many times what the second one does."""
_LEAST = 0.04
"""Function words among all words, at least."""
_SCRIPTS = {
    "ja": "[\u3040-\u30ff]",
    "zh": "[\u3400-\u9fff\uf900-\ufaff]",
    "ko": "[\uac00-\ud7a3\u1100-\u11ff]",
    "ru": "[\u0400-\u04ff]",
    "ar": "[\u0600-\u06ff]",
    "he": "[\u0590-\u05ff]",
    "el": "[\u0370-\u03ff\u1f00-\u1fff]",
    "hi": "[\u0900-\u097f]",
    "bn": "[\u0980-\u09ff]",
    "ta": "[\u0b80-\u0bff]",
    "te": "[\u0c00-\u0c7f]",
    "th": "[\u0e00-\u0e7f]",
    "ka": "[\u10a0-\u10ff]",
    "hy": "[\u0530-\u058f]",
    "my": "[\u1000-\u109f]",
    "km": "[\u1780-\u17ff]",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _SCRIPTS.items()}
_DENSE = ("ja", "zh")
"""A character says about as much as a word."""
_TELLING = {
    "ru": (("uk", "іїєґ"), ("be", "ў"), ("sr", "ђјљњћџ")),
    "ar": (("ur", "ٹڈڑںے"), ("fa", "پچژگکی")),
}
"""Script's first language -> others in that script, and letters that only they have."""
_WORDS = {
    "en": "the of and to in is that for it with as on be are this was by not or you from at an have which will if can"
    " has but all your they we their been when there more who would he his its what about out do she her how why where"
    " i my me us does did please write explain define translate summarize give list tell show make between into should",
    "de": "der die und das den von zu mit ist des dem ein eine nicht auf für sich auch wird werden oder im sie als wenn"
    " einer einen einem nach bei aus kann nur sind durch über zum zur wie noch diese dieser was warum wer wo ich du wir"
    " mir bitte schreibe erkläre übersetze mein meine",
    "nl": "de het een van zijn niet wordt worden op te dat voor met deze kan naar ook bij uit geen heeft maar dit hij"
    " als er om aan wat waarom hoe ik je jij wij mijn is en in",
    "fr": "le la les des est dans une un pour pas qui sur vous par ce cette sont avec plus ou peut du au aux être ne se"
    " et il elle nous lui sa son de en que quelle quel quoi pourquoi comment je tu mon ma à l d qu c",
    "es": "el la los las de una un para con por del como se más puede es esta este su lo al pero y sin no entre que qué"
    " cuál cómo cuándo dónde quién yo mi tu en a son",
    "pt": "o os a as de um uma não para com por como mais do da dos das pode são você ou na no em ao seu é foi e isso"
    " pela pelo está que qual quando onde quem eu meu minha",
    "it": "il di che gli una un per non con del dei della delle sono nel questo questa può è si come più anche ma da"
    " alla essere lo la nella le i e in qual cosa perché quando dove chi io mio mia cos",
    "sv": "och att det som på är för inte med till av kan ett den eller en i om jag du vad hur varför vi min var så",
    "da": "og at det som på er for ikke med til af kan et den eller en i om jeg du hvad hvordan hvorfor vi min blev",
    "nb": "og at det som på er for ikke med til av kan et den eller en i om jeg du hva hvordan hvorfor vi min ble",
    "fi": "ei ja on että jos se kun ole voi joka ovat mutta kuin niin ollut myös vain mikä mitä miten miksi minä onko",
    "pl": "się nie na jest że do lub dla jak przez oraz aby może tego jego tylko być po od czy ma w i z co to kto"
    " dlaczego gdzie mój",
    "cs": "nebo jsou pro že se při být není který která které jako může pokud z v je a na co jak proč kde s to já",
    "ro": "și nu este pentru sau din care cu să pe mai sunt fi ca acest această la un în se ce o unde când cum eu",
    "hu": "az a és hogy nem egy vagy ez van is meg lehet csak ha kell mint fel volt ki már el mi miért hol én",
    "tr": "ve bir bu için ile olarak değil veya olan daha çok gibi her ne da nedir neden kim ben mi sen",
    "id": "yang dan untuk dengan dari pada tidak ini dalam atau adalah akan itu dapat ke oleh anda telah bisa apa"
    " bagaimana mengapa saya di",
    "vi": "và của là có không được cho các một trong với để người này khi đã những từ trên bạn gì tại sao tôi",
}
LANGUAGES = frozenset(_WORDS) | frozenset(_SCRIPTS) | {code for others in _TELLING.values() for code, _ in others}
"""Every language that can be told, as ISO 639-1 codes."""


def _weights() -> dict[str, tuple[tuple[str, float], ...]]:
    """Return word -> languages and what it says for each: less where several share it."""
    having: dict[str, list[str]] = {}
    for language, words in _WORDS.items():
        for word in words.split():
            having.setdefault(word, []).append(language)
    return {word: tuple((each, 1.0 / len(found)) for each in found) for word, found in having.items()}


_SAYS = _weights()


def language_of(text: str, words: Words | None = None) -> str:
    """Return the language of a text as an ISO 639-1 code; empty where it is not clear.

    Args:
        text: any text; its first 1,000 characters are looked at.
        words: of the text, where they are at hand.
    """
    sample = text[:_SAMPLE]
    if not sample.isascii() and (script := _script(sample)):
        return _within(script, sample)
    listed = (Words(sample) if words is None else words).listed[:_SAMPLE]
    return _by_words(listed)


def _script(sample: str) -> str:
    """Return the first language of the script that tells, empty for the Latin one."""
    counts = {name: len(pattern.findall(sample)) for name, pattern in _PATTERNS.items()}
    most = max(counts, key=lambda name: counts[name])
    if most == "zh" and counts["ja"]:
        most = "ja"
    count = counts[most] + (counts["zh"] if most == "ja" else 0)
    if not count:
        return ""
    latin = sum(letter.isalpha() for letter in sample) - count
    return most if count >= _SHARE * (count + latin / (5 if most in _DENSE else 1)) else ""


def _within(script: str, sample: str) -> str:
    lowered = sample.lower()
    for language, letters in _TELLING.get(script, ()):
        if any(letter in lowered for letter in letters):
            return language
    return script


def _by_words(listed: list[str]) -> str:
    said: dict[str, float] = {}
    for word in listed:
        for language, weight in _SAYS.get(word, ()):
            said[language] = said.get(language, 0.0) + weight
    ranked = sorted(said, key=lambda language: -said[language])
    if not ranked:
        return ""
    most = said[ranked[0]]
    next_most = said[ranked[1]] if len(ranked) > 1 else 0.0
    is_clear = most > _AHEAD * next_most and most >= _LEAST * len(listed)
    return ranked[0] if is_clear else ""
