"""Log lines: which must stay as they are, and how to write the others by their templates."""
