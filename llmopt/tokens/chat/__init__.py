"""Counting chat requests and responses: what formatting, tools and pictures add to the texts."""
