"""Logs that grow while they are priced, for `llmopt cost --follow`.

How the modules fit together: `tail` finds what is new in each `file` (or in a `stream`, such as stdin); `ticks` reads
it as one more part of the log, with records that later ones may repeat in `open_rows`; files that cannot be read in
pieces are read again by `whole`; `pace` says how fast money is spent.
"""
