"""Read scenario files and their expectations."""
