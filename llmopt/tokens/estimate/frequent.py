"""Frequent runs of punctuation and of blanks in code, data and markup.

Vocabularies differ in which of them they hold as one token. The most frequent ones of the texts that the estimators
are fitted on, a line break behind a run of punctuation included.
"""

from __future__ import annotations

_PUNCTUATION = (
    r"""-- =" :// ", </ :: // -> "> (" ":" "," {" () ($ ), >< => ," /// ></ ', "/ {\ (' (/ ">< && == >, ): ]: __ ]("""
    r""" ). ); /* ){ -. [' ], :" =' := ?: (< ,- }) ... === \@ )) .\ || (( ") }{ }. [" #[ <- != '); }, (), "></ ({ ="_"""
    r""" ._ <% },{" "}, ${ "^ `` ": /% "% %% '%"""
)
_LINE_ENDS = (
    r""". ) } { ; , : > ", ); " */ ] }, ' * () ? /** "> (); ") )) ( ', | % ). ): /> ... [ }; '; "} ], ), ! >)"""
)
_BLANKS = (
    *("\n\n", "\n ", "\n  ", "\n    ", "\n     ", "\n      ", "\n        ", "\n          ", "\n            "),
    *(
        "\n                ",
        "\n\n  ",
        "\n\n    ",
        "\n\n        ",
        "\n\t",
        "\n\t\t",
        "\n\t\t\t",
        "\n\n\t",
        "\n\n\n",
        " \n",
    ),
    *("  ", "   ", "    ", "     ", "      ", "        ", "\r\n"),
)
FREQUENT = (*_PUNCTUATION.split(), *(f"{run}\n" for run in _LINE_ENDS.split()), *_BLANKS)
"""The runs; they are names of features too."""
