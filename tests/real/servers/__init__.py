"""Configure one real server per file: write its configuration and return its command line, in the foreground."""
