"""Measure what compression saves and what it keeps, on generated texts and on question-and-answer data."""
