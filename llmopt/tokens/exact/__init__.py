"""Exact counts by public byte-pair vocabularies."""
