"""Prompt files: read them whole, compress their text or the requests they hold, and write them back unharmed."""
