"""Read target files and lists of web addresses."""
