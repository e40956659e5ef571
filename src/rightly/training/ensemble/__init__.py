"""Training of an ensemble whose score differences measure preference strength."""
