"""Light stemming for English, and words that say little in English and Vietnamese.

Stems only have to agree between a question and its answer, so they are cut short and need not be words.
"""

from __future__ import annotations

import functools

_ENDINGS = (
    "at ations ation ators ator ative ating ated ates ate ingly ments ment ances ance ences ence ities ness ings edly "
    "ions ants ents ers ors ies ied ing ion ity ant ent ism ist ive ous est ily er or ed es ly al ic ar y e s"
)
_BY_LETTER = {
    letter: tuple(e for e in _ENDINGS.split() if e[-1] == letter) for letter in {e[-1] for e in _ENDINGS.split()}
}
_SHORTEST = 3
_IRREGULAR = {
    form: verb
    for verb, forms in (
        ("begin", "began begun beginning"),
        ("become", "became becoming"),
        ("born", "birth"),
        ("break", "broke broken"),
        ("bring", "brought"),
        ("build", "built"),
        ("buy", "bought"),
        ("catch", "caught"),
        ("choose", "chose chosen choice"),
        ("come", "came coming"),
        ("die", "died dies death dead dying deaths"),
        ("draw", "drew drawn"),
        ("drive", "drove driven"),
        ("fall", "fell fallen"),
        ("fight", "fought"),
        ("fly", "flew flown flight"),
        ("forbid", "forbade forbidden"),
        ("get", "got gotten"),
        ("give", "gave given"),
        ("go", "went gone goes"),
        ("grow", "grew grown growth"),
        ("hold", "held"),
        ("keep", "kept"),
        ("know", "knew known knowledge"),
        ("lead", "led"),
        ("leave", "left"),
        ("long", "length lengthy"),
        ("lose", "lost loss losing losses"),
        ("make", "made making"),
        ("mean", "meant"),
        ("meet", "met"),
        ("pay", "paid"),
        ("rise", "rose risen"),
        ("run", "ran running"),
        ("see", "saw seen"),
        ("sell", "sold sale sales"),
        ("send", "sent"),
        ("speak", "spoke spoken speech"),
        ("spend", "spent"),
        ("take", "took taken"),
        ("teach", "taught"),
        ("tell", "told"),
        ("think", "thought"),
        ("win", "won winner winning"),
        ("write", "wrote written writing"),
    )
    for form in (verb, *forms.split())
}
_OLD_SPELLING = "oà oá oả oã oạ oè oé oẻ oẽ oẹ uỳ uý uỷ uỹ uỵ"
_NEW_SPELLING = "òa óa ỏa õa ọa òe óe ỏe õe ọe ùy úy ủy ũy ụy"
_SAY_LITTLE = (
    "a an the of in on at to for from by with and or as is are was were be been being do does did done has have had "
    "having what which who whom whose when where why how many much that this these those it its they them their "
    "there than then he she his her him i you we us our your my me not no can could will would should may might "
    "must if but so also about into over under between during after before up out some any all most more other such "
    "s t là của và các những được bị có cho trong ở với từ đến một này đó khi nào ai gì bao nhiêu đâu tại sao thế "
    "như về đã sẽ vào ra mà thì cũng nó họ ông bà người rằng để do bởi trên dưới ấy kia đang lại còn rất hay hoặc "
    "nhưng nếu vì việc sự cái con điều đây làm phải không"
)
STOPWORDS = frozenset(_SAY_LITTLE.split())


_SPELT_ANEW = dict(zip(_OLD_SPELLING.split(), _NEW_SPELLING.split(), strict=True))
_OTHERWISE = _SPELT_ANEW | {new: old for old, new in _SPELT_ANEW.items()}


def other_spelling(word: str) -> str:
    """Return a Vietnamese syllable with its tone mark where the other of the two customs puts it."""
    return word[:-2] + _OTHERWISE.get(word[-2:], word[-2:])


@functools.lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Return the stem of a word in lower case; Vietnamese syllables get one of their two spellings."""
    if not word.isascii():
        return word[:-2] + _SPELT_ANEW.get(word[-2:], word[-2:])
    if len(word) <= _SHORTEST:
        return _IRREGULAR.get(word, word)
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for shortest in (_SHORTEST, _SHORTEST + 1):
        shorter = _shorter(word, shortest)
        if shorter == word:
            break
        word = shorter
    return word


def _shorter(word: str, shortest: int) -> str:
    for ending in _BY_LETTER.get(word[-1], ()):
        rest = len(word) - len(ending)
        if rest >= max(shortest, min(len(ending), _SHORTEST + 1)) and word.endswith(ending):
            cut = word[:rest]
            return cut[:-1] if len(cut) > 4 and cut[-1] == cut[-2] and cut[-1] not in "sl" else cut
    return word
