"""Training of a judge (generative reward model): imitation followed by GRPO."""
