"""Shared parts of all training runs: recipes as files, trainer arguments, checkpoints."""
