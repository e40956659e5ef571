"""Matchers: which of a judge's reasons say what which human reasons say."""
