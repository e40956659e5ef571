"""Judges that say which response is better and why: generative judges, heuristics, held-out annotators, panels."""
