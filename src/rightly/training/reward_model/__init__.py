"""Training of a scalar reward model."""
