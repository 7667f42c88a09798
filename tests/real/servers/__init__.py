"""One server per file: what it reads, written into its room, and its command line, in the foreground."""
