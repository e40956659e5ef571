"""Training of a judge (generative reward model): imitation, then GRPO."""
