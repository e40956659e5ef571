"""Preference strength: what the score differences of reward models say of the quality of each pair. Arrays only."""
