"""The fast path: packed sequences that share their prompt, attention kernels for them, pruned last layers."""
