"""Reliability of a matcher, measured on human links, voters' reasons and written probes."""
