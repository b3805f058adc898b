"""Counting whole files: what is behind some paths, as texts or as chat requests."""
