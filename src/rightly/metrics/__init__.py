"""Numbers from arrays: accuracy, agreement, intervals, paired tests. No torch, no models."""
