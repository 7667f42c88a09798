"""Build the hosts, names and certificates of a scenario."""
