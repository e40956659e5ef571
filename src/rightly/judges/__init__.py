"""Who is better and why: generative judges, heuristics, held-out people, panels."""
