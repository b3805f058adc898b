"""A provider's prompt cache, replayed: which prefixes requests share, and which of them are still warm."""
