"""Run a command, servers and the fabric in separate Linux namespaces."""
