"""Frequent short words that tell languages in Latin letters apart.

Function words make up a third of most prose, so a few dozen of them tell how much of a text is in a language. Words
that several of the languages share are left out, or count for the language in which they are the most frequent.
"""

from __future__ import annotations

_WORDS = {
    "english": "the of and to in is that for it as with on be are this was by not or you from at an have which will if"
    " can has but all your they we their been when there more who would he his its what about out up one do she her",
    "german": "der die und das den von zu mit ist des dem ein eine nicht auf für sich auch wird werden oder im sie als"
    " wenn einer einen einem nach bei aus kann nur sind durch über zum zur wie noch diese dieser",
    "dutch": "het een van zijn niet wordt worden op te dat voor met deze kan naar ook bij uit geen niet heeft maar dit"
    " gebruikt hij als er om aan",
    "nordic": "och att det som på är för inte med till av kan ett den eller och ikke og til af ved skal hvis ikke blir"
    " fra kun også være du jag om",
    "french": "le les des est dans une pour pas qui sur vous par ce cette sont avec plus ou peut du au aux être ne se"
    " fichier et il elle nous lui sa son",
    "spanish": "el los las una para con por del como se más puede es este esta su lo al archivo pero y sin no entre",
    "portuguese": "os um uma não para com por como mais do da dos das pode são você ou na no em ao seu arquivo é foi e"
    " isso pela pelo está",
    "italian": "il di che gli una per non con del della dei delle sono nel questo questa può è si come più anche ma da"
    " alla essere viene file lo nella",
    "polish": "się nie na jest że do lub dla jak przez oraz pliku aby może tego jego tylko być po od ze gdy czy ma",
    "czech": "nebo jsou pro že se při být není který která které jako může pokud tento sa je pre ktorý alebo nie jsem"
    " lze z v ve k s bol",
    "hungarian": "az és hogy nem egy vagy ez van is meg lehet csak ha amely azt kell mint fel volt ki már el",
    "romanian": "și nu este pentru sau din care cu să pe mai sunt fi ca acest această la un în se ce dacă prin",
    "turkish": "ve bir bu için ile olarak değil veya olan daha çok gibi her ne da de en kadar sonra ya mi",
    "finnish": "ei ja on tai että jos se kun ole voi joka ovat mutta kuin niin ollut sen myös vain",
    "indonesian": "yang dan untuk dengan dari pada tidak ini dalam atau adalah akan itu dapat ke oleh anda telah bisa",
    "slavic": "je za na od koji ili iz kako nije sa biti ako su da što kao ne te s u",
    "baltic": "ir un nav ar no uz kas lai vai tas ja iš yra su bei kad ne arba būti ka pa",
    "basque": "eta ez da du bat dira izan hau edo dute baina fitxategia ezin erabili ere",
    "vietnamese_words": "và của là có không được cho các một trong với để người này khi đã những từ trên bạn",
}
LANGUAGES = tuple(_WORDS)
"""The languages; the names are names of features."""
LANGUAGE_OF = {word: name for name in reversed(LANGUAGES) for word in _WORDS[name].split()}
"""Word in lower case -> the language it tells."""
