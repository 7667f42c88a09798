"""Run a command in namespaces of its own."""
