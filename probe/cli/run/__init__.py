"""Implement `probe run`, `probe doctor` and `probe consent`."""
