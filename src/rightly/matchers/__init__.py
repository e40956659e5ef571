"""Matchers: find which of a judge's reasons make the same point as which human reasons."""
