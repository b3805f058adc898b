"""Keep what a query needs, within an exact budget of tokens."""
