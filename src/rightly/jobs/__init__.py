"""Jobs: one frozen `Config` and one `run(config, events) -> Result` each, for the command line, Python and tests alike."""
