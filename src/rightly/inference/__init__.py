"""Ask a language model: hosted, local or replayed, through one small protocol."""
