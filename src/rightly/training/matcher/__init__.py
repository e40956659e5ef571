"""Training of a matcher: a small cross-encoder."""
