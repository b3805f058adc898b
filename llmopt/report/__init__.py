"""Showing results: a result becomes one neutral `Report`, and one renderer a format turns that into text."""
