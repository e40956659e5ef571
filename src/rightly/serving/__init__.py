"""The reward server: one process that speaks the protocols of trainers."""
