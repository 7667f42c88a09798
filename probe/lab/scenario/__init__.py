"""Read scenario files and compare verdicts with their expectations."""
