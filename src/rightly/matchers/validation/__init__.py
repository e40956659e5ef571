"""How reliable a matcher is: against people's links, voters' reasons and written probes."""
