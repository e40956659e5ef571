"""What every training run shares: recipes as files, trainer arguments, checkpoints."""
