"""Loaders of preference pairs: files, hub data sets, and the column families of published data."""
