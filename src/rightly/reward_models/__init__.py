"""A number for a response: loading, packing, scoring, checking and saving scalar reward models."""
