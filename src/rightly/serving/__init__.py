"""The reward server: one process, the protocols that trainers speak."""
