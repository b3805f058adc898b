"""Prices: load them, find the model a logged name means, choose the row that held at a date."""
