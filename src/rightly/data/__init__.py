"""Loaders of preference pairs: files, hub datasets, the column families that peers use."""
