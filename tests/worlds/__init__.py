"""Measure what the analysis promises on made-up worlds with known truth."""
