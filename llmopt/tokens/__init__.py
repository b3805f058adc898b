"""Token counts from text, offline."""
