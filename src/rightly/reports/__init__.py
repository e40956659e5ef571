"""Reports from records: a self-contained HTML file and a terminal summary."""
