"""Jobs: one frozen `Config` and one `run(config, events) -> Result` each, used by the command line, Python and tests."""
