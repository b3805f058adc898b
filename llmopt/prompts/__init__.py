"""Fewer prompt tokens with nothing lost that matters: parse, protect, shorten by rules, verify, select, account.

Text flows one way: `segments` says what each part of a text is and what may not be touched; `passes` propose edits;
`engine` applies them, verifies each pass (`verify`), and undoes what fails; `select` keeps what a query needs within a
budget of tokens; `result` accounts for every removal.
"""
